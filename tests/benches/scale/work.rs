//! What a device does with items: take in, edit, read. The same steps as the node's engine.

use pimesh_crdt::diff::{Absence, diff};
use pimesh_crdt::doc::{Author, Document, Writer, genesis};
use pimesh_crdt::render::render;
use pimesh_crdt::store::{Batch, Committed, Store};
use pimesh_crdt::{BlobHash, CollectionId, DocId, Timestamp};

use super::data::{CONTACTS, Datum};
use super::link::NOW;
use super::rng::Rng;

/// Items in one transaction of an import, as the node has them.
const AT_ONCE: usize = 1000;

/// Where an item is.
pub(crate) type Place = (CollectionId, DocId);

/// Takes in everything but the photos, as an import does after parsing.
pub(crate) fn import(store: &mut Store, data: &[Datum]) {
    for some in data.chunks(AT_ONCE) {
        let mut batch = store.batch(NOW).expect("a batch");
        for datum in some {
            let known = batch.document(datum.collection, datum.doc).expect("a look");
            assert!(known.is_empty(), "two items with one UID");
            if datum.collection != CONTACTS {
                // the rules of zones, mostly known already
                for blob in &datum.parsed.blobs {
                    batch.put_blob(&blob.bytes).expect("a blob");
                }
            }
            let first = genesis(&datum.parsed.item);
            batch
                .add_new(datum.collection, datum.doc, first)
                .expect("a change");
        }
        batch.commit().expect("a commit");
    }
}

/// Takes in the photos; says how many bytes they are.
pub(crate) fn import_photos(store: &mut Store, data: &[Datum]) -> usize {
    let mut bytes = 0;
    let with_photos: Vec<&Datum> = data
        .iter()
        .filter(|datum| datum.collection == CONTACTS && !datum.parsed.blobs.is_empty())
        .collect();
    for some in with_photos.chunks(AT_ONCE) {
        let mut batch = store.batch(NOW).expect("a batch");
        for blob in some.iter().flat_map(|datum| &datum.parsed.blobs) {
            batch.put_blob(&blob.bytes).expect("a photo");
            bytes += blob.bytes.len();
        }
        batch.commit().expect("a commit");
    }
    bytes
}

/// A person changes one property of an item: a title, a note.
pub(crate) fn edit(store: &mut Store, place: Place, r: &mut Rng) -> Committed {
    let document = store.document(place.0, place.1).expect("a document");
    let mut batch = store.batch(NOW).expect("a batch");
    edit_in(&mut batch, place, &document, r, NOW);
    batch.commit().expect("a commit")
}

/// Many edits in one transaction.
pub(crate) fn edit_all(store: &mut Store, places: &[Place], r: &mut Rng, now: Timestamp) {
    let mut batch = store.batch(now).expect("a batch");
    for place in places {
        let document = batch.document(place.0, place.1).expect("a document");
        edit_in(&mut batch, *place, &document, r, now);
    }
    batch.commit().expect("a commit");
}

fn edit_in(batch: &mut Batch<'_>, place: Place, document: &Document, r: &mut Rng, now: Timestamp) {
    let before = document.view().shown().item;
    let mut after = before.clone();
    let (key, value) = match place.0 {
        CONTACTS => ("NOTE", format!(":Call back, order {}", r.below(10_000))),
        _ => ("SUMMARY", format!(":Team meeting {}", r.below(10_000))),
    };
    after.values.insert(key.to_owned(), value);
    let edits = diff(&before, &after, Absence::Deletes);
    let author = Author {
        device: super::link::device(0),
        source: "cli".to_owned(),
        writer: Writer::Person,
        now,
        random: r.bytes(),
    };
    let change = document
        .edit(&document.heads(), &edits, &author)
        .expect("an edit");
    if let Some(change) = change {
        batch.add_new(place.0, place.1, change).expect("a change");
    }
}

/// Reads an item and renders it; says how long its text is.
pub(crate) fn read(store: &Store, place: Place) -> usize {
    let document = store.document(place.0, place.1).expect("a document");
    let item = document.view().shown().item;
    let photo = |hash: BlobHash| store.blob(hash).ok().flatten();
    render(&item, &photo).text.len()
}
