//! Many documents lie in few rows, and each is read back whatever becomes of it.

use super::support::*;
use crate::doc::Document;
use crate::store::{Added, Filter, Fingerprint, Store, Tidying};
use crate::{ChangeHash, DocId};

fn many(count: usize) -> Vec<(DocId, Vec<u8>)> {
    (0..count)
        .map(|i| born(&format!("uid-{i}"), &format!("Name {i}")))
        .collect()
}

fn add_all(store: &mut Store, many: &[(DocId, Vec<u8>)]) {
    in_batch(store, |batch| {
        for (doc, bytes) in many {
            let added = batch.add(CONTACTS, *doc, bytes.clone()).unwrap();
            assert_eq!(added, Added::New);
        }
    });
}

fn count(store: &Store, sql: &str) -> i64 {
    store.conn.query_row(sql, (), |row| row.get(0)).unwrap()
}

fn is_well(store: &Store) -> bool {
    let log = store.look_at_log().unwrap();
    let documents = store.look_at_documents().unwrap();
    assert_eq!(log.told, [""; 0]);
    assert_eq!(documents.changes.told, [""; 0]);
    assert_eq!(documents.rows.told, [""; 0]);
    log.looked_at > 0
}

fn sorted(mut all: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    all.sort_unstable();
    all
}

/// Edits every third document up to six times, each on what was there; gives all changes.
fn edit_some(store: &mut Store, many: &[(DocId, Vec<u8>)]) -> Vec<(DocId, Vec<Vec<u8>>)> {
    let mut out = Vec::new();
    for (i, (doc, first)) in many.iter().enumerate() {
        let mut all = vec![first.clone()];
        for time in 0..(i / 3) % 7 * usize::from(i % 3 == 0) {
            let document = Document::load(all.iter().map(Vec::as_slice)).unwrap();
            let edit = renamed_in(&document, time as u8, &format!("Edit {time}"));
            add(store, *doc, &edit);
            all.push(edit);
        }
        out.push((*doc, all));
    }
    out
}

#[test]
fn a_large_import_lies_in_few_rows_and_everything_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pimesh.db");
    let mut store = Store::open(&path, device(1)).unwrap();
    collections(&mut store);
    let (early, early_bytes) = born("early", "Early Bird");
    add(&mut store, early, &early_bytes);
    let many = many(3_000);
    add_all(&mut store, &many);
    drop(store);
    let store = Store::open(&path, device(1)).unwrap();
    assert_eq!(count(&store, "SELECT count(*) FROM change"), 1);
    assert_eq!(count(&store, "SELECT sum(count) FROM block"), 3_000);
    assert!(count(&store, "SELECT count(*) FROM block") < 20);
    assert!(count(&store, "SELECT count(*) FROM log") < 50);
    assert_eq!(store.changes_of(CONTACTS, early).unwrap(), [early_bytes]);
    for (doc, bytes) in &many {
        assert_eq!(
            store.changes_of(CONTACTS, *doc).unwrap(),
            std::slice::from_ref(bytes)
        );
    }
    assert_eq!(store.count(&Filter::default()).unwrap(), 3_001);
    assert!(is_well(&store));
}

#[test]
fn what_comes_one_by_one_moves_into_blocks_too() {
    let mut store = store(1);
    let many = many(300);
    for (doc, bytes) in &many {
        add(&mut store, *doc, bytes);
    }
    assert!(count(&store, "SELECT count(*) FROM block") > 0);
    assert!(count(&store, "SELECT count(*) FROM change") < 256);
    for (doc, bytes) in &many {
        let read = store.changes_of(CONTACTS, *doc).unwrap();
        assert_eq!(read, std::slice::from_ref(bytes));
    }
    assert!(is_well(&store));
}

#[test]
fn edits_of_items_in_blocks_are_kept_sent_and_known_again() {
    let mut store = store(1);
    let many = many(60);
    add_all(&mut store, &many);
    let edited = edit_some(&mut store, &many);
    assert!(is_well(&store));
    for page in [1, 500, 1 << 20] {
        let mut other = self::store(2);
        send_all(&store, &mut other, CONTACTS, page);
        for (doc, all) in &edited {
            let read = other.changes_of(CONTACTS, *doc).unwrap();
            assert_eq!(sorted(read), sorted(all.clone()));
        }
        assert_eq!(
            other.version_vector(CONTACTS).unwrap(),
            store.version_vector(CONTACTS).unwrap()
        );
        assert!(is_well(&other));
    }
    for (doc, all) in &edited {
        for bytes in all {
            let heads: Vec<ChangeHash> = vec![hash_of(bytes)];
            let state = Fingerprint::of(*doc, &heads);
            let known = store.heads_at(CONTACTS, *doc, state).unwrap();
            assert_eq!(known, Some(heads));
        }
        in_batch(&mut store, |batch| {
            for bytes in all {
                let again = batch.add(CONTACTS, *doc, bytes.clone()).unwrap();
                assert_eq!(again, Added::Known);
            }
        });
    }
}

