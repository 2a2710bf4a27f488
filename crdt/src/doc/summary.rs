//! What lists and queries need to know of a document, without reading it again.

use super::{DocError, Document};
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
    /// Whether it recurs.
    pub recurring: bool,
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

impl Document {
    /// The derived row.
    pub fn summary(&self) -> Summary {
        let shown = self.view().shown();
        let item = &shown.item;
        Summary {
            kind: item.kind.clone(),
            uid: item.uid.clone(),
            live: shown.live,
            name: display_name(item),
            start: of_when(item, &["DTSTART", "DUE"]),
            end: of_when(item, &["DTEND", "DUE"]),
            recurring: !of_when(item, &["RRULE"]).is_empty()
                || item.values.keys().any(|at| at.starts_with("RDATE#")),
            search: search(item),
            conflicts: u32::try_from(shown.conflicts.len()).unwrap_or(u32::MAX),
            heads: self.heads(),
        }
    }
}

/// What lists call an item, cut where it is very long.
pub fn display_name(item: &Item) -> String {
    cut(name(item), LONGEST_NAME)
}

/// What a person calls an item: FN, else N; SUMMARY; the first override's where there is only
/// that.
pub(crate) fn name(item: &Item) -> String {
    let plain = |stored: &str| escape::unescape(Stored::read(stored).value);
    if let Some(name) = item.value(key::NAME) {
        let of = |wanted: &str| {
            name.split('\n')
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
    let of = |wanted: &str, is_master: bool| {
        item.values
            .iter()
            .find(|(at, _)| {
                key::name(at) == wanted && key::split_override(at).0.is_none() == is_master
            })
            .map(|(_, value)| plain(value))
    };
    let found = fallback.into_iter().find_map(|wanted| of(wanted, true));
    let found = found.or_else(|| fallback.into_iter().find_map(|wanted| of(wanted, false)));
    found
        .unwrap_or_default()
        .replace('\n', " ")
        .trim()
        .to_owned()
}

/// The value of the first of these properties in `WHEN`; an override's where there is no master.
fn of_when(item: &Item, wanted: &[&str]) -> String {
    let when = item.value(key::WHEN).or_else(|| {
        item.values
            .iter()
            .find(|(at, _)| key::name(at) == key::WHEN)
            .map(|(_, v)| v.as_str())
    });
    let Some(when) = when else {
        return String::new();
    };
    wanted
        .iter()
        .find_map(|name| {
            when.split('\n')
                .filter_map(Line::read)
                .find(|line| line.name == *name)
        })
        .map_or_else(String::new, |line| {
            let value: String = line.value.trim().chars().take(40).collect();
            match line.parameters().value_of("TZID") {
                Some(tzid) => format!("{value}[{}]", tzid.chars().take(80).collect::<String>()),
                None => value,
            }
        })
}

fn search(item: &Item) -> String {
    let mut out = String::new();
    for (at, stored) in &item.values {
        let wanted = matches!(
            key::name(at),
            "EMAIL" | "TEL" | "ORG" | "NICKNAME" | "LOCATION" | "CATEGORIES"
        );
        if wanted && out.len() < LONGEST_SEARCH && !stored.starts_with("@@") {
            let plain = escape::unescape(Stored::read(stored).value).to_lowercase();
            out.push_str(plain.trim());
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
