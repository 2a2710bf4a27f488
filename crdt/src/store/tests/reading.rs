//! Lists, search, short ids, blobs, sources and devices.

use super::support::*;
use crate::id::{BlobHash, DocId, Timestamp};
use crate::store::{
    Device, Filter, LastState, Life, Order, Page, Piece, ShortIds, Source, Store, StoreError,
};

fn filled() -> Store {
    let mut store = store(1);
    in_batch(&mut store, |batch| {
        for (uid, name) in [("1", "Zoe Alba"), ("2", "Ann Zander"), ("3", "Bob Alba")] {
            let (doc, bytes) = born(uid, name);
            batch.add(CONTACTS, doc, bytes).unwrap();
        }
    });
    store
}

#[test]
fn lists_are_ordered_filtered_and_cut() {
    let store = filled();
    let names = |filter: &Filter, page| -> Vec<String> {
        let rows = store.list(filter, Order::Name, page).unwrap();
        rows.into_iter().map(|row| row.name).collect()
    };
    assert_eq!(
        names(&Filter::default(), Page::ALL),
        ["Ann Zander", "Bob Alba", "Zoe Alba"]
    );
    let second = Page {
        offset: 1,
        limit: 1,
    };
    assert_eq!(names(&Filter::default(), second), ["Bob Alba"]);
    let albas = Filter {
        text: "ALBA o".to_owned(),
        ..Filter::default()
    };
    assert_eq!(names(&albas, Page::ALL), ["Bob Alba", "Zoe Alba"]);
    let dead = Filter {
        life: Life::Deleted,
        ..Filter::default()
    };
    assert_eq!(store.count(&dead).unwrap(), 0);
    let friends = Filter {
        collection: Some(FRIENDS),
        ..Filter::default()
    };
    assert_eq!(store.count(&friends).unwrap(), 0);
}

#[test]
fn what_changed_since_a_token_is_a_list() {
    let mut store = filled();
    let token = store.collection(CONTACTS).unwrap().unwrap().token;
    let (doc, bytes) = born("4", "Dora");
    add(&mut store, doc, &bytes);
    let after = Filter {
        after: Some(token),
        life: Life::Any,
        ..Filter::default()
    };
    let rows = store.list(&after, Order::Id, Page::ALL).unwrap();
    assert_eq!(rows.iter().map(|row| row.doc).collect::<Vec<_>>(), [doc]);
    assert!(store.collection(CONTACTS).unwrap().unwrap().token > token);
}

#[test]
fn an_item_is_found_by_its_short_id() {
    let store = filled();
    let ids = store.short_ids().unwrap();
    for row in store
        .list(&Filter::default(), Order::Name, Page::ALL)
        .unwrap()
    {
        let short = ids.of(row.doc);
        assert!(short.len() >= 7);
        assert_eq!(store.find(&short).unwrap(), [row]);
    }
    assert_eq!(store.find("not hexadecimal").unwrap(), []);
    assert_eq!(store.find(&"f".repeat(99)).unwrap(), []);
}

#[test]
fn a_short_id_is_as_long_as_its_nearest_neighbour_needs() {
    let mut store = store(1);
    let (_, bytes) = born("1", "Somebody");
    let (low, high) = (
        DocId([0x11; 16]),
        DocId([
            0x11, 0x11, 0x11, 0x11, 0x12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ]),
    );
    in_batch(&mut store, |batch| {
        batch.add(CONTACTS, low, bytes.clone()).unwrap();
        batch.add(CONTACTS, high, bytes).unwrap();
    });
    let ids: ShortIds = store.short_ids().unwrap();
    assert_eq!(
        (ids.of(low), ids.of(high)),
        ("1111111111".into(), "1111111112".into())
    );
}

#[test]
fn a_blob_arrives_in_pieces_and_only_with_the_right_hash() {
    let mut store = store(1);
    let photo: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
    let (hash, total) = (BlobHash::of(&photo), photo.len() as u64);
    let piece = |store: &mut Store, hash, offset: usize, bytes: &[u8]| {
        let mut batch = store.batch(NOW).unwrap();
        let piece = batch
            .put_blob_piece(hash, offset as u64, total, bytes)
            .unwrap();
        batch.commit().unwrap();
        piece
    };
    assert_eq!(
        piece(&mut store, hash, 0, &photo[..1000]),
        Piece::Next(1000)
    );
    assert_eq!(
        piece(&mut store, hash, 5000, &photo[5000..6000]),
        Piece::Next(1000)
    );
    assert_eq!(piece(&mut store, hash, 1000, &photo[1000..]), Piece::Whole);
    assert_eq!(store.blob(hash).unwrap(), Some(photo.clone()));
    assert_eq!(
        store.blob_piece(hash, 10, 5).unwrap(),
        Some((total, photo[10..15].to_vec()))
    );
    let end = photo.len() - 10;
    let (_, last) = store.blob_piece(hash, end as u64, 500).unwrap().unwrap();
    assert_eq!(last, photo[end..]);
    let other = BlobHash([1; 32]);
    assert_eq!(piece(&mut store, other, 0, &photo), Piece::Wrong);
    assert_eq!(store.blob(other).unwrap(), None);
}

#[test]
fn a_blob_is_read_in_any_pieces_however_it_came() {
    let attachment: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
    let mut store = store(1);
    let mut batch = store.batch(NOW).unwrap();
    let hash = batch.put_blob(&attachment).unwrap();
    assert_eq!(batch.put_blob(&attachment).unwrap(), hash);
    batch.commit().unwrap();
    let mut read: Vec<u8> = Vec::new();
    while let Some((total, piece)) = store.blob_piece(hash, read.len() as u64, 70_001).unwrap() {
        assert_eq!(total, attachment.len() as u64);
        read.extend(&piece);
        if piece.is_empty() {
            break;
        }
    }
    assert!(read == attachment && store.blob(hash).unwrap() == Some(attachment));
}

