//! What a file held of each document when a person last imported it.

use rusqlite::params;

use super::batch::Batch;
use super::{Store, StoreError};
use crate::id::DocId;

/// Stands for a file that was imported: a hash of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImportPlace(i64);

impl ImportPlace {
    /// The place of this absolute path.
    pub fn of(path: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("pimesh import place v1");
        hasher.update(path);
        let mut part = [0; 8];
        part.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        Self(i64::from_le_bytes(part))
    }
}

impl Store {
    /// Which documents a file held.
    pub fn imported_docs(&self, place: ImportPlace) -> Result<Vec<DocId>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT DISTINCT doc FROM import_state WHERE place = ?1")?;
        let rows = statement.query_map([place.0], |row| row.get(0).map(DocId))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Batch<'_> {
    /// What a file held of a document, as this batch leaves it: the states by their turn, for
    /// a file may hold an item twice.
    pub fn imported(
        &self,
        place: ImportPlace,
        doc: DocId,
    ) -> Result<Vec<(u32, Vec<u8>)>, StoreError> {
        let mut statement = self.tx.prepare_cached(
            "SELECT turn, state FROM import_state WHERE place = ?1 AND doc = ?2 ORDER BY turn",
        )?;
        let rows = statement.query_map(params![place.0, &doc.0[..]], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Records what a file holds of a document now, the `turn`-th time that it comes in it.
    pub fn set_imported(
        &mut self,
        place: ImportPlace,
        doc: DocId,
        turn: u32,
        state: &[u8],
    ) -> Result<(), StoreError> {
        self.tx
            .prepare_cached(
                "INSERT INTO import_state (place, doc, turn, state) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET state = excluded.state",
            )?
            .execute(params![place.0, &doc.0[..], turn, state])?;
        Ok(())
    }
}
