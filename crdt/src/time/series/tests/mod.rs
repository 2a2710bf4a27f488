//! Items in, occurrences out: overrides, exceptions, windows, bounds.

mod examine;
mod hostile;
mod kept;

use std::collections::HashMap;

use super::*;
use crate::BlobHash;
use crate::normalise::{Parsed, Text};
use crate::time::value::date_time;
use crate::time::{RuleError, Window, Zone, Zones};

/// The item of a calendar with these events, each without its UID and frame.
fn parsed(events: &[&str]) -> Parsed {
    let mut text = String::from("BEGIN:VCALENDAR\nVERSION:2.0\n");
    for event in events {
        text += &format!("BEGIN:VEVENT\nUID:u\n{}\nEND:VEVENT\n", event.trim());
    }
    text += "END:VCALENDAR\n";
    Text::read(text.as_bytes()).unwrap().item(0).unwrap()
}

fn window(from: &str, to: &str) -> Window {
    let local = |text| date_time(text).unwrap().0;
    Window::new(local(from), local(to), &Zone::UTC)
}

fn within(events: &[&str], from: &str, to: &str) -> Expansion {
    let parsed = parsed(events);
    let blobs: HashMap<BlobHash, Vec<u8>> = parsed
        .blobs
        .iter()
        .map(|b| (b.hash, b.bytes.clone()))
        .collect();
    let blobs = |hash: BlobHash| blobs.get(&hash).cloned();
    expand(&parsed.item, &Zones::new(&blobs), window(from, to))
}

fn in_2025(events: &[&str]) -> Expansion {
    within(events, "20250101", "20260101")
}

fn moment(moment: Moment) -> String {
    match moment {
        Moment::Date(day) => day.to_string()[..8].to_owned(),
        Moment::Floating(local) => local.to_string(),
        Moment::At(at) => at.to_string(),
    }
}

fn starts(expansion: &Expansion) -> Vec<String> {
    expansion
        .occurrences
        .iter()
        .map(|one| moment(one.start))
        .collect()
}

const DAILY: &str =
    "DTSTART;TZID=Europe/Berlin:20250328T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4";

#[test]
fn a_meeting_stays_at_its_hour_when_the_clocks_change() {
    assert_eq!(
        starts(&in_2025(&[DAILY])),
        [
            "20250328T080000Z",
            "20250329T080000Z",
            "20250330T070000Z",
            "20250331T070000Z"
        ]
    );
}

#[test]
fn hours_go_by_the_clock_and_an_hour_that_it_leaps_over_is_the_next_ones() {
    let hourly = "DTSTART;TZID=Europe/Berlin:20250330T000000\nRRULE:FREQ=HOURLY;COUNT=5";
    assert_eq!(
        starts(&in_2025(&[hourly])),
        [
            "20250329T230000Z",
            "20250330T000000Z",
            "20250330T010000Z",
            "20250330T020000Z"
        ]
    );
}

#[test]
fn dates_and_floating_times_stay_what_they_are() {
    let date = in_2025(&["DTSTART;VALUE=DATE:20250130\nRRULE:FREQ=MONTHLY;COUNT=3"]);
    assert_eq!(starts(&date), ["20250130", "20250330", "20250430"]);
    assert_eq!(moment(date.occurrences[0].end), "20250131");
    let floating = in_2025(&["DTSTART:20250101T100000\nRRULE:FREQ=YEARLY;COUNT=1"]);
    assert_eq!(starts(&floating), ["20250101T100000"]);
}

#[test]
fn dtend_lasts_as_long_each_time_and_duration_as_many_days() {
    let over_the_change = |end: &str| {
        let event =
            format!("DTSTART;TZID=Europe/Berlin:20250322T120000\n{end}\nRRULE:FREQ=WEEKLY;COUNT=2");
        moment(in_2025(&[&event]).occurrences[1].end)
    };
    assert_eq!(
        over_the_change("DTEND;TZID=Europe/Berlin:20250323T120000"),
        "20250330T110000Z"
    );
    assert_eq!(over_the_change("DURATION:P1D"), "20250330T100000Z");
}

#[test]
fn until_is_read_in_whatever_kind_it_is_written() {
    let until = |until: &str| {
        let event = format!(
            "DTSTART;TZID=America/New_York:20250101T200000\nRRULE:FREQ=DAILY;UNTIL={until}"
        );
        in_2025(&[&event]).occurrences.len()
    };
    assert_eq!(until("20250104T010000Z"), 3, "20:00 in New York");
    assert_eq!(until("20250104T005959Z"), 2);
    assert_eq!(until("20250103T200000"), 3, "on the clock of DTSTART");
    assert_eq!(until("20250103"), 3, "all of that day");
    assert_eq!(until("20240103"), 1, "DTSTART stays");
}

