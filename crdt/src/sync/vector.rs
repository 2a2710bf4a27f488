//! Version vectors: how far into each origin's numbering a device has got.
//!
//! One vector stands for one collection on one device. It only ever names changes that
//! were *applied*, and per origin an unbroken prefix: 1, 2, … n. The chain beside n tells
//! two histories apart that carry the same numbers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Sum;
use crate::id::{Chain, ChangeHash, Origin};

/// The last change of one origin that was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reached {
    /// Its number; the first one is 1.
    pub n: u64,
    /// The chain over all changes up to it.
    pub chain: Chain,
}

impl Reached {
    /// Before the first change.
    pub const NOTHING: Self = Self {
        n: 0,
        chain: Chain::START,
    };

    /// One change further.
    #[must_use]
    pub fn then(self, hash: ChangeHash) -> Self {
        Self {
            n: self.n + 1,
            chain: self.chain.then(hash),
        }
    }
}

/// A fingerprint of a version vector: equal on two devices that hold the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct VectorHash(pub [u8; 8]);

/// How far each origin is known. Origins of which nothing is known are absent.
///
/// Where the sum of the documents' states is known, it belongs to the same moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VersionVector {
    reached: BTreeMap<Origin, Reached>,
    /// Origins of which two histories exist: the last number that both share.
    retired: BTreeMap<Origin, u64>,
    sum: Option<Sum>,
}

impl VersionVector {
    /// Nothing known of anybody.
    pub fn new() -> Self {
        Self::default()
    }

    /// With what the documents add up to at the same moment. Where nothing is named and nothing is
    /// there, nobody has anything to show: a device that knows of the collection says the same as
    /// one that does not.
    #[must_use]
    pub fn with_sum(self, sum: Option<Sum>) -> Self {
        let is_nothing = self.reached.is_empty() && self.retired.is_empty();
        let sum = sum.filter(|sum| !is_nothing || *sum != Sum::default());
        Self { sum, ..self }
    }

    /// What the documents add up to, where that is known.
    pub fn sum(&self) -> Option<Sum> {
        self.sum
    }

    /// True when both name the same changes, whatever the documents add up to.
    pub fn names_the_same(&self, other: &Self) -> bool {
        self.reached == other.reached && self.retired == other.retired
    }

    /// True when both name the same changes, and yet the documents do not add up to the same:
    /// one of them has lost something.
    pub fn belies(&self, other: &Self) -> bool {
        let differs = match (self.sum, other.sum) {
            (Some(one), Some(two)) => one != two,
            (None, _) | (_, None) => false,
        };
        differs && self.names_the_same(other)
    }

    /// What is known of one origin.
    pub fn reached(&self, origin: &Origin) -> Reached {
        self.reached
            .get(origin)
            .copied()
            .unwrap_or(Reached::NOTHING)
    }

    /// Says how far one origin is known, whatever was said before.
    pub fn set(&mut self, origin: Origin, reached: Reached) {
        if reached.n == 0 {
            self.reached.remove(&origin);
        } else {
            self.reached.insert(origin, reached);
        }
    }

    /// Takes the next change of an origin. False, and nothing changes, unless `n` is the
    /// very next number.
    pub fn extend(&mut self, origin: Origin, n: u64, hash: ChangeHash) -> bool {
        let before = self.reached(&origin);
        let next = before.n.checked_add(1) == Some(n);
        if next {
            self.reached.insert(origin, before.then(hash));
        }
        next
    }

    /// Takes the farther of the two, origin by origin. For what was *sent* or *seen*,
    /// never for what a peer confirms: there the newest word counts.
    pub fn raise(&mut self, other: &Self) {
        for (origin, reached) in &other.reached {
            if reached.n > self.reached(origin).n {
                self.reached.insert(*origin, *reached);
            }
        }
    }

    /// Names of this origin above `last` are void. The smallest ever said counts.
    pub fn retire(&mut self, origin: Origin, last: u64) {
        let known = self.retired.entry(origin).or_insert(last);
        *known = last.min(*known);
    }

    /// Up to which number the names of an origin are good, where it was retired.
    pub fn retired_at(&self, origin: &Origin) -> Option<u64> {
        self.retired.get(origin).copied()
    }

    /// Every retired origin, with the last number that is good.
    pub fn retired(&self) -> impl Iterator<Item = (Origin, u64)> {
        self.retired.iter().map(|(origin, last)| (*origin, *last))
    }

    /// The retirements in `other` that are news here.
    pub fn retired_beyond(&self, other: &Self) -> Vec<(Origin, u64)> {
        other
            .retired()
            .filter(|(origin, last)| self.retired_at(origin).is_none_or(|known| known > *last))
            .collect()
    }

    /// True when nothing in `other` is beyond this vector; void names do not count.
    pub fn covers(&self, other: &Self) -> bool {
        other.reached.iter().all(|(origin, reached)| {
            let good = self
                .retired_at(origin)
                .map_or(reached.n, |last| last.min(reached.n));
            self.reached(origin).n >= good
        })
    }