#[test]
fn a_blob_as_large_as_a_recording_arrives_in_pieces_and_stays_in_them() {
    let recording = vec![5; 34 << 20];
    let hash = BlobHash::of(&recording);
    let mut store = store(1);
    for (at, bytes) in recording.chunks(256 << 10).enumerate() {
        let mut batch = store.batch(NOW).unwrap();
        let offset = (at * (256 << 10)) as u64;
        let total = recording.len() as u64;
        let piece = batch.put_blob_piece(hash, offset, total, bytes).unwrap();
        let after = offset + bytes.len() as u64;
        let last = after == total;
        assert_eq!(
            piece,
            if last {
                Piece::Whole
            } else {
                Piece::Next(after)
            }
        );
        batch.commit().unwrap();
    }
    assert!(store.blob(hash).unwrap() == Some(recording));
    assert!(store.look_at_blobs().unwrap().1.is_empty());
    store
        .conn
        .execute("UPDATE blob_part SET body = x'00' WHERE start = 0", ())
        .unwrap();
    assert_eq!(store.look_at_blobs().unwrap().1, [hash]);
}

#[test]
fn what_is_named_and_not_here_is_counted_until_it_comes() {
    let mut store = store(1);
    let photo = vec![7; 5_000];
    let hash = BlobHash::of(&photo);
    store
        .conn
        .execute(
            "INSERT INTO blob_ref (hash, doc) VALUES (?1, 1), (?1, 2)",
            [&hash.0[..]],
        )
        .unwrap();
    let missing = |store: &Store| {
        let named = store.missing_blobs(None, 9).unwrap();
        let named: Vec<BlobHash> = named.into_iter().map(|it| it.hash).collect();
        assert_eq!(named.len() as u64, store.count_missing_blobs().unwrap());
        named
    };
    assert_eq!(missing(&store), [hash]);
    assert!(store.missing_blobs(Some(hash), 9).unwrap().is_empty());
    let mut batch = store.batch(NOW).unwrap();
    batch.put_blob(&photo).unwrap();
    batch.commit().unwrap();
    assert!(missing(&store).is_empty());
    store.drop_blobs(&[hash], NOW).unwrap();
    assert_eq!(missing(&store), [hash]);
}

#[test]
fn sources_remember_where_they_are_and_what_they_had() {
    let mut store = store(1);
    let source = Source {
        name: "mail".into(),
        url: "imaps://x".into(),
        settings: "{}".into(),
    };
    let state = LastState {
        key: "7".into(),
        doc: Some(DocId([1; 16])),
        state: b"text".to_vec(),
    };
    in_batch(&mut store, |batch| {
        batch.set_source(&source).unwrap();
        batch.set_cursor("mail", "uid 7").unwrap();
        batch.set_last_state("mail", &state).unwrap();
        assert!(matches!(
            batch.set_cursor("none", ""),
            Err(StoreError::NoSource)
        ));
    });
    assert_eq!(store.sources().unwrap(), [source]);
    assert_eq!(store.cursor("mail").unwrap().as_deref(), Some("uid 7"));
    assert_eq!(store.last_state("mail", "7").unwrap(), Some(state));
    in_batch(&mut store, |batch| batch.remove_source("mail").unwrap());
    assert_eq!(store.last_states("mail").unwrap(), []);
}

#[test]
fn devices_and_statements_are_kept() {
    let mut store = store(1);
    let laptop = Device {
        id: device(2),
        name: "laptop".into(),
        seen: Some(Timestamp(5)),
        addresses: vec!["/ip4/127.0.0.1".into(), "/ip6/::1".into()],
        lacking: 0,
    };
    in_batch(&mut store, |batch| {
        batch.set_device(&laptop).unwrap();
        batch.add_membership([1; 32], b"statement").unwrap();
        batch.add_membership([1; 32], b"statement").unwrap();
    });
    assert_eq!(store.devices().unwrap(), [laptop]);
    assert_eq!(store.membership().unwrap(), [b"statement".to_vec()]);
    in_batch(&mut store, |batch| batch.saw_device(device(2)).unwrap());
    assert_eq!(store.devices().unwrap()[0].seen, Some(NOW));
}

#[test]
fn rows_of_an_older_database_are_derived_anew_when_it_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.db");
    let mut event = crate::item::Item::new("vevent", "1");
    event.values.insert("SUMMARY".into(), ":Party".into());
    event.values.insert("STATUS".into(), ":CANCELLED".into());
    {
        let mut store = Store::open(&path, device(1)).unwrap();
        collections(&mut store);
        add(
            &mut store,
            event.doc_id(),
            &crate::doc::genesis(&event).bytes,
        );
    }
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(
        "UPDATE doc SET course = 0;
         ALTER TABLE doc RENAME COLUMN course TO recurring;
         DROP TABLE missing; DROP TABLE compared; DROP TABLE salvage;
         PRAGMA user_version = 5;",
    )
    .unwrap();
    drop(old);
    let store = Store::open(&path, device(1)).unwrap();
    let rows = store
        .list(&Filter::default(), Order::Name, Page::ALL)
        .unwrap();
    assert_eq!((rows.len(), rows[0].cancelled), (1, true));
    assert!(store.look_at_documents().unwrap().rows.wrong == 0);
}
