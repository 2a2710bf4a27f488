//! A device that was set back and went on: two histories under one origin.

use super::support::*;
use crate::id::{ChangeHash, Origin};
use crate::store::{Comparison, Filter, Store};
use crate::sync::Reached;

fn born_here(store: &mut Store, uid: &str) {
    let (doc, bytes) = born(uid, uid);
    add(store, doc, &bytes);
}

/// A device with 50 contacts in its log, what a peer knows of it, and the device set back to
/// its first 20 and used again.
fn forked() -> (Store, Store) {
    let (mut before, mut again, mut peer) = (store(1), store(1), store(2));
    for i in 0..50 {
        born_here(&mut before, &format!("{i}"));
        if i < 20 {
            born_here(&mut again, &format!("{i}"));
        }
    }
    send_all(&before, &mut peer, CONTACTS, 1 << 20);
    for i in 0..7 {
        born_here(&mut again, &format!("again {i}"));
    }
    (again, peer)
}

/// Searches as two sessions do; gives the number and how many rounds it took.
fn search(one: &Store, two: &Store, origin: Origin, differs_at: u64) -> (u64, usize) {
    let mut points = one.trace(CONTACTS, origin, differs_at).unwrap();
    for round in 1..10 {
        let listener = [two, one][(round - 1) % 2];
        match listener.compare(CONTACTS, origin, &points).unwrap() {
            Comparison::PartedAfter(last) => return (last, round),
            Comparison::Between(ours) => points = ours,
            Comparison::Alike => panic!("they differ"),
        }
    }
    panic!("never found")
}

#[test]
fn where_two_histories_part_is_found_in_a_few_rounds() {
    let (again, peer) = forked();
    assert_eq!(search(&again, &peer, again.origin(), 27).0, 20);
    assert_eq!(search(&peer, &again, again.origin(), 27).0, 20);
    assert_eq!(search(&peer, &again, again.origin(), 21), (20, 1));
    let alike = peer.trace(CONTACTS, again.origin(), 20).unwrap();
    let compared = again.compare(CONTACTS, again.origin(), &alike).unwrap();
    assert_eq!(compared, Comparison::Alike);
    let garbage = [Reached::NOTHING, Reached::NOTHING.then(ChangeHash([3; 32]))];
    let compared = again.compare(CONTACTS, again.origin(), &garbage).unwrap();
    assert_eq!(compared, Comparison::PartedAfter(0));
}

#[test]
fn a_retired_origin_is_named_anew_by_those_who_hold_it_and_nothing_is_lost() {
    let (mut again, mut peer) = forked();
    let (origin, was) = (again.origin(), again.origin().incarnation);
    let retired = again.retire(CONTACTS, &[(origin, 20)], NOW).unwrap();
    assert!(retired.was_own);
    assert_ne!(again.origin().incarnation, was, "a new life");
    assert_eq!(retired.vector.reached(&origin).n, 20);
    assert_eq!(retired.vector.reached(&again.origin()).n, 7);
    assert_eq!(retired.vector.retired_at(&origin), Some(20));
    assert!(!peer.retire(CONTACTS, &[(origin, 20)], NOW).unwrap().was_own);

    send_all(&again, &mut peer, CONTACTS, 300);
    send_all(&peer, &mut again, CONTACTS, 300);
    for store in [&again, &peer] {
        assert_eq!(store.count(&Filter::default()).unwrap(), 57);
        assert_eq!(store.quick_check().unwrap(), [""; 0]);
    }
    let vector = again.version_vector(CONTACTS).unwrap();
    assert_eq!(peer.version_vector(CONTACTS).unwrap(), vector);
    // once more, or at a later number, is no news
    let nothing = again.retire(CONTACTS, &[(origin, 30)], NOW).unwrap();
    assert_eq!((nothing.vector, nothing.was_own), (vector, false));
    // an earlier one counts
    let earlier = peer.retire(CONTACTS, &[(origin, 10)], NOW).unwrap();
    assert_eq!(earlier.vector.reached(&origin).n, 10);
    send_all(&peer, &mut again, CONTACTS, 1 << 20);
    assert_eq!(again.count(&Filter::default()).unwrap(), 57);
}

