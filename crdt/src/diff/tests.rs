//! Applied to what a writer saw, a diff says what the writer sent.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::normalise::tests::generator::{card, card_lines, event, event_lines};

/// What an item says: component, property and form, without book-keeping.
fn said(item: &Item) -> Vec<(Option<&str>, &str, String)> {
    let mut out: Vec<_> = item
        .values
        .iter()
        .map(|(at, value)| (key::split_override(at), at, value))
        .filter(|((_, rest), at, _)| {
            !rest.starts_with('~') && !is_kept_by_machines(rest, key::name(at))
        })
        .map(|((rid, rest), at, value)| (rid, key::family(rest), canon::form(key::name(at), value)))
        .filter(|(_, _, form)| !form.is_empty())
        .collect();
    out.sort();
    out
}

/// The forms of elements whose order is kept, in order.
fn in_order(item: &Item) -> Vec<(String, Vec<String>)> {
    let all = Registers::of(item, None).elements;
    let kept = all
        .into_iter()
        .filter(|(family, _)| names::keeps_order(family));
    kept.map(|(family, elements)| {
        let forms = elements.iter().map(|(_, value)| canon::form(family, value));
        (
            family.to_owned(),
            forms.filter(|form| !form.is_empty()).collect(),
        )
    })
    .filter(|(_, forms): &(String, Vec<String>)| !forms.is_empty())
    .collect()
}

/// Lines, and the same lines after somebody took some out, wrote others, and moved them.
fn changed(
    lines: impl Strategy<Value = Vec<String>> + Clone,
) -> impl Strategy<Value = (Vec<String>, Vec<String>)> {
    (lines.clone(), lines, any::<u16>(), any::<bool>()).prop_map(|(before, new, kept, turned)| {
        let mut after: Vec<String> = before
            .iter()
            .enumerate()
            .filter(|(at, _)| kept >> (at % 16) & 1 == 1)
            .map(|(_, line)| line.clone())
            .chain(new.into_iter().take(4))
            .collect();
        if turned {
            after.reverse();
        }
        (before, after)
    })
}

fn check(before: &Item, after: &Item) {
    assert_eq!(diff(before, before, Absence::Deletes), []);
    let edits = diff(before, after, Absence::Deletes);
    let keys: BTreeSet<_> = edits
        .iter()
        .filter_map(|edit| match edit {
            Edit::Set { key, .. } | Edit::Clear { key } => Some(key),
            Edit::Delete { .. } | Edit::Revive { .. } => None,
        })
        .collect();
    assert!(
        keys.len()
            == edits
                .iter()
                .filter(|e| matches!(e, Edit::Set { .. } | Edit::Clear { .. }))
                .count()
    );
    let applied = apply(before, &edits);
    assert_eq!(said(&applied), said(after), "{edits:?}");
    assert_eq!(in_order(&applied), in_order(after), "{edits:?}");
    assert_eq!(diff(&applied, after, Absence::Deletes), [], "{edits:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_diff_of_cards_applied_says_what_was_sent((before, after) in changed(card_lines().boxed())) {
        check(&card("3.0", &before).item, &card("3.0", &after).item);
    }

    #[test]
    fn a_diff_of_events_applied_says_what_was_sent(
        (before, after) in changed(event_lines().boxed()),
        (of_before, of_after) in changed(event_lines().boxed()),
    ) {
        check(&event(&before, &of_before).item, &event(&after, &of_after).item);
    }
}

fn of(lines: &[&str]) -> Item {
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    card("3.0", &lines).item
}

fn key_of(item: &Item, value: &str) -> String {
    item.values
        .iter()
        .find(|(_, v)| *v == value)
        .unwrap()
        .0
        .clone()
}

#[test]
fn one_corrected_number_is_one_edit_of_its_own_key() {
    let before = of(&[
        "FN:A",
        "TEL;TYPE=home:1",
        "TEL;TYPE=cell:2",
        "TEL:3",
        "REV:20250101",
    ]);
    let after = of(&[
        "TEL:3",
        "TEL;TYPE=cell:22",
        "TEL;TYPE=HOME,VOICE:1",
        "FN:A",
        "REV:20250102",
    ]);
    let after = apply(
        &after,
        &[Edit::Set {
            key: "~order/TEL".into(),
            value: ["TYPE=HOME,VOICE:1", "TYPE=cell:22", ":3"]
                .map(|v| key_of(&after, v).split_once('#').unwrap().1.to_owned())
                .join(" "),
        }],
    );
    let edits = diff(&before, &after, Absence::Deletes);
    let rev = Edit::Set {
        key: "REV".into(),
        value: ":20250102".into(),
    };
    let number = Edit::Set {
        key: key_of(&before, "TYPE=cell:2"),
        value: "TYPE=cell:22".into(),
    };
    assert_eq!(edits, [rev, number]);
}

#[test]
fn of_equal_repeats_the_highest_goes() {
    let before = of(&["X-A:1", "X-A:1", "X-A:1"]);
    let edits = diff(&before, &of(&["X-A:1", "X-A:1"]), Absence::Deletes);
    let first = key_of(&of(&["X-A:1"]), ":1");
    assert_eq!(
        edits,
        [Edit::Clear {
            key: format!("{first}~2")
        }]
    );
}

