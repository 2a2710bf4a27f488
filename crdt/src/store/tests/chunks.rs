//! Documents of many edits: packed as one, and still every edit by itself.

use std::collections::BTreeSet;

use super::support::*;
use crate::doc::Document;
use crate::store::{Added, Fingerprint, Store, StoreError};
use crate::{ChangeHash, DocId};

/// A contact in a store, renamed so often, each time on what was there before.
fn edited(store: &mut Store, times: usize) -> (DocId, Vec<Vec<u8>>) {
    let (doc, first) = born("uid", "Anna");
    add(store, doc, &first);
    let mut all = vec![first];
    for i in 0..times {
        all.push(edit_again(&all, (i % 3) as u8, &format!("Anna {i}")));
        add(store, doc, &all[i + 1]);
    }
    (doc, all)
}

fn edit_again(all: &[Vec<u8>], writer: u8, name: &str) -> Vec<u8> {
    let document = Document::load(all.iter().map(Vec::as_slice)).unwrap();
    renamed_in(&document, writer, name)
}

fn count(store: &Store, sql: &str) -> i64 {
    store.conn.query_row(sql, (), |row| row.get(0)).unwrap()
}

fn sorted(all: impl IntoIterator<Item = Vec<u8>>) -> BTreeSet<Vec<u8>> {
    all.into_iter().collect()
}

#[test]
fn a_document_of_many_edits_keeps_few_rows_and_every_edit_to_the_letter() {
    let mut store = store(1);
    let (doc, all) = edited(&mut store, 100);
    assert_eq!(count(&store, "SELECT count(*) FROM chunk"), 4);
    assert_eq!(count(&store, "SELECT count(*) FROM change"), 1);
    let read = store.changes_of(CONTACTS, doc).unwrap();
    assert_eq!(read.len(), 101);
    assert_eq!(sorted(read), sorted(all.clone()));
    assert_eq!(store.count_changes(CONTACTS).unwrap(), 101);
    let item = store.document(CONTACTS, doc).unwrap();
    assert_eq!(item.heads(), [hash_of(&all[100])]);
}

#[test]
fn edits_in_chunks_are_sent_and_are_the_same_at_the_peer() {
    let mut one = store(1);
    let (doc, all) = edited(&mut one, 70);
    for page in [1, 300, 1 << 20] {
        let mut other = store(2);
        send_all(&one, &mut other, CONTACTS, page);
        assert_eq!(
            sorted(other.changes_of(CONTACTS, doc).unwrap()),
            sorted(all.clone())
        );
        assert_eq!(
            other.version_vector(CONTACTS).unwrap(),
            one.version_vector(CONTACTS).unwrap()
        );
        assert_eq!(
            other.item(CONTACTS, doc).unwrap().unwrap().state,
            one.item(CONTACTS, doc).unwrap().unwrap().state
        );
        // and once more, now from chunk to chunk
        let mut third = store(3);
        send_all(&other, &mut third, CONTACTS, page);
        assert_eq!(third.changes_of(CONTACTS, doc).unwrap().len(), 71);
    }
}

#[test]
fn an_edit_in_a_chunk_is_known_and_can_be_built_on() {
    let mut store = store(1);
    let (doc, all) = edited(&mut store, 40);
    in_batch(&mut store, |batch| {
        assert_eq!(
            batch.add(CONTACTS, doc, all[3].clone()).unwrap(),
            Added::Known
        );
        let on_old = edit_again(&all[..4], 7, "Old");
        assert_eq!(batch.add(CONTACTS, doc, on_old).unwrap(), Added::New);
    });
    let row = store.item(CONTACTS, doc).unwrap().unwrap();
    assert_eq!(row.conflicts, 1);
}

#[test]
fn every_state_that_a_document_had_can_be_a_base() {
    let mut store = store(1);
    let (doc, all) = edited(&mut store, 40);
    for bytes in &all {
        let heads: Vec<ChangeHash> = vec![hash_of(bytes)];
        let state = Fingerprint::of(doc, &heads);
        assert_eq!(store.heads_at(CONTACTS, doc, state).unwrap(), Some(heads));
    }
    assert_eq!(count(&store, "SELECT count(*) FROM version"), 0);
    // a state of two heads has a row once it is gone
    let side = edit_again(&all[..39], 7, "Side");
    add(&mut store, doc, &side);
    let two = store.item(CONTACTS, doc).unwrap().unwrap().state;
    let whole: Vec<Vec<u8>> = all.iter().chain([&side]).cloned().collect();
    add(&mut store, doc, &edit_again(&whole, 8, "Both"));
    let mut heads = vec![hash_of(&all[40]), hash_of(&side)];
    heads.sort_unstable();
    assert_eq!(store.heads_at(CONTACTS, doc, two).unwrap(), Some(heads));
    let never = Fingerprint([9; 16]);
    assert_eq!(store.heads_at(CONTACTS, doc, never).unwrap(), None);
}

