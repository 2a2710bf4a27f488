//! What goes into a session and what comes out of it.

use std::collections::BTreeSet;

use super::{Documents, ForDocuments};
use crate::id::{BlobHash, CollectionId, DeviceId, DocId, Origin};
use crate::sync::codec::CodecError;
use crate::sync::membership::Statement;
use crate::sync::message::{Frame, VERSION, WantedBlob};
use crate::sync::recon::ReconError;
use crate::sync::{Entry, Fork, Reached, VersionVector};

/// Something that happened, for the session to act on.
#[derive(Clone, Debug)]
pub enum Input {
    /// The link is up. What this device holds at this moment; comes first, once.
    Started {
        /// Every collection with what is applied of it.
        collections: Vec<(CollectionId, VersionVector)>,
        /// Every statement of membership.
        membership: Vec<Statement>,
    },
    /// A frame came from the peer.
    Received(Frame),
    /// The oldest frame not yet reported was written to the link.
    Sent,
    /// The answer to [`Output::Load`].
    Loaded {
        /// Which collection.
        collection: CollectionId,
        /// The next entries that the peer lacks.
        entries: Vec<Entry>,
        /// What the peer has once it has these.
        after: VersionVector,
        /// Origins whose history differs from the peer's.
        forks: Vec<Fork>,
    },
    /// The answer to [`Output::Store`]: what could be stored is on the disk.
    Stored {
        /// Which collection.
        collection: CollectionId,
        /// What is applied now.
        vector: VersionVector,
        /// What could not be stored.
        held: HeldUp,
        /// Numbers that stand for other changes here.
        forks: Vec<Fork>,
        /// Documents of which something is missing that came before.
        misses: Vec<DocId>,
    },
    /// The answer to [`Output::Trace`], and to [`Output::Compare`] where the histories part
    /// between two points: our points there.
    Traced {
        /// Which collection.
        collection: CollectionId,
        /// Whose numbers.
        origin: Origin,
        /// In their order.
        points: Vec<Reached>,
    },
    /// Something else was stored here: from a person, a source or another peer.
    Committed {
        /// Which collection.
        collection: CollectionId,
        /// What is applied now.
        vector: VersionVector,
    },
    /// What other peers are bringing, in a session that takes turns: it asks for the rest of what
    /// it would like to ask for.
    Turn(BTreeSet<CollectionId>),
    /// Statements of membership that were learned elsewhere; known ones do no harm.
    Membership(Vec<Statement>),
    /// Blobs that are lacking here.
    Missing(Vec<WantedBlob>),
    /// How many blobs are lacking here of what is applied: at first before `Started`, and from
    /// then on before the `Stored` or `Committed` that made it so.
    Lacking(u64),
    /// The answer to [`Output::LoadBlob`].
    BlobLoaded {
        /// Which blob.
        hash: BlobHash,
        /// Where the piece begins.
        offset: u64,
        /// The length of the whole and the piece; nothing when it is not here.
        piece: Option<(u64, Vec<u8>)>,
    },
    /// The answer to [`Output::StoreBlob`].
    BlobStored {
        /// Which blob.
        hash: BlobHash,
        /// What became of the piece.
        piece: StoredPiece,
    },
    /// Where members listen, as far as is known here: new records, or all of them at first.
    Addresses(Vec<Vec<u8>>),
    /// A blob is here now that was not before.
    BlobArrived(BlobHash),
    /// About the documents of a collection, one by one.
    Documents(CollectionId, Documents),
    /// Time passes. At least every second while anything is going on.
    Tick,
}

/// Whether entries were held up while storing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeldUp {
    /// All were stored, or were there.
    Nothing,
    /// An earlier number or a dependency is missing: the peer may help.
    Gap,
    /// A change can not be applied: asking again does not help.
    Quarantined,
}

/// What became of a piece of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoredPiece {
    /// The next piece begins here.
    Next(u64),
    /// The blob is whole.
    Whole,
    /// The pieces do not make the blob.
    Wrong,
}

