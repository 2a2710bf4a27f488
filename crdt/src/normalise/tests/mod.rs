//! Texts into items and back, on small texts and, where it is at hand, on the whole corpus.

#![allow(
    clippy::disallowed_methods,
    reason = "tests read the corpus and look at the clock"
)]

pub(crate) mod generator;
mod hostile;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::*;
use crate::BlobHash;
use crate::diff::{Absence, diff};
use crate::item::{kind, register};
use crate::render::{Calendars, render};

fn read(text: &str) -> Vec<Parsed> {
    Text::read(text.replace('\n', "\r\n").as_bytes())
        .unwrap()
        .items()
        .collect::<Result<_, _>>()
        .unwrap()
}

fn one(text: &str) -> Parsed {
    let mut all = read(text);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

/// Renders an item and reads it again.
fn again(parsed: &Parsed) -> (String, Parsed) {
    let blobs: HashMap<BlobHash, Vec<u8>> = parsed
        .blobs
        .iter()
        .map(|blob| (blob.hash, blob.bytes.clone()))
        .collect();
    let rendered = render(&parsed.item, &|hash: BlobHash| blobs.get(&hash).cloned());
    assert!(rendered.missing.is_empty(), "{:?}", rendered.missing);
    let text = Text::read(rendered.text.as_bytes()).unwrap();
    let mut items: Vec<Parsed> = text.items().collect::<Result<_, _>>().unwrap();
    assert_eq!(
        items.len(),
        1,
        "{:.600}\n{:?}",
        rendered.text,
        parsed.item.values.iter().take(4).collect::<Vec<_>>()
    );
    (rendered.text, items.remove(0))
}

#[test]
fn a_card_keeps_every_property_as_written() {
    let parsed = one("BEGIN:VCARD\nVERSION:3.0\nUID:u\nFN:A B\nN:B;A;;;\n\
        item1.TEL;TYPE=CELL:+43 1\nitem1.X-ABLabel:Ferien\nEMAIL:b@x.org\nEMAIL:a@x.org\n\
        CATEGORIES:x,y\\,z\nHOME.ADR:;;S 1;;;;\nX-FOO;A=\"b;c\":v\nEND:VCARD\n");
    let item = &parsed.item;
    assert_eq!(item.kind, kind::VCARD);
    assert_eq!(item.value("NAME"), Some("FN:A B\nN:B;A;;;"));
    let of = |name: &str| -> Vec<&str> {
        item.values
            .iter()
            .filter(|(at, _)| crate::item::key::name(at) == name)
            .map(|(_, v)| v.as_str())
            .collect()
    };
    assert_eq!(of("TEL"), ["TYPE=CELL:+43 1\nX-ABLabel:Ferien"]);
    assert_eq!(of("CATEGORIES").len(), 2);
    assert_eq!(of("ADR"), [".HOME:;;S 1;;;;"]);
    let (text, second) = again(&parsed);
    assert_eq!(second.item, *item);
    assert!(
        text.find("b@x.org") < text.find("a@x.org"),
        "the first address stays the first"
    );
    assert!(text.contains("HOME.ADR:") && text.contains("item1.TEL;TYPE=CELL:+43 1"));
}

#[test]
fn a_card_of_version_2_1_is_kept_in_the_words_of_3_0() {
    let parsed = one(
        "BEGIN:VCARD\nVERSION:2.1\nN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BC=\n\
        ller;J\nTEL;HOME;VOICE:1\nNOTE;ENCODING=QUOTED-PRINTABLE:a=0D=0Ab, c\nEND:VCARD\n",
    );
    let item = &parsed.item;
    assert_eq!(item.value("NAME"), Some("N:Müller;J"));
    assert_eq!(item.value("NOTE"), Some(":a\\nb\\, c"));
    assert!(item.values.values().any(|v| v == "TYPE=HOME,VOICE:1"));
    assert_eq!(again(&parsed).1.item, *item);
}

#[test]
fn a_photo_is_kept_outside_and_comes_back_byte_for_byte() {
    let bytes: Vec<u8> = (0..5000_u32).map(|n| (n * 7 % 251) as u8).collect();
    let coded = encode_base64(&bytes);
    for line in [
        format!("PHOTO;ENCODING=b;TYPE=JPEG:{coded}"),
        format!("PHOTO:data:image/jpeg;base64,{coded}"),
    ] {
        let parsed = one(&format!(
            "BEGIN:VCARD\nVERSION:4.0\nUID:u\nFN:A\n{line}\nEND:VCARD\n"
        ));
        assert_eq!(parsed.blobs.len(), 1);
        assert_eq!(parsed.blobs[0].bytes, bytes);
        assert_eq!(parsed.item.blobs(), [parsed.blobs[0].hash]);
        let (text, second) = again(&parsed);
        assert_eq!(second.item, parsed.item);
        assert!(text.replace("\r\n ", "").contains(&line));
    }
}

const SERIES: &str = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nX-WR-CALNAME:Home\nBEGIN:VTIMEZONE\n\
    TZID:Europe/Vienna\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\n\
    TZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nUID:e\nDTSTAMP:20250101T000000Z\n\
    DTSTART;TZID=Europe/Vienna:20250106T100000\nDTEND;TZID=Europe/Vienna:20250106T110000\n\
    RRULE:FREQ=WEEKLY\nEXDATE;TZID=Europe/Vienna:20250113T100000,20250120T100000\nSUMMARY:S\n\
    BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT15M\nACKNOWLEDGED:20250101T000000Z\nEND:VALARM\n\
    END:VEVENT\nBEGIN:VEVENT\nUID:e\nRECURRENCE-ID;TZID=Europe/Vienna:20250127T100000\n\
    DTSTART;TZID=Europe/Vienna:20250127T120000\nSUMMARY:moved\nEND:VEVENT\nEND:VCALENDAR\n";

#[test]
fn an_event_and_its_overrides_are_one_item_with_its_zone() {
    let parsed = one(SERIES);
    let item = &parsed.item;
    assert_eq!(item.overrides(), ["Europe%2FVienna:20250127T100000"]);
    let when = item.value("WHEN").unwrap();
    assert!(when.starts_with("DTSTART;TZID=Europe/Vienna:20250106T100000\nDTEND;"));
    let zones: Vec<_> = when.split('\n').filter_map(register::zone_of).collect();
    assert_eq!(zones.len(), 1);
    assert_eq!(
        parsed.blobs.len(),
        1,
        "one definition, however often it is named"
    );
    assert_eq!(
        item.values
            .keys()
            .filter(|at| at.starts_with("EXDATE#"))
            .count(),
        2
    );
    assert_eq!(item.value("CAL/X-WR-CALNAME"), Some(":Home"));
    let (text, second) = again(&parsed);
    assert_eq!(second.item, *item);
    assert_eq!(text.matches("BEGIN:VTIMEZONE").count(), 1);
    assert!(text.contains("ACKNOWLEDGED:20250101T000000Z"));
}

#[test]
fn a_zone_is_the_same_with_and_without_the_escapes_of_a_text() {
    let text = "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VTIMEZONE\nTZID:Kuala Lumpur\\, Singapore\n\
        BEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0800\nTZOFFSETTO:+0800\n\
        END:STANDARD\nEND:VTIMEZONE\n\
        BEGIN:VEVENT\nUID:a\nDTSTART;TZID=\"Kuala Lumpur, Singapore\":20250101T100000\nEND:VEVENT\n\
        BEGIN:VEVENT\nUID:b\nDTSTART;TZID=\"Kuala Lumpur\\, Singapore\":20250101T100000\nEND:VEVENT\n\
        END:VCALENDAR\n";
    let first = read(text);
    assert_eq!(first.len(), 2, "the zone travels with both");
    assert!(first.iter().all(|parsed| parsed.blobs.len() == 1));
    let zone = first[0].blobs[0].bytes.clone();
    let mut calendars = Calendars::default();
    for parsed in &first {
        calendars.add(&parsed.item, &|_: BlobHash| Some(zone.clone()));
    }
    let written = calendars.finish().text;
    assert_eq!(written.matches("BEGIN:VTIMEZONE").count(), 1, "{written}");
    let second = read(&written.replace("\r\n", "\n"));
    let items = |all: &[Parsed]| all.iter().map(|p| p.item.clone()).collect::<Vec<_>>();
    assert_eq!(items(&second), items(&first));
}

#[test]
fn a_time_zone_without_end_does_not_swallow_the_event() {
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:e\nDTSTART;TZID=Z:20250101T100000\nEND:VEVENT\n\
        BEGIN:VTIMEZONE\nTZID:Z\nBEGIN:STANDARD\nTZNAME:z\nEND:VCALENDAR\n";
    let parsed = one(text);
    assert_eq!(parsed.blobs.len(), 1);
    assert_eq!(again(&parsed).1.item, parsed.item);
}

#[test]
fn a_time_zone_that_swallowed_events_of_its_own_zone_is_one_item() {
    let parsed = one(
        "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Z\nBEGIN:VEVENT\nUID:e\n\
         DTSTART;TZID=Z:20250101T100000\nEND:VEVENT\nEND:VCALENDAR\n",
    );
    assert_eq!(again(&parsed).1.item, parsed.item);
}

#[test]
fn broken_base64_of_an_unknown_component_does_not_swallow_the_line_after_it() {
    let broken = format!("{}_{}", "QUJD".repeat(20), "QUJD".repeat(20));
    let parsed = one(&format!(
        "BEGIN:VEVENT\nUID:e\nBEGIN:X-A\nKEY;ENCODING=b:QUJD\n{broken}\nEND:X-A\nEND:VEVENT\n"
    ));
    assert_eq!(again(&parsed).1.item, parsed.item);
}

#[test]
fn a_component_without_end_within_another_of_its_name_gets_one() {
    let parsed = one(
        "BEGIN:VEVENT\nUID:e\nBEGIN:X-A\nP:1\nBEGIN:X-A\nP:2\nBEGIN:X-B\nP:3\nEND:X-C\nEND:VEVENT\n",
    );
    let at = parsed
        .item
        .values
        .keys()
        .find(|at| at.starts_with("C/"))
        .unwrap();
    let lines =
        "P:1\nBEGIN:X-A\nP:2\nBEGIN:X-B\nP:3\nX-PIMESH-UNREADABLE:END:X-C\nEND:X-B\nEND:X-A";
    assert_eq!(parsed.item.value(at), Some(lines));
    assert_eq!(again(&parsed).1.item, parsed.item);
}

#[test]
fn a_time_zone_with_a_uid_keeps_it() {
    let parsed =
        one("BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Z\nUID:z\nEND:VTIMEZONE\nEND:VCALENDAR\n");
    assert_eq!(parsed.item.uid, "z");
    assert_eq!(again(&parsed).1.item.doc_id(), parsed.item.doc_id());
}

#[test]
fn what_is_cut_off_or_too_deep_is_refused_with_line_and_reason() {
    let text = Text::read(b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nEND:VEVENT\nBEGIN:VEVENT\nUID:b")
        .unwrap();
    assert_eq!(text.len(), 1);
    assert_eq!(text.counts().begun, 2);
    assert_eq!(text.counts().refused[0].line, 5);
    assert!(text.counts().refused[0].reason.contains("cut off"));
}

#[test]
fn a_line_that_is_none_is_kept_with_the_text_before_it() {
    let parsed = one("BEGIN:VEVENT\nUID:a\nDESCRIPTION:one\ntwo, three\nEND:VEVENT\n");
    assert_eq!(
        parsed.item.value("DESCRIPTION"),
        Some(":one\\ntwo\\, three")
    );
    assert_eq!(parsed.problems[0].line, 4);
}

#[test]
fn the_same_uid_twice_gives_two_texts_of_one_item() {
    let event = |s: &str| format!("BEGIN:VEVENT\nUID:a\nSUMMARY:{s}\nEND:VEVENT\n");
    let all = read(&format!(
        "BEGIN:VCALENDAR\n{}{}END:VCALENDAR\n",
        event("1"),
        event("2")
    ));
    assert_eq!(all.len(), 2);
    assert_eq!(all[0].item.doc_id(), all[1].item.doc_id());
}

/// Every file below a folder, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut out = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path)
            } else {
                out.push(path)
            }
        }
    }
    out.sort();
    out
}

