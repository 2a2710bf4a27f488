//! Zones against what RFC 5545 and the IANA database say of them.

use proptest::prelude::*;

use super::super::bounds::{LONGEST_DEFINITION, MOST_ONSETS};
use super::super::value::date_time;
use super::*;
use crate::BlobHash;

/// Berlin as Outlook writes it: one year's rules, since 1601.
const OUTLOOK: &str = "BEGIN:VTIMEZONE\nTZID:W. Europe Standard Time\n\
    BEGIN:STANDARD\nDTSTART:16010101T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\n\
    RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10\nEND:STANDARD\n\
    BEGIN:DAYLIGHT\nDTSTART:16010101T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\n\
    RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3\nEND:DAYLIGHT\nEND:VTIMEZONE";

fn local(text: &str) -> Local {
    date_time(text).unwrap().0
}

/// What is found behind a TZID that comes with this definition.
fn resolve(tzid: &str, definition: Option<&str>) -> Resolved {
    let bytes = definition.map(|text| text.as_bytes().to_vec());
    let blobs = |_: BlobHash| bytes.clone();
    let hash = definition.map(|text| BlobHash::of(text.as_bytes()));
    Zones::new(&blobs).resolve(tzid, hash, (2020, 2030))
}

fn utc(zone: &Zone, time: &str) -> String {
    zone.instant(local(time)).to_string()
}

#[test]
fn a_gap_takes_the_offset_before_it_and_a_fold_its_first_pass() {
    for zone in [
        Zone::named("Europe/Berlin").unwrap(),
        resolve("Custom", Some(OUTLOOK)).zone.unwrap(),
    ] {
        assert_eq!(utc(&zone, "20250330T013000"), "20250330T003000Z");
        assert_eq!(utc(&zone, "20250330T023000"), "20250330T013000Z", "gap");
        assert_eq!(utc(&zone, "20250330T033000"), "20250330T013000Z");
        assert_eq!(utc(&zone, "20251026T023000"), "20251026T003000Z", "fold");
        assert_eq!(utc(&zone, "20251026T030000"), "20251026T020000Z");
        let after_gap = zone.local(Instant(local("20250330T013000").0));
        assert_eq!(after_gap, local("20250330T033000"));
    }
}

#[test]
fn names_are_found_however_programs_write_them() {
    let name = |tzid| resolve(tzid, None).name;
    for tzid in [
        "Europe/Berlin",
        "europe/berlin",
        "W. Europe Standard Time",
        "/mozilla.org/20050126_1/Europe/Berlin",
        "/freeassociation.sourceforge.net/Europe/Berlin",
    ] {
        assert_eq!(name(tzid).as_deref(), Some("Europe/Berlin"), "{tzid}");
    }
    let buenos_aires = "/citadel.org/20190914_1/America/Argentina/Buenos_Aires";
    assert_eq!(
        name(buenos_aires).as_deref(),
        Some("America/Argentina/Buenos_Aires")
    );
    assert_eq!(name("tzone://Microsoft/Utc").as_deref(), Some("UTC"));
    for tzid in [
        "Customized Time Zone",
        "/Europe/CUSTOM",
        "",
        "/",
        "0",
        "Berlin",
        "//////",
    ] {
        assert_eq!(name(tzid), None, "{tzid}");
    }
}

#[test]
fn every_zone_of_windows_is_one_that_we_know() {
    // the rows of CLDR's table that the whole world uses
    for tzid in [
        "Dateline Standard Time",
        "Pacific Standard Time",
        "Central Standard Time (Mexico)",
        "E. South America Standard Time",
        "GMT Standard Time",
        "Russian Standard Time",
        "India Standard Time",
        "China Standard Time",
        "AUS Eastern Standard Time",
        "UTC",
        "UTC+13",
        "Line Islands Standard Time",
        "Greenland Standard Time",
    ] {
        assert!(resolve(tzid, None).zone.is_some(), "{tzid}");
    }
}

#[test]
fn an_unknown_name_is_computed_by_its_definition() {
    let resolved = resolve("Customized Time Zone", Some(OUTLOOK));
    assert_eq!((resolved.name, resolved.problem), (None, None));
    assert!(resolved.other.is_none());
    assert_eq!(
        utc(&resolved.zone.unwrap(), "20250701T120000"),
        "20250701T100000Z"
    );
}

