//! What is on the disk after a commit, a drop, a crash, and in files that are not ours.

use std::io::{Seek, SeekFrom, Write};

use super::support::*;
use crate::id::Origin;
use crate::store::{Added, Filter, Store, StoreError};

#[test]
fn a_committed_batch_is_there_after_reopening_and_a_dropped_one_never_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pimesh.db");
    let (kept, kept_bytes) = born("kept", "Kept");
    let (lost, lost_bytes) = born("lost", "Lost");
    {
        let mut store = Store::open(&path, device(1)).unwrap();
        collections(&mut store);
        add(&mut store, kept, &kept_bytes);
        let mut batch = store.batch(NOW).unwrap();
        batch.add(CONTACTS, lost, lost_bytes).unwrap();
        // Settled rows are undone as well as waiting ones.
        assert_eq!(batch.summary(CONTACTS, lost).unwrap().unwrap().name, "Lost");
        drop(batch);
        assert_eq!(store.item(CONTACTS, lost).unwrap(), None);
    }
    let store = Store::open(&path, device(1)).unwrap();
    assert_eq!(store.changes_of(CONTACTS, kept).unwrap(), [kept_bytes]);
    assert_eq!(store.item(CONTACTS, lost).unwrap(), None);
    assert_eq!(
        store
            .version_vector(CONTACTS)
            .unwrap()
            .reached(&store.origin())
            .n,
        1
    );
    assert_eq!(store.quick_check().unwrap(), Vec::<String>::new());
}

#[test]
fn numbers_go_on_without_a_hole_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pimesh.db");
    for round in 1..=3_u64 {
        let mut store = Store::open(&path, device(1)).unwrap();
        if round == 1 {
            collections(&mut store);
        }
        let (doc, bytes) = born(&format!("uid {round}"), "Somebody");
        let mut batch = store.batch(NOW).unwrap();
        assert_eq!(batch.add(CONTACTS, doc, bytes).unwrap(), Added::New);
        let done = batch.commit().unwrap();
        assert_eq!((done.named[0].first, done.named[0].last), (round, round));
        assert_eq!(
            done.named[0].origin,
            Origin {
                device: device(1),
                incarnation: 0
            }
        );
    }
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pimesh.db");
    let text = "these are not the bytes of a database\n".repeat(200);
    std::fs::File::create(&path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let error = Store::open(&path, device(1)).unwrap_err();
    assert!(matches!(error, StoreError::NotADatabase), "{error:?}");
    assert!(error.is_damage());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn the_database_of_another_program_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pimesh.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE t (x)")
        .unwrap();
    assert!(matches!(
        Store::open(&path, device(1)),
        Err(StoreError::NotADatabase)
    ));
}

#[test]
fn a_damaged_database_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pimesh.db");
    drop(Store::open(&path, device(1)).unwrap());
    let mut file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(100)).unwrap();
    file.write_all(&[0xab; 100_000]).unwrap();
    let error = Store::open(&path, device(1)).unwrap_err();
    assert!(error.is_damage(), "{error:?}");
}

#[test]
fn a_database_of_a_newer_program_is_refused_with_both_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pimesh.db");
    drop(Store::open(&path, device(1)).unwrap());
    let conn = rusqlite::Connection::open(&path).unwrap();
    let ours: i64 = conn
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .unwrap();
    conn.pragma_update(None, "user_version", 99).unwrap();
    drop(conn);
    let error = Store::open(&path, device(1)).unwrap_err();
    assert!(
        matches!(error, StoreError::Newer { found: 99, known } if known == ours),
        "{error:?}"
    );
}

#[test]
fn a_known_change_gets_neither_a_row_nor_a_name() {
    let mut store = store(1);
    let (doc, bytes) = born("a", "Ann");
    add(&mut store, doc, &bytes);
    let mut batch = store.batch(NOW).unwrap();
    assert_eq!(batch.add(CONTACTS, doc, bytes).unwrap(), Added::Known);
    let done = batch.commit().unwrap();
    assert!(done.named.is_empty() && done.docs.is_empty() && done.vectors.is_empty());
    assert_eq!(store.count(&Filter::default()).unwrap(), 1);
}

#[test]
fn a_change_without_what_it_builds_on_is_refused_and_the_batch_goes_on() {
    let mut store = store(1);
    let (doc, first) = born("a", "Ann");
    let second = renamed(&first, 8, "Anna");
    let mut batch = store.batch(NOW).unwrap();
    let error = batch.add(CONTACTS, doc, second.clone()).unwrap_err();
    assert!(matches!(error, StoreError::MissingDependency { .. }) && error.is_bad_change());
    batch.add(CONTACTS, doc, first.clone()).unwrap();
    batch.add(CONTACTS, doc, second).unwrap();
    assert_eq!(batch.changes_of(CONTACTS, doc).unwrap()[0], first);
    assert_eq!(batch.commit().unwrap().named[0].last, 2);
    assert_eq!(store.item(CONTACTS, doc).unwrap().unwrap().name, "Anna");
}

#[test]
fn every_state_that_was_committed_can_be_the_base_of_a_later_write() {
    let mut store = store(1);
    let (doc, first) = born("a", "Ann");
    add(&mut store, doc, &first);
    let seen = store.item(CONTACTS, doc).unwrap().unwrap().state;
    let second = renamed(&first, 8, "Anna");
    add(&mut store, doc, &second);
    let now = store.item(CONTACTS, doc).unwrap().unwrap().state;
    assert_eq!(
        store.heads_at(CONTACTS, doc, seen).unwrap(),
        Some(vec![hash_of(&first)])
    );
    assert_eq!(
        store.heads_at(CONTACTS, doc, now).unwrap(),
        Some(vec![hash_of(&second)])
    );
}
