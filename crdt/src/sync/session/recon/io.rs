//! What goes into a session and comes out of it about documents one by one.

use crate::id::{DocId, Timestamp};
use crate::sync::recon::{Key, Salt};
use crate::sync::{Entry, VectorHash, VersionVector};

/// Something that is known of the documents of a collection.
#[derive(Clone, Debug)]
pub enum Documents {
    /// When they were last the same as the peer's, and in which of its lives. After `Started`,
    /// before anything is received.
    LastCompared {
        /// When.
        at: Timestamp,
        /// The peer's life.
        incarnation: u32,
    },
    /// The answer to [`ForDocuments::LoadStates`], all of one snapshot.
    States {
        /// What is applied, with what the documents add up to.
        vector: VersionVector,
        /// Stands for the vectors of this collection and of those that are one with it.
        names: VectorHash,
        /// Each document with the mark of its state.
        keys: Vec<Key>,
        /// Drawn at random, by nobody to be foreseen.
        salt: Salt,
    },
    /// The answer to [`ForDocuments::Load`].
    Loaded {
        /// Changes, document by document.
        entries: Vec<Entry>,
        /// How many of the documents are in it as a whole.
        docs: usize,
        /// How many changes of the next one are.
        skip: usize,
    },
    /// The answer to [`ForDocuments::Store`].
    Stored {
        /// What is applied now, with what the documents add up to.
        vector: VersionVector,
        /// How many changes were missing before.
        changes: usize,
    },
}

/// Something to do with the documents of a collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ForDocuments {
    /// Read the states of all of them, then report [`Documents::States`].
    LoadStates,
    /// Read the changes of these, then report [`Documents::Loaded`].
    Load {
        /// Which ones.
        docs: Vec<DocId>,
        /// Changes of the first one that were read before.
        skip: usize,
        /// About how many bytes of changes.
        max_bytes: usize,
    },
    /// Store what is missing of these, then report [`Documents::Stored`].
    Store {
        /// Changes without names, document by document.
        entries: Vec<Entry>,
    },
    /// They were compared with the peer's.
    Compared {
        /// How, and with which end.
        outcome: Outcome,
        /// In which of the peer's lives.
        incarnation: u32,
    },
}

/// The end of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The documents add up to the same.
    SameSum,
    /// Each document is the same.
    Same,
    /// So many documents are lost on one side, and are sent anew.
    Differs(usize),
    /// So many documents are different on both, and what was sent anew has not helped.
    StillDiffers(usize),
}
