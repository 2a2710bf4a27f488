//! One item, one Automerge document: a flat map of registers.
//!
//! ```text
//!   Item ──genesis──► change ─┐
//!   Edits ──edit at base──► change ─┴─► store ─► Document ─view─► Item, conflicts, summary
//! ```
//!
//! Invariants: no nested objects (two devices that create the same item apart would hide
//! one side); the same text is the byte-same change on every device; every edit has an
//! actor of its own and the heads of its writer's base as deps; what is shown is a function
//! of the set of changes alone. Only this folder names Automerge.

mod answers;
mod back;
mod base;
mod both;
mod bounds;
mod change;
#[cfg(feature = "store")]
mod chunk;
mod columns;
mod conflict;
mod covers;
mod document;
mod edit;
mod flat;
mod genesis;
mod history;
mod invitation;
pub(crate) mod leb;
mod likeness;
mod merge3;
mod ops;
mod sealed;
mod short;
mod shown;
mod steps;
mod summary;
#[cfg(test)]
mod tests;
mod twins;
mod types;
mod view;

pub use back::Back;
pub use base::Base;
pub use both::NotBoth;
pub use change::{LONGEST_CHANGE, OpId, Parts, Value, decode};
#[cfg(feature = "store")]
pub(crate) use chunk::{fits_a_chunk, pack_chunk, unpack_chunk};
pub use conflict::{Conflict, Other};
pub use document::Document;
pub use edit::{Author, Writer};
pub(crate) use genesis::entries;
pub use genesis::{NewChange, genesis, message};
pub(crate) use invitation::{Mark, REPLY};
pub use likeness::likeness;
pub use merge3::CannotMerge;
pub use sealed::Sealed;
#[cfg(feature = "store")]
pub(crate) use short::is_from_text;
pub use short::{DEP, EditOnItsWay, Travelled, for_travel};
pub use shown::Shown;
pub use steps::{Altered, Life, Step};
pub use summary::{Summary, display_name, summarise};
pub use view::{Candidate, View};

use crate::{BlobHash, ChangeHash};

/// The schema version that this program writes as `~v`.
pub const SCHEMA: i64 = 1;

/// Why a change or a document cannot be used.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum DocError {
    /// Longer than any change that pimesh writes.
    #[error("a change of {bytes} bytes is over the limit of {limit}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        limit: usize,
    },
    /// Damaged, or not an Automerge change at all.
    #[error("not an Automerge change, or a damaged one")]
    NotAChange,
    /// Well-formed, but nothing that pimesh writes.
    #[error("a change with {0}, which pimesh never writes")]
    Foreign(&'static str),
    /// A change names another that is not there.
    #[error("change {change} needs {missing}, which is not there")]
    Missing {
        /// The change that cannot be used yet.
        change: ChangeHash,
        /// What it needs.
        missing: ChangeHash,
    },
}

/// What the store and the sync need to know of a change before they keep it.
#[derive(Clone, Debug)]
pub struct Checked {
    /// Its name.
    pub hash: ChangeHash,
    /// What must be there first.
    pub deps: Vec<ChangeHash>,
    /// The blobs it names.
    pub blobs: Vec<BlobHash>,
}

/// Verifies the bytes of a change: well-formed, within limits, and of a form that pimesh writes.
pub fn check(bytes: &[u8]) -> Result<Checked, DocError> {
    let parts = decode(bytes)?;
    let blobs = parts.blobs();
    Ok(Checked {
        hash: parts.hash,
        deps: parts.deps,
        blobs,
    })
}
