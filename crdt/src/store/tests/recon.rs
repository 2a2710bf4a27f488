//! What a disk has lost is noticed, comes back from a peer, and is given up where nobody has it.

use super::support::*;
use crate::doc::Document;
use crate::id::DocId;
use crate::store::{Filter, Store};
use crate::sync::recon::{Decoder, Difference, Progress, Salt, Sketch};

/// Contacts in a log, some of them edited often; the last one has two names after it.
fn filled(name: u8, contacts: usize) -> (Store, Vec<DocId>) {
    let (mut store, mut docs) = (store(name), Vec::new());
    for i in 0..contacts {
        let uid = format!("contact {i}");
        let (doc, bytes) = born(&uid, &uid);
        add(&mut store, doc, &bytes);
        for edit in 0..(i % 3) * 4 {
            let now = store.document(CONTACTS, doc).unwrap();
            let edited = renamed_in(&now, 100 + edit as u8, &format!("{uid} {edit}"));
            add(&mut store, doc, &edited);
        }
        docs.push(doc);
    }
    (store, docs)
}

/// The rows of these documents are gone, as from a page of the file that was lost.
fn lose(store: &mut Store, docs: &[DocId]) {
    for doc in docs {
        let nr: i64 = store
            .conn
            .query_row("SELECT nr FROM doc WHERE id = ?1", [&doc.0[..]], |row| {
                row.get(0)
            })
            .unwrap();
        for sql in [
            "DELETE FROM change WHERE doc = ?1",
            "DELETE FROM chunk WHERE nr >> 16 = ?1",
            "DELETE FROM blob_ref WHERE doc = ?1",
            "DELETE FROM doc WHERE nr = ?1",
        ] {
            store.conn.execute(sql, [nr]).unwrap();
        }
    }
    *store.sums.borrow_mut() = None;
}

fn difference(theirs: &Store, ours: &Store) -> Difference {
    let salt = Salt([5; 16]);
    let mut sketch = Sketch::of(theirs.states(CONTACTS).unwrap().keys, salt);
    let ours = ours.states(CONTACTS).unwrap().keys;
    let mut decoder = Decoder::of(ours, sketch.len(), salt);
    let mut wanted = Decoder::first();
    loop {
        match decoder.take(&sketch.symbols(wanted)).unwrap() {
            Progress::Wants(more) => wanted = more,
            Progress::Done(difference) => return difference,
        }
    }
}

fn wanted(theirs: &Store, ours: &Store) -> Vec<DocId> {
    let doc = |key: &[u8; 32]| DocId(key[..16].try_into().unwrap());
    difference(theirs, ours).theirs.iter().map(doc).collect()
}

/// Gives `to` these documents anew, a page at a time. Gives how many changes it lacked.
fn send_anew(from: &Store, to: &mut Store, docs: &[DocId], page: usize) -> usize {
    let (mut at, mut skip, mut changes) = (0, 0, 0);
    while at < docs.len() {
        let next = from.anew(CONTACTS, &docs[at..], skip, page).unwrap();
        let regained = to.receive_anew(CONTACTS, &next.entries, NOW).unwrap();
        assert_eq!(regained.refused, 0);
        changes += regained.changes;
        (at, skip) = (at + next.docs, next.skip);
    }
    changes
}

#[test]
fn what_a_disk_has_lost_comes_back_and_its_names_lead_to_it_again() {
    for page in [1, 700, 1 << 20] {
        let (one, docs) = filled(1, 40);
        let mut two = store(2);
        send_all(&one, &mut two, CONTACTS, 1 << 20);
        assert!(
            !one.holds(CONTACTS)
                .unwrap()
                .belies(&two.holds(CONTACTS).unwrap())
        );
        lose(&mut two, &docs[5..17]);
        let (whole, less) = (one.holds(CONTACTS).unwrap(), two.holds(CONTACTS).unwrap());
        assert!(whole.names_the_same(&less) && whole.belies(&less));
        let losses = two.note_losses(NOW).unwrap();
        assert_eq!((losses[0].documents, losses[0].since), (12, NOW));
        let wanted = wanted(&one, &two);
        assert_eq!(wanted.len(), 12);
        let changes = send_anew(&one, &mut two, &wanted, page);
        assert_eq!(changes as u64, losses[0].changes);
        assert_eq!(two.losses().unwrap(), []);
        assert_eq!(
            two.holds(CONTACTS).unwrap(),
            whole,
            "nothing was named anew"
        );
        assert_eq!(two.look_at_log().unwrap().wrong, 0);
        assert_eq!(two.look_at_documents().unwrap().rows.wrong, 0);
        // all of it can be sent on
        let mut three = store(3);
        send_all(&two, &mut three, CONTACTS, 1 << 20);
        assert!(difference(&one, &three).is_empty());
    }
}

