//! Documents: on texts as people have them, and against Automerge itself.

#![allow(
    clippy::disallowed_methods,
    reason = "tests read the corpus and look at the clock"
)]

mod answers;
mod back;
mod calendars;
mod damaged;
mod expected;
mod forms;
mod golden;
mod invitations;
mod mails;
mod oracle;
mod resolve;
mod semantics;
mod series;
mod twins;

use super::*;
use crate::diff::{Absence, Edit, diff};
use crate::item::{Item, key};
use crate::normalise::Text;
use crate::{DeviceId, Timestamp};

/// The only item of a text.
fn item(text: &str) -> Item {
    let text = Text::read(text.as_bytes()).unwrap();
    assert_eq!(text.len(), 1);
    text.item(0).unwrap().item
}

/// A card with these lines besides its frame.
fn card(lines: &str) -> Item {
    item(&format!(
        "BEGIN:VCARD\nVERSION:3.0\nUID:u\n{lines}\nEND:VCARD\n"
    ))
}

/// An event with these lines besides its frame.
fn event(lines: &str) -> Item {
    item(&format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:e\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n"
    ))
}

fn author(device: u8, now: u64, writer: Writer) -> Author {
    Author {
        device: DeviceId([device; 32]),
        source: "test".into(),
        writer,
        now: Timestamp(now),
        random: [u8::try_from(now % 251).unwrap(); 16],
    }
}

/// A device that has some of the changes of one document.
#[derive(Clone, Default)]
struct Replica {
    device: u8,
    clock: u64,
    changes: Vec<Vec<u8>>,
}

impl Replica {
    fn new(device: u8, first: &NewChange) -> Self {
        Self {
            device,
            clock: 1000 * u64::from(device),
            changes: vec![first.bytes.clone()],
        }
    }

    fn doc(&self) -> Document {
        Document::load(self.changes.iter().map(Vec::as_slice)).unwrap()
    }

    fn shown(&self) -> Shown {
        self.doc().view().shown()
    }

    fn take(&mut self, change: NewChange) {
        self.changes.push(change.bytes);
    }

    fn receive(&mut self, other: &Self) {
        for change in &other.changes {
            if !self.changes.contains(change) {
                self.changes.push(change.clone());
            }
        }
    }

    /// Writes edits at a base; true where there was something to write.
    fn write(&mut self, base: &[crate::ChangeHash], edits: &[Edit], writer: Writer) -> bool {
        self.clock += 1;
        let author = author(self.device, self.clock, writer);
        let change = self.doc().edit(base, edits, &author).unwrap();
        let is_some = change.is_some();
        self.changes.extend(change.map(|change| change.bytes));
        is_some
    }

    /// A person turns what is shown here into something else.
    fn change(&mut self, how: impl FnOnce(&mut Item)) -> Vec<Edit> {
        let heads = self.doc().heads();
        self.change_at(&heads, how)
    }

    /// The same by a program that last read the document at `base`.
    fn change_at(&mut self, base: &[crate::ChangeHash], how: impl FnOnce(&mut Item)) -> Vec<Edit> {
        let before = self.doc().view_at(base).unwrap().shown().item;
        let mut after = before.clone();
        how(&mut after);
        let edits = diff(&before, &after, Absence::Deletes);
        self.write(base, &edits, Writer::Person);
        edits
    }

    fn set(&mut self, key: &str, value: &str) {
        self.change(|item| {
            item.values.insert(key.into(), value.into());
        });
    }

    fn delete(&mut self) {
        let heads = self.doc().heads();
        self.write(&heads, &[Edit::Delete { rid: None }], Writer::Person);
    }
}

/// Both devices after they met; they must show the same.
fn met(a: &Replica, b: &Replica) -> Shown {
    let (mut left, mut right) = (a.clone(), b.clone());
    left.receive(b);
    right.receive(a);
    let (one, other) = (left.shown(), right.shown());
    assert_eq!(one.item, other.item);
    assert_eq!(one.live, other.live);
    assert_eq!(one.conflicts, other.conflicts);
    one
}

/// The key of the only element of a property.
fn only(item: &Item, name: &str) -> String {
    let keys: Vec<&String> = item
        .values
        .keys()
        .filter(|at| key::name(at) == name)
        .collect();
    assert_eq!(keys.len(), 1, "{name} in {item:?}");
    keys[0].clone()
}

/// All values of a property, sorted.
fn all<'a>(item: &'a Item, name: &str) -> Vec<&'a str> {
    let of = item.values.iter().filter(|(at, _)| key::name(at) == name);
    let mut out: Vec<&str> = of.map(|(_, value)| value.as_str()).collect();
    out.sort_unstable();
    out
}
