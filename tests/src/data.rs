//! Contacts and events to import: a heavy user's, made here or by `gen.py` of the corpus.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::seed::Chance;

/// How much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Contacts.
    pub contacts: usize,
    /// Events; one in five repeats.
    pub events: usize,
}

/// How much of it is large: one in so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heavy {
    /// Contacts with a photo of 20 KB.
    pub photos: usize,
    /// Items with a text of 4 KB.
    pub texts: usize,
}

impl Heavy {
    /// As people have it.
    pub const USUAL: Self = Self {
        photos: 20,
        texts: 30,
    };
}

impl Scale {
    /// From `PIMESH_SCALE` (`10000x20000`: contacts, events), else this.
    pub fn wanted(usual: Self) -> Self {
        let Ok(text) = std::env::var("PIMESH_SCALE") else {
            return usual;
        };
        let (contacts, events) = text.split_once('x').expect("PIMESH_SCALE is like 300x600");
        Self {
            contacts: contacts.parse().expect("a number of contacts"),
            events: events.parse().expect("a number of events"),
        }
    }

    /// Both together.
    pub fn items(self) -> usize {
        self.contacts + self.events
    }
}

/// The folder `PIMESH_CORPUS`, with `corpus/` and `tools/` in it; nothing, said aloud,
/// where there is none.
pub fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("PIMESH_CORPUS").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("PIMESH_CORPUS is not set: done without the corpus");
    }
    folder
}

/// Runs `gen.py` of the corpus; false where there is none.
pub fn generated(scale: Scale, form: &str, into: &Path) -> bool {
    let Some(script) = corpus().map(|root| root.join("tools/gen/gen.py")) else {
        return false;
    };
    let done = Command::new("python3")
        .arg(script)
        .args(["--contacts", &scale.contacts.to_string()])
        .args(["--events", &scale.events.to_string()])
        .args(["--as", form, "--out"])
        .arg(into)
        .output()
        .expect("python3 runs");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "gen.py: {said}");
    true
}

/// Writes `contacts.vcf` and `calendar.ics`; gives their paths. By `gen.py` where it is
/// at hand, else made here.
pub fn files(scale: Scale, into: &Path) -> Vec<PathBuf> {
    let paths = vec![into.join("contacts.vcf"), into.join("calendar.ics")];
    if !generated(scale, "files", into) {
        made(scale, Heavy::USUAL, into);
    }
    paths
}

/// Writes `contacts.vcf` and `calendar.ics`, made here; gives their paths.
pub fn made(scale: Scale, heavy: Heavy, into: &Path) -> Vec<PathBuf> {
    let paths = vec![into.join("contacts.vcf"), into.join("calendar.ics")];
    let mut chance = Chance::of(1);
    let cards = (0..scale.contacts).map(|i| card(i, heavy, &mut chance));
    fs::write(&paths[0], cards.collect::<String>()).unwrap();
    let events = (0..scale.events).map(|i| event(i, heavy, &mut chance));
    fs::write(&paths[1], calendar(&events.collect::<String>())).unwrap();
    paths
}

/// The same in many small files, so that there are many moments between two.
pub fn made_in_parts(scale: Scale, heavy: Heavy, parts: usize, into: &Path) -> Vec<PathBuf> {
    let mut chance = Chance::of(2);
    let mut paths = Vec::new();
    for part in 0..parts {
        let cards = (part..scale.contacts).step_by(parts);
        let events = (part..scale.events).step_by(parts);
        let cards: String = cards.map(|i| card(i, heavy, &mut chance)).collect();
        let events: String = events.map(|i| event(i, heavy, &mut chance)).collect();
        for (name, text) in [("vcf", cards), ("ics", calendar(&events))] {
            let path = into.join(format!("part-{part}.{name}"));
            fs::write(&path, text).unwrap();
            paths.push(path);
        }
    }
    paths
}

fn calendar(events: &str) -> String {
    format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//pimesh//tests//EN\r\n{ZONE}{events}END:VCALENDAR\r\n"
    )
}

const FIRST: [&str; 8] = [
    "Ada", "Boris", "Chloé", "Dörte", "Emre", "Fatima", "Gül", "Нина",
];
const LAST: [&str; 8] = [
    "Abel", "Brandt", "Costa", "Dubois", "Eriksen", "Fischer", "García", "李",
];
const WORDS: [&str; 12] = [
    "harbour",
    "lantern",
    "Straße",
    "meeting",
    "garden",
    "violin",
    "été",
    "ledger",
    "bread",
    "window",
    "письмо",
    "road",
];

