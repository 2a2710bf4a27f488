//! Series, alarms and answers that two devices change apart: what people would call right.

use super::semantics::two;
use super::*;
use crate::BlobHash;
use crate::time::{Allowance, Clash, Zones, examine};

const SERIES: &str = "SUMMARY:s\nDTSTART;TZID=Europe/Berlin:20250106T100000\nRRULE:FREQ=WEEKLY";
const RID: &str = "Europe%2FBerlin:20250113T100000";

fn clashes(item: &Item) -> Vec<Clash> {
    let none = |_: BlobHash| None::<Vec<u8>>;
    examine(item, &Zones::new(&none), &mut Allowance::default()).clashes
}

/// A person changes one occurrence: what its registers say.
fn change_one(on: &mut Replica, rid: &str, registers: &[(&str, &str)]) {
    on.change(|item| {
        for (rest, value) in registers {
            item.values
                .insert(key::in_override(rid, rest), (*value).into());
        }
    });
}

const SINGLE: [(&str, &str); 3] = [
    ("RECURRENCE-ID", "TZID=Europe/Berlin:20250113T100000"),
    ("WHEN", "DTSTART;TZID=Europe/Berlin:20250113T120000"),
    ("SUMMARY", ":one"),
];

#[test]
fn one_occurrence_changed_apart_from_its_series_in_other_things_is_no_question() {
    let (mut a, mut b) = two(&event(SERIES));
    change_one(&mut a, RID, &SINGLE);
    b.set("LOCATION", ":Loft");
    let shown = met(&a, &b);
    assert_eq!(shown.conflicts, []);
    assert_eq!(clashes(&shown.item), []);
    assert_eq!(shown.item.value("LOCATION"), Some(":Loft"));
}

#[test]
fn a_series_that_ends_before_a_changed_occurrence_keeps_it_and_asks() {
    let (mut a, mut b) = two(&event(SERIES));
    change_one(&mut a, RID, &SINGLE);
    let when = "DTSTART;TZID=Europe/Berlin:20250106T100000\nRRULE:FREQ=WEEKLY;COUNT=1";
    b.set("WHEN", when);
    let shown = met(&a, &b);
    assert_eq!(shown.conflicts, []);
    assert_eq!(clashes(&shown.item), [Clash::Gone { id: RID.into() }]);
    assert_eq!(shown.item.overrides(), [RID]);
}

#[test]
fn all_that_follows_and_one_occurrence_alone_changed_apart_at_the_same_place_clash() {
    let (mut a, mut b) = two(&event(SERIES));
    change_one(&mut a, RID, &SINGLE);
    let mut future = SINGLE;
    future[0].1 = "RANGE=THISANDFUTURE;TZID=Europe/Berlin:20250113T100000";
    change_one(&mut b, RID, &future);
    let shown = met(&a, &b);
    let keys: Vec<&str> = shown.conflicts.iter().map(|c| c.key.as_str()).collect();
    assert_eq!(keys, [key::in_override(RID, "RECURRENCE-ID")]);
}

#[test]
fn alarms_that_two_devices_add_are_both_there_and_the_same_one_is_one() {
    let (mut a, mut b) = two(&event("SUMMARY:s"));
    let alarm = |minutes: u8| {
        let text = event(&format!(
            "SUMMARY:s\nBEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT{minutes}M\nEND:VALARM"
        ));
        let at = only(&text, "ALARM");
        (at.clone(), text.values[&at].clone())
    };
    for (device, minutes) in [(&mut a, [15, 30]), (&mut b, [15, 60])] {
        for (at, value) in minutes.map(alarm) {
            device.set(&at, &value);
        }
    }
    let shown = met(&a, &b);
    assert_eq!(shown.conflicts, []);
    assert_eq!(all(&shown.item, "ALARM").len(), 3);
}

#[test]
fn an_alarm_that_one_removes_and_another_acknowledges_is_gone() {
    let lines = "SUMMARY:s\nBEGIN:VALARM\nUID:al\nACTION:DISPLAY\nTRIGGER:-PT15M\nEND:VALARM";
    let (mut a, mut b) = two(&event(lines));
    let at = only(&a.shown().item, "ALARM");
    a.change(|item| {
        item.values.remove(&at);
    });
    let heads = b.doc().heads();
    let ack = Edit::Set {
        key: format!("{at}/ack"),
        value: ":20250102T000000Z".into(),
    };
    b.write(&heads, &[ack], Writer::Machine);
    let shown = met(&a, &b);
    assert_eq!(shown.item.value(&at), None);
    let text = crate::render::render(&shown.item, &|_: BlobHash| None::<Vec<u8>>).text;
    assert!(
        !text.contains("VALARM") && !text.contains("ACKNOWLEDGED"),
        "{text}"
    );
}