#[test]
fn void_names_that_are_still_on_their_way_are_not_taken() {
    let (again, mut peer) = forked();
    let mut third = store(3);
    let origin = again.origin();
    third.retire(CONTACTS, &[(origin, 20)], NOW).unwrap();
    send_all(&peer, &mut third, CONTACTS, 1 << 20);
    assert_eq!(third.count(&Filter::default()).unwrap(), 20);
    peer.retire(CONTACTS, &[(origin, 20)], NOW).unwrap();
    send_all(&peer, &mut third, CONTACTS, 1 << 20);
    assert_eq!(third.count(&Filter::default()).unwrap(), 50);
}

#[test]
fn copies_of_one_device_take_different_lives() {
    let (mut one, mut two) = forked();
    let mut copy = store(1);
    send_all(&one, &mut copy, CONTACTS, 1 << 20);
    let origin = one.origin();
    let later = crate::id::Timestamp(NOW.0 + 1);
    one.retire(CONTACTS, &[(origin, 20)], NOW).unwrap();
    copy.retire(CONTACTS, &[(origin, 20)], later).unwrap();
    assert_ne!(one.origin(), copy.origin());
    two.retire(CONTACTS, &[(origin, 20)], NOW).unwrap();
}

#[test]
fn when_something_came_here_stays_known_after_its_origin_is_retired() {
    let (mut again, mut peer) = forked();
    let origin = again.origin();
    let (doc, _) = born("30", "30");
    let place = |store: &Store| {
        let key = (CONTACTS, doc);
        let hash = hash_of(&store.changes_of(CONTACTS, doc).unwrap()[0]);
        store.receipts([key]).unwrap()[&key].place(&hash)
    };
    let before = place(&peer);
    assert!(before.is_some());
    peer.retire(CONTACTS, &[(origin, 20)], NOW).unwrap();
    assert_eq!(place(&peer), before);
    send_all(&again, &mut peer, CONTACTS, 1 << 20);
    assert_eq!(place(&peer), before, "also once the other names have come");
    // what is named after that comes after all
    born_here(&mut peer, "new");
    send_all(&peer, &mut again, CONTACTS, 1);
    again.retire(CONTACTS, &[(origin, 20)], NOW).unwrap();
    send_all(&peer, &mut again, CONTACTS, 1);
    assert_eq!(again.count(&Filter::default()).unwrap(), 58);
}

#[test]
fn what_was_done_before_an_origin_was_retired_can_still_be_taken_back() {
    let (mut again, _) = forked();
    let origin = again.origin();
    let mut done = |uids: &[&str]| {
        let mut batch = again.batch(NOW).unwrap();
        let mut made = Vec::new();
        for uid in uids {
            let (doc, bytes) = born(uid, uid);
            made.push((doc, hash_of(&bytes)));
            batch.add(CONTACTS, doc, bytes).unwrap();
        }
        (
            batch.commit_as("import", "", None).unwrap().1.unwrap(),
            made,
        )
    };
    let all = [done(&["a", "b", "c"]), done(&["d"]), done(&["e", "f"])];
    let known = |again: &Store| {
        for (nr, made) in &all {
            let mut found: Vec<_> = again.made_by(*nr).unwrap();
            found.sort_by_key(|one| made.iter().position(|(doc, _)| *doc == one.doc));
            let found: Vec<_> = found.iter().map(|one| (one.doc, one.change)).collect();
            assert_eq!(found, *made);
        }
    };
    known(&again);
    // the first has the numbers 28 to 30
    for at in [29, 28, 20] {
        again.retire(CONTACTS, &[(origin, at)], NOW).unwrap();
        known(&again);
    }
}
