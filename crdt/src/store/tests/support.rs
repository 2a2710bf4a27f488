//! Changes to store: contacts with a name, edited on top of any earlier change.

use crate::diff::Edit;
use crate::doc::{self, Author, Document, Writer};
use crate::id::{ChangeHash, CollectionId, DeviceId, DocId, Timestamp};
use crate::item::Item;
use crate::store::{Batch, Store};
use crate::sync::VersionVector;

pub(super) const NOW: Timestamp = Timestamp(1_700_000_000_000);
pub(super) const CONTACTS: CollectionId = CollectionId([7; 16]);
pub(super) const FRIENDS: CollectionId = CollectionId([5; 16]);

pub(super) fn device(name: u8) -> DeviceId {
    DeviceId([name; 32])
}

/// A store with two collections.
pub(super) fn store(name: u8) -> Store {
    let mut store = Store::open_in_memory(device(name)).unwrap();
    collections(&mut store);
    store
}

pub(super) fn collections(store: &mut Store) {
    let mut batch = store.batch(NOW).unwrap();
    batch
        .upsert_collection(CONTACTS, "contacts", "Contacts", "")
        .unwrap();
    batch
        .upsert_collection(FRIENDS, "contacts", "Friends", "")
        .unwrap();
    batch.commit().unwrap();
}

/// The first change of a contact. The same arguments give the same bytes.
pub(super) fn born(uid: &str, name: &str) -> (DocId, Vec<u8>) {
    let mut item = Item::new("vcard", uid);
    item.values.insert("NAME".to_owned(), format!("FN:{name}"));
    item.values
        .insert("TEL#1".to_owned(), format!(":+49 89 {}", uid.len()));
    (item.doc_id(), doc::genesis(&item).bytes)
}

/// A change that gives a contact another name, made on top of its first change.
pub(super) fn renamed(base: &[u8], writer: u8, name: &str) -> Vec<u8> {
    renamed_in(&Document::load([base]).unwrap(), writer, name)
}

/// A change that gives a contact another name, on all that is there.
pub(super) fn renamed_in(document: &Document, writer: u8, name: &str) -> Vec<u8> {
    let edit = Edit::Set {
        key: "NAME".to_owned(),
        value: format!("FN:{name}"),
    };
    let author = Author {
        device: device(writer),
        source: "test".to_owned(),
        writer: Writer::Person,
        now: NOW,
        random: [writer; 16],
    };
    document
        .edit(&document.heads(), &[edit], &author)
        .unwrap()
        .unwrap()
        .bytes
}

pub(super) fn hash_of(bytes: &[u8]) -> ChangeHash {
    doc::check(bytes).unwrap().hash
}

/// Adds one change in a batch of its own.
pub(super) fn add(store: &mut Store, doc: DocId, bytes: &[u8]) {
    in_batch(store, |batch| {
        batch.add(CONTACTS, doc, bytes.to_vec()).unwrap();
    });
}

pub(super) fn in_batch(store: &mut Store, fill: impl FnOnce(&mut Batch<'_>)) {
    let mut batch = store.batch(NOW).unwrap();
    fill(&mut batch);
    batch.commit().unwrap();
}

/// Gives `to` everything of a collection that `from` has and it lacks, a page at a time.
pub(super) fn send_all(from: &Store, to: &mut Store, collection: CollectionId, page: usize) {
    let mut their: VersionVector = to.version_vector(collection).unwrap();
    loop {
        let next = from.log_after(collection, &their, page).unwrap();
        assert!(next.forks.is_empty());
        let received = to.receive(collection, &next.entries, NOW).unwrap();
        assert!(received.held.is_empty(), "{:?}", received.held);
        their = received.vector;
        if !next.more {
            return;
        }
    }
}
