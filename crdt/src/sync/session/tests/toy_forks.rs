//! What a toy device does about two histories under one origin.

use super::toy::{Toy, hash};
use crate::id::{Chain, CollectionId, Origin};
use crate::sync::{Entry, Reached};

impl Toy {
    fn chain_at(&self, collection: CollectionId, origin: Origin, n: u64) -> Option<Chain> {
        let log = self.logs.get(&collection)?;
        let mut found = log.iter().filter(|(e, _)| e.origin == origin && e.n == n);
        found.next().map(|(_, chain)| *chain)
    }

    /// Three points are enough to search with, and make the search long.
    pub(super) fn points(
        &self,
        collection: CollectionId,
        origin: Origin,
        (from, to): (u64, u64),
    ) -> Vec<Reached> {
        let count = (to - from).min(3);
        (1..=count)
            .map(|i| from + (to - from) * i / count)
            .filter_map(|n| {
                let chain = self.chain_at(collection, origin, n)?;
                Some(Reached { n, chain })
            })
            .collect()
    }

    /// The last number both share, or between which two they part.
    pub(super) fn compare(
        &self,
        collection: CollectionId,
        origin: Origin,
        points: &[Reached],
    ) -> Option<Result<u64, (u64, u64)>> {
        let mut shared = 0;
        for point in points {
            match self.chain_at(collection, origin, point.n)? {
                ours if ours == point.chain => shared = point.n,
                _ if point.n == shared + 1 => return Some(Ok(shared)),
                _ => return Some(Err((shared, point.n))),
            }
        }
        None
    }

    pub(super) fn retire(&mut self, collection: CollectionId, origin: Origin, last: u64) {
        let vector = self.vectors.entry(collection).or_default();
        if vector
            .retired_at(&origin)
            .is_some_and(|known| known <= last)
        {
            return;
        }
        vector.retire(origin, last);
        let is_own = origin == self.origin();
        let log = self.logs.entry(collection).or_default();
        let is_void = |(e, _): &mut (Entry, Chain)| e.origin == origin && e.n > last;
        let void: Vec<(Entry, Chain)> = log.extract_if(.., is_void).collect();
        let chain = self
            .chain_at(collection, origin, last)
            .unwrap_or(Chain::START);
        let vector = self.vectors.entry(collection).or_default();
        if vector.reached(&origin).n > last {
            vector.set(origin, Reached { n: last, chain });
        }
        if is_own || !void.is_empty() {
            self.begin_life();
        }
        for (entry, _) in void {
            self.name(collection, entry.bytes);
        }
    }

    /// Names a change that is here.
    fn name(&mut self, collection: CollectionId, bytes: Vec<u8>) {
        let origin = self.origin();
        let vector = self.vectors.entry(collection).or_default();
        let n = vector.reached(&origin).n + 1;
        assert!(vector.extend(origin, n, hash(&bytes)));
        let chain = vector.reached(&origin).chain;
        let doc = crate::DocId([0; 16]);
        let entry = Entry {
            origin,
            n,
            doc,
            bytes,
        };
        self.logs
            .entry(collection)
            .or_default()
            .push((entry, chain));
    }

    /// No life is lived twice, whatever the device is set back to.
    pub(super) fn begin_life(&mut self) {
        self.lives += 1;
        self.incarnation = self.lives;
    }

    /// What a backup holds.
    pub(super) fn back_up(&mut self) {
        let (logs, vectors) = (self.logs.clone(), self.vectors.clone());
        self.backup = Some((self.incarnation, logs, vectors, self.known.clone()));
    }

    /// Sets the device back to its backup, as if nothing had happened since.
    pub(super) fn set_back(&mut self) {
        if let Some((incarnation, logs, vectors, known)) = self.backup.clone() {
            self.incarnation = incarnation;
            self.logs = logs;
            self.vectors = vectors;
            self.known = known;
        }
    }
}
