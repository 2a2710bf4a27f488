//! `canon-1` against its vectors.

use super::*;

/// One line each: property, stored value, comparison form, element key. `␊` is a line feed.
const VECTORS: &str = include_str!("vectors.tsv");

#[test]
fn canon_1_gives_the_forms_and_keys_it_always_gave() {
    let mut count = 0;
    for line in VECTORS.lines().filter(|line| !line.starts_with("# ")) {
        let parts: Vec<String> = line
            .split('\t')
            .map(|part| part.replace('␊', "\n"))
            .collect();
        let [name, stored, expected, element] = &parts[..] else {
            panic!("{line}")
        };
        assert_eq!(&form(name, stored), expected, "{name} {stored}");
        assert_eq!(&key::element(name, stored), element, "{name} {stored}");
        count += 1;
    }
    assert!(count >= 150, "{count} vectors");
}

#[test]
fn a_uid_is_trimmed_and_only_a_uuid_is_lower_cased() {
    let bare = "550e8400-e29b-41d4-a716-446655440000";
    assert_eq!(uid(&format!(" urn:uuid:{} ", bare.to_uppercase())), bare);
    assert_eq!(uid(&bare.to_uppercase()), bare);
    assert_eq!(uid("urn:uuid:Anna"), "urn:uuid:Anna");
    assert_eq!(uid("<Anna@Example.org>"), "<Anna@Example.org>");
}

#[test]
fn the_same_digits_in_quotes_and_out_of_them_are_not_confused() {
    for (a, b) in [
        ("A=\"b:c\":d", "A=b:c:d"),
        ("A=\"b;C=d\":v", "A=b;C=d:v"),
        ("A=\"b,c\":v", "A=b,c:v"),
        ("A=b;A=a:v", "A=a;A=b:v"),
    ] {
        assert!(!same("X-FOO", a, b), "{a} {b}");
    }
    assert!(!same("ADR", ":a\\\\;b", ":a\\;b"));
}

#[test]
fn a_derived_uid_does_not_depend_on_book_keeping_order_or_form() {
    let mut a = Item::new("vcard", "");
    a.values.insert("NAME".into(), "FN:Anna\nN:A;B;;;".into());
    a.values
        .insert("TEL#1".into(), "TYPE=VOICE,cell:+43 1".into());
    a.values.insert("REV".into(), ":20250101T000000Z".into());
    let mut b = Item::new("vcard", "");
    b.values.insert("TEL#2".into(), "TYPE=CELL:tel:+431".into());
    b.values.insert("NAME".into(), "N:A;B\nFN:Anna ".into());
    assert_eq!(derived_uid(&a), derived_uid(&b));
    b.values.insert("CAL/X-WR-CALNAME".into(), ":Home".into());
    b.values
        .insert("ALARM#1/ack".into(), ":20250101T000000Z".into());
    assert_eq!(derived_uid(&a), derived_uid(&b));
    b.values.insert("NOTE".into(), ":x".into());
    assert_ne!(derived_uid(&a), derived_uid(&b));
}
