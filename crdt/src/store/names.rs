//! The rows of `log`: names of changes in runs of consecutive ones.
//!
//! A log is only ever read in the order of its numbers, from some number on, so a row for each
//! would cost more than what is in it. The newest run takes names until it holds [`FULL`]; only
//! a retirement and the union of two collections write an older one again.

use std::collections::HashMap;

use rusqlite::{OptionalExtension, params};

use super::batch::Batch;
use super::log::PART;
use super::{Store, StoreError};
use crate::doc::leb::{Cursor, put_unsigned, unzigzag, zigzag};
use crate::id::Chain;
use crate::sync::Reached;

/// Names in one run: three full ones fill a page of the database.
const FULL: usize = 64;

/// One name of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) n: u64,
    /// Its place in the order of receipt.
    pub(super) seq: i64,
    /// The number of the document.
    pub(super) doc: i64,
    /// What the hash of the change begins with.
    pub(super) part: [u8; PART],
    pub(super) chain: Chain,
}

impl Name {
    pub(super) fn reached(&self) -> Reached {
        Reached {
            n: self.n,
            chain: self.chain,
        }
    }
}

fn write(names: &[Name]) -> Vec<u8> {
    let mut out = Vec::with_capacity(names.len() * 20);
    let (mut seq, mut doc) = (0, 0);
    for name in names {
        put_unsigned(&mut out, zigzag(name.seq.wrapping_sub(seq)));
        put_unsigned(&mut out, zigzag(name.doc.wrapping_sub(doc)));
        out.extend_from_slice(&name.part);
        out.extend_from_slice(&name.chain.0);
        (seq, doc) = (name.seq, name.doc);
    }
    out
}

/// The names of a run whose first number is `n`; nothing where it is damaged.
pub(super) fn read(mut n: u64, body: &[u8]) -> Option<Vec<Name>> {
    let mut at = Cursor { rest: body };
    let (mut seq, mut doc) = (0_i64, 0_i64);
    let mut names = Vec::with_capacity(FULL);
    while !at.rest.is_empty() {
        seq = seq.wrapping_add(unzigzag(at.unsigned()?));
        doc = doc.wrapping_add(unzigzag(at.unsigned()?));
        names.push(Name {
            n,
            seq,
            doc,
            part: at.array()?,
            chain: Chain(at.array()?),
        });
        n = n.checked_add(1)?;
    }
    Some(names)
}

fn whole(n: u64, body: &[u8]) -> Result<Vec<Name>, StoreError> {
    read(n, body).ok_or_else(|| StoreError::Corrupt(format!("the names from {n} on")))
}

impl Store {
    /// The names of an origin above `n`, no more than `most`.
    pub(super) fn names_after(
        &self,
        coll: i64,
        origin: i64,
        n: u64,
        most: usize,
    ) -> Result<Vec<Name>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT n, body FROM log WHERE coll = ?1 AND origin = ?2 AND n > ?3 ORDER BY n",
        )?;
        // the run that holds the next number begins no earlier
        let from = i64::try_from(n).unwrap_or(i64::MAX) - FULL as i64;
        let mut rows = statement.query(params![coll, origin, from])?;
        let mut out = Vec::new();
        while out.len() < most
            && let Some(row) = rows.next()?
        {
            let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            let names = whole(row.get(0)?, body)?;
            let wanted = names.into_iter().filter(|name| name.n > n);
            out.extend(wanted.take(most - out.len()));
        }
        Ok(out)
    }

    /// One name.
    pub(super) fn name_at(
        &self,
        coll: i64,
        origin: i64,
        n: u64,
    ) -> Result<Option<Name>, StoreError> {
        let Some(before) = n.checked_sub(1) else {
            return Ok(None);
        };
        let next = self.names_after(coll, origin, before, 1)?;
        Ok(next.first().filter(|name| name.n == n).copied())
    }

    /// Every name there is; of each the numbers of the collection and the origin come first.
    pub(super) fn each_name(
        &self,
        mut give: impl FnMut(i64, i64, &Name),
    ) -> Result<(), StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT n, body, coll, origin FROM log ORDER BY coll, origin, n")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            let (coll, origin) = (row.get(2)?, row.get(3)?);
            for name in whole(row.get(0)?, body)? {
                give(coll, origin, &name);
            }
        }
        Ok(())
    }
}

