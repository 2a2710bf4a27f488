//! The short form of a change, in which it is kept and travels: no more than what its bytes can
//! be made from.
//!
//! ```text
//!   Parts ──at_rest──► row ──for_travel──► frame ──Travelled::read, with deps──► Parts
//! ```
//!
//! The first byte says which: [`FROM_TEXT`] has the operations alone, since actor, start and
//! time of a first change follow from them; [`EDIT`] has everything but the frame of an
//! Automerge chunk; anything else is Automerge's own encoding, which begins with its magic.
//! On the way to a peer an edit names its deps by their first eight bytes, leaves out the mark of
//! the device that names it anyway, and carries four bytes of its hash: the peer makes the change
//! again from what it has, and takes it only when these agree. `docs/wire.md` has every byte.

use std::sync::Arc;

use super::change::{Form, Op, Parts, allowed};
use super::columns::{Draft, hash, other_actors};
use super::leb::{Cursor, put_prefixed, put_unsigned, unzigzag, zigzag};
use super::ops::{put_ops, put_pred, read_ops, read_pred};
use super::sealed::{Entry, Operation, Sealed, Writes};
use super::{DocError, LONGEST_CHANGE, decode, genesis};
use crate::{ChangeHash, DeviceId};

/// A change made from a text alone.
const FROM_TEXT: u8 = 1;
/// Any other change that we would write the same.
const EDIT: u8 = 2;

/// How long the beginning of a dep's hash is that travels.
pub const DEP: usize = 8;
/// How much of a change's own hash travels with an edit.
const CHECK: usize = 4;

/// No message.
const SAYS_NOTHING: u8 = 0;
/// A message as it is.
const SAYS: u8 = 1;
/// What follows the mark of the device that names the change.
const SAYS_OWN: u8 = 2;

/// A change from a peer.
#[derive(Clone, Debug)]
pub enum Travelled {
    /// All of it is known.
    Whole(Box<Sealed>),
    /// An edit, of whose deps only the beginnings are.
    Edit(EditOnItsWay),
}

/// An edit before its deps are known.
#[derive(Clone, Debug)]
pub struct EditOnItsWay {
    parts: Parts,
    deps: Vec<[u8; DEP]>,
    check: [u8; CHECK],
}

/// The short form of a change made from a text.
pub(super) fn text_at_rest<O: Operation>(ops: &[O]) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.push(FROM_TEXT);
    put_ops(&mut out, ops, 0);
    out
}

impl Parts {
    /// The short form to keep. Its hash is kept beside it.
    pub fn at_rest(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        match &self.form {
            Form::Foreign(bytes) => out.extend_from_slice(bytes),
            Form::FromText => return text_at_rest(&self.ops),
            Form::Flat => {
                out.push(EDIT);
                put_unsigned(&mut out, self.deps.len() as u64);
                for dep in &self.deps {
                    out.extend_from_slice(&dep.0);
                }
                match &self.message {
                    Some(text) => {
                        out.push(SAYS);
                        put_prefixed(&mut out, text.as_bytes());
                    }
                    None => out.push(SAYS_NOTHING),
                }
                self.put_rest(&mut out);
            }
        }
        out
    }

    /// What is the same wherever an edit is kept or travels: actor, start, time, operations.
    fn put_rest(&self, out: &mut Vec<u8>) {
        put_prefixed(out, &self.actor);
        put_unsigned(out, self.start);
        put_unsigned(out, zigzag(self.time));
        put_ops(out, &self.ops, self.time);
        put_superseded(out, self.draft());
    }

    /// Reads what [`Self::at_rest`] wrote; `hash` was kept beside it.
    pub fn of_rest(bytes: &[u8], hash: ChangeHash) -> Result<Self, DocError> {
        let Some((form, rest)) = bytes.split_first() else {
            return Err(DocError::NotAChange);
        };
        let mut at = Cursor { rest };
        let parts = match *form {
            FROM_TEXT => text(at),
            EDIT => read_edit(&mut at),
            _ => return decode(bytes),
        };
        let mut parts = parts.ok_or(DocError::NotAChange)?;
        parts.hash = hash;
        Ok(parts)
    }

