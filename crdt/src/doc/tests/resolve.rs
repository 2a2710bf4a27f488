//! Deciding conflicts: a resolution ends them, two resolutions made apart are one more, and
//! notes are merged only where that makes nothing up.

use super::*;

/// Two devices that gave a property two values while apart; the first has heard of both.
fn clash(before: &str, at: &str, mine: &str, theirs: &str) -> (Replica, Replica) {
    let genesis = genesis(&card(before));
    let (mut a, mut b) = (Replica::new(1, &genesis), Replica::new(2, &genesis));
    a.set(at, mine);
    b.set(at, theirs);
    a.receive(&b);
    b.receive(&a);
    assert_eq!(a.shown().conflicts.len(), 1);
    (a, b)
}

fn resolve(on: &mut Replica, at: &str, value: &str) {
    on.clock += 1;
    let author = author(on.device, on.clock, Writer::Person);
    let edit = Edit::Set {
        key: at.into(),
        value: value.into(),
    };
    let doc = on.doc();
    let change = doc.resolve(&doc.heads(), &[edit], &author).unwrap();
    on.take(change.unwrap());
}

#[test]
fn a_resolution_supersedes_every_value_there_was_to_choose_from() {
    for keep in [":from a", ":from b", ":something else"] {
        let (mut a, mut b) = clash("FN:Anna\nNOTE:old", "NOTE", ":from a", ":from b");
        resolve(&mut a, "NOTE", keep);
        b.receive(&a);
        for device in [&a, &b] {
            assert_eq!(device.shown().conflicts, []);
            assert_eq!(device.shown().item.value("NOTE"), Some(keep));
        }
    }
}

#[test]
fn a_value_that_whoever_resolved_had_not_heard_of_still_clashes() {
    let (mut a, mut b) = clash("FN:Anna\nNOTE:old", "NOTE", ":from a", ":from b");
    let mut c = Replica::new(3, &genesis(&card("FN:Anna\nNOTE:old")));
    c.set("NOTE", ":from c");
    resolve(&mut a, "NOTE", ":from a");
    b.receive(&c);
    b.receive(&a);
    let shown = b.shown();
    assert_eq!(shown.conflicts.len(), 1);
    assert_eq!(shown.conflicts[0].others.len(), 1, "b's own is decided");
}

#[test]
fn two_devices_that_resolve_apart_agree_or_clash_again() {
    let (mut a, mut b) = clash("FN:Anna\nNOTE:old", "NOTE", ":one", ":two");
    resolve(&mut a, "NOTE", ":one");
    resolve(&mut b, "NOTE", ":one");
    a.receive(&b);
    assert_eq!(a.shown().conflicts, []);

    let (mut a, mut b) = clash("FN:Anna\nNOTE:old", "NOTE", ":one", ":two");
    resolve(&mut a, "NOTE", ":one");
    resolve(&mut b, "NOTE", ":two");
    a.receive(&b);
    b.receive(&a);
    assert_eq!(a.shown().conflicts, b.shown().conflicts);
    assert_eq!(a.shown().conflicts.len(), 1);
}

#[test]
fn notes_changed_in_different_lines_are_merged() {
    let (a, b) = clash(
        "FN:Anna\nNOTE;LANGUAGE=de:one\\ntwo\\nthree\\nfour",
        "NOTE",
        "LANGUAGE=de:one\\, at the top\\ntwo\\nthree\\nfour",
        "LANGUAGE=de:one\\ntwo\\nthree\\nfour\\nfive",
    );
    for device in [&a, &b] {
        let document = device.doc();
        let merged = document.view().merged("NOTE").unwrap();
        let expected = "LANGUAGE=de:one\\, at the top\\ntwo\\nthree\\nfour\\nfive";
        assert_eq!(merged, expected);
    }
}

#[test]
fn where_the_same_line_differs_nothing_is_made_up() {
    let (a, _) = clash("FN:Anna\nNOTE:one\\ntwo", "NOTE", ":1\\ntwo", ":eins\\ntwo");
    let document = a.doc();
    assert_eq!(document.view().merged("NOTE"), Err(CannotMerge::SameLines));
}

#[test]
fn what_has_no_common_past_or_no_lines_is_not_merged() {
    let one = genesis(&card("FN:Anna\nNOTE:one\nBDAY:19850412"));
    let two = genesis(&card("FN:Anna\nNOTE:two\nBDAY:19850413"));
    let mut a = Replica::new(1, &one);
    a.take(two);
    let document = a.doc();
    let view = document.view();
    assert_eq!(view.merged("NOTE"), Err(CannotMerge::NoAncestor));
    assert_eq!(view.merged("BDAY"), Err(CannotMerge::NotText));
    assert_eq!(view.merged("NAME"), Err(CannotMerge::NoConflict));
}
