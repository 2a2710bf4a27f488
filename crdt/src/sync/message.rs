//! What two devices say to each other. `docs/wire.md` describes it byte by byte.
//!
//! These are the structs of the wire: bytes that a peer chose. `codec.rs` bounds them;
//! `session.rs` decides what they mean.

use serde::{Deserialize, Serialize};

use super::recon::Salt;
use super::{Reached, Sum, VectorHash, VersionVector};
use crate::id::{BlobHash, Chain, CollectionId, DeviceId, DocId, Origin};

/// The version of the protocol. Peers of another version part with a reason.
pub const VERSION: u32 = 3;

/// The first eight bytes of a collection's id: enough to compare what both know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tag(pub [u8; 8]);

impl From<CollectionId> for Tag {
    fn from(id: CollectionId) -> Self {
        let mut tag = [0; 8];
        tag.copy_from_slice(&id.0[..8]);
        Self(tag)
    }
}

/// The first frame of both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`VERSION`].
    pub version: u32,
    /// Who speaks.
    pub device: DeviceId,
    /// In which of its lives.
    pub incarnation: u32,
    /// Stands for the set of statements of membership.
    pub membership: [u8; 16],
    /// Stands for what is applied of each collection.
    pub collections: Vec<(Tag, VectorHash)>,
    /// How many attachments are lacking of what is applied.
    pub lacking: u64,
}

/// How far an origin is known, in a frame of its own form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginReached {
    /// Whose numbers.
    pub origin: Origin,
    /// The last one.
    pub n: u64,
    /// The chain up to it.
    pub chain: Chain,
}

/// Names of an origin above `last` are void.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginRetired {
    /// Whose numbers.
    pub origin: Origin,
    /// The last good one.
    pub last: u64,
}

/// How far an origin is known, the origin being named by the peer's own number for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberReached {
    /// The number that the peer gave the origin in this session.
    pub name: u32,
    /// The last change.
    pub n: u64,
    /// The chain up to it.
    pub chain: Chain,
}

/// A blob that is wanted, from an offset on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedBlob {
    /// Its name.
    pub hash: BlobHash,
    /// What comes before is there already.
    pub offset: u64,
}

/// What is applied of a collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Have {
    /// Which one.
    pub collection: CollectionId,
    /// How far.
    pub vector: Vec<OriginReached>,
    /// Origins of which two histories exist.
    pub retired: Vec<OriginRetired>,
    /// What the documents add up to.
    pub sum: Option<Sum>,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frame {
    /// Who speaks, and what stands for what it holds.
    Hello(Hello),
    /// All statements of membership, each in its own encoding.
    Membership(Vec<Bytes>),
    /// What is applied of a collection; asks for what lies beyond it.
    Have(Have),
    /// Changes of one collection, in the form of `changes.rs`.
    Changes(Bytes),
    /// Changes are stored: how far the origins that came in them are known now.
    Ack {
        /// The number that the peer gave the collection in this session.
        collection: u32,
        /// How far.
        reached: Vec<NumberReached>,
    },
    /// Stands for what is applied, so that a lost last frame is noticed.
    Beacon(Vec<(Tag, VectorHash)>),
    /// Blobs that the speaker lacks.
    BlobWant(Vec<WantedBlob>),
    /// A piece of a blob. A `total` of 0 says that the speaker does not have it.
    Blob {
        /// Its name.
        hash: BlobHash,
        /// Where the piece begins.
        offset: u64,
        /// The length of the whole.
        total: u64,
        /// The piece.
        bytes: Bytes,
    },
    /// Nothing of this collection is exchanged any more in this session.
    Stopped {
        /// Which one.
        collection: CollectionId,
        /// Why, for people.
        reason: String,
    },
    /// The last frame.
    Close {
        /// Why, for people.
        reason: String,
    },
    /// Points of an origin's history in a collection, where it differs from the listener's:
    /// in the order of their numbers.
    Trace {
        /// Which collection.
        collection: CollectionId,
        /// Whose numbers.
        origin: Origin,
        /// The chain at some of them.
        points: Vec<Reached>,
    },
    /// How many attachments the speaker lacks of what it has applied. Comes before the Ack of
    /// what names them.
    Lacks(u64),
    /// Where members listen, each in its own signed words. What they mean is not this crate's.
    Addresses(Vec<Bytes>),
    /// Are the documents the same, and not only their names?
    Recon(Recon),
}

/// Documents compared one by one, and sent anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recon {
    /// Asks for symbols of the listener's documents in a collection, from a number on; 0 begins
    /// anew.
    Ask {
        /// Which collection.
        collection: CollectionId,
        /// The number of the first symbol.
        from: u32,
        /// How many.
        count: u32,
    },
    /// Symbols of the states of all documents of a collection.
    Symbols(Symbols),
    /// Documents whose changes are wanted anew. None of them: both have the same.
    Want {
        /// In which collection.
        collection: CollectionId,
        /// Which ones.
        docs: Vec<DocId>,
    },
    /// Changes of documents sent anew, in the form of `changes.rs`.
    Anew {
        /// The changes.
        body: Bytes,
        /// True where nothing more is to be sent of what was wanted.
        last: bool,
    },
}

/// Symbols of one snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Symbols {
    /// Of which collection.
    pub collection: CollectionId,
    /// Stands for what is applied of it and of those that are one with it.
    pub names: VectorHash,
    /// How many documents it has.
    pub size: u64,
    /// What the courses of keys are made with.
    pub salt: Salt,
    /// The number of the first symbol.
    pub from: u32,
    /// The symbols, in the form of `recon/symbol.rs`.
    pub symbols: Bytes,
}

/// Bytes that travel in one piece instead of as a list of numbers.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Bytes({})", self.0.len())
    }
}

impl Serialize for Bytes {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(&self.0)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Bytes;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<Bytes, E> {
                Ok(Bytes(bytes.to_vec()))
            }

            fn visit_byte_buf<E: serde::de::Error>(self, bytes: Vec<u8>) -> Result<Bytes, E> {
                Ok(Bytes(bytes))
            }
        }
        deserializer.deserialize_byte_buf(Visitor)
    }
}

impl Frame {
    /// Says what is applied of a collection.
    pub(super) fn have(collection: CollectionId, vector: &VersionVector) -> Self {
        let reached = |(origin, reached): (&Origin, &Reached)| OriginReached {
            origin: *origin,
            n: reached.n,
            chain: reached.chain,
        };
        let retired = |(origin, last)| OriginRetired { origin, last };
        Self::Have(Have {
            collection,
            vector: vector.iter().map(reached).collect(),
            retired: vector.retired().map(retired).collect(),
            sum: vector.sum(),
        })
    }
}

impl Have {
    /// The vector that it speaks of.
    pub(super) fn vector(self) -> VersionVector {
        let each = |it: OriginReached| {
            let (n, chain) = (it.n, it.chain);
            (it.origin, Reached { n, chain })
        };
        let mut vector: VersionVector = self.vector.into_iter().map(each).collect();
        for it in self.retired {
            vector.retire(it.origin, it.last);
        }
        vector.with_sum(self.sum)
    }
}
