//! Moving an override to the occurrence that a series has on the same day: what a person means
//! who changed one occurrence while somebody else moved the whole series.

use super::kept::first_start;
use super::{Occurrence, expand};
use crate::item::register::Stored;
use crate::item::{Item, key};
use crate::text::line::{Line, Params};
use crate::time::civil::{DAY, Local};
use crate::time::moment::{Moment, Window};
use crate::time::value::{Mark, Stamp, date_time};
use crate::time::zone::{Zone, Zones};

/// Registers in the place of an override's: its new recurrence id as it stands in keys, and what
/// it says, without prefix. Nothing where the series has no occurrence, or several, on that day,
/// or has an override for it already.
///
/// An override that says another place is where it was; one that was not moved in time moves
/// with the series.
pub fn attached(
    item: &Item,
    zones: &Zones<'_>,
    rid: &str,
) -> Option<(String, Vec<(String, String)>)> {
    let stored = Stored::read(item.value(&key::in_override(rid, key::RECURRENCE_ID))?);
    let old = Stamp::read(stored.params, stored.value)?;
    let when = item.value(key::WHEN)?;
    let lines = || when.split('\n').filter_map(Line::read);
    let start = lines().find(|line| line.name == "DTSTART")?;
    first_start(item, zones.blobs())?;
    let target = on_that_day(item, zones, old.local)?;
    let original = target.original?;
    let (_, mark) = date_time(start.value)?;
    let value = digits(original, &target, mark)?;
    let tzid = Params::new(start.params).value_of("TZID");
    let new = key::recurrence_id(tzid, &value);
    let mut out = vec![(
        key::RECURRENCE_ID.to_owned(),
        format!("{}:{value}", start.params),
    )];
    for (rest, said) in item.component(Some(rid)) {
        if rest == key::WHEN {
            let shift = original.0 - old.local.0;
            let moved = moved(said, stored, shift);
            out.push((rest.to_owned(), moved.unwrap_or_else(|| said.to_owned())));
        } else if rest != key::RECURRENCE_ID {
            out.push((rest.to_owned(), said.to_owned()));
        }
    }
    Some((new, out))
}

/// The one occurrence of that day that has no override.
fn on_that_day(item: &Item, zones: &Zones<'_>, day: Local) -> Option<Occurrence> {
    let midnight = day.midnight();
    // the day on any clock
    let window = Window::new(
        Local(midnight.0 - DAY),
        Local(midnight.0 + 2 * DAY),
        &Zone::UTC,
    );
    let expansion = expand(item, zones, window);
    let mut of_day = expansion
        .occurrences
        .into_iter()
        .filter(|one| one.original.is_some_and(|at| at.midnight() == midnight));
    let only = of_day.next()?;
    (of_day.next().is_none() && only.by.is_none()).then_some(only)
}

/// A RECURRENCE-ID as the series writes its start.
fn digits(original: Local, target: &Occurrence, mark: Mark) -> Option<String> {
    Some(match (mark, target.start) {
        (Mark::Date, _) => original.to_string().get(..8)?.to_owned(),
        (Mark::Utc, Moment::At(at)) => at.to_string(),
        (Mark::Utc | Mark::None, _) => original.to_string(),
    })
}

/// The times of an override that was where its recurrence id says, moved on the clock.
fn moved(when: &str, id: Stored<'_>, shift: i64) -> Option<String> {
    let mut out = Vec::new();
    for text in when.split('\n') {
        let Some(line) =
            Line::read(text).filter(|line| matches!(line.name, "DTSTART" | "DTEND" | "DUE"))
        else {
            out.push(text.to_owned());
            continue;
        };
        let is_start = line.name == "DTSTART";
        if is_start && (line.params != id.params || line.value.trim() != id.value.trim()) {
            return None;
        }
        let (local, mark) = date_time(line.value)?;
        let local = Local(local.0 + shift).to_string();
        let value = match mark {
            Mark::Date => local.get(..8)?.to_owned(),
            Mark::Utc => format!("{local}Z"),
            Mark::None => local,
        };
        let semicolon = if line.params.is_empty() { "" } else { ";" };
        out.push(format!("{}{semicolon}{}:{value}", line.name, line.params));
    }
    Some(out.join("\n"))
}
