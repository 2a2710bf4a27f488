//! Forks: a device that was copied, or set back and used again, has given one number to two
//! changes. The origin is retired at the last number that both histories share; what either
//! history named above it gets a name from whoever holds it, in a log that begins with them. No
//! change is lost by it.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, params};

use super::batch::{Batch, LogEnd};
use super::log::origin_nr;
use super::{Committed, Store, StoreError};
use crate::id::{Chain, CollectionId, Origin, Timestamp};
use crate::sync::codec::MOST_POINTS;
use crate::sync::{Reached, VersionVector};

/// What a peer's points of a history say of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// Nothing differs, or nothing can be said.
    Alike,
    /// It differs somewhere between: our own points there, for the peer to compare.
    Between(Vec<Reached>),
    /// This is the last number that both share.
    PartedAfter(u64),
}

/// What became of retirements.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retired {
    /// Documents and vectors, as for any commit.
    pub committed: Committed,
    /// What is applied here now.
    pub vector: VersionVector,
    /// It was this device's own origin: it has begun a new life.
    pub was_own: bool,
}

impl Store {
    /// Points of an origin's history in a collection, for a peer to compare with its own.
    /// `differs_at` is a number at which the two are known to differ.
    pub fn trace(
        &self,
        collection: CollectionId,
        origin: Origin,
        differs_at: u64,
    ) -> Result<Vec<Reached>, StoreError> {
        match self.place(collection)? {
            Some(place) => self.points(place.nr, origin, 0, differs_at),
            None => Ok(Vec::new()),
        }
    }

    /// Compares a peer's points with our history: where did they part?
    pub fn compare(
        &self,
        collection: CollectionId,
        origin: Origin,
        points: &[Reached],
    ) -> Result<Comparison, StoreError> {
        let Some(place) = self.place(collection)? else {
            return Ok(Comparison::Alike);
        };
        let theirs: BTreeMap<u64, Chain> = points.iter().map(|p| (p.n, p.chain)).collect();
        let nr = origin_nr(&self.conn, &origin)?;
        let mut shared = 0;
        for (n, chain) in theirs.into_iter().filter(|(n, _)| *n > 0) {
            match self.chain_at(place.nr, nr, n)? {
                Some(ours) if ours == chain => shared = n,
                Some(_) if n == shared + 1 => return Ok(Comparison::PartedAfter(shared)),
                Some(_) => {
                    let points = self.points(place.nr, origin, shared, n)?;
                    return Ok(Comparison::Between(points));
                }
                None => break,
            }
        }
        Ok(Comparison::Alike)
    }

    /// Our points above `from`, up to `to`, spread evenly; the last one is at `to`.
    fn points(
        &self,
        coll: i64,
        origin: Origin,
        from: u64,
        to: u64,
    ) -> Result<Vec<Reached>, StoreError> {
        let nr = origin_nr(&self.conn, &origin)?;
        let between = to.saturating_sub(from);
        let count = between.min(MOST_POINTS as u64);
        let mut points = Vec::new();
        for i in 1..=count {
            let n = from + between * i / count;
            if let Some(chain) = self.chain_at(coll, nr, n)? {
                points.push(Reached { n, chain });
            }
        }
        Ok(points)
    }

    /// Retires origins in a collection, each at a number: the smallest ever said counts.
    ///
    /// What was named above it is named by us in the same order, in a life that begins with it.
    pub fn retire(
        &mut self,
        collection: CollectionId,
        origins: &[(Origin, u64)],
        now: Timestamp,
    ) -> Result<Retired, StoreError> {
        let mut batch = self.batch(now)?;
        batch.ensure_collection(collection)?;
        let mut was_own = false;
        for (origin, n) in origins {
            was_own |= batch.retire(collection, *origin, *n)?;
        }
        let committed = batch.commit()?;
        let vector = self.vector_now(collection)?;
        Ok(Retired {
            committed,
            vector,
            was_own,
        })
    }

    /// The retirements of one collection.
    pub(super) fn retirements(&self, coll: i64) -> Result<Vec<(Origin, u64)>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT o.device, o.incarnation, r.n FROM retired r
             JOIN origin o ON o.nr = r.origin WHERE r.coll = ?1",
        )?;
        let rows = statement.query_map([coll], |row| {
            let origin = Origin {
                device: crate::id::DeviceId(row.get(0)?),
                incarnation: row.get(1)?,
            };
            Ok((origin, row.get(2)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Batch<'_> {
    /// Up to which number an origin's names are good; none where it was never retired.
    pub(super) fn retired_at(&self, coll: i64, origin: i64) -> Result<Option<u64>, StoreError> {
        Ok(self
            .tx
            .prepare_cached("SELECT n FROM retired WHERE coll = ?1 AND origin = ?2")?
            .query_row([coll, origin], |row| row.get(0))
            .optional()?)
    }

    /// Retires one origin; true where it was our own, which has then begun a new life.
    fn retire(
        &mut self,
        collection: CollectionId,
        origin: Origin,
        at: u64,
    ) -> Result<bool, StoreError> {
        let place = self.place(collection)?;
        let nr = origin_nr(&self.tx, &origin)?;
        if self
            .retired_at(place.nr, nr)?
            .is_some_and(|known| known <= at)
        {
            return Ok(false);
        }
        self.settle()?;
        self.good_up_to.clear();
        self.tx
            .prepare_cached(
                "INSERT INTO retired (coll, origin, n) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET n = excluded.n",
            )?
            .execute(params![place.nr, nr, at])?;
        let is_own = origin == self.own.origin;
        let reached = self.log_end(place.nr, nr)?;
        if reached.n > at {
            self.rename_above(place, nr, at)?;
        } else {
            // its vector says more than it did
            let grew = true;
            self.logs.insert((place.nr, nr), LogEnd { reached, grew });
            if is_own {
                self.begin_incarnation()?;
            }
        }
        Ok(is_own)
    }

    /// Gives what an origin named above a number names of our own, in a new life: in the log
    /// of this one there may be changes that build on them, which would come first for ever.
    /// When each was received does not change: who looks back sees what was there.
    fn rename_above(
        &mut self,
        place: super::collections::Place,
        origin: i64,
        at: u64,
    ) -> Result<(), StoreError> {
        let chain = match at {
            0 => Chain::START,
            _ => self
                .store
                .chain_at(place.nr, origin, at)?
                .unwrap_or(Chain::START),
        };
        let names = self.take_above(place.nr, origin, at)?;
        let reached = Reached { n: at, chain };
        let grew = true;
        self.logs
            .insert((place.nr, origin), LogEnd { reached, grew });
        self.begin_incarnation()?;
        let mut renamed = Vec::new();
        for name in names {
            // what is lost is named by whoever still has it
            let Some((id, hash)) = self.store.named(&name)? else {
                continue;
            };
            let key = (place.class, id);
            self.waiting_of(key)?;
            let n = self.name_in_place(place.nr, self.own.nr, key, hash, name.seq)?;
            renamed.push((name.n, n));
        }
        self.operations_follow((place.nr, origin), at, &renamed)
    }
}
