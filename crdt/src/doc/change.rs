//! One Automerge change, taken apart and put together.
//!
//! ```text
//!   bytes ──flat──► Parts ──columns──► bytes          what pimesh itself writes
//!     └──bounds, Automerge──► Parts, bytes            anything else that Automerge reads
//! ```
//!
//! The only file that names Automerge's types. Changes are encoded directly from their
//! operations, never through a live document: a genesis must have the same bytes on
//! every device, and an edit's deps must be the heads its writer saw.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use automerge::{Change, ExpandedChange, ScalarValue, legacy};

use super::columns::{BEFORE_LENGTH, CHANGE, Draft, write};
use super::{DocError, bounds, flat};
use crate::{BlobHash, ChangeHash};

/// The longest change that is stored or taken from a peer, in bytes before compression.
/// Fits a frame between devices even where it does not compress.
pub const LONGEST_CHANGE: usize = 7 << 19;

/// Counters stay below this: half of what Automerge can count to.
pub(super) const MOST_OPERATIONS: u64 = 1 << 31;

/// The name of an operation: Automerge's Lamport counter and the actor's bytes.
///
/// Ordered as Automerge orders concurrent values: the greatest wins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OpId {
    /// Lamport counter, from 1.
    pub counter: u64,
    /// The actor that made it.
    pub actor: std::sync::Arc<[u8]>,
}

/// What a key can hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A register of an item.
    Text(String),
    /// A schema version or a `~live`.
    Number(i64),
}

impl Value {
    /// The text, or nothing where it is a number.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Number(_) => None,
        }
    }
}

/// What an operation does to its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Writes a value.
    Put(Value),
    /// Removes the values it names.
    Delete,
}

/// One operation on the root map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Op {
    /// The flat key.
    pub key: String,
    /// What it does.
    pub action: Action,
    /// The operations it supersedes.
    pub pred: Vec<OpId>,
}

/// How the bytes of a change follow from its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// They are what we write for these parts.
    Flat,
    /// Likewise, and the actor is the mark of what the operations write.
    FromText,
    /// They are these, which we would not write so.
    Foreign(Arc<[u8]>),
}

/// A change, taken apart. Nothing is lost: its bytes can be made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parts {
    /// SHA-256 of the encoded change.
    pub hash: ChangeHash,
    /// The changes its writer had seen last.
    pub deps: Vec<ChangeHash>,
    /// Who made it: 16 bytes for a change made from a text, 8 for an edit.
    pub actor: std::sync::Arc<[u8]>,
    /// The counter of its first operation.
    pub start: u64,
    /// Unix milliseconds; 0 for a change made from a text.
    pub time: i64,
    /// Who and from where, as [`super::Author`] writes it.
    pub message: Option<String>,
    /// Its operations, in order.
    pub ops: Vec<Op>,
    pub(super) form: Form,
}

impl Parts {
    /// Its bytes, as Automerge has them and as they are hashed.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match &self.form {
            Form::Flat | Form::FromText => Cow::Owned(write(self.draft()).1),
            Form::Foreign(bytes) => Cow::Borrowed(bytes),
        }
    }

    pub(super) fn draft(&self) -> Draft<'_, Op> {
        Draft {
            actor: &self.actor,
            start: self.start,
            time: self.time,
            message: self.message.as_deref(),
            deps: &self.deps,
            ops: &self.ops,
        }
    }

    /// The name of the operation at `index`.
    pub fn op_id(&self, index: usize) -> OpId {
        OpId {
            counter: self.start + index as u64,
            actor: self.actor.clone(),
        }
    }

    /// The greatest counter it uses.
    pub fn max_op(&self) -> u64 {
        self.start + self.ops.len() as u64 - 1
    }

    /// True for a change made from a text alone: it has no deps and a long actor.
    pub fn is_from_text(&self) -> bool {
        self.deps.is_empty() && self.actor.len() == 16
    }

    /// About how many bytes it takes in memory.
    #[cfg(feature = "store")]
    pub(crate) fn weight(&self) -> usize {
        let ops = self.ops.iter().map(|op| {
            let text = match &op.action {
                Action::Put(Value::Text(text)) => text.len(),
                Action::Put(Value::Number(_)) | Action::Delete => 0,
            };
            size_of::<Op>() + op.key.len() + text + op.pred.len() * size_of::<OpId>()
        });
        size_of::<Self>() + ops.sum::<usize>()
    }

    /// The blobs that its values name.
    pub fn blobs(&self) -> Vec<BlobHash> {
        super::sealed::blobs(&self.ops)
    }
}