#[test]
fn a_start_that_the_rule_does_not_name_is_the_first_and_counts() {
    let event = "DTSTART:20250101T100000\nRRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=3";
    assert_eq!(
        starts(&in_2025(&[event])),
        ["20250101T100000", "20250106T100000", "20250113T100000"]
    );
}

#[test]
fn exceptions_are_found_on_other_clocks() {
    for exdate in [
        "EXDATE;TZID=Europe/Berlin:20250330T090000",
        "EXDATE:20250330T070000Z",
        "EXDATE;TZID=Asia/Tokyo:20250330T160000",
        "EXDATE:20250330T090000",
        "EXDATE;VALUE=DATE:20250330",
        "EXRULE:FREQ=WEEKLY;BYDAY=SU",
    ] {
        let event = format!("{DAILY}\n{exdate}");
        assert!(
            !starts(&in_2025(&[&event])).contains(&"20250330T070000Z".to_owned()),
            "{exdate}"
        );
        assert_eq!(in_2025(&[&event]).occurrences.len(), 3, "{exdate}");
    }
    let date = "DTSTART;VALUE=DATE:20250101\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20250102T000000Z";
    assert_eq!(starts(&in_2025(&[date])), ["20250101", "20250103"]);
}

#[test]
fn dates_are_added_with_their_own_length() {
    let event = "DTSTART:20250101T100000Z\nDURATION:PT1H\n\
        RDATE;VALUE=PERIOD:20250201T100000Z/PT30M,20250301T100000Z/20250301T120000Z\n\
        RDATE;VALUE=DATE:20250401\nRDATE;TZID=Europe/Berlin:20250101T110000";
    let expansion = in_2025(&[event]);
    let all: Vec<(String, String)> = expansion
        .occurrences
        .iter()
        .map(|o| (moment(o.start), moment(o.end)))
        .collect();
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(
        all,
        [
            pair("20250101T100000Z", "20250101T110000Z"),
            pair("20250201T100000Z", "20250201T103000Z"),
            pair("20250301T100000Z", "20250301T120000Z"),
            pair("20250401T100000Z", "20250401T110000Z"),
        ]
    );
    assert!(matches!(
        expansion.flags[..],
        [Flag::OtherKind {
            property: "RDATE",
            ..
        }]
    ));
}

#[test]
fn an_override_replaces_its_occurrence_whatever_its_sequence() {
    let moved =
        "RECURRENCE-ID;TZID=Europe/Berlin:20250330T090000\nSEQUENCE:0\nDTSTART:20250401T120000Z";
    let master = format!("{DAILY}\nSEQUENCE:7");
    let expansion = in_2025(&[&master, moved]);
    assert_eq!(
        starts(&expansion),
        [
            "20250328T080000Z",
            "20250329T080000Z",
            "20250331T070000Z",
            "20250401T120000Z"
        ]
    );
    let last = expansion.occurrences.last().unwrap();
    assert_eq!(last.by.as_deref(), Some("Europe%2FBerlin:20250330T090000"));
    assert_eq!(last.original.unwrap().to_string(), "20250330T090000");
}

#[test]
fn an_override_is_where_it_was_moved_to_and_nowhere_else() {
    let out = "RECURRENCE-ID:20250330T070000Z\nDTSTART:20251224T180000Z";
    let in_march = |events: &[&str]| within(events, "20250301", "20250401");
    assert_eq!(in_march(&[DAILY, out]).occurrences.len(), 3);
    let december = within(&[DAILY, out], "20251201", "20260101");
    assert_eq!(starts(&december), ["20251224T180000Z"]);
    assert!(december.orphans.is_empty());
}

#[test]
fn a_cancelled_override_is_told_as_cancelled() {
    let off = "RECURRENCE-ID:20250330T070000Z\nDTSTART:20250330T070000Z\nSTATUS:CANCELLED";
    let off: Vec<bool> = in_2025(&[DAILY, off])
        .occurrences
        .iter()
        .map(|o| o.cancelled)
        .collect();
    assert_eq!(off, [false, false, true, false]);
}

#[test]
fn this_and_future_moves_all_that_follow_by_as_much() {
    let master = "DTSTART;TZID=Europe/Berlin:20250324T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY";
    let from_here = "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20250329T090000\n\
        DTSTART;TZID=Europe/Berlin:20250330T110000\nDURATION:PT2H";
    let single = "RECURRENCE-ID;TZID=Europe/Berlin:20250331T090000\nDTSTART:20250331T200000Z";
    let expansion = within(&[master, from_here, single], "20250328", "20250403");
    assert_eq!(
        starts(&expansion),
        [
            "20250328T080000Z",
            "20250330T090000Z",
            "20250331T090000Z",
            "20250331T200000Z",
            "20250402T090000Z"
        ]
    );
    let shifted = &expansion.occurrences[2];
    assert_eq!(shifted.original.unwrap().to_string(), "20250330T090000");
    assert_eq!(moment(shifted.end), "20250331T110000Z");
}

