//! Random texts, with all that programs write and some that none should.

use proptest::prelude::*;

use super::{Parsed, Text};

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-zA-Z0-9 ]{0,12}",
        2 => "[a-c,;:.=@\\\\\"' äö€😀\t-]{0,24}",
        1 => "[a-z,\\\\]{60,180}",
        1 => "\\PC{0,20}",
        1 => prop::sample::select(vec![
            "+43 1 234", "tel:+43-1-234", "Anna@Example.org", "1985-04-12", "a\\", "a\\,", "\\\\",
            ";;;;", "@@", "http://example.org/a?b=c;d", "20250101T100000Z", "-PT15M", "=C3=B6",
        ]).prop_map(str::to_owned),
    ]
}

fn params() -> impl Strategy<Value = String> {
    let one = prop_oneof![
        Just(";TYPE=home".to_owned()),
        Just(";TYPE=HOME,voice".to_owned()),
        Just(";TYPE=pref".to_owned()),
        Just(";PREF=1".to_owned()),
        Just(";X-A=\"b;c:d,e\"".to_owned()),
        Just(";LANGUAGE=de".to_owned()),
        Just(";VALUE=DATE".to_owned()),
        "[a-z]{1,3}".prop_map(|v| format!(";X-B={v}")),
    ];
    prop::collection::vec(one, 0..3).prop_map(|all| all.concat())
}

fn property(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    (prop::sample::select(names), params(), value())
        .prop_map(|(name, params, value)| format!("{name}{params}:{value}"))
}

const OF_CARDS: &[&str] = &[
    "FN",
    "N",
    "TEL",
    "TEL",
    "EMAIL",
    "EMAIL",
    "ADR",
    "NOTE",
    "ORG",
    "CATEGORIES",
    "NICKNAME",
    "BDAY",
    "URL",
    "X-FOO",
    "X-FOO",
    "REV",
    "PRODID",
    "item1.TEL",
    "item1.X-ABLabel",
    "item2.NICKNAME",
    "item2.X-ABLabel",
    "HOME.TEL",
    "x-lower",
    "PHOTO",
    "NAME",
    "WHEN",
    "UID",
];

const OF_EVENTS: &[&str] = &[
    "SUMMARY",
    "DESCRIPTION",
    "DTSTART",
    "DTEND",
    "DURATION",
    "RRULE",
    "EXDATE",
    "EXDATE",
    "RDATE",
    "CATEGORIES",
    "RESOURCES",
    "ATTENDEE",
    "ATTENDEE",
    "ORGANIZER",
    "X-FOO",
    "DTSTAMP",
    "SEQUENCE",
    "STATUS",
    "LOCATION",
    "COMMENT",
    "NAME",
    "ALARM",
    "C",
    "X-MOZ-LASTACK",
    "URL",
    "ATTACH",
];

/// The lines of a contact besides its frame and UID.
pub(crate) fn card_lines() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(property(OF_CARDS), 0..14)
}

/// The lines of an event besides its frame and UID, alarms and unknown components included.
pub(crate) fn event_lines() -> impl Strategy<Value = Vec<String>> {
    let nested = (
        prop::sample::select(vec!["VALARM", "X-PART", "X-CAL"]),
        prop::collection::vec(
            property(&[
                "ACTION",
                "TRIGGER",
                "DESCRIPTION",
                "UID",
                "ACKNOWLEDGED",
                "X-FOO",
                "ATTACH",
            ]),
            0..5,
        ),
    )
        .prop_map(|(name, lines)| format!("BEGIN:{name}\r\n{}END:{name}", ended(&lines)));
    let line = prop_oneof![8 => property(OF_EVENTS), 1 => nested];
    prop::collection::vec(line, 0..14)
}

fn ended(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\r\n")).collect()
}

/// The only item of a text, if the text makes one.
pub(crate) fn only(text: &str) -> Option<Parsed> {
    let text = Text::read(text.as_bytes()).unwrap();
    (text.len() == 1).then(|| text.item(0).unwrap())
}

/// A contact with these lines.
pub(crate) fn card(version: &str, lines: &[String]) -> Parsed {
    let lines = ended(lines);
    let text = format!("BEGIN:VCARD\r\nVERSION:{version}\r\nUID:u\r\n{lines}END:VCARD\r\n");
    only(&text).unwrap()
}

/// An event with these lines, and with an occurrence of its own where there are some for it.
pub(crate) fn event(lines: &[String], occurrence: &[String]) -> Parsed {
    let mut out = format!(
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:e\r\nDTSTAMP:20250101T000000Z\r\n{}END:VEVENT\r\n",
        ended(lines)
    );
    if !occurrence.is_empty() {
        out += &format!(
            "BEGIN:VEVENT\r\nUID:e\r\nRECURRENCE-ID;TZID=A/B:20250101T100000\r\n{}END:VEVENT\r\n",
            ended(occurrence)
        );
    }
    only(&(out + "END:VCALENDAR\r\n")).unwrap()
}
