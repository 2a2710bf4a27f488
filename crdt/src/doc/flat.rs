//! Reads the bytes of a change that pimesh could have written, without Automerge.
//!
//! What is read here is written again and compared: only a change whose every byte is what
//! [`super::columns`] makes of its parts is taken. Any other, well-formed or not, is left to
//! Automerge. So this reader can refuse too much, but never read something else than Automerge.

use std::sync::Arc;

use super::change::{Action, Form, Op, OpId, Parts, Value};
use super::columns::{
    ACTION, BEFORE_LENGTH, CHANGE, DELETE, GROUP, INSERT, KEY, MAGIC, META, NULL, NUMBER,
    PRED_ACTOR, PRED_COUNTER, PUT, RAW, TEXT, write,
};
use super::genesis;
use super::leb::{Cursor, Run};
use crate::ChangeHash;

/// More superseded operations than any change of ours names; Automerge may read more.
const MOST_SUPERSEDED: u64 = 1 << 12;
/// More columns than a flat change has.
const MOST_COLUMNS: u64 = 8;

/// The parts of a change, where its bytes follow from them.
pub(super) fn read(bytes: &[u8]) -> Option<Parts> {
    let mut at = Cursor { rest: bytes };
    if at.array()? != MAGIC {
        return None;
    }
    at.take((BEFORE_LENGTH - MAGIC.len() - 1) as u64)?; // the checksum is compared below
    if at.array()? != [CHANGE] || at.unsigned()? != at.rest.len() as u64 {
        return None;
    }
    let mut parts = body(at)?;
    let (hash, again) = write(parts.draft());
    parts.hash = hash;
    if again != bytes {
        return None;
    }
    let writes_only = |op: &Op| op.pred.is_empty() && op.action != Action::Delete;
    if parts.is_from_text()
        && (parts.start, parts.time, &parts.message) == (1, 0, &None)
        && parts.ops.iter().all(writes_only)
        && parts.ops.windows(2).all(|two| two[0].key < two[1].key)
        && genesis::actor(&parts.ops) == *parts.actor
    {
        parts.form = Form::FromText;
    }
    Some(parts)
}

fn body(mut at: Cursor<'_>) -> Option<Parts> {
    let deps = at.unsigned()?;
    let deps = at.take(deps.checked_mul(32)?)?.chunks_exact(32);
    let deps = deps.filter_map(ChangeHash::from_slice).collect();
    let actor: Arc<[u8]> = at.prefixed()?.into();
    if at.unsigned()? != 1 {
        return None;
    }
    let (start, time) = (at.unsigned()?, at.signed()?);
    let message = match at.prefixed()? {
        [] => None,
        text => Some(std::str::from_utf8(text).ok()?.to_owned()),
    };
    let mut actors = vec![actor.clone()];
    for _ in 0..at.unsigned()? {
        actors.push(at.prefixed()?.into());
    }
    let ops = Columns::read(at)?.ops(&actors)?;
    Some(Parts {
        hash: ChangeHash([0; 32]),
        deps,
        actor,
        start,
        time,
        message,
        ops,
        form: Form::Flat,
    })
}

/// The columns of a change, empty where they are absent.
#[derive(Default)]
struct Columns<'a> {
    key: &'a [u8],
    insert: &'a [u8],
    action: &'a [u8],
    meta: &'a [u8],
    raw: &'a [u8],
    group: &'a [u8],
    pred_actor: &'a [u8],
    pred_counter: &'a [u8],
}

impl<'a> Columns<'a> {
    fn read(mut at: Cursor<'a>) -> Option<Self> {
        let count = at.unsigned()?;
        if count > MOST_COLUMNS {
            return None;
        }
        let mut sizes = Vec::with_capacity(MOST_COLUMNS as usize);
        for _ in 0..count {
            sizes.push((at.unsigned()?, at.unsigned()?));
        }
        let mut columns = Self::default();
        for (kind, size) in sizes {
            let column = match kind {
                KEY => &mut columns.key,
                INSERT => &mut columns.insert,
                ACTION => &mut columns.action,
                META => &mut columns.meta,
                RAW => &mut columns.raw,
                GROUP => &mut columns.group,
                PRED_ACTOR => &mut columns.pred_actor,
                PRED_COUNTER => &mut columns.pred_counter,
                _ => return None,
            };
            *column = at.take(size)?;
        }
        at.rest.is_empty().then_some(columns)
    }