#[test]
fn a_birth_key_that_another_value_holds_is_not_taken_from_it() {
    let mut before = of(&["X-A:1"]);
    let key = key_of(&before, ":1");
    before.values.insert(key.clone(), ":changed".into());
    let edits = diff(&before, &of(&["X-A:changed", "X-A:1"]), Absence::Deletes);
    assert_eq!(
        edits,
        [Edit::Set {
            key: format!("{key}~1"),
            value: ":1".into()
        }]
    );
}

#[test]
fn another_attendee_is_not_the_same_one_edited() {
    let before = event(&["ATTENDEE:mailto:a@x.org".into()], &[]).item;
    let after = event(&["ATTENDEE:mailto:b@x.org".into()], &[]).item;
    let edits = diff(&before, &after, Absence::Deletes);
    assert_eq!(edits.len(), 2);
    assert!(matches!(edits[1], Edit::Clear { .. }), "{edits:?}");
}

#[test]
fn an_unknown_component_that_changed_is_still_the_same_one() {
    for uid in ["UID:1", "X-NONE:"] {
        let part = |value| format!("BEGIN:X-PART\r\n{uid}\r\nA:{value}\r\nEND:X-PART");
        let before = event(&[part(1)], &[]).item;
        let edits = diff(&before, &event(&[part(2)], &[]).item, Absence::Deletes);
        let [Edit::Set { key, .. }] = edits.as_slice() else {
            panic!("{edits:?}")
        };
        assert!(before.values.contains_key(key));
    }
}

#[test]
fn who_cannot_show_photos_cannot_delete_them() {
    let before = of(&["FN:A", "NOTE:n", "PHOTO;ENCODING=b:QUJD", "EMAIL:a@x.org"]);
    let after = of(&["FN:A"]);
    let shown: BTreeSet<String> = ["NAME", "NOTE"].map(str::to_owned).into();
    let edits = diff(&before, &after, Absence::DeletesOnly(&shown));
    assert_eq!(edits, [Edit::Clear { key: "NOTE".into() }]);
    assert_eq!(diff(&before, &after, Absence::Keeps), []);
}

#[test]
fn moving_the_first_address_back_is_one_edit_of_the_order() {
    let before = of(&["EMAIL:a@x.org", "EMAIL:b@x.org", "EMAIL:c@x.org"]);
    let after = of(&["EMAIL:b@x.org", "EMAIL:c@x.org", "EMAIL:a@x.org"]);
    let edits = diff(&before, &after, Absence::Deletes);
    let order = after.value("~order/EMAIL").unwrap().to_owned();
    assert_eq!(
        edits,
        [Edit::Set {
            key: "~order/EMAIL".into(),
            value: order
        }]
    );
}

#[test]
fn an_occurrence_that_is_no_longer_sent_ends() {
    let before = event(&["SUMMARY:s".into()], &["SUMMARY:t".into()]).item;
    let after = event(&["SUMMARY:s".into()], &[]).item;
    let rid = Some("A%2FB:20250101T100000".to_owned());
    assert_eq!(
        diff(&before, &after, Absence::Deletes),
        [Edit::Delete { rid: rid.clone() }]
    );
    assert_eq!(diff(&before, &after, Absence::Keeps), []);
    let back = diff(&after, &before, Absence::Deletes);
    assert_eq!(back.last(), Some(&Edit::Revive { rid }));
}

#[test]
fn that_an_alarm_was_heard_is_written_alone_and_never_for_an_earlier_moment() {
    let heard = |at: &str| {
        let lines = ["BEGIN:VALARM", "UID:1", "ACTION:DISPLAY", "TRIGGER:PT0S"];
        let ack = Some(at).filter(|at| !at.is_empty());
        let ack = ack.map(|at| format!("ACKNOWLEDGED:{at}"));
        let lines = lines.iter().map(|line| (*line).to_owned());
        let lines: Vec<String> = lines.chain(ack).chain(["END:VALARM".into()]).collect();
        event(&lines, &[]).item
    };
    let (never, early, late) = (
        heard(""),
        heard("20260101T080000Z"),
        heard("20260101T090000Z"),
    );
    for (before, after) in [(&never, &early), (&early, &late)] {
        let edits = diff(before, after, Absence::Deletes);
        assert!(
            matches!(&edits[..], [Edit::Set { key, .. }] if key.ends_with("/ack")),
            "{edits:?}"
        );
        assert_eq!(diff(after, before, Absence::Deletes), []);
    }
}

#[test]
fn an_earlier_state_of_an_occurrence_alone_had_no_series() {
    let whole = event(&["SUMMARY:s".into()], &["SUMMARY:t".into()]).item;
    let mut alone = whole.clone();
    alone.values.retain(|at, _| at.starts_with("R/"));
    assert_eq!(diff(&whole, &alone, Absence::Deletes), []);
    let edits = diff(&whole, &alone, Absence::IsExact);
    let left = apply(&whole, &edits);
    assert_eq!(left.value("SUMMARY"), None, "{left:?}");
    assert_eq!(left.overrides(), whole.overrides());
}
