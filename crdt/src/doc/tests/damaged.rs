//! Changes that pimesh never wrote.

use std::time::{Duration, Instant};

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;

fn small() -> NewChange {
    genesis(&card("FN:Anna\nTEL:1\nTEL:2"))
}

fn unsigned(out: &mut Vec<u8>, mut n: u64) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// A length and a checksum before a body, so that only the body is wrong.
fn chunk(body: &[u8]) -> Vec<u8> {
    let mut hashed = vec![1];
    unsigned(&mut hashed, body.len() as u64);
    hashed.extend_from_slice(body);
    let mut out = vec![0x85, 0x6f, 0x4a, 0x83];
    out.extend_from_slice(&Sha256::digest(&hashed)[..4]);
    out.extend_from_slice(&hashed);
    out
}

/// A change of an actor of 8 bytes with these columns: specification and content.
fn with_columns(columns: &[(u64, &[u8])]) -> Vec<u8> {
    let mut body = vec![0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 1, 0, 0, 0];
    unsigned(&mut body, columns.len() as u64);
    for (kind, content) in columns {
        unsigned(&mut body, *kind);
        unsigned(&mut body, content.len() as u64);
    }
    for (_, content) in columns {
        body.extend_from_slice(content);
    }
    chunk(&body)
}

/// A run of 2^40 of one value.
const MANY: [u8; 6] = [0x80, 0x80, 0x80, 0x80, 0x80, 0x20];

fn many(value: &[u8]) -> Vec<u8> {
    [&MANY[..], value].concat()
}

#[test]
fn a_chunk_put_together_by_hand_is_read_like_any_other() {
    let plain = with_columns(&[
        (0x15, &[0x7f, 1, b'a']),
        (0x34, &[1]),
        (0x42, &[0x7f, 1]),
        (0x56, &[0x7f, 0x16]),
        (0x57, b"x"),
        (0x70, &[0x7f, 0]),
    ]);
    let parts = decode(&plain).unwrap();
    assert_eq!(parts.ops.len(), 1);
    assert_eq!(parts.ops[0].key, "a");
}

#[test]
fn columns_that_claim_a_trillion_operations_are_refused_at_once() {
    let one = [0x7f, 1, b'a'];
    let put: (u64, &[u8]) = (0x42, &[0x7f, 1]);
    let keys = many(&[1, b'a']);
    let nulls = [&[0][..], &MANY].concat();
    let ones = many(&[1]);
    let zeros = many(&[0]);
    let preds = [&[0x7f][..], &MANY].concat();
    let hostile = [
        with_columns(&[(0x15, &keys), (0x42, &ones), (0x56, &zeros)]),
        with_columns(&[(0x15, &nulls), (0x42, &ones)]),
        with_columns(&[(0x15, &one), (0x42, &ones)]),
        with_columns(&[(0x15, &one), (0x34, &MANY), put]),
        with_columns(&[(0x15, &one), put, (0x56, &zeros)]),
        with_columns(&[(0x15, &one), put, (0x70, &preds)]),
        with_columns(&[
            (0x15, &one),
            put,
            (0x70, &preds),
            (0x71, &zeros),
            (0x73, &ones),
        ]),
        with_columns(&[(0x15, &one), put, (0x71, &zeros), (0x73, &ones)]),
        with_columns(&[(0x15, &one), (0x11, &zeros), (0x13, &zeros), put]),
        with_columns(&[(0x01, &zeros), (0x02, &zeros), put]),
        with_columns(&[(0xa5, &keys), (0x15, &one), put]),
        with_columns(&[(0x42, &ones)]),
        with_columns(&[]),
    ];
    for bytes in hostile {
        let begun = Instant::now();
        assert!(decode(&bytes).is_err(), "{bytes:02x?}");
        assert!(begun.elapsed() < Duration::from_secs(1), "{bytes:02x?}");
    }
}

#[test]
fn a_counter_that_leaves_no_room_is_refused() {
    let mut body = vec![0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1];
    unsigned(&mut body, u64::from(u32::MAX));
    body.extend_from_slice(&[0, 0, 0, 3, 0x15, 3, 0x42, 2, 0x70, 2]);
    body.extend_from_slice(&[0x7f, 1, b'a', 0x7f, 3, 0x7f, 0]);
    assert!(decode(&chunk(&body)).is_err());
}

#[test]
fn nested_objects_and_other_scalars_are_refused() {
    use automerge::{AutoCommit, ObjType, ROOT, ScalarValue, transaction::Transactable};
    type Write = fn(&mut AutoCommit);
    let writes: [Write; 4] = [
        |doc| drop(doc.put_object(ROOT, "a", ObjType::Map)),
        |doc| drop(doc.put_object(ROOT, "a", ObjType::Text)),
        |doc| doc.put(ROOT, "a", ScalarValue::Boolean(true)).unwrap(),
        |doc| doc.put(ROOT, "a", ScalarValue::counter(1)).unwrap(),
    ];
    for write in writes {
        let mut doc = AutoCommit::new();
        write(&mut doc);
        let change = doc.get_last_local_change().unwrap();
        assert!(matches!(
            decode(change.raw_bytes()),
            Err(DocError::Foreign(_))
        ));
    }
}

proptest! {
    #[test]
    fn no_damage_to_a_change_is_a_panic(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let whole = small().bytes;
        let mut bytes = whole.clone();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = check(&bytes);
        let _ = check(&whole[..cut.index(whole.len())]);
        // the same below a checksum that agrees: the body begins after ten or eleven bytes
        let start = if whole[9] & 0x80 == 0 { 10 } else { 11 };
        let mut body = whole[start..].to_vec();
        let at = at % body.len();
        body[at] = byte;
        if let Ok(parts) = decode(&chunk(&body)) {
            prop_assert!(!parts.ops.is_empty());
            let _ = View::of(std::iter::once(&parts)).shown();
        }
    }

    #[test]
    fn what_we_write_we_read(values in prop::collection::btree_map("[a-zA-Z#/~é]{1,12}", "\\PC{0,30}", 0..20)) {
        let mut item = Item::new("vcard", "u");
        item.values = values;
        let change = genesis(&item);
        let parts = decode(&change.bytes).unwrap();
        prop_assert_eq!(parts.hash, change.hash);
        prop_assert!(parts.is_from_text());
    }
}
