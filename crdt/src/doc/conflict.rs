//! What clashes, and what is kept beside what is shown.

use super::{Candidate, OpId};
use crate::ChangeHash;

/// More than one value behind one key, of different meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The whole key.
    pub key: String,
    /// The register that is shown.
    pub shown: String,
    /// Where the register that is shown was taken from.
    pub chosen: Other,
    /// Those kept beside it, in the same order on every device.
    pub others: Vec<Other>,
    /// Every operation that has a say: what a resolution supersedes.
    pub(super) operations: Vec<OpId>,
}

/// One of the values to choose from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Other {
    /// The register.
    pub value: String,
    /// Unix milliseconds of its change; 0 where it was read from a text.
    pub time: i64,
    /// Who wrote it and from where; nothing where it was read from a text.
    pub by: Option<String>,
    /// The change that wrote it: the same name on every device.
    pub change: ChangeHash,
}

impl Other {
    pub(super) fn of(candidate: &Candidate<'_>, value: &str) -> Self {
        Self {
            value: value.to_owned(),
            time: candidate.change.time,
            by: candidate.change.message.clone(),
            change: candidate.change.hash,
        }
    }
}
