//! A dictionary is trained inside a large batch, and what was written before and after it
//! is read back.

use super::support::*;
use crate::store::{Filter, Store};

#[test]
fn a_large_import_trains_a_dictionary_and_everything_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pimesh.db");
    let mut store = Store::open(&path, device(1)).unwrap();
    collections(&mut store);
    let (early, early_bytes) = born("early", "Early Bird");
    add(&mut store, early, &early_bytes);
    let many: Vec<_> = (0..3_000)
        .map(|i| born(&format!("uid-{i}"), &format!("Name {i}")))
        .collect();
    in_batch(&mut store, |batch| {
        for (doc, bytes) in &many {
            batch.add(CONTACTS, *doc, bytes.clone()).unwrap();
        }
    });
    drop(store);
    let store = Store::open(&path, device(1)).unwrap();
    let dictionaries: i64 = store
        .conn
        .query_row("SELECT count(*) FROM dict", (), |row| row.get(0))
        .unwrap();
    assert_eq!(dictionaries, 1);
    assert_eq!(store.changes_of(CONTACTS, early).unwrap(), [early_bytes]);
    for (doc, bytes) in &many {
        assert_eq!(
            store.changes_of(CONTACTS, *doc).unwrap(),
            std::slice::from_ref(bytes)
        );
    }
    assert_eq!(store.count(&Filter::default()).unwrap(), 3_001);
}

#[test]
fn each_class_has_a_dictionary_of_its_own() {
    let mut store = store(1);
    in_batch(&mut store, |batch| {
        for i in 0..1_000 {
            let (doc, bytes) = born(&format!("uid-{i}"), &format!("Name {i}"));
            batch.add(CONTACTS, doc, bytes.clone()).unwrap();
            batch.add(FRIENDS, doc, bytes).unwrap();
        }
    });
    let count = |sql: &str| -> i64 { store.conn.query_row(sql, (), |row| row.get(0)).unwrap() };
    assert_eq!(count("SELECT count(*) FROM dict"), 2);
    let other = "SELECT count(*) FROM change JOIN doc ON doc.nr = change.doc
                 JOIN dict ON dict.nr = change.dict WHERE dict.class <> doc.class";
    assert_eq!(count(other), 0);
    let (doc, bytes) = born("uid-7", "Name 7");
    for class in [CONTACTS, FRIENDS] {
        assert_eq!(
            store.changes_of(class, doc).unwrap(),
            std::slice::from_ref(&bytes)
        );
    }
}
