//! Backups: whole, secret, never over something, and a device that goes on from one.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use pimesh::api::{Care, Reply, Request};
use pimesh_tests::data::{self, Heavy, Scale};
use pimesh_tests::database;
use pimesh_tests::device::{Device, agree, pair};

use crate::couple::{Couple, card, doc, import, set, values};
use crate::program::Program;

const PASSPHRASE: &str = "correct horse battery staple";

fn passphrase_file(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join(format!("passphrase-{}", text.len()));
    fs::write(&path, format!("{text}\n")).unwrap();
    let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    fs::set_permissions(&path, private).unwrap();
    path
}

/// Runs a command of the program in a home; what it prints, and its exit code.
fn run(home: &Path, words: &[&str]) -> (serde_json::Value, i32) {
    let mut command = Program::new("unused").command(&[words, &["--json"]].concat());
    let output = command.env("PIMESH_HOME", home).output().unwrap();
    let said = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{words:?}: {error}; {}",
            String::from_utf8_lossy(&output.stderr)
        )
    });
    (said, output.status.code().unwrap())
}

struct Kept {
    program: Program,
    backup: PathBuf,
    file: PathBuf,
}

/// A device with photos and history, and a backup of it.
fn kept() -> Kept {
    let program = Program::new("laptop");
    let scale = Scale {
        contacts: 40,
        events: 40,
    };
    for path in data::made(scale, Heavy::USUAL, program.device.folder()) {
        assert_eq!(program.json(&["import", path.to_str().unwrap()]).1, 0);
    }
    let first = program.json(&["list", "--kind", "contacts"]).0["items"][0]["doc"].clone();
    program.json(&["edit", first.as_str().unwrap(), "--set", "NOTE=kept"]);
    let backup = program.device.folder().join("device.backup");
    let file = passphrase_file(program.device.folder(), PASSPHRASE);
    let words = [
        "backup",
        backup.to_str().unwrap(),
        "--password-file",
        file.to_str().unwrap(),
    ];
    let (done, code) = program.json(&words);
    assert_eq!((code, &done["items"]), (0, &80.into()), "{done}");
    assert_eq!(done["bytes"], fs::metadata(&backup).unwrap().len());
    Kept {
        program,
        backup,
        file,
    }
}

impl Kept {
    fn restore(&self, home: &Path, more: &[&str]) -> (serde_json::Value, i32) {
        let (backup, file) = (self.backup.to_str().unwrap(), self.file.to_str().unwrap());
        let words = ["restore-backup", backup, "--password-file", file];
        run(home, &[&words, more].concat())
    }
}

#[tokio::test]
async fn a_backup_holds_everything_and_nobody_reads_it_without_the_passphrase() {
    let kept = kept();
    let bytes = fs::read(&kept.backup).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1\n"));
    assert!(!bytes.windows(6).any(|w| w == b"SQLite" || w == b"BEGIN:"));
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&kept.backup).unwrap());
    assert_eq!(mode & 0o777, 0o600);

    let home = kept.program.device.folder().join("new/home");
    let (done, code) = kept.restore(&home, &[]);
    assert_eq!(code, 0, "{done}");
    assert_eq!(done["new_device"], false);
    for words in [
        &["list"][..],
        &["collections"],
        &["conflicts"],
        &["undo", "--list"],
    ] {
        assert_eq!(run(&home, words), kept.program.json(words), "{words:?}");
    }
    assert_eq!(run(&home, &["doctor"]).1, 0);
    let key = |home: &Path| fs::read(home.join("device.key")).unwrap();
    assert_eq!(key(&home), key(kept.program.device.home.folder()));
    database::assert_whole(&home.join("pimesh.db"));
    let left: Vec<_> = fs::read_dir(home.parent().unwrap()).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing half-made stays: {left:?}");
}

