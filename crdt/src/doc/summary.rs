//! What lists and queries need to know of a document, without reading it again.

use super::invitation::{Mark, REPLY};
use super::sealed::{Operation, Writes};
use super::{DocError, Document, Parts, Shown, View};
use crate::ChangeHash;
use crate::item::register::Stored;
use crate::item::{Item, key};
use crate::text::escape;
use crate::text::line::Line;

/// The longest search text of an item, in bytes.
const LONGEST_SEARCH: usize = 240;

/// The longest name in a list, in bytes.
const LONGEST_NAME: usize = 200;

/// The derived row of one document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The kind of the item.
    pub kind: String,
    /// Its UID as written.
    pub uid: String,
    /// Whether it is alive.
    pub live: bool,
    /// What a person calls it.
    pub name: String,
    /// The value of DTSTART (or DUE) as written, and its TZID in brackets; empty where none.
    pub start: String,
    /// The value of DTEND or DUE as written, and its TZID in brackets; empty where none.
    pub end: String,
    /// Whether it recurs, or holds occurrences of what does.
    pub recurring: bool,
    /// Whether it was called off as a whole.
    pub cancelled: bool,
    /// Lower-cased words to look for besides the name: addresses, numbers, places.
    pub search: String,
    /// How many registers clash.
    pub conflicts: u32,
    /// The changes that no other names, sorted.
    pub heads: Vec<ChangeHash>,
}

/// The derived row of a document, from all its changes in any order.
pub fn summarise(changes: &[Vec<u8>]) -> Result<Summary, DocError> {
    let document = Document::load(changes.iter().map(Vec::as_slice))?;
    Ok(document.summary())
}

impl Summary {
    /// The derived row of a document that has this change alone.
    pub(super) fn of_first(change: &Parts) -> Self {
        match Fields::plain(&change.ops) {
            Some(fields) => Self::of_fields(&fields, change.hash),
            None => {
                let view = View::of(std::iter::once(change));
                Self::of_shown(&view.shown(), vec![change.hash])
            }
        }
    }

    /// Likewise, where nothing in the change depends on another.
    pub(super) fn of_fields(fields: &Fields<'_>, hash: ChangeHash) -> Self {
        let when = When::of(fields);
        Self {
            kind: fields.kind.to_owned(),
            uid: fields.uid.to_owned(),
            live: fields.live,
            name: cut(name(fields), LONGEST_NAME),
            start: written(when.start.or(when.due)),
            end: written(when.end.or(when.due)),
            recurring: when.rule.is_some_and(|rule| !rule.value.trim().is_empty())
                || (fields.values.iter())
                    .any(|(at, _)| at.starts_with("RDATE#") || at.starts_with("R/")),
            cancelled: is_cancelled(fields),
            search: search(fields),
            conflicts: 0,
            heads: vec![hash],
        }
    }

    fn of_shown(shown: &Shown, heads: Vec<ChangeHash>) -> Self {
        let fields = Fields::of_item(&shown.item, shown.live);
        Self {
            conflicts: u32::try_from(shown.conflicts.len()).unwrap_or(u32::MAX),
            heads,
            ..Self::of_fields(&fields, ChangeHash([0; 32]))
        }
    }
}

impl Document {
    /// The derived row.
    pub fn summary(&self) -> Summary {
        Summary::of_shown(&self.view().shown(), self.heads())
    }
}

/// An item that is shown, as borrowed pieces in the order of its keys.
pub(super) struct Fields<'a> {
    kind: &'a str,
    uid: &'a str,
    live: bool,
    values: Vec<(&'a str, &'a str)>,
}

impl<'a> Fields<'a> {
    fn of_item(item: &'a Item, live: bool) -> Self {
        Self {
            kind: &item.kind,
            uid: &item.uid,
            live,
            values: (item.values.iter())
                .map(|(at, value)| (at.as_str(), value.as_str()))
                .collect(),
        }
    }

    /// What these operations show by themselves. Nothing where that takes more than reading
    /// them: something is written twice, ended, or decided by mail.
    pub(super) fn plain<O: Operation>(ops: &'a [O]) -> Option<Self> {
        let is_plain = ops.windows(2).all(|two| two[0].key() < two[1].key())
            && ops.iter().all(|op| is_plain(op, ops));
        if !is_plain {
            return None;
        }
        let mut fields = Self {
            kind: "",
            uid: "",
            live: false,
            values: Vec::with_capacity(ops.len()),
        };
        for op in ops {
            match (op.key(), op.writes()) {
                (key::LIVE, _) => fields.live = true,
                ("~kind", Writes::Text(text)) => fields.kind = text,
                ("UID", Writes::Text(text)) => fields.uid = text,
                ("~v", _) | (_, Writes::Number(_) | Writes::Nothing) => {}
                (at, Writes::Text(text)) => {
                    if key::split_override(at).1 != key::LIVE {
                        fields.values.push((at, text));
                    }
                }
            }
        }
        Some(fields)
    }

    fn value(&self, at: &str) -> Option<&'a str> {
        let place = self.values.binary_search_by(|(key, _)| (*key).cmp(at));
        place.ok().map(|place| self.values[place].1)
    }
}

fn is_plain<O: Operation>(op: &O, all: &[O]) -> bool {
    let (rid, rest) = key::split_override(op.key());
    let lives = |rid| {
        let at = key::in_override(rid, key::LIVE);
        all.binary_search_by(|op| op.key().cmp(&at)).is_ok()
    };
    op.pred().is_empty()
        && op.writes() != Writes::Nothing
        && !rest.ends_with(Mark::KEY)
        && !rest.starts_with(REPLY)
        && rid.is_none_or(|rid| !matches!(rest, "~kind" | "UID" | "~v") && lives(rid))
}

