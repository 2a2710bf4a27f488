//! The same value under two keys: nobody wrote it twice, so nobody is shown it twice.

use super::semantics::two;
use super::*;

fn add(device: &mut Replica, value: &str) {
    let key = key::element("TEL", value);
    device.set(&key, value);
}

#[test]
fn a_number_that_one_person_corrected_and_another_added_is_shown_once() {
    let (mut a, mut b) = two(&card("FN:Anna\nTEL:1"));
    a.set(&only(&a.shown().item, "TEL"), ":2");
    add(&mut b, ":2");
    assert_eq!(all(&met(&a, &b).item, "TEL"), [":2"]);
}

#[test]
fn a_corrected_number_and_a_later_export_with_it_are_one_number() {
    let (mut a, _) = two(&card("FN:Anna\nTEL:1"));
    a.set(&only(&a.shown().item, "TEL"), ":2");
    a.take(genesis(&card("FN:Anna\nTEL:2\nNOTE:n")));
    let shown = a.shown();
    assert_eq!(all(&shown.item, "TEL"), [":2"]);
    assert_eq!(shown.item.value("NOTE"), Some(":n"));
}

#[test]
fn who_changes_or_removes_what_is_shown_once_changes_or_removes_all_of_it() {
    for after in [None, Some(":3")] {
        let (mut a, mut b) = two(&card("FN:Anna\nTEL:1"));
        a.set(&only(&a.shown().item, "TEL"), ":2");
        add(&mut b, ":2");
        a.receive(&b);
        let at = only(&a.shown().item, "TEL");
        a.change(|item| {
            item.values.remove(&at);
            item.values
                .extend(after.map(|value| (at.clone(), value.into())));
        });
        let left: Vec<&str> = after.into_iter().collect();
        assert_eq!(all(&a.shown().item, "TEL"), left);
    }
}

#[test]
fn what_a_text_has_twice_stays_twice() {
    let (mut a, mut b) = two(&card("FN:Anna\nTEL:1\nTEL:2\nTEL:2"));
    let at = key::element("TEL", ":1");
    a.set(&at, ":2");
    b.set("NOTE", ":n");
    assert_eq!(all(&met(&a, &b).item, "TEL"), [":2", ":2"]);
}

#[test]
fn a_number_that_clashes_is_shown_with_its_clash() {
    let (mut a, mut b) = two(&card("FN:Anna\nTEL:1"));
    let at = only(&a.shown().item, "TEL");
    a.set(&at, ":2");
    b.set(&at, ":3");
    a.receive(&b);
    let shown = a.shown();
    let value = shown.item.value(&at).unwrap().to_owned();
    a.take(genesis(&card(&format!("FN:Anna\nTEL{value}"))));
    let shown = a.shown();
    assert_eq!(all(&shown.item, "TEL"), [value.as_str()]);
    assert_eq!(shown.conflicts.len(), 1);
}

#[test]
fn an_alarm_that_two_devices_came_to_in_different_ways_rings_once_and_was_heard_when_it_was_last() {
    let alarm = |uid: &str| {
        let text = event(&format!(
            "SUMMARY:s\nBEGIN:VALARM\nUID:{uid}\nACTION:DISPLAY\nTRIGGER:-PT15M\nEND:VALARM"
        ));
        let at = only(&text, "ALARM");
        (at.clone(), text.values[&at].clone())
    };
    let ((one, _), (two_at, value)) = (alarm("one"), alarm("two"));
    let (mut a, mut b) = two(&event("SUMMARY:s"));
    a.set(&one, &value);
    a.set(&format!("{one}/ack"), ":20250101T000000Z");
    b.set(&two_at, &value);
    b.set(&format!("{two_at}/ack"), ":20250102T000000Z");
    let left: Vec<_> = met(&a, &b).item.values.into_iter().collect();
    let left: Vec<_> = left
        .iter()
        .filter(|(at, _)| at.starts_with("ALARM#"))
        .collect();
    let [(kept, rings), (heard, when)] = left[..] else {
        panic!("{left:?}");
    };
    assert_eq!((rings, heard), (&value, &format!("{kept}/ack")));
    assert_eq!(when, ":20250102T000000Z");
    a.receive(&b);
    a.change(|item| {
        item.values.retain(|key, _| !key.starts_with("ALARM#"));
    });
    let left = a.shown().item;
    let rings = |at: &&String| at.starts_with("ALARM#") && !at.ends_with("/ack");
    assert_eq!(left.values.keys().find(rings), None);
}
