//! Edits of one document packed as one: a document of many edits keeps them so.
//!
//! A row of `change` costs more than the edit in it. Once a document has [`AT_ONCE`] loose
//! edits they move into a row of `chunk`, in the transaction that brings the last of them. The
//! newest chunk takes them up until it holds [`FULL`] edits; full ones are never written again.
//! Documents that see fewer edits than that are packed together, once there are many of them.
//! Beside the body stand the first eight bytes of every hash, so that only a chunk that can
//! have a change is read; the change itself decides.

use std::collections::HashMap;

use rusqlite::{Row, params};

use super::batch::Batch;
use super::blocks::Kept;
use super::log::PART;
use super::{Store, StoreError};
use crate::doc::{self, Parts};
use crate::id::ChangeHash;

/// So many loose edits are packed.
pub(super) const AT_ONCE: usize = 4;
/// A chunk of so many edits takes no more.
const FULL: usize = 32;
/// The texts in one chunk: reading one edit reads them all.
const LARGEST_CHUNK: usize = 256 << 10;

/// Chunks that one document can have.
const NUMBERS: i64 = 1 << 16;
/// Less than this packs no better at a higher level.
const WORTH_MORE: usize = 256;

/// Edits of opened chunks that nobody has asked for yet, of all documents of a page.
const MOST_OPENED: usize = 8_192;

/// Edits of chunks that were opened for another edit in them: a page asks for most of them.
#[derive(Default)]
pub(super) struct Opened {
    edits: HashMap<(i64, [u8; PART]), Parts>,
}

/// The first and the last number that a chunk of this document can have.
fn numbers(doc: i64) -> [i64; 2] {
    let first = doc.saturating_mul(NUMBERS);
    [first, first.saturating_add(NUMBERS - 1)]
}

impl Store {
    /// All edits of a document that lie in chunks.
    pub(super) fn packed(&self, doc: i64, first: Option<&Parts>) -> Result<Vec<Parts>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT dict, body FROM chunk WHERE nr BETWEEN ?1 AND ?2 ORDER BY nr",
        )?;
        let mut rows = statement.query(numbers(doc))?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.append(&mut self.open_chunk(doc, row, 0, first)?);
        }
        Ok(all)
    }

    /// Likewise, those of the chunks that can be read.
    pub(super) fn packed_readable(
        &self,
        doc: i64,
        first: Option<&Parts>,
    ) -> Result<Vec<Parts>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT dict, body FROM chunk WHERE nr BETWEEN ?1 AND ?2")?;
        let mut rows = statement.query(numbers(doc))?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            all.append(&mut self.open_chunk(doc, row, 0, first).unwrap_or_default());
        }
        Ok(all)
    }

    /// The edits of a document that lie in chunks and whose hashes begin so.
    pub(super) fn packed_beginning(
        &self,
        doc: i64,
        kept: &Kept,
        beginning: &[u8],
    ) -> Result<Vec<Parts>, StoreError> {
        let part = &beginning[..beginning.len().min(PART)];
        let mut found = self.opened_for(doc, kept, part)?;
        found.retain(|edit| edit.hash.0.starts_with(beginning));
        Ok(found)
    }

    /// The edit of a document that lies in a chunk and whose hash begins so. Each is given once
    /// without opening its chunk again.
    pub(super) fn packed_edit(
        &self,
        doc: i64,
        kept: &Kept,
        part: &[u8; PART],
        opened: &mut Opened,
    ) -> Result<Option<Parts>, StoreError> {
        if let Some(edit) = opened.edits.remove(&(doc, *part)) {
            return Ok(Some(edit));
        }
        if opened.edits.len() > MOST_OPENED {
            opened.edits.clear();
        }
        for edit in self.opened_for(doc, kept, part)? {
            if let Some(part) = edit.hash.0.first_chunk::<PART>() {
                opened.edits.insert((doc, *part), edit);
            }
        }
        Ok(opened.edits.remove(&(doc, *part)))
    }

    /// All edits of the chunks of a document that have one whose hash begins so.
    fn opened_for(&self, doc: i64, kept: &Kept, part: &[u8]) -> Result<Vec<Parts>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT hashes, dict, body FROM chunk WHERE nr BETWEEN ?1 AND ?2")?;
        let mut rows = statement.query(numbers(doc))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let hashes = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
            if hashes.chunks_exact(PART).any(|hash| hash.starts_with(part)) {
                let first = self.first(doc, kept)?;
                found.append(&mut self.open_chunk(doc, row, 1, first.as_ref())?);
            }
        }
        Ok(found)
    }

    fn open_chunk(
        &self,
        doc: i64,
        row: &Row<'_>,
        at: usize,
        first: Option<&Parts>,
    ) -> Result<Vec<Parts>, StoreError> {
        let body = row
            .get_ref(at + 1)?
            .as_blob()
            .map_err(rusqlite::Error::from)?;
        let bytes = self.packer.borrow_mut().unpack(row.get(at)?, body)?;
        doc::unpack_chunk(&bytes, first)
            .map_err(|_| StoreError::Corrupt(format!("a chunk of document {doc}")))
    }
}

