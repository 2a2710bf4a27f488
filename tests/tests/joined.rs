//! Devices that are paired late: each has had a life of its own with the same old address book.

use pimesh::api::{Notice, Reply, Request};
use pimesh_tests::device::{Device, agree, pair};

use crate::couple::{card, doc, import};
use crate::past::{delete, revive, trash};

async fn notices(device: &Device) -> Vec<Notice> {
    match device.ask(Request::Status).await {
        Reply::Status(status) => status.notices,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_elsewhere_before_a_device_joined_is_in_its_trash_and_its_person_is_told()
{
    let book = card("ann", "FN:Ann") + &card("bob", "FN:Bob") + &card("cleo", "FN:Cleo");
    let (mut old, mut new) = (Device::new("old"), Device::new("new"));
    for device in [&old, &new] {
        import(device, "book.vcf", &book).await;
    }
    delete(&old, &doc(&old, "Bob").await).await;
    let bob = doc(&new, "Bob").await;
    let address = old.start().await;
    new.start().await;
    pair(&old, &new, address).await;
    assert_eq!(agree(&old, &new).await.0.len(), 2);

    let told = notices(&new).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].kind, "deleted_before");
    assert!(told[0].message.contains("pimesh trash"));
    assert!(notices(&old).await.is_empty(), "who deleted it knows");
    let trashed = trash(&new).await.items;
    assert_eq!(trashed.len(), 1);
    assert_eq!(
        (&*trashed[0].item.name, trashed[0].device.as_deref()),
        ("Bob", Some("old"))
    );

    // what is deleted from now on was decided by people who know of each other
    new.ask(Request::Acknowledge).await;
    delete(&old, &doc(&old, "Cleo").await).await;
    assert_eq!(agree(&old, &new).await.0.len(), 1);
    assert!(notices(&new).await.is_empty());
    revive(&new, &bob).await;
    assert_eq!(agree(&old, &new).await.0.len(), 2);
    old.stop().await;
    new.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_new_device_had_deleted_before_it_joined_is_told_where_it_was_alive() {
    let book = card("ann", "FN:Ann") + &card("bob", "FN:Bob");
    let (mut old, mut new) = (Device::new("old"), Device::new("new"));
    for device in [&old, &new] {
        import(device, "book.vcf", &book).await;
    }
    delete(&new, &doc(&new, "Bob").await).await;
    let address = old.start().await;
    new.start().await;
    pair(&old, &new, address).await;
    assert_eq!(agree(&old, &new).await.0.len(), 1);
    assert_eq!(notices(&old).await[0].kind, "deleted_before");
    assert!(notices(&new).await.is_empty());
    old.stop().await;
    new.stop().await;
}
