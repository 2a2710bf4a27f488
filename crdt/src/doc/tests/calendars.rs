//! What two people who edit events and tasks apart get when their devices meet.

use super::semantics::two;
use super::*;

const ALARM: &str = "SUMMARY:s\nBEGIN:VALARM\nUID:al\nACTION:DISPLAY\nTRIGGER:-PT15M\n";

#[test]
fn an_alarm_acknowledged_on_two_devices_shows_the_later_time() {
    let (mut a, mut b) = two(&event(&format!("{ALARM}END:VALARM")));
    let key = format!("{}/ack", only(&a.shown().item, "ALARM"));
    for (device, moment) in [(&mut a, "20250102T000000Z"), (&mut b, "20250101T000000Z")] {
        let heads = device.doc().heads();
        let value = format!(":{moment}");
        device.write(
            &heads,
            &[Edit::Set {
                key: key.clone(),
                value,
            }],
            Writer::Machine,
        );
    }
    let shown = met(&a, &b);
    assert_eq!(shown.conflicts, []);
    assert_eq!(shown.item.value(&key), Some(":20250102T000000Z"));
}

#[test]
fn an_alarm_that_both_sides_changed_is_one_alarm_of_one_side() {
    let (mut a, mut b) = two(&event(&format!("{ALARM}DESCRIPTION:d\nEND:VALARM")));
    let key = only(&a.shown().item, "ALARM");
    a.set(
        &key,
        "UID:al\nACTION:DISPLAY\nTRIGGER:-PT30M\nDESCRIPTION:d",
    );
    b.set(&key, "UID:al\nACTION:AUDIO\nTRIGGER:-PT15M\nDESCRIPTION:d");
    let shown = met(&a, &b);
    assert_eq!(shown.conflicts.len(), 1);
    let alarm = shown.item.value(&key).unwrap();
    assert!(
        !(alarm.contains("PT30M") && alarm.contains("AUDIO")),
        "{alarm}"
    );
}

#[test]
fn the_start_of_one_edit_never_meets_the_end_of_another() {
    let when = "DTSTART:20250101T100000Z\nDTEND:20250101T110000Z";
    let (mut a, mut b) = two(&event(&format!("SUMMARY:s\n{when}")));
    let of_a = "DTSTART:20250101T120000Z\nDTEND:20250101T130000Z";
    let of_b = "DTSTART:20250101T100000Z\nDTEND:20250101T180000Z\nRRULE:FREQ=DAILY";
    a.set("WHEN", of_a);
    b.set("WHEN", of_b);
    let shown = met(&a, &b);
    assert_eq!(shown.conflicts.len(), 1);
    let when = shown.item.value("WHEN").unwrap();
    assert!(when == of_a || when == of_b, "{when}");
}

#[test]
fn the_progress_of_a_task_is_one_register() {
    let text = "BEGIN:VTODO\nUID:t\nSUMMARY:s\nSTATUS:NEEDS-ACTION\nEND:VTODO\n";
    let (mut a, mut b) = two(&item(text));
    a.set("DONE", "STATUS:COMPLETED\nPERCENT-COMPLETE:100");
    b.set("DONE", "STATUS:IN-PROCESS\nPERCENT-COMPLETE:50");
    let shown = met(&a, &b);
    assert_eq!(shown.conflicts.len(), 1);
    let done = shown.item.value("DONE").unwrap();
    assert_eq!(done.contains("COMPLETED"), done.contains(":100"), "{done}");
}

fn series() -> Item {
    item(
        "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:e\nSUMMARY:s\nDTSTART:20250106T100000Z\n\
         RRULE:FREQ=WEEKLY\nEND:VEVENT\nBEGIN:VEVENT\nUID:e\nRECURRENCE-ID:20250113T100000Z\n\
         DTSTART:20250113T120000Z\nSUMMARY:moved\nLOCATION:there\nEND:VEVENT\nEND:VCALENDAR\n",
    )
}

fn end_override(device: &mut Replica) {
    device.change(|item| item.values.retain(|at, _| !at.starts_with("R/")));
}

const RID: &str = "R/:20250113T100000Z";

#[test]
fn an_occurrence_lives_and_ends_on_its_own() {
    let (mut a, mut b) = two(&series());
    end_override(&mut a);
    assert!(a.shown().live);
    assert_eq!(a.shown().item.overrides().len(), 0);
    b.set("SUMMARY", ":of the series");
    let shown = met(&a, &b);
    assert_eq!(shown.item.overrides().len(), 0);
    assert_eq!(shown.item.value("SUMMARY"), Some(":of the series"));
}

#[test]
fn an_occurrence_edited_apart_from_its_end_lives_on_whole() {
    let (mut a, mut b) = two(&series());
    end_override(&mut a);
    b.set(&format!("{RID}/SUMMARY"), ":edited");
    let shown = met(&a, &b);
    assert_eq!(shown.item.value(&format!("{RID}/SUMMARY")), Some(":edited"));
    assert_eq!(shown.item.value(&format!("{RID}/LOCATION")), Some(":there"));
}

#[test]
fn an_occurrence_made_anew_says_nothing_of_what_ended_before() {
    let (mut a, _) = two(&series());
    end_override(&mut a);
    a.change(|item| {
        for (rest, value) in [
            ("RECURRENCE-ID", ":20250113T100000Z"),
            ("SUMMARY", ":anew"),
            ("WHEN", "DTSTART:20250113T150000Z"),
        ] {
            item.values.insert(format!("{RID}/{rest}"), value.into());
        }
    });
    let shown = a.shown();
    assert_eq!(shown.conflicts, []);
    assert_eq!(shown.item.value(&format!("{RID}/SUMMARY")), Some(":anew"));
    assert_eq!(shown.item.value(&format!("{RID}/LOCATION")), None);
}

#[test]
fn an_occurrence_without_its_series_is_kept_and_joins_it_later() {
    let mut only_override = series();
    only_override.values.retain(|at, _| at.starts_with("R/"));
    let a = Replica::new(1, &genesis(&only_override));
    assert!(a.shown().live);
    let shown = met(&a, &Replica::new(2, &genesis(&series())));
    assert_eq!(shown.item.values, series().values);
    assert_eq!(shown.conflicts, []);
}

#[test]
fn what_a_machine_writes_does_not_raise_the_dead() {
    let (mut a, mut b) = two(&event(&format!("{ALARM}END:VALARM")));
    a.delete();
    let key = format!("{}/ack", only(&b.shown().item, "ALARM"));
    let heads = b.doc().heads();
    let value = ":20250102T000000Z".to_owned();
    b.write(&heads, &[Edit::Set { key, value }], Writer::Machine);
    assert!(!met(&a, &b).live);
}

#[test]
fn an_unknown_component_named_like_our_own_registers_can_clash() {
    let text = |v: &str| event(&format!("SUMMARY:s\nBEGIN:X-CAL\nUID:1\nA:{v}\nEND:X-CAL"));
    let (mut a, mut b) = two(&text("0"));
    let key = a
        .shown()
        .item
        .values
        .keys()
        .find(|k| k.starts_with("C/"))
        .unwrap()
        .clone();
    a.set(&key, "UID:1\nA:1");
    b.set(&key, "UID:1\nA:2");
    assert_eq!(met(&a, &b).conflicts.len(), 1);
}