/// What lists call an item, cut where it is very long.
pub fn display_name(item: &Item) -> String {
    cut(name(&Fields::of_item(item, true)), LONGEST_NAME)
}

/// What a person calls an item: FN, else N; SUMMARY; the first override's where there is only
/// that.
fn name(item: &Fields<'_>) -> String {
    let plain = |stored: &str| escape::unescape(Stored::read(stored).value);
    if let Some(name) = item.value(key::NAME) {
        let of = |wanted: &str| {
            name.split('\n')
                .filter(|line| may_be(line, wanted))
                .filter_map(Line::read)
                .find(|line| line.name == wanted && !line.value.trim().is_empty())
                .map(|line| line.value)
        };
        if let Some(fn_) = of("FN") {
            return escape::unescape(fn_).trim().to_owned();
        }
        if let Some(n) = of("N") {
            let parts: Vec<String> = escape::split(n, ';')
                .into_iter()
                .map(escape::unescape)
                .collect();
            let part = |i: usize| parts.get(i).map_or("", |part| part.trim());
            let whole = [part(3), part(1), part(2), part(0), part(4)];
            let whole: Vec<&str> = whole.into_iter().filter(|part| !part.is_empty()).collect();
            if !whole.is_empty() {
                return whole.join(" ");
            }
        }
    }
    let fallback = [
        "FN",
        "SUMMARY",
        "ORG",
        "NICKNAME",
        "EMAIL",
        "TEL",
        "DESCRIPTION",
        "TZID",
    ];
    // the item's own before an override's, then the first of these names, then the first key
    let rank = |at: &str| {
        let (rid, rest) = key::split_override(at);
        let is_candidate = rest.starts_with(|letter: char| "FSONETDC".contains(letter));
        let name = is_candidate.then(|| key::name(at))?;
        let place = fallback.iter().position(|wanted| *wanted == name)?;
        Some((rid.is_some(), place))
    };
    let mut best: Option<((bool, usize), &str)> = None;
    for (at, value) in &item.values {
        if let Some(rank) = rank(at)
            && best.is_none_or(|(known, _)| rank < known)
        {
            best = Some((rank, value));
        }
    }
    let found = best.map(|(_, value)| plain(value));
    found
        .unwrap_or_default()
        .replace('\n', " ")
        .trim()
        .to_owned()
}

/// The first line of each of these properties in `WHEN`; an override's where there is no master.
#[derive(Default)]
struct When<'a> {
    start: Option<Line<'a>>,
    end: Option<Line<'a>>,
    due: Option<Line<'a>>,
    rule: Option<Line<'a>>,
}

impl<'a> When<'a> {
    fn of(item: &Fields<'a>) -> Self {
        let mut out = Self::default();
        let when = item.value(key::WHEN).or_else(|| {
            let mut values = item.values.iter();
            let found = values.find(|(at, _)| key::name(at) == key::WHEN);
            found.map(|(_, value)| *value)
        });
        for line in when.into_iter().flat_map(|when| when.split('\n')) {
            if !may_be(line, "D") && !may_be(line, "R") {
                continue;
            }
            let Some(line) = Line::read(line) else {
                continue;
            };
            let place = match line.name {
                "DTSTART" => &mut out.start,
                "DTEND" => &mut out.end,
                "DUE" => &mut out.due,
                "RRULE" => &mut out.rule,
                _ => continue,
            };
            place.get_or_insert(line);
        }
        out
    }
}

/// True where STATUS says that the whole item is off.
fn is_cancelled(item: &Fields<'_>) -> bool {
    let is_off = |value: &str| value.trim().eq_ignore_ascii_case("CANCELLED");
    let status = item.value("STATUS");
    let done = item.value(key::DONE).unwrap_or_default();
    let lines = done.split('\n').filter(|line| may_be(line, "STATUS"));
    status.is_some_and(|stored| is_off(Stored::read(stored).value))
        || lines
            .filter_map(Line::read)
            .any(|line| line.name == "STATUS" && is_off(line.value))
}

/// A moment as written, and its TZID in brackets; empty where there is none.
fn written(line: Option<Line<'_>>) -> String {
    let Some(line) = line else {
        return String::new();
    };
    let value = first(line.value.trim(), 40);
    match line.parameters().value_of("TZID") {
        Some(tzid) => [value, "[", first(tzid, 80), "]"].concat(),
        None => value.to_owned(),
    }
}

/// False for most lines of another name, which need not be taken apart.
fn may_be(line: &str, name: &str) -> bool {
    line.starts_with(name) || line.as_bytes().contains(&b'.')
}

/// So many letters at most.
fn first(text: &str, letters: usize) -> &str {
    let end = text.char_indices().nth(letters);
    &text[..end.map_or(text.len(), |(at, _)| at)]
}

fn search(item: &Fields<'_>) -> String {
    let mut out = String::new();
    for &(at, stored) in &item.values {
        let may_be = |letter: char| "ETONLC".contains(letter);
        let wanted = key::split_override(at).1.starts_with(may_be)
            && matches!(
                key::name(at),
                "EMAIL" | "TEL" | "ORG" | "NICKNAME" | "LOCATION" | "CATEGORIES"
            );
        if wanted && out.len() < LONGEST_SEARCH && !stored.starts_with("@@") {
            let value = Stored::read(stored).value;
            if value.is_ascii() && !value.contains('\\') {
                let from = out.len();
                out.push_str(value.trim());
                out[from..].make_ascii_lowercase();
            } else {
                out.push_str(escape::unescape(value).to_lowercase().trim());
            }
            out.push(' ');
        }
    }
    out.pop();
    cut(out, LONGEST_SEARCH)
}

fn cut(mut text: String, most: usize) -> String {
    if text.len() > most {
        let end = (0..=most)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        text.truncate(end);
    }
    text
}
