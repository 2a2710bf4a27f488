//! Content lines, contacts and calendars.

use std::collections::HashMap;

use pimesh_crdt::diff::{Absence, diff};
use pimesh_crdt::doc::{Document, decode, genesis};
use pimesh_crdt::item::register::Stored;
use pimesh_crdt::normalise::{Parsed, Text};
use pimesh_crdt::render::render;
use pimesh_crdt::text::escape;
use pimesh_crdt::text::line::Line;
use pimesh_crdt::text::lines::Lines;
use pimesh_crdt::text::tree::Tree;
use pimesh_crdt::{BlobHash, canon};

/// Bytes into lines, components and parameters.
pub(super) fn content_lines(bytes: &[u8]) {
    let lines = Lines::read(bytes);
    let tree = Tree::read(&lines);
    for node in 0..tree.nodes.len() {
        assert!(tree.own_lines(node).all(|at| at < lines.len()));
    }
    for at in 0..lines.len() {
        let raw = lines.line(at);
        assert!(!raw.contains('\n'));
        assert!(lines.number(at) > 0);
        let Some(line) = Line::read(raw) else {
            continue;
        };
        for (name, value) in line.parameters() {
            assert!(line.params.contains(name) && line.params.contains(value));
        }
        assert_eq!(escape::split(line.value, ',').join(","), line.value);
        let unescaped = escape::unescape(line.value);
        assert_eq!(
            escape::unescape(&escape::escape(&unescaped)),
            unescaped.replace('\r', "")
        );
        let property = Stored {
            group: None,
            params: line.params,
            value: line.value,
            companions: "",
        };
        let stored = property.write();
        assert_eq!(Stored::read(&stored), property);
        let name = line.name.to_ascii_uppercase();
        assert_eq!(canon::form(&name, &stored), canon::form(&name, &stored));
        let _ = canon::identity(&name, &stored);
    }
}

/// Contacts of any version.
pub(super) fn vcard(bytes: &[u8]) {
    round_trip(bytes);
    for version in ["2.1", "3.0", "4.0"] {
        let frame = format!("BEGIN:VCARD\r\nVERSION:{version}\r\n");
        round_trip(&[frame.as_bytes(), bytes, b"\r\nEND:VCARD\r\n"].concat());
    }
}

/// Calendars and what stands in them.
pub(super) fn icalendar(bytes: &[u8]) {
    round_trip(bytes);
    let frame = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:e\r\n";
    let end = b"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    round_trip(&[frame, bytes, end].concat());
}

/// Takes every item of a text through its document and back into text. Panics where an item
/// does not come back as what it was.
pub(super) fn round_trip(bytes: &[u8]) {
    let text = Text::read(bytes).expect("far below the limit");
    for parsed in text.items().flatten() {
        through_document(&parsed);
        through_text(&parsed);
    }
}

fn through_document(parsed: &Parsed) {
    let change = genesis(&parsed.item);
    let parts = decode(&change.bytes).expect("what we write we read");
    assert_eq!(parts.hash, change.hash);
    let document = Document::load([change.bytes.as_slice()]).expect("has no deps");
    let shown = document.view().shown();
    assert!(shown.live);
    assert_eq!(shown.conflicts, []);
    assert_eq!(shown.item, parsed.item);
    let _ = document.summary();
}

fn through_text(parsed: &Parsed) {
    let blobs: HashMap<BlobHash, &[u8]> = parsed
        .blobs
        .iter()
        .map(|blob| (blob.hash, blob.bytes.as_slice()))
        .collect();
    let rendered = render(&parsed.item, &|hash: BlobHash| {
        blobs.get(&hash).map(|bytes| bytes.to_vec())
    });
    assert_eq!(rendered.missing, [], "{}", rendered.text);
    let text = Text::read(rendered.text.as_bytes()).expect("far below the limit");
    assert!(text.counts().refused.is_empty(), "{}", rendered.text);
    assert_eq!(text.len(), 1, "{}", rendered.text);
    let again = text.item(0).expect("was kept before").item;
    assert_eq!(again.doc_id(), parsed.item.doc_id(), "{}", rendered.text);
    assert_eq!(
        diff(&parsed.item, &again, Absence::Deletes),
        [],
        "{}",
        rendered.text
    );
    assert_eq!(
        diff(&again, &parsed.item, Absence::Deletes),
        [],
        "{}",
        rendered.text
    );
}
