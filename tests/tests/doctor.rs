//! Damage: pages overwritten, files cut, disks full. What happens is told in words, nothing
//! panics, and what can be derived again is.

use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use pimesh::api::{Care, Health, Repair, Reply, Request};
use pimesh_tests::data::{self, Heavy, Scale};
use pimesh_tests::database;
use pimesh_tests::device::{Device, agree, pair};
use rusqlite::Connection;
use serde_json::Value;

use crate::couple::{Couple, doc, set};
use crate::program::Program;

const SCALE: Scale = Scale {
    contacts: 150,
    events: 150,
};

fn filled() -> Program {
    let program = Program::new("laptop");
    for path in data::made(SCALE, Heavy::USUAL, program.device.folder()) {
        assert_eq!(program.json(&["import", path.to_str().unwrap()]).1, 0);
    }
    program
}

/// One of the checks of a doctor's report.
fn check(report: &Value, name: &str) -> Value {
    let checks = report["checks"].as_array().expect("a report");
    let found = checks.iter().find(|check| check["name"] == name);
    found.unwrap_or_else(|| panic!("{name}: {report}")).clone()
}

fn in_database(program: &Program, sql: &str) -> usize {
    let db = Connection::open(program.device.home.database()).unwrap();
    db.execute(sql, []).unwrap()
}

fn said(output: &Output) -> String {
    let both = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8(both).unwrap()
}

