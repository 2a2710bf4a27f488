//! Homes that somebody else uses, that a newer program has written, that cannot be written.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;

use pimesh::engine::Engine;
use pimesh_tests::data::{self, Heavy, Scale};
use pimesh_tests::database;
use serde_json::Value;

use crate::program::Program;

/// Nobody on every system.
const NOBODY: u32 = 65534;

fn filled() -> Program {
    let program = Program::new("laptop");
    let scale = Scale {
        contacts: 12,
        events: 12,
    };
    for path in data::made(scale, Heavy::USUAL, program.device.folder()) {
        let (report, code) = program.json(&["import", path.to_str().unwrap()]);
        assert_eq!(code, 0, "{report}");
    }
    program
}

#[test]
fn a_second_process_on_a_home_is_told_so_with_exit_code_5() {
    let program = filled();
    let engine = Engine::open(program.device.home.clone()).unwrap();
    for words in [&["list"][..], &["run", "--no-mdns"]] {
        let (refused, code) = program.json(words);
        assert_eq!(code, 5, "{refused}");
        assert_eq!(refused["error"]["kind"], "locked");
        let pid = std::process::id().to_string();
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains(&pid), "{message}");
    }
    drop(engine);
    assert_eq!(program.json(&["list"]).1, 0);
}

#[test]
fn a_home_that_a_newer_program_has_written_is_left_alone() {
    let program = filled();
    let path = program.device.home.database();
    let version = |db: &rusqlite::Connection| -> i64 {
        db.query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap()
    };
    let db = rusqlite::Connection::open(&path).unwrap();
    let ours = version(&db);
    db.pragma_update(None, "user_version", ours + 1).unwrap();
    drop(db);
    for words in [&["list"][..], &["run", "--no-mdns"]] {
        let (refused, code) = program.json(words);
        assert_eq!(code, 1, "{refused}");
        let message = refused["error"]["message"].as_str().unwrap();
        assert!(message.contains("newer"), "{message}");
    }
    let db = rusqlite::Connection::open(&path).unwrap();
    assert_eq!(version(&db), ours + 1, "nothing was changed");
    db.pragma_update(None, "user_version", ours).unwrap();
    drop(db);
    database::assert_whole(&path);
    assert_eq!(program.json(&["list"]).0["total"], 24);
}

/// Every file and folder below, folders first.
fn below(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut out = vec![folder.to_owned()];
    let mut at = 0;
    while at < out.len() {
        if out[at].is_dir() {
            let entries = fs::read_dir(&out[at]).unwrap();
            out.extend(entries.map(|entry| entry.unwrap().path()));
        }
        at += 1;
    }
    out
}

#[test]
fn a_home_that_cannot_be_written_is_refused_in_words_and_not_damaged() {
    let program = filled();
    let home = program.device.home.folder();
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    for path in below(home).into_iter().rev() {
        if is_root {
            // the superuser may write anything, so the program runs as somebody else
            chown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let mode = if path.is_dir() { 0o500 } else { 0o400 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let around = program.device.folder();
    fs::set_permissions(around, fs::Permissions::from_mode(0o755)).unwrap();
    for words in [&["list"][..], &["run", "--no-mdns"]] {
        let mut command = program.command(&[words, &["--json"]].concat());
        command.current_dir("/");
        if is_root {
            command.uid(NOBODY).gid(NOBODY);
        }
        let output = command.output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {said}");
        let refused: Value = serde_json::from_str(&said).unwrap();
        let message = refused["error"]["message"].as_str().unwrap();
        let home = home.to_str().unwrap();
        assert!(message.contains(home), "it says where: {message}");
        assert!(message.contains("denied"), "it says why: {message}");
    }
    for path in below(home) {
        let mode = if path.is_dir() { 0o700 } else { 0o600 };
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        if is_root {
            chown(&path, Some(0), Some(0)).unwrap();
        }
    }
    assert_eq!(program.json(&["list"]).0["total"], 24);
    database::assert_whole(&program.device.home.database());
}

#[test]
fn what_is_asked_through_the_socket_is_answered_as_without_a_node() {
    let mut program = filled();
    let (list, _) = program.json(&["list"]);
    let first = list["items"][0]["doc"].as_str().unwrap().to_owned();
    let export = program.device.folder().join("out.vcf");
    let export = export.to_str().unwrap();
    let asked: [&[&str]; 18] = [
        &["list"],
        &[
            "list",
            "--kind",
            "events",
            "--from",
            "2026-03-01",
            "--limit",
            "3",
        ],
        &["search", "garden"],
        &["show", &first],
        &["show", "no-such-item"],
        &["collections"],
        &["conflicts"],
        &["conflicts", "resolve", &first, "NOTE", "--keep", "this"],
        &["log", &first],
        &["trash"],
        &["undo", "--list"],
        &["restore", &first, "--at", "today", "--dry-run"],
        &["doctor"],
        &["devices"],
        &["source", "list"],
        &["source", "sync", "no-such-source"],
        &["export", "Contacts", export, "--yes"],
        &["edit", &first, "--set", "SUMMARY="],
    ];
    let answers = |program: &Program| asked.map(|words| program.json(words));
    let without = answers(&program);
    let node = program.run();
    let with = answers(&program);
    node.stop();
    for ((words, with), without) in asked.iter().zip(with).zip(without) {
        assert_eq!(with, without, "{words:?}");
    }
}
