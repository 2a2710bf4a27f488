//! Prints when the items of a calendar take place, for checks from outside.
//!
//! Reads iCalendar on standard input and writes one JSON document a line for each item. Without
//! arguments the window is five years to both sides of the item's own start; with two, it is from
//! one time to another (`20250101T000000`), as seen in UTC.

use std::collections::HashMap;
use std::io::{self, Read, Write};

use pimesh_crdt::BlobHash;
use pimesh_crdt::normalise::{Parsed, Text};
use pimesh_crdt::render::render;
use pimesh_crdt::time::{
    Local, Moment, Occurrence, Window, Zone, Zones, expand, first_start, instants_kept,
};
use serde_json::{Value, json};

/// Five years, in seconds.
const REACH: i64 = (5 * 365 + 2) * 86_400;

fn main() -> io::Result<()> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes)?;
    let asked: Vec<Local> = std::env::args()
        .skip(1)
        .filter_map(|text| time(&text))
        .collect();
    let text = Text::read(&bytes).map_err(io::Error::other)?;
    let mut out = io::stdout().lock();
    for parsed in text.items() {
        let line = match parsed {
            Ok(parsed) => item(&parsed, &asked),
            Err(problem) => json!({ "refused": problem.to_string() }),
        };
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn item(parsed: &Parsed, asked: &[Local]) -> Value {
    let named: HashMap<BlobHash, &[u8]> = parsed
        .blobs
        .iter()
        .map(|blob| (blob.hash, blob.bytes.as_slice()))
        .collect();
    let blobs = |hash: BlobHash| named.get(&hash).map(|bytes| bytes.to_vec());
    let item = &parsed.item;
    let around = first_start(item, &blobs);
    let (from, to) = match (asked, around) {
        ([from, to], _) => (*from, *to),
        (_, Some(around)) => (Local(around.0 - REACH), Local(around.0 + REACH)),
        (_, None) => (Local(0), Local(0)),
    };
    let zones = Zones::new(&blobs);
    let window = Window::new(from, to, &Zone::UTC);
    let expansion = expand(item, &zones, window);
    let all = |list: &[Occurrence]| list.iter().map(occurrence).collect::<Vec<_>>();
    json!({
        "uid": item.uid,
        "kind": item.kind,
        "line": parsed.line,
        "from": from.to_string(),
        "to": to.to_string(),
        "occurrences": all(&expansion.occurrences),
        "orphans": all(&expansion.orphans),
        "doubled": expansion.doubled.iter().map(|d| json!([&*d.shown, &*d.other])).collect::<Vec<_>>(),
        "called_off": expansion.called_off.iter().map(|off| &*off.id).collect::<Vec<_>>(),
        "flags": expansion.flags.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "steps": expansion.steps,
        "kept": kept(parsed, &blobs),
    })
}

fn occurrence(one: &Occurrence) -> Value {
    json!({
        "start": moment(one.start),
        "end": moment(one.end),
        "original": one.original.map(|original| original.to_string()),
        "by": one.by.as_deref(),
        "cancelled": one.cancelled,
    })
}

/// As RFC 5545 writes it: a date, a floating time, an instant.
fn moment(moment: Moment) -> String {
    match moment {
        Moment::Date(day) => day.to_string()[..8].to_owned(),
        Moment::Floating(local) => local.to_string(),
        Moment::At(at) => at.to_string(),
    }
}

/// What becomes of its occurrences when it is written and read again.
fn kept(parsed: &Parsed, blobs: &dyn pimesh_crdt::render::Blobs) -> Value {
    let rendered = render(&parsed.item, blobs);
    let again = Text::read(rendered.text.as_bytes())
        .ok()
        .and_then(|text| text.item(0).ok());
    let Some(again) = again else {
        return json!("cannot be read again");
    };
    let after: HashMap<BlobHash, &[u8]> = again
        .blobs
        .iter()
        .map(|blob| (blob.hash, blob.bytes.as_slice()))
        .collect();
    let after = |hash: BlobHash| after.get(&hash).map(|bytes| bytes.to_vec());
    let kept = instants_kept((&parsed.item, blobs), (&again.item, &after), None);
    if kept.changed.is_empty() {
        json!(kept.is_proven())
    } else {
        json!(format!("{:?}", kept.changed))
    }
}

/// `20250131T100000` as what a clock shows.
fn time(text: &str) -> Option<Local> {
    let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
    let date = Local::date(number(0, 4)?, number(4, 6)?, number(6, 8)?)?;
    let seconds = number(9, 11)? * 3600 + number(11, 13)? * 60 + number(13, 15)?;
    Some(date.at(seconds))
}
