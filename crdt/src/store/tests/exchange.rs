//! Logs, version vectors and what becomes of a peer's entries.

use super::support::*;
use crate::id::{ChangeHash, Origin};
use crate::store::{Filter, Store, Why};
use crate::sync::{Entry, Reached, VersionVector};

fn entry(of: u8, n: u64, (doc, bytes): (crate::DocId, Vec<u8>)) -> Entry {
    Entry {
        origin: Origin {
            device: device(of),
            incarnation: 0,
        },
        n,
        doc,
        bytes,
    }
}

#[test]
fn a_log_sent_in_pages_of_any_size_arrives_whole_under_the_same_names() {
    for page in [1, 300, 5_000, 1 << 20] {
        let (mut one, mut two, mut three) = (store(1), store(2), store(3));
        in_batch(&mut one, |batch| {
            for i in 0..60 {
                let (doc, bytes) = born(&format!("one {i}"), "One");
                batch.add(CONTACTS, doc, bytes).unwrap();
            }
        });
        in_batch(&mut two, |batch| {
            for i in 0..40 {
                let (doc, bytes) = born(&format!("two {i}"), "Two");
                batch.add(CONTACTS, doc, bytes).unwrap();
            }
        });
        send_all(&one, &mut two, CONTACTS, page);
        send_all(&two, &mut three, CONTACTS, page);
        send_all(&three, &mut one, CONTACTS, page);
        assert_eq!(
            one.version_vector(CONTACTS).unwrap(),
            three.version_vector(CONTACTS).unwrap()
        );
        assert_eq!(
            two.version_vector(CONTACTS).unwrap(),
            three.version_vector(CONTACTS).unwrap()
        );
        assert_eq!(one.count(&Filter::default()).unwrap(), 100);
    }
}

#[test]
fn the_same_change_under_two_names_is_stored_once_and_keeps_both() {
    let (mut one, mut two) = (store(1), store(2));
    let (doc, bytes) = born("a", "Ann");
    add(&mut one, doc, &bytes);
    add(&mut two, doc, &bytes);
    send_all(&one, &mut two, CONTACTS, 1 << 20);
    send_all(&two, &mut one, CONTACTS, 1 << 20);
    assert_eq!(two.version_vector(CONTACTS).unwrap().len(), 2);
    assert_eq!(
        one.version_vector(CONTACTS).unwrap(),
        two.version_vector(CONTACTS).unwrap()
    );
    assert_eq!(one.changes_of(CONTACTS, doc).unwrap().len(), 1);
    assert_eq!(
        one.log_after(CONTACTS, &VersionVector::new(), 1 << 20)
            .unwrap()
            .entries
            .len(),
        2
    );
}

#[test]
fn the_vector_stops_before_a_hole_and_before_a_missing_dependency() {
    let mut store = store(1);
    let (doc, first) = born("a", "Ann");
    let second = renamed(&first, 8, "Anna");
    let entries = [
        entry(2, 1, (doc, second.clone())),
        entry(2, 2, born("b", "Bob")),
        entry(3, 2, born("c", "Cid")),
        entry(4, 1, born("d", "Dora")),
    ];
    let received = store.receive(CONTACTS, &entries, NOW).unwrap();
    assert_eq!(received.taken, 1);
    let why: Vec<_> = received
        .held
        .iter()
        .map(|held| (held.n, held.why.clone()))
        .collect();
    assert_eq!(why, [(1, Why::Dependency), (2, Why::Hole)]);
    assert_eq!(received.vector.len(), 1);
    assert_eq!(received.vector.reached(&entries[3].origin).n, 1);

    let late = [
        entry(5, 1, (doc, first)),
        entries[0].clone(),
        entries[1].clone(),
    ];
    let received = store.receive(CONTACTS, &late, NOW).unwrap();
    assert_eq!((received.taken, received.held.len()), (3, 0));
}

#[test]
fn what_can_not_be_applied_is_kept_aside_and_holds_up_its_origin_only() {
    let mut store = store(1);
    let bad = Entry {
        bytes: b"no change".to_vec(),
        ..entry(2, 1, born("a", "Ann"))
    };
    let entries = [
        bad,
        entry(2, 2, born("b", "Bob")),
        entry(3, 1, born("c", "Cid")),
    ];
    let received = store.receive(CONTACTS, &entries, NOW).unwrap();
    assert_eq!(received.taken, 1);
    assert!(matches!(received.held[0].why, Why::Quarantined(_)));
    assert_eq!(store.quarantined().unwrap().len(), 1);
    let good = [entry(2, 1, born("a", "Ann"))];
    assert_eq!(store.receive(CONTACTS, &good, NOW).unwrap().taken, 1);
    assert_eq!(store.quarantined().unwrap(), []);
}

#[test]
fn a_number_that_stands_for_another_change_here_is_a_fork() {
    let mut store = store(1);
    store
        .receive(CONTACTS, &[entry(2, 1, born("a", "Ann"))], NOW)
        .unwrap();
    let again = store
        .receive(CONTACTS, &[entry(2, 1, born("a", "Ann"))], NOW)
        .unwrap();
    assert_eq!((again.taken, again.held.len()), (0, 0));
    let other = store
        .receive(CONTACTS, &[entry(2, 1, born("z", "Zoe"))], NOW)
        .unwrap();
    assert_eq!(other.forks().count(), 1);
    assert_eq!(store.count(&Filter::default()).unwrap(), 1);
}

