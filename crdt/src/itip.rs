//! Messages between organisers and attendees (RFC 5546), as they come by mail (RFC 6047).
//!
//! Every message becomes a change made from its text alone, so that two devices that read one
//! mailbox make the same changes, in whatever order they read it. Which message is in force is
//! decided when reading, in [`crate::doc`].
//!
//! Invariants: only the organiser changes or cancels an event, only an attendee answers for
//! themselves, as far as the sender of the mail tells; a cancellation or an answer never brings
//! anything to life; what comes from others is a proposal and edits nothing.

use std::collections::BTreeMap;

use crate::doc::{self, Mark, NewChange, REPLY, Value};
use crate::item::register::Stored;
use crate::item::{Blob, Item, key};
use crate::normalise::{Parsed, Problem, Text};

/// The highest SEQUENCE that counts, that of RFC 5545 §3.3.8: ten digits.
const HIGHEST_SEQUENCE: u64 = 2_147_483_647;

/// What one component of a message asks for.
#[derive(Clone, Debug)]
pub enum Message {
    /// A change of the event itself, to be added to its document.
    Change {
        /// Tells which document, and what the message says.
        item: Item,
        /// The bytes that its registers name.
        blobs: Vec<Blob>,
        /// The change.
        change: NewChange,
        /// Who the message says decides over the event, in lower case without `mailto:`.
        organizer: String,
        /// What was asked.
        method: Method,
    },
    /// Something that may be of interest, and edits nothing: it goes to "From mail".
    Proposal(Box<Parsed>),
}

/// The methods of RFC 5546 that change an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// An invitation or its update.
    Request,
    /// A cancellation of all or of some occurrences.
    Cancel,
    /// An attendee's answer.
    Reply,
}

/// Reads the messages of one text. `declared` is the method that the mail names, `senders` the
/// addresses that sent it, in lower case.
pub fn messages(
    text: &Text,
    declared: Option<&str>,
    senders: &[String],
) -> Vec<Result<Message, Problem>> {
    let own = text.method();
    let declared = declared.map(str::to_ascii_uppercase);
    let method = own
        .clone()
        .or(declared.clone())
        .unwrap_or_default()
        .to_ascii_uppercase();
    if let (Some(own), Some(declared)) = (own, declared)
        && !own.eq_ignore_ascii_case(&declared)
    {
        let reason = format!("the mail says method {declared}, its calendar says {own}");
        return vec![Err(Problem::new(1, "VCALENDAR", reason))];
    }
    text.items()
        .map(|parsed| {
            let mut parsed = parsed?;
            parsed.item.values.retain(|at, _| !at.starts_with("CAL/"));
            message(parsed, &method, senders)
        })
        .collect()
}

fn message(parsed: Parsed, method: &str, senders: &[String]) -> Result<Message, Problem> {
    let component = parsed.item.kind.to_ascii_uppercase();
    let refuse = |reason: String| Err(Problem::new(parsed.line, &component, reason));
    let organizer = organizer(&parsed.item);
    let is_organizers = organizer.iter().any(|address| senders.contains(address));
    match method {
        "REQUEST" if is_organizers => {
            let entries = whole(&parsed.item, method);
            Ok(change(parsed, entries, &organizer, Method::Request))
        }
        "CANCEL" if is_organizers => {
            let mut entries = whole(&parsed.item, method);
            entries.remove(key::LIVE);
            Ok(change(parsed, entries, &organizer, Method::Cancel))
        }
        "CANCEL" if organizer.is_empty() => refuse("a cancellation that names no organizer".into()),
        "CANCEL" => refuse(format!(
            "a cancellation from {}, who is not the organizer {}",
            senders.join(", "),
            organizer[0]
        )),
        "REPLY" => {
            let entries = answers(&parsed.item, senders);
            if entries.is_empty() {
                return refuse(format!(
                    "an answer from {}, who is not the attendee it answers for",
                    senders.join(", ")
                ));
            }
            let mut all = doc::entries(&Item::new(&parsed.item.kind, &parsed.item.uid));
            all.extend(entries);
            Ok(change(parsed, all, &organizer, Method::Reply))
        }
        "" | "PUBLISH" | "REQUEST" => Ok(Message::Proposal(Box::new(parsed))),
        other => refuse(format!(
            "method {other} is not read; it stays in the mailbox"
        )),
    }
}

