//! The rules of `docs/style.md` that a machine can keep.

use std::fs;
use std::path::{Path, PathBuf};

/// Tests included.
const LONGEST_FILE: usize = 400;

/// The folders with code of ours, one for each crate.
const CRATES: [&str; 5] = ["crdt", "transports", "node", "mobile-ffi", "tests"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .into()
}

/// All Rust files below a folder, with their paths from the root and their texts.
fn rust(folder: &str) -> Vec<(String, String)> {
    let (root, mut todo, mut out) = (root(), vec![root().join(folder)], Vec::new());
    while let Some(path) = todo.pop() {
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                todo.extend(
                    fs::read_dir(&path)
                        .unwrap()
                        .map(|entry| entry.unwrap().path()),
                );
            }
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path.strip_prefix(&root).unwrap().display().to_string();
            out.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
    assert!(!out.is_empty(), "nothing in {folder}");
    out.sort();
    out
}

fn all() -> Vec<(String, String)> {
    CRATES.iter().flat_map(|folder| rust(folder)).collect()
}

/// What the code says, without comments. A `//` inside a text ends the line too, which is
/// near enough for looking for names.
fn code(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or(""));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_attack_that_the_page_on_security_tells_of_is_played_by_a_test_of_that_name() {
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.contains("| shown by |"));
    let code: String = all().into_iter().map(|(_, text)| text).collect();
    let mut played = 0;
    for row in rows {
        let shown = row.trim_end_matches(" |").rsplit('|').next().unwrap();
        let names: Vec<&str> = shown.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            assert!(code.contains(&format!("fn {name}(")), "no test {name}");
            played += 1;
        }
    }
    assert!(played > 20, "{played}");
}

/// Every `name::part` in the code: the parts, in `name::{a, b::c}` as well.
fn parts_used<'t>(code: &'t str, name: &str) -> Vec<&'t str> {
    let path = format!("{name}::");
    let mut out = Vec::new();
    for (at, _) in code.match_indices(&path) {
        let is_whole = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
        let rest = &code[at + path.len()..];
        let is_group = rest.starts_with('{');
        let group = rest.split_once('}').map_or(rest, |(group, _)| group);
        let group = group.trim_start_matches('{');
        let parts = if is_group {
            group.split(',')
        } else {
            rest.split(',')
        };
        let count = if is_group { usize::MAX } else { 1 };
        let first = |part: &'t str| {
            let part = part.trim();
            let end = part.find(|c: char| !c.is_alphanumeric() && c != '_');
            &part[..end.unwrap_or(part.len())]
        };
        if is_whole {
            out.extend(parts.take(count).map(first).filter(|part| !part.is_empty()));
        }
    }
    out
}

fn names(code: &str, name: &str) -> bool {
    !parts_used(code, name).is_empty() || code.contains(&format!("use {name};"))
}

#[test]
fn no_file_is_too_long_to_read() {
    let long: Vec<String> = all()
        .iter()
        .map(|(name, text)| (name, text.lines().count()))
        .filter(|(_, lines)| *lines > LONGEST_FILE)
        .map(|(name, lines)| format!("{name}: {lines} lines"))
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}

#[test]
fn every_file_says_first_what_it_is() {
    let silent: Vec<String> = all()
        .into_iter()
        .filter(|(_, text)| {
            let said = text.lines().next().unwrap_or("").strip_prefix("//! ");
            said.is_none_or(|said| said.len() < 8)
        })
        .map(|(name, _)| name)
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn nothing_is_left_for_later() {
    let words = ["TODO", "FIXME", "XXX", "dbg!(", "todo!(", "unimplemented!("];
    let this = "tests/tests/tidy.rs";
    let mut found = Vec::new();
    for (name, text) in all().iter().filter(|(name, _)| name != this) {
        for (number, line) in text.lines().enumerate() {
            let is_word = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric());
            let mut found_at = words.iter().filter_map(|word| line.find(word));
            if found_at.any(is_word) {
                found.push(format!("{name}:{}: {}", number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn the_core_is_still_water() {
    for (name, text) in rust("crdt/src") {
        let code = code(&text);
        for outside in ["tokio", "libp2p", "pimesh_transports", "pimesh"] {
            assert!(!names(&code, outside), "{name} names {outside}");
        }
        let is_store = name.starts_with("crdt/src/store/");
        assert!(
            is_store || !names(&code, "rusqlite"),
            "{name} names rusqlite"
        );
        let is_doc = name.starts_with("crdt/src/doc/");
        assert!(
            is_doc || !names(&code, "automerge"),
            "{name} names automerge"
        );
    }
    for folder in ["transports", "node", "mobile-ffi"] {
        for (name, text) in rust(folder) {
            assert!(!names(&code(&text), "automerge"), "{name} names automerge");
        }
    }
}

#[test]
fn the_edges_understand_no_item() {
    for (name, text) in rust("transports") {
        let code = code(&text);
        for part in parts_used(&code, "pimesh_crdt") {
            let is_known = ["DeviceId", "BlobHash", "Timestamp"].contains(&part);
            assert!(is_known, "{name} uses pimesh_crdt::{part}");
        }
        for outside in ["pimesh", "rusqlite"] {
            assert!(!names(&code, outside), "{name} names {outside}");
        }
    }
}

#[test]
fn nobody_sees_the_tests_and_nobody_looks_up_the_line() {
    for folder in &CRATES[..4] {
        for (name, text) in rust(folder) {
            assert!(!names(&code(&text), "pimesh_tests"), "{name}");
        }
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        assert!(!manifest.contains("pimesh-tests"), "{folder}");
        let forbidden: &[&str] = match *folder {
            "crdt" => &["pimesh-transports", "pimesh.", "pimesh =", "pimesh-ffi"],
            "transports" => &["pimesh.", "pimesh =", "pimesh-ffi"],
            "node" => &["pimesh-ffi"],
            _ => &[],
        };
        for line in manifest.lines() {
            let is_up = forbidden.iter().any(|name| line.starts_with(name));
            assert!(!is_up, "{folder}/Cargo.toml: {line}");
        }
    }
}

#[test]
fn the_page_about_the_wire_tells_of_every_frame() {
    let source = fs::read_to_string(root().join("crdt/src/sync/message.rs")).unwrap();
    let page = fs::read_to_string(root().join("docs/wire.md")).unwrap();
    let (_, frames) = source.split_once("pub enum Frame {").unwrap();
    let (frames, _) = frames.split_once("\n}").unwrap();
    let variants: Vec<&str> = frames
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()))
        .map(|line| line.split(['(', ' ', ',', '{']).next().unwrap())
        .collect();
    assert!(variants.len() >= 10, "{variants:?}");
    for (number, name) in variants.iter().enumerate() {
        let row = format!("| {number} | {name} |");
        assert!(page.contains(&row), "docs/wire.md has no row {row:?}");
    }
}

#[test]
fn names_are_found_where_they_are_used() {
    let code = code("use a::{B, c::D}; // a::E\nlet x = a::F::new(); ba::G; use b;");
    assert_eq!(parts_used(&code, "a"), ["B", "c", "F"]);
    assert!(names(&code, "b") && names(&code, "ba") && !names(&code, "c::E"));
}
