//! Many edits of one document in one piece, to be packed as one.
//!
//! Edits of one document say much of the same: each builds on the one before, supersedes what
//! that one wrote, and comes from the same devices. A chunk says it once. Every edit can be taken
//! out again with its exact bytes: what follows from the others is filled in, and its hash is
//! made anew.

use std::collections::HashMap;
use std::sync::Arc;

use super::change::{Form, Parts};
use super::columns::{hash, other_actors};
use super::leb::{Cursor, put_prefixed, put_unsigned, unzigzag, zigzag};
use super::ops::{put_ops, put_pred, read_ops, read_pred};
use super::{DocError, genesis};
use crate::ChangeHash;

/// Something that is not in the chunk follows.
const ELSEWHERE: u64 = 0;
/// The message of the edit before.
const AS_BEFORE: u64 = 0;
/// No message; beyond, two more than the length of the message.
const NO_MESSAGE: u64 = 1;

/// True for a change that a chunk can hold.
pub(crate) fn fits_a_chunk(change: &Parts) -> bool {
    change.form == Form::Flat
}

/// One chunk with these edits, in an order in which every one comes after those it builds on.
///
/// `before` is the first change of the document, where whoever reads the chunk has it: edits of
/// items that see few of them build on it, and say so in a byte.
pub(crate) fn pack_chunk(edits: Vec<Parts>, before: Option<&Parts>) -> (Vec<ChangeHash>, Vec<u8>) {
    let edits = in_order(edits);
    let mut out = Vec::with_capacity(edits.len() * 128);
    put_unsigned(&mut out, edits.len() as u64);
    let mut places: HashMap<ChangeHash, usize> = HashMap::new();
    let mut actors: HashMap<&[u8], usize> = HashMap::new();
    let (mut start, mut time, mut message) = (0_i64, 0_i64, None);
    if let Some(first) = before {
        places.insert(first.hash, 0);
        actors.insert(&first.actor, 0);
    }
    // the first change has place 0, whether it is there or not
    for (at, edit) in (1..).zip(&edits) {
        put_unsigned(&mut out, edit.deps.len() as u64);
        for dep in &edit.deps {
            match places.get(dep) {
                Some(place) => put_unsigned(&mut out, (at - place) as u64),
                None => {
                    put_unsigned(&mut out, ELSEWHERE);
                    out.extend_from_slice(&dep.0);
                }
            }
        }
        match edit.message.as_deref() {
            said if at > 1 && said == message => put_unsigned(&mut out, AS_BEFORE),
            None => put_unsigned(&mut out, NO_MESSAGE),
            Some(said) => {
                put_unsigned(&mut out, said.len() as u64 + NO_MESSAGE + 1);
                out.extend_from_slice(said.as_bytes());
            }
        }
        message = edit.message.as_deref();
        put_prefixed(&mut out, &edit.actor);
        let begins = i64::try_from(edit.start).unwrap_or(i64::MAX);
        put_unsigned(&mut out, zigzag(begins.wrapping_sub(start)));
        put_unsigned(&mut out, zigzag(edit.time.wrapping_sub(time)));
        (start, time) = (begins, edit.time);
        put_ops(&mut out, &edit.ops, edit.time);
        let others = other_actors(edit.draft());
        put_unsigned(&mut out, others.len() as u64);
        for actor in &others {
            match actors.get(actor) {
                Some(place) => put_unsigned(&mut out, (at - place) as u64),
                None => {
                    put_unsigned(&mut out, ELSEWHERE);
                    put_prefixed(&mut out, actor);
                }
            }
        }
        put_pred(&mut out, edit.draft(), &others);
        places.insert(edit.hash, at);
        actors.insert(&edit.actor, at);
    }
    (edits.iter().map(|edit| edit.hash).collect(), out)
}

/// Every edit after those it builds on; of several that could come next, the least hash.
fn in_order(mut edits: Vec<Parts>) -> Vec<Parts> {
    edits.sort_unstable_by_key(|edit| (edit.start, edit.hash));
    edits
}

/// The edits of a chunk, in its order; `before` is what it was packed with.
pub(crate) fn unpack_chunk(bytes: &[u8], before: Option<&Parts>) -> Result<Vec<Parts>, DocError> {
    read(Cursor { rest: bytes }, before).ok_or(DocError::NotAChange)
}

fn read(mut at: Cursor<'_>, first: Option<&Parts>) -> Option<Vec<Parts>> {
    let count = at.unsigned()?;
    let mut edits: Vec<Parts> = Vec::new();
    for _ in 0..count {
        let edit = read_edit(&mut at, &edits, first)?;
        edits.push(edit);
    }
    at.rest.is_empty().then_some(edits)
}

fn read_edit(at: &mut Cursor<'_>, before: &[Parts], first: Option<&Parts>) -> Option<Parts> {
    let back = |back: u64| {
        let place = (before.len() + 1).checked_sub(usize::try_from(back).ok()?)?;
        match place.checked_sub(1) {
            Some(place) => before.get(place),
            None => first,
        }
    };
    let mut deps = Vec::new();
    for _ in 0..at.unsigned()? {
        deps.push(match at.unsigned()? {
            ELSEWHERE => ChangeHash(at.array()?),
            place => back(place)?.hash,
        });
    }
    let message = match at.unsigned()? {
        AS_BEFORE => before.last()?.message.clone(),
        NO_MESSAGE => None,
        length => {
            let said = at.take(length - NO_MESSAGE - 1)?;
            Some(std::str::from_utf8(said).ok()?.to_owned())
        }
    };
    let actor: Arc<[u8]> = at.prefixed()?.into();
    let (start, time) = before
        .last()
        .map_or((0, 0), |it| (it.start as i64, it.time));
    let start = u64::try_from(start.wrapping_add(unzigzag(at.unsigned()?))).ok()?;
    let time = time.wrapping_add(unzigzag(at.unsigned()?));
    let entries = read_ops(at, time)?;
    let mut ops = genesis::parts(&actor, &entries, ChangeHash([0; 32])).ops;
    let mut actors = vec![actor.clone()];
    for _ in 0..at.unsigned()? {
        actors.push(match at.unsigned()? {
            ELSEWHERE => at.prefixed()?.into(),
            place => back(place)?.actor.clone(),
        });
    }
    read_pred(at, &actors, &mut ops)?;
    let mut edit = Parts {
        hash: ChangeHash([0; 32]),
        deps,
        actor,
        start,
        time,
        message,
        ops,
        form: Form::Flat,
    };
    edit.hash = hash(edit.draft()).0;
    Some(edit)
}
