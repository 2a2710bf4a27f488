//! What two people who edit apart get when their devices meet.

use super::*;

/// Two devices with the same item.
pub(super) fn two(first: &Item) -> (Replica, Replica) {
    let change = genesis(first);
    (Replica::new(1, &change), Replica::new(2, &change))
}

#[test]
fn an_edit_made_apart_from_a_delete_wins_and_the_item_is_whole() {
    let (mut a, mut b) = two(&card("FN:Anna\nTEL:1\nNOTE:n"));
    a.delete();
    assert!(!a.shown().live);
    b.set("NOTE", ":changed");
    let shown = met(&a, &b);
    assert!(shown.live);
    assert_eq!(shown.item.value("NOTE"), Some(":changed"));
    assert_eq!(shown.item.value("NAME"), Some("FN:Anna"));
    assert_eq!(shown.conflicts, []);
}

#[test]
fn a_delete_removes_life_alone_and_undelete_brings_everything_back() {
    let (mut a, _) = two(&card("FN:Anna\nTEL:1\nNOTE:n"));
    let before = a.shown().item;
    a.delete();
    let last = decode(a.changes.last().unwrap()).unwrap();
    assert_eq!(last.ops.len(), 1);
    assert_eq!(last.ops[0].key, "~live");
    let heads = a.doc().heads();
    assert!(a.write(&heads, &[Edit::Revive { rid: None }], Writer::Person));
    assert!(a.shown().live);
    assert_eq!(a.shown().item, before);
}

#[test]
fn an_edit_after_a_delete_that_its_writer_saw_brings_the_item_back() {
    let (mut a, _) = two(&card("FN:Anna"));
    a.delete();
    a.set("NOTE", ":x");
    assert!(a.shown().live);
}

#[test]
fn two_deletes_made_apart_are_one() {
    let (mut a, mut b) = two(&card("FN:Anna"));
    a.delete();
    b.delete();
    assert!(!met(&a, &b).live);
}

#[test]
fn edits_of_different_properties_merge_without_a_conflict() {
    let (mut a, mut b) = two(&card("FN:Anna\nTEL:1\nEMAIL:a@x.org"));
    a.set("NOTE", ":from a");
    a.set(&only(&a.shown().item, "TEL"), ":2");
    b.set("TITLE", ":from b");
    b.set(&only(&b.shown().item, "EMAIL"), ":b@x.org");
    let shown = met(&a, &b);
    assert_eq!(shown.conflicts, []);
    assert_eq!(shown.item.value("NOTE"), Some(":from a"));
    assert_eq!(shown.item.value("TITLE"), Some(":from b"));
    assert_eq!(all(&shown.item, "TEL"), [":2"]);
    assert_eq!(all(&shown.item, "EMAIL"), [":b@x.org"]);
}

#[test]
fn edits_of_one_property_are_one_conflict_with_the_same_winner_on_both_devices() {
    let (mut a, mut b) = two(&card("FN:Anna\nNOTE:old"));
    a.set("NOTE", ":from a");
    b.set("NOTE", ":from b");
    let shown = met(&a, &b);
    let [conflict] = shown.conflicts.as_slice() else {
        panic!("{:?}", shown.conflicts)
    };
    assert_eq!(conflict.key, "NOTE");
    let mut both = [conflict.shown.as_str(), conflict.others[0].value.as_str()];
    both.sort_unstable();
    assert_eq!(both, [":from a", ":from b"]);
    assert_eq!(
        conflict.others[0]
            .by
            .as_deref()
            .map(|by| by.ends_with("test")),
        Some(true)
    );
}

#[test]
fn the_later_rev_is_shown_where_both_sides_carry_one() {
    for (of_a, of_b, wins) in [
        ("20250102T000000Z", "20250101T000000Z", ":from a"),
        ("20250101T000000Z", "20250102T000000Z", ":from b"),
        ("2025-01-02T00:00:00Z", "20250101T000000Z", ":from a"),
    ] {
        let (mut a, mut b) = two(&card("FN:Anna\nNOTE:old\nREV:20240101T000000Z"));
        for (device, note, rev) in [(&mut a, ":from a", of_a), (&mut b, ":from b", of_b)] {
            device.change(|item| {
                item.values.insert("NOTE".into(), note.into());
                item.values.insert("REV".into(), format!(":{rev}"));
            });
        }
        let shown = met(&a, &b);
        assert_eq!(shown.conflicts.len(), 1);
        assert_eq!(shown.item.value("NOTE"), Some(wins));
        let later = of_a.replace(['-', ':'], "").max(of_b.into());
        assert_eq!(
            shown.item.value("REV").unwrap().replace(['-', ':'], ""),
            later
        );
    }
}

