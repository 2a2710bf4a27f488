//! Bytes to frames and back, within limits. The only place that knows the encoding.
//!
//! The transport carries each frame with its length in front; a frame is at most
//! [`LARGEST_FRAME`] bytes. Whatever bytes come in, decoding them ends in a frame within
//! all limits or in an error, and takes no more memory than a few times their length.

use super::message::{Frame, Hello, VERSION};

/// The largest frame, encoded. What the transport has to accept.
pub const LARGEST_FRAME: usize = 4 << 20;
/// Raw changes that a sender puts into one frame: the loss of one costs little.
pub const TARGET_CHANGES: usize = 1 << 20;
/// The changes of a frame, unpacked.
pub const LARGEST_CHANGES: usize = 24 << 20;
/// Entries in one frame.
pub const MOST_ENTRIES: usize = 65_536;
/// Origins in one version vector.
pub const MOST_ORIGINS: usize = 4_096;
/// Points of a history in one frame: a log of a million changes is searched in four.
pub const MOST_POINTS: usize = 32;
/// Collections that a peer may speak of.
pub const MOST_COLLECTIONS: usize = 1_024;
/// Statements of membership in one frame: all there are.
pub const MOST_STATEMENTS: usize = 4_096;
/// Blobs wanted at once.
pub const MOST_WANTED: usize = 64;
/// One piece of a blob.
pub const LARGEST_PIECE: usize = 256 << 10;
/// Records of addresses in one frame.
pub const MOST_RECORDS: usize = 256;
/// The longest record of addresses: room for sixteen of the longest.
pub const LONGEST_RECORD: usize = 8 << 10;
/// A reason for people.
pub const LONGEST_REASON: usize = 512;
/// Numbers stay below 2^53, so that every program can count them.
pub const LARGEST_NUMBER: u64 = 1 << 53;

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Longer than any frame may be.
    #[error("a frame of {bytes} bytes is over the limit of {LARGEST_FRAME}")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not of the form.
    #[error("a frame that can not be read")]
    Malformed,
    /// A Hello of another version of the protocol, which may look otherwise.
    #[error("the other device speaks version {0} of the protocol, this one version {VERSION}")]
    Version(u32),
    /// Something in it is over its limit.
    #[error("a frame with too many {0}")]
    TooMany(&'static str),
}

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<LARGEST_FRAME>()
}

/// The bytes of a frame. Fails only for one that a peer would refuse.
pub fn encode(frame: &Frame) -> Result<Vec<u8>, CodecError> {
    check(frame)?;
    let bytes =
        bincode::serde::encode_to_vec(frame, config()).map_err(|_| CodecError::Malformed)?;
    match bytes.len() {
        bytes if bytes > LARGEST_FRAME => Err(CodecError::TooLarge { bytes }),
        _ => Ok(bytes),
    }
}

/// The frame in these bytes, all of them.
pub fn decode(bytes: &[u8]) -> Result<Frame, CodecError> {
    if bytes.len() > LARGEST_FRAME {
        return Err(CodecError::TooLarge { bytes: bytes.len() });
    }
    if let [0, version @ ..] = bytes {
        let (version, _) = bincode::decode_from_slice::<u32, _>(version, config())
            .map_err(|_| CodecError::Malformed)?;
        if version != VERSION {
            return Err(CodecError::Version(version));
        }
    }
    let (frame, read) = bincode::serde::decode_from_slice::<Frame, _>(bytes, config())
        .map_err(|_| CodecError::Malformed)?;
    if read != bytes.len() {
        return Err(CodecError::Malformed);
    }
    check(&frame)?;
    Ok(frame)
}

/// Whether everything in a frame is within its limit.
fn check(frame: &Frame) -> Result<(), CodecError> {
    let at_most = |count: usize, limit: usize, what| {
        if count > limit {
            Err(CodecError::TooMany(what))
        } else {
            Ok(())
        }
    };
    let numbers = |mut all: Box<dyn Iterator<Item = u64> + '_>| {
        if all.any(|n| n >= LARGEST_NUMBER) {
            Err(CodecError::Malformed)
        } else {
            Ok(())
        }
    };
    match frame {
        Frame::Hello(Hello {
            collections,
            lacking,
            ..
        }) => {
            at_most(collections.len(), MOST_COLLECTIONS, "collections")?;
            numbers(Box::new([*lacking].into_iter()))
        }
        Frame::Beacon(collections) => at_most(collections.len(), MOST_COLLECTIONS, "collections"),
        Frame::Addresses(records) => {
            at_most(records.len(), MOST_RECORDS, "records of addresses")?;
            let longest = records.iter().map(|record| record.0.len()).max();
            at_most(longest.unwrap_or(0), LONGEST_RECORD, "bytes of addresses")
        }
        Frame::Lacks(count) => numbers(Box::new([*count].into_iter())),
        Frame::Membership(statements) => at_most(
            statements.len(),
            MOST_STATEMENTS,
            "statements of membership",
        ),
        Frame::Have {
            vector, retired, ..
        } => {
            at_most(vector.len(), MOST_ORIGINS, "origins")?;
            at_most(retired.len(), MOST_ORIGINS, "retired origins")?;
            numbers(Box::new(retired.iter().map(|it| it.last)))?;
            numbers(Box::new(vector.iter().map(|it| it.n)))
        }
        Frame::Trace { points, .. } => {
            at_most(points.len(), MOST_POINTS, "points of a history")?;
            numbers(Box::new(points.iter().map(|it| it.n)))
        }
        Frame::Changes(_) => Ok(()),
        Frame::Ack { reached, .. } => {
            at_most(reached.len(), MOST_ORIGINS, "origins")?;
            numbers(Box::new(reached.iter().map(|it| it.n)))
        }
        Frame::BlobWant(wanted) => {
            at_most(wanted.len(), MOST_WANTED, "blobs")?;
            numbers(Box::new(wanted.iter().map(|it| it.offset)))
        }
        Frame::Blob {
            bytes,
            offset,
            total,
            ..
        } => {
            at_most(bytes.0.len(), LARGEST_PIECE, "bytes of a blob")?;
            numbers(Box::new([*offset, *total].into_iter()))
        }
        Frame::Stopped { reason, .. } | Frame::Close { reason } => {
            at_most(reason.len(), LONGEST_REASON, "words")
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::id::{BlobHash, Chain, ChangeHash, CollectionId, DeviceId, Origin};
    use crate::sync::message::{Bytes, NumberReached, OriginReached, Tag, WantedBlob};
    use crate::sync::{VectorHash, VersionVector};

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
        ]
    }

    /// What a frame of each kind is on the wire, in the order of their numbers. A line that has to
    /// change means another version of the protocol.
    #[test]
    fn a_frame_of_every_kind_is_byte_for_byte_what_it_was() {
        let golden = include_str!("frames.golden");
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
        let kinds: std::collections::BTreeSet<&str> =
            pinned.iter().map(|line| &line[..2]).collect();
        assert_eq!(kinds.len(), 13);
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
        let frame = Frame::Have {
            collection: CollectionId::MESH,
            vector: vec![reached],
            retired: Vec::new(),
        };
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
            which in 0..13_usize, at in any::<prop::sample::Index>(), with in any::<u8>(),
        ) {
            let mut bytes = encode(&frames()[which]).unwrap();
            let at = at.index(bytes.len());
            bytes[at] = with;
            if let Ok(frame) = decode(&bytes) {
                prop_assert_eq!(decode(&encode(&frame).unwrap()).unwrap(), frame);
            }
        }
    }
}