#[test]
fn a_known_name_wins_over_its_definition_and_both_are_there() {
    let wrong = OUTLOOK.replace("TZOFFSETTO:+0200", "TZOFFSETTO:+0230");
    let resolved = resolve("Europe/Berlin", Some(&wrong));
    assert_eq!(
        utc(&resolved.zone.unwrap(), "20250701T120000"),
        "20250701T100000Z"
    );
    assert_eq!(
        utc(&resolved.other.unwrap(), "20250701T120000"),
        "20250701T093000Z"
    );
}

#[test]
fn a_broken_definition_says_where_its_writer_was() {
    let text = "BEGIN:VTIMEZONE\nTZID:x\nX-LIC-LOCATION:Asia/Tokyo\nEND:VTIMEZONE";
    let resolved = resolve("x", Some(text));
    assert_eq!(resolved.problem, Some(DefinitionError::Empty));
    assert_eq!(
        utc(&resolved.zone.unwrap(), "20250701T120000"),
        "20250701T030000Z"
    );
}

#[test]
fn before_the_first_onset_and_after_the_last_an_offset_holds() {
    let once = "BEGIN:VTIMEZONE\nBEGIN:STANDARD\nDTSTART:20200101T000000\nRDATE:20210101T000000\n\
        TZOFFSETFROM:+0500\nTZOFFSETTO:+0600\nEND:STANDARD\nBEGIN:DAYLIGHT\n\
        DTSTART:18500101T000000\nTZOFFSETFROM:+0300\nTZOFFSETTO:+0500\n\
        RRULE:FREQ=YEARLY;UNTIL=18600101T000000Z\nEND:DAYLIGHT\nEND:VTIMEZONE";
    let zone = resolve("x", Some(once)).zone.unwrap();
    assert_eq!(utc(&zone, "18400101T120000"), "18400101T090000Z");
    assert_eq!(
        utc(&zone, "19500101T120000"),
        "19500101T070000Z",
        "its rule has ended"
    );
    assert_eq!(utc(&zone, "20900101T120000"), "20900101T060000Z");
}

#[test]
fn a_definition_without_end_of_onsets_is_refused() {
    let every = |freq: &str| OUTLOOK.replace("FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10", freq);
    for freq in [
        "FREQ=SECONDLY",
        "FREQ=DAILY;COUNT=99999999",
        "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30;COUNT=9",
    ] {
        let problem = resolve("x", Some(&every(freq))).problem;
        assert_eq!(
            problem,
            Some(DefinitionError::TooManyOnsets { limit: MOST_ONSETS }),
            "{freq}"
        );
    }
    assert_eq!(
        resolve("x", Some(&every("FREQ=NEVER"))).problem,
        Some(DefinitionError::BadRule)
    );
    let long = OUTLOOK.replace("END:VTIMEZONE", &"X-A:b\n".repeat(LONGEST_DEFINITION / 6));
    assert!(matches!(
        resolve("x", Some(&long)).problem,
        Some(DefinitionError::TooLong { .. })
    ));
}

proptest! {
    #[test]
    fn a_right_definition_and_its_name_mean_the_same(at in 946_684_800_i64..4_000_000_000) {
        let named = Zone::named("Europe/Berlin").unwrap();
        let defined = resolve("x", Some(OUTLOOK)).zone.unwrap();
        prop_assert_eq!(named.instant(Local(at)), defined.instant(Local(at)));
        prop_assert_eq!(named.local(Instant(at)), defined.local(Instant(at)));
    }

    #[test]
    fn any_definition_is_read_or_refused(lines in proptest::collection::vec(prop_oneof![
        proptest::sample::select(OUTLOOK.lines().map(str::to_owned).collect::<Vec<_>>()),
        "(RDATE|DTSTART|TZOFFSETTO|RRULE)[;:]\\PC{0,40}",
        "RRULE:FREQ=(DAI|HOUR|SECOND|YEAR)LY;(COUNT|INTERVAL|BYSETPOS)=[0-9]{1,9}",
    ], 0..30), at in -90_000_000_000_i64..300_000_000_000) {
        let text = lines.join("\n");
        let resolved = resolve("x", Some(&text));
        prop_assert_eq!(resolved.zone.is_none(), resolved.problem.is_some());
        if let Some(zone) = resolved.zone {
            let offset = at - zone.instant(Local(at)).0;
            prop_assert!(offset.abs() < 86_400);
        }
    }
}
