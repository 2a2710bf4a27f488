//! `list` with days: what takes place in them, overrides applied, in order. And when one item
//! next takes place.

use pimesh_crdt::item::register::Stored;
use pimesh_crdt::item::{Item, key, kind};
use pimesh_crdt::store::{Filter, ItemRow, Order, Page, Store};
use pimesh_crdt::text::escape;
use pimesh_crdt::time::{
    Allowance, Expansion, Flag, Instant, Local, Moment, Occurrence, Window, Zone, Zones, expand,
    expand_in,
};
use pimesh_crdt::{BlobHash, CollectionId};

use super::words;
use crate::api::{Agenda, AgendaEntry, Failure, FlaggedItem, Kind};
use crate::engine::items::{Words, kind_word, shown};
use crate::engine::who::now;
use crate::engine::{EngineError, collections};

/// Occurrences that one list collects: a calendar of years.
const MOST_COLLECTED: usize = 100_000;

/// Items that are named with a reservation.
const MOST_FLAGGED: usize = 200;

/// How far a zone can be from another, and a day more, in seconds.
const DAYS_AROUND: i64 = 2 * DAY;
const DAY: i64 = 86_400;

/// How far ahead the next time is looked for, in days: first near, then far.
const AHEAD: [i64; 2] = [62, 3660];

/// What is asked for.
pub(in crate::engine) struct Days {
    pub(in crate::engine) collection: Option<String>,
    pub(in crate::engine) kind: Kind,
    pub(in crate::engine) from: String,
    pub(in crate::engine) to: String,
    pub(in crate::engine) zone: Option<String>,
    pub(in crate::engine) limit: Option<usize>,
}

/// What takes place in these days.
pub(in crate::engine) fn agenda(store: &Store, days: &Days) -> Result<Agenda, EngineError> {
    let (zone, viewer) = viewer(days.zone.as_deref())?;
    let (from, last) = (day(&days.from)?, day(&days.to)?);
    if last < from {
        let message = format!("{} is before {}", days.to, days.from);
        return Err(Failure::usage(message).into());
    }
    let to = Local(last.0 + DAY);
    let mut list = List {
        window: Window::new(from, to, &viewer),
        viewer,
        found: Vec::new(),
        flagged: Vec::new(),
        cut: false,
    };
    let words = Words::of(store)?;
    let blobs = |hash: BlobHash| store.blob(hash).ok().flatten();
    let nothing = |_: BlobHash| None::<Vec<u8>>;
    let (zones, names_only) = (Zones::new(&blobs), Zones::new(&nothing));
    let mut allowance = Allowance::default();
    for row in rows(store, days)? {
        if !may_be_within(&row, from, to) {
            continue;
        }
        if list.found.len() >= MOST_COLLECTED {
            list.cut = true;
            break;
        }
        let item = shown(store, &row)?.item;
        // when hostile items have used up what there is, the others go on without descriptions
        let zones = if allowance.is_spent() {
            &names_only
        } else {
            &zones
        };
        let before = zones.steps();
        let expansion = expand_in(&item, zones, list.window, allowance.of_one());
        allowance.spend(expansion.steps);
        allowance.spend_on_zones(zones.steps() - before);
        list.take(&words, &row, &item, &expansion);
    }
    list.found.sort_by(|a, b| a.0.cmp(&b.0));
    let total = list.found.len() as u64;
    let most = days.limit.unwrap_or(usize::MAX);
    let occurrences = list.found.into_iter().take(most);
    Ok(Agenda {
        from: days.from.clone(),
        to: days.to.clone(),
        zone,
        occurrences: occurrences.map(|(_, entry)| entry).collect(),
        total,
        cut: list.cut,
        flagged: list.flagged,
    })
}

/// Where an entry stands in the list.
type Place = (i64, i64, String);

struct List {
    window: Window,
    viewer: Zone,
    found: Vec<(Place, AgendaEntry)>,
    flagged: Vec<FlaggedItem>,
    cut: bool,
}

impl List {
    fn take(&mut self, words: &Words, row: &ItemRow, item: &Item, expansion: &Expansion) {
        let before = self.found.len();
        for one in expansion.occurrences.iter().chain(&expansion.orphans) {
            if self.window.holds(one.start, one.end) {
                let place = (
                    position(one.start, &self.viewer),
                    position(one.end, &self.viewer),
                    row.doc.to_string(),
                );
                let entry = entry(words, row, item, expansion, one, &self.viewer);
                self.found.push((place, entry));
            }
        }
        let hides = expansion.flags.iter().any(Flag::hides_occurrences);
        self.cut |= hides;
        let is_told = hides || self.found.len() > before;
        if is_told && !expansion.flags.is_empty() && self.flagged.len() < MOST_FLAGGED {
            self.flagged.push(FlaggedItem {
                item: words.short(row.doc),
                name: row.name.clone(),
                uid: row.uid.clone(),
                flags: expansion.flags.iter().map(words::flag).collect(),
            });
        }
    }
}

