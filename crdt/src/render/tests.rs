//! What is written is read again as it was.

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::normalise::Parsed;
use crate::normalise::tests::generator::{card, card_lines, event, event_lines, only};

/// Writes an item and reads it again.
fn again(parsed: &Parsed) -> (String, Parsed) {
    let blobs: HashMap<BlobHash, Vec<u8>> = parsed
        .blobs
        .iter()
        .map(|blob| (blob.hash, blob.bytes.clone()))
        .collect();
    let rendered = render(&parsed.item, &|hash: BlobHash| blobs.get(&hash).cloned());
    assert_eq!(rendered.missing, []);
    let parsed = only(&rendered.text).unwrap();
    (rendered.text, parsed)
}

/// What every text must be: lines of at most 75 octets, ended by CRLF, that are lines.
fn is_well_formed(text: &str) -> bool {
    text.ends_with("\r\n")
        && text
            .split("\r\n")
            .all(|line| line.len() <= 75 && !line.contains(['\r', '\n']))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_card_survives_being_written_and_read(
        version in prop::sample::select(vec!["2.1", "3.0", "4.0"]),
        lines in card_lines(),
    ) {
        let first = card(version, &lines);
        let (text, second) = again(&first);
        prop_assert!(is_well_formed(&text), "{}", text);
        prop_assert_eq!(&first.item, &second.item, "{}", text);
        prop_assert_eq!(again(&second).0, text);
    }

    #[test]
    fn an_event_survives_being_written_and_read(lines in event_lines(), other in event_lines()) {
        let first = event(&lines, &other);
        let (text, second) = again(&first);
        prop_assert!(is_well_formed(&text), "{}", text);
        prop_assert_eq!(&first.item, &second.item, "{}", text);
        prop_assert_eq!(again(&second).0, text);
    }
}

#[test]
fn a_long_line_is_folded_between_characters() {
    let parsed = card("4.0", &[format!("NOTE:{}", "ä€😀".repeat(60))]);
    let (text, second) = again(&parsed);
    assert!(is_well_formed(&text), "{text}");
    assert!(text.split("\r\n").any(|line| line.len() > 70));
    assert_eq!(second.item, parsed.item);
}

#[test]
fn a_quoted_printable_line_is_not_folded_after_its_escapes_begin() {
    for n in 0..80 {
        let coded = format!(
            "NOTE;ENCODING=QUOTED-PRINTABLE:{}{}",
            "x".repeat(n),
            "=C3=B6".repeat(30)
        );
        let nested = format!("BEGIN:X-PART\r\n{coded}\r\nEND:X-PART");
        let parsed = event(&[nested], &[]);
        assert_eq!(again(&parsed).1.item, parsed.item);
    }
}

#[test]
fn elements_of_a_list_share_a_line_where_their_parameters_agree() {
    let lines = ["CATEGORIES:a,b", "CATEGORIES;LANGUAGE=de:c", "CATEGORIES:d"];
    let (text, _) = again(&card("3.0", &lines.map(str::to_owned)));
    let plain = text
        .lines()
        .find(|line| line.starts_with("CATEGORIES:"))
        .unwrap();
    assert_eq!(plain.len(), "CATEGORIES:a,b,d".len(), "{text}");
    assert!(text.contains("CATEGORIES;LANGUAGE=de:c\r\n"));
}

#[test]
fn a_backslash_at_the_end_of_an_element_does_not_swallow_the_next() {
    let lines = ["CATEGORIES:a\\", "CATEGORIES:b"].map(str::to_owned);
    let parsed = card("3.0", &lines);
    assert_eq!(again(&parsed).1.item, parsed.item);
}

#[test]
fn a_label_of_one_nickname_does_not_become_part_of_another() {
    let lines = ["item1.NICKNAME:a", "item1.X-ABLabel:l", "NICKNAME:b"].map(str::to_owned);
    let parsed = card("3.0", &lines);
    assert_eq!(again(&parsed).1.item, parsed.item);
}

#[test]
fn bytes_that_have_not_arrived_leave_their_property_out_and_are_named() {
    let photo = format!("PHOTO;ENCODING=b:{}", "QUJD".repeat(1000));
    let parsed = card("3.0", &["FN:A".to_owned(), photo]);
    let rendered = render(&parsed.item, &|_| None);
    assert_eq!(rendered.missing, [parsed.blobs[0].hash]);
    assert!(rendered.text.contains("FN:A") && !rendered.text.contains("PHOTO"));
}

