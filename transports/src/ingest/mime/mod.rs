//! The calendars and contact cards inside one mail.
//!
//! ```text
//!  mailbox ──bytes──► [mime] ──Mail{parts}──► the engine ──► normalise
//!   split:  entities and their bodies, one pass over the lines
//!   header: the few header fields that matter, read by mail-parser
//!   decode: transfer encoding and charset of one body
//! ```
//!
//! Invariants: never a panic and never more than one pass over the bytes, whatever the
//! mail; a part that cannot be read is named in `problems` and the others are returned;
//! a part's bytes are what its sender wrote, apart from transfer encoding and charset
//! (mail-parser converts text parts with replacement characters, has no limit to depth
//! and time, and its arithmetic overflows on some broken forwards: so it reads single
//! header fields here, never a whole mail).

mod decode;
mod header;
mod kind;
mod split;
#[cfg(test)]
mod tests;

use pimesh_crdt::Timestamp;

use super::Problem;
use header::Header;
use split::{Entity, Splitter};

/// How deep multiparts and forwarded mails may lie in each other. Real mails stay below ten.
pub const DEEPEST_NESTING: usize = 32;
/// How many MIME parts of one mail are looked at, forwarded mails included.
pub const MOST_PARTS: usize = 1_000;
/// How many bytes one mail's calendars, cards and encoded forwarded mails may have.
pub const MOST_DECODED: usize = 32 << 20;
/// How many bytes of the header fields that we read are kept for one entity.
pub const LARGEST_HEADER: usize = 64 << 10;
/// How many problems one mail reports; further ones are of no use to anybody.
const MOST_PROBLEMS: usize = 20;

/// What pimesh takes from one mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mail {
    /// The address in From, ASCII letters in lower case; none where it has several, or stands
    /// there several times.
    pub from: Vec<String>,
    /// The subject, decoded.
    pub subject: Option<String>,
    /// The Message-ID without its angle brackets.
    pub message_id: Option<String>,
    /// When its writer says it was sent; absent where unreadable or before 1970.
    pub date: Option<Timestamp>,
    /// The calendars and cards, in the order of the mail, equal ones once.
    pub parts: Vec<Part>,
    /// What could not be read, and why.
    pub problems: Vec<Problem>,
}

/// One calendar or card file of a mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is, by its media type or else by its name.
    pub kind: PartKind,
    /// The text without transfer encoding; UTF-8 where the mail declares a charset that
    /// fits, else the bytes as they came.
    pub bytes: Vec<u8>,
    /// The file name that the mail gives it.
    pub name: Option<String>,
    /// True inside a forwarded mail: its sender is not the mail's sender.
    pub forwarded: bool,
}

/// What a [`Part`] holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartKind {
    /// iCalendar.
    Calendar {
        /// The `method` of the media type in upper case, which iMIP demands.
        method: Option<String>,
    },
    /// vCard.
    Card,
}

/// Reads one mail. Never fails: what cannot be read is in [`Mail::problems`].
pub fn read_mail(bytes: &[u8]) -> Mail {
    let mut reader = Reader::default();
    reader.read(bytes, 0, false);
    reader.mail
}

/// The state of reading one mail: what was found, and how much of the limits is used.
#[derive(Default)]
struct Reader {
    mail: Mail,
    entities: usize,
    decoded: usize,
}

impl Reader {
    fn read(&mut self, bytes: &[u8], depth: usize, forwarded: bool) {
        let mut splitter = Splitter::new(bytes, depth);
        while let Some(entity) = splitter.next_entity() {
            self.entities += 1;
            if self.entities > MOST_PARTS {
                self.problem(
                    "mail",
                    &format!("more than {MOST_PARTS} parts, the rest is skipped"),
                );
                return;
            }
            if entity.is_first && depth == 0 {
                self.envelope(&entity.header);
            }
            if entity.header.is_cut {
                let reason = format!("over {LARGEST_HEADER} bytes, the rest is skipped");
                self.problem("header", &reason);
            }
            if entity.is_too_deep {
                let reason = format!("nested deeper than {DEEPEST_NESTING}, skipped");
                self.problem("multipart", &reason);
                continue;
            }
            self.leaf(&entity, depth, forwarded || entity.is_forwarded);
        }
    }

    fn envelope(&mut self, header: &Header) {
        let envelope = header.envelope();
        self.mail.from = envelope.from;
        self.mail.subject = envelope.subject;
        self.mail.message_id = envelope.message_id;
        self.mail.date = envelope.date;
    }

    fn leaf(&mut self, entity: &Entity<'_>, depth: usize, forwarded: bool) {
        let Some(body) = entity.body else { return };
        let content = &entity.header.content;
        let kind = kind::of(content);
        if kind.is_none() && !content.is_message() {
            return;
        }
        let place = content.place();
        if self.decoded.saturating_add(body.len()) > MOST_DECODED {
            let reason = format!("over {MOST_DECODED} bytes of parts in one mail, skipped");
            return self.problem(&place, &reason);
        }
        let decoded = match decode::transfer(body, &content.encoding) {
            Ok(decoded) => decoded,
            Err(unknown) => return self.problem(&place, &unknown.to_string()),
        };
        self.decoded += decoded.bytes.len();
        if decoded.is_damaged {
            self.problem(
                &place,
                "bytes that do not belong to its transfer encoding were left out",
            );
        }
        let Some(kind) = kind else {
            // The splitter walks into plain forwarded mails itself; only encoded ones come here.
            return self.read(&decoded.bytes, depth + entity.depth + 1, true);
        };
        let (bytes, trouble) = decode::to_utf8(decoded.bytes, content.charset.as_deref());
        if let Some(trouble) = trouble {
            self.problem(&place, &trouble);
        }
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return self.problem(&place, "empty");
        }
        self.add(Part {
            kind,
            bytes,
            name: content.name.clone(),
            forwarded,
        });
    }

    /// The same invitation often comes twice, as an alternative and as an attached file.
    fn add(&mut self, part: Part) {
        let twin = self
            .mail
            .parts
            .iter_mut()
            .find(|known| is_twin(known, &part));
        let Some(known) = twin else {
            return self.mail.parts.push(part);
        };
        known.name = known.name.take().or(part.name);
        known.forwarded &= part.forwarded;
        if let (PartKind::Calendar { method: known }, PartKind::Calendar { method }) =
            (&mut known.kind, part.kind)
        {
            *known = known.take().or(method);
        }
    }

    fn problem(&mut self, place: &str, reason: &str) {
        let problem = Problem::new(place, reason);
        if self.mail.problems.len() < MOST_PROBLEMS && !self.mail.problems.contains(&problem) {
            self.mail.problems.push(problem);
        }
    }
}

fn is_twin(a: &Part, b: &Part) -> bool {
    let same_kind = match (&a.kind, &b.kind) {
        (PartKind::Card, PartKind::Card) => true,
        (PartKind::Calendar { method: a }, PartKind::Calendar { method: b }) => {
            a.is_none() || b.is_none() || a == b
        }
        (PartKind::Card, PartKind::Calendar { .. })
        | (PartKind::Calendar { .. }, PartKind::Card) => false,
    };
    same_kind && text(&a.bytes).eq(text(&b.bytes))
}

/// The bytes without what mail programs change on the way: CR, and the end of the file.
fn text(bytes: &[u8]) -> impl Iterator<Item = u8> {
    bytes
        .trim_ascii_end()
        .iter()
        .copied()
        .filter(|byte| *byte != b'\r')
}
