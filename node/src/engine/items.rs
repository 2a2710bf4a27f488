//! Reading for people: lists, one item.

use std::collections::BTreeMap;

use pimesh_crdt::doc::{Document, Shown};
use pimesh_crdt::item::register::Stored;
use pimesh_crdt::item::{Item as Domain, key, kind, names};
use pimesh_crdt::render::render;
use pimesh_crdt::store::{Filter, ItemRow, Life, Order, Page, ShortIds, Store};
use pimesh_crdt::text::line::Line;
use pimesh_crdt::{BlobHash, CollectionId};

use super::people::{People, properties_of};
use super::{EngineError, collections, conflicts, times};
use crate::api::{Failure, Item, ItemSummary, Items, Kind, Property};

/// Names of collections and devices, and how much of an id names an item: what turns rows
/// into words.
pub(super) struct Words {
    collections: BTreeMap<CollectionId, String>,
    devices: BTreeMap<String, String>,
    short: ShortIds,
    /// The beginning of this device's id.
    own: String,
    pub(super) people: People,
}

impl Words {
    pub(super) fn of(store: &Store) -> Result<Self, EngineError> {
        let collections = store
            .collections()?
            .into_iter()
            .map(|c| (c.id, c.name))
            .collect();
        let devices = store
            .devices()?
            .into_iter()
            .map(|device| (device.id.to_string()[..8].to_owned(), device.name))
            .collect();
        Ok(Self {
            collections,
            devices,
            short: store.short_ids()?,
            own: store.origin().device.to_string()[..8].to_owned(),
            people: People::of(store)?,
        })
    }

    pub(super) fn collection(&self, id: CollectionId) -> String {
        self.collections.get(&id).cloned().unwrap_or_default()
    }

    pub(super) fn short(&self, doc: pimesh_crdt::DocId) -> String {
        self.short.of(doc)
    }

    pub(super) fn summary(&self, row: &ItemRow) -> ItemSummary {
        ItemSummary {
            id: self.short.of(row.doc),
            doc: row.doc.to_string(),
            collection: self.collection(row.collection),
            kind: kind_word(&row.kind).to_owned(),
            uid: row.uid.clone(),
            name: row.name.clone(),
            start: moment(&row.start),
            end: moment(&row.end),
            recurring: row.recurring,
            cancelled: row.cancelled,
            conflicts: u64::from(row.conflicts),
            linked: (self.people.others(row.doc).into_iter())
                .map(|other| self.short.of(other))
                .collect(),
        }
    }

    /// What a list shows of the person or item whose row this is.
    fn summary_of_person(&self, row: &ItemRow) -> ItemSummary {
        let all = self.people.items_of(row);
        ItemSummary {
            conflicts: all.iter().map(|row| u64::from(row.conflicts)).sum(),
            ..self.summary(row)
        }
    }

    /// What a device is called, by the beginning of its id.
    pub(super) fn device(&self, beginning: &str) -> String {
        match self.devices.get(beginning).filter(|name| !name.is_empty()) {
            Some(name) => name.clone(),
            None if self.own == beginning => "this device".to_owned(),
            None => beginning.to_owned(),
        }
    }
}

/// A date or time as written (`20261122T100000[Zone]`), in the form of `ItemSummary::start`.
pub(super) fn moment(written: &str) -> Option<String> {
    let (value, zone) = written
        .split_once('[')
        .map_or((written, ""), |(value, zone)| (value, zone));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let bytes = value.as_bytes();
    let date = value.get(..8).filter(|date| digits(date));
    match (date, bytes.len()) {
        _ if value.is_empty() => None,
        (Some(d), 8) => Some(format!("{}-{}-{}", &d[..4], &d[4..6], &d[6..])),
        (Some(d), 15 | 16) if bytes[8] == b'T' && value.get(9..15).is_some_and(digits) => {
            let (t, utc) = (&value[9..15], if bytes.len() == 16 { "Z" } else { "" });
            let zone = if zone.is_empty() {
                String::new()
            } else {
                format!("[{zone}")
            };
            Some(format!(
                "{}-{}-{}T{}:{}:{}{utc}{zone}",
                &d[..4],
                &d[4..6],
                &d[6..],
                &t[..2],
                &t[2..4],
                &t[4..]
            ))
        }
        _ => Some(written.to_owned()),
    }
}