#[test]
fn a_text_that_looks_like_bytes_of_ours_is_written_as_it_was() {
    let mark = format!("@{}", BlobHash::of(b"x"));
    let lines = [format!("X-FOO:{mark}"), format!("NOTE:data:;base64,{mark}")];
    let parsed = card("3.0", &lines);
    let (text, second) = again(&parsed);
    assert_eq!(second.item, parsed.item);
    assert!(text.replace("\r\n ", "").contains(&format!("X-FOO:{mark}")));
    let photo = card("3.0", &[format!("PHOTO;ENCODING=b:{mark}")]);
    assert_eq!(photo.item.blobs(), []);
    let alarm = format!("BEGIN:VALARM\r\n@{mark}\r\nEND:VALARM");
    let parsed = event(&[alarm], &[]);
    assert_eq!(parsed.item.blobs(), []);
    assert_eq!(again(&parsed).1.item, parsed.item);
}

#[test]
fn an_acknowledgement_in_a_group_is_left_where_it_stands() {
    let alarm = "BEGIN:VALARM\r\naaaaaaaaaaaé.ACKNOWLEDGED:20250101T000000Z\r\nEND:VALARM";
    let parsed = event(&[alarm.to_owned()], &[]);
    assert_eq!(again(&parsed).1.item, parsed.item);
}

#[test]
fn a_second_version_does_not_make_a_calendar_an_old_one() {
    let text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nVERSION:1.0\r\nBEGIN:VEVENT\r\nUID:e\r\n\
        X-A:\\\"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    let first = only(text).unwrap();
    assert_eq!(again(&first).1.item, first.item);
}

#[test]
fn parameters_with_a_quote_that_does_not_close_stay_as_they_are() {
    let text = "BEGIN:VCARD\r\nVERSION:2.1\r\nN:A\r\nX-E;Y=\";\";\":I\r\nEND:VCARD\r\n";
    let first = only(text).unwrap();
    let (written, second) = again(&first);
    assert_eq!(second.item, first.item);
    assert!(written.contains("X-E;Y=\";\";\":I"), "{written}");
}

#[test]
fn what_is_written_of_a_message_is_no_message() {
    let event = |uid: &str, method: &str| {
        let text = format!(
            "BEGIN:VCALENDAR\nVERSION:2.0\n{method}BEGIN:VEVENT\nUID:{uid}\n\
             DTSTART:20270101T100000Z\nEND:VEVENT\nEND:VCALENDAR\n"
        );
        only(&text).unwrap().item
    };
    let mut calendars = Calendars::default();
    for method in ["", "METHOD:REQUEST\n", "METHOD:CANCEL\n"] {
        calendars.add(&event(&format!("e{}", method.len()), method), &|_| None);
    }
    let text = calendars.finish().text;
    assert!(!text.contains("METHOD"), "{text}");
    assert_eq!(text.matches("BEGIN:VCALENDAR").count(), 1, "{text}");
}

#[test]
fn a_card_within_a_card_is_one_text_as_version_3_has_it() {
    let old = "BEGIN:VCARD\nVERSION:2.1\nUID:v\nFN:A\nAGENT:\nBEGIN:VCARD\nVERSION:2.1\nN:Fred;B\n\
               TEL;WORK;VOICE:1\nNOTE;QUOTED-PRINTABLE:a=2C b\nEND:VCARD\nTITLE:Dr\nEND:VCARD\n";
    let parsed = only(old).unwrap();
    let card = "AGENT:BEGIN:VCARD\\nVERSION:3.0\\nN:Fred\\;B\\nTEL\\;TYPE=WORK\\,VOICE:1\\n\
                NOTE:a\\\\\\, b\\nEND:VCARD\\n\r\n";
    let (text, read) = again(&parsed);
    assert!(text.replace("\r\n ", "").contains(card), "{text}");
    assert_eq!(text.matches("BEGIN:VCARD\r\n").count(), 1, "{text}");
    assert_eq!(read.item, parsed.item);
    assert_eq!(parsed.item.value("TITLE"), Some(":Dr"));
}
