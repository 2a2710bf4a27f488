//! Edits into a change at the version their writer saw.

use std::collections::{BTreeMap, BTreeSet};

use super::change::{Action, Form, Op, Value};
use super::short::mark;
use super::shown::Shown;
use super::{DocError, Document, NewChange, OpId, Parts, View};
use crate::diff::Edit;
use crate::item::key;
#[cfg(feature = "mutants")]
use crate::mutants::{self, Mutant};
use crate::{ChangeHash, DeviceId, Timestamp};

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// A person, whose edit beats a concurrent delete.
    Person,
    /// A machine (an alarm acknowledged, a reply counted): it must not raise the dead.
    Machine,
}

/// Who makes a change, from where and when. Randomness and time are arguments.
#[derive(Clone, Debug)]
pub struct Author {
    /// The device.
    pub device: DeviceId,
    /// The program or source it came from, for people: `cli`, `import`, the name of a source.
    pub source: String,
    /// Whether a person meant it.
    pub writer: Writer,
    /// The device's clock.
    pub now: Timestamp,
    /// Fresh random bytes: no two edits ever share an actor.
    pub random: [u8; 16],
}

/// Which operations on a key a write supersedes.
type Supersedes<'f> = &'f dyn Fn(&Shown, &str) -> Vec<OpId>;

impl Document {
    /// A change with these edits, on the version that their writer saw. Nothing where there is
    /// nothing to write.
    ///
    /// It supersedes exactly what the writer was shown: a value hidden behind the shown one
    /// stays until someone resolves the conflict.
    pub fn edit(
        &self,
        base: &[ChangeHash],
        edits: &[Edit],
        author: &Author,
    ) -> Result<Option<NewChange>, DocError> {
        self.written(base, edits, author, &Shown::represents)
    }

    /// The same, but it supersedes every value that there was to choose from: what a person
    /// writes who was shown all of them.
    pub fn resolve(
        &self,
        base: &[ChangeHash],
        edits: &[Edit],
        author: &Author,
    ) -> Result<Option<NewChange>, DocError> {
        self.written(base, edits, author, &Shown::has_a_say)
    }

    /// Whether these are the heads, in any order: most are edited as they are now.
    fn is_current(&self, base: &[ChangeHash]) -> bool {
        let mut base = base.to_vec();
        base.sort_unstable();
        base.dedup();
        base == self.heads()
    }

    /// The same, superseding exactly what the caller says.
    pub(super) fn written(
        &self,
        base: &[ChangeHash],
        edits: &[Edit],
        author: &Author,
        supersedes: Supersedes<'_>,
    ) -> Result<Option<NewChange>, DocError> {
        #[cfg(feature = "mutants")]
        let heads = self.heads();
        #[cfg(feature = "mutants")]
        let base = if mutants::is(Mutant::CurrentHeads) {
            &heads
        } else {
            base
        };
        let now = self.view();
        let earlier = match self.is_current(base) {
            true => None,
            false => Some(self.view_at(base)?),
        };
        let view = earlier.as_ref().unwrap_or(&now);
        let shown = Shown::of(view);
        let lives = Lives::of(&now, view);
        let mut ops: BTreeMap<String, Op> = BTreeMap::new();
        for rid in written_anew(edits) {
            clear_ended(rid, view, &shown, &mut ops);
        }
        for edit in edits {
            let supersedes = |key: &str| supersedes(&shown, key);
            clear_twins(edit, &shown, supersedes, &mut ops);
            write(edit, view, supersedes, &mut ops);
            if let Edit::Revive { rid } = edit {
                lives.write(rid.as_deref(), author, &mut ops);
            }
        }
        if ops.is_empty() {
            return Ok(None);
        }
        let is_person = author.writer == Writer::Person && !are_heard(edits);
        if is_person && !is_delete(edits) {
            for rid in touched(edits) {
                lives.write(rid, author, &mut ops);
            }
            lives.write(None, author, &mut ops);
        }
        let ops: Vec<Op> = ops.into_values().collect();
        let mut deps = base.to_vec();
        deps.sort_unstable();
        deps.dedup();
        let actor = actor(author, &deps, &ops);
        let message = mark(author.device) + &author.source;
        let time = i64::try_from(author.now.0).unwrap_or(i64::MAX);
        Ok(Some(NewChange::of(Parts {
            hash: ChangeHash([0; 32]),
            deps,
            actor: actor.as_slice().into(),
            start: view.max_op + 1,
            time,
            message: Some(message),
            ops,
            form: Form::Flat,
        })))
    }
}

/// An element that is shown for several ends them with itself.
fn clear_twins(
    edit: &Edit,
    shown: &Shown,
    supersedes: impl Fn(&str) -> Vec<OpId>,
    ops: &mut BTreeMap<String, Op>,
) {
    let (Edit::Set { key, .. } | Edit::Clear { key }) = edit else {
        return;
    };
    for twin in shown.twins(key) {
        let pred = supersedes(twin);
        if pred.is_empty() {
            continue;
        }
        let op = Op {
            key: twin.clone(),
            action: Action::Delete,
            pred,
        };
        ops.entry(twin.clone()).or_insert(op);
    }
}

