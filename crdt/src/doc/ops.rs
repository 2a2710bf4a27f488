//! How operations are written wherever we write them ourselves: in what travels, in what is
//! kept, in chunks.

use std::sync::Arc;

use super::change::{MOST_OPERATIONS, Op, OpId};
use super::columns::{Draft, index};
use super::leb::{Cursor, put_prefixed, put_unsigned, unzigzag, zigzag};
use super::sealed::{Entry, Operation, Writes};

/// What a value is, in the low two bits; the others are the length of a text.
const TEXT: u64 = 0;
const NUMBER: u64 = 1;
const DELETED: u64 = 2;
/// A number equal to the time of the change.
const THE_TIME: u64 = 3;

/// All keys, then what all values are, then all texts: like beside like packs best.
pub(super) fn put_ops<O: Operation>(out: &mut Vec<u8>, ops: &[O], time: i64) {
    put_unsigned(out, ops.len() as u64);
    for op in ops {
        put_prefixed(out, op.key().as_bytes());
    }
    for op in ops {
        let what = match op.writes() {
            Writes::Text(text) => (text.len() as u64) << 2 | TEXT,
            Writes::Number(number) if number == time => THE_TIME,
            Writes::Number(_) => NUMBER,
            Writes::Nothing => DELETED,
        };
        put_unsigned(out, what);
    }
    for op in ops {
        match op.writes() {
            Writes::Text(text) => out.extend_from_slice(text.as_bytes()),
            Writes::Number(number) if number != time => put_unsigned(out, zigzag(number)),
            Writes::Number(_) | Writes::Nothing => {}
        }
    }
}

/// Operations that supersede nothing yet.
pub(super) fn read_ops<'a>(at: &mut Cursor<'a>, time: i64) -> Option<Vec<Entry<'a>>> {
    let count = at.unsigned()?;
    // every key takes a byte at least
    let room = usize::try_from(count)
        .ok()
        .filter(|n| *n <= at.rest.len())?;
    let mut entries: Vec<Entry<'_>> = Vec::with_capacity(room);
    for _ in 0..count {
        let key = std::str::from_utf8(at.prefixed()?).ok()?;
        // no change of ours writes a key twice, and no reader of ours takes one that does
        if entries.last().is_some_and(|last| last.key == key) {
            return None;
        }
        entries.push(Entry {
            key: key.into(),
            writes: Writes::Nothing,
        });
    }
    let mut values = at.clone();
    for _ in 0..count {
        values.unsigned()?;
    }
    for entry in &mut entries {
        let what = at.unsigned()?;
        entry.writes = match what & 3 {
            TEXT => Writes::Text(std::str::from_utf8(values.take(what >> 2)?).ok()?),
            NUMBER => Writes::Number(unzigzag(values.unsigned()?)),
            THE_TIME => Writes::Number(time),
            _ => Writes::Nothing,
        };
    }
    *at = values;
    Some(entries)
}

/// How many operations each operation supersedes, then which.
pub(super) fn put_pred<O: Operation>(out: &mut Vec<u8>, draft: Draft<'_, O>, others: &[&[u8]]) {
    for op in draft.ops {
        put_unsigned(out, op.pred().len() as u64);
    }
    for id in draft.ops.iter().flat_map(Operation::pred) {
        put_unsigned(out, index(draft, others, id));
        put_unsigned(out, id.counter);
    }
}

/// Reads what [`put_pred`] wrote; the writer's own actor is the first.
pub(super) fn read_pred(at: &mut Cursor<'_>, actors: &[Arc<[u8]>], ops: &mut [Op]) -> Option<()> {
    let mut counts = Vec::with_capacity(ops.len());
    for _ in 0..ops.len() {
        counts.push(at.unsigned()?);
    }
    for (op, count) in ops.iter_mut().zip(counts) {
        for _ in 0..count {
            let actor = actors.get(usize::try_from(at.unsigned()?).ok()?)?.clone();
            let counter = at.unsigned().filter(|n| *n < MOST_OPERATIONS)?;
            op.pred.push(OpId { counter, actor });
        }
        // the order in which they are written
        op.pred.sort_unstable();
    }
    Some(())
}