#[test]
fn a_program_that_read_an_old_version_does_not_replace_a_newer_value_unseen() {
    let (mut a, _) = two(&card("FN:Anna\nNOTE:old"));
    let old = a.doc().heads();
    a.set("NOTE", ":newer");
    a.change_at(&old, |item| {
        item.values
            .insert("NOTE".into(), ":of the stale program".into());
    });
    let shown = a.shown();
    assert_eq!(shown.conflicts.len(), 1);
    let kept = [
        &shown.conflicts[0].shown,
        &shown.conflicts[0].others[0].value,
    ];
    assert!(kept.iter().any(|v| *v == ":newer"));
}

#[test]
fn a_later_write_supersedes_what_its_writer_was_shown_and_no_more() {
    let (mut a, mut b) = two(&card("FN:Anna\nNOTE:old"));
    a.set("NOTE", ":from a");
    b.set("NOTE", ":from b");
    a.receive(&b);
    let hidden = a.shown().conflicts[0].others[0].value.clone();
    a.set("NOTE", ":third");
    let shown = a.shown();
    assert_eq!(shown.item.value("NOTE"), Some(":third"));
    assert_eq!(shown.conflicts.len(), 1);
    assert_eq!(shown.conflicts[0].others[0].value, hidden);
}

#[test]
fn the_same_text_on_two_devices_is_one_change() {
    let text = "FN:Anna\nTEL:1\nTEL:2\nPHOTO;ENCODING=b:QUJD";
    assert_eq!(genesis(&card(text)), genesis(&card(text)));
}

#[test]
fn exports_that_differ_in_form_alone_do_not_clash() {
    let a = genesis(&card(
        "N:Gruber;Anna;;;\nFN:Anna Gruber\nTEL;TYPE=VOICE,CELL:+43 1 234\nBDAY:1985-04-12\n\
         EMAIL;TYPE=INTERNET:Anna@Example.org\nADR;TYPE=home:;;S 1;Town;;;\nNOTE:a\\, b \n\
         REV:20250101T000000Z\nPRODID:x\nTITLE:\nURL;VALUE=URI:http://x.org/",
    ));
    let b = genesis(&card(
        "FN:Anna Gruber\nN:Gruber;Anna\nTEL;TYPE=cell:tel:+43-1-234\nBDAY;VALUE=date:19850412\n\
         EMAIL:anna@example.org\nADR;TYPE=HOME:;;S 1;Town\nNOTE:a, b\n\
         REV:2025-01-02T00:00:00Z\nPRODID:y\nURL:http://x.org/",
    ));
    assert_ne!(a.hash, b.hash);
    let shown = met(&Replica::new(1, &a), &Replica::new(2, &b));
    assert_eq!(shown.conflicts, []);
    for name in ["TEL", "EMAIL", "ADR"] {
        assert_eq!(all(&shown.item, name).len(), 1, "{name}");
    }
    assert_eq!(shown.item.value("REV"), Some(":2025-01-02T00:00:00Z"));
}

#[test]
fn exports_that_differ_clash_and_the_other_value_is_kept() {
    let a = genesis(&card("FN:Anna\nNOTE:one\nREV:20250101T000000Z\nTEL:1"));
    let b = genesis(&card("FN:Anna\nNOTE:two\nREV:20240101T000000Z\nTEL:2"));
    let shown = met(&Replica::new(1, &a), &Replica::new(2, &b));
    assert_eq!(shown.item.value("NOTE"), Some(":one"));
    assert_eq!(shown.conflicts.len(), 1);
    assert_eq!(shown.conflicts[0].others[0].value, ":two");
    assert_eq!(all(&shown.item, "TEL"), [":1", ":2"]);
}

#[test]
fn an_old_export_that_restates_a_replaced_value_is_no_conflict() {
    let (mut a, _) = two(&card("FN:Anna\nNOTE:old\nTITLE:t"));
    a.set("NOTE", ":new");
    a.take(genesis(&card(
        "FN:Anna\nNOTE:old \nTITLE:t\nX-EXPORTED:again",
    )));
    let shown = a.shown();
    assert_eq!(shown.conflicts, []);
    assert_eq!(shown.item.value("NOTE"), Some(":new"));
    a.set("NOTE", ":newest");
    assert_eq!(a.shown().item.value("NOTE"), Some(":newest"));
    assert_eq!(a.shown().conflicts, []);
}

#[test]
fn the_types_of_two_sides_are_united() {
    let a = genesis(&card("FN:Anna\nTEL;TYPE=HOME,pref:1"));
    let b = genesis(&card("FN:Anna\nTEL;TYPE=cell:1"));
    let c = genesis(&card("FN:Anna\nTEL:1"));
    let shown = met(&Replica::new(1, &a), &Replica::new(2, &b));
    assert_eq!(shown.conflicts, []);
    let [tel] = all(&shown.item, "TEL")[..] else {
        panic!()
    };
    let form = crate::canon::form("TEL", tel);
    assert_eq!(form, "TYPE=cell,home:1");
    let shown = met(&Replica::new(1, &a), &Replica::new(2, &c));
    assert_eq!(shown.conflicts, []);
    assert_eq!(
        crate::canon::form("TEL", all(&shown.item, "TEL")[0]),
        "TYPE=home:1"
    );
}

