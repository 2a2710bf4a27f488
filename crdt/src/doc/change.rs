//! One Automerge change, taken apart and put together.
//!
//! The only file that names Automerge's types. Changes are encoded directly from their
//! operations, never through a live document: a genesis must have the same bytes on
//! every device, and an edit's deps must be the heads its writer saw.

use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};

use automerge::{ActorId, Change, ExpandedChange, ScalarValue, legacy};

use super::{DocError, bounds};
use crate::{BlobHash, ChangeHash};

/// The longest change that is stored or taken from a peer, in bytes before compression.
/// Fits a frame between devices even where it does not compress.
pub const LONGEST_CHANGE: usize = 7 << 19;

/// Counters stay below this: half of what Automerge can count to.
const MOST_OPERATIONS: u64 = 1 << 31;

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

/// A change, taken apart.
#[derive(Clone, Debug)]
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
}

impl Parts {
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

    /// The blobs that its values name.
    pub fn blobs(&self) -> Vec<BlobHash> {
        let mut out: Vec<BlobHash> = Vec::new();
        for op in &self.ops {
            if let Action::Put(Value::Text(text)) = &op.action {
                out.extend(crate::item::register::blobs(text));
            }
        }
        out.sort_unstable();
        out.dedup();
        out
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
    // magic, checksum, then the chunk type: 1 is an uncompressed change
    if bytes.get(8) != Some(&1) {
        return Err(DocError::NotAChange);
    }
    if !bounds::are_kept(bytes) {
        return Err(DocError::Foreign("other columns"));
    }
    // Automerge panics on some malformed columns instead of refusing them.
    let change = catch_unwind(AssertUnwindSafe(|| {
        Change::from_bytes(bytes.to_vec()).map(|change| change.decode())
    }))
    .map_err(|_| DocError::NotAChange)?
    .map_err(|_| DocError::NotAChange)?;
    parts(change)
}

fn parts(change: ExpandedChange) -> Result<Parts, DocError> {
    if change.operations.is_empty() {
        return Err(DocError::Foreign("no operation"));
    }
    if change.seq != 1 {
        return Err(DocError::Foreign("an actor used twice"));
    }
    // Automerge itself counts to 2^32; beyond, nothing could be written after this change
    let last = change
        .start_op
        .get()
        .saturating_add(change.operations.len() as u64);
    if last >= MOST_OPERATIONS {
        return Err(DocError::Foreign("a counter beyond all use"));
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

/// Puts a change together: its hash and its bytes, the same for the same arguments for ever.
pub(super) fn encode(
    actor: &[u8],
    start: u64,
    time: i64,
    message: Option<String>,
    deps: &[ChangeHash],
    ops: Vec<Op>,
) -> (ChangeHash, Vec<u8>) {
    let operations = ops
        .into_iter()
        .map(|op| legacy::Op {
            action: match op.action {
                Action::Put(Value::Text(text)) => {
                    legacy::OpType::Put(ScalarValue::Str(text.into()))
                }
                Action::Put(Value::Number(n)) => legacy::OpType::Put(ScalarValue::Int(n)),
                Action::Delete => legacy::OpType::Delete,
            },
            obj: legacy::ObjectId::Root,
            key: legacy::Key::Map(op.key.into()),
            pred: op
                .pred
                .into_iter()
                .map(|id| legacy::OpId(id.counter, ActorId::from(&id.actor[..])))
                .collect(),
            insert: false,
        })
        .collect();
    let change = Change::from(ExpandedChange {
        operations,
        actor_id: ActorId::from(actor),
        hash: None,
        seq: 1,
        start_op: NonZeroU64::new(start).unwrap_or(NonZeroU64::MIN),
        time,
        message,
        deps: deps
            .iter()
            .map(|dep| automerge::ChangeHash(dep.0))
            .collect(),
        extra_bytes: Vec::new(),
        author: None,
    });
    (ChangeHash(change.hash().0), change.raw_bytes().to_vec())
}
