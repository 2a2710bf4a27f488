//! Two devices that imported the same before they met, and were edited while apart.
//!
//! `PIMESH_SCALE=10000x20000 cargo test --release -p pimesh-tests two_devices -- --nocapture`
//! does the same with a heavy user's data and prints how long it took; with
//! `PIMESH_CORPUS` the data is that of its `gen.py`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use pimesh::api::{EditBy, Form, ItemSummary, Patch};
use pimesh_tests::data::{self, Scale};
use pimesh_tests::device::{Device, agree, pair};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

/// Items that only one of the devices edits, for each of them.
const ALONE: usize = 85;
/// Items that both edit, in different properties.
const DIFFERENT: usize = 10;
/// Items that both edit, in the same property.
const SAME: usize = 5;

/// A way to a device that hangs up on the first who comes; gives where it begins.
async fn way_that_breaks_once(to: &str) -> String {
    let port = to.split('/').nth(4).unwrap().to_owned();
    let door = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = door.local_addr().unwrap().port();
    tokio::spawn(async move {
        drop(door.accept().await.unwrap());
        loop {
            let (mut from, _) = door.accept().await.unwrap();
            let there = TcpStream::connect(format!("127.0.0.1:{port}"));
            let mut there = there.await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut from, &mut there).await });
        }
    });
    format!("/ip4/127.0.0.1/tcp/{own}")
}

#[tokio::test]
async fn who_types_a_code_calls_again_where_the_first_call_breaks() {
    let (mut laptop, mut phone) = (Device::new("laptop").over_tcp(), Device::new("phone"));
    let address = laptop.start().await.remove(0);
    phone.start().await;
    pair(&laptop, &phone, vec![way_that_breaks_once(&address).await]).await;
    laptop.stop().await;
    phone.stop().await;
}

/// Says how long each step took.
struct Clock(Instant);

impl Clock {
    fn lap(&mut self, what: &str) {
        eprintln!("{:8.2} s  {what}", self.0.elapsed().as_secs_f64());
        self.0 = Instant::now();
    }
}

fn set(name: &str, value: &str) -> EditBy {
    let value = Form::Plain(value.into());
    EditBy::Patches(vec![Patch::Set {
        name: name.into(),
        value,
    }])
}

/// Two properties that an item of this kind may have.
fn properties(item: &ItemSummary) -> [&'static str; 2] {
    match item.kind.as_str() {
        "contact" => ["NOTE", "TITLE"],
        _ => ["LOCATION", "DESCRIPTION"],
    }
}

