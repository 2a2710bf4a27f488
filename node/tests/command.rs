//! The `pimesh` program as a shell sees it: words, streams, signals, exit codes.

#![allow(
    clippy::unwrap_used,
    reason = "a test ends where something is not as it should be"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;

const LOOPBACK: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

struct Device {
    _dir: tempfile::TempDir,
    home: PathBuf,
}

impl Device {
    fn named(below: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().join(below);
        Self { _dir: dir, home }
    }

    fn new() -> Self {
        let device = Self::named("home");
        assert_eq!(code(&device.pimesh(&["init", "--name", "laptop"])), 0);
        device
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pimesh"));
        command
            .args(words)
            .env("PIMESH_HOME", &self.home)
            .env_remove("PIMESH_LOG")
            .stdin(Stdio::null());
        command
    }

    fn pimesh(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// With this on standard input.
    fn pimesh_with(&self, words: &[&str], input: &str) -> Output {
        let mut child = self
            .command(words)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        child.wait_with_output().unwrap()
    }

    fn run(&self) -> Node {
        let words = ["run", "--json", "--no-mdns", "--listen", LOOPBACK];
        let mut child = self.command(&words).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        assert_eq!(next_event(&mut lines)["event"], "ready");
        Node { child, lines }
    }
}

struct Node {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Node {
    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let done = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(done.unwrap().success());
    }