/// When an item next takes place, from now on, on the clock of this device.
pub(in crate::engine) fn next(
    store: &Store,
    words: &Words,
    row: &ItemRow,
    item: &Item,
) -> Option<AgendaEntry> {
    let (_, viewer) = viewer(None).ok()?;
    let at = Instant(i64::try_from(now().0 / 1000).ok()?);
    let today = viewer.local(at);
    let blobs = |hash: BlobHash| store.blob(hash).ok().flatten();
    let zones = Zones::new(&blobs);
    AHEAD.into_iter().find_map(|days| {
        let end = Local(today.0 + days * DAY);
        let window = Window::new(today.midnight(), end, &viewer);
        let expansion = expand(item, &zones, window);
        let all = expansion.occurrences.iter().chain(&expansion.orphans);
        let ahead = all.filter(|one| {
            let is_ahead = match one.start {
                Moment::Date(day) => day >= today.midnight(),
                Moment::Floating(local) => local >= today,
                Moment::At(start) => start >= at,
            };
            is_ahead && !one.cancelled && window.holds(one.start, one.end)
        });
        let first = ahead.min_by_key(|one| position(one.start, &viewer))?;
        Some(entry(words, row, item, &expansion, first, &viewer))
    })
}

fn entry(
    words: &Words,
    row: &ItemRow,
    item: &Item,
    expansion: &Expansion,
    one: &Occurrence,
    viewer: &Zone,
) -> AgendaEntry {
    let by = one.by.as_deref();
    let is_in_question = by.is_some_and(|by| {
        let is = |id: &str| id == by;
        expansion.called_off.iter().any(|off| is(&off.id))
            || expansion.doubled.iter().any(|two| is(&two.shown))
            || expansion.orphans.iter().any(|orphan| orphan == one)
    });
    let title = by.and_then(|by| title(item, by));
    AgendaEntry {
        id: words.short(row.doc),
        doc: row.doc.to_string(),
        collection: words.collection(row.collection),
        kind: kind_word(&row.kind).to_owned(),
        name: title.unwrap_or_else(|| row.name.clone()),
        start: words::moment(one.start, viewer),
        end: words::moment(one.end, viewer),
        zone: one.tzid.as_deref().map(str::to_owned),
        recurring: row.recurring,
        occurrence: by.map(words::occurrence),
        cancelled: one.cancelled,
        in_question: is_in_question,
    }
}

/// What an override is called, where it has a title of its own.
pub(super) fn title(item: &Item, rid: &str) -> Option<String> {
    let stored = item.value(&key::in_override(rid, "SUMMARY"))?;
    let title = escape::unescape(Stored::read(stored).value);
    let title = title.trim();
    (!title.is_empty()).then(|| title.to_owned())
}

/// Where a moment stands in a list; days and local times on the clock of the one who looks.
fn position(at: Moment, viewer: &Zone) -> i64 {
    match at {
        Moment::Date(local) | Moment::Floating(local) => viewer.instant(local).0,
        Moment::At(at) => at.0,
    }
}

fn rows(store: &Store, days: &Days) -> Result<Vec<ItemRow>, EngineError> {
    let collection = match &days.collection {
        Some(name) => Some(collections::named(store, name)?.class),
        None => None,
    };
    let kinds: Vec<String> = match days.kind {
        Kind::Events => vec![kind::VEVENT.into()],
        Kind::Tasks => vec![kind::VTODO.into()],
        Kind::All => vec![kind::VEVENT.into(), kind::VTODO.into()],
        Kind::Contacts => return Ok(Vec::new()),
    };
    let filter = Filter {
        collection,
        kinds,
        ..Filter::default()
    };
    let mut rows = store.list(&filter, Order::Start, Page::ALL)?;
    rows.retain(|row| row.collection != CollectionId::MESH);
    Ok(rows)
}

/// False where the row alone says that an item is not in these days. What is long without
/// saying its end, and what recurs, may be.
fn may_be_within(row: &ItemRow, from: Local, to: Local) -> bool {
    let day = |digits: &str| digits.get(..8).and_then(read_day);
    let Some(start) = day(&row.start) else {
        return true; // too long for a row, or only in its occurrences
    };
    let ends_before = || day(&row.end).is_some_and(|end| end.0 < from.0 - DAYS_AROUND);
    row.recurring || (start.0 < to.0 + DAYS_AROUND && !ends_before())
}

fn read_day(digits: &str) -> Option<Local> {
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<i64>().ok();
    Local::date(number(0, 4)?, number(4, 6)?, number(6, 8)?)
}

fn day(text: &str) -> Result<Local, EngineError> {
    let wrong = || Failure::usage(format!("{text:?} is not a day like 2026-11-22")).into();
    let is_plain = text.len() == 10 && text.is_ascii();
    let read = read_day(&text.replace('-', ""));
    read.filter(|_| is_plain).ok_or_else(wrong)
}

/// The zone that a list is shown in.
fn viewer(zone: Option<&str>) -> Result<(String, Zone), EngineError> {
    if let Some(name) = zone {
        let found = Zone::named(name).map(|zone| (name.to_owned(), zone));
        return found.ok_or_else(|| {
            Failure::usage(format!("there is no time zone {name:?}"))
                .hint("write it like Europe/Berlin")
                .into()
        });
    }
    let system = jiff::tz::TimeZone::system();
    let named = system.iana_name().and_then(|name| {
        let zone = Zone::named(name)?;
        Some((name.to_owned(), zone))
    });
    Ok(named.unwrap_or_else(|| ("UTC".to_owned(), Zone::UTC)))
}