#[test]
fn a_preference_moved_by_one_device_is_kept_and_never_a_conflict() {
    let (mut a, mut b) = two(&card("FN:A\nEMAIL;TYPE=pref:a@x.org\nEMAIL:b@x.org"));
    let key = |item: &Item, part: &str| -> String {
        item.values
            .iter()
            .find(|(_, v)| v.contains(part))
            .unwrap()
            .0
            .clone()
    };
    a.change(|item| {
        item.values.insert(key(item, "a@x"), ":a@x.org".into());
        item.values
            .insert(key(item, "b@x"), "TYPE=pref:b@x.org".into());
    });
    b.set("NOTE", ":x");
    let shown = met(&a, &b);
    assert_eq!(all(&shown.item, "EMAIL"), [":a@x.org", "TYPE=pref:b@x.org"]);
    assert_eq!(shown.conflicts, []);
}

#[test]
fn book_keeping_merges_by_maximum() {
    let text = |sequence: &str, stamp: &str, generation: &str| {
        event(&format!(
            "SUMMARY:s\nDTSTAMP:{stamp}\nLAST-MODIFIED:{stamp}\nSEQUENCE:{sequence}\n\
             X-MOZ-GENERATION:{generation}\nX-EVOLUTION-CALDAV-ETAG:{stamp}"
        ))
    };
    let a = genesis(&text("10", "20250101T000000Z", "9"));
    let b = genesis(&text("9", "20250102T000000Z", "10"));
    let shown = met(&Replica::new(1, &a), &Replica::new(2, &b));
    assert_eq!(shown.conflicts, []);
    assert_eq!(shown.item.value("SEQUENCE"), Some(":10"));
    assert_eq!(shown.item.value("DTSTAMP"), Some(":20250102T000000Z"));
    assert_eq!(shown.item.value("LAST-MODIFIED"), Some(":20250102T000000Z"));
    assert_eq!(all(&shown.item, "X-MOZ-GENERATION"), [":10"]);
    assert_eq!(all(&shown.item, "X-EVOLUTION-CALDAV-ETAG").len(), 1);
}

#[test]
fn book_keeping_alone_is_nothing_that_anyone_wrote() {
    let (mut a, _) = two(&event(
        "SUMMARY:s\nX-MOZ-GENERATION:1\nDTSTAMP:20250101T000000Z",
    ));
    let edits = a.change(|item| {
        *item = event("SUMMARY:s\nX-MOZ-GENERATION:2\nDTSTAMP:20250102T000000Z");
    });
    assert_eq!(edits, []);
    assert_eq!(a.changes.len(), 1);
}

#[test]
fn the_labels_of_two_devices_do_not_mix() {
    let a = genesis(&card("FN:A\nitem1.TEL:1\nitem1.X-ABLabel:Ferien"));
    let b = genesis(&card("FN:A\nitem1.TEL:2\nitem1.X-ABLabel:Arbeit"));
    let shown = met(&Replica::new(1, &a), &Replica::new(2, &b));
    assert_eq!(shown.conflicts, []);
    assert_eq!(
        all(&shown.item, "TEL"),
        [":1\nX-ABLabel:Ferien", ":2\nX-ABLabel:Arbeit"]
    );
    let text = crate::render::render(&shown.item, &|_| None).text;
    let groups: std::collections::BTreeSet<&str> = text
        .lines()
        .filter(|l| l.contains("TEL"))
        .map(|l| &l[..5])
        .collect();
    assert_eq!(groups.len(), 2, "{text}");
}

#[test]
fn the_order_of_addresses_never_clashes() {
    let (mut a, mut b) = two(&card("FN:A\nEMAIL:a@x.org\nEMAIL:b@x.org\nEMAIL:c@x.org"));
    let order = a.shown().item.value("~order/EMAIL").unwrap().to_owned();
    let mut ids: Vec<&str> = order.split(' ').collect();
    ids.rotate_left(1);
    a.set_order(&ids);
    ids.rotate_left(1);
    b.set_order(&ids);
    let shown = met(&a, &b);
    assert_eq!(shown.conflicts, []);
    assert_eq!(all(&shown.item, "EMAIL").len(), 3);
}

impl Replica {
    fn set_order(&mut self, ids: &[&str]) {
        self.set_raw("~order/EMAIL", &ids.join(" "));
    }

    fn set_raw(&mut self, key: &str, value: &str) {
        let heads = self.doc().heads();
        let (key, value) = (key.to_owned(), value.to_owned());
        assert!(self.write(&heads, &[Edit::Set { key, value }], Writer::Person));
    }
}

#[test]
fn a_register_removed_by_one_and_edited_by_the_other_is_kept() {
    let (mut a, mut b) = two(&card("FN:A\nNOTE:old"));
    a.change(|item| drop(item.values.remove("NOTE")));
    b.set("NOTE", ":new");
    assert_eq!(met(&a, &b).item.value("NOTE"), Some(":new"));
}
