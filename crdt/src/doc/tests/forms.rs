//! Our own writing and reading of changes against Automerge's, and the short forms in which
//! changes are kept and travel, on arbitrary changes and damaged ones.

use std::num::NonZeroU64;

use automerge::{ActorId, Change, ExpandedChange, ScalarValue, legacy};
use proptest::prelude::*;

use super::*;
use crate::ChangeHash;
use crate::doc::change::{Action, Form, Op, foreign};
use crate::doc::columns::write;

/// Automerge's own bytes for a change.
fn theirs(parts: &Parts) -> (ChangeHash, Vec<u8>) {
    let op = |op: &Op| legacy::Op {
        action: match &op.action {
            Action::Put(Value::Text(text)) => {
                legacy::OpType::Put(ScalarValue::Str(text.as_str().into()))
            }
            Action::Put(Value::Number(n)) => legacy::OpType::Put(ScalarValue::Int(*n)),
            Action::Delete => legacy::OpType::Delete,
        },
        obj: legacy::ObjectId::Root,
        key: legacy::Key::Map(op.key.as_str().into()),
        pred: (op.pred.iter())
            .map(|id| legacy::OpId(id.counter, ActorId::from(&id.actor[..])))
            .collect(),
        insert: false,
    };
    let change = Change::from(ExpandedChange {
        operations: parts.ops.iter().map(op).collect(),
        actor_id: ActorId::from(&parts.actor[..]),
        hash: None,
        seq: 1,
        start_op: NonZeroU64::new(parts.start).unwrap(),
        time: parts.time,
        message: parts.message.clone(),
        deps: (parts.deps.iter())
            .map(|dep| automerge::ChangeHash(dep.0))
            .collect(),
        extra_bytes: Vec::new(),
        author: None,
    });
    (ChangeHash(change.hash().0), change.raw_bytes().to_vec())
}

fn op(actors: &[std::sync::Arc<[u8]>]) -> impl Strategy<Value = Op> + use<> {
    let id = (1..200_u64, prop::sample::select(actors.to_vec()));
    let id = id.prop_map(|(counter, actor)| OpId { counter, actor });
    let action = prop_oneof![
        4 => "\\PC{0,40}".prop_map(|text| Action::Put(Value::Text(text))),
        1 => any::<i64>().prop_map(|n| Action::Put(Value::Number(n))),
        1 => (-3..3_i64).prop_map(|n| Action::Put(Value::Number(n))),
        1 => Just(Action::Delete),
    ];
    let pred = prop::collection::btree_set(id, 0..3);
    ("[a-c~/#é]{0,3}", action, pred).prop_map(|(key, action, pred)| Op {
        key,
        action,
        pred: pred.into_iter().collect(),
    })
}

/// Any change that a flat document can have.
fn parts() -> impl Strategy<Value = Parts> {
    let actor = prop::collection::vec(any::<u8>(), 8);
    let long = prop::collection::vec(any::<u8>(), 16);
    (actor.clone(), actor, long)
        .prop_flat_map(|(own, other, text)| {
            let actors = [own.into(), other.into(), text.into()];
            let ops = prop::collection::vec(op(&actors), 1..12);
            let deps = prop::collection::vec(any::<[u8; 32]>(), 0..4);
            let message = prop::option::of("\\PC{1,20}");
            (
                Just(actors),
                ops,
                deps,
                1..1000_u64,
                -5..1_795_000_000_000_i64,
                message,
            )
        })
        .prop_map(|(actors, ops, deps, start, time, message)| Parts {
            hash: ChangeHash([0; 32]),
            deps: deps.into_iter().map(ChangeHash).collect(),
            actor: actors[0].clone(),
            start,
            time,
            message,
            ops,
            form: Form::Flat,
        })
        .prop_map(|mut parts| {
            parts.deps.sort_unstable();
            parts.hash = write(parts.draft()).0;
            parts
        })
}

/// The same but for how the bytes follow.
fn same(one: &Parts, other: &Parts) -> bool {
    let bare = |parts: &Parts| Parts {
        form: Form::Flat,
        ..parts.clone()
    };
    bare(one) == bare(other)
}

fn repeats(parts: &Parts) -> bool {
    parts.ops.windows(2).any(|two| two[0].key == two[1].key)
}

const BY: DeviceId = DeviceId([0xab; 32]);

fn travelled(parts: &Parts) -> Option<Parts> {
    let sent = for_travel(parts.at_rest(), &parts.hash, BY).unwrap();
    let read = Travelled::read(&sent, BY).ok()?;
    let deps = read.deps().len();
    let known = (parts.deps.iter().take(deps)).copied().collect();
    let sealed = read.on(known).unwrap()?;
    Some(sealed.parts().unwrap())
}

