//! What merges by rules of its own: attendees' answers, and when an alarm was heard.

use std::collections::{BTreeMap, BTreeSet};

use pimesh_crdt::item::register::Stored;
use pimesh_crdt::item::{Item, key};
use pimesh_crdt::itip::{self, Message, Method};
use pimesh_crdt::normalise::Text;

use super::commands::Command;
use super::mesh::{Failure, World};
use super::model::{By, Expected, Part, Write};
use super::texts;
use super::write::{COLLECTIONS, Planned};
use crate::seed::Chance;

/// Answers that attendees send.
const ANSWERS: usize = 15;

impl World {
    /// A mail brings an attendee's answer; the invitation may come later, or never.
    pub(super) fn answer(&mut self, at: usize, chance: &mut Chance) -> Result<bool, Failure> {
        let answer = texts::answer(chance.below(texts::INVITATIONS), chance.below(ANSWERS));
        let text = Text::read(answer.text.as_bytes())
            .map_err(|error| Failure(format!("a mail is refused: {error}")))?;
        let senders = [texts::ATTENDEE.to_owned()];
        let mut planned = Vec::new();
        for read in itip::messages(&text, None, &senders) {
            let Ok(Message::Change {
                item,
                change,
                method: Method::Reply,
                ..
            }) = read
            else {
                return Err(Failure("an attendee's answer is refused".to_owned()));
            };
            let part: Part = item.overrides().first().map(|rid| (*rid).to_owned());
            planned.push(Planned {
                collection: COLLECTIONS[0],
                doc: item.doc_id(),
                write: Write {
                    name: change.hash,
                    within: [COLLECTIONS[0]].into(),
                    by: By::Answer {
                        part,
                        pair: answer.pair.clone(),
                        says: answer.says.to_owned(),
                    },
                    ..Write::default()
                },
                change,
            });
        }
        self.keep_as(at, planned, &[], Command::None)
    }
}

/// Every attendee's line carries the answer that stands, and no other.
pub(super) fn answered(item: &Item, expected: &Expected) -> Result<(), Failure> {
    for (part, says) in &expected.answers {
        let prefix = key::prefix(part.as_deref());
        let lines = item.component(part.as_deref());
        let mut lines = lines.filter(|(at, _)| at.starts_with("ATTENDEE#"));
        let is = lines.next().map(|(_, line)| {
            Stored::read(line)
                .parameters()
                .value_of("PARTSTAT")
                .map(str::to_owned)
        });
        if expected.alive.contains(part) && is.is_some() && is != Some(Some(says.clone())) {
            return Err(Failure(format!(
                "LOST: {prefix}ATTENDEE must say {says}, and says {is:?}"
            )));
        }
    }
    Ok(())
}

/// Of several moments at which an alarm was heard the latest is shown: by the alarm itself, or by
/// the one that is shown for it where two came to say the same.
pub(super) fn acknowledged(item: &Item, expected: &Expected) -> Result<(), Failure> {
    let none = BTreeSet::new();
    let all: BTreeMap<&String, &BTreeSet<String>> = expected.may.iter().collect();
    for (at, may) in all.into_iter().filter(|(at, _)| at.ends_with("/ack")) {
        let must = expected.must.get(at).unwrap_or(&none);
        let is = item.value(at).map(str::to_owned);
        let is_one = is.as_ref().is_none_or(|is| may.contains(is));
        let (rid, alarm) = (key::split_override(at).0, at.trim_end_matches("/ack"));
        let for_it = item.values.iter().filter(|(other, _)| {
            let is_shown = item.value(alarm).is_some();
            !is_shown && other.ends_with("/ack") && key::split_override(other).0 == rid
        });
        let shown = is.as_ref().or(for_it.map(|(_, value)| value).max());
        if !is_one || shown < must.last() {
            return Err(Failure(format!(
                "LOST: {at} must be the latest of {must:?}, and is {is:?}"
            )));
        }
    }
    Ok(())
}