    /// Likewise, where the hash was not kept: it is made anew.
    #[cfg(feature = "store")]
    pub(crate) fn of_rest_alone(bytes: &[u8]) -> Result<Self, DocError> {
        match bytes.first() {
            Some(&(FROM_TEXT | EDIT)) => {
                let mut parts = Self::of_rest(bytes, ChangeHash([0; 32]))?;
                parts.hash = hash(parts.draft()).0;
                Ok(parts)
            }
            _ => decode(bytes),
        }
    }
}

/// True for the kept form of a change made from a text.
#[cfg(feature = "store")]
pub(crate) fn is_from_text(at_rest: &[u8]) -> bool {
    at_rest.first() == Some(&FROM_TEXT)
}

/// The form in which a change travels, made from that in which it is kept. `by` is the device
/// in whose log it stands.
pub fn for_travel(kept: Vec<u8>, hash: &ChangeHash, by: DeviceId) -> Result<Vec<u8>, DocError> {
    if kept.first() != Some(&EDIT) {
        return Ok(kept);
    }
    shorter(&kept, hash, by).ok_or(DocError::NotAChange)
}

fn shorter(kept: &[u8], hash: &ChangeHash, by: DeviceId) -> Option<Vec<u8>> {
    let mut at = Cursor { rest: &kept[1..] };
    let mut out = Vec::with_capacity(kept.len());
    out.push(EDIT);
    let deps = at.unsigned()?;
    put_unsigned(&mut out, deps);
    for dep in at.take(deps.checked_mul(32)?)?.chunks_exact(32) {
        out.extend_from_slice(&dep[..DEP]);
    }
    match at.array()? {
        [SAYS] => {
            let text = at.prefixed()?;
            let (kind, text) = match text.strip_prefix(mark(by).as_bytes()) {
                Some(source) => (SAYS_OWN, source),
                None => (SAYS, text),
            };
            out.push(kind);
            put_prefixed(&mut out, text);
        }
        [other] => out.push(other),
    }
    out.extend_from_slice(at.rest);
    out.extend_from_slice(&hash.0[..CHECK]);
    Some(out)
}

impl Travelled {
    /// Reads a change that came in the log of a device.
    pub fn read(bytes: &[u8], by: DeviceId) -> Result<Self, DocError> {
        within_limit(bytes.len())?;
        match bytes.split_first() {
            Some((&FROM_TEXT, rest)) => {
                let entries = read_entries(Cursor { rest }).ok_or(DocError::NotAChange)?;
                let actor = genesis::actor(&entries);
                allowed(1, entries.len())?;
                let (hash, length) = hash(Draft::from_text(&actor, &entries));
                within_limit(length)?;
                let at_rest = bytes.to_vec();
                Ok(Self::Whole(Sealed::of_entries(
                    &entries, &actor, hash, at_rest,
                )))
            }
            Some((&EDIT, rest)) => edit(rest, by).ok_or(DocError::NotAChange),
            _ => Ok(Self::Whole(Sealed::of(&decode(bytes)?))),
        }
    }

    /// The beginnings of the hashes of its deps; none where all of it is known already.
    pub fn deps(&self) -> &[[u8; DEP]] {
        match self {
            Self::Whole(_) => &[],
            Self::Edit(edit) => &edit.deps,
        }
    }

    /// The change on the deps with these hashes, one for each beginning. Nothing where it was
    /// made on others.
    pub fn on(self, deps: Vec<ChangeHash>) -> Result<Option<Box<Sealed>>, DocError> {
        let edit = match self {
            Self::Whole(sealed) => return Ok(Some(sealed)),
            Self::Edit(edit) => edit,
        };
        let mut parts = edit.parts;
        parts.deps = deps;
        parts.deps.sort_unstable();
        allowed(parts.start, parts.ops.len())?;
        let (hash, length) = hash(parts.draft());
        within_limit(length)?;
        parts.hash = hash;
        Ok((hash.0[..CHECK] == edit.check).then(|| Sealed::of(&parts)))
    }
}