/// Something to do, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Write this frame to the link, then report [`Input::Sent`].
    Send(Frame),
    /// Read the next entries that the peer lacks, then report [`Input::Loaded`].
    Load {
        /// Which collection.
        collection: CollectionId,
        /// What the peer has, or will have when all that was sent has arrived.
        their: VersionVector,
        /// About how many bytes of changes.
        max_bytes: usize,
    },
    /// Store these in one transaction with the version vector, then report [`Input::Stored`].
    Store {
        /// Which collection; made where it is new.
        collection: CollectionId,
        /// In the order they came.
        entries: Vec<Entry>,
    },
    /// Two histories of one origin exist: read points of ours up to where they differ, then
    /// report [`Input::Traced`].
    Trace {
        /// Which collection.
        collection: CollectionId,
        /// Where they are known to differ.
        fork: Fork,
    },
    /// Compare these points with our history. Where they part between two, report
    /// [`Input::Traced`]; where it is found, do as for [`Output::Retire`].
    Compare {
        /// Which collection.
        collection: CollectionId,
        /// Whose numbers.
        origin: Origin,
        /// The peer's points.
        points: Vec<Reached>,
    },
    /// Void these origins' names above a number, and name what they named anew, then report
    /// [`Input::Committed`].
    Retire {
        /// Which collection.
        collection: CollectionId,
        /// Each with its last good number.
        origins: Vec<(Origin, u64)>,
    },
    /// Store these statements; the other sessions get them as [`Input::Membership`].
    StoreMembership(Vec<Statement>),
    /// Read a piece of a blob, then report [`Input::BlobLoaded`].
    LoadBlob {
        /// Which blob.
        hash: BlobHash,
        /// Where the piece begins.
        offset: u64,
        /// No more than so many bytes.
        max_bytes: usize,
    },
    /// Store a piece of a blob, then report [`Input::BlobStored`].
    StoreBlob {
        /// Which blob.
        hash: BlobHash,
        /// Where the piece begins.
        offset: u64,
        /// The length of the whole.
        total: u64,
        /// The piece.
        bytes: Vec<u8>,
    },
    /// The peer's newest word on what it holds.
    Confirmed {
        /// Of which collection.
        collection: CollectionId,
        /// How far.
        vector: VersionVector,
    },
    /// How many attachments the peer says that it lacks of what it has applied; its newest word
    /// in the Hello, and when it changes.
    PeerLacks(u64),
    /// The peer can not give a blob that it was asked for: the session with
    /// [the next peer](crate::sync::next_peer) should ask.
    BlobRefused(BlobHash),
    /// Where members listen, as the peer knows: to be verified, kept and passed on.
    Addresses(Vec<Vec<u8>>),
    /// Whether both hold the same, when that has changed.
    InSync {
        /// Of which collection.
        collection: CollectionId,
        /// True when the peer has confirmed exactly what is applied here.
        in_sync: bool,
    },
    /// Where the histories of a collection part could not be found; nothing of it is exchanged
    /// any more in this session.
    Forked {
        /// Which collection.
        collection: CollectionId,
        /// Where.
        fork: Fork,
    },
    /// The peer exchanges nothing of a collection any more in this session.
    PeerStopped {
        /// Which collection.
        collection: CollectionId,
        /// Why, in the peer's words.
        reason: String,
    },
    /// Something to do with the documents of a collection, one by one.
    Documents(CollectionId, ForDocuments),
    /// The session is over: close the link after the frames before this.
    Close(CloseReason),
}

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloseReason {
    /// The peer speaks another version of the protocol.
    #[error(
        "the other device speaks version {theirs} of the protocol, this one version {ours}: update pimesh on the older one"
    )]
    Version {
        /// Its version.
        theirs: u32,
        /// Ours.
        ours: u32,
    },
    /// The peer is another device than the link was made with.
    #[error("the other device says it is {0}, but its key is another")]
    OtherDevice(DeviceId),
    /// The peer does not belong to the mesh.
    #[error("the other device does not belong to this mesh")]
    NotAMember,
    /// The peer was removed from the mesh.
    #[error("the other device was removed from this mesh")]
    PeerRemoved,
    /// This device was removed from the mesh.
    #[error("this device was removed from the mesh")]
    Removed,
    /// A frame that can not be read, or is over a limit.
    #[error("{0}")]
    Codec(CodecError),
    /// A frame that does not belong here.
    #[error("the other device broke the protocol: {0}")]
    Protocol(&'static str),
    /// A comparison of documents that comes to no end.
    #[error("the other device broke the protocol: {0}")]
    Recon(#[from] ReconError),
    /// The peer does not take what it asked for.
    #[error("the other device does not read what it is sent")]
    Overrun,
    /// The peer asks and repeats without end.
    #[error("the other device asks for more than it may: it is left alone for a while")]
    TooMuch,
    /// The peer says nothing though it is its turn.
    #[error("the other device has not answered for a minute")]
    Silent,
    /// The peer ended it.
    #[error("the other device ended the connection: {0}")]
    ByPeer(String),
}

impl From<CodecError> for CloseReason {
    fn from(error: CodecError) -> Self {
        match error {
            CodecError::Version(theirs) => Self::Version {
                theirs,
                ours: VERSION,
            },
            error => Self::Codec(error),
        }
    }
}

impl CloseReason {
    /// True when connecting again can help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Silent
            | Self::Overrun
            | Self::TooMuch
            | Self::ByPeer(_)
            | Self::Protocol(_)
            | Self::Recon(_)
            | Self::Codec(_) => true,
            Self::Version { .. }
            | Self::OtherDevice(_)
            | Self::NotAMember
            | Self::PeerRemoved
            | Self::Removed => false,
        }
    }
}
