//! What was changed differently on two devices, and what was decided.

use pimesh_crdt::item::register::{Stored, outside_hash};
use pimesh_crdt::text::escape;
use pimesh_crdt::text::line::Line;

use super::local;
use super::table::one_line;
use super::times::occurrences;
use crate::api::{Conflict, Conflicts, Resolved, Version};

pub(super) fn all(all: &Conflicts) -> String {
    if all.conflicts.is_empty() && all.occurrences.is_empty() {
        return "Nothing was changed differently on two devices.\n".into();
    }
    let mut parts = Vec::new();
    if !all.conflicts.is_empty() {
        parts.push(conflicts(&all.conflicts));
    }
    if !all.occurrences.is_empty() {
        parts.push(occurrences(&all.occurrences));
    }
    parts.join("\n")
}

pub(super) fn conflicts(conflicts: &[Conflict]) -> String {
    let mut text = String::new();
    let mut last = "";
    for conflict in conflicts {
        if last != conflict.item {
            let name = one_line(&conflict.name);
            text += &format!("{}  {name}  ({})\n", conflict.item, conflict.collection);
            last = &conflict.item;
        }
        text += &match conflict.key == conflict.property {
            true => format!("  {}\n", conflict.property),
            false => format!("  {}  (\"{}\")\n", conflict.property, conflict.key),
        };
        let version = |one: &Version| version(&readable(&conflict.property, &one.value), one);
        text += &format!("    1  this  {}\n", version(&conflict.shown));
        let word = match conflict.others.len() {
            1 => "that",
            _ => "    ",
        };
        for (at, other) in conflict.others.iter().enumerate() {
            text += &format!("    {}  {word}  {}\n", at + 2, version(other));
        }
    }
    text += "\n\"this\" is shown everywhere. Decide with:\n  \
             pimesh conflicts resolve ITEM PROPERTY --keep this|that|NUMBER|both\n  \
             pimesh conflicts resolve ITEM PROPERTY --value TEXT, or --merge for notes\n";
    text
}

pub(super) fn resolved(resolved: &Resolved) -> String {
    let (id, name) = (&resolved.item.id, one_line(&resolved.item.name));
    let mut text = format!("{id}  {name}: {} is decided.\n", resolved.property);
    for value in &resolved.values {
        text += &format!("  now:    {}\n", readable(&resolved.property, value));
    }
    let gone = resolved.superseded.iter();
    for before in gone.filter(|before| !resolved.values.contains(&before.value)) {
        let value = readable(&resolved.property, &before.value);
        text += &format!("  before: {}\n", version(&value, before));
    }
    text
}

/// `value   phone (cli), 2026-11-22 14:55   [3fa2b1c]`
fn version(value: &str, version: &Version) -> String {
    let whence = match (&version.by, &version.source) {
        (Some(by), _) => by.clone(),
        (None, Some(source)) => format!("from a text of {source}"),
        (None, None) if version.devices.is_empty() => "from a text".into(),
        (None, None) => format!("from a text taken in on {}", version.devices.join(", ")),
    };
    let at = version
        .at
        .map_or_else(String::new, |at| format!(", {}", local(at)));
    format!("{value}   {whence}{at}   [{}]", version.id)
}

/// A value as it is stored, for people: what it says, then its parameters.
fn readable(property: &str, stored: &str) -> String {
    if matches!(property, "WHEN" | "DONE" | "NAME") {
        let lines = stored.split('\n').filter_map(Line::read);
        let lines = lines.filter(|line| !line.name.starts_with('~'));
        let parts: Vec<String> = lines
            .map(|line| {
                let zone = line.parameters().value_of("TZID").unwrap_or_default();
                let value = clock(line.value, zone).unwrap_or_else(|| escape::unescape(line.value));
                format!("{} {value}", line.name)
            })
            .collect();
        return one_line(&parts.join(", "));
    }
    let read = Stored::read(stored);
    let names = |(name, _): (&str, &str)| !name.is_empty();
    let has_parameters = !read.params.is_empty() && read.parameters().all(names);
    if !has_parameters || outside_hash(stored).is_some() {
        return one_line(&escape::unescape(stored));
    }
    one_line(&format!(
        "{}  ({})",
        escape::unescape(read.value),
        read.params
    ))
}

/// `20270105T100000` as `2027-01-05 10:00`; nothing where it is no time.
fn clock(value: &str, zone: &str) -> Option<String> {
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    let day = value.get(..8).filter(|day| digits(day))?;
    let day = format!("{}-{}-{}", &day[..4], &day[4..6], &day[6..]);
    let (time, zone) = match value.get(8..)? {
        "" => return Some(day),
        rest => match rest.strip_suffix('Z') {
            Some(rest) => (rest, "UTC"),
            None => (rest, zone),
        },
    };
    let time = time
        .strip_prefix('T')
        .filter(|time| time.len() == 6 && digits(time))?;
    let seconds = match &time[4..] {
        "00" => String::new(),
        seconds => format!(":{seconds}"),
    };
    let text = format!("{day} {}:{}{seconds} {zone}", &time[..2], &time[2..4]);
    Some(text.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::readable;

    #[test]
    fn a_value_in_conflict_is_told_in_words() {
        let when = "DTSTART;TZID=Custom:20270105T100000\nRRULE:FREQ=DAILY\n~TZ:c7f085Custom";
        let told = "DTSTART 2027-01-05 10:00 Custom, RRULE FREQ=DAILY";
        assert_eq!(readable("WHEN", when), told);
        assert_eq!(
            readable("SUMMARY", "LANGUAGE=de:A\\, b"),
            "A, b  (LANGUAGE=de)"
        );
        for plain in ["Sailmaker", "Meeting: the ropes", "http://example.org/a=b"] {
            assert_eq!(readable("TITLE", plain), plain);
        }
        assert_eq!(readable("NAME", "FN:Ann\nN:A\\;x;Ann"), "FN Ann, N A;x;Ann");
    }
}