pub(super) fn kind_word(kind: &str) -> &str {
    match kind {
        kind::VCARD => "contact",
        kind::VEVENT => "event",
        kind::VTODO => "task",
        other => other,
    }
}

/// What a list asks for.
pub(super) struct Wanted {
    pub(super) collection: Option<String>,
    pub(super) kind: Kind,
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
    pub(super) limit: Option<usize>,
}

pub(super) fn list(store: &Store, wanted: &Wanted) -> Result<Items, EngineError> {
    let collection = match &wanted.collection {
        Some(name) => Some(collections::named(store, name)?.class),
        None => None,
    };
    let filter = Filter {
        collection,
        kinds: match wanted.kind {
            Kind::Contacts => vec![kind::VCARD.into()],
            Kind::Events => vec![kind::VEVENT.into()],
            Kind::Tasks => vec![kind::VTODO.into()],
            Kind::All => Vec::new(),
        },
        ..Filter::default()
    };
    let day = |day: &Option<String>| day.as_ref().map(|day| day.replace('-', ""));
    let (from, to) = (day(&wanted.from), day(&wanted.to));
    let in_days = |row: &ItemRow| {
        if from.is_none() && to.is_none() {
            return true;
        }
        let (start, end) = (row.start.get(..8), row.end.get(..8).or(row.start.get(..8)));
        let (Some(start), Some(end)) = (start, end) else {
            return false;
        };
        to.as_deref().is_none_or(|to| start <= to)
            && (row.recurring || from.as_deref().is_none_or(|from| end >= from))
    };
    let order = if from.is_some() || to.is_some() || wanted.kind == Kind::Events {
        Order::Start
    } else {
        Order::Name
    };
    let rows: Vec<ItemRow> = store
        .list(&filter, order, Page::ALL)?
        .into_iter()
        .filter(|row| row.collection != CollectionId::MESH && in_days(row))
        .collect();
    let may_lead = |row: &ItemRow| collection.is_none_or(|wanted| row.collection == wanted);
    told(store, rows, wanted.limit, may_lead)
}

/// What a list shows of items: each person once.
pub(super) fn told(
    store: &Store,
    rows: Vec<ItemRow>,
    limit: Option<usize>,
    may_lead: impl Fn(&ItemRow) -> bool,
) -> Result<Items, EngineError> {
    let words = Words::of(store)?;
    let rows = words.people.one_each(rows, may_lead);
    let most = limit.unwrap_or(usize::MAX);
    Ok(Items {
        total: rows.len() as u64,
        items: (rows.iter().take(most))
            .map(|row| words.summary_of_person(row))
            .collect(),
    })
}

/// The one living item that a person names by its id or a beginning of it; `COLLECTION/ID`
/// where it is in two collections.
pub(super) fn find(store: &Store, wanted: &str) -> Result<ItemRow, EngineError> {
    find_with(store, wanted, Life::Alive)
}

/// As [`find`], among the living, the deleted or both.
pub(super) fn find_with(store: &Store, wanted: &str, life: Life) -> Result<ItemRow, EngineError> {
    let (within, id) = match wanted.trim().rsplit_once('/') {
        Some((name, id)) => (Some(collections::named(store, name)?.class), id),
        None => (None, wanted.trim()),
    };
    let mut rows: Vec<ItemRow> = store
        .find(&id.to_ascii_lowercase())?
        .into_iter()
        .filter(|row| match life {
            Life::Alive => row.live,
            Life::Deleted => !row.live,
            Life::Any => true,
        })
        .filter(|row| row.collection != CollectionId::MESH)
        .filter(|row| within.is_none_or(|within| row.collection == within))
        .collect();
    match rows.len() {
        1 => Ok(rows.remove(0)),
        0 => {
            let (message, hint) = match life {
                Life::Deleted => ("no deleted item", "pimesh trash shows the ids"),
                Life::Alive | Life::Any => (
                    "no item",
                    "pimesh list and pimesh search show the ids, pimesh trash those of deleted items",
                ),
            };
            Err(Failure::not_found(format!("there is {message} {wanted:?}"))
                .hint(hint)
                .into())
        }
        n => {
            let words = Words::of(store)?;
            let names: Vec<String> = rows
                .iter()
                .take(5)
                .map(|row| {
                    let (collection, id) = (words.collection(row.collection), words.short(row.doc));
                    format!("\"{collection}/{id}\" ({})", row.name)
                })
                .collect();
            Err(Failure::usage(format!("{n} items begin with {id:?}"))
                .hint(format!("give one of: {}", names.join(", ")))
                .into())
        }
    }
}

