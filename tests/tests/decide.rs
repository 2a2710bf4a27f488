//! Conflicts, decided on one device and on both: what was decided is so everywhere, and two
//! decisions made apart agree or clash again.

use pimesh::api::{Choice, Conflict, Decision, FailureKind, Form, Reply, Request, Resolved};
use pimesh_tests::device::Device;

use crate::couple::{Couple, card, doc, import, refused, set, values};
use crate::program::Program;

fn resolve(doc: &str, property: &str, by: Decision) -> Request {
    Request::Resolve {
        item: doc.into(),
        property: property.into(),
        by,
    }
}

async fn resolved(device: &Device, doc: &str, property: &str, by: Decision) -> Resolved {
    match device.ask(resolve(doc, property, by)).await {
        Reply::Resolved(resolved) => resolved,
        other => panic!("{other:?}"),
    }
}

/// Two devices that gave one property of one contact different values.
async fn clash(lines: &str, property: &str, laptop: &str, phone: &str) -> (Couple, String) {
    let mut couple = Couple::with(&card("ann", &format!("FN:Ann\n{lines}"))).await;
    let ann = doc(&couple.laptop, "Ann").await;
    couple
        .apart(
            async |device| device.edit(&ann, set(property, laptop)).await,
            async |device| device.edit(&ann, set(property, phone)).await,
        )
        .await;
    for device in couple.both() {
        assert_eq!(device.conflicts().await.len(), 1);
    }
    (couple, ann)
}