impl Batch<'_> {
    /// Packs the loose edits of a document, where they are so many.
    pub(super) fn pack_edits(&self, doc: i64, at_least: usize) -> Result<(), StoreError> {
        let loose = self.store.loose(doc)?;
        let mut edits: Vec<Parts> = loose.into_iter().filter(doc::fits_a_chunk).collect();
        if edits.len() < at_least.max(1) {
            return Ok(());
        }
        let first = self.first_of(doc)?;
        let mut delete = self
            .tx
            .prepare_cached("DELETE FROM change WHERE doc = ?1 AND hash = ?2")?;
        for edit in &edits {
            delete.execute(params![doc, &edit.hash.0[..]])?;
        }
        edits.append(&mut self.take_open_chunk(doc, first.as_ref())?);
        self.write_chunks(doc, edits, first.as_ref())
    }

    /// Packs the loose edits of documents, once more than `most` have some: of so many at once.
    pub(super) fn sweep(&self, most: usize, at_once: usize) -> Result<(), StoreError> {
        let edited = "SELECT DISTINCT c.doc FROM change c JOIN doc d ON d.nr = c.doc
                      WHERE NOT d.single AND d.first IS NOT NULL";
        let docs: Vec<i64> = self
            .tx
            .prepare_cached(edited)?
            .query_map((), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        if docs.len() > most {
            for doc in docs.into_iter().take(at_once) {
                self.pack_edits(doc, 1)?;
            }
        }
        Ok(())
    }

    /// Moves the chunks of a document to another one, which is the same document.
    pub(super) fn move_chunks(&self, from: i64, to: i64) -> Result<(), StoreError> {
        let edits = self.store.packed(from, self.first_of(from)?.as_ref())?;
        if edits.is_empty() {
            return Ok(());
        }
        self.tx
            .prepare_cached("DELETE FROM chunk WHERE nr BETWEEN ?1 AND ?2")?
            .execute(numbers(from))?;
        let mut fresh = Vec::new();
        for edit in edits {
            if !self.store.has_change(to, &edit.hash)? {
                fresh.push(edit);
            }
        }
        self.write_chunks(to, fresh, self.first_of(to)?.as_ref())
    }

    fn first_of(&self, doc: i64) -> Result<Option<Parts>, StoreError> {
        match self.store.kept(doc)? {
            Some(kept) => self.store.first(doc, &kept),
            None => Ok(None),
        }
    }

    fn write_chunks(
        &self,
        doc: i64,
        mut edits: Vec<Parts>,
        first: Option<&Parts>,
    ) -> Result<(), StoreError> {
        edits.sort_unstable_by_key(|edit| edit.start);
        let mut some = Vec::new();
        let mut bytes = 0;
        for edit in edits {
            let length: usize = edit.bytes().len();
            let is_full = some.len() == FULL || bytes + length > LARGEST_CHUNK;
            if is_full && !some.is_empty() {
                self.write_chunk(doc, std::mem::take(&mut some), first)?;
                bytes = 0;
            }
            bytes += length;
            some.push(edit);
        }
        match some.is_empty() {
            true => Ok(()),
            false => self.write_chunk(doc, some, first),
        }
    }

    /// The edits of the newest chunk, where it is not full. Its row is gone.
    fn take_open_chunk(&self, doc: i64, first: Option<&Parts>) -> Result<Vec<Parts>, StoreError> {
        let mut newest = self.tx.prepare_cached(
            "SELECT dict, body, nr FROM chunk
             WHERE length(hashes) < ?3 AND length(body) < ?4
               AND nr = (SELECT max(nr) FROM chunk WHERE nr BETWEEN ?1 AND ?2)",
        )?;
        let [low, high] = numbers(doc);
        let mut rows = newest.query(params![low, high, FULL * PART, LARGEST_CHUNK / 8])?;
        let Some(row) = rows.next()? else {
            return Ok(Vec::new());
        };
        let edits = self.store.open_chunk(doc, row, 0, first)?;
        let nr: i64 = row.get(2)?;
        self.tx
            .prepare_cached("DELETE FROM chunk WHERE nr = ?1")?
            .execute([nr])?;
        Ok(edits)
    }

    fn write_chunk(
        &self,
        doc: i64,
        edits: Vec<Parts>,
        first: Option<&Parts>,
    ) -> Result<(), StoreError> {
        let count = edits.len();
        let (hashes, bytes) = doc::pack_chunk(edits, first);
        // Nothing is deleted before what takes its place has been read back.
        let again = doc::unpack_chunk(&bytes, first).unwrap_or_default();
        let read: Vec<ChangeHash> = again.iter().map(|edit| edit.hash).collect();
        if read != hashes || read.len() != count {
            return Err(StoreError::Corrupt(format!(
                "edits of document {doc} in a chunk"
            )));
        }
        let parts: Vec<u8> = (hashes.iter())
            .flat_map(|hash| &hash.0[..PART])
            .copied()
            .collect();
        let mut packer = self.store.packer.borrow_mut();
        let packed = match bytes.len() < WORTH_MORE {
            true => packer.pack(&bytes)?,
            false => packer.pack_tight(&bytes)?,
        };
        let [low, high] = numbers(doc);
        self.tx
            .prepare_cached(
                "INSERT INTO chunk (nr, hashes, dict, body)
                 SELECT coalesce(max(nr), ?1 - 1) + 1, ?3, ?4, ?5 FROM chunk
                 WHERE nr BETWEEN ?1 AND ?2",
            )?
            .execute(params![low, high, parts, packed.dict, packed.body])?;
        Ok(())
    }
}
