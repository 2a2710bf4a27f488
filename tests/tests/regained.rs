//! Disks that lose items, in whole devices over real sockets: it is noticed, told, and what was
//! lost comes back from the other device.

use pimesh::api::{Care, Health, Repair, Reply, Request, Status};
use pimesh_tests::device::{Device, agree, pair};
use pimesh_tests::wait::eventually;
use rusqlite::Connection;

use crate::couple::{Couple, card, doc, import, set};

fn cards() -> String {
    (0..40)
        .map(|n| card(&format!("c{n}"), &format!("FN:Person {n}\nN:{n};;;;")))
        .collect()
}

fn on_disk(device: &Device, sql: &str) -> usize {
    let db = Connection::open(device.home.database()).unwrap();
    db.execute(sql, []).unwrap()
}

async fn status(device: &Device) -> Status {
    match device.ask(Request::Status).await {
        Reply::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

async fn doctor(device: &Device, repair: Repair) -> Health {
    match device.ask(Request::Care(Care::Doctor { repair })).await {
        Reply::Doctor(health) => health,
        other => panic!("{other:?}"),
    }
}

async fn in_sync(device: &Device) {
    eventually("in sync", async || {
        status(device).await.in_sync.then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn items_that_a_disk_has_lost_come_back_when_the_devices_meet() {
    let mut couple = Couple::with(&cards()).await;
    let good = couple.laptop.texts().await;
    couple.phone.stop().await;
    let lost = on_disk(
        &couple.phone,
        "DELETE FROM doc WHERE uid IN ('c3', 'c7', 'c30')",
    );
    assert_eq!(lost, 3);
    couple.phone.start_elsewhere().await;
    couple.agree().await;
    assert_eq!(couple.phone.texts().await, good);
    in_sync(&couple.phone).await;
    in_sync(&couple.laptop).await;
    let told = status(&couple.phone).await.notices;
    let came_back = told.iter().find(|notice| notice.kind == "came_back");
    let message = &came_back.expect("it is told").message;
    assert!(message.contains("laptop"), "{message}");
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damaged_items_are_taken_out_by_the_doctor_and_come_back() {
    let mut couple = Couple::with(&cards()).await;
    let person = doc(&couple.phone, "Person 5").await;
    couple.phone.edit(&person, set("NOTE", "kept")).await;
    couple.agree().await;
    let good = couple.laptop.texts().await;
    couple.phone.stop().await;
    let spoilt = on_disk(&couple.phone, "UPDATE block SET body = x'00112233'");
    assert!(spoilt > 0);
    let health = doctor(&couple.phone, Repair::No).await;
    let changes = &health.checks[2];
    assert!(changes.wrong >= 40, "{changes:?}");
    assert!(
        changes.hint.as_ref().unwrap().contains("--repair"),
        "{changes:?}"
    );
    doctor(&couple.phone, Repair::Yes).await;
    let missing = status(&couple.phone).await;
    assert!(
        !missing.in_sync && missing.documents_missing >= 40,
        "{missing:?}"
    );
    let health = doctor(&couple.phone, Repair::No).await;
    assert!(
        health.checks[1]
            .hint
            .as_ref()
            .unwrap()
            .contains("are asked"),
        "{health:?}"
    );
    couple.phone.start_elsewhere().await;
    couple.agree().await;
    assert_eq!(couple.phone.texts().await, good);
    in_sync(&couple.phone).await;
    let health = doctor(&couple.phone, Repair::No).await;
    assert!(
        health.checks[..4].iter().all(|check| check.wrong == 0),
        "{health:?}"
    );
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_collection_is_called_is_said_again_where_a_disk_has_lost_it() {
    let (mut laptop, mut phone) = (Device::new("laptop"), Device::new("phone"));
    import(&laptop, "cards.vcf", &cards()).await;
    let meshs = "SELECT nr FROM collection WHERE id = zeroblob(16)";
    let lost = on_disk(&laptop, &format!("DELETE FROM doc WHERE class = ({meshs})"));
    assert_eq!(lost, 1);
    let address = laptop.start().await;
    phone.start().await;
    pair(&laptop, &phone, address).await;
    agree(&laptop, &phone).await;
    let summaries = phone.items().await;
    assert_eq!(summaries.len(), 40);
    assert!(summaries.values().all(|item| item.collection == "Contacts"));
    for device in [&laptop, &phone] {
        in_sync(device).await;
        let health = doctor(device, Repair::No).await;
        assert!(
            health.checks[..4].iter().all(|check| check.wrong == 0),
            "{health:?}"
        );
    }
    laptop.stop().await;
    phone.stop().await;
}