fn value_of(conflict: &Conflict, device: &str) -> usize {
    let mut all = std::iter::once(&conflict.shown).chain(&conflict.others);
    1 + all
        .position(|version| version.devices == [device])
        .expect("it says which device")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_value_is_listed_with_who_wrote_it_and_any_can_be_kept_everywhere() {
    for which in ["laptop", "phone"] {
        let (couple, ann) = clash("TITLE:old", "TITLE", "by laptop", "by phone").await;
        let conflicts = couple.laptop.conflicts().await;
        assert_eq!(conflicts, couple.phone.conflicts().await, "ids and all");
        for version in std::iter::once(&conflicts[0].shown).chain(&conflicts[0].others) {
            assert_eq!(version.source.as_deref(), Some("cli"));
            assert!(version.at.is_some() && version.id.len() == 7, "{version:?}");
            assert!(version.value.ends_with(&version.devices[0]), "{version:?}");
        }
        let number = value_of(&conflicts[0], which);
        let by = Decision::Keep(Choice::Number(number));
        let done = resolved(&couple.phone, &ann, "title", by).await;
        assert_eq!(done.values, [format!("by {which}")]);
        assert_eq!(done.superseded.len(), 2);
        couple.agree().await;
        for device in couple.both() {
            assert_eq!(device.conflicts().await, []);
            assert_eq!(values(device, &ann, "TITLE").await, [format!("by {which}")]);
        }
        couple.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_devices_that_decide_alike_agree_and_else_it_is_a_conflict_again() {
    let (mut couple, ann) = clash("NOTE:old", "NOTE", "one", "two").await;
    let value = |text: &str| Decision::Value(Form::Plain(text.into()));
    couple
        .apart(
            async |device| drop(resolved(device, &ann, "NOTE", value("three, four")).await),
            async |device| drop(resolved(device, &ann, "NOTE", value("three, four")).await),
        )
        .await;
    for device in couple.both() {
        assert_eq!(device.conflicts().await, []);
        assert_eq!(values(device, &ann, "NOTE").await, ["three\\, four"]);
    }
    couple
        .apart(
            async |device| device.edit(&ann, set("NOTE", "five")).await,
            async |device| device.edit(&ann, set("NOTE", "six")).await,
        )
        .await;
    couple
        .apart(
            async |device| drop(resolved(device, &ann, "NOTE", value("five")).await),
            async |device| drop(resolved(device, &ann, "NOTE", value("six")).await),
        )
        .await;
    for device in couple.both() {
        let conflicts = device.conflicts().await;
        assert_eq!(conflicts.len(), 1);
        assert_eq!(conflicts[0].others.len(), 1);
    }
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_numbers_and_both_notes_can_be_kept_but_not_both_titles() {
    let (couple, ann) = clash("TEL;TYPE=CELL:+49 1", "TEL", "+49 30 1", "+49 30 2").await;
    resolved(&couple.laptop, &ann, "TEL", Decision::Both).await;
    couple.agree().await;
    for device in couple.both() {
        let mut numbers = values(device, &ann, "TEL").await;
        numbers.sort();
        assert_eq!(numbers, ["+49 30 1", "+49 30 2"]);
        assert_eq!(device.conflicts().await, []);
    }
    couple.stop().await;

    let (couple, ann) = clash("NOTE:old", "NOTE", "one", "two").await;
    resolved(&couple.laptop, &ann, "NOTE", Decision::Both).await;
    let note = values(&couple.laptop, &ann, "NOTE").await.remove(0);
    assert!(note == "one\\n\\ntwo" || note == "two\\n\\none", "{note}");
    couple.stop().await;

    let (couple, ann) = clash("TITLE:old", "TITLE", "one", "two").await;
    let failure = refused(&couple.laptop, resolve(&ann, "TITLE", Decision::Both)).await;
    assert_eq!(failure.kind, FailureKind::Usage);
    assert_eq!(couple.laptop.conflicts().await.len(), 1, "nothing changed");
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_is_merged_line_by_line_or_left_as_it_is() {
    let old = "one\\ntwo\\nthree\\nfour";
    let (couple, ann) = clash(
        &format!("NOTE:{old}"),
        "NOTE",
        "ONE\ntwo\nthree\nfour",
        "one\ntwo\nthree\nfour\nfive",
    )
    .await;
    resolved(&couple.phone, &ann, "NOTE", Decision::Merge).await;
    couple.agree().await;
    for device in couple.both() {
        let note = values(device, &ann, "NOTE").await;
        assert_eq!(note, ["ONE\\ntwo\\nthree\\nfour\\nfive"]);
        assert_eq!(device.conflicts().await, []);
    }
    couple.stop().await;

    let (couple, ann) = clash(&format!("NOTE:{old}"), "NOTE", "1\ntwo", "eins\ntwo").await;
    let changes = couple.laptop.changes().await;
    let failure = refused(&couple.laptop, resolve(&ann, "NOTE", Decision::Merge)).await;
    assert!(failure.message.contains("same lines"), "{failure}");
    assert_eq!(
        couple.laptop.changes().await,
        changes,
        "nothing was written"
    );
    assert_eq!(couple.laptop.conflicts().await.len(), 1);
    couple.stop().await;
}

#[tokio::test]
async fn the_program_lists_decides_and_says_what_it_does_not_find() {
    let program = Program::new("laptop");
    import(&program.device, "a.vcf", &card("ann", "FN:Ann\nTITLE:one")).await;
    import(&program.device, "b.vcf", &card("ann", "FN:Ann\nTITLE:two")).await;
    let (list, code) = program.json(&["conflicts"]);
    assert_eq!(code, 0);
    let conflict = &list["conflicts"][0];
    assert_eq!(conflict["property"], "TITLE");
    assert_eq!(conflict["shown"]["by"], serde_json::Value::Null);
    assert_eq!(conflict["shown"]["devices"][0], "this device");
    let (item, id) = (
        conflict["item"].as_str().unwrap(),
        &conflict["others"][0]["id"],
    );
    let try_to = |words: &[&str]| {
        let words = [&["conflicts", "resolve", item], words].concat();
        program.json(&words)
    };
    assert_eq!(try_to(&["NOTE", "--keep", "that"]).1, 4);
    assert_eq!(try_to(&["TITLE", "--keep", "9"]).1, 2);
    assert_eq!(try_to(&["TITLE"]).1, 2);
    assert_eq!(try_to(&["TITLE", "--keep", "this", "--merge"]).1, 2);
    assert_eq!(
        try_to(&["TITLE", "--merge"]).1,
        1,
        "they have no common past"
    );
    let other = conflict["others"][0]["value"].as_str().unwrap();
    let (done, code) = try_to(&["TITLE", "--keep", id.as_str().unwrap()]);
    assert_eq!((code, &done["values"][0]), (0, &other.into()));
    assert_eq!(
        program.json(&["conflicts"]).0["conflicts"],
        serde_json::json!([])
    );
    let said = program.output(&["conflicts"]);
    assert!(
        String::from_utf8(said.stdout)
            .unwrap()
            .starts_with("Nothing")
    );
}
