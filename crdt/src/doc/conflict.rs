//! What clashes, and what is kept beside what is shown.

use super::Candidate;

/// More than one value behind one key, of different meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The whole key.
    pub key: String,
    /// The register that is shown.
    pub shown: String,
    /// Those kept beside it, in the same order on every device.
    pub others: Vec<Other>,
}

/// A value kept beside the one that is shown.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Other {
    /// The register.
    pub value: String,
    /// Unix milliseconds of its change; 0 where it was read from a text.
    pub time: i64,
    /// Who wrote it and from where; nothing where it was read from a text.
    pub by: Option<String>,
}

impl Other {
    pub(super) fn of(candidate: &Candidate<'_>, value: &str) -> Self {
        Self {
            value: value.to_owned(),
            time: candidate.change.time,
            by: candidate.change.message.clone(),
        }
    }
}
