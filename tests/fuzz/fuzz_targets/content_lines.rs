//! Bytes into lines, components and parameters.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pimesh_crdt::canon;
use pimesh_crdt::item::register::Stored;
use pimesh_crdt::text::escape;
use pimesh_crdt::text::line::Line;
use pimesh_crdt::text::lines::Lines;
use pimesh_crdt::text::tree::Tree;

fuzz_target!(|bytes: &[u8]| {
    let lines = Lines::read(bytes);
    let tree = Tree::read(&lines);
    for node in 0..tree.nodes.len() {
        assert!(tree.own_lines(node).all(|at| at < lines.len()));
    }
    for at in 0..lines.len() {
        let raw = lines.line(at);
        assert!(!raw.contains('\n'));
        assert!(lines.number(at) > 0);
        let Some(line) = Line::read(raw) else { continue };
        for (name, value) in line.parameters() {
            assert!(line.params.contains(name) && line.params.contains(value));
        }
        assert_eq!(escape::split(line.value, ',').join(","), line.value);
        let unescaped = escape::unescape(line.value);
        assert_eq!(escape::unescape(&escape::escape(&unescaped)), unescaped.replace('\r', ""));
        let stored = format!("{}:{}", line.params, line.value);
        let name = line.name.to_ascii_uppercase();
        assert_eq!(Stored::read(&stored).write(), stored);
        assert_eq!(canon::form(&name, &stored), canon::form(&name, &stored));
        let _ = canon::identity(&name, &stored);
    }
});