#[test]
fn an_alarm_moved_by_one_and_acknowledged_by_another_is_moved_and_acknowledged() {
    let lines = "SUMMARY:s\nBEGIN:VALARM\nUID:al\nACTION:DISPLAY\nTRIGGER:-PT15M\nEND:VALARM";
    let (mut a, mut b) = two(&event(lines));
    let at = only(&a.shown().item, "ALARM");
    a.set(&at, "UID:al\nACTION:DISPLAY\nTRIGGER:-PT30M");
    let heads = b.doc().heads();
    let ack = format!("{at}/ack");
    let value = ":20250102T000000Z".to_owned();
    b.write(
        &heads,
        &[Edit::Set {
            key: ack.clone(),
            value,
        }],
        Writer::Machine,
    );
    let shown = met(&a, &b);
    assert_eq!(shown.conflicts, []);
    assert!(shown.item.values[&at].contains("PT30M"));
    assert_eq!(shown.item.value(&ack), Some(":20250102T000000Z"));
}

#[test]
fn who_only_notes_that_an_alarm_was_heard_does_not_raise_a_deleted_event() {
    let lines =
        "DTSTART:20250110T100000Z\nBEGIN:VALARM\nUID:1\nACTION:DISPLAY\nTRIGGER:PT0S\nEND:VALARM";
    let first = genesis(&event(lines));
    let (mut a, mut b) = (Replica::new(1, &first), Replica::new(2, &first));
    a.delete();
    let ack = format!("{}/ack", only(&b.shown().item, "ALARM"));
    b.set(&ack, ":20250110T100100Z");
    assert_eq!(b.shown().item.value(&ack), Some(":20250110T100100Z"));
    assert!(!met(&a, &b).live);
}

#[test]
fn changing_one_occurrence_says_nothing_less_than_changing_all_that_follow() {
    let text = |id: &str| {
        let text = format!(
            "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:e\nDTSTART:20250110T100000Z\n\
             RRULE:FREQ=WEEKLY\nEND:VEVENT\nBEGIN:VEVENT\nUID:e\n{id}:20250117T100000Z\n\
             DTSTART:20250117T120000Z\nEND:VEVENT\nEND:VCALENDAR\n"
        );
        genesis(&item(&text))
    };
    let mut device = Replica::new(1, &text("RECURRENCE-ID"));
    device.take(text("RECURRENCE-ID;RANGE=THISANDFUTURE"));
    let conflicts = device.shown().conflicts;
    assert_eq!(conflicts.len(), 1, "{conflicts:?}");
    assert_eq!(key::split_override(&conflicts[0].key).1, key::RECURRENCE_ID);
}

#[test]
fn an_occurrence_written_anew_after_an_update_dropped_it_clashes_with_no_message() {
    let occurrence = |stamp: &str, summary: &str| {
        super::invitations::request(&format!(
            "SEQUENCE:0\nDTSTAMP:{stamp}\nRECURRENCE-ID:20250117T100000Z\n\
             DTSTART:20250117T120000Z\nSUMMARY:{summary}"
        ))
    };
    let mut device = Replica::new(1, &occurrence("20250101T000000Z", "early"));
    device.take(occurrence("20250102T000000Z", "late"));
    let mut was = device.shown().item.values;
    was.retain(|at, _| at.starts_with("R/"));
    device.take(super::invitations::request(
        "SEQUENCE:3\nDTSTAMP:20250103T000000Z\nDTSTART:20250110T100000Z\n\
         RRULE:FREQ=WEEKLY;COUNT=6\nSUMMARY:Talk",
    ));
    assert!(device.shown().item.overrides().is_empty());
    let summary = was.keys().find(|at| at.ends_with("/SUMMARY")).unwrap();
    let summary = summary.clone();
    was.insert(summary.clone(), ":early".into());
    device.change(|item| item.values.extend(was));
    let shown = device.shown();
    assert_eq!(shown.item.value(&summary), Some(":early"), "{shown:?}");
    assert!(shown.conflicts.is_empty(), "{:?}", shown.conflicts);
}
