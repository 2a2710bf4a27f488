//! The visible values of a document, without loading it into Automerge.
//!
//! A flat map needs no more than this: a value is visible when no operation here names it
//! as superseded. The order among several is Automerge's: the greatest operation id last.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashSet};

use super::change::Action;
use super::{OpId, Parts, Value};

/// One visible value of a key.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The operation that wrote it.
    pub id: OpId,
    /// What it wrote.
    pub value: &'a Value,
    /// The change it came with.
    pub change: &'a Parts,
}

/// All visible values, by key, the least operation id first.
#[derive(Clone, Debug, Default)]
pub struct View<'a> {
    /// Never holds an empty list.
    pub keys: BTreeMap<&'a str, Vec<Candidate<'a>>>,
    /// The greatest counter used.
    pub max_op: u64,
    /// The changes it was made from.
    pub changes: Vec<&'a Parts>,
}

impl<'a> View<'a> {
    /// From a set of changes that is closed under deps.
    pub fn of<P: Borrow<Parts> + 'a>(changes: impl Iterator<Item = &'a P>) -> Self {
        let changes: Vec<&Parts> = changes.map(Borrow::borrow).collect();
        let superseded: HashSet<&OpId> = changes
            .iter()
            .flat_map(|c| &c.ops)
            .flat_map(|op| &op.pred)
            .collect();
        let mut view = Self {
            changes: changes.clone(),
            ..Self::default()
        };
        for change in &changes {
            view.max_op = view.max_op.max(change.max_op());
            for (index, op) in change.ops.iter().enumerate() {
                let Action::Put(value) = &op.action else {
                    continue;
                };
                let id = change.op_id(index);
                if !superseded.contains(&id) {
                    view.keys
                        .entry(&op.key)
                        .or_default()
                        .push(Candidate { id, value, change });
                }
            }
        }
        for candidates in view.keys.values_mut() {
            candidates.sort_by(|a, b| a.id.cmp(&b.id));
        }
        view
    }

    /// The visible values of one key; none where it has no value.
    pub fn candidates(&self, key: &str) -> &[Candidate<'a>] {
        self.keys.get(key).map_or(&[], Vec::as_slice)
    }
}