#[test]
fn every_item_of_the_corpus_survives_being_written_and_read_again() {
    let Some(corpus) = std::env::var_os("PIMESH_CORPUS") else {
        eprintln!("skipped: PIMESH_CORPUS is not set");
        return;
    };
    let (mut items, mut refused) = (0, 0);
    for folder in ["vcard", "icalendar", "hostile", "timezones"] {
        for path in files(&Path::new(&corpus).join("corpus").join(folder)) {
            let text = Text::read(&std::fs::read(&path).unwrap()).unwrap();
            let mut made = 0;
            refused += text.counts().refused.len();
            for index in 0..text.len() {
                let Ok(parsed) = text.item(index) else {
                    refused += 1;
                    made += text.components_of(index);
                    continue;
                };
                made += text.components_of(index);
                items += 1;
                let (rendered, second) = again(&parsed);
                let edits = diff(&parsed.item, &second.item, Absence::Deletes);
                assert_eq!(edits, [], "{}: {rendered}", path.display());
                let back = diff(&second.item, &parsed.item, Absence::Deletes);
                assert_eq!(back, [], "{}: {rendered}", path.display());
                assert_eq!(
                    parsed.item.doc_id(),
                    second.item.doc_id(),
                    "{}",
                    path.display()
                );
            }
            let counts = text.counts();
            assert_eq!(
                counts.begun,
                made + counts.zones + counts.refused.len(),
                "{}",
                path.display()
            );
        }
    }
    eprintln!("{items} items, {refused} refused");
    assert!(items > 1000);
}
