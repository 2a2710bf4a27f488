//! Mailboxes: read once, read again, read on two devices, read in another order.

use std::path::Path;

use pimesh::api::{ItemSummary, NewSource, Reply, Request, SourceReport};
use pimesh_tests::data::Scale;
use pimesh_tests::device::{Device, agree, pair};
use pimesh_tests::mail::{self, Truth};
use pimesh_tests::seed::Chance;

const SCALE: Scale = Scale {
    contacts: 100,
    events: 100,
};

/// Adds a Maildir as a source of this name and reads it.
async fn read(device: &Device, name: &str, maildir: &Path) -> SourceReport {
    let source = NewSource {
        url: format!("maildir:{}", maildir.display()),
        name: Some(name.into()),
        into: None,
        credential: None,
        insecure: false,
        ca: None,
    };
    device.ask(Request::SourceAdd(source)).await;
    read_again(device, name).await
}

async fn read_again(device: &Device, name: &str) -> SourceReport {
    let name = Some(name.to_owned());
    let Reply::Synced(mut report) = device.ask(Request::SourceSync { name }).await else {
        panic!("not a report")
    };
    let report = report.sources.pop().unwrap();
    assert_eq!(report.failure, None);
    report
}

fn assert_nothing_new(report: &SourceReport) {
    let new = (report.added, report.changed, report.changes);
    assert_eq!(new, (0, 0, 0), "{report:?}");
}

async fn assert_true(device: &Device, truth: &Truth) {
    let items = device.items().await;
    for (kind, wanted) in [("event", &truth.events), ("contact", &truth.contacts)] {
        for (uid, name) in wanted {
            let bare = |item: &ItemSummary| item.uid.trim_start_matches("urn:uuid:") == uid;
            let found: Vec<&ItemSummary> = items.values().filter(|item| bare(item)).collect();
            assert_eq!(found.len(), 1, "{uid}: {found:?}");
            assert_eq!((found[0].kind.as_str(), &found[0].name), (kind, name));
        }
    }
    let events = items.values().filter(|item| item.kind == "event").count();
    assert_eq!(events, truth.events.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mailbox_read_twice_and_on_both_devices_brings_each_item_once() {
    let (mut laptop, mut phone) = (Device::new("laptop"), Device::new("phone"));
    let truth = mail::maildir(SCALE, laptop.folder());
    let maildir = laptop.folder().join("Maildir");
    let report = read(&laptop, "mail", &maildir).await;
    eprintln!("{report:?}");
    assert!(report.refused.is_empty(), "{:?}", report.refused);
    assert_true(&laptop, &truth).await;

    let address = laptop.start().await;
    phone.start().await;
    pair(&laptop, &phone, address).await;
    let (items, texts) = agree(&laptop, &phone).await;
    assert_true(&phone, &truth).await;

    let changes = laptop.changes().await;
    assert_nothing_new(&read_again(&laptop, "mail").await);
    assert_nothing_new(&read(&laptop, "the same under another name", &maildir).await);
    assert_nothing_new(&read(&phone, "mail", &maildir).await);
    let (after, texts_after) = agree(&laptop, &phone).await;
    assert!(after == items && texts_after == texts);
    for device in [&laptop, &phone] {
        assert_eq!(device.changes().await, changes);
        assert_eq!(device.conflicts().await, []);
    }
    laptop.stop().await;
    phone.stop().await;
}

#[tokio::test]
async fn the_order_of_the_mails_makes_no_difference() {
    let mut chance = Chance::announced("mail::order");
    let (first, second) = (Device::new("first"), Device::new("second"));
    let truth = mail::maildir(SCALE, first.folder());
    let maildir = first.folder().join("Maildir");
    read(&first, "mail", &maildir).await;
    let other = second.folder().join("Maildir");
    mail::shuffled(&maildir, &other, &mut chance);
    read(&second, "mail", &other).await;
    assert_true(&second, &truth).await;
    let (one, two) = (first.items().await, second.items().await);
    for (doc, item) in &one {
        assert_eq!(two.get(doc), Some(item));
        let (here, there) = (first.show(doc).await, second.show(doc).await);
        assert_eq!(here.text, there.text);
    }
    assert_eq!(one.len(), two.len());
}