#[test]
fn a_change_that_no_log_names_gets_a_name_of_our_own() {
    let (one, docs) = filled(1, 3);
    let mut two = store(2);
    assert_eq!(send_anew(&one, &mut two, &docs, 1 << 20), 15);
    assert_eq!(
        two.version_vector(CONTACTS)
            .unwrap()
            .reached(&two.origin())
            .n,
        15
    );
    assert_eq!(two.look_at_log().unwrap().wrong, 0);
    assert_eq!(
        send_anew(&one, &mut two, &docs, 1 << 20),
        0,
        "once is enough"
    );
    // the names under which others know them come all the same
    send_all(&one, &mut two, CONTACTS, 1 << 20);
    assert_eq!(two.count_changes(CONTACTS).unwrap(), 15);
}

#[test]
fn the_number_of_a_lost_document_is_given_to_no_other() {
    let (mut one, docs) = filled(1, 6);
    let mut two = store(2);
    send_all(&one, &mut two, CONTACTS, 1 << 20);
    lose(&mut one, &docs[5..]);
    let (doc, bytes) = born("another", "another");
    add(&mut one, doc, &bytes);
    assert_eq!(one.note_losses(NOW).unwrap()[0].documents, 1);
    send_all(&one, &mut two, CONTACTS, 1 << 20);
    send_anew(&two, &mut one, &docs[5..], 1 << 20);
    assert!(difference(&one, &two).is_empty());
    assert_eq!(one.look_at_log().unwrap().wrong, 0);
}

#[test]
fn what_comes_again_under_a_name_that_is_covered_is_taken_where_it_is_missing() {
    let (one, docs) = filled(1, 9);
    let mut two = store(2);
    send_all(&one, &mut two, CONTACTS, 1 << 20);
    let before = two.holds(CONTACTS).unwrap();
    lose(&mut two, &docs[2..4]);
    let all = one
        .log_after(CONTACTS, &Default::default(), 1 << 20)
        .unwrap();
    let received = two.receive(CONTACTS, &all.entries, NOW).unwrap();
    assert_eq!((received.taken, received.held), (0, vec![]));
    assert_eq!(two.holds(CONTACTS).unwrap(), before);
    assert_eq!(two.look_at_log().unwrap().wrong, 0);
}

#[test]
fn what_was_made_again_before_it_came_back_keeps_its_names() {
    let (mut one, docs) = filled(1, 4);
    let mut two = store(2);
    send_all(&one, &mut two, CONTACTS, 1 << 20);
    lose(&mut one, &docs[1..2]);
    let (doc, bytes) = born("contact 1", "contact 1");
    add(&mut one, doc, &bytes);
    send_anew(&two, &mut one, &[doc], 1 << 20);
    assert_eq!(one.losses().unwrap(), []);
    assert_eq!(one.look_at_log().unwrap().wrong, 0);
    assert!(difference(&one, &two).is_empty());
}

#[test]
fn what_nobody_has_is_given_up_and_holds_up_nothing_that_came_after_it() {
    let (mut one, docs) = filled(1, 10);
    let mut two = store(2);
    let lost = docs[3];
    lose(&mut one, &[lost]);
    let all = [device(1), device(2), device(3)];
    let page = one
        .log_after(CONTACTS, &Default::default(), 1 << 20)
        .unwrap();
    let origin = one.origin();
    assert_eq!(page.lost, [(origin, 16)], "it stops before what is lost");
    assert_eq!(page.entries.len(), 15);
    let retired = one
        .give_up(CONTACTS, &page.lost, &all, NOW)
        .unwrap()
        .unwrap();
    assert!(retired.was_own && retired.vector.retired_at(&origin) == Some(15));
    send_all(&one, &mut two, CONTACTS, 1 << 20);
    assert_eq!(two.count(&Filter::default()).unwrap(), 9);
    assert_eq!(one.losses().unwrap(), [], "what has no name is not missing");
    assert_eq!(one.look_at_log().unwrap().wrong, 0);
    assert!(difference(&one, &two).is_empty());
}

