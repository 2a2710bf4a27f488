//! Events, tasks and other calendar components as VCALENDARs.
//!
//! Items whose calendars said different things stand in a VCALENDAR each; the definitions of
//! the zones they use stand before them, once. Two definitions behind one TZID cannot stand in
//! one VCALENDAR, so they part it too.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};

use super::register::Lines;
use super::{Blobs, Rendered, component_name, fold};
use crate::BlobHash;
use crate::item::register::{self, Stored};
use crate::item::{Item, key};
use crate::text::escape;

const PRODID: &str = "-//pimesh//pimesh//EN";

/// Items gathered into as few VCALENDARs as say the same of them.
#[derive(Debug, Default)]
pub struct Calendars {
    calendars: Vec<Calendar>,
    /// By head: the latest calendars that have it.
    latest: HashMap<Vec<String>, VecDeque<usize>>,
    missing: Vec<BlobHash>,
}

#[derive(Debug, Default)]
struct Calendar {
    head: Vec<String>,
    zones: BTreeMap<String, (BlobHash, String)>,
    body: String,
}

impl Calendars {
    /// Adds an item with all its overrides.
    pub fn add(&mut self, item: &Item, blobs: &dyn Blobs) {
        let zones = zones(item);
        let at = self.fitting(head(item, blobs), &zones);
        for (tzid, hash) in zones {
            if let Entry::Vacant(vacant) = self.calendars[at].zones.entry(tzid) {
                match blobs.bytes(hash).map(String::from_utf8) {
                    Some(Ok(text)) => {
                        vacant.insert((hash, text));
                    }
                    Some(Err(_)) | None => self.missing.push(hash),
                }
            }
        }
        if item.has_master() || item.overrides().is_empty() {
            self.component(at, item, None, blobs);
        }
        for rid in item.overrides() {
            self.component(at, item, Some(rid), blobs);
        }
    }

    /// The calendar that says the same of its items and in which no zone is defined otherwise.
    fn fitting(&mut self, head: Vec<String>, zones: &BTreeMap<String, BlobHash>) -> usize {
        // texts whose zones all differ would else be compared with each other, all with all
        const MOST_TRIED: usize = 32;
        let latest = self.latest.entry(head.clone()).or_default();
        let fits = |at: &&usize| {
            let known = &self.calendars[**at].zones;
            zones
                .iter()
                .all(|(tzid, hash)| known.get(tzid).is_none_or(|(known, _)| known == hash))
        };
        if let Some(at) = latest.iter().find(fits) {
            return *at;
        }
        if latest.len() == MOST_TRIED {
            latest.pop_front();
        }
        latest.push_back(self.calendars.len());
        self.calendars.push(Calendar {
            head,
            ..Calendar::default()
        });
        self.calendars.len() - 1
    }

    /// All of it as one text.
    pub fn finish(mut self) -> Rendered {
        let mut text = String::new();
        for calendar in &self.calendars {
            text.push_str("BEGIN:VCALENDAR\r\n");
            let zones = calendar
                .zones
                .values()
                .flat_map(|(_, text)| text.split('\n'));
            for line in calendar.head.iter().map(String::as_str).chain(zones) {
                fold::line(&mut text, line);
            }
            text.push_str(&calendar.body);
            text.push_str("END:VCALENDAR\r\n");
        }
        self.missing.sort_unstable();
        self.missing.dedup();
        Rendered {
            text,
            missing: self.missing,
        }
    }

    fn component(&mut self, at: usize, item: &Item, rid: Option<&str>, blobs: &dyn Blobs) {
        let mut lines = Lines::new(blobs);
        let name = component_name(item);
        lines.lines.push(format!("BEGIN:{name}"));
        // a VTIMEZONE has none, and the one derived for it is derived again
        if item.kind != "vtimezone" || !item.uid.starts_with("pimesh-") {
            lines.uid(item, rid);
        }
        if let Some(stored) =
            rid.and_then(|rid| item.value(&key::in_override(rid, key::RECURRENCE_ID)))
        {
            lines.property(key::RECURRENCE_ID, stored);
        }
        lines.component(item, rid, &[key::RECURRENCE_ID, "=UID"]);
        lines.lines.push(format!("END:{name}"));
        for line in &lines.lines {
            fold::line(&mut self.calendars[at].body, line);
        }
        self.missing.extend(lines.missing);
    }
}

/// The definitions of the zones that an item names. One that is written with escapes here and
/// without there is the same zone.
fn zones(item: &Item) -> BTreeMap<String, BlobHash> {
    let mut out = BTreeMap::new();
    for (at, stored) in &item.values {
        if key::name(at) == key::WHEN {
            for (tzid, hash) in stored.split('\n').filter_map(register::zone_of) {
                out.entry(escape::unescape(tzid)).or_insert(hash);
            }
        }
    }
    out
}

/// What the VCALENDAR says of an item.
fn head(item: &Item, blobs: &dyn Blobs) -> Vec<String> {
    let mut lines = Lines::new(blobs);
    // 1.0 beside another one would make all the others' values those of vCalendar
    let version = item.value("CAL/VERSION").map(Stored::read);
    if version.is_none_or(|stored| stored.value.trim() == "1.0") {
        lines.lines.push("VERSION:2.0".into());
    }
    lines.lines.push(format!("PRODID:{PRODID}"));
    if !item.values.contains_key("CAL/CALSCALE") {
        lines.lines.push("CALSCALE:GREGORIAN".into());
    }
    for (at, stored) in &item.values {
        // a calendar that is kept is no message (RFC 4791 §4.1), and programs read the first only
        if at.starts_with("CAL/") && key::name(at) != "METHOD" {
            lines.property(key::name(at), stored);
        }
    }
    lines.lines
}
