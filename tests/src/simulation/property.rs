//! Alarms and photos, set, changed and removed by people; alarms that a machine notes as heard.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pimesh_crdt::diff::{Absence, diff};
use pimesh_crdt::doc::Writer;
use pimesh_crdt::item::{Blob, Item, kind};

use super::bring::parse;
use super::commands::Command;
use super::intent::Intent;
use super::mesh::{Failure, World};
use super::program::{Step, What};
use super::write::{Planned, meant};
use crate::seed::Chance;

/// What someone means to say, by key, and the bytes that belong to it.
type Said = (BTreeMap<String, Option<String>>, Vec<Blob>);

impl World {
    /// Someone writes an alarm, that it was heard, or a photo.
    pub(super) fn property(
        &mut self,
        at: usize,
        step: &Step,
        chance: &mut Chance,
    ) -> Result<bool, Failure> {
        let Some(seen) = self.look(at, chance)? else {
            return Ok(false);
        };
        let (says, blobs) = match step.what {
            What::Photo => photo(&seen.item, chance)?,
            What::Alarm => alarm(&seen.item, chance)?,
            _ => (heard(&seen.item, chance), Vec::new()),
        };
        if says.is_empty() {
            return Ok(false);
        }
        let Some(base) = self.base(at, &seen)? else {
            return Ok(false);
        };
        let (writer, command) = match step.what {
            What::Acknowledge => (Writer::Machine, Command::None),
            _ => (Writer::Person, Command::New("edit")),
        };
        let intent = Intent {
            says,
            ..Intent::default()
        };
        let edits = diff(&seen.item, &intent.applied(&seen.item), Absence::Deletes);
        let author = self.author(at, writer, step.number);
        let here = self.here(at, seen.collection, seen.doc)?;
        if edits.is_empty() && !intent.applied(&seen.item).has_master() {
            return Ok(false); // a text of occurrences alone says nothing of the rest
        }
        let Some(change) = here.document.edit(&base, &edits, &author)? else {
            return Err(Failure(format!("{edits:?} write nothing for {intent:?}")));
        };
        let mut write = meant(intent, &seen.item, writer);
        write.name = change.hash;
        write.within.insert(seen.collection);
        write.knew = seen.knew;
        let planned = Planned {
            collection: seen.collection,
            doc: seen.doc,
            change,
            write,
        };
        self.keep_as(at, vec![planned], &blobs, command)
    }
}

/// The value of one key of a text, and its bytes.
fn of_text(text: &str, at: &str, before: &Item) -> Result<Said, Failure> {
    let parsed = parse(text)?;
    let found = parsed.item.values.iter();
    let mut found = found.filter(|(key, _)| key.starts_with(at));
    let Some((key, value)) = found.next() else {
        return Err(Failure(format!("a text without {at}")));
    };
    let says = match before.value(key) == Some(value) {
        true => BTreeMap::new(),
        false => BTreeMap::from([(key.clone(), Some(value.clone()))]),
    };
    Ok((says, parsed.blobs))
}

fn photo(item: &Item, chance: &mut Chance) -> Result<Said, Failure> {
    if item.kind != kind::VCARD {
        return Ok(Said::default());
    }
    if item.value("PHOTO").is_some() && chance.below(3) == 0 {
        return Ok((BTreeMap::from([("PHOTO".to_owned(), None)]), Vec::new()));
    }
    let bytes = STANDARD.encode(Chance::of(10 + chance.below(40) as u64).bytes(1100));
    let text = format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:photo\r\nFN:photo\r\n\
         PHOTO;ENCODING=b;TYPE=JPEG:{bytes}\r\nEND:VCARD\r\n"
    );
    of_text(&text, "PHOTO", item)
}

fn alarms(item: &Item) -> Vec<&String> {
    let is_alarm = |at: &&String| at.starts_with("ALARM#") && !at.ends_with("/ack");
    item.values.keys().filter(is_alarm).collect()
}

fn alarm(item: &Item, chance: &mut Chance) -> Result<Said, Failure> {
    if item.kind == kind::VCARD || !item.has_master() {
        return Ok(Said::default());
    }
    let alarms = alarms(item);
    if !alarms.is_empty() && chance.below(3) == 0 {
        let gone = BTreeMap::from([((*chance.one_of(&alarms)).clone(), None)]);
        return Ok((gone, Vec::new()));
    }
    let uid = ["alarm", "other"][chance.below(2)];
    let text = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//t//t//EN\r\nBEGIN:VEVENT\r\nUID:alarm\r\n\
         DTSTAMP:20260101T000000Z\r\nDTSTART:20260105T100000\r\nBEGIN:VALARM\r\nUID:{uid}\r\n\
         ACTION:DISPLAY\r\nTRIGGER:-PT{}M\r\nDESCRIPTION:alarm\r\nEND:VALARM\r\nEND:VEVENT\r\n\
         END:VCALENDAR\r\n",
        1 + chance.below(50)
    );
    of_text(&text, "ALARM#", item)
}

/// A machine notes when an alarm was heard.
fn heard(item: &Item, chance: &mut Chance) -> BTreeMap<String, Option<String>> {
    let alarms = alarms(item);
    if alarms.is_empty() {
        return BTreeMap::new();
    }
    let at = format!("{}/ack", chance.one_of(&alarms));
    let value = format!(
        ":202601{:02}T{:02}0000Z",
        1 + chance.below(28),
        chance.below(24)
    );
    match item.value(&at).is_some_and(|known| *known >= *value) {
        true => BTreeMap::new(),
        false => BTreeMap::from([(at, Some(value))]),
    }
}
