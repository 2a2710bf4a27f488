//! The heavy user: contacts and events as texts, and as items that were read from them.

use pimesh_crdt::normalise::{Parsed, Text};
use pimesh_crdt::{CollectionId, DocId};

use super::events::event;
use super::people::{Person, contact};
use super::rng::Rng;

/// The address book.
pub(crate) const CONTACTS: CollectionId = CollectionId([0x11; 16]);
/// The calendar.
pub(crate) const CALENDAR: CollectionId = CollectionId([0x22; 16]);

/// How much there is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) contacts: usize,
    pub(crate) events: usize,
}

/// One item.
#[derive(Debug)]
pub(crate) struct Datum {
    pub(crate) collection: CollectionId,
    pub(crate) doc: DocId,
    /// As written, without its photo.
    pub(crate) text: String,
    /// As read, with its photo.
    pub(crate) parsed: Parsed,
}

/// Everything, in the order of an export: contacts, then events.
pub(crate) fn generate(size: Size, seed: u64) -> Vec<Datum> {
    let mut r = Rng::new(seed);
    let mut people: Vec<Person> = Vec::with_capacity(size.contacts);
    let mut all = Vec::with_capacity(size.contacts + size.events);
    for number in 0..size.contacts {
        let contact = contact(&mut r, number);
        people.push(contact.person);
        all.push(datum(CONTACTS, contact.lines, contact.photo));
    }
    for _ in 0..size.events {
        all.push(datum(CALENDAR, event(&mut r, &people), None));
    }
    all
}

fn datum(collection: CollectionId, mut lines: Vec<String>, photo: Option<String>) -> Datum {
    let text = folded(&lines);
    if let Some(photo) = photo {
        lines.insert(lines.len() - 1, photo);
    }
    let read = Text::read(folded(&lines).as_bytes()).expect("a text of ours is no longer than any");
    let parsed = read.item(0).expect("a text of ours is well-formed");
    Datum {
        collection,
        doc: parsed.item.doc_id(),
        text,
        parsed,
    }
}

/// Lines ended by CRLF, folded at 75 octets.
fn folded(lines: &[String]) -> String {
    let mut text = String::new();
    for line in lines {
        let mut room = 75;
        for letter in line.chars() {
            if letter.len_utf8() > room {
                text.push_str("\r\n ");
                room = 74;
            }
            text.push(letter);
            room -= letter.len_utf8();
        }
        text.push_str("\r\n");
    }
    text
}