    fn ops(&self, actors: &[Arc<[u8]>]) -> Option<Vec<Op>> {
        let keys = texts(self.key)?;
        let count = keys.len() as u64;
        if count == 0 {
            return None;
        }
        let mut actions = numbers(self.action, count)?.into_iter();
        let mut metas = numbers(self.meta, count)?.into_iter();
        let groups = numbers(self.group, count)?;
        let superseded = groups
            .iter()
            .try_fold(0_u64, |sum, n| sum.checked_add(*n))?;
        if superseded > MOST_SUPERSEDED {
            return None;
        }
        let mut pred_actors = numbers(self.pred_actor, superseded)?.into_iter();
        let mut pred_counters = deltas(self.pred_counter, superseded)?.into_iter();
        let mut raw = Cursor { rest: self.raw };
        let mut ops = Vec::with_capacity(keys.len());
        for (key, group) in keys.into_iter().zip(groups) {
            let meta = metas.next()?;
            let value = raw.take(meta >> 4)?;
            let action = match (actions.next()?, meta & 15) {
                (PUT, TEXT) => Action::Put(Value::Text(std::str::from_utf8(value).ok()?.into())),
                (PUT, NUMBER) => Action::Put(Value::Number(Cursor { rest: value }.signed()?)),
                (DELETE, NULL) => Action::Delete,
                _ => return None,
            };
            let mut pred = Vec::with_capacity(usize::try_from(group).ok()?);
            for _ in 0..group {
                let actor = actors.get(usize::try_from(pred_actors.next()?).ok()?)?;
                pred.push(OpId {
                    counter: u64::try_from(pred_counters.next()?).ok()?,
                    actor: actor.clone(),
                });
            }
            ops.push(Op { key, action, pred });
        }
        Some(ops)
    }
}

/// A column of texts that never repeats one twice in a row.
fn texts(column: &[u8]) -> Option<Vec<String>> {
    let mut at = Cursor { rest: column };
    let mut out = Vec::new();
    while !at.rest.is_empty() {
        let Run::Different(n) = at.run()? else {
            return None;
        };
        for _ in 0..n {
            out.push(std::str::from_utf8(at.prefixed()?).ok()?.to_owned());
        }
    }
    Some(out)
}

/// A column of exactly so many numbers.
fn numbers(column: &[u8], count: u64) -> Option<Vec<u64>> {
    expanded(column, count, Cursor::unsigned)
}

/// A column of exactly so many numbers, each as what is added to the one before.
fn deltas(column: &[u8], count: u64) -> Option<Vec<i64>> {
    let mut all = expanded(column, count, Cursor::signed)?;
    let mut last = 0_i64;
    for n in &mut all {
        last = last.checked_add(*n)?;
        *n = last;
    }
    Some(all)
}

fn expanded<'a, T: Copy>(
    column: &'a [u8],
    count: u64,
    value: impl Fn(&mut Cursor<'a>) -> Option<T>,
) -> Option<Vec<T>> {
    let mut at = Cursor { rest: column };
    let mut out = Vec::with_capacity(usize::try_from(count).ok()?);
    while !at.rest.is_empty() {
        let room = count - out.len() as u64;
        match at.run()? {
            Run::Same(n) if n <= room => {
                let same = value(&mut at)?;
                out.extend((0..n).map(|_| same));
            }
            Run::Different(n) if n <= room => {
                for _ in 0..n {
                    out.push(value(&mut at)?);
                }
            }
            Run::Same(_) | Run::Different(_) | Run::Null(_) => return None,
        }
    }
    (out.len() as u64 == count).then_some(out)
}