#[test]
fn sources_their_passwords_and_certificates_come_along() {
    let program = Program::new("laptop");
    let folder = program.device.folder().to_owned();
    let pem = folder.join("own.pem");
    fs::write(
        &pem,
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    let secret = passphrase_file(&folder, "of the mailbox");
    let words = [
        "source",
        "add",
        "imaps://ann@127.0.0.1:9",
        "--name",
        "mail",
        "--password-file",
        secret.to_str().unwrap(),
        "--ca",
        pem.to_str().unwrap(),
    ];
    let (added, code) = program.json(&words);
    assert_eq!(code, 0, "{added}");
    let file = passphrase_file(&folder, PASSPHRASE);
    let backup = folder.join("b.backup");
    let words = [
        "backup",
        backup.to_str().unwrap(),
        "--password-file",
        file.to_str().unwrap(),
    ];
    assert_eq!(program.json(&words).1, 0);
    let home = folder.join("elsewhere");
    let words = [
        "restore-backup",
        backup.to_str().unwrap(),
        "--password-file",
        file.to_str().unwrap(),
    ];
    assert_eq!(run(&home, &words).1, 0);
    let (sources, _) = run(&home, &["source", "list"]);
    let url = sources["sources"][0]["url"].as_str().unwrap();
    let ca = home.join("ca-mail.pem");
    assert!(url.ends_with(ca.to_str().unwrap()), "{url}");
    assert!(ca.exists());
    let sealed = |home: &Path| {
        let all = fs::read_dir(home.join("secrets")).unwrap();
        let mut all: Vec<_> = all.map(|e| fs::read(e.unwrap().path()).unwrap()).collect();
        all.sort();
        all
    };
    assert_eq!(sealed(&home).len(), 2);
    assert_eq!(sealed(&home), sealed(program.device.home.folder()));
}

#[tokio::test]
async fn nothing_is_ever_replaced_and_a_wrong_passphrase_changes_nothing() {
    let kept = kept();
    let folder = kept.program.device.folder();
    let (backup, file) = (kept.backup.to_str().unwrap(), kept.file.to_str().unwrap());
    let before = fs::read(&kept.backup).unwrap();
    assert_eq!(
        kept.program
            .json(&["backup", backup, "--password-file", file])
            .1,
        1
    );
    assert_eq!(
        fs::read(&kept.backup).unwrap(),
        before,
        "the old backup is as it was"
    );

    let own = kept.program.device.home.folder();
    let (refused, code) = kept.restore(own, &[]);
    assert_eq!(code, 1, "{refused}");
    assert_eq!(kept.program.json(&["list"]).0["total"], 80);

    let home = folder.join("elsewhere");
    let wrong = passphrase_file(folder, "guess");
    let words = [
        "restore-backup",
        backup,
        "--password-file",
        wrong.to_str().unwrap(),
    ];
    let (refused, code) = run(&home, &words);
    assert_eq!(code, 1);
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains("passphrase is wrong"), "{message}");
    assert!(!home.exists());
    let nowhere = ["restore-backup", "no-such.backup", "--password-file", file];
    assert_eq!(run(&home, &nowhere).1, 4);
    assert_eq!(
        run(&home, &["restore-backup", backup]).1,
        2,
        "nobody is there to ask"
    );
}

#[tokio::test]
async fn a_backup_that_was_cut_or_changed_is_refused_and_leaves_nothing() {
    let kept = kept();
    let folder = kept.program.device.folder();
    let whole = fs::read(&kept.backup).unwrap();
    let mut changed = whole.clone();
    let middle = changed.len() / 2;
    changed[middle] ^= 1;
    let damaged = [
        whole[..whole.len() - 1].to_vec(),
        whole[..whole.len() / 2].to_vec(),
        whole[..40].to_vec(),
        changed,
        b"BEGIN:VCARD\r\nEND:VCARD\r\n".to_vec(),
        Vec::new(),
    ];
    for (at, bytes) in damaged.iter().enumerate() {
        let path = folder.join(format!("damaged-{at}"));
        fs::write(&path, bytes).unwrap();
        let home = folder.join(format!("home-{at}/home"));
        let file = kept.file.to_str().unwrap();
        let words = [
            "restore-backup",
            path.to_str().unwrap(),
            "--password-file",
            file,
        ];
        let (refused, code) = run(&home, &words);
        assert_eq!(code, 1, "{at}: {refused}");
        assert!(!home.exists(), "{at}");
        let left = fs::read_dir(home.parent().unwrap()).unwrap().count();
        assert_eq!(left, 0, "{at}: half a home stays");
    }
}

async fn backed_up(device: &Device, path: &Path) {
    let passphrase = pimesh::secrets::Secret::new(PASSPHRASE);
    let path = path.to_owned();
    let request = Request::Care(Care::Backup { path, passphrase });
    let Reply::BackedUp(_) = device.ask(request).await else {
        panic!("not a reply to backup")
    };
}