#[test]
fn what_a_member_said_it_has_is_given_up_only_once_that_member_was_asked() {
    let (mut one, docs) = filled(1, 10);
    let mut three = store(3);
    send_all(&one, &mut three, CONTACTS, 1 << 20);
    let vector = three.version_vector(CONTACTS).unwrap();
    in_batch(&mut one, |batch| {
        batch.set_confirmed(device(3), CONTACTS, &vector).unwrap()
    });
    one.set_compared(CONTACTS, device(3), 0, NOW).unwrap();
    lose(&mut one, &docs[3..4]);
    let origin = one.origin();
    let all = [device(1), device(2), device(3)];
    let try_to = |one: &mut Store| one.give_up(CONTACTS, &[(origin, 16)], &all, NOW).unwrap();
    assert_eq!(try_to(&mut one), None, "it was compared before the loss");
    one.set_compared(CONTACTS, device(3), 0, NOW).unwrap();
    assert!(try_to(&mut one).is_some());
    // the same of a change of a device that has not said anything
    let (mut one, docs) = filled(1, 4);
    let mut two = store(2);
    send_all(&one, &mut two, CONTACTS, 1 << 20);
    lose(&mut two, &docs[1..2]);
    let origin = one.origin();
    assert_eq!(
        two.give_up(CONTACTS, &[(origin, 2)], &all, NOW).unwrap(),
        None
    );
    assert!(one.note_losses(NOW).unwrap().is_empty());
}

#[test]
fn the_sum_that_is_kept_up_is_the_one_that_is_made_anew() {
    let (mut one, docs) = filled(1, 12);
    let check = |one: &Store, what: &str| {
        for collection in [CONTACTS, FRIENDS] {
            let kept = one.holds(collection).unwrap();
            *one.sums.borrow_mut() = None;
            assert_eq!(kept, one.holds(collection).unwrap(), "{what}");
            assert_eq!(kept, one.states(collection).unwrap().vector, "{what}");
        }
    };
    check(&one, "at first");
    for doc in &docs {
        let now: Document = one.document(CONTACTS, *doc).unwrap();
        let edited = renamed_in(&now, 9, "another name");
        add(&mut one, *doc, &edited);
    }
    check(&one, "edits");
    let (doc, bytes) = born("contact 1", "a friend");
    in_batch(&mut one, |batch| {
        batch.add(FRIENDS, doc, bytes).unwrap();
    });
    check(&one, "another collection");
    in_batch(&mut one, |batch| batch.unite(CONTACTS, FRIENDS).unwrap());
    check(&one, "two are one");
    let (doc, bytes) = born("new", "new");
    let mut batch = one.batch(NOW).unwrap();
    batch.add(CONTACTS, doc, bytes).unwrap();
    let told = batch.commit().unwrap().vectors;
    for (collection, vector) in told {
        assert_eq!(vector, one.holds(collection).unwrap());
    }
    check(&one, "a commit tells it");
    let (doc, bytes) = born("given up", "given up");
    let mut batch = one.batch(NOW).unwrap();
    batch.add(CONTACTS, doc, bytes).unwrap();
    drop(batch);
    check(&one, "what was not committed does not count");
}

#[test]
fn what_can_be_read_of_a_damaged_document_stays_and_waits_for_the_rest() {
    let (one, docs) = filled(1, 30);
    let mut two = store(2);
    send_all(&one, &mut two, CONTACTS, 1 << 20);
    let whole = two.states(CONTACTS).unwrap().keys;
    // an edit that nobody else has, on a document of which only a chunk is damaged
    let doc = docs[2];
    let edited = renamed_in(&two.document(CONTACTS, doc).unwrap(), 77, "of our own");
    add(&mut two, doc, &edited);
    let nr = two
        .doc_nr(two.place(CONTACTS).unwrap().unwrap().class, doc)
        .unwrap()
        .unwrap();
    let spoilt = two
        .conn
        .execute(
            "UPDATE chunk SET body = x'00112233' WHERE nr >> 16 = ?1",
            [nr],
        )
        .unwrap();
    assert!(spoilt > 0);
    two.conn
        .execute("UPDATE block SET body = x'00' WHERE nr = 1", [])
        .unwrap();
    *two.last_block.borrow_mut() = None;
    *two.recent.borrow_mut() = crate::store::recent::Recent::default();
    let found = two.look_at_documents().unwrap();
    assert!(found.changes.wrong > 1);
    let losses = two.take_out(&found, NOW).unwrap();
    assert!(losses[0].documents > 1);
    assert_eq!(
        two.look_at_documents().unwrap().changes.wrong,
        0,
        "it is out"
    );
    let wanted = wanted(&one, &two);
    assert!(send_anew(&one, &mut two, &wanted, 1 << 20) > 0);
    assert_eq!(two.losses().unwrap(), []);
    assert_eq!(two.look_at_log().unwrap().wrong, 0);
    let now = two.document(CONTACTS, doc).unwrap();
    assert!(
        now.contains(&hash_of(&edited)),
        "the own edit is there again"
    );
    let differs = |key: &&[u8; 32]| !two.states(CONTACTS).unwrap().keys.contains(key);
    assert_eq!(
        whole.iter().filter(differs).count(),
        1,
        "all others are as they were"
    );
    let waits: i64 = two
        .conn
        .query_row("SELECT count(*) FROM salvage", [], |row| row.get(0))
        .unwrap();
    assert_eq!(waits, 0);
}
