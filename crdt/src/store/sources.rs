//! Sources: where data is taken in from, how far each was read, and what it had last time.

use rusqlite::{OptionalExtension, params};

use super::batch::Batch;
use super::{Store, StoreError};
use crate::id::DocId;

/// A place that data is taken in from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// What people call it; names it in commands.
    pub name: String,
    /// Where it is.
    pub url: String,
    /// Its settings, as JSON. Never a password.
    pub settings: String,
}

/// What a source had under one of its keys when it was last read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastState {
    /// The source's own name for it: a path, a UID of the mailbox, an address.
    pub key: String,
    /// The document it became, if it became one.
    pub doc: Option<DocId>,
    /// What to compare with next time.
    pub state: Vec<u8>,
}

impl Store {
    /// Every source.
    pub fn sources(&self) -> Result<Vec<Source>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT name, url, settings FROM source ORDER BY name")?;
        let rows = statement.query_map((), |row| {
            Ok(Source {
                name: row.get(0)?,
                url: row.get(1)?,
                settings: row.get(2)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How far a source was read.
    pub fn cursor(&self, source: &str) -> Result<Option<String>, StoreError> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT c.text FROM source_cursor c JOIN source s ON s.nr = c.source
                 WHERE s.name = ?1",
            )?
            .query_row([source], |row| row.get(0))
            .optional()?)
    }

    /// What a source had under a key. Inside a batch: as the batch leaves it.
    pub fn last_state(&self, source: &str, key: &str) -> Result<Option<LastState>, StoreError> {
        Ok(self
            .conn
            .prepare_cached(
                "SELECT l.key, l.doc, l.state FROM source_state l JOIN source s ON s.nr = l.source
                 WHERE s.name = ?1 AND l.key = ?2",
            )?
            .query_row([source, key], last_state)
            .optional()?)
    }

    /// Everything a source had.
    pub fn last_states(&self, source: &str) -> Result<Vec<LastState>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT l.key, l.doc, l.state FROM source_state l JOIN source s ON s.nr = l.source
             WHERE s.name = ?1 ORDER BY l.key",
        )?;
        let rows = statement.query_map([source], last_state)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn last_state(row: &rusqlite::Row<'_>) -> rusqlite::Result<LastState> {
    let doc: Option<[u8; 16]> = row.get(1)?;
    Ok(LastState {
        key: row.get(0)?,
        doc: doc.map(DocId),
        state: row.get(2)?,
    })
}

impl Batch<'_> {
    /// Records a source, or gives it another address and settings.
    pub fn set_source(&mut self, source: &Source) -> Result<(), StoreError> {
        self.tx
            .prepare_cached(
                "INSERT INTO source (name, url, settings) VALUES (?1, ?2, ?3)
                 ON CONFLICT (name) DO UPDATE SET url = excluded.url, settings = excluded.settings",
            )?
            .execute(params![source.name, source.url, source.settings])?;
        Ok(())
    }

    /// Forgets a source and what it had. Its items stay.
    pub fn remove_source(&mut self, name: &str) -> Result<(), StoreError> {
        match self
            .tx
            .execute("DELETE FROM source WHERE name = ?1", [name])?
        {
            0 => Err(StoreError::NoSource),
            _ => Ok(()),
        }
    }

    /// Records how far a source was read.
    pub fn set_cursor(&mut self, source: &str, text: &str) -> Result<(), StoreError> {
        let nr = self.source_nr(source)?;
        self.tx
            .prepare_cached(
                "INSERT INTO source_cursor (source, text) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET text = excluded.text",
            )?
            .execute(params![nr, text])?;
        Ok(())
    }

    /// Records what a source has under a key now.
    pub fn set_last_state(&mut self, source: &str, now: &LastState) -> Result<(), StoreError> {
        let nr = self.source_nr(source)?;
        self.tx
            .prepare_cached(
                "INSERT INTO source_state (source, key, doc, state) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET doc = excluded.doc, state = excluded.state",
            )?
            .execute(params![
                nr,
                now.key,
                now.doc.map(|doc| doc.0.to_vec()),
                now.state
            ])?;
        Ok(())
    }

    /// What a source had under a key, as this batch leaves it.
    pub fn last_state(&self, source: &str, key: &str) -> Result<Option<LastState>, StoreError> {
        self.store.last_state(source, key)
    }

    /// Forgets what a source had under a key: it is no longer there.
    pub fn drop_last_state(&mut self, source: &str, key: &str) -> Result<(), StoreError> {
        let nr = self.source_nr(source)?;
        self.tx
            .prepare_cached("DELETE FROM source_state WHERE source = ?1 AND key = ?2")?
            .execute(params![nr, key])?;
        Ok(())
    }

    fn source_nr(&self, name: &str) -> Result<i64, StoreError> {
        self.tx
            .prepare_cached("SELECT nr FROM source WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?
            .ok_or(StoreError::NoSource)
    }
}
