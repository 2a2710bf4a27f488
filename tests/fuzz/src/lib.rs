//! What the fuzz targets share: writing an item and reading it again.

use std::collections::HashMap;

use pimesh_crdt::BlobHash;
use pimesh_crdt::diff::{Absence, diff};
use pimesh_crdt::doc::{Document, decode, genesis};
use pimesh_crdt::normalise::{Parsed, Text};
use pimesh_crdt::render::render;

/// Takes every item of a text through its document and back into text. Panics where an item
/// does not come back as what it was.
pub fn round_trip(bytes: &[u8]) {
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
    assert_eq!(diff(&parsed.item, &again, Absence::Deletes), [], "{}", rendered.text);
    assert_eq!(diff(&again, &parsed.item, Absence::Deletes), [], "{}", rendered.text);
}