/// The operation of one edit, but for those of life.
fn write(
    edit: &Edit,
    view: &View<'_>,
    supersedes: impl Fn(&str) -> Vec<OpId>,
    ops: &mut BTreeMap<String, Op>,
) {
    match edit {
        Edit::Set { key, value } => {
            let action = Action::Put(Value::Text(value.clone()));
            let pred = match ops.get(key) {
                Some(cleared) => cleared.pred.clone(),
                None => supersedes(key),
            };
            ops.insert(
                key.clone(),
                Op {
                    key: key.clone(),
                    action,
                    pred,
                },
            );
        }
        Edit::Clear { key } => {
            let pred = supersedes(key);
            if !pred.is_empty() {
                let op = Op {
                    key: key.clone(),
                    action: Action::Delete,
                    pred,
                };
                ops.insert(key.clone(), op);
            }
        }
        Edit::Delete { rid } => {
            let at = format!("{}{}", key::prefix(rid.as_deref()), key::LIVE);
            let pred: Vec<_> = view.candidates(&at).iter().map(|c| c.id.clone()).collect();
            if !pred.is_empty() {
                ops.insert(
                    at.clone(),
                    Op {
                        key: at,
                        action: Action::Delete,
                        pred,
                    },
                );
            }
        }
        Edit::Revive { .. } => {}
    }
}

/// The visible `~live`s: what a new one must differ from, and what it supersedes.
struct Lives<'v, 'a> {
    now: &'v View<'a>,
    base: &'v View<'a>,
}

impl<'v, 'a> Lives<'v, 'a> {
    fn of(now: &'v View<'a>, base: &'v View<'a>) -> Self {
        Self { now, base }
    }

    /// Writes a `~live` that differs from all visible ones: Automerge drops a put of the value
    /// already there, and the put is what beats a concurrent delete.
    fn write(&self, rid: Option<&str>, author: &Author, ops: &mut BTreeMap<String, Op>) {
        const BELOW: i64 = (1 << 53) - 1; // whole numbers that every JSON reader keeps exact
        let at = format!("{}{}", key::prefix(rid), key::LIVE);
        if ops.contains_key(&at) {
            return;
        }
        let base = self.base.candidates(&at);
        #[cfg(feature = "mutants")]
        if mutants::is(Mutant::SameLive) && !base.is_empty() {
            return;
        }
        let seen = self.now.candidates(&at).iter().chain(base);
        let greatest = seen
            .filter_map(|c| match c.value {
                Value::Number(n) => Some(*n),
                Value::Text(_) => None,
            })
            .max()
            .unwrap_or(0);
        let clock = i64::try_from(author.now.0).unwrap_or(BELOW).min(BELOW);
        let value = clock.max(greatest.saturating_add(1)).min(BELOW);
        let op = Op {
            key: at.clone(),
            action: Action::Put(Value::Number(value)),
            pred: base.iter().map(|c| c.id.clone()).collect(),
        };
        ops.insert(at, op);
    }
}

/// The overrides that are brought to life with registers of their own, not as they were.
fn written_anew(edits: &[Edit]) -> BTreeSet<&str> {
    let with_registers: BTreeSet<&str> = edits
        .iter()
        .filter_map(|edit| match edit {
            Edit::Set { key, .. } => key::split_override(key).0,
            Edit::Clear { .. } | Edit::Delete { .. } | Edit::Revive { .. } => None,
        })
        .collect();
    edits
        .iter()
        .filter_map(|edit| match edit {
            Edit::Revive { rid } => rid.as_deref(),
            Edit::Set { .. } | Edit::Clear { .. } | Edit::Delete { .. } => None,
        })
        .filter(|rid| with_registers.contains(rid))
        .collect()
}

/// What an ended override said does not come back beside what is written in its place.
///
/// It has ended where it is not shown: by a delete, or by an organiser's update that does not
/// speak of it any more.
fn clear_ended(rid: &str, base: &View<'_>, shown: &Shown, ops: &mut BTreeMap<String, Op>) {
    if shown.item.component(Some(rid)).next().is_some() {
        return;
    }
    let prefix = key::prefix(Some(rid));
    let of_override = base
        .keys
        .range(prefix.as_str()..)
        .take_while(|(at, _)| at.starts_with(&prefix))
        .filter(|(at, _)| !at[prefix.len()..].starts_with('~'));
    for (at, candidates) in of_override {
        let op = Op {
            key: (*at).to_owned(),
            action: Action::Delete,
            pred: candidates.iter().map(|c| c.id.clone()).collect(),
        };
        ops.insert((*at).to_owned(), op);
    }
}

/// True where all that is written is that alarms were heard: nobody has changed the item.
fn are_heard(edits: &[Edit]) -> bool {
    let is_heard = |edit: &Edit| matches!(edit, Edit::Set { key, .. } if key.ends_with("/ack"));
    edits.iter().all(is_heard)
}

/// True where the edits end the item itself.
fn is_delete(edits: &[Edit]) -> bool {
    edits
        .iter()
        .any(|edit| matches!(edit, Edit::Delete { rid: None }))
}

/// The overrides that a writer changed and did not end.
fn touched(edits: &[Edit]) -> impl Iterator<Item = Option<&str>> {
    edits.iter().filter_map(|edit| match edit {
        Edit::Set { key, .. } | Edit::Clear { key } => key::split_override(key).0.map(Some),
        Edit::Delete { .. } | Edit::Revive { .. } => None,
    })
}

/// 8 bytes of H(device, deps, ops, random): never used twice.
fn actor(author: &Author, deps: &[ChangeHash], ops: &[Op]) -> [u8; 8] {
    let mut hasher = blake3::Hasher::new_derive_key("pimesh actor v1");
    hasher.update(&author.device.0);
    #[cfg(feature = "mutants")]
    if mutants::is(Mutant::StableActor) {
        let mut out = [0; 8];
        out.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        return out;
    }
    for dep in deps {
        hasher.update(&dep.0);
    }
    for op in ops {
        hasher.update(op.key.as_bytes());
        if let Action::Put(Value::Text(text)) = &op.action {
            hasher.update(text.as_bytes());
        }
    }
    hasher.update(&author.random);
    let mut out = [0; 8];
    out.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    out
}
