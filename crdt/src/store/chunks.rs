//! Edits of one document packed as one: a document of many edits keeps them so.
//!
//! A row of `change` costs more than the edit in it. Once a document has [`AT_ONCE`] loose
//! edits they move into a row of `chunk`, in the transaction that brings the last of them. The
//! newest chunk takes them up until it holds [`FULL`] edits; full ones are never written again.
//! Beside the body stand the first eight bytes of every hash, so that only a chunk that can
//! have a change is read; the change itself decides.

use rusqlite::{Row, params};

use super::batch::Batch;
use super::log::PART;
use super::pack::Packer;
use super::{Store, StoreError};
use crate::doc::{self, Parts};
use crate::id::{ChangeHash, DocId};

/// So many loose edits are packed.
pub(super) const AT_ONCE: usize = 4;
/// A chunk of so many edits takes no more.
const FULL: usize = 32;
/// The texts in one chunk: reading one edit reads them all.
const LARGEST_CHUNK: usize = 256 << 10;

/// A change that lies in a chunk costs its share of reading it; one row is kept between uses.
#[derive(Default)]
pub(super) struct Opened {
    row: i64,
    edits: Vec<Parts>,
}

impl Store {
    /// All edits of a document that lie in chunks.
    pub(super) fn packed(&self, doc: i64) -> Result<Vec<Parts>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT dict, body FROM chunk WHERE doc = ?1 ORDER BY nr")?;
        let mut rows = statement.query([doc])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.append(&mut self.open_chunk(doc, row, 0)?);
        }
        Ok(all)
    }

    /// The edits of a document that lie in chunks and whose hashes begin so.
    pub(super) fn packed_beginning(
        &self,
        doc: i64,
        beginning: &[u8],
        opened: &mut Opened,
    ) -> Result<Vec<Parts>, StoreError> {
        let part = &beginning[..beginning.len().min(PART)];
        let mut statement = self
            .conn
            .prepare_cached("SELECT rowid, hashes, dict, body FROM chunk WHERE doc = ?1")?;
        let mut rows = statement.query([doc])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let hashes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            if !hashes.chunks_exact(PART).any(|hash| hash.starts_with(part)) {
                continue;
            }
            let nr = row.get(0)?;
            if opened.row != nr {
                opened.edits = self.open_chunk(doc, row, 2)?;
                opened.row = nr;
            }
            let edits = opened.edits.iter();
            found.extend(edits.filter(|it| it.hash.0.starts_with(beginning)).cloned());
        }
        Ok(found)
    }

    fn open_chunk(&self, doc: i64, row: &Row<'_>, at: usize) -> Result<Vec<Parts>, StoreError> {
        let body = row
            .get_ref(at + 1)?
            .as_blob()
            .map_err(rusqlite::Error::from)?;
        let mut packer = self.packer.borrow_mut();
        let bytes = packer.unpack(&self.conn, row.get(at)?, body)?;
        doc::unpack_chunk(&bytes)
            .map_err(|_| StoreError::Corrupt(format!("a chunk of document {doc}")))
    }
}

impl Batch<'_> {
    /// Packs the loose edits of a document, where they are enough.
    pub(super) fn pack_edits(&self, doc: i64, id: DocId) -> Result<(), StoreError> {
        let loose = self.store.loose(doc)?;
        let mut edits: Vec<Parts> = loose.into_iter().filter(doc::fits_a_chunk).collect();
        if edits.len() < AT_ONCE {
            return Ok(());
        }
        let mut delete = self
            .tx
            .prepare_cached("DELETE FROM change WHERE doc = ?1 AND hash = ?2")?;
        for edit in &edits {
            delete.execute(params![doc, &edit.hash.0[..]])?;
        }
        edits.append(&mut self.take_open_chunk(doc)?);
        edits.sort_unstable_by_key(|edit| edit.start);
        let mut some = Vec::new();
        let mut bytes = 0;
        for edit in edits {
            let length: usize = edit.bytes().len();
            let is_full = some.len() == FULL || bytes + length > LARGEST_CHUNK;
            if is_full && !some.is_empty() {
                self.write_chunk(doc, id, std::mem::take(&mut some))?;
                bytes = 0;
            }
            bytes += length;
            some.push(edit);
        }
        self.write_chunk(doc, id, some)
    }

    /// The edits of the newest chunk, where it is not full. Its row is gone.
    fn take_open_chunk(&self, doc: i64) -> Result<Vec<Parts>, StoreError> {
        let mut newest = self.tx.prepare_cached(
            "SELECT dict, body, rowid FROM chunk
             WHERE doc = ?1 AND length(hashes) < ?2 AND length(body) < ?3
               AND nr = (SELECT max(nr) FROM chunk WHERE doc = ?1)",
        )?;
        let mut rows = newest.query(params![doc, FULL * PART, LARGEST_CHUNK / 8])?;
        let Some(row) = rows.next()? else {
            return Ok(Vec::new());
        };
        let edits = self.store.open_chunk(doc, row, 0)?;
        let nr: i64 = row.get(2)?;
        self.tx
            .prepare_cached("DELETE FROM chunk WHERE rowid = ?1")?
            .execute([nr])?;
        Ok(edits)
    }

    fn write_chunk(&self, doc: i64, id: DocId, edits: Vec<Parts>) -> Result<(), StoreError> {
        let count = edits.len();
        let (hashes, bytes) = doc::pack_chunk(edits);
        // Nothing is deleted before what takes its place has been read back.
        let again = doc::unpack_chunk(&bytes).unwrap_or_default();
        let read: Vec<ChangeHash> = again.iter().map(|edit| edit.hash).collect();
        if read != hashes || read.len() != count {
            return Err(StoreError::Corrupt(format!("edits of {id} in a chunk")));
        }
        let parts: Vec<u8> = (hashes.iter())
            .flat_map(|hash| &hash.0[..PART])
            .copied()
            .collect();
        let (dict, body) = Packer::pack_chunk(&bytes)?;
        self.tx
            .prepare_cached(
                "INSERT INTO chunk (doc, nr, hashes, dict, body)
                 SELECT ?1, coalesce(max(nr), 0) + 1, ?2, ?3, ?4 FROM chunk WHERE doc = ?1",
            )?
            .execute(params![doc, parts, dict, body])?;
        Ok(())
    }
}