#[test]
fn an_override_that_the_rule_does_not_have_is_an_orphan_and_kept() {
    let orphan = "RECURRENCE-ID:20250501T070000Z\nDTSTART:20250501T100000Z";
    let nowhere = "RECURRENCE-ID:whenever\nDTSTART:20250601T100000Z";
    let expansion = within(&[DAILY, orphan, nowhere], "20250301", "20250302");
    let mut orphans: Vec<String> = expansion.orphans.iter().map(|o| moment(o.start)).collect();
    orphans.sort();
    assert_eq!(orphans, ["20250501T100000Z", "20250601T100000Z"]);
    assert!(expansion.occurrences.is_empty());
}

#[test]
fn an_occurrence_that_was_changed_takes_place_though_it_was_called_off() {
    let changed = "RECURRENCE-ID:20250329T080000Z\nDTSTART:20250601T110000Z";
    let master = format!("{DAILY}\nEXDATE:20250329T080000Z\nEXDATE:20250330T070000Z");
    let expansion = in_2025(&[&master, changed]);
    assert_eq!(
        starts(&expansion),
        ["20250328T080000Z", "20250331T070000Z", "20250601T110000Z"]
    );
    assert!(expansion.orphans.is_empty());
    let [off] = &expansion.called_off[..] else {
        panic!("{:?}", expansion.called_off);
    };
    assert_eq!(&*off.id, ":20250329T080000Z");
    assert_eq!(off.by.len(), 1);
}

#[test]
fn two_overrides_of_one_occurrence_are_told_and_the_newer_is_shown() {
    let old = "RECURRENCE-ID:20250330T070000Z\nSEQUENCE:1\nSUMMARY:a\nDTSTART:20250330T100000Z";
    let new =
        "RECURRENCE-ID;TZID=Europe/Berlin:20250330T090000\nSEQUENCE:2\nDTSTART:20250330T110000Z";
    let expansion = in_2025(&[DAILY, old, new]);
    assert!(starts(&expansion).contains(&"20250330T110000Z".to_owned()));
    assert!(!starts(&expansion).contains(&"20250330T100000Z".to_owned()));
    assert_eq!(
        &*expansion.doubled[0].shown,
        "Europe%2FBerlin:20250330T090000"
    );
    assert_eq!(&*expansion.doubled[0].other, ":20250330T070000Z");
}

#[test]
fn an_override_without_its_item_stands_alone() {
    let alone = "RECURRENCE-ID:20250330T070000Z\nDTSTART:20250330T100000Z";
    let expansion = in_2025(&[alone]);
    assert_eq!(starts(&expansion), ["20250330T100000Z"]);
    assert!(expansion.orphans.is_empty());
}

#[test]
fn a_rule_that_is_not_understood_leaves_the_first_occurrence_and_a_reason() {
    let expansion = in_2025(&["DTSTART:20250101T100000\nRRULE:RSCALE=HEBREW;FREQ=YEARLY"]);
    assert_eq!(starts(&expansion), ["20250101T100000"]);
    let reason = |flag: &Flag| {
        matches!(
            flag,
            Flag::RuleNotUnderstood {
                reason: RuleError::OtherCalendar { .. },
                ..
            }
        )
    };
    assert!(expansion.flags.iter().any(reason));
}

#[test]
fn an_unknown_zone_is_flagged_and_taken_as_floating() {
    let expansion = in_2025(&["DTSTART;TZID=Nowhere:20250101T100000"]);
    assert_eq!(starts(&expansion), ["20250101T100000"]);
    assert_eq!(
        expansion.flags,
        [Flag::UnknownZone {
            tzid: "Nowhere".into()
        }]
    );
}

#[test]
fn a_list_of_exceptions_that_is_kept_outside_for_its_length_counts() {
    // twenty-eight days of each month, every second one: more than a list is split into
    let days: Vec<String> = (2020..2030)
        .flat_map(|year| (1..=12).map(move |month| (year, month)))
        .flat_map(|(year, month)| (1..=28).step_by(2).map(move |day| (year, month, day)))
        .map(|(year, month, day)| format!("{year}{month:02}{day:02}T080000Z"))
        .collect();
    assert!(days.len() > 1_000);
    let event = format!(
        "DTSTART:20200101T080000Z\nRRULE:FREQ=DAILY\nEXDATE:{}",
        days.join(",")
    );
    let shown = starts(&within(&[&event], "20200101", "20200105"));
    assert_eq!(shown.len(), 2, "{shown:?}");
}
