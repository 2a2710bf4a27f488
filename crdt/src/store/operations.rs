//! What a person did on this device, command by command, so that it can be undone.
//!
//! An operation is recorded in the transaction of its changes, as the names that these got in
//! our own logs. Operations stay on this device: others know the changes, not the commands.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{OptionalExtension, Row, params};

use super::names::Name;
use super::{Batch, Committed, Named, Store, StoreError};
use crate::id::{ChangeHash, CollectionId, DocId, Timestamp};

/// Something a person did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// Its number on this device, from 1.
    pub nr: i64,
    /// When it began.
    pub at: Timestamp,
    /// `edit`, `delete`, `import` …
    pub kind: String,
    /// What it was done to, for people.
    pub what: String,
    /// The operation that took it back.
    pub undone: Option<i64>,
    /// How many changes it made.
    pub changes: u64,
}

/// One change that an operation made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Made {
    /// The class of its document.
    pub collection: CollectionId,
    /// Its document.
    pub doc: DocId,
    /// The change.
    pub change: ChangeHash,
}

const SELECT: &str = "SELECT o.nr, o.at, o.kind, o.what, o.undone,
   (SELECT coalesce(sum(r.last - r.first + 1), 0) FROM operation_range r WHERE r.operation = o.nr)
   FROM operation o";

fn read(row: &Row<'_>) -> rusqlite::Result<Operation> {
    Ok(Operation {
        nr: row.get(0)?,
        at: Timestamp(row.get(1)?),
        kind: row.get(2)?,
        what: row.get(3)?,
        undone: row.get(4)?,
        changes: row.get(5)?,
    })
}

impl Store {
    /// The last operations, the newest first.
    pub fn operations(&self, most: usize) -> Result<Vec<Operation>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached(&format!("{SELECT} ORDER BY o.nr DESC LIMIT ?1"))?;
        let rows = statement.query_map([most], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// One operation.
    pub fn operation(&self, nr: i64) -> Result<Option<Operation>, StoreError> {
        Ok(self
            .conn
            .prepare_cached(&format!("{SELECT} WHERE o.nr = ?1"))?
            .query_row([nr], read)
            .optional()?)
    }

    /// The last operation that was not undone and is none of these kinds.
    pub fn last_operation_but(&self, kinds: &[&str]) -> Result<Option<Operation>, StoreError> {
        let mut statement = self.conn.prepare_cached(&format!(
            "{SELECT} WHERE o.undone IS NULL ORDER BY o.nr DESC"
        ))?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let operation = read(row)?;
            if !kinds.contains(&operation.kind.as_str()) {
                return Ok(Some(operation));
            }
        }
        Ok(None)
    }

    /// What operations of this kind were done to that made changes of a document, by the
    /// beginnings of the changes' names: the file that an imported text came from.
    pub fn whence(
        &self,
        collection: CollectionId,
        doc: DocId,
        kind: &str,
    ) -> Result<BTreeMap<Vec<u8>, String>, StoreError> {
        let Some(place) = self.place(collection)? else {
            return Ok(BTreeMap::new());
        };
        let Some(nr) = self.doc_nr(place.class, doc)? else {
            return Ok(BTreeMap::new());
        };
        let mut statement = self.conn.prepare_cached(
            "SELECT r.coll, r.origin, r.first, r.last, o.what FROM operation_range r
             JOIN operation o ON o.nr = r.operation WHERE o.kind = ?1",
        )?;
        let mut rows = statement.query([kind])?;
        let mut out = BTreeMap::new();
        while let Some(row) = rows.next()? {
            let made = self
                .names_of(row)?
                .into_iter()
                .filter(|name| name.doc == nr);
            for name in made {
                out.insert(name.part.to_vec(), row.get(4)?);
            }
        }
        Ok(out)
    }

    /// The names of a range: collection, origin, the first and the last number.
    fn names_of(&self, range: &Row<'_>) -> Result<Vec<Name>, StoreError> {
        let (first, last): (u64, u64) = (range.get(2)?, range.get(3)?);
        let before = first.saturating_sub(1);
        let most = usize::try_from(last.saturating_sub(before)).unwrap_or(usize::MAX);
        let mut names = self.names_after(range.get(0)?, range.get(1)?, before, most)?;
        names.retain(|name| name.n <= last);
        Ok(names)
    }

    /// The changes to items that an operation made, by document, in the order they were made. What
    /// a document has under an earlier name is none of them: it was moved to a collection that is
    /// one with its own by now.
    pub fn made_by(&self, operation: i64) -> Result<Vec<Made>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT coll, origin, first, last FROM operation_range WHERE operation = ?1",
        )?;
        let mut place = self.conn.prepare_cached(
            "SELECT k.id, d.id FROM doc d JOIN collection k ON k.nr = d.class WHERE d.nr = ?1",
        )?;
        let mut rows = statement.query([operation])?;
        let mut out = Vec::new();
        while let Some(row) = rows.next()? {
            for name in self.names_of(row)? {
                let found = self.beginning(name.doc, &name.part)?.first().copied();
                let at = place
                    .query_row([name.doc], |row| {
                        Ok((CollectionId(row.get(0)?), DocId(row.get(1)?)))
                    })
                    .optional()?;
                if let (Some(change), Some((collection, doc))) = (found, at) {
                    let made = Made {
                        collection,
                        doc,
                        change,
                    };
                    out.push((name.seq, made));
                }
            }
        }
        let began = out.iter().map(|(seq, _)| *seq).min().unwrap_or(0);
        let docs = out.iter().map(|(_, made)| (made.collection, made.doc));
        let receipts = self.receipts(docs.collect::<BTreeSet<_>>())?;
        out.retain(|(_, made)| {
            let receipts = receipts.get(&(made.collection, made.doc));
            let place = receipts.and_then(|receipts| receipts.place(&made.change));
            place.is_none_or(|place| i64::try_from(place).unwrap_or(i64::MAX) >= began)
        });
        out.sort_by_key(|(seq, made)| (made.collection, made.doc, *seq));
        Ok(out.into_iter().map(|(_, made)| made).collect())
    }
}