proptest! {
    #[test]
    fn we_write_the_bytes_that_automerge_writes(parts in parts()) {
        prop_assert_eq!(write(parts.draft()), theirs(&parts));
    }

    #[test]
    fn what_we_read_ourselves_is_what_automerge_reads(parts in parts()) {
        let bytes = parts.bytes();
        let read = decode(&bytes);
        if repeats(&parts) {
            prop_assert_eq!(read, Err(DocError::Foreign("other columns")));
        } else {
            let read = read.unwrap();
            prop_assert_eq!(&read.form, &Form::Flat);
            prop_assert!(same(&read, &foreign(&bytes).unwrap()));
            prop_assert!(same(&read, &parts));
        }
    }

    #[test]
    fn a_damaged_change_is_refused_or_read_as_automerge_reads_it(
        parts in parts(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut bytes = parts.bytes().to_vec();
        let start = bytes.len() - at.index(bytes.len() - 10) - 1;
        bytes[start] = byte;
        // a checksum that agrees, so that the body is what decides
        use sha2::{Digest, Sha256};
        let sum = Sha256::digest(&bytes[8..]);
        bytes[4..8].copy_from_slice(&sum[..4]);
        if let Ok(read) = decode(&bytes) {
            prop_assert!(same(&read, &foreign(&bytes).unwrap()));
            prop_assert_eq!(&read.bytes()[..], &bytes[..]);
            let again = Parts::of_rest(&read.at_rest(), read.hash).unwrap();
            prop_assert_eq!(&again, &read);
        }
    }

    #[test]
    fn a_change_is_the_same_after_it_was_kept_and_after_it_has_travelled(parts in parts()) {
        if !repeats(&parts) {
            prop_assert_eq!(&Parts::of_rest(&parts.at_rest(), parts.hash).unwrap(), &parts);
            prop_assert_eq!(travelled(&parts).unwrap(), parts);
        }
    }

    #[test]
    fn whatever_is_taken_from_a_peer_is_a_change_that_automerge_reads(
        parts in parts(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
        form in 1..3_u8, from_text in any::<bool>(),
    ) {
        let first = genesis(&card("FN:Anna\nTEL:1\nTEL:2")).sealed.parts().unwrap();
        let parts = if from_text { first } else { parts };
        let mut sent = for_travel(parts.at_rest(), &parts.hash, BY).unwrap();
        sent[0] = form;
        let at = at.index(sent.len());
        sent[at] = byte;
        let Ok(read) = Travelled::read(&sent, BY) else { return Ok(()) };
        let deps = vec![ChangeHash([1; 32]); read.deps().len()];
        if let Ok(Some(sealed)) = read.on(deps) {
            let read = sealed.parts().unwrap();
            prop_assert_eq!(read.hash, sealed.hash);
            let bytes = read.bytes();
            prop_assert!(same(&read, &foreign(&bytes).unwrap()));
            prop_assert!(same(&read, &decode(&bytes).unwrap()));
            prop_assert_eq!(&Parts::of_rest(&read.at_rest(), read.hash).unwrap(), &read);
        }
    }

    #[test]
    fn no_bytes_of_a_peer_are_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..120), form in 0..3_u8) {
        let bytes = [&[form], &bytes[..]].concat();
        if let Ok(read) = Travelled::read(&bytes, BY) {
            let deps = vec![ChangeHash([1; 32]); read.deps().len()];
            let _ = read.on(deps);
        }
        let _ = Parts::of_rest(&bytes, ChangeHash([0; 32]));
    }

    #[test]
    fn the_row_of_a_first_change_is_that_of_its_document(
        values in prop::collection::btree_map(
            prop::sample::select(vec![
                "NAME", "FN", "N", "WHEN", "TEL#1", "REPLY#1", "~itip", "R/:1/SUMMARY",
                "R/:1/~live", "R/:2/WHEN", "R/:2/~live", "~order/TEL", "RDATE#1", "EMAIL#2",
                "R/:1/~itip", "CAL/METHOD", "ORG",
            ]),
            prop::sample::select(vec![
                ":a", "FN:Anna\nN:Gruber;Anna", "DTSTART:20250101\nRRULE:FREQ=DAILY", "",
                "0000000001 20250101T000000Z CANCEL", "DTSTART;TZID=X:20250101T100000\nDUE:2",
            ]), 0..9),
    ) {
        let mut item = Item::new("vevent", "u");
        item.values = values.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
        let parts = genesis(&item).sealed.parts().unwrap();
        let slow = Document::of([parts.clone()]).unwrap().summary();
        prop_assert_eq!(genesis(&item).sealed.first, Some(slow.clone()));
        prop_assert_eq!(Summary::of_first(&parts), slow);
        let bare = message(entries(&item)).sealed.parts().unwrap();
        let slow = Document::of([bare.clone()]).unwrap().summary();
        prop_assert_eq!(Summary::of_first(&bare), slow);
    }
}