    /// Its last event and its exit code, after a signal.
    fn end(mut self, signal: &str) -> (String, Option<i32>) {
        self.signal(signal);
        let mut last = String::new();
        for line in self.lines.by_ref().lines().map_while(Result::ok) {
            last = line;
        }
        (last, self.child.wait().unwrap().code())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn next_event(lines: &mut impl BufRead) -> Value {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    serde_json::from_str(&line).expect("one event per line")
}

fn code(output: &Output) -> i32 {
    output.status.code().expect("it was not killed")
}

fn document(output: &Output) -> Value {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "one document: {text}");
    serde_json::from_str(text).expect(text)
}

fn complaint(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_home_is_made_by_init_only_and_only_once() {
    let device = Device::named("home");
    for words in [
        &["status"][..],
        &["run"],
        &["import", "-"],
        &["pair", "offer"],
    ] {
        let refused = device.pimesh(words);
        assert_eq!(code(&refused), 1, "{words:?}");
        assert!(complaint(&refused).contains("init"), "{words:?}");
        assert!(!device.home.exists(), "{words:?}");
    }
    let made = device.pimesh(&["init", "--name", "laptop", "--json"]);
    assert_eq!(document(&made)["name"], "laptop");
    let key = fs::read(device.home.join("device.key")).unwrap();
    let again = device.pimesh(&["init", "--json"]);
    assert_eq!(code(&again), 1);
    assert_eq!(document(&again)["error"]["kind"], "failed");
    assert_eq!(fs::read(device.home.join("device.key")).unwrap(), key);
}

#[test]
fn wrong_words_are_told_to_people_and_to_scripts() {
    let device = Device::new();
    let people = device.pimesh(&["list", "--kind", "birds"]);
    assert_eq!((code(&people), people.stdout.len()), (2, 0));
    assert!(complaint(&people).contains("birds"));
    let scripts = device.pimesh(&["list", "--kind", "birds", "--json"]);
    assert_eq!(code(&scripts), 2);
    assert_eq!(document(&scripts)["error"]["kind"], "usage");
    assert_eq!(code(&device.pimesh(&[])), 2);
    assert_eq!(code(&device.pimesh(&["--help"])), 0);
}

#[test]
fn where_nobody_can_be_asked_the_missing_words_are_named() {
    let device = Device::new();
    let asked: [(&[&str], &str); 4] = [
        (&["delete", "7kq2"], "--yes"),
        (
            &["source", "add", "imaps://ann@mail.example"],
            "--password-file",
        ),
        (&["source", "remove", "mail"], "--keep-items"),
        (&["pair"], "pair offer"),
    ];
    for (words, named) in asked {
        let refused = device.pimesh(words);
        assert_eq!(code(&refused), 2, "{words:?}");
        assert!(complaint(&refused).contains(named), "{words:?}");
    }
}

#[test]
fn the_answer_is_the_same_with_and_without_a_running_node() {
    let device = Device::new();
    let without = document(&device.pimesh(&["collections", "--json"]));
    let node = device.run();
    assert_eq!(
        document(&device.pimesh(&["collections", "--json"])),
        without
    );
    let (last, code) = node.end("INT");
    assert_eq!(code, Some(0));
    assert!(last.contains("stopping"), "{last}");
    assert!(!device.home.join("node.sock").exists());
    assert_eq!(
        document(&device.pimesh(&["collections", "--json"])),
        without
    );
}

#[test]
fn a_node_ends_in_order_when_its_service_manager_says_so() {
    assert_eq!(Device::new().run().end("TERM").1, Some(0));
}

#[test]
fn a_second_node_is_refused_and_the_first_goes_on() {
    let device = Device::new();
    let _node = device.run();
    let second = device.pimesh(&["run", "--json"]);
    assert_eq!(code(&second), 1);
    let error = document(&second)["error"]["message"].to_string();
    assert!(error.contains("already"), "{error}");
    assert_eq!(code(&device.pimesh(&["collections"])), 0);
}

#[test]
fn a_node_that_is_stuck_locks_its_home_and_a_killed_one_does_not() {
    let device = Device::new();
    let node = device.run();
    node.signal("STOP");
    let locked = device.pimesh(&["collections", "--json"]);
    assert_eq!(code(&locked), 5);
    assert_eq!(document(&locked)["error"]["kind"], "locked");
    node.signal("CONT");
    node.end("KILL");
    assert!(device.home.join("node.sock").exists());
    assert_eq!(code(&device.pimesh(&["collections"])), 0);
    device.run();
}

#[test]
fn a_home_deep_in_the_file_system_works() {
    let device = Device::named(&format!("{}home", "a-rather-long-name/".repeat(12)));
    assert_eq!(code(&device.pimesh(&["init"])), 0);
    let node = device.run();
    assert_eq!(code(&device.pimesh(&["collections"])), 0);
    node.end("INT");
    assert!(!device.home.join("node.sock.path").exists());
}

#[test]
fn a_watcher_sees_a_change_and_that_the_node_stops() {
    let device = Device::new();
    assert_eq!(code(&device.pimesh(&["watch"])), 1);
    let node = device.run();
    let mut watching = device
        .command(&["watch", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap());
    let (sender, seen) = mpsc::sync_channel(1000);
    std::thread::spawn(move || {
        while !lines.fill_buf().unwrap().is_empty() {
            sender.send(next_event(&mut lines)).unwrap();
        }
    });
    // The watcher may still be on its way, so there is a new contact until it sees one.
    let mut number = 0;
    let first = loop {
        number += 1;
        let card = format!("BEGIN:VCARD\nVERSION:3.0\nUID:{number}\nFN:A\nEND:VCARD\n");
        let imported = device.pimesh_with(&["import", "-", "--json"], &card);
        assert_eq!(document(&imported)["totals"]["added"], 1);
        match seen.recv_timeout(Duration::from_millis(200)) {
            Ok(event) => break event,
            Err(_) => assert!(number < 50, "the watcher sees nothing"),
        }
    };
    assert_eq!(first["event"], "changed");
    node.end("INT");
    assert_eq!(seen.iter().last().unwrap()["event"], "stopping");
    assert_eq!(watching.wait().unwrap().code(), Some(0));
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let device = Device::new();
    let mut child = device
        .command(&["completions", "bash"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(code(&output), 0);
    assert_eq!(complaint(&output), "");
}

#[test]
fn an_unreadable_path_is_not_found_and_nothing_stays_in_the_spool() {
    let device = Device::new();
    let missing = device.pimesh(&["import", "/no/such/file.vcf", "--json"]);
    assert_eq!(code(&missing), 4);
    assert_eq!(document(&missing)["error"]["kind"], "not_found");
    device.pimesh_with(&["import", "-"], "no contacts");
    let left = fs::read_dir(device.home.join("spool")).unwrap().count();
    assert_eq!(left, 0);
}

#[test]
fn others_cannot_enter_a_home() {
    use std::os::unix::fs::MetadataExt;
    let device = Device::new();
    let node = device.run();
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!(mode(&device.home), 0o700);
    for file in ["device.key", "node.sock", "lock"] {
        assert_eq!(mode(&device.home.join(file)), 0o600, "{file}");
    }
    node.end("INT");
}

#[test]
fn the_demo_comes_out_as_it_is_told_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let played = Command::new(env!("CARGO_BIN_EXE_pimesh"))
        .args(["demo", "--json"])
        .env("TMPDIR", folder.path())
        .output()
        .unwrap();
    assert_eq!(code(&played), 0, "{}", complaint(&played));
    let story = document(&played);
    assert_eq!(story["steps"].as_array().unwrap().len(), 6);
    assert_eq!(story["conflicts"], 1);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Shows a code on a device: the command, what it prints, and the code.
fn show_code(device: &Device) -> (Child, BufReader<ChildStdout>, Value) {
    let mut offering = device
        .command(&["pair", "offer", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(offering.stdout.take().unwrap());
    let offer = next_event(&mut lines);
    (offering, lines, offer)
}

#[test]
fn two_devices_are_paired_through_their_running_nodes() {
    let (laptop, phone) = (Device::new(), Device::new());
    let card = "BEGIN:VCARD\nVERSION:3.0\nUID:a\nFN:Ann\nEND:VCARD\n";
    laptop.pimesh_with(&["import", "-"], card);
    let (_a, _b) = (laptop.run(), phone.run());
    let (mut offering, mut lines, offer) = show_code(&laptop);
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    let (text, address) = (word(&offer["code"]), word(&offer["addresses"][0]));
    let joined = phone.pimesh(&["pair", "join", &text, "--addr", &address, "--json"]);
    assert_eq!(code(&joined), 0, "{}", complaint(&joined));
    let offered = next_event(&mut lines);
    assert!(offering.wait().unwrap().success());
    assert_eq!(document(&joined)["fingerprint"], offered["fingerprint"]);
    let words = ["wait", "--until-confirmed", "--timeout", "60", "--json"];
    assert_eq!(document(&laptop.pimesh(&words))["confirmed"], true);
    let listed = document(&phone.pimesh(&["list", "--json"]));
    assert_eq!(listed["items"][0]["name"], "Ann");
}

#[test]
fn the_text_of_the_qr_code_needs_no_address() {
    let (laptop, phone) = (Device::new(), Device::new());
    let (_a, _b) = (laptop.run(), phone.run());
    let (mut offering, mut lines, offer) = show_code(&laptop);
    assert!(offer["qr"].as_str().unwrap().contains("<svg"), "{offer}");
    let ticket = offer["ticket"].as_str().unwrap();
    let damaged = phone.pimesh(&["pair", "join", &ticket[..60]]);
    assert_eq!(code(&damaged), 2, "{}", complaint(&damaged));
    let joined = phone.pimesh(&["pair", "join", &ticket.to_lowercase(), "--json"]);
    assert_eq!(code(&joined), 0, "{}", complaint(&joined));
    assert_eq!(
        document(&joined)["fingerprint"],
        next_event(&mut lines)["fingerprint"]
    );
    assert!(offering.wait().unwrap().success());
}