/// Takes apart the bytes of a change, from our own store or from a peer.
///
/// Refuses whatever pimesh itself would never write: nested objects, lists, marks, counters,
/// other scalars, compressed chunks (they could inflate without bound).
pub fn decode(bytes: &[u8]) -> Result<Parts, DocError> {
    if bytes.len() > LONGEST_CHANGE {
        return Err(DocError::TooLong {
            bytes: bytes.len(),
            limit: LONGEST_CHANGE,
        });
    }
    if bytes.get(BEFORE_LENGTH - 1) != Some(&CHANGE) {
        return Err(DocError::NotAChange);
    }
    let parts = match flat::read(bytes) {
        Some(parts) => parts,
        None => foreign(bytes)?,
    };
    allowed(parts.start, parts.ops.len())?;
    Ok(parts)
}

/// Has Automerge take apart what we would not write so.
pub(super) fn foreign(bytes: &[u8]) -> Result<Parts, DocError> {
    if !bounds::are_kept(bytes) {
        return Err(DocError::Foreign("other columns"));
    }
    // Automerge panics on some malformed columns instead of refusing them.
    let change = catch_unwind(AssertUnwindSafe(|| {
        Change::from_bytes(bytes.to_vec()).map(|change| change.decode())
    }))
    .map_err(|_| DocError::NotAChange)?
    .map_err(|_| DocError::NotAChange)?;
    let parts = parts(change, bytes)?;
    // Automerge does not look: two sets of bytes would be one change
    if bytes[BEFORE_LENGTH - 5..BEFORE_LENGTH - 1] != parts.hash.0[..4] {
        return Err(DocError::NotAChange);
    }
    Ok(parts)
}

/// Whether a change keeps to the rules of pimesh, whoever has encoded it.
pub(super) fn allowed(start: u64, operations: usize) -> Result<(), DocError> {
    if operations == 0 {
        return Err(DocError::Foreign("no operation"));
    }
    // Automerge itself counts to 2^32; beyond, nothing could be written after this change
    let last = start.saturating_add(operations as u64);
    if last >= MOST_OPERATIONS {
        return Err(DocError::Foreign("a counter beyond all use"));
    }
    Ok(())
}

fn parts(change: ExpandedChange, bytes: &[u8]) -> Result<Parts, DocError> {
    if change.seq != 1 {
        return Err(DocError::Foreign("an actor used twice"));
    }
    let ops = change
        .operations
        .into_iter()
        .map(op)
        .collect::<Result<_, _>>()?;
    Ok(Parts {
        hash: ChangeHash(change.hash.map(|hash| hash.0).ok_or(DocError::NotAChange)?),
        deps: change.deps.iter().map(|dep| ChangeHash(dep.0)).collect(),
        actor: change.actor_id.to_bytes().into(),
        start: change.start_op.get(),
        time: change.time,
        message: change.message,
        ops,
        form: Form::Foreign(bytes.into()),
    })
}

fn op(op: legacy::Op) -> Result<Op, DocError> {
    let (legacy::ObjectId::Root, legacy::Key::Map(key), false) = (op.obj, op.key, op.insert) else {
        return Err(DocError::Foreign("a nested object"));
    };
    let action = match op.action {
        legacy::OpType::Put(ScalarValue::Str(text)) => Action::Put(Value::Text(text.to_string())),
        legacy::OpType::Put(ScalarValue::Int(number)) => Action::Put(Value::Number(number)),
        legacy::OpType::Delete => Action::Delete,
        _ => return Err(DocError::Foreign("a value of another type")),
    };
    let pred = op
        .pred
        .iter()
        .map(|id| OpId {
            counter: id.counter(),
            actor: id.actor().to_bytes().into(),
        })
        .collect();
    Ok(Op {
        key: key.to_string(),
        action,
        pred,
    })
}