/// The database of a home, put back to what a backup holds, as the new device would be.
fn put_back(device: &Device, backup: &Path, more: &[&str]) {
    let old = device.home.folder();
    fs::rename(old, device.folder().join("broken")).unwrap();
    let file = passphrase_file(device.folder(), PASSPHRASE);
    let words = ["restore-backup", backup.to_str().unwrap()];
    let words = [&words, &["--password-file", file.to_str().unwrap()], more].concat();
    let (done, code) = run(old, &words);
    assert_eq!(code, 0, "{done}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_restored_from_a_backup_goes_on_and_loses_nothing_the_others_hold() {
    let mut couple = Couple::with(&card("ann", "FN:Ann\nTITLE:old")).await;
    let ann = doc(&couple.laptop, "Ann").await;
    let backup = couple.phone.folder().join("phone.backup");
    backed_up(&couple.phone, &backup).await;
    // after the backup the phone goes on for a while, and then its disk breaks
    couple
        .phone
        .edit(&ann, set("TITLE", "after the backup"))
        .await;
    import(&couple.phone, "bob.vcf", &card("bob", "FN:Bob")).await;
    couple.agree().await;
    couple.phone.stop().await;
    couple.laptop.edit(&ann, set("NOTE", "meanwhile")).await;
    put_back(&couple.phone, &backup, &[]);
    couple
        .phone
        .edit(&ann, set("ROLE", "before it hears of anything"))
        .await;
    couple.phone.start_elsewhere().await;
    agree(&couple.laptop, &couple.phone).await;
    for device in couple.both() {
        assert_eq!(device.items().await.len(), 2);
        for (name, value) in [
            ("TITLE", "after the backup"),
            ("NOTE", "meanwhile"),
            ("ROLE", "before it hears of anything"),
        ] {
            assert_eq!(values(device, &ann, name).await, [value]);
        }
        assert_eq!(device.conflicts().await, []);
    }
    couple.phone.edit(&ann, set("ROLE", "live")).await;
    couple.agree().await;
    assert_eq!(values(&couple.laptop, &ann, "ROLE").await, ["live"]);
    couple.stop().await;
}

#[test]
fn a_backup_opens_as_a_new_device_beside_the_old_one() {
    let kept = kept();
    let home = kept.program.device.folder().join("copy");
    let (done, code) = kept.restore(&home, &["--as-new-device", "looking-glass"]);
    assert_eq!(code, 0, "{done}");
    let (of_new, _) = run(&home, &["devices"]);
    assert_eq!(of_new["this"]["name"], "looking-glass");
    let of_old = kept.program.json(&["devices"]).0;
    assert_ne!(of_new["this"]["id"], of_old["this"]["id"]);
    assert_eq!(run(&home, &["list"]), kept.program.json(&["list"]));
    assert_eq!(run(&home, &["doctor"]).1, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_device_from_a_backup_is_paired_like_any_other_and_doubles_nothing() {
    let (mut laptop, mut tablet) = (Device::new("laptop"), Device::new("tablet"));
    import(&laptop, "ann.vcf", &card("ann", "FN:Ann\nTITLE:old")).await;
    let ann = doc(&laptop, "Ann").await;
    laptop.edit(&ann, set("TITLE", "new")).await;
    let backup = tablet.folder().join("laptop.backup");
    backed_up(&laptop, &backup).await;
    put_back(&tablet, &backup, &["--as-new-device", "tablet"]);
    laptop.edit(&ann, set("NOTE", "on the laptop")).await;
    tablet.edit(&ann, set("ROLE", "on the tablet")).await;
    let address = laptop.start().await;
    tablet.start().await;
    pair(&laptop, &tablet, address).await;
    agree(&laptop, &tablet).await;
    for device in [&laptop, &tablet] {
        assert_eq!(device.items().await.len(), 1);
        assert_eq!(device.conflicts().await, []);
        assert_eq!(device.changes().await, 4);
        assert_eq!(values(device, &ann, "NOTE").await, ["on the laptop"]);
        assert_eq!(values(device, &ann, "ROLE").await, ["on the tablet"]);
    }
    laptop.stop().await;
    tablet.stop().await;
}

#[test]
fn a_running_node_is_backed_up_and_a_full_disk_leaves_no_half_file() {
    let mut kept = kept();
    let node = kept.program.run();
    let folder = kept.program.device.folder().to_owned();
    let live = folder.join("live.backup");
    let file = kept.file.to_str().unwrap();
    let words = [
        "backup",
        live.to_str().unwrap(),
        "--password-command",
        "echo secret",
    ];
    assert_eq!(kept.program.json(&words).1, 0);
    node.stop();
    let full = folder.join("full.backup");
    // no file may grow beyond a few blocks: as on a disk that is full
    let limited = format!(
        "ulimit -f 64; exec \"$0\" backup {} --password-file {file} --json",
        full.display()
    );
    let program = kept.program.command(&[]).get_program().to_owned();
    let mut command = Command::new("bash");
    command
        .arg("-c")
        .arg(format!("trap '' XFSZ; {limited}"))
        .arg(program);
    let output = command
        .env("PIMESH_HOME", kept.program.device.home.folder())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("panicked"), "{said}");
    let names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("full"))
        .collect();
    assert_eq!(names, Vec::<String>::new());
    let spool = kept.program.device.home.folder().join("spool");
    assert_eq!(fs::read_dir(spool).unwrap().count(), 0, "no copy stays");
    assert_eq!(kept.program.json(&["list"]).0["total"], 80);
}