#[test]
fn two_collections_that_become_one_keep_the_chunks_of_both() {
    let mut store = store(1);
    let (doc, all) = edited(&mut store, 40);
    let mut others = vec![all[0].clone()];
    for i in 0..40 {
        others.push(edit_again(&others, 9, &format!("Other {i}")));
    }
    in_batch(&mut store, |batch| {
        for bytes in &others {
            batch.add(FRIENDS, doc, bytes.clone()).unwrap();
        }
    });
    assert_eq!(
        count(&store, "SELECT count(DISTINCT nr >> 16) FROM chunk"),
        2
    );
    in_batch(&mut store, |batch| batch.unite(CONTACTS, FRIENDS).unwrap());
    assert_eq!(
        count(&store, "SELECT count(DISTINCT nr >> 16) FROM chunk"),
        1
    );
    let both: BTreeSet<Vec<u8>> = all.iter().chain(&others).cloned().collect();
    let read = store.document(CONTACTS, doc).unwrap();
    assert_eq!(
        sorted(read.changes().iter().map(|it| it.bytes().to_vec())),
        both
    );
    assert_eq!(read.heads().len(), 2);
    let mut peer = self::store(2);
    send_all(&store, &mut peer, CONTACTS, 1 << 20);
    send_all(&store, &mut peer, FRIENDS, 1 << 20);
    in_batch(&mut peer, |batch| batch.unite(CONTACTS, FRIENDS).unwrap());
    let read = peer.document(CONTACTS, doc).unwrap();
    assert_eq!(read.changes().len(), both.len());
}

#[test]
fn a_chunk_that_is_dropped_half_way_was_never_there() {
    let mut store = store(1);
    let (doc, all) = edited(&mut store, 11);
    let before = count(&store, "SELECT sum(length(hashes)) FROM chunk");
    let last = edit_again(&all, 1, "last");
    let mut batch = store.batch(NOW).unwrap();
    batch.add(CONTACTS, doc, last).unwrap();
    batch.summary(CONTACTS, doc).unwrap();
    drop(batch);
    let after = count(&store, "SELECT sum(length(hashes)) FROM chunk");
    assert_eq!((before, after), (64, 64));
    assert_eq!(
        sorted(store.changes_of(CONTACTS, doc).unwrap()),
        sorted(all)
    );
}

#[test]
fn a_damaged_chunk_is_told_and_nothing_is_lost_silently() {
    let mut store = store(1);
    let (doc, _) = edited(&mut store, 40);
    let length = count(&store, "SELECT length(body) FROM chunk");
    for at in (1..=length).step_by(7) {
        let damage = "UPDATE chunk SET body = CAST(substr(body, 1, ?1 - 1) || x'55' || substr(body, ?1 + 1) AS BLOB)";
        let tx = store.conn.unchecked_transaction().unwrap();
        tx.execute(damage, [at]).unwrap();
        // an error, or other changes that no head leads to; never a panic
        match store.document(CONTACTS, doc) {
            Ok(document) => assert!(document.changes().len() <= 41),
            Err(error) => assert!(matches!(
                error,
                StoreError::Corrupt(_) | StoreError::Body(_) | StoreError::Change { .. }
            )),
        }
        drop(tx);
    }
    assert_eq!(store.changes_of(CONTACTS, doc).unwrap().len(), 41);
}

#[test]
fn items_of_few_edits_are_packed_together_and_every_edit_is_read_back() {
    let mut store = store(1);
    let mut all = Vec::new();
    in_batch(&mut store, |batch| {
        for i in 0..300 {
            let (doc, first) = born(&format!("uid-{i}"), &format!("Name {i}"));
            batch.add(CONTACTS, doc, first.clone()).unwrap();
            all.push((doc, vec![first]));
        }
    });
    for turn in 0..3_usize {
        for (doc, changes) in all.iter_mut().skip(turn * 10) {
            let edit = edit_again(changes, turn as u8, &format!("Edit {turn}"));
            add(&mut store, *doc, &edit);
            changes.push(edit);
        }
    }
    let loose = |store: &Store| count(store, "SELECT count(DISTINCT doc) FROM change");
    assert_eq!(loose(&store), 300);
    let batch = store.batch(NOW).unwrap();
    batch.sweep(300, 50).unwrap();
    assert_eq!(loose(batch.store), 300, "there are not enough of them");
    batch.sweep(299, 50).unwrap();
    assert_eq!(loose(batch.store), 250);
    batch.commit().unwrap();
    store.compact().unwrap();
    assert_eq!(count(&store, "SELECT count(*) FROM change"), 0);
    for (doc, changes) in &all {
        let read = store.changes_of(CONTACTS, *doc).unwrap();
        assert_eq!(sorted(read), sorted(changes.clone()));
    }
    let mut other = self::store(2);
    send_all(&store, &mut other, CONTACTS, 1 << 20);
    for (doc, changes) in &all {
        let read = other.changes_of(CONTACTS, *doc).unwrap();
        assert_eq!(sorted(read), sorted(changes.clone()));
        for bytes in changes {
            in_batch(&mut other, |batch| {
                let again = batch.add(CONTACTS, *doc, bytes.clone()).unwrap();
                assert_eq!(again, Added::Known);
            });
        }
    }
}