impl Batch<'_> {
    /// Writes names that follow one another, after those that the log has.
    pub(super) fn append(&self, coll: i64, origin: i64, names: &[Name]) -> Result<(), StoreError> {
        let newest = self
            .tx
            .prepare_cached(
                "SELECT rowid, n, body FROM log WHERE coll = ?1 AND origin = ?2
                 ORDER BY n DESC LIMIT 1",
            )?
            .query_row([coll, origin], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get(1)?,
                    row.get::<_, Vec<u8>>(2)?,
                ))
            })
            .optional()?;
        let mut rest = names;
        if let Some((row, n, body)) = newest {
            let mut run = whole(n, &body)?;
            let follows = run.last().map(|last| last.n + 1) == rest.first().map(|next| next.n);
            if follows && run.len() < FULL {
                let (fits, others) = rest.split_at(rest.len().min(FULL - run.len()));
                run.extend_from_slice(fits);
                rest = others;
                self.tx
                    .prepare_cached("UPDATE log SET body = ?2 WHERE rowid = ?1")?
                    .execute(params![row, write(&run)])?;
            }
        }
        let mut insert = self
            .tx
            .prepare_cached("INSERT INTO log (coll, origin, n, body) VALUES (?1, ?2, ?3, ?4)")?;
        for run in rest.chunks(FULL) {
            insert.execute(params![coll, origin, run[0].n, write(run)])?;
        }
        Ok(())
    }

    /// Takes the names of an origin above a number out of its log.
    pub(super) fn take_above(
        &self,
        coll: i64,
        origin: i64,
        n: u64,
    ) -> Result<Vec<Name>, StoreError> {
        // the run that holds the number begins after this
        let from = i64::try_from(n).unwrap_or(i64::MAX) - FULL as i64;
        let mut statement = self.tx.prepare_cached(
            "SELECT n, body FROM log WHERE coll = ?1 AND origin = ?2 AND n > ?3 ORDER BY n",
        )?;
        let mut rows = statement.query(params![coll, origin, from])?;
        let mut names = Vec::new();
        while let Some(row) = rows.next()? {
            let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            names.append(&mut whole(row.get(0)?, body)?);
        }
        let gone = names.split_off(names.partition_point(|name| name.n <= n));
        self.tx
            .prepare_cached("DELETE FROM log WHERE coll = ?1 AND origin = ?2 AND n > ?3")?
            .execute(params![coll, origin, from])?;
        self.append(coll, origin, &names)?;
        Ok(gone)
    }

    /// Documents of these collections have other numbers now.
    pub(super) fn renumber(&self, class: i64, moved: &HashMap<i64, i64>) -> Result<(), StoreError> {
        let mut statement = self.tx.prepare_cached(
            "SELECT rowid, n, body FROM log
             WHERE coll IN (SELECT nr FROM collection WHERE class = ?1)",
        )?;
        let mut update = self
            .tx
            .prepare_cached("UPDATE log SET body = ?2 WHERE rowid = ?1")?;
        let runs = statement
            .query_map([class], |row| {
                Ok((
                    row.get::<_, i64>(0)?,
                    row.get(1)?,
                    row.get::<_, Vec<u8>>(2)?,
                ))
            })?
            .collect::<Result<Vec<_>, _>>()?;
        for (row, n, body) in runs {
            let mut run = whole(n, &body)?;
            for name in &mut run {
                name.doc = moved.get(&name.doc).copied().unwrap_or(name.doc);
            }
            let again = write(&run);
            if again != body {
                update.execute(params![row, again])?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{DeviceId, Timestamp};

    fn names(from: u64, to: u64) -> Vec<Name> {
        (from..=to)
            .map(|n| Name {
                n,
                seq: 3 * n as i64,
                doc: 1_000 - (n as i64 % 7) * 90,
                part: [n as u8; PART],
                chain: Chain([n as u8 ^ 0x55; 8]),
            })
            .collect()
    }

    #[test]
    fn names_are_found_by_number_wherever_runs_begin() {
        for pieces in [
            vec![200],
            vec![1; 200],
            vec![63, 1, 1, 64, 71],
            vec![65, 135],
        ] {
            let mut store = Store::open_in_memory(DeviceId([1; 32])).unwrap();
            let batch = store.batch(Timestamp(1)).unwrap();
            let mut n = 0;
            for piece in pieces {
                batch.append(1, 2, &names(n + 1, n + piece)).unwrap();
                n += piece;
            }
            assert_eq!(n, 200);
            for from in [0, 1, 62, 63, 64, 65, 127, 128, 129, 199, 200, 300] {
                for most in [1, 64, 1_000] {
                    let found = batch.store.names_after(1, 2, from, most).unwrap();
                    assert_eq!(found, names(from + 1, 200.min(from + most as u64)));
                }
            }
            assert_eq!(batch.store.name_at(1, 2, 0).unwrap(), None);
            assert_eq!(batch.store.name_at(1, 2, 201).unwrap(), None);
            assert_eq!(batch.store.name_at(1, 3, 5).unwrap(), None);
        }
    }

    #[test]
    fn what_is_taken_from_above_a_number_leaves_the_rest() {
        for at in [0, 1, 63, 64, 65, 128, 199, 200] {
            let mut store = Store::open_in_memory(DeviceId([1; 32])).unwrap();
            let batch = store.batch(Timestamp(1)).unwrap();
            batch.append(1, 2, &names(1, 200)).unwrap();
            batch.append(1, 3, &names(1, 5)).unwrap();
            assert_eq!(batch.take_above(1, 2, at).unwrap(), names(at + 1, 200));
            assert_eq!(batch.store.names_after(1, 2, 0, 999).unwrap(), names(1, at));
            batch.append(1, 2, &names(at + 1, 210)).unwrap();
            assert_eq!(
                batch.store.names_after(1, 2, 0, 999).unwrap(),
                names(1, 210)
            );
            assert_eq!(batch.store.names_after(1, 3, 0, 999).unwrap(), names(1, 5));
        }
    }

    #[test]
    fn a_damaged_run_is_no_run() {
        let mut body = write(&names(1, 3));
        assert_eq!(read(1, &body), Some(names(1, 3)));
        body.pop();
        assert_eq!(read(1, &body), None);
        assert_eq!(read(u64::MAX, &write(&names(1, 3))), None);
    }
}