#[test]
fn what_lies_loose_is_packed_in_small_steps_between_which_anything_may_happen() {
    let mut store = store(1);
    let many = many(120);
    add_all(&mut store, &many);
    let mut edited = edit_some(&mut store, &many);
    assert!(count(&store, "SELECT count(*) FROM change") > 40);
    let (mut round, mut steps) = (Tidying::default(), 0);
    while let Some(next) = store.tidy(round).unwrap() {
        (round, steps) = (next, steps + 1);
        // somebody edits an item that this round has seen, or not
        let (doc, all) = &mut edited[steps * 7];
        let document = Document::load(all.iter().map(Vec::as_slice)).unwrap();
        let edit = renamed_in(&document, 99, "Meanwhile");
        add(&mut store, *doc, &edit);
        all.push(edit);
        assert!(is_well(&store));
    }
    assert!(steps > 1, "in one step");
    assert!(count(&store, "SELECT count(*) FROM change") <= steps as i64);
    for (doc, all) in &edited {
        let read = store.changes_of(CONTACTS, *doc).unwrap();
        assert_eq!(sorted(read), sorted(all.clone()));
    }
    let mut other = self::store(2);
    send_all(&store, &mut other, CONTACTS, 1 << 20);
    assert!(is_well(&other));
}

#[test]
fn a_file_that_is_worth_it_is_written_anew_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pimesh.db");
    let mut store = Store::open(&path, device(1)).unwrap();
    collections(&mut store);
    assert!(!store.is_worth_tightening().unwrap());
    add_all(&mut store, &many(4_200));
    assert!(store.is_worth_tightening().unwrap());
    in_batch(&mut store, |batch| {
        for n in 0..100_u32 {
            batch.put_blob(&n.to_le_bytes().repeat(16 << 10)).unwrap();
        }
    });
    store.conn.execute("DELETE FROM blob", ()).unwrap();
    assert!(store.tighten().unwrap());
    assert!(!store.is_worth_tightening().unwrap());
    let length = std::fs::metadata(&path).unwrap().len();
    assert!(length < 4 << 20, "{length}");
    assert!(is_well(&store));
}

#[test]
fn one_address_book_taken_in_twice_and_united_lies_there_once() {
    let mut store = store(1);
    let many = many(200);
    add_all(&mut store, &many);
    let before = count(&store, "SELECT sum(count) FROM block");
    in_batch(&mut store, |batch| {
        for (doc, bytes) in &many[..190] {
            batch.add(FRIENDS, *doc, bytes.clone()).unwrap();
        }
        let (doc, bytes) = born("other", "Other");
        batch.add(FRIENDS, doc, bytes).unwrap();
    });
    let edited = edit_some(&mut store, &many);
    in_batch(&mut store, |batch| batch.unite(CONTACTS, FRIENDS).unwrap());
    assert_eq!(count(&store, "SELECT sum(count) FROM block"), before + 1);
    assert_eq!(count(&store, "SELECT count(*) FROM doc"), 201);
    for (doc, all) in &edited {
        let read = store.changes_of(CONTACTS, *doc).unwrap();
        assert_eq!(sorted(read), sorted(all.clone()));
    }
    assert!(is_well(&store));
    let mut other = self::store(2);
    send_all(&store, &mut other, CONTACTS, 1 << 20);
    send_all(&store, &mut other, FRIENDS, 1 << 20);
    assert!(is_well(&other));
}

#[test]
fn another_text_of_an_item_in_a_block_is_a_change_beside_it() {
    let mut store = store(1);
    let many = many(30);
    add_all(&mut store, &many);
    let (doc, second) = born("uid-3", "Another Name");
    assert_eq!(doc, many[3].0);
    in_batch(&mut store, |batch| {
        batch.add(FRIENDS, doc, second.clone()).unwrap();
        batch.add(CONTACTS, doc, second.clone()).unwrap();
    });
    in_batch(&mut store, |batch| batch.unite(CONTACTS, FRIENDS).unwrap());
    let both = sorted(vec![many[3].1.clone(), second]);
    assert_eq!(sorted(store.changes_of(CONTACTS, doc).unwrap()), both);
    assert!(is_well(&store));
}
