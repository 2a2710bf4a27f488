//! Tidying up in small steps, while nobody asks for anything.
//!
//! Edits are packed as they come only where many lie loose, since a person waits for them. What
//! is left is packed here, and pages that are free are given back: a few in a transaction of their
//! own, so that whoever asks meanwhile waits for some milliseconds and no longer. Between two
//! steps anything may happen; a step looks for itself what there is.

use rusqlite::params;

use super::{Store, StoreError};
use crate::id::Timestamp;

/// Documents whose edits are packed in one step.
const AT_ONCE: usize = 16;
/// Pages given back in one step.
const PAGES: u64 = 64;
/// Free pages that are left for what comes next: a megabyte.
const LEFT: u64 = 256;

/// How far a round of tidying has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tidying {
    /// The number of the last document that was looked at.
    after: i64,
}

impl Store {
    /// How many names changes were given or came with so far: what has happened since a round of
    /// tidying.
    pub fn names_so_far(&self) -> Result<u64, StoreError> {
        Ok(self
            .conn
            .prepare_cached("SELECT coalesce((SELECT value FROM meta WHERE key = 'seq'), 0)")?
            .query_row((), |row| row.get(0))?)
    }

    /// One step of a round. Nothing when the round is over.
    pub fn tidy(&mut self, round: Tidying) -> Result<Option<Tidying>, StoreError> {
        match self.pack_some(round)? {
            Some(last) => Ok(Some(Tidying { after: last })),
            None => Ok(self.give_back()?.then_some(Tidying { after: i64::MAX })),
        }
    }

    /// Packs the edits of the next documents; gives the number of the last one.
    fn pack_some(&mut self, round: Tidying) -> Result<Option<i64>, StoreError> {
        let batch = self.batch(Timestamp::default())?;
        let docs: Vec<i64> = batch
            .tx
            .prepare_cached(
                "SELECT DISTINCT c.doc FROM change c JOIN doc d ON d.nr = c.doc
                 WHERE c.doc > ?1 AND NOT d.single AND d.first IS NOT NULL ORDER BY c.doc LIMIT ?2",
            )?
            .query_map(params![round.after, AT_ONCE], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for doc in &docs {
            batch.pack_edits(*doc, 1)?;
        }
        if docs.is_empty() && round.after < i64::MAX {
            batch.gather()?;
        }
        batch.tx.commit()?;
        Ok(docs.last().copied())
    }

    /// Gives free pages at the end of the file back to the disk. False when that was all.
    fn give_back(&self) -> Result<bool, StoreError> {
        let free = || -> Result<u64, StoreError> {
            let free = "SELECT freelist_count FROM pragma_freelist_count";
            Ok(self
                .conn
                .prepare_cached(free)?
                .query_row((), |row| row.get(0))?)
        };
        let before = free()?;
        if before > LEFT {
            let some = PAGES.min(before - LEFT);
            self.conn
                .execute_batch(&format!("PRAGMA incremental_vacuum({some})"))?;
        }
        // a file from before this was possible keeps its pages until it is made anew
        let more = free()? < before;
        if !more {
            self.conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
        }
        Ok(more)
    }
}