/// A document as it is stored now.
pub(super) fn document(store: &Store, row: &ItemRow) -> Result<Document, EngineError> {
    Ok(store.document(row.collection, row.doc)?)
}

pub(super) fn shown(store: &Store, row: &ItemRow) -> Result<Shown, EngineError> {
    Ok(document(store, row)?.view().shown())
}

pub(super) fn show(store: &Store, wanted: &str) -> Result<Item, EngineError> {
    let row = find(store, wanted)?;
    let document = document(store, &row)?;
    let shown = document.view().shown();
    let words = Words::of(store)?;
    let blobs = |hash: BlobHash| store.blob(hash).ok().flatten();
    let text = render(&shown.item, &blobs).text;
    let (mut found, mut next) = (times::InQuestion::default(), None);
    if times::has_times(&shown.item) {
        let mut examiner = times::Examiner::default();
        let item = &shown.item;
        found = times::InQuestion::of(store, &words, &row, &document, item, &mut examiner)?;
        next = times::next(store, &words, &row, item).map(Box::new);
    }
    let rows = words.people.items_of(&row);
    let (mut items, mut clashes) = (Vec::new(), Vec::new());
    for member in &rows {
        let shown = self::shown(store, member)?;
        clashes.extend(conflicts::of_item(store, &words, member, &shown)?);
        items.push((words.short(member.doc), shown.item));
    }
    let others = rows.iter().filter(|member| member.doc != row.doc);
    Ok(Item {
        summary: words.summary(&row),
        linked: others.map(|other| words.summary(other)).collect(),
        properties: properties_of(&items),
        conflicts: clashes,
        occurrences: found.conflicts.into_iter().map(|(_, told)| told).collect(),
        next,
        flags: found.flags,
        text,
    })
}

/// The properties of an item, as a person or script reads them: a register of several is
/// told line by line, an alarm or unknown component whole. It does not say of which item.
pub(super) fn properties(item: &Domain) -> Vec<Property> {
    let mut out = Vec::new();
    for (at, stored) in &item.values {
        let (rid, rest) = key::split_override(at);
        if rest.starts_with('~') {
            continue;
        }
        let name = key::name(at);
        let mut tell = |name: &str, params: &str, value: &str| {
            out.push(Property {
                key: at.clone(),
                name: names::written(name).to_owned(),
                occurrence: rid.map(|rid| rid.replace("%2F", "/").replace("%25", "%")),
                params: params.to_owned(),
                value: value.to_owned(),
                items: Vec::new(),
            });
        };
        if matches!(name, key::WHEN | key::DONE | key::NAME) {
            for line in stored.split('\n').filter_map(Line::read) {
                if !line.name.starts_with('~') {
                    tell(line.name, line.params, line.value);
                }
            }
        } else if name == "ALARM" || name.starts_with("C/") {
            tell(name, "", stored);
        } else {
            let read = Stored::read(stored);
            tell(name, read.params, read.value);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::moment;

    #[test]
    fn dates_and_times_are_told_as_scripts_read_them() {
        assert_eq!(moment("20261122").as_deref(), Some("2026-11-22"));
        assert_eq!(
            moment("20261122T100000Z").as_deref(),
            Some("2026-11-22T10:00:00Z")
        );
        let zoned = moment("20261122T100000[Europe/Berlin]");
        assert_eq!(zoned.as_deref(), Some("2026-11-22T10:00:00[Europe/Berlin]"));
        assert_eq!(moment(""), None);
        assert_eq!(moment("tomorrow").as_deref(), Some("tomorrow"));
    }
}
