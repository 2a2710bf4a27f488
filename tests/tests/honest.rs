//! What a device says of itself: whether it is in sync, what is open, what has happened.

use pimesh::api::{Event, OccurrenceConflict, People, Reply, Request, Status};
use pimesh_tests::device::{Device, agree, pair};
use pimesh_tests::wait::in_time;

use crate::couple::{Couple, card, doc, import};

async fn status(device: &Device) -> Status {
    match device.ask(Request::Status).await {
        Reply::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mesh_without_collections_is_in_sync_when_its_devices_say_so() {
    let (mut laptop, mut phone) = (Device::new("laptop"), Device::new("phone"));
    let address = laptop.start().await;
    phone.start().await;
    pair(&laptop, &phone, address).await;
    agree(&laptop, &phone).await;
    for device in [&laptop, &phone] {
        let told = status(device).await;
        assert!(told.in_sync && told.collections.is_empty(), "{told:?}");
        assert!(
            told.devices.iter().all(|other| other.has_everything()),
            "{told:?}"
        );
    }
    laptop.stop().await;
    phone.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn links_are_told_as_events_on_both_devices() {
    let cards = card("1", "FN:Ann\nTEL:1") + &card("2", "FN:Anna\nTEL:2");
    let couple = Couple::with(&cards).await;
    let items = vec![
        doc(&couple.laptop, "Ann").await,
        doc(&couple.laptop, "Anna").await,
    ];
    let mut here = couple.laptop.events();
    let mut there = couple.phone.events();
    couple
        .laptop
        .ask(Request::People(People::Link { items }))
        .await;
    let told = async {
        loop {
            if let Event::Changed { collection, .. } = here.recv().await.unwrap() {
                break collection;
            }
        }
    };
    assert_eq!(in_time("the laptop tells it", told).await, "Contacts");
    let told = async {
        loop {
            if let Event::Received { collection, .. } = there.recv().await.unwrap() {
                break collection;
            }
        }
    };
    assert_eq!(in_time("the phone tells it", told).await, "Contacts");
    couple.stop().await;
}

#[tokio::test]
async fn status_counts_occurrences_in_question() {
    let device = Device::new("laptop");
    let event = |rule: &str, more: &str| {
        format!(
            "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:e\r\n\
             DTSTART:20270101T100000Z\r\nRRULE:{rule}\r\nSUMMARY:Walk\r\nEND:VEVENT\r\n{more}\
             END:VCALENDAR\r\n"
        )
    };
    let moved = "BEGIN:VEVENT\r\nUID:e\r\nRECURRENCE-ID:20270108T100000Z\r\n\
                 DTSTART:20270108T120000Z\r\nSUMMARY:Later\r\nEND:VEVENT\r\n";
    import(&device, "e.ics", &event("FREQ=WEEKLY", "")).await;
    assert_eq!(status(&device).await.conflicts, 0);
    let only = format!("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n{moved}END:VCALENDAR\r\n");
    import(&device, "moved.ics", &only).await;
    assert_eq!(status(&device).await.conflicts, 0);
    import(&device, "e.ics", &event("FREQ=WEEKLY;COUNT=1", "")).await;
    let Reply::Conflicts(all) = device.ask(Request::Conflicts).await else {
        panic!("not conflicts")
    };
    let occurrences: &[OccurrenceConflict] = &all.occurrences;
    assert_eq!(occurrences.len(), 1, "{all:?}");
    let told = status(&device).await;
    assert_eq!(
        told.conflicts,
        (all.conflicts.len() + occurrences.len()) as u64
    );
}
