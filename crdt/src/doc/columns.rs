//! Automerge's encoding of a change, written by ourselves for what pimesh writes: puts of texts
//! and numbers into the root map, and deletes of them.
//!
//! The bytes are those of Automerge, which tests prove on arbitrary changes; only the way there
//! is shorter. A chunk is magic, checksum (the first four bytes of the hash), type, length, body;
//! the hash is SHA-256 over type, length and body. The body has the head of the change and then
//! column by column all keys, all actions, all values, all superseded operations, each column
//! run-length encoded.

use std::cell::RefCell;

use sha2::{Digest, Sha256};

use super::change::OpId;
use super::leb::{put_prefixed, put_signed, put_unsigned};
use super::sealed::{Operation, Writes};
use crate::ChangeHash;

/// What every chunk of Automerge begins with.
pub(super) const MAGIC: [u8; 4] = [0x85, 0x6f, 0x4a, 0x83];
/// The type of a chunk with one change.
pub(super) const CHANGE: u8 = 1;
/// Magic, checksum and type.
pub(super) const BEFORE_LENGTH: usize = 9;

/// Room that stays taken between two changes, in bytes.
const MOST_KEPT: usize = 64 << 10;

/// The columns that a flat change can have, in their order.
pub(super) const KEY: u64 = 0x15;
pub(super) const INSERT: u64 = 0x34;
pub(super) const ACTION: u64 = 0x42;
pub(super) const META: u64 = 0x56;
pub(super) const RAW: u64 = 0x57;
pub(super) const GROUP: u64 = 0x70;
pub(super) const PRED_ACTOR: u64 = 0x71;
pub(super) const PRED_COUNTER: u64 = 0x73;

/// Numbers of actions.
pub(super) const PUT: u64 = 1;
pub(super) const DELETE: u64 = 3;
/// Types of values, in the low four bits of their metadata; the others are the length.
pub(super) const NULL: u64 = 0;
pub(super) const NUMBER: u64 = 4;
pub(super) const TEXT: u64 = 6;

/// A change about to be written.
pub(super) struct Draft<'a, O> {
    pub(super) actor: &'a [u8],
    pub(super) start: u64,
    pub(super) time: i64,
    pub(super) message: Option<&'a str>,
    pub(super) deps: &'a [ChangeHash],
    pub(super) ops: &'a [O],
}

impl<O> Clone for Draft<'_, O> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<O> Copy for Draft<'_, O> {}

impl<'a, O> Draft<'a, O> {
    /// A change made from a text: all but the actor is the same for all.
    pub(super) fn from_text(actor: &'a [u8], ops: &'a [O]) -> Self {
        Self {
            actor,
            start: 1,
            time: 0,
            message: None,
            deps: &[],
            ops,
        }
    }
}

/// The hash and the bytes of a change.
pub(super) fn write<O: Operation>(draft: Draft<'_, O>) -> (ChangeHash, Vec<u8>) {
    in_pieces(draft, |hash, pieces| {
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        let mut out = Vec::with_capacity(BEFORE_LENGTH + length);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&hash.0[..4]);
        for piece in pieces {
            out.extend_from_slice(piece);
        }
        (hash, out)
    })
}

/// The hash of a change and the length of its bytes, which are not put together.
pub(super) fn hash<O: Operation>(draft: Draft<'_, O>) -> (ChangeHash, usize) {
    in_pieces(draft, |hash, pieces| {
        let length: usize = pieces.iter().map(|piece| piece.len()).sum();
        (hash, MAGIC.len() + 4 + length)
    })
}

thread_local! {
    /// Their room is used again: one change after the other is written.
    static COLUMNS: RefCell<Columns> = RefCell::default();
}

/// Gives the hash of a change and all that is hashed: type and length, what comes before the
/// columns, the columns.
fn in_pieces<O: Operation, R>(
    draft: Draft<'_, O>,
    give: impl FnOnce(ChangeHash, &[&[u8]]) -> R,
) -> R {
    let others = other_actors(draft);
    COLUMNS.with_borrow_mut(|columns| {
        columns.fill(draft, &others);
        let columns = columns.all();
        let mut before = before_columns(draft, &others);
        let filled = || columns.iter().filter(|(_, column)| !column.is_empty());
        put_unsigned(&mut before, filled().count() as u64);
        for (kind, column) in filled() {
            put_unsigned(&mut before, *kind);
            put_unsigned(&mut before, column.len() as u64);
        }
        let [a, b, c, d, e, f, g, h] = columns.map(|(_, column)| column);
        let body = [&before, a, b, c, d, e, f, g, h];
        let length: usize = body.iter().map(|piece| piece.len()).sum();
        let mut head = vec![CHANGE];
        put_unsigned(&mut head, length as u64);
        let pieces = [&head, &before, a, b, c, d, e, f, g, h].map(Vec::as_slice);
        let mut hasher = Sha256::new();
        for piece in pieces {
            hasher.update(piece);
        }
        give(ChangeHash(hasher.finalize().into()), &pieces)
    })
}

/// The actors of superseded operations but for the writer's own, each once and in order.
pub(super) fn other_actors<'a, O: Operation>(draft: Draft<'a, O>) -> Vec<&'a [u8]> {
    let all = draft.ops.iter().flat_map(|op| op.pred());
    let mut others: Vec<&[u8]> = all
        .map(|id| &*id.actor)
        .filter(|actor| *actor != draft.actor)
        .collect();
    others.sort_unstable();
    others.dedup();
    others
}

