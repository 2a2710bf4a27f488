//! How two devices come to hold the same: version vectors, frames, membership, and the
//! session that exchanges them. Pure: no socket, no clock, no database.
//!
//! ```text
//!            Input                              Output
//!  mesh ──► Received ──┐                  ┌──► Send ──► mesh
//!  store ─► Loaded ────┤                  ├──► Load, Store ──► store
//!           Stored ────┼──► [session] ────┤
//!           Committed ─┤   one per peer   ├──► Confirmed, InSync ──► people
//!  clock ─► Tick ──────┘                  └──► Close ──► mesh
//! ```
//!
//! Invariants: what came from a peer is stored before anything about it is said; a version
//! vector covers only changes that were applied; every frame, list and queue is bounded.

pub mod backoff;
mod changes;
pub mod codec;
pub mod membership;
mod message;
mod reader;
pub mod recon;
mod session;
mod sum;
mod turns;
mod vector;

pub use message::{
    Bytes, Frame, Have, Hello, NumberReached, OriginReached, OriginRetired, Recon, Symbols, Tag,
    VERSION, WantedBlob,
};
pub use session::{
    CloseReason, Credit, Documents, ForDocuments, HeldUp, Identity, Input, Outcome, Output,
    Session, StoredPiece,
};
pub use sum::Sum;
pub use turns::{Turns, next_peer};
pub use vector::{Reached, VectorHash, VersionVector};

use crate::id::{DocId, Origin};

/// One change under one of its names, as it stands in a log and travels to a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Who numbered it.
    pub origin: Origin,
    /// Its number there; the first one is 1.
    pub n: u64,
    /// The document it belongs to.
    pub doc: DocId,
    /// The change itself, raw.
    pub bytes: Vec<u8>,
}

/// An origin whose numbers stand for different changes on two devices: a device was cloned,
/// or was rolled back and used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fork {
    /// The origin.
    pub origin: Origin,
    /// A number at which the two histories are known to differ.
    pub n: u64,
}