#[cfg(feature = "store")]
proptest! {
    #[test]
    fn edits_come_out_of_a_chunk_as_they_went_in(
        all in prop::collection::vec((parts(), any::<u8>()), 1..12),
        at in any::<prop::sample::Index>(), byte in any::<u8>(),
    ) {
        let mut edits: Vec<Parts> = Vec::new();
        for (mut edit, on) in all.into_iter().filter(|(edit, _)| !repeats(edit)) {
            // some build on others, as edits do
            if let Some(base) = edits.get(usize::from(on)) {
                edit.deps = vec![base.hash];
                edit.start = base.max_op() + 1;
                for op in &mut edit.ops {
                    op.pred = vec![base.op_id(0)];
                }
            }
            edit.hash = write(edit.draft()).0;
            edits.push(edit);
        }
        let first = (byte % 2 == 1 && edits.len() > 1).then(|| edits.remove(0));
        let before = first.as_ref();
        let (hashes, bytes) = pack_chunk(edits.clone(), before);
        let mut read = unpack_chunk(&bytes, before).unwrap();
        prop_assert_eq!(&read.iter().map(|edit| edit.hash).collect::<Vec<_>>(), &hashes);
        read.sort_by_key(|edit| edit.hash);
        edits.sort_by_key(|edit| edit.hash);
        prop_assert_eq!(read, edits);
        let mut damaged = bytes.clone();
        damaged[at.index(bytes.len())] = byte;
        let _ = unpack_chunk(&damaged, before);
    }
}

#[test]
fn a_change_of_more_operations_than_automerge_writes_by_columns_has_its_bytes_too() {
    let mut item = Item::new("vcard", "u");
    item.values = (0..10_500)
        .map(|i| (format!("TEL#{i:05}"), format!(":{}", i / 3)))
        .collect();
    let parts = genesis(&item).sealed.parts().unwrap();
    assert_eq!(write(parts.draft()), theirs(&parts));
    assert_eq!(decode(&parts.bytes()).unwrap(), parts);
}

#[test]
fn a_first_change_travels_without_what_follows_from_its_text() {
    let change = genesis(&card("FN:Anna"));
    let parts = change.sealed.parts().unwrap();
    assert_eq!(parts.form, Form::FromText);
    let sent = for_travel(change.sealed.at_rest.clone(), &change.hash, BY).unwrap();
    assert!(sent.len() + 45 < change.bytes.len(), "{}", sent.len());
    assert_eq!(travelled(&parts).unwrap(), parts);
    assert_eq!(decode(&change.bytes).unwrap(), parts);
}

#[test]
fn an_edit_is_told_from_the_same_edit_on_other_deps() {
    let first = genesis(&card("FN:Anna"));
    let document = Document::of([first.sealed.parts().unwrap()]).unwrap();
    let edit = Edit::Set {
        key: "NOTE".into(),
        value: ":new".into(),
    };
    let mut author = author(0xab, 5, Writer::Person);
    author.device = BY;
    let edit = document.edit(&document.heads(), &[edit], &author);
    let edit = edit.unwrap().unwrap().sealed.parts().unwrap();
    let sent = for_travel(edit.at_rest(), &edit.hash, BY).unwrap();
    let read = Travelled::read(&sent, BY).unwrap();
    assert_eq!(read.deps()[0][..], first.hash.0[..DEP]);
    let mut other = first.hash;
    other.0[31] ^= 1;
    assert_eq!(read.clone().on(vec![other]).unwrap(), None);
    let made = read.on(vec![first.hash]).unwrap().unwrap();
    let made = made.parts().unwrap();
    assert_eq!(made, edit);
    assert_eq!(made.message.as_deref(), Some("abababab test"));
    // in the log of another device the mark stays
    let sent = for_travel(edit.at_rest(), &edit.hash, DeviceId([1; 32])).unwrap();
    let read = Travelled::read(&sent, DeviceId([1; 32])).unwrap();
    let made = read.on(vec![first.hash]).unwrap().unwrap();
    assert_eq!(made.parts().unwrap(), edit);
}

#[test]
fn a_checksum_that_does_not_agree_is_refused() {
    let mut bytes = genesis(&card("FN:Anna")).bytes;
    bytes[5] ^= 1;
    assert_eq!(decode(&bytes), Err(DocError::NotAChange));
}