fn before_columns<O>(draft: Draft<'_, O>, others: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + 32 * draft.deps.len());
    put_unsigned(&mut out, draft.deps.len() as u64);
    let mut deps = draft.deps.to_vec();
    deps.sort_unstable();
    for dep in deps {
        out.extend_from_slice(&dep.0);
    }
    put_prefixed(&mut out, draft.actor);
    put_unsigned(&mut out, 1); // seq: every actor writes one change
    put_unsigned(&mut out, draft.start.max(1));
    put_signed(&mut out, draft.time);
    put_prefixed(&mut out, draft.message.unwrap_or_default().as_bytes());
    put_unsigned(&mut out, others.len() as u64);
    for actor in others {
        put_prefixed(&mut out, actor);
    }
    out
}

/// The columns of the operations.
#[derive(Default)]
struct Columns {
    key: Vec<u8>,
    insert: Vec<u8>,
    action: Vec<u8>,
    meta: Vec<u8>,
    raw: Vec<u8>,
    group: Vec<u8>,
    pred_actor: Vec<u8>,
    pred_counter: Vec<u8>,
}

impl Columns {
    fn fill<O: Operation>(&mut self, draft: Draft<'_, O>, others: &[&[u8]]) {
        let ops = draft.ops;
        let columns = self;
        columns.clear();
        let keys: Vec<&str> = ops.iter().map(Operation::key).collect();
        runs(&mut columns.key, &keys, |out, key| {
            put_prefixed(out, key.as_bytes());
        });
        // a count of values that are false: nothing is inserted
        put_unsigned(&mut columns.insert, ops.len() as u64);
        let mut actions = Vec::with_capacity(ops.len());
        let mut metas = Vec::with_capacity(ops.len());
        for op in ops {
            let before = columns.raw.len();
            let (action, kind) = match op.writes() {
                Writes::Text(text) => {
                    columns.raw.extend_from_slice(text.as_bytes());
                    (PUT, TEXT)
                }
                Writes::Number(number) => {
                    put_signed(&mut columns.raw, number);
                    (PUT, NUMBER)
                }
                Writes::Nothing => (DELETE, NULL),
            };
            actions.push(action);
            metas.push(((columns.raw.len() - before) as u64) << 4 | kind);
        }
        let number = |out: &mut Vec<u8>, n: &u64| put_unsigned(out, *n);
        runs(&mut columns.action, &actions, number);
        runs(&mut columns.meta, &metas, number);
        columns.superseded(draft, others);
    }

    fn superseded<O: Operation>(&mut self, draft: Draft<'_, O>, others: &[&[u8]]) {
        let number = |out: &mut Vec<u8>, n: &u64| put_unsigned(out, *n);
        let counts: Vec<u64> = draft.ops.iter().map(|op| op.pred().len() as u64).collect();
        runs(&mut self.group, &counts, number);
        let mut actors = Vec::new();
        let mut counters = Vec::new();
        let mut last = 0_i64;
        for op in draft.ops {
            let mut pred: Vec<&OpId> = op.pred().iter().collect();
            pred.sort_unstable();
            for id in pred {
                actors.push(index(draft, others, id));
                let counter = i64::try_from(id.counter).unwrap_or(i64::MAX);
                counters.push(counter.saturating_sub(last));
                last = counter;
            }
        }
        runs(&mut self.pred_actor, &actors, number);
        runs(&mut self.pred_counter, &counters, |out, n| {
            put_signed(out, *n);
        });
    }

    fn all(&self) -> [(u64, &Vec<u8>); 8] {
        [
            (KEY, &self.key),
            (INSERT, &self.insert),
            (ACTION, &self.action),
            (META, &self.meta),
            (RAW, &self.raw),
            (GROUP, &self.group),
            (PRED_ACTOR, &self.pred_actor),
            (PRED_COUNTER, &self.pred_counter),
        ]
    }

    fn clear(&mut self) {
        // one very long change does not keep its room
        if self.raw.capacity() > MOST_KEPT {
            self.raw = Vec::new();
        }
        self.key.clear();
        self.insert.clear();
        self.action.clear();
        self.meta.clear();
        self.raw.clear();
        self.group.clear();
        self.pred_actor.clear();
        self.pred_counter.clear();
    }
}

/// The place of an operation's actor: the writer is 0, the others follow.
pub(super) fn index<O>(draft: Draft<'_, O>, others: &[&[u8]], id: &OpId) -> u64 {
    match others.binary_search(&&*id.actor) {
        Ok(at) if *id.actor != *draft.actor => at as u64 + 1,
        _ => 0,
    }
}

/// Two or more equal values in a row are a run; the others stand between runs one by one.
fn runs<T: PartialEq>(out: &mut Vec<u8>, values: &[T], put: impl Fn(&mut Vec<u8>, &T)) {
    let mut at = 0;
    while at < values.len() {
        let same = values[at..]
            .iter()
            .take_while(|v| **v == values[at])
            .count();
        if same > 1 {
            put_signed(out, same as i64);
            put(out, &values[at]);
            at += same;
            continue;
        }
        let next_run = values[at..].windows(2).position(|two| two[0] == two[1]);
        let end = next_run.map_or(values.len(), |run| at + run);
        put_signed(out, -((end - at) as i64));
        for value in &values[at..end] {
            put(out, value);
        }
        at = end;
    }
}
