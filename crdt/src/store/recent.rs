//! The documents that were read or written last, taken apart: what is edited is read again when
//! its row is derived, and most likely edited again.
//!
//! A document is known by its heads: they are hashes over all of its past, so what was kept under
//! the heads that its row has now is what is stored. Nobody has to say when it is outdated.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::doc::Parts;
use crate::id::ChangeHash;

/// Documents that are kept: they are searched one by one.
const MOST: usize = 64;
/// So many of them may have fewer than [`LONG`] changes: they are quickly read again, and
/// thousands of them in one transaction do not drive out those that are not.
const MOST_SHORT: usize = 16;
const LONG: usize = 16;
/// Bytes of all documents that are kept, as [`Parts::weight`] estimates them.
const LARGEST: usize = 4 << 20;

#[derive(Debug)]
struct Kept {
    doc: i64,
    heads: Vec<ChangeHash>,
    changes: Vec<Arc<Parts>>,
    weight: usize,
}

/// The last documents, the newest first.
#[derive(Debug, Default)]
pub(super) struct Recent {
    all: VecDeque<Kept>,
    weight: usize,
}

impl Recent {
    /// The changes of a document whose row has these heads, in their stored order.
    pub(super) fn get(&mut self, doc: i64, heads: &[ChangeHash]) -> Option<Vec<Arc<Parts>>> {
        let place = self.all.iter().position(|kept| kept.doc == doc)?;
        let kept = self.all.remove(place)?;
        if kept.heads != heads {
            self.weight -= kept.weight;
            return None;
        }
        let changes = kept.changes.clone();
        self.all.push_front(kept);
        Some(changes)
    }

    /// Keeps all changes of a document under the heads that they have, sorted.
    pub(super) fn put(&mut self, doc: i64, heads: &[ChangeHash], changes: &[Arc<Parts>]) {
        if let Some(place) = self.all.iter().position(|kept| kept.doc == doc) {
            self.weight -= self.all.remove(place).map_or(0, |kept| kept.weight);
        }
        let weight = changes.iter().map(|change| change.weight()).sum();
        if weight > LARGEST {
            return;
        }
        self.weight += weight;
        self.all.push_front(Kept {
            doc,
            heads: heads.to_vec(),
            changes: changes.to_vec(),
            weight,
        });
        let is_short = |kept: &Kept| kept.changes.len() < LONG;
        let mut short = (0..self.all.len())
            .rev()
            .filter(|at| is_short(&self.all[*at]));
        if let (Some(oldest), Some(_)) = (short.next(), short.nth(MOST_SHORT - 1)) {
            self.weight -= self.all.remove(oldest).map_or(0, |kept| kept.weight);
        }
        while self.all.len() > MOST || self.weight > LARGEST {
            self.weight -= self.all.pop_back().map_or(0, |kept| kept.weight);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc::{decode, genesis};
    use crate::item::Item;

    fn change(uid: &str, note: usize) -> Arc<Parts> {
        let mut item = Item::new("vcard", uid);
        item.values.insert("NOTE".into(), "n".repeat(note));
        Arc::new(decode(&genesis(&item).bytes).unwrap())
    }

    #[test]
    fn a_document_is_given_under_the_heads_it_was_kept_with_and_no_others() {
        let mut recent = Recent::default();
        let (one, two) = (change("1", 1), change("2", 1));
        recent.put(7, &[one.hash], std::slice::from_ref(&one));
        assert_eq!(recent.get(7, &[one.hash]), Some(vec![one.clone()]));
        assert_eq!(recent.get(8, &[one.hash]), None);
        assert_eq!(recent.get(7, &[one.hash, two.hash]), None);
        assert_eq!(recent.get(7, &[one.hash]), None, "it is outdated");
        assert_eq!(recent.weight, 0);
    }

    #[test]
    fn what_was_used_last_stays_within_the_limits() {
        let mut recent = Recent::default();
        let long: Vec<_> = (0..LONG)
            .map(|i| change(&format!("of many {i}"), 1))
            .collect();
        recent.put(-3, &[long[0].hash], &long);
        let all: Vec<_> = (0..MOST).map(|i| change(&i.to_string(), 1)).collect();
        for (doc, change) in (0..).zip(&all) {
            recent.put(doc, &[change.hash], std::slice::from_ref(change));
        }
        assert_eq!(recent.all.len(), MOST_SHORT + 1);
        assert!(recent.get(-3, &[long[0].hash]).is_some());
        let all = &all[MOST - MOST_SHORT..];
        let doc = |i| (MOST - MOST_SHORT + i) as i64;
        assert!(recent.get(doc(0), &[all[0].hash]).is_some());
        let large: Vec<_> = (0..3)
            .map(|i| change(&format!("large {i}"), LARGEST / 3))
            .collect();
        recent.put(-1, &[large[0].hash], &large[..1]);
        assert!(recent.get(doc(0), &[all[0].hash]).is_some());
        assert_eq!(recent.get(doc(1), &[all[1].hash]), None);
        recent.put(-2, &[large[1].hash, large[2].hash], &large[1..]);
        assert!(recent.get(-2, &[large[1].hash, large[2].hash]).is_some());
        assert_eq!(recent.get(-1, &[large[0].hash]), None);
        assert!(recent.weight <= LARGEST && recent.all.len() <= MOST);
        recent.put(-2, &[large[0].hash], &large);
        assert_eq!(recent.get(-2, &[large[0].hash]), None, "too large to keep");
    }
}
