//! Tidying up in small steps, while nobody asks for anything.
//!
//! Edits are packed as they come only where many lie loose, since a person waits for them. What
//! is left is packed here: a few documents in a transaction of their own, so that whoever asks
//! meanwhile waits for some milliseconds and no longer. Between two steps anything may happen;
//! a step looks for itself what there is.
//!
//! Writing the file anew, without the room that pages keep, can not be done in steps. It can be
//! given up at any moment, and then nothing has happened.

use std::sync::Arc;

use rusqlite::{ErrorCode, InterruptHandle, params};

use super::{Store, StoreError};
use crate::id::Timestamp;

/// Documents whose edits are packed in one step.
const AT_ONCE: usize = 16;
/// New names that are worth writing the file anew: most of its pages were touched.
const WORTH: u64 = 4_096;

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
        let last = self.pack_some(round)?;
        Ok(last.map(|after| Tidying { after }))
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
        if docs.is_empty() {
            batch.gather()?;
        }
        batch.tx.commit()?;
        Ok(docs.last().copied())
    }

    /// Whether so much has happened since the file was last written anew that it is worth it.
    pub fn is_worth_tightening(&self) -> Result<bool, StoreError> {
        let then: u64 = self
            .conn
            .prepare_cached("SELECT coalesce((SELECT value FROM meta WHERE key = 'tight'), 0)")?
            .query_row((), |row| row.get(0))?;
        Ok(self.names_so_far()? >= then.saturating_add(WORTH))
    }

    /// Writes the file anew, packed tight, which takes a second and the file's size again on the
    /// disk. False where it was [interrupted](Interrupter::interrupt): nothing has changed then.
    pub fn tighten(&mut self) -> Result<bool, StoreError> {
        match self.write_tight() {
            Ok(()) => Ok(true),
            Err(StoreError::Sqlite(error))
                if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) =>
            {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    pub(super) fn write_tight(&self) -> Result<(), StoreError> {
        self.conn.execute_batch("VACUUM")?;
        self.conn.execute(
            "INSERT INTO meta (key, value)
             SELECT 'tight', coalesce((SELECT value FROM meta WHERE key = 'seq'), 0) WHERE true
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            (),
        )?;
        self.conn.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
        Ok(())
    }

    /// Gives back the pages that SQLite keeps of the file, up to 8 MB: whoever asks next has them
    /// read again.
    pub fn shrink(&self) -> Result<(), StoreError> {
        Ok(self.conn.execute_batch("PRAGMA shrink_memory")?)
    }

    /// What ends [`tighten`](Self::tighten) from another thread.
    pub fn interrupter(&self) -> Interrupter {
        Interrupter(Arc::new(self.conn.get_interrupt_handle()))
    }
}

/// Ends what the store is doing now, from another thread.
#[derive(Clone)]
pub struct Interrupter(Arc<InterruptHandle>);

impl Interrupter {
    /// Ends the statement that runs, whatever it is.
    pub fn interrupt(&self) {
        self.0.interrupt();
    }
}

impl std::fmt::Debug for Interrupter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Interrupter").finish_non_exhaustive()
    }
}
