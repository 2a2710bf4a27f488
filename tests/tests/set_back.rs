//! Devices whose database was restored from an older state, or copied, and used again.

use std::path::Path;

use pimesh::api::{EditBy, Form, Patch, Reply, Request};
use pimesh_tests::data::{self, Heavy, Scale};
use pimesh_tests::device::{Device, agree, pair};

async fn note(device: &Device, doc: &str, text: &str) {
    let patch = Patch::Set {
        name: "DESCRIPTION".into(),
        value: Form::Plain(text.into()),
    };
    device.edit(doc, EditBy::Patches(vec![patch])).await;
}

async fn notes(device: &Device, doc: &str) -> Vec<String> {
    let item = device.show(doc).await;
    let of_item = item.properties.iter().filter(|p| p.occurrence.is_none());
    of_item
        .filter(|p| p.name == "DESCRIPTION")
        .map(|p| p.value.clone())
        .collect()
}

/// How many notices there are; each says what was done.
async fn notices(device: &Device, request: Request) -> usize {
    let Reply::Status(status) = device.ask(request).await else {
        panic!("not a status")
    };
    for notice in &status.notices {
        assert!(["copied", "set_back"].contains(&notice.kind.as_str()));
        assert!(notice.incarnation > 0 && notice.message.contains("histories were kept"));
    }
    status.notices.len()
}

/// Copies the database of a device that is switched off, into the file that is there: as an
/// image of a whole disk is put back, which nobody sees at the file.
fn copy(from: &Path, to: &Path) {
    for end in ["", "-wal", "-shm"] {
        let of = |path: &Path| {
            path.with_file_name(format!("{}{end}", path.file_name().unwrap().display()))
        };
        match of(from).exists() {
            true => _ = std::fs::copy(of(from), of(to)).unwrap(),
            false => _ = std::fs::remove_file(of(to)),
        }
    }
}

/// A laptop that is off and a phone that is on; both hold the same. And three of their events.
async fn two() -> (Device, Device, Vec<String>) {
    let (mut laptop, mut phone) = (Device::new("laptop"), Device::new("phone"));
    let scale = Scale {
        contacts: 4,
        events: 12,
    };
    let files = data::made(scale, Heavy::USUAL, laptop.folder());
    laptop.import(&files).await;
    let address = laptop.start().await;
    phone.start().await;
    pair(&laptop, &phone, address).await;
    let (items, _) = agree(&laptop, &phone).await;
    laptop.stop().await;
    let events = items.values().filter(|item| item.kind == "event");
    let docs = events.map(|item| item.doc.clone()).take(3).collect();
    (laptop, phone, docs)
}

/// The laptop meets the phone, which is on, and is switched off again.
async fn together(laptop: &mut Device, phone: &Device) {
    laptop.start_elsewhere().await;
    agree(laptop, phone).await;
    laptop.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_is_restored_and_used_before_it_meets_the_others_loses_nothing() {
    let (mut laptop, phone, docs) = two().await;
    let backup = laptop.folder().join("backup.db");
    copy(&laptop.home.database(), &backup);
    note(&laptop, &docs[0], "before").await;
    together(&mut laptop, &phone).await;

    copy(&backup, &laptop.home.database());
    assert_ne!(notes(&laptop, &docs[0]).await, ["before"]);
    note(&laptop, &docs[1], "after").await;
    note(&phone, &docs[2], "on the phone").await;
    together(&mut laptop, &phone).await;
    for device in [&laptop, &phone] {
        assert_eq!(notes(device, &docs[0]).await, ["before"]);
        assert_eq!(notes(device, &docs[1]).await, ["after"]);
        assert_eq!(notes(device, &docs[2]).await, ["on the phone"]);
        assert_eq!(device.conflicts().await, []);
    }
    // the person is told until they say that they know, also by a program that was started anew
    assert_eq!(notices(&phone, Request::Status).await, 0);
    assert_eq!(notices(&laptop, Request::Status).await, 1);
    assert_eq!(notices(&laptop, Request::Acknowledge).await, 0);
    assert_eq!(notices(&laptop, Request::Status).await, 0);
    // and it goes on as before
    note(&laptop, &docs[0], "later").await;
    note(&phone, &docs[1], "later").await;
    together(&mut laptop, &phone).await;
    for device in [&laptop, &phone] {
        assert_eq!(notes(device, &docs[0]).await, ["later"]);
        assert_eq!(notes(device, &docs[1]).await, ["later"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_two_copies_of_a_device_wrote_apart_comes_together_on_the_third() {
    let (mut laptop, phone, docs) = two().await;
    let (original, image) = (laptop.folder().join("1.db"), laptop.folder().join("2.db"));
    copy(&laptop.home.database(), &image);
    note(&laptop, &docs[0], "by the original").await;
    copy(&laptop.home.database(), &original);
    // one home stands for both copies, which are never on at once
    copy(&image, &laptop.home.database());
    note(&laptop, &docs[1], "by the copy").await;
    note(&laptop, &docs[2], "by the copy").await;
    together(&mut laptop, &phone).await;
    copy(&laptop.home.database(), &image);
    copy(&original, &laptop.home.database());
    together(&mut laptop, &phone).await;
    for round in 0..2 {
        for device in [&laptop, &phone] {
            assert_eq!(notes(device, &docs[0]).await, ["by the original"]);
            assert_eq!(notes(device, &docs[1]).await, ["by the copy"]);
            assert_eq!(notes(device, &docs[2]).await, ["by the copy"]);
            assert_eq!(device.conflicts().await, []);
        }
        if round == 0 {
            copy(&image, &laptop.home.database());
            together(&mut laptop, &phone).await;
        }
    }
}
