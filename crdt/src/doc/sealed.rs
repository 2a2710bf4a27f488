//! A change ready to be kept: what the store needs of it, and the short form of the rest.
//!
//! ```text
//!   Item ──genesis──► entries ─┐
//!   frame ──Travelled──► entries ─┴─► Sealed ──► rows        (a first change: nothing is copied)
//!   Parts ───────────────────────────► Sealed ──► rows        (an edit)
//! ```
//!
//! Nearly all changes there are were made from a text and are all their document has. They go
//! from text to row as borrowed pieces; only documents that have more are taken apart.

use std::borrow::Cow;

use super::change::{Action, Op, OpId, Parts, Value};
use super::summary::{Fields, Summary};
use super::{DocError, genesis};
use crate::item::register;
use crate::{BlobHash, ChangeHash};

/// What an operation writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writes<'a> {
    Text(&'a str),
    Number(i64),
    Nothing,
}

/// One operation on the root map, however it is held.
pub(super) trait Operation {
    fn key(&self) -> &str;
    fn writes(&self) -> Writes<'_>;
    fn pred(&self) -> &[OpId];
}

impl Operation for Op {
    fn key(&self) -> &str {
        &self.key
    }

    fn writes(&self) -> Writes<'_> {
        match &self.action {
            Action::Put(Value::Text(text)) => Writes::Text(text),
            Action::Put(Value::Number(number)) => Writes::Number(*number),
            Action::Delete => Writes::Nothing,
        }
    }

    fn pred(&self) -> &[OpId] {
        &self.pred
    }
}

/// An operation of a change made from a text.
#[derive(Clone, Debug)]
pub(super) struct Entry<'a> {
    pub(super) key: Cow<'a, str>,
    pub(super) writes: Writes<'a>,
}

impl Operation for Entry<'_> {
    fn key(&self) -> &str {
        &self.key
    }

    fn writes(&self) -> Writes<'_> {
        self.writes
    }

    fn pred(&self) -> &[OpId] {
        &[]
    }
}

/// A change ready to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its name.
    pub hash: ChangeHash,
    /// What must be there first.
    pub deps: Vec<ChangeHash>,
    /// The blobs it names.
    pub blobs: Vec<BlobHash>,
    /// The form to keep.
    pub at_rest: Vec<u8>,
    /// The derived row of a document that has this change alone; where it can be that.
    pub first: Option<Summary>,
}

impl Sealed {
    /// A change that is taken apart.
    pub fn of(parts: &Parts) -> Box<Self> {
        Box::new(Self {
            hash: parts.hash,
            deps: parts.deps.clone(),
            blobs: blobs(&parts.ops),
            at_rest: parts.at_rest(),
            first: parts.deps.is_empty().then(|| Summary::of_first(parts)),
        })
    }

    /// A change made from a text that writes these entries, in the order of their keys.
    pub(super) fn of_entries(
        entries: &[Entry<'_>],
        actor: &[u8],
        hash: ChangeHash,
        at_rest: Vec<u8>,
    ) -> Box<Self> {
        let first = match Fields::plain(entries) {
            Some(fields) => Summary::of_fields(&fields, hash),
            None => Summary::of_first(&genesis::parts(actor, entries, hash)),
        };
        Box::new(Self {
            hash,
            deps: Vec::new(),
            blobs: blobs(entries),
            at_rest,
            first: Some(first),
        })
    }

    /// The change, taken apart.
    pub fn parts(&self) -> Result<Parts, DocError> {
        Parts::of_rest(&self.at_rest, self.hash)
    }
}

/// The blobs that the values of these operations name.
pub(super) fn blobs<O: Operation>(ops: &[O]) -> Vec<BlobHash> {
    let mut out: Vec<BlobHash> = Vec::new();
    for op in ops {
        if let Writes::Text(text) = op.writes() {
            out.extend(register::blobs(text));
        }
    }
    out.sort_unstable();
    out.dedup();
    out
}