fn change(
    parsed: Parsed,
    entries: BTreeMap<String, Value>,
    organizer: &[String],
    method: Method,
) -> Message {
    Message::Change {
        change: doc::message(entries),
        blobs: if method == Method::Reply {
            Vec::new()
        } else {
            parsed.blobs
        },
        item: parsed.item,
        organizer: organizer.first().cloned().unwrap_or_default(),
        method,
    }
}

/// All that a message says, with a mark for each of its components.
fn whole(item: &Item, method: &str) -> BTreeMap<String, Value> {
    let mut entries = doc::entries(item);
    entries.insert(key::LIVE.into(), Value::Number(1));
    let master = item.has_master().then_some(None);
    for rid in master
        .into_iter()
        .chain(item.overrides().into_iter().map(Some))
    {
        let prefix = key::prefix(rid);
        let mark = mark(item, rid, method);
        entries.insert(format!("{prefix}{}", Mark::KEY), Value::Text(mark.write()));
        if rid.is_some() {
            entries.insert(format!("{prefix}{}", key::LIVE), Value::Number(1));
        }
    }
    entries
}

fn mark(item: &Item, rid: Option<&str>, method: &str) -> Mark {
    let prefix = key::prefix(rid);
    let value = |name: &str| {
        item.value(&format!("{prefix}{name}"))
            .map_or("", |stored| Stored::read(stored).value.trim_ascii())
    };
    let stamp = if value("DTSTAMP").is_empty() {
        "-"
    } else {
        value("DTSTAMP")
    };
    Mark {
        sequence: value("SEQUENCE").parse().unwrap_or(0).min(HIGHEST_SEQUENCE),
        stamp: word(stamp),
        method: word(method),
    }
}

/// Letters, digits and `-`: all that a time stamp, a method or an answer is made of.
fn word(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect()
}

/// The answers of those attendees who sent this, by the key under which they wait.
fn answers(item: &Item, senders: &[String]) -> BTreeMap<String, Value> {
    let mut out = BTreeMap::new();
    for (at, stored) in &item.values {
        let (rid, rest) = key::split_override(at);
        if !rest.starts_with("ATTENDEE#") || !of_sender(stored, senders) {
            continue;
        }
        let partstat = Stored::read(stored).parameters().value_of("PARTSTAT");
        let answer = partstat.unwrap_or("NEEDS-ACTION").to_ascii_uppercase();
        let birth = key::element("ATTENDEE", stored);
        let id = birth.split_once('#').map_or("", |(_, id)| id);
        let mark = mark(item, rid, &answer);
        out.insert(
            format!("{}{REPLY}{id}", key::prefix(rid)),
            Value::Text(mark.write()),
        );
    }
    out
}

fn of_sender(stored: &str, senders: &[String]) -> bool {
    addresses(stored)
        .iter()
        .any(|address| senders.contains(address))
}

/// The addresses that may speak for the organizer: their own and that of SENT-BY.
pub fn organizer(item: &Item) -> Vec<String> {
    item.values
        .iter()
        .find(|(at, _)| key::name(at) == "ORGANIZER")
        .map_or_else(Vec::new, |(_, stored)| addresses(stored))
}

fn addresses(stored: &str) -> Vec<String> {
    let read = Stored::read(stored);
    [Some(read.value), read.parameters().value_of("SENT-BY")]
        .into_iter()
        .flatten()
        .map(|address| {
            let lower = address.trim_ascii().to_ascii_lowercase();
            lower.strip_prefix("mailto:").unwrap_or(&lower).to_owned()
        })
        .filter(|address| !address.is_empty())
        .collect()
}