#[test]
fn a_peer_whose_history_differs_below_our_end_is_told_apart_before_sending() {
    let mut store = store(1);
    for name in ["a", "b", "c"] {
        let (doc, bytes) = born(name, name);
        add(&mut store, doc, &bytes);
    }
    let mut their = VersionVector::new();
    their.set(store.origin(), Reached::NOTHING.then(ChangeHash([9; 32])));
    let page = store.log_after(CONTACTS, &their, 1 << 20).unwrap();
    assert_eq!((page.forks.len(), page.entries.len()), (1, 0));
}

#[test]
fn a_rolled_back_device_takes_a_new_incarnation_and_gets_back_what_it_lost() {
    let (mut old, mut peer) = (store(1), store(2));
    for name in ["a", "b"] {
        let (doc, bytes) = born(name, name);
        add(&mut old, doc, &bytes);
    }
    send_all(&old, &mut peer, CONTACTS, 1 << 20);
    let mut restored = store(1);
    let page = peer
        .log_after(CONTACTS, &VersionVector::new(), 1 << 20)
        .unwrap();
    let received = restored.receive(CONTACTS, &page.entries, NOW).unwrap();
    assert!(received.rolled_back);
    assert_eq!(restored.origin().device, device(1));
    assert_ne!(restored.origin().incarnation, 0);
    let (doc, bytes) = born("c", "c");
    add(&mut restored, doc, &bytes);
    send_all(&restored, &mut peer, CONTACTS, 1 << 20);
    assert_eq!(peer.count(&Filter::default()).unwrap(), 3);
}

#[test]
fn the_newest_word_of_a_peer_counts_even_when_it_says_less() {
    let mut store = store(1);
    let more: VersionVector = [(store.origin(), Reached::NOTHING.then(ChangeHash([1; 32])))]
        .into_iter()
        .collect();
    in_batch(&mut store, |batch| {
        batch.set_confirmed(device(2), CONTACTS, &more).unwrap()
    });
    assert_eq!(store.confirmed(device(2), CONTACTS).unwrap(), more);
    let less = VersionVector::new();
    in_batch(&mut store, |batch| {
        batch.set_confirmed(device(2), CONTACTS, &less).unwrap()
    });
    assert_eq!(store.confirmed(device(2), CONTACTS).unwrap(), less);
}

fn united(store: &mut Store) {
    in_batch(store, |batch| batch.unite(CONTACTS, FRIENDS).unwrap());
}

#[test]
fn united_collections_merge_their_documents_in_place_and_keep_their_logs() {
    let mut one = store(1);
    let (doc, first) = born("a", "Ann");
    let left = renamed(&first, 8, "Anna");
    let right = renamed(&first, 9, "Annie");
    let (only, only_bytes) = born("b", "Bob");
    in_batch(&mut one, |batch| {
        for bytes in [&first, &left] {
            batch.add(CONTACTS, doc, bytes.clone()).unwrap();
        }
        for bytes in [&first, &right] {
            batch.add(FRIENDS, doc, bytes.clone()).unwrap();
        }
        batch.add(CONTACTS, only, only_bytes).unwrap();
    });
    let seen = one.item(CONTACTS, doc).unwrap().unwrap().state;
    united(&mut one);
    united(&mut one);
    assert_eq!(one.class_of(CONTACTS).unwrap(), Some(FRIENDS));
    assert_eq!(one.count(&Filter::default()).unwrap(), 2);
    let row = one.item(CONTACTS, doc).unwrap().unwrap();
    assert_eq!((row.collection, row.conflicts), (FRIENDS, 1));
    assert_eq!(one.changes_of(FRIENDS, doc).unwrap().len(), 3);
    assert_eq!(
        one.heads_at(FRIENDS, doc, seen).unwrap(),
        Some(vec![hash_of(&left)])
    );

    let mut two = store(2);
    send_all(&one, &mut two, CONTACTS, 1 << 20);
    send_all(&one, &mut two, FRIENDS, 1 << 20);
    assert_eq!(two.count(&Filter::default()).unwrap(), 3);
    united(&mut two);
    assert_eq!(two.item(FRIENDS, doc).unwrap().unwrap().state, row.state);
    assert_eq!(two.count(&Filter::default()).unwrap(), 2);
}

#[test]
fn a_class_does_not_depend_on_the_order_of_the_unions() {
    let ids: Vec<_> = (1..=4).map(|i| crate::CollectionId([i; 16])).collect();
    for order in [[(0, 1), (2, 3), (1, 3)], [(3, 1), (1, 0), (3, 2)]] {
        let mut store = Store::open_in_memory(device(1)).unwrap();
        for (a, b) in order {
            in_batch(&mut store, |batch| batch.unite(ids[a], ids[b]).unwrap());
        }
        for id in &ids {
            assert_eq!(store.class_of(*id).unwrap(), Some(ids[0]));
        }
    }
}
