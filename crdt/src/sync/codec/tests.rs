//! What frames are on the wire, and what is refused.

use proptest::prelude::*;

use super::*;
use crate::id::{BlobHash, Chain, ChangeHash, CollectionId, DeviceId, DocId, Origin};
use crate::sync::message::{Bytes, NumberReached, OriginReached, Recon, Symbols, Tag, WantedBlob};
use crate::sync::recon::{Salt, Sketch, Symbol};
use crate::sync::{Sum, VectorHash, VersionVector};

fn hello(collections: u8) -> Frame {
    Frame::Hello(Hello {
        version: VERSION,
        device: DeviceId([250; 32]),
        incarnation: 0,
        membership: [251; 16],
        collections: (0..collections)
            .map(|i| (Tag([i; 8]), VectorHash([255; 8])))
            .collect(),
        lacking: 20,
    })
}

fn frames() -> Vec<Frame> {
    let origin = Origin {
        device: DeviceId([9; 32]),
        incarnation: 3,
    };
    let mut vector = VersionVector::new();
    vector.extend(origin, 1, ChangeHash([1; 32]));
    vector.retire(origin, 1);
    let vector = vector.with_sum(Some(Sum([3; 16])));
    vec![
        hello(3),
        Frame::Membership(vec![Bytes(vec![1, 2]), Bytes(vec![])]),
        Frame::have(CollectionId([4; 16]), &vector),
        Frame::Trace {
            collection: CollectionId([4; 16]),
            origin,
            points: vec![vector.reached(&origin)],
        },
        Frame::Changes(Bytes(vec![7; 300])),
        Frame::Ack {
            collection: 0,
            reached: vec![NumberReached {
                name: 1,
                n: 70_000,
                chain: Chain([1; 8]),
            }],
        },
        Frame::Beacon(vec![(Tag([1; 8]), vector.hash())]),
        Frame::BlobWant(vec![WantedBlob {
            hash: BlobHash([1; 32]),
            offset: 5,
        }]),
        Frame::Blob {
            hash: BlobHash([1; 32]),
            offset: 5,
            total: 9,
            bytes: Bytes(vec![1; 4]),
        },
        Frame::Stopped {
            collection: CollectionId([4; 16]),
            reason: "a fork".into(),
        },
        Frame::Close {
            reason: "bye".into(),
        },
        Frame::Lacks(300),
        Frame::Addresses(vec![Bytes(vec![1; 90]), Bytes(vec![2; 300])]),
        Frame::Recon(Recon::Ask {
            collection: CollectionId([4; 16]),
            from: 12,
            count: 300,
        }),
        Frame::Recon(Recon::Symbols(Symbols {
            collection: CollectionId([4; 16]),
            names: vector.hash(),
            size: 60_000,
            salt: Salt([5; 16]),
            from: 0,
            symbols: Bytes(Symbol::write(
                &Sketch::of(vec![[6; 32], [7; 32]], Salt([5; 16])).symbols(2),
            )),
        })),
        Frame::Recon(Recon::Want {
            collection: CollectionId([4; 16]),
            docs: vec![DocId([8; 16]), DocId([9; 16])],
        }),
        Frame::Recon(Recon::Anew {
            body: Bytes(vec![7; 20]),
            last: true,
        }),
    ]
}

/// What a frame of each kind is on the wire, in the order of their numbers. A line that has to
/// change means another version of the protocol.
#[test]
fn a_frame_of_every_kind_is_byte_for_byte_what_it_was() {
    let golden = include_str!("../frames.golden");
    let pinned: Vec<&str> = golden
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    let mut now: Vec<String> = frames()
        .iter()
        .map(|frame| encode(frame).unwrap())
        .map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect())
        .collect();
    now.sort();
    assert_eq!(now, pinned);
    let kinds: std::collections::BTreeSet<&str> = pinned.iter().map(|line| &line[..2]).collect();
    assert_eq!(kinds.len(), 14);
}

#[test]
fn every_frame_is_read_back() {
    for frame in frames() {
        assert_eq!(decode(&encode(&frame).unwrap()).unwrap(), frame);
    }
}

#[test]
fn a_hello_of_another_version_is_told_from_nonsense() {
    let mut bytes = encode(&hello(1)).unwrap();
    bytes[1] = 1;
    bytes.pop();
    assert_eq!(decode(&bytes), Err(CodecError::Version(1)));
    assert_eq!(decode(&[0]), Err(CodecError::Malformed));
}

#[test]
fn a_reconnect_with_nothing_new_costs_less_than_300_bytes_for_both_sides() {
    assert!(2 * encode(&hello(5)).unwrap().len() < 300);
}

#[test]
fn a_frame_over_a_limit_is_refused_in_both_directions() {
    let many = vec![(Tag([0; 8]), VectorHash([0; 8])); MOST_COLLECTIONS + 1];
    let error = Err(CodecError::TooMany("collections"));
    assert_eq!(encode(&Frame::Beacon(many.clone())), error);
    let bytes = bincode::serde::encode_to_vec(Frame::Beacon(many), config()).unwrap();
    assert_eq!(decode(&bytes), error.map(|_: Vec<u8>| hello(0)));
    let origin = Origin {
        device: DeviceId([9; 32]),
        incarnation: 0,
    };
    let reached = OriginReached {
        origin,
        n: LARGEST_NUMBER,
        chain: Chain::START,
    };
    let frame = Frame::Have(Have {
        collection: CollectionId::MESH,
        vector: vec![reached],
        retired: Vec::new(),
        sum: None,
    });
    assert_eq!(encode(&frame), Err(CodecError::Malformed));
}

#[test]
fn a_length_that_the_bytes_do_not_hold_takes_no_memory() {
    // Changes, announced as 2^60 bytes.
    let mut bytes = vec![3, 253];
    bytes.extend_from_slice(&(1_u64 << 60).to_le_bytes());
    assert_eq!(decode(&bytes), Err(CodecError::Malformed));
}

proptest! {
    #[test]
    fn no_bytes_make_the_codec_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn a_damaged_frame_is_an_error_or_another_frame(
        which in 0..17_usize, at in any::<prop::sample::Index>(), with in any::<u8>(),
    ) {
        let mut bytes = encode(&frames()[which]).unwrap();
        let at = at.index(bytes.len());
        bytes[at] = with;
        if let Ok(frame) = decode(&bytes) {
            prop_assert_eq!(decode(&encode(&frame).unwrap()).unwrap(), frame);
        }
    }
}
