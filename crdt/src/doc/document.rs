//! All changes of one item, taken apart: heads, the past of a base, the view at it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{DocError, Parts, View, decode};
use crate::ChangeHash;

/// All changes of one item that are here. Closed under deps.
#[derive(Clone, Debug, Default)]
pub struct Document {
    // shared with whoever keeps them to read the document again
    changes: Vec<Arc<Parts>>,
    index: HashMap<ChangeHash, usize>,
}

impl Document {
    /// From the bytes of all changes, in any order. A change that is there twice counts once.
    pub fn load<'a>(changes: impl IntoIterator<Item = &'a [u8]>) -> Result<Self, DocError> {
        let parts: Result<Vec<Parts>, _> = changes.into_iter().map(decode).collect();
        Self::of(parts?)
    }

    /// From all changes, taken apart already, in any order.
    pub fn of(changes: impl IntoIterator<Item: Into<Arc<Parts>>>) -> Result<Self, DocError> {
        let mut document = Self::default();
        for change in changes {
            document.insert(change.into());
        }
        for change in &document.changes {
            if let Some(missing) = change.deps.iter().find(|dep| !document.contains(dep)) {
                return Err(DocError::Missing {
                    change: change.hash,
                    missing: *missing,
                });
            }
        }
        Ok(document)
    }

    /// Takes one more change, whose deps must be here.
    pub fn add(&mut self, bytes: &[u8]) -> Result<(), DocError> {
        self.add_parts(decode(bytes)?)
    }

    /// Takes one more change, taken apart already, whose deps must be here.
    pub fn add_parts(&mut self, change: impl Into<Arc<Parts>>) -> Result<(), DocError> {
        let change = change.into();
        if let Some(missing) = change.deps.iter().find(|dep| !self.contains(dep)) {
            return Err(DocError::Missing {
                change: change.hash,
                missing: *missing,
            });
        }
        self.insert(change);
        Ok(())
    }

    fn insert(&mut self, change: Arc<Parts>) {
        if !self.index.contains_key(&change.hash) {
            self.index.insert(change.hash, self.changes.len());
            self.changes.push(change);
        }
    }

    /// True where no change is here.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether this change is here.
    pub fn contains(&self, hash: &ChangeHash) -> bool {
        self.index.contains_key(hash)
    }

    /// The change whose hash begins with these bytes, where exactly one does.
    pub(super) fn named(&self, part: &[u8]) -> Option<ChangeHash> {
        let mut found = self.changes.iter().filter(|c| c.hash.0.starts_with(part));
        match (found.next(), found.next()) {
            (Some(only), None) => Some(only.hash),
            _ => None,
        }
    }

    /// All changes, in no particular order.
    pub fn changes(&self) -> &[Arc<Parts>] {
        &self.changes
    }

    /// The changes that no other names, sorted.
    pub fn heads(&self) -> Vec<ChangeHash> {
        let named: HashSet<&ChangeHash> = self.changes.iter().flat_map(|c| &c.deps).collect();
        let mut heads: Vec<ChangeHash> = self
            .changes
            .iter()
            .map(|c| c.hash)
            .filter(|hash| !named.contains(hash))
            .collect();
        heads.sort_unstable();
        heads
    }

    /// What is visible with all changes.
    pub fn view(&self) -> View<'_> {
        View::of(self.changes.iter())
    }

    /// What was visible to someone who had these heads and their past.
    pub fn view_at(&self, heads: &[ChangeHash]) -> Result<View<'_>, DocError> {
        Ok(View::of(self.past(heads)?.into_iter()))
    }

    /// The changes under these heads, themselves included.
    pub(super) fn past(&self, heads: &[ChangeHash]) -> Result<Vec<&Parts>, DocError> {
        let mut seen = HashSet::new();
        let mut open: Vec<ChangeHash> = heads.to_vec();
        let mut past = Vec::new();
        while let Some(hash) = open.pop() {
            if !seen.insert(hash) {
                continue;
            }
            let Some(at) = self.index.get(&hash) else {
                return Err(DocError::Missing {
                    change: hash,
                    missing: hash,
                });
            };
            past.push(&*self.changes[*at]);
            open.extend_from_slice(&self.changes[*at].deps);
        }
        Ok(past)
    }
}
