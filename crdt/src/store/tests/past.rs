//! The order of receipt, operations, and a store that looks at itself.

use super::support::*;
use crate::id::{CollectionId, Timestamp};
use crate::store::Store;

fn at(store: &mut Store, now: u64, uid: &str) -> (CollectionId, crate::DocId) {
    let (doc, bytes) = born(uid, uid);
    let mut batch = store.batch(Timestamp(now)).unwrap();
    batch.add(CONTACTS, doc, bytes).unwrap();
    batch.commit().unwrap();
    (CONTACTS, doc)
}

#[test]
fn a_moment_is_a_place_in_the_order_of_receipt_whatever_the_clock_does() {
    let mut store = store(1);
    assert_eq!(store.reached_at(Timestamp(u64::MAX)).unwrap(), None);
    let docs = [
        at(&mut store, 5_000, "a"),
        at(&mut store, 9_000, "b"),
        at(&mut store, 7_000, "c"),
    ];
    let receipts = store.receipts(docs).unwrap();
    let place = |n: usize| {
        let changes = store.changes_of(docs[n].0, docs[n].1).unwrap();
        receipts[&docs[n]].place(&hash_of(&changes[0])).unwrap()
    };
    let reached = |now| store.reached_at(Timestamp(now)).unwrap();
    assert_eq!(store.known_since().unwrap(), Some(Timestamp(5_000)));
    assert_eq!(reached(4_999), None);
    assert_eq!(reached(5_000), Some(place(0)));
    // the clock was put back between b and c: what was there later counts
    assert_eq!(reached(8_000), Some(place(2)));
    assert!(place(0) < place(1) && place(1) < place(2));
}

#[test]
fn a_text_that_two_devices_took_in_has_both_of_them() {
    let (mut one, mut two) = (store(1), store(2));
    let doc = at(&mut one, 1, "a");
    at(&mut two, 1, "a");
    send_all(&two, &mut one, CONTACTS, 1 << 20);
    let receipts = one.receipts([doc]).unwrap();
    let hash = hash_of(&one.changes_of(doc.0, doc.1).unwrap()[0]);
    assert_eq!(receipts[&doc].devices(&hash), [device(1), device(2)]);
}

#[test]
fn an_operation_of_several_transactions_is_one_and_undoing_an_undo_brings_it_back() {
    let mut store = store(1);
    let mut operation = None;
    for uid in ["a", "b", "c"] {
        let (doc, bytes) = born(uid, uid);
        let mut batch = store.batch(NOW).unwrap();
        batch.add(CONTACTS, doc, bytes).unwrap();
        operation = batch.commit_as("import", "x.vcf", operation).unwrap().1;
    }
    let nothing = store
        .batch(NOW)
        .unwrap()
        .commit_as("edit", "", None)
        .unwrap();
    assert_eq!(nothing.1, None, "what changes nothing is no operation");
    let all = store.operations(9).unwrap();
    assert_eq!(all.len(), 1);
    assert_eq!((all[0].nr, all[0].changes), (operation.unwrap(), 3));
    assert_eq!(store.made_by(all[0].nr).unwrap().len(), 3);
    for (undone, by) in [(1, 2), (2, 3)] {
        let mut batch = store.batch(NOW).unwrap();
        let (doc, bytes) = born(&by.to_string(), "x");
        batch.add(CONTACTS, doc, bytes).unwrap();
        let nr = batch.record("undo", "", None).unwrap();
        assert_eq!(nr, Some(by));
        batch.set_undone(undone, nr).unwrap();
        batch.commit().unwrap();
    }
    let undone: Vec<_> = store
        .operations(9)
        .unwrap()
        .iter()
        .map(|o| o.undone)
        .collect();
    assert_eq!(undone, [None, Some(3), None]);
    let last = store.last_operation_but(&["undo"]).unwrap().unwrap();
    assert_eq!(last.kind, "import");
}

#[test]
fn a_restored_database_names_nothing_twice() {
    let mut store = store(1);
    at(&mut store, 1, "a");
    let before = store.origin();
    let after = store.begin_life(Timestamp(1_795_000_000_000)).unwrap();
    assert_eq!(after.device, before.device);
    assert_eq!(after.incarnation, 1_795_000_000);
    assert_eq!(store.origin(), after);
    let again = store.begin_life(Timestamp(0)).unwrap();
    assert_eq!(
        again.incarnation,
        after.incarnation + 1,
        "also where the clock is wrong"
    );
    at(&mut store, 2, "b");
    let vector = store.version_vector(CONTACTS).unwrap();
    assert_eq!(
        (vector.reached(&before).n, vector.reached(&again).n),
        (1, 1)
    );
}

#[test]
fn a_store_is_well_after_edits_syncs_and_unions() {
    let (mut one, mut two) = (store(1), store(2));
    for uid in ["a", "b"] {
        at(&mut one, 1, uid);
        at(&mut two, 1, uid);
    }
    let (doc, bytes) = born("a", "a");
    add(&mut one, doc, &renamed(&bytes, 1, "Ann"));
    add(&mut two, doc, &renamed(&bytes, 2, "Anna"));
    send_all(&two, &mut one, CONTACTS, 1 << 20);
    in_batch(&mut one, |batch| {
        let (doc, bytes) = born("a", "a");
        batch.add(FRIENDS, doc, bytes).unwrap();
        batch.unite(CONTACTS, FRIENDS).unwrap();
    });
    for store in [&one, &two] {
        let log = store.look_at_log().unwrap();
        assert!(log.looked_at > 0);
        assert_eq!((log.wrong, log.told), (0, Vec::new()));
        let documents = store.look_at_documents().unwrap();
        assert_eq!(documents.changes.wrong, 0, "{documents:?}");
        assert_eq!(documents.rows.wrong, 0, "{documents:?}");
    }
}

#[test]
fn what_was_there_before_a_move_is_no_part_of_it_where_both_collections_are_one() {
    let mut store = store(1);
    let (_, doc) = at(&mut store, 1, "a");
    let (_, bytes) = born("a", "a");
    let (gone, come) = (renamed(&bytes, 1, "gone"), renamed(&bytes, 2, "come"));
    let mut batch = store.batch(NOW).unwrap();
    batch.add(CONTACTS, doc, gone.clone()).unwrap();
    batch.add(FRIENDS, doc, bytes.clone()).unwrap();
    batch.add(FRIENDS, doc, come.clone()).unwrap();
    let moved = batch.commit_as("move", "", None).unwrap().1.unwrap();
    let made = |store: &Store| -> Vec<_> {
        let made = store.made_by(moved).unwrap().into_iter();
        made.map(|made| (made.collection, made.change)).collect()
    };
    let [first, gone, come] = [&bytes, &gone, &come].map(|bytes| hash_of(bytes));
    let mut apart = [(CONTACTS, gone), (FRIENDS, first), (FRIENDS, come)];
    apart.sort_by_key(|(collection, _)| *collection);
    assert_eq!(made(&store), apart);
    in_batch(&mut store, |batch| batch.unite(CONTACTS, FRIENDS).unwrap());
    let class = CONTACTS.min(FRIENDS);
    assert_eq!(made(&store), [(class, gone), (class, come)]);
}