const ZONE: &str = "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\n\
    BEGIN:DAYLIGHT\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nTZNAME:CEST\r\n\
    DTSTART:19810329T020000\r\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\nEND:DAYLIGHT\r\n\
    BEGIN:STANDARD\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nTZNAME:CET\r\n\
    DTSTART:19961027T030000\r\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\n\
    END:VTIMEZONE\r\n";

fn words(count: usize, chance: &mut Chance) -> String {
    let all: Vec<&str> = (0..count).map(|_| *chance.one_of(&WORDS)).collect();
    all.join(" ")
}

/// One contact in ten has no UID.
fn card(i: usize, heavy: Heavy, chance: &mut Chance) -> String {
    let (first, last) = (chance.one_of(&FIRST), chance.one_of(&LAST));
    let version = ["3.0", "4.0"][chance.below(2)];
    let mut out = format!("BEGIN:VCARD\r\nVERSION:{version}\r\n");
    if i % 10 != 9 {
        let _ = write!(out, "UID:contact-{i}@example.org\r\n");
    }
    let _ = write!(
        out,
        "FN:{first} {last} {i}\r\nN:{last};{first} {i};;;\r\n\
         EMAIL;TYPE=HOME:person{i}@example.org\r\nEMAIL;TYPE=WORK:work{i}@example.net\r\n\
         TEL;TYPE=CELL:+49 30 {:07}\r\nORG:{};{}\r\nCATEGORIES:{},{}\r\n",
        chance.below(10_000_000),
        words(1, chance),
        words(1, chance),
        WORDS[i % 12],
        WORDS[(i + 1) % 12],
    );
    let note = if i % heavy.texts == heavy.texts / 3 {
        words(600, chance)
    } else {
        words(8, chance)
    };
    let _ = write!(out, "NOTE:{note}\r\n");
    if i % heavy.photos == heavy.photos / 3 {
        let photo = STANDARD.encode([&[0xFF, 0xD8, 0xFF][..], &chance.bytes(20_000)].concat());
        match version {
            "3.0" => {
                let _ = write!(out, "PHOTO;ENCODING=b;TYPE=JPEG:{photo}\r\n");
            }
            _ => {
                let _ = write!(out, "PHOTO:data:image/jpeg;base64,{photo}\r\n");
            }
        }
    }
    out + "END:VCARD\r\n"
}

/// One event in five repeats, with one occurrence moved.
fn event(i: usize, heavy: Heavy, chance: &mut Chance) -> String {
    let (month, day, hour) = (1 + i % 12, 1 + chance.below(28), 7 + chance.below(12));
    let at = format!("2026{month:02}{day:02}T{hour:02}0000");
    let end = format!("2026{month:02}{day:02}T{:02}3000", hour + 1);
    let head = format!("BEGIN:VEVENT\r\nUID:event-{i}@example.org\r\nDTSTAMP:20260101T000000Z\r\n");
    let body = format!(
        "SUMMARY:{} {i}\r\nDESCRIPTION:{}\r\nCATEGORIES:{}\r\n",
        words(2, chance),
        words(
            if i % heavy.texts == heavy.texts / 3 {
                600
            } else {
                10
            },
            chance
        ),
        words(1, chance),
    );
    let alarm =
        "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT15M\r\nDESCRIPTION:soon\r\nEND:VALARM\r\n";
    let zone = ";TZID=Europe/Berlin";
    let when = format!("DTSTART{zone}:{at}\r\nDTEND{zone}:{end}\r\n");
    if i % 5 != 2 {
        return format!("{head}{when}{body}{alarm}END:VEVENT\r\n");
    }
    let moved = format!(
        "{head}RECURRENCE-ID{zone}:{at}\r\nDTSTART{zone}:{end}\r\nDURATION:PT45M\r\n\
         SUMMARY:moved {i}\r\nEND:VEVENT\r\n"
    );
    format!("{head}{when}RRULE:FREQ=WEEKLY;COUNT=9\r\n{body}{alarm}END:VEVENT\r\n{moved}")
}
