//! Tidying up in small steps, while nobody asks for anything.
//!
//! Edits are packed as they come only where many lie loose, since a person waits for them. What
//! is left is packed here: a few documents in a transaction of their own, so that whoever asks
//! meanwhile waits for some milliseconds and no longer. Between two steps anything may happen;
//! a step begins where the last one ended and looks for itself what there is.

use rusqlite::params;

use super::{Store, StoreError};
use crate::id::Timestamp;

/// Documents whose edits are packed in one step.
const AT_ONCE: usize = 16;

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
        Ok(docs.last().map(|last| Tidying { after: *last }))
    }
}
