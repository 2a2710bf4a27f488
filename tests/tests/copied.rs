//! Homes that were copied or moved by hand, as people do it, and opened again.

use std::fs;
use std::path::Path;
use std::process::Command;

use pimesh::api::{Notice, Reply, Request, Status};
use pimesh_tests::device::{Device, agree};
use rusqlite::Connection;
use serde_json::Value;

use crate::couple::{Couple, card, doc, import, set, values};
use crate::program::Program;

async fn status(device: &Device) -> Status {
    match device.ask(Request::Status).await {
        Reply::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

async fn notices(device: &Device) -> Vec<Notice> {
    status(device).await.notices
}

/// `cp -a`, into the place of a home that is thrown away.
fn copy(from: &Device, to: &Device) {
    fs::remove_dir_all(to.home.folder()).unwrap();
    let mut command = Command::new("cp");
    let done = command
        .args(["-a", "--"])
        .args([from.home.folder(), to.home.folder()])
        .status()
        .unwrap();
    assert!(done.success());
}

fn opened(device: &Device) -> Connection {
    Connection::open(device.home.database()).unwrap()
}

/// The lives in which this device has named anything.
fn lives(device: &Device) -> Vec<i64> {
    let own = device.home.device_key().unwrap().verifying_key().to_bytes();
    let db = opened(device);
    let sql = "SELECT DISTINCT o.incarnation FROM vv v JOIN origin o ON o.nr = v.origin
               WHERE v.peer = 0 AND v.n > 0 AND o.device = ?1 ORDER BY 1";
    let mut all = db.prepare(sql).unwrap();
    let rows = all.query_map([&own[..]], |row| row.get(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

/// Makes the home believe that it was last opened on another computer.
fn on_another_computer(device: &Device) {
    let db = opened(device);
    let read = "SELECT value FROM meta WHERE key = 'place'";
    let kept: Vec<u8> = db.query_row(read, (), |row| row.get(0)).unwrap();
    let mut place: Value = serde_json::from_slice(&kept).unwrap();
    place["machine"] = "f".repeat(32).into();
    let place = serde_json::to_vec(&place).unwrap();
    let write = "UPDATE meta SET value = ?1 WHERE key = 'place'";
    assert_eq!(db.execute(write, [place]).unwrap(), 1);
}

/// Two that hold Ann and Bob, both off, and whom those are.
async fn couple() -> (Couple, String, String) {
    let mut couple =
        Couple::with(&(card("ann", "FN:Ann\nTITLE:old") + &card("bob", "FN:Bob"))).await;
    let (ann, bob) = (
        doc(&couple.laptop, "Ann").await,
        doc(&couple.laptop, "Bob").await,
    );
    couple.laptop.stop().await;
    couple.phone.stop().await;
    (couple, ann, bob)
}

/// One is on until it and the phone, which is on, have the same.
async fn together(one: &mut Device, phone: &Device) {
    one.start_elsewhere().await;
    agree(one, phone).await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copied_home_begins_a_new_life_before_it_writes_and_nothing_is_ever_mixed_up() {
    let (mut couple, ann, bob) = couple().await;
    let mut copied = Device::new("copy");
    copy(&couple.laptop, &copied);
    let before = lives(&couple.laptop);
    assert_eq!(before.len(), 1);
    couple.laptop.edit(&ann, set("TITLE", "original")).await;
    copied.edit(&bob, set("TITLE", "copy")).await;
    assert_eq!(lives(&couple.laptop), before);
    let of_copy = lives(&copied);
    assert_eq!((of_copy.len(), of_copy[0]), (2, before[0]), "{of_copy:?}");

    // also where it has its old folder's name back, or is opened again and again
    for _ in 0..2 {
        let [notice] = &notices(&copied).await[..] else {
            panic!("told once")
        };
        assert_eq!(
            (notice.kind.as_str(), i64::from(notice.incarnation)),
            ("elsewhere", of_copy[1])
        );
        assert!(notice.message.contains("another file") && notice.message.contains("--new-key"));
    }
    couple.phone.start().await;
    together(&mut couple.laptop, &couple.phone).await;
    together(&mut copied, &couple.phone).await;
    together(&mut couple.laptop, &couple.phone).await;
    for device in [&couple.laptop, &couple.phone, &copied] {
        assert_eq!(values(device, &ann, "TITLE").await, ["original"]);
        assert_eq!(values(device, &bob, "TITLE").await, ["copy"]);
        assert_eq!(device.conflicts().await, []);
    }
    assert_eq!(notices(&couple.laptop).await, []);
    assert_eq!(notices(&couple.phone).await, []);
    let kinds: Vec<String> = notices(&copied).await.into_iter().map(|n| n.kind).collect();
    assert_eq!(kinds, ["elsewhere"], "no number was given twice");
    copied.ask(Request::Acknowledge).await;
    assert_eq!(notices(&copied).await, []);
    couple.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_home_that_is_put_back_from_a_copy_and_is_the_only_one_goes_on_and_catches_up() {
    let (mut couple, ann, bob) = couple().await;
    let kept = Device::new("kept");
    copy(&couple.laptop, &kept);
    couple
        .laptop
        .edit(&ann, set("TITLE", "after the copy"))
        .await;
    couple.phone.start().await;
    together(&mut couple.laptop, &couple.phone).await;

    copy(&kept, &couple.laptop);
    assert_eq!(values(&couple.laptop, &ann, "TITLE").await, ["old"]);
    couple
        .laptop
        .edit(&bob, set("TITLE", "after it was put back"))
        .await;
    together(&mut couple.laptop, &couple.phone).await;
    for device in [&couple.laptop, &couple.phone] {
        assert_eq!(values(device, &ann, "TITLE").await, ["after the copy"]);
        assert_eq!(
            values(device, &bob, "TITLE").await,
            ["after it was put back"]
        );
        assert_eq!(device.conflicts().await, []);
    }
    let kinds: Vec<String> = notices(&couple.laptop)
        .await
        .into_iter()
        .map(|n| n.kind)
        .collect();
    assert_eq!(kinds, ["elsewhere"]);
    couple.stop().await;
}

#[tokio::test]
async fn a_disk_in_another_computer_goes_on_and_says_so_once() {
    let device = Device::new("laptop");
    import(&device, "ann.vcf", &card("ann", "FN:Ann")).await;
    let ann = doc(&device, "Ann").await;
    if status(&device).await.notices.is_empty() && !Path::new("/etc/machine-id").exists() {
        eprintln!("skipped: this computer has no machine id");
        return;
    }
    on_another_computer(&device);
    device.edit(&ann, set("TITLE", "here")).await;
    let told = notices(&device).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].message.contains("another computer"), "{told:?}");
    assert_eq!(lives(&device).len(), 2);
    device.ask(Request::Acknowledge).await;
    device.edit(&ann, set("TITLE", "and here")).await;
    assert_eq!(notices(&device).await, []);
    assert_eq!(lives(&device).len(), 2);
}

#[test]
fn nothing_that_a_home_is_used_for_every_day_is_taken_for_a_copy() {
    let mut program = Program::new("laptop");
    let file = program.device.folder().join("ann.vcf");
    fs::write(&file, card("ann", "FN:Ann")).unwrap();
    let node = program.run();
    assert_eq!(program.json(&["import", file.to_str().unwrap()]).1, 0);
    node.stop();
    opened(&program.device).execute_batch("VACUUM").unwrap();
    assert_eq!(program.json(&["doctor", "--repair"]).1, 0);
    // a folder of another name, as when a disk is mounted elsewhere
    let home = program.device.home.folder().to_owned();
    let away = home.with_file_name("away");
    fs::rename(&home, &away).unwrap();
    let mut command = program.command(&["edit", "Ann", "--set", "TITLE=x"]);
    let _ = command.env("PIMESH_HOME", &away).output().unwrap();
    fs::rename(&away, &home).unwrap();
    // a container without a machine id, a file system without birth times: what was known stays
    for unknown in ["machine", "file"] {
        let db = opened(&program.device);
        let sql = format!(
            "UPDATE meta SET value = CAST(json_set(CAST(value AS TEXT), '$.{unknown}', NULL) AS BLOB) WHERE key = 'place'"
        );
        assert_eq!(db.execute(&sql, ()).unwrap(), 1);
        drop(db);
        assert_eq!(program.json(&["list"]).1, 0);
    }
    assert_eq!(program.json(&["init", "--new-key", "--yes"]).1, 0);
    let (status, _) = program.json(&["status"]);
    assert_eq!(status["notices"], Value::Array(Vec::new()));
    let backup = program.device.folder().join("backup");
    let passphrase = program.device.folder().join("passphrase");
    fs::write(&passphrase, "correct horse battery").unwrap();
    fs::set_permissions(
        &passphrase,
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    let (backup, passphrase) = (backup.to_str().unwrap(), passphrase.to_str().unwrap());
    let made = program.json(&["backup", backup, "--password-file", passphrase]);
    assert_eq!(made.1, 0, "{made:?}");
    let other = Program::new("other");
    fs::remove_dir_all(other.device.home.folder()).unwrap();
    let back = other.json(&["restore-backup", backup, "--password-file", passphrase]);
    assert_eq!(back.1, 0, "{back:?}");
    assert_eq!(
        other.json(&["status"]).0["notices"],
        Value::Array(Vec::new())
    );
    assert_eq!(
        lives(&program.device),
        Vec::<i64>::new(),
        "the new key has named nothing"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_copies_that_are_on_at_once_lose_nothing_and_one_becomes_a_device_of_its_own() {
    let (mut couple, ann, bob) = couple().await;
    let mut copied = Device::new("copy");
    copy(&couple.laptop, &copied);
    let address = couple.phone.start().await;
    couple.laptop.start_elsewhere().await;
    copied.start_elsewhere().await;
    couple.laptop.edit(&ann, set("TITLE", "original")).await;
    copied.edit(&bob, set("TITLE", "copy")).await;
    pimesh_tests::wait::eventually("the phone has both", async || {
        let has =
            async |doc: &str, title: &str| values(&couple.phone, doc, "TITLE").await == [title];
        (has(&ann, "original").await && has(&bob, "copy").await).then_some(())
    })
    .await;
    copied.stop().await;
    copied.home.renew_key().unwrap();
    copied.start_elsewhere().await;
    pimesh_tests::device::pair(&couple.phone, &copied, address).await;
    agree(&copied, &couple.phone).await;
    agree(&couple.laptop, &couple.phone).await;
    for device in [&couple.laptop, &couple.phone, &copied] {
        assert_eq!(values(device, &ann, "TITLE").await, ["original"]);
        assert_eq!(values(device, &bob, "TITLE").await, ["copy"]);
    }
    copied.stop().await;
    couple.stop().await;
}
