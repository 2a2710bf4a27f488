//! Who belongs to the mesh: removed, renamed, and back as a new device.

use pimesh::api::{DeviceRemoved, Failure, Member, Reply, Request, Status};
use pimesh_tests::device::{Device, agree, pair, try_pair};
use pimesh_tests::wait::eventually;

use crate::couple::{Couple, card, import};

async fn remove(on: &Device, device: &str) -> DeviceRemoved {
    let device = device.to_owned();
    match on.ask(Request::Member(Member::Remove { device })).await {
        Reply::DeviceRemoved(done) => done,
        other => panic!("{other:?}"),
    }
}

async fn rename(on: &Device, device: &str, name: &str) -> Result<Reply, Failure> {
    let (device, name) = (device.to_owned(), name.to_owned());
    on.try_ask(Request::Member(Member::Rename { device, name }))
        .await
}

async fn status(of: &Device) -> Status {
    match of.ask(Request::Status).await {
        Reply::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

/// The names of the others, as a device lists them.
async fn others(of: &Device) -> Vec<String> {
    let devices = status(of).await.devices.into_iter();
    devices.map(|device| device.name).collect()
}

async fn lists(of: &Device, names: &[&str]) {
    let what = format!("the others are {names:?}");
    eventually(&what, async || (others(of).await == names).then_some(())).await;
}

/// The device hears that it was removed.
async fn knows_that_it_is_out(device: &Device) {
    eventually("the device says that it was removed", async || {
        let status = status(device).await;
        let told = status.notices.iter().any(|notice| notice.kind == "removed");
        (told && status.devices.is_empty()).then_some(())
    })
    .await;
}

/// Switches it off, gives it a new key, and switches it on again.
async fn renew(device: &mut Device) -> Vec<String> {
    device.stop().await;
    device.home.renew_key().unwrap();
    device.start_elsewhere().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_device_is_refused_by_all_keeps_its_data_and_comes_back_as_a_new_one() {
    let mut couple = Couple::with(&card("ann", "FN:Ann")).await;
    let mut tablet = Device::new("tablet");
    let address = tablet.start().await;
    pair(&tablet, &couple.laptop, address.clone()).await;
    agree(&couple.laptop, &tablet).await;
    lists(&couple.phone, &["laptop", "tablet"]).await;
    import(&couple.phone, "bob.vcf", &card("bob", "FN:Bob")).await;
    couple.agree().await;

    let done = remove(&couple.laptop, "phone").await;
    assert!(
        !done.is_this && done.told == ["tablet"] && done.untold.is_empty(),
        "{done:?}"
    );
    assert!(done.let_in.is_empty(), "the laptop let in both: {done:?}");
    lists(&tablet, &["laptop"]).await;
    lists(&couple.laptop, &["tablet"]).await;
    knows_that_it_is_out(&couple.phone).await;
    assert_eq!(couple.phone.items().await.len(), 2);
    // what it wrote before stays, what it writes now goes nowhere
    import(&couple.phone, "carl.vcf", &card("carl", "FN:Carl")).await;
    import(&couple.laptop, "dora.vcf", &card("dora", "FN:Dora")).await;
    agree(&couple.laptop, &tablet).await;
    assert_eq!(tablet.items().await.len(), 3);

    let (_, joined) = try_pair(&tablet, &couple.phone, address.clone()).await;
    let failure = joined.unwrap_err();
    assert!(
        failure.hint.unwrap().contains("--new-key"),
        "{}",
        failure.message
    );
    renew(&mut couple.phone).await;
    pair(&tablet, &couple.phone, address).await;
    agree(&tablet, &couple.phone).await;
    agree(&couple.laptop, &tablet).await;
    assert_eq!(couple.laptop.items().await.len(), 4);
    lists(&couple.laptop, &["phone", "tablet"]).await;
    tablet.stop().await;
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_hears_nothing_of_its_removal_is_told_why_it_cannot_pair() {
    let mut couple = Couple::with(&card("ann", "FN:Ann")).await;
    couple.phone.stop().await;
    remove(&couple.laptop, "phone").await;
    couple.laptop.stop().await;
    let address = couple.laptop.start().await;
    couple.phone.start_elsewhere().await;
    assert_eq!(others(&couple.phone).await, ["laptop"]);
    let (_, joined) = try_pair(&couple.laptop, &couple.phone, address).await;
    let failure = joined.unwrap_err();
    assert!(
        failure.message.contains("this device was removed"),
        "{failure}"
    );
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_two_that_remove_each_other_keep_their_data_and_pair_anew() {
    let mut couple = Couple::with(&card("ann", "FN:Ann")).await;
    couple.phone.stop().await;
    remove(&couple.laptop, "phone").await;
    couple.laptop.stop().await;
    remove(&couple.phone, "laptop").await;
    for device in couple.both() {
        assert!(others(device).await.is_empty());
        assert_eq!(device.items().await.len(), 1);
    }
    let address = renew(&mut couple.laptop).await;
    renew(&mut couple.phone).await;
    pair(&couple.laptop, &couple.phone, address).await;
    couple.agree().await;
    assert_eq!(others(&couple.phone).await, ["laptop"]);
    assert_eq!(couple.laptop.items().await.len(), 1);
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_given_on_one_device_is_the_name_on_all() {
    let couple = Couple::with(&card("ann", "FN:Ann")).await;
    rename(&couple.laptop, "phone", "Ann's phone")
        .await
        .unwrap();
    lists(&couple.laptop, &["Ann's phone"]).await;
    eventually("the phone hears its name", async || {
        (status(&couple.phone).await.device.name == "Ann's phone").then_some(())
    })
    .await;
    assert_eq!(couple.phone.home.config().unwrap().name, "Ann's phone");
    rename(&couple.phone, "Ann's phone", "pocket")
        .await
        .unwrap();
    lists(&couple.laptop, &["pocket"]).await;
    let taken = rename(&couple.laptop, "pocket", "laptop").await;
    assert!(
        taken
            .unwrap_err()
            .message
            .contains("another device is called")
    );
    let nobody = rename(&couple.laptop, "fridge", "freezer").await;
    assert!(
        nobody
            .unwrap_err()
            .message
            .contains("no device of this mesh")
    );
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_can_leave() {
    let couple = Couple::with(&card("ann", "FN:Ann")).await;
    assert!(remove(&couple.phone, "phone").await.is_this);
    knows_that_it_is_out(&couple.phone).await;
    lists(&couple.laptop, &[]).await;
    assert_eq!(couple.phone.items().await.len(), 1);
    couple.stop().await;
}
