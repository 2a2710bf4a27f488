//! When things take place, and what to know about it.

use super::item::plain_time;
use super::table::{one_line, table};
use crate::api::{
    Agenda, AgendaEntry, FlaggedItem, OccurrenceChoice, OccurrenceConflict, TimeFlag,
};

/// So many items are named with what to know about their times; `--json` has them all.
const FLAGGED: usize = 10;

pub(super) fn agenda(agenda: &Agenda) -> String {
    let mut text = match agenda.occurrences.is_empty() {
        true => format!("Nothing from {} to {}.\n", agenda.from, agenda.to),
        false => {
            let rows = agenda.occurrences.iter().map(|one| {
                vec![
                    when(one),
                    until(one),
                    format!("{}{}", one.name, marks(one)),
                    one.collection.clone(),
                    one.id.clone(),
                ]
            });
            let mut text = table(&["FROM", "UNTIL", "WHAT", "COLLECTION", "ID"], rows);
            text += &format!("Times are those of {}.\n", agenda.zone);
            text
        }
    };
    let shown = u64::try_from(agenda.occurrences.len()).unwrap_or(u64::MAX);
    if agenda.total > shown {
        text += &format!("… and {} more.\n", agenda.total - shown);
    }
    if agenda.cut {
        text += "Not everything is shown: see below, or ask for fewer days.\n";
    }
    text + &flagged(&agenda.flagged)
}

fn marks(one: &AgendaEntry) -> String {
    let mut text = String::new();
    if one.recurring {
        text += " ↻";
    }
    if one.cancelled {
        text += "  (cancelled)";
    }
    if one.in_question {
        text += "  (in question: see pimesh show)";
    }
    text
}

/// `2026-11-22 10:00`.
fn when(one: &AgendaEntry) -> String {
    clock(&one.start)
}

/// The end, without its day where that is the day of the start.
fn until(one: &AgendaEntry) -> String {
    if one.end == one.start {
        return String::new();
    }
    let (start, end) = (clock(&one.start), clock(&one.end));
    match (start.split_once(' '), end.split_once(' ')) {
        (Some((day, _)), Some((same, time))) if day == same => time.to_owned(),
        (None, None) => day_before(&end)
            .filter(|last| *last != start)
            .unwrap_or_default(),
        _ => end,
    }
}

/// The last of whole days: their end is the day after it.
fn day_before(day: &str) -> Option<String> {
    let date: jiff::civil::Date = day.parse().ok()?;
    Some(date.yesterday().ok()?.to_string())
}

/// A time without what nobody reads: seconds and offset.
fn clock(text: &str) -> String {
    let bare = text.get(..19).unwrap_or(text);
    let bare = bare.strip_suffix(":00").unwrap_or(bare);
    bare.replace('T', " ")
}

/// When an item next takes place.
pub(super) fn next(one: &AgendaEntry) -> String {
    let zone = one.start.get(19..).filter(|offset| !offset.is_empty());
    let zone = zone.map_or_else(String::new, |offset| format!(" ({offset})"));
    let end = until(one);
    let end = match end.is_empty() {
        true => end,
        false => format!(" to {end}"),
    };
    format!("Next: {}{end}{zone}\n", when(one))
}

/// What to know about the times of an item.
pub(super) fn flags(flags: &[TimeFlag]) -> String {
    flags
        .iter()
        .map(|flag| match &flag.occurrence {
            Some(occurrence) => format!("  {}: {}\n", one_line(occurrence), one_line(&flag.words)),
            None => format!("  {}\n", one_line(&flag.words)),
        })
        .collect()
}

/// Items with something to know about their times.
pub(super) fn flagged(items: &[FlaggedItem]) -> String {
    if items.is_empty() {
        return String::new();
    }
    let mut text = String::from("\nAbout the times of:\n");
    for item in items.iter().take(FLAGGED) {
        text += &format!(
            "{}  {}\n{}",
            item.item,
            one_line(&item.name),
            flags(&item.flags)
        );
    }
    if items.len() > FLAGGED {
        let more = items.len() - FLAGGED;
        text += &format!("  … and {more} more (all of them with --json)\n");
    }
    text
}

/// Occurrences in question, with how to decide.
pub(super) fn occurrences(all: &[OccurrenceConflict]) -> String {
    let mut text = String::new();
    let mut last = "";
    for one in all {
        if last != one.item {
            let name = one_line(&one.name);
            text += &format!("{}  {name}  ({})\n", one.item, one.collection);
            last = &one.item;
        }
        let title = one
            .title
            .as_deref()
            .map_or_else(String::new, |title| format!("  \"{}\"", one_line(title)));
        let start = one.start.as_deref().map_or_else(String::new, |start| {
            format!("  on {}", one_line(&plain_time(start)))
        });
        text += &format!("  {}{title}{start}\n", one_line(&one.occurrence));
        text += &format!("    {}\n", one_line(&one.words));
        let choices: Vec<&str> = one.choices.iter().map(|choice| word(*choice)).collect();
        text += &format!("    --occurrence {}\n", choices.join("|"));
    }
    text += "\nDecide with:\n  \
             pimesh conflicts resolve ITEM OCCURRENCE --occurrence keep|day|series|delete\n";
    text
}

fn word(choice: OccurrenceChoice) -> &'static str {
    match choice {
        OccurrenceChoice::Keep => "keep",
        OccurrenceChoice::Day => "day",
        OccurrenceChoice::Series => "series",
        OccurrenceChoice::Delete => "delete",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(start: &str, end: &str) -> AgendaEntry {
        AgendaEntry {
            id: "7kq2".into(),
            doc: String::new(),
            collection: "Calendar".into(),
            kind: "event".into(),
            name: "Visit".into(),
            start: start.into(),
            end: end.into(),
            zone: None,
            recurring: false,
            occurrence: None,
            cancelled: false,
            in_question: false,
        }
    }

    #[test]
    fn an_end_says_no_more_than_is_needed() {
        let times = |start, end| {
            let one = entry(start, end);
            (when(&one), until(&one))
        };
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            times("2026-11-22T10:00:00+01:00", "2026-11-22T11:30:00+01:00"),
            pair("2026-11-22 10:00", "11:30")
        );
        assert_eq!(
            times("2026-11-22T22:00:00+01:00", "2026-11-23T02:00:00+01:00"),
            pair("2026-11-22 22:00", "2026-11-23 02:00")
        );
        assert_eq!(times("2026-11-22", "2026-11-23"), pair("2026-11-22", ""));
        assert_eq!(
            times("2026-11-22", "2026-11-25"),
            pair("2026-11-22", "2026-11-24")
        );
        let zoned = entry("2026-11-22T10:00:00+01:00", "2026-11-22T10:00:00+01:00");
        assert_eq!(next(&zoned), "Next: 2026-11-22 10:00 (+01:00)\n");
    }
}