/// One edit: the document, the property, the value.
type Edits = Vec<(String, &'static str, String)>;

/// What each device edits, and the documents that both edit in the same property.
fn plan(items: &BTreeMap<String, ItemSummary>) -> (Edits, Edits, BTreeSet<String>) {
    // documents are named by hashes, so their order mixes contacts and events
    let step = items.len() / (2 * ALONE + DIFFERENT + SAME);
    let mut chosen = items.values().step_by(step.max(1));
    let mut edits = |count: usize| -> Vec<&ItemSummary> { chosen.by_ref().take(count).collect() };
    let (mut laptop, mut phone) = (Edits::new(), Edits::new());
    let of = |item: &ItemSummary, which: usize, by: &str| {
        let name = properties(item)[which];
        (
            item.doc.clone(),
            name,
            format!("{name} by the {by}, only there"),
        )
    };
    for (at, item) in edits(ALONE).into_iter().enumerate() {
        laptop.push(of(item, at % 2, "laptop"));
    }
    for (at, item) in edits(ALONE).into_iter().enumerate() {
        phone.push(of(item, at % 2, "phone"));
    }
    for item in edits(DIFFERENT) {
        laptop.push(of(item, 0, "laptop"));
        phone.push(of(item, 1, "phone"));
    }
    let same = edits(SAME);
    assert_eq!(same.len(), SAME, "too few items");
    for item in &same {
        laptop.push(of(item, 0, "laptop"));
        phone.push(of(item, 0, "phone"));
    }
    let same = same.iter().map(|item| item.doc.clone()).collect();
    (laptop, phone, same)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_devices_imported_before_they_met_is_one_set_and_no_edit_made_apart_is_lost() {
    let scale = Scale::wanted(Scale {
        contacts: 300,
        events: 600,
    });
    let mut clock = Clock(Instant::now());
    let (mut laptop, mut phone) = (Device::new("laptop"), Device::new("phone"));
    let files = data::files(scale, laptop.folder());
    clock.lap(&format!("{scale:?} written as files"));

    for device in [&laptop, &phone] {
        let report = device.import(&files).await;
        assert!(report.totals.add_up(), "{:?}", report.totals);
        assert_eq!(report.totals.refused, 0);
        assert_eq!(report.totals.added, scale.items() as u64);
    }
    clock.lap("imported on both, one after the other");
    let (items, texts) = (laptop.items().await, laptop.texts().await);
    let changes = laptop.changes().await;
    assert_eq!(items.len(), scale.items());
    assert_eq!(phone.texts().await, texts, "the same before they meet");

    let address = laptop.start().await;
    phone.start().await;
    clock.lap("listed, exported, switched on");
    pair(&laptop, &phone, address).await;
    let (paired, together) = agree(&laptop, &phone).await;
    clock.lap("paired, and both hold the same");
    assert!(paired == items, "the set is as it was");
    assert!(together == texts, "no element is doubled");
    for device in [&laptop, &phone] {
        assert_eq!(device.conflicts().await, []);
        assert_eq!(device.changes().await, changes, "no change was created");
    }

    laptop.stop().await;
    phone.stop().await;
    let (by_laptop, by_phone, same) = plan(&items);
    for (device, edits) in [(&mut laptop, &by_laptop), (&mut phone, &by_phone)] {
        device.start().await; // the other one is off
        for (doc, name, value) in edits {
            device.edit(doc, set(name, value)).await;
        }
        device.stop().await;
    }
    clock.lap("100 edits made on each while the other was off");
    laptop.start().await;
    phone.start().await;
    let (after, _) = agree(&laptop, &phone).await;
    clock.lap("switched on again, and both hold the same");

    assert_eq!(after.len(), items.len());
    let edits = by_laptop.len() + by_phone.len();
    for device in [&laptop, &phone] {
        assert_eq!(device.changes().await, changes + edits as u64);
        let mut found = 0;
        for (doc, name, value) in by_laptop.iter().chain(&by_phone) {
            let item = device.show(doc).await;
            if same.contains(doc) {
                continue;
            }
            let mut properties = item.properties.iter();
            assert!(
                properties.any(|p| p.name == *name
                    && p.occurrence.is_none()
                    && p.value == escaped(value)),
                "{doc} lost {name}: {item:?}"
            );
            assert_eq!(item.conflicts, []);
            found += 1;
        }
        assert_eq!(found, 2 * (ALONE + DIFFERENT));
        both_values_of_each_conflict(device, &by_laptop, &by_phone, &same).await;
    }
    clock.lap("190 edits and 5 conflicts found on each");
    laptop.stop().await;
    phone.stop().await;
}

async fn both_values_of_each_conflict(
    device: &Device,
    by_laptop: &Edits,
    by_phone: &Edits,
    same: &BTreeSet<String>,
) {
    let conflicts = device.conflicts().await;
    assert_eq!(conflicts.len(), SAME, "{conflicts:?}");
    for doc in same {
        let item = device.show(doc).await;
        assert_eq!(item.conflicts.len(), 1, "{item:?}");
        let conflict = &item.conflicts[0];
        let shown: BTreeSet<&str> = std::iter::once(&conflict.shown)
            .chain(&conflict.others)
            .map(|version| version.value.as_str())
            .collect();
        let written: BTreeSet<String> = by_laptop
            .iter()
            .chain(by_phone)
            .filter(|(edited, ..)| edited == doc)
            .map(|(.., value)| escaped(value))
            .collect();
        assert_eq!(written.len(), 2);
        assert_eq!(shown, written.iter().map(String::as_str).collect());
    }
}

/// As it stands in a file.
fn escaped(value: &str) -> String {
    value.replace(',', "\\,")
}