#[test]
fn a_healthy_device_is_told_so_and_left_as_it_is() {
    let program = filled();
    let before = fs::read(program.device.home.database()).unwrap();
    let (report, code) = program.json(&["doctor"]);
    assert_eq!((code, &report["healthy"]), (0, &true.into()), "{report}");
    let names: Vec<&str> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "database", "log", "changes", "rows", "blobs", "clock", "files"
        ]
    );
    assert!(check(&report, "changes")["looked_at"].as_u64().unwrap() >= 300);
    assert_eq!(fs::read(program.device.home.database()).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_that_met_merged_and_decided_are_well() {
    let (mut laptop, mut phone) = (Device::new("laptop"), Device::new("phone"));
    for device in [&laptop, &phone] {
        let paths = data::files(SCALE, device.folder());
        device.import(&paths).await;
    }
    let address = laptop.start().await;
    phone.start().await;
    pair(&laptop, &phone, address).await;
    let (items, _) = agree(&laptop, &phone).await;
    for doc in items.keys().take(5) {
        laptop.edit(doc, set("CLASS", "X-LAPTOP")).await;
        phone.edit(doc, set("CLASS", "X-PHONE")).await;
    }
    agree(&laptop, &phone).await;
    for device in [&laptop, &phone] {
        let health = well(device).await;
        assert!(health.healthy, "{health:#?}");
    }
    laptop.stop().await;
    phone.stop().await;
}

async fn well(device: &Device) -> Health {
    let repair = Repair::No;
    match device.ask(Request::Care(Care::Doctor { repair })).await {
        Reply::Doctor(health) => health,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_clock_that_was_far_ahead_is_told() {
    let program = filled();
    in_database(&program, "UPDATE moment SET at = at + 864000000");
    let (report, code) = program.json(&["doctor"]);
    assert_eq!(
        (code, &check(&report, "clock")["wrong"]),
        (1, &1.into()),
        "{report}"
    );
}

#[test]
fn a_row_that_is_not_what_its_changes_say_is_found_and_derived_again() {
    let program = filled();
    let good = program.json(&["list"]);
    let spoilt = in_database(
        &program,
        "UPDATE doc SET name = 'Mallory', live = 0 WHERE nr IN
         (SELECT nr FROM doc WHERE kind = 0 LIMIT 3)",
    );
    assert_eq!(spoilt, 3);
    assert_ne!(program.json(&["list"]), good);
    let (report, code) = program.json(&["doctor"]);
    assert_eq!(
        (code, &check(&report, "rows")["wrong"]),
        (1, &3.into()),
        "{report}"
    );
    assert_ne!(program.json(&["list"]), good, "a look changes nothing");
    let (report, code) = program.json(&["doctor", "--repair"]);
    assert_eq!(
        (code, &check(&report, "rows")["mended"]),
        (0, &3.into()),
        "{report}"
    );
    assert_eq!(program.json(&["list"]), good);
    assert_eq!(program.json(&["doctor"]).1, 0);
}

#[test]
fn a_change_that_can_not_be_read_and_a_name_without_one_are_told_and_never_mended() {
    let program = filled();
    let alone = program.device.folder().join("alone.vcf");
    fs::write(
        &alone,
        "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Al One\r\nEND:VCARD\r\n",
    )
    .unwrap();
    assert_eq!(program.json(&["import", alone.to_str().unwrap()]).1, 0);
    let spoilt = in_database(&program, "UPDATE change SET body = x'00112233'");
    assert_eq!(spoilt, 1);
    let gone = in_database(
        &program,
        "DELETE FROM log WHERE rowid = (SELECT rowid FROM log WHERE n > 1 ORDER BY n LIMIT 1)",
    );
    assert_eq!(gone, 1);
    for words in [&["doctor"][..], &["doctor", "--repair"]] {
        let (report, code) = program.json(words);
        assert_eq!(code, 1, "{report}");
        assert_eq!(check(&report, "changes")["wrong"], 1, "{report}");
        assert!(
            check(&report, "log")["wrong"].as_u64().unwrap() >= 2,
            "{report}"
        );
        let hint = check(&report, "changes")["hint"].clone();
        assert!(hint.as_str().unwrap().contains("restore-backup"), "{hint}");
    }
}

#[test]
fn every_item_in_a_damaged_block_is_told_and_the_others_are_well() {
    let program = filled();
    let db = Connection::open(program.device.home.database()).unwrap();
    let first = "SELECT count FROM block ORDER BY nr LIMIT 1";
    let count: u64 = db.query_row(first, [], |row| row.get(0)).unwrap();
    drop(db);
    let spoilt = in_database(
        &program,
        "UPDATE block SET body = x'00112233' WHERE nr = (SELECT min(nr) FROM block)",
    );
    assert_eq!(spoilt, 1);
    let (report, code) = program.json(&["doctor", "--repair"]);
    assert_eq!(code, 1, "{report}");
    assert_eq!(check(&report, "changes")["wrong"], count, "{report}");
    assert_eq!(check(&report, "log")["wrong"], 0, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_photo_is_dropped_and_comes_again_from_another_device() {
    let photo = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo".repeat(60);
    let text = format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:ann\r\nFN:Ann\r\nPHOTO;ENCODING=b;TYPE=JPEG:{photo}\r\nEND:VCARD\r\n"
    );
    let mut couple = Couple::with(&text).await;
    let ann = doc(&couple.phone, "Ann").await;
    let good = couple.phone.texts().await;
    couple.phone.stop().await;
    let db = Connection::open(couple.phone.home.database()).unwrap();
    let spoilt = db.execute("UPDATE blob SET body = x'00'", []).unwrap();
    drop(db);
    assert_eq!(spoilt, 1, "the photo is a blob");
    let doctor = async |repair| match couple
        .phone
        .ask(Request::Care(Care::Doctor { repair }))
        .await
    {
        Reply::Doctor(health) => serde_json::to_value(health).unwrap(),
        other => panic!("{other:?}"),
    };
    let report = doctor(Repair::No).await;
    assert_eq!(check(&report, "blobs")["wrong"], 1, "{report}");
    let report = doctor(Repair::Yes).await;
    let hint = check(&report, "blobs")["hint"].clone();
    assert!(hint.as_str().unwrap().contains("other devices"), "{report}");
    couple.phone.start_elsewhere().await;
    couple.agree().await;
    assert_eq!(couple.phone.texts().await, good);
    assert!(couple.phone.show(&ann).await.text.contains("PHOTO"));
    couple.stop().await;
}

#[test]
fn overwritten_pages_and_cut_files_are_told_in_words_and_nothing_is_made_worse() {
    let program = filled();
    let path = program.device.home.database();
    let whole = fs::read(&path).unwrap();
    let page = 4096;
    let pages = whole.len() / page;
    assert!(pages > 20, "{pages}");
    let backup = program.device.folder().join("b.backup");
    let word = "--password-command";
    let words = ["backup", backup.to_str().unwrap(), word, "echo secret"];
    assert_eq!(program.json(&words).1, 0);
    let overwritten = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at * page..(at + 1) * page].fill(0xa5);
        bytes
    };
    let mut damaged: Vec<Vec<u8>> = (0..pages).step_by(pages / 12).map(overwritten).collect();
    damaged.extend([whole.len() / 2, page, 100, 1].map(|end| whole[..end].to_vec()));
    let mut found = 0;
    for (at, bytes) in damaged.iter().enumerate() {
        fs::write(&path, bytes).unwrap();
        for ending in ["-wal", "-shm"] {
            let _ = fs::remove_file(path.with_file_name(format!("pimesh.db{ending}")));
        }
        let doctor = program.output(&["doctor", "--json"]);
        let words = said(&doctor);
        assert!(!words.contains("panicked"), "{at}: {words}");
        found += usize::from(doctor.status.code() == Some(1));
        for words in [
            &["list"][..],
            &["doctor", "--repair"],
            &["export", "Contacts", "-"],
        ] {
            let output = program.output(words);
            assert!(
                !said(&output).contains("panicked"),
                "{at} {words:?}: {}",
                said(&output)
            );
            assert!(output.status.code().is_some(), "{at}: it was killed");
        }
    }
    // a page may be free, and then nothing is lost by it
    assert!(
        found + 2 >= damaged.len(),
        "{found} of {} were found",
        damaged.len()
    );
    let home = program.device.folder().join("again");
    let words = [
        "restore-backup",
        backup.to_str().unwrap(),
        word,
        "echo secret",
    ];
    let mut command = program.command(&words);
    let restored = command.env("PIMESH_HOME", &home).output().unwrap();
    assert_eq!(restored.status.code(), Some(0), "{}", said(&restored));
    database::assert_whole(&home.join("pimesh.db"));
}

/// Runs the program where no file may grow beyond so many kibibytes: as on a full disk.
fn on_a_full_disk(program: &Program, kibibytes: usize, words: &[&str]) -> Output {
    let binary = program.command(&[]).get_program().to_owned();
    Command::new("bash")
        .arg("-c")
        .arg(format!(
            "trap '' XFSZ; ulimit -f {kibibytes}; exec \"$0\" \"$@\""
        ))
        .arg(binary)
        .args(words)
        .env("PIMESH_HOME", program.device.home.folder())
        .output()
        .unwrap()
}

#[test]
fn a_full_disk_stops_an_import_with_a_reason_and_loses_nothing() {
    let program = filled();
    let before = program.json(&["list"]);
    let folder = program.device.folder().join("more");
    fs::create_dir(&folder).unwrap();
    let more = Scale {
        contacts: 1500,
        events: 0,
    };
    let paths = data::made(more, Heavy::USUAL, &folder);
    let words = ["import", paths[0].to_str().unwrap(), "--json"];
    let size = fs::metadata(program.device.home.database()).unwrap().len();
    let output = on_a_full_disk(&program, usize::try_from(size >> 10).unwrap() + 8, &words);
    let text = said(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(!text.contains("panicked"), "{text}");
    assert!(
        text.contains("full") || text.contains("I/O"),
        "it says why: {text}"
    );
    database::assert_whole(&program.device.home.database());
    assert_eq!(program.json(&["doctor"]).1, 0);
    let after = program.json(&["list"]).0["total"].as_u64().unwrap();
    assert!(after >= before.0["total"].as_u64().unwrap());
    let (report, code) = program.json(&words[..2]);
    assert_eq!(code, 0, "with room it goes on: {report}");
}

#[test]
fn files_that_others_can_read_are_told_and_closed_to_them() {
    let program = filled();
    let home = program.device.home.folder();
    for (name, mode) in [("pimesh.db", 0o644), ("config.json", 0o666)] {
        fs::set_permissions(home.join(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    let (report, code) = program.json(&["doctor"]);
    assert_eq!(
        (code, &check(&report, "files")["wrong"]),
        (1, &2.into()),
        "{report}"
    );
    let (report, code) = program.json(&["doctor", "--repair"]);
    assert_eq!(
        (code, &check(&report, "files")["mended"]),
        (0, &2.into()),
        "{report}"
    );
    let mode = fs::metadata(home.join("pimesh.db"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_file_that_is_no_database_is_told_and_left_alone() {
    let program = filled();
    let path = program.device.home.database();
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file.write_all(b"something else!!").unwrap();
    drop(file);
    let before = fs::read(&path).unwrap();
    for words in [
        &["doctor"][..],
        &["doctor", "--repair"],
        &["list"],
        &["run", "--no-mdns"],
    ] {
        let output = program.output(words);
        assert_eq!(
            output.status.code(),
            Some(1),
            "{words:?}: {}",
            said(&output)
        );
        assert!(!said(&output).contains("panicked"));
    }
    assert_eq!(fs::read(&path).unwrap(), before);
}