impl Batch<'_> {
    /// Records what this batch has added as an operation, or as a further part of one; nothing
    /// may be added after it. Gives its number; none where nothing was added.
    pub fn record(
        &mut self,
        kind: &str,
        what: &str,
        part_of: Option<i64>,
    ) -> Result<Option<i64>, StoreError> {
        self.record_of(kind, what, part_of, |named| {
            named.collection != CollectionId::MESH
        })
    }

    fn record_of(
        &mut self,
        kind: &str,
        what: &str,
        part_of: Option<i64>,
        counts: impl Fn(&Named) -> bool,
    ) -> Result<Option<i64>, StoreError> {
        self.settle()?;
        let named = self.done.named.iter();
        let ours: Vec<Named> = named.filter(|named| counts(named)).copied().collect();
        if ours.is_empty() {
            return Ok(part_of);
        }
        let nr = match part_of {
            Some(nr) => nr,
            None => {
                self.tx
                    .prepare_cached("INSERT INTO operation (at, kind, what) VALUES (?1, ?2, ?3)")?
                    .execute(params![self.now.0, kind, what])?;
                self.tx.last_insert_rowid()
            }
        };
        for named in ours {
            let coll = self.place(named.collection)?.nr;
            self.add_range(nr, (coll, self.own.nr), named.first, named.last)?;
        }
        Ok(Some(nr))
    }

    /// What operations made under names above `at` of an origin has other names now: the new
    /// ones follow one another in the order of the old.
    pub(super) fn operations_follow(
        &self,
        (coll, origin): (i64, i64),
        at: u64,
        renamed: &[(u64, u64)],
    ) -> Result<(), StoreError> {
        let ranges: Vec<(i64, u64, u64)> = self
            .tx
            .prepare_cached(
                "SELECT operation, first, last FROM operation_range
                 WHERE coll = ?1 AND origin = ?2 AND last > ?3",
            )?
            .query_map(params![coll, origin, at], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })?
            .collect::<Result<_, _>>()?;
        let mut take = self.tx.prepare_cached(
            "DELETE FROM operation_range
             WHERE operation = ?1 AND coll = ?2 AND origin = ?3 AND first = ?4",
        )?;
        for (operation, first, last) in ranges {
            take.execute(params![operation, coll, origin, first])?;
            if first <= at {
                self.add_range(operation, (coll, origin), first, at)?;
            }
            let mut ours = renamed.iter().filter(|(n, _)| (first..=last).contains(n));
            let (Some(first), Some(last)) = (ours.clone().next(), ours.next_back()) else {
                continue;
            };
            self.add_range(operation, (coll, self.own.nr), first.1, last.1)?;
        }
        Ok(())
    }

    fn add_range(
        &self,
        operation: i64,
        (coll, origin): (i64, i64),
        first: u64,
        last: u64,
    ) -> Result<(), StoreError> {
        self.tx
            .prepare_cached(
                "INSERT INTO operation_range (operation, coll, origin, first, last)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![operation, coll, origin, first, last])?;
        Ok(())
    }

    /// Records what this batch has added as an operation, and commits it.
    pub fn commit_as(
        mut self,
        kind: &str,
        what: &str,
        part_of: Option<i64>,
    ) -> Result<(Committed, Option<i64>), StoreError> {
        let nr = self.record(kind, what, part_of)?;
        Ok((self.commit()?, nr))
    }

    /// The same where what was done is written in the mesh's own collection: a link.
    pub fn commit_mesh_as(mut self, kind: &str, what: &str) -> Result<Committed, StoreError> {
        self.record_mesh(kind, what, None)?;
        self.commit()
    }

    /// Records what this batch has added, the mesh's own collection included.
    pub fn record_mesh(
        &mut self,
        kind: &str,
        what: &str,
        part_of: Option<i64>,
    ) -> Result<Option<i64>, StoreError> {
        self.record_of(kind, what, part_of, |_| true)
    }

    /// Records that an operation was taken back by another. What the former had taken back
    /// itself is in force again.
    pub fn set_undone(&self, operation: i64, by: Option<i64>) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("UPDATE operation SET undone = ?2 WHERE nr = ?1")?
            .execute(params![operation, by])?;
        self.tx
            .prepare_cached("UPDATE operation SET undone = NULL WHERE undone = ?1")?
            .execute([operation])?;
        Ok(())
    }
}