fn within_limit(bytes: usize) -> Result<(), DocError> {
    let limit = LONGEST_CHANGE;
    if bytes > limit {
        return Err(DocError::TooLong { bytes, limit });
    }
    Ok(())
}

fn text(at: Cursor<'_>) -> Option<Parts> {
    let entries = read_entries(at)?;
    let actor = genesis::actor(&entries);
    Some(genesis::parts(&actor, &entries, ChangeHash([0; 32])))
}

fn read_edit(at: &mut Cursor<'_>) -> Option<Parts> {
    let deps = at.unsigned()?;
    let deps = at.take(deps.checked_mul(32)?)?.chunks_exact(32);
    let deps = deps.filter_map(ChangeHash::from_slice).collect();
    let message = match at.array()? {
        [SAYS_NOTHING] => None,
        [SAYS] => Some(std::str::from_utf8(at.prefixed()?).ok()?.to_owned()),
        _ => return None,
    };
    let parts = rest(at, deps, message)?;
    at.rest.is_empty().then_some(parts)
}

fn edit(bytes: &[u8], by: DeviceId) -> Option<Travelled> {
    let (body, check) = bytes.split_last_chunk()?;
    let mut at = Cursor { rest: body };
    let count = at.unsigned()?;
    let prefixes = at.take(count.checked_mul(DEP as u64)?)?.chunks_exact(DEP);
    let deps = prefixes.filter_map(|dep| dep.try_into().ok()).collect();
    let message = match at.array()? {
        [SAYS_NOTHING] => None,
        [SAYS] => Some(std::str::from_utf8(at.prefixed()?).ok()?.to_owned()),
        [SAYS_OWN] => Some(mark(by) + std::str::from_utf8(at.prefixed()?).ok()?),
        _ => return None,
    };
    let parts = rest(&mut at, Vec::new(), message)?;
    at.rest.is_empty().then_some(Travelled::Edit(EditOnItsWay {
        parts,
        deps,
        check: *check,
    }))
}

fn rest(at: &mut Cursor<'_>, deps: Vec<ChangeHash>, message: Option<String>) -> Option<Parts> {
    let actor: Arc<[u8]> = at.prefixed()?.into();
    let start = at.unsigned().filter(|n| *n > 0)?;
    let time = unzigzag(at.unsigned()?);
    let entries = read_ops(at, time)?;
    let mut ops = genesis::parts(&actor, &entries, ChangeHash([0; 32])).ops;
    read_superseded(at, &actor, &mut ops)?;
    Some(Parts {
        hash: ChangeHash([0; 32]),
        deps,
        actor,
        start,
        time,
        // what is empty is not told from what is absent
        message: message.filter(|text| !text.is_empty()),
        ops,
        form: Form::Flat,
    })
}

/// What the message of an edit begins with: four bytes of the device and a space.
pub(super) fn mark(device: DeviceId) -> String {
    let [a, b, c, d, ..] = device.0;
    format!("{a:02x}{b:02x}{c:02x}{d:02x} ")
}

/// The operations of a change made from a text: in the order of their keys, and no deletes.
fn read_entries(mut at: Cursor<'_>) -> Option<Vec<Entry<'_>>> {
    let entries = read_ops(&mut at, 0)?;
    let fits = entries.windows(2).all(|two| two[0].key < two[1].key)
        && entries.iter().all(|entry| entry.writes != Writes::Nothing);
    (fits && at.rest.is_empty()).then_some(entries)
}

/// The other actors, then what the operations supersede.
fn put_superseded(out: &mut Vec<u8>, draft: Draft<'_, Op>) {
    let others = other_actors(draft);
    put_unsigned(out, others.len() as u64);
    for actor in &others {
        put_prefixed(out, actor);
    }
    put_pred(out, draft, &others);
}

fn read_superseded(at: &mut Cursor<'_>, own: &Arc<[u8]>, ops: &mut [Op]) -> Option<()> {
    let mut actors = vec![own.clone()];
    for _ in 0..at.unsigned()? {
        actors.push(at.prefixed()?.into());
    }
    read_pred(at, &actors, ops)
}
