//! The changes of a document one by one: what each wrote, over what, and whether the item
//! lived afterwards.

use std::collections::{BTreeSet, HashMap};

use super::change::Action;
use super::{Document, OpId, Shown, Value, View};
use crate::ChangeHash;
use crate::canon;
use crate::item::key;

/// One change, as a person may want to know of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its name.
    pub change: ChangeHash,
    /// Unix milliseconds by its writer's clock; 0 where it was made from a text.
    pub time: i64,
    /// Who made it and from where; nothing where it was made from a text.
    pub by: Option<String>,
    /// What it wrote, by key. Of a text that was read beside what was known: what differed.
    pub altered: Vec<Altered>,
    /// What it brought to life or ended: an override, or with no id the item itself.
    pub lives: Vec<(Option<String>, Life)>,
}

/// One register that a change wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Altered {
    /// The whole key.
    pub key: String,
    /// What its writer replaced; nothing where there was nothing.
    pub old: Option<String>,
    /// What it holds from then on; nothing where it was removed.
    pub new: Option<String>,
}

/// What became of an item or an override.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// It was not there before.
    Created,
    /// It was ended.
    Deleted,
    /// It had been ended and is alive again.
    Restored,
}

impl Document {
    /// What changes wrote to some keys, without what became of the item; in no particular order.
    /// Takes no longer the longer the history of other keys is.
    pub fn writes(&self, fits: impl Fn(&str) -> bool) -> Vec<Step> {
        let mut written: HashMap<OpId, &str> = HashMap::new();
        let changes = self.changes();
        for change in changes {
            for (index, op) in change.ops.iter().enumerate() {
                if let Action::Put(Value::Text(text)) = &op.action
                    && fits(&op.key)
                {
                    written.insert(change.op_id(index), text);
                }
            }
        }
        let altered = |op: &super::change::Op| Altered {
            key: op.key.clone(),
            old: op
                .pred
                .iter()
                .max()
                .and_then(|id| written.get(id))
                .map(|old| (*old).to_owned()),
            new: match &op.action {
                Action::Put(Value::Text(text)) => Some(text.clone()),
                Action::Put(Value::Number(_)) | Action::Delete => None,
            },
        };
        let mut out = Vec::new();
        for change in changes {
            let ops = change.ops.iter().filter(|op| fits(&op.key));
            let altered: Vec<Altered> = ops.map(altered).collect();
            if !altered.is_empty() {
                out.push(Step {
                    change: change.hash,
                    time: change.time,
                    by: change.message.clone(),
                    altered,
                    lives: Vec::new(),
                });
            }
        }
        out
    }

    /// All changes in an order that is closed under dependencies, such as that of receipt.
    pub fn steps(&self, place: impl Fn(&ChangeHash) -> u64) -> Vec<Step> {
        let mut order: Vec<_> = self.changes().iter().collect();
        order.sort_by_key(|change| (place(&change.hash), change.start, change.hash));
        let mut written: HashMap<OpId, &str> = HashMap::new();
        let mut before = Shown::default();
        let mut known = BTreeSet::new();
        let mut out = Vec::new();
        for (at, change) in order.iter().enumerate() {
            let shown = View::of(order[..=at].iter().copied()).shown();
            let mut altered = Vec::new();
            for (index, op) in change.ops.iter().enumerate() {
                let new = match &op.action {
                    Action::Put(Value::Text(text)) => Some(text.as_str()),
                    Action::Put(Value::Number(_)) => continue,
                    Action::Delete => None,
                };
                if let Some(text) = new {
                    written.insert(change.op_id(index), text);
                }
                let rest = key::split_override(&op.key).1;
                if rest.starts_with('~') || rest == "UID" {
                    continue;
                }
                let old = match change.is_from_text() {
                    true => before.item.value(&op.key),
                    false => op.pred.iter().max().and_then(|id| written.get(id).copied()),
                };
                let form = |value: &str| canon::form(key::name(&op.key), value);
                if change.is_from_text() && old.map(form) == new.map(form) {
                    continue;
                }
                altered.push(Altered {
                    key: op.key.clone(),
                    old: old.map(str::to_owned),
                    new: new.map(str::to_owned),
                });
            }
            out.push(Step {
                change: change.hash,
                time: change.time,
                by: change.message.clone(),
                altered,
                lives: lives(&before, &shown, &mut known),
            });
            before = shown;
        }
        out
    }
}

impl Document {
    /// When and by whom the item was ended last, by the writers' clocks. Nothing where nobody
    /// ended it: it is alive, or its organizer cancelled it.
    pub fn ended(&self) -> Option<(i64, Option<String>)> {
        let ends = |change: &&std::sync::Arc<super::Parts>| {
            let mut ops = change.ops.iter();
            ops.any(|op| op.key == key::LIVE && op.action == Action::Delete)
        };
        let last = self.changes().iter().filter(ends);
        last.max_by_key(|change| (change.time, change.hash))
            .map(|change| (change.time, change.message.clone()))
    }
}

/// What lives in one of two states only. `known` are those that have lived before.
fn lives(
    before: &Shown,
    after: &Shown,
    known: &mut BTreeSet<Option<String>>,
) -> Vec<(Option<String>, Life)> {
    let alive = |shown: &Shown| -> BTreeSet<Option<String>> {
        let overrides = shown.item.overrides().into_iter();
        let overrides = overrides.map(|rid| Some(rid.to_owned()));
        let own = shown.live.then_some(None);
        own.into_iter().chain(overrides).collect()
    };
    let (before, after) = (alive(before), alive(after));
    let mut out = Vec::new();
    for rid in before.union(&after) {
        let life = match (before.contains(rid), after.contains(rid)) {
            (false, true) if known.insert(rid.clone()) => Life::Created,
            (false, true) => Life::Restored,
            (true, false) => Life::Deleted,
            _ => continue,
        };
        out.push((rid.clone(), life));
    }
    out
}