    /// An origin that both know equally far, by different changes: a device that was
    /// cloned, or rolled back and used again.
    pub fn fork_with(&self, other: &Self) -> Option<(Origin, u64)> {
        self.reached.iter().find_map(|(origin, ours)| {
            let theirs = other.reached.get(origin)?;
            (theirs.n == ours.n && theirs.chain != ours.chain).then_some((*origin, ours.n))
        })
    }

    /// The fingerprint of all of it.
    pub fn hash(&self) -> VectorHash {
        let mut hasher = blake3::Hasher::new_derive_key("pimesh version vector v1");
        for (origin, reached) in &self.reached {
            hasher.update(&origin.device.0);
            hasher.update(&origin.incarnation.to_be_bytes());
            hasher.update(&reached.n.to_be_bytes());
            hasher.update(&reached.chain.0);
        }
        for (origin, last) in &self.retired {
            hasher.update(b"retired");
            hasher.update(&origin.device.0);
            hasher.update(&origin.incarnation.to_be_bytes());
            hasher.update(&last.to_be_bytes());
        }
        if let Some(sum) = self.sum {
            hasher.update(b"sum");
            hasher.update(&sum.0);
        }
        let mut out = [0; 8];
        out.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        VectorHash(out)
    }

    /// Every origin with what is known of it, in the order of the origins.
    pub fn iter(&self) -> impl Iterator<Item = (&Origin, &Reached)> {
        self.reached.iter()
    }

    /// How many origins are named.
    pub fn len(&self) -> usize {
        self.reached.len()
    }

    /// True when nothing is known.
    pub fn is_empty(&self) -> bool {
        self.reached.is_empty() && self.retired.is_empty()
    }
}

impl FromIterator<(Origin, Reached)> for VersionVector {
    fn from_iter<I: IntoIterator<Item = (Origin, Reached)>>(all: I) -> Self {
        Self {
            reached: all
                .into_iter()
                .filter(|(_, reached)| reached.n > 0)
                .collect(),
            retired: BTreeMap::new(),
            sum: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::DeviceId;

    fn origin(name: u8) -> Origin {
        Origin {
            device: DeviceId([name; 32]),
            incarnation: 0,
        }
    }

    #[test]
    fn only_the_very_next_change_extends_a_vector() {
        let mut vector = VersionVector::new();
        assert!(!vector.extend(origin(1), 2, ChangeHash([2; 32])));
        assert!(vector.extend(origin(1), 1, ChangeHash([1; 32])));
        assert!(!vector.extend(origin(1), 1, ChangeHash([1; 32])));
        assert_eq!(vector.reached(&origin(1)).n, 1);
    }

    #[test]
    fn equal_numbers_over_different_changes_are_a_fork() {
        let (mut one, mut two) = (VersionVector::new(), VersionVector::new());
        one.extend(origin(1), 1, ChangeHash([1; 32]));
        two.extend(origin(1), 1, ChangeHash([2; 32]));
        assert_eq!(one.fork_with(&two), Some((origin(1), 1)));
        assert!(one.covers(&two) && two.covers(&one));
        assert_ne!(one.hash(), two.hash());
    }

    #[test]
    fn an_empty_collection_is_the_same_as_one_that_nobody_has_heard_of() {
        let empty = VersionVector::new().with_sum(Some(Sum::default()));
        assert_eq!(empty, VersionVector::new());
        assert_eq!(empty.hash(), VersionVector::new().hash());
        // its names are lost, and its documents are not
        let unnamed = VersionVector::new().with_sum(Some(Sum::default().with([3; 16])));
        assert!(unnamed.sum().is_some());
    }

    #[test]
    fn equal_names_over_other_documents_are_told_by_the_sum_alone() {
        let names =
            VersionVector::from_iter([(origin(1), Reached::NOTHING.then(ChangeHash([1; 32])))]);
        let whole = names
            .clone()
            .with_sum(Some(Sum::default().with([3; 16]).with([4; 16])));
        let less = names.clone().with_sum(Some(Sum::default().with([3; 16])));
        assert!(whole.belies(&less) && whole.names_the_same(&less));
        assert!(whole.hash() != less.hash() && less.hash() != names.hash());
        assert!(!whole.belies(&names) && !VersionVector::new().belies(&whole));
        let again = Sum::default()
            .with([4; 16])
            .with([9; 16])
            .with([3; 16])
            .without([9; 16]);
        assert!(!whole.belies(&names.with_sum(Some(again))));
    }

    #[test]
    fn knowing_nothing_of_an_origin_is_the_same_as_not_naming_it() {
        let mut vector = VersionVector::new();
        vector.set(origin(1), Reached::NOTHING);
        assert_eq!(vector, VersionVector::new());
        assert_eq!(
            vector.hash(),
            VersionVector::from_iter([(origin(2), Reached::NOTHING)]).hash()
        );
    }
}
