//! Photos and attachments: bytes under their own hash, outside the documents.
//!
//! A blob that arrives from a peer does so in pieces, each stored at once, so that a cut
//! link costs nothing and no blob has to be in memory while it travels. A large one stays in
//! pieces: none is read or written as a whole but to be shown.

use rusqlite::{OptionalExtension, params};

use super::batch::Batch;
use super::{Store, StoreError};
use crate::id::BlobHash;
use crate::item::Blob;

/// The largest blob: what the largest text that is read may hold.
const LARGEST_BLOB: u64 = crate::text::lines::LONGEST_TEXT as u64;
/// A blob up to this many bytes lies in one row.
const IN_ONE: usize = 256 << 10;

/// A blob that some document names and that is not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingBlob {
    /// Its name.
    pub hash: BlobHash,
    /// How many of its first bytes are here already.
    pub have: u64,
}

/// What became of a piece of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Stored; the next piece begins at this offset.
    Next(u64),
    /// The blob is whole and its hash is right.
    Whole,
    /// The pieces do not make the blob they were announced as, or it is too large. What was
    /// stored of it is gone.
    Wrong,
}

impl Store {
    /// A whole blob.
    pub fn blob(&self, hash: BlobHash) -> Result<Option<Vec<u8>>, StoreError> {
        let found: Option<(Option<usize>, Vec<u8>)> = self
            .conn
            .prepare_cached("SELECT length, body FROM blob WHERE hash = ?1")?
            .query_row([&hash.0[..]], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?;
        let Some((length, mut whole)) = found else {
            return Ok(None);
        };
        whole.reserve_exact(length.unwrap_or_default());
        if length.is_some() {
            self.each_piece(hash, |piece| whole.extend_from_slice(piece))?;
        }
        Ok(Some(whole))
    }

    /// Whether a blob is here.
    pub fn has_blob(&self, hash: BlobHash) -> Result<bool, StoreError> {
        Ok(self
            .conn
            .prepare_cached("SELECT 1 FROM blob WHERE hash = ?1")?
            .exists([&hash.0[..]])?)
    }

    /// A piece of a blob, no longer than `most` bytes, and the length of the whole.
    pub fn blob_piece(
        &self,
        hash: BlobHash,
        offset: u64,
        most: usize,
    ) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        let start = i64::try_from(offset).unwrap_or(i64::MAX - 1);
        let found: Option<(Option<u64>, u64, Vec<u8>)> = self
            .conn
            .prepare_cached(
                "SELECT length, length(body), coalesce(substr(body, ?2, ?3), x'') FROM blob
                 WHERE hash = ?1",
            )?
            .query_row(params![&hash.0[..], start + 1, most], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .optional()?;
        let total = match found {
            None => return Ok(None),
            Some((None, total, piece)) => return Ok(Some((total, piece))),
            Some((Some(total), ..)) => total,
        };
        let piece = self
            .conn
            .prepare_cached(
                "SELECT coalesce(substr(body, ?2 - start + 1, ?3), x'') FROM blob_part
                 WHERE hash = ?1 AND start <= ?2 ORDER BY start DESC LIMIT 1",
            )?
            .query_row(params![&hash.0[..], start, most], |row| row.get(0))
            .optional()?;
        Ok(Some((total, piece.unwrap_or_default())))
    }

    /// Blobs that stored changes name and that are not here: no more than `most`, in the order
    /// of their names, after this one.
    pub fn missing_blobs(
        &self,
        after: Option<BlobHash>,
        most: usize,
    ) -> Result<Vec<MissingBlob>, StoreError> {
        let after = after.map_or(Vec::new(), |hash| hash.0.to_vec());
        let mut statement = self.conn.prepare_cached(
            "SELECT m.hash,
               coalesce((SELECT max(start + length(body)) FROM blob_part p WHERE p.hash = m.hash), 0)
             FROM blob_missing m WHERE m.hash > ?1 ORDER BY m.hash LIMIT ?2",
        )?;
        let rows = statement.query_map(params![after, most], |row| {
            Ok(MissingBlob {
                hash: BlobHash(row.get(0)?),
                have: row.get(1)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many blobs stored changes name that are not here.
    pub fn count_missing_blobs(&self) -> Result<u64, StoreError> {
        Ok(self
            .conn
            .prepare_cached("SELECT count(*) FROM blob_missing")?
            .query_row((), |row| row.get(0))?)
    }

    /// Whether the bytes of a blob are what its name says, read piece by piece.
    pub(super) fn is_what_its_name_says(&self, hash: BlobHash) -> Result<bool, StoreError> {
        let mut hasher = BlobHash::hasher();
        let in_one: Option<Vec<u8>> = self
            .conn
            .prepare_cached("SELECT body FROM blob WHERE hash = ?1 AND length IS NULL")?
            .query_row([&hash.0[..]], |row| row.get(0))
            .optional()?;
        match in_one {
            Some(body) => {
                hasher.update(&body);
            }
            None => self.each_piece(hash, |piece| {
                hasher.update(piece);
            })?,
        }
        Ok(BlobHash(*hasher.finalize().as_bytes()) == hash)
    }

    fn each_piece(&self, hash: BlobHash, mut take: impl FnMut(&[u8])) -> Result<(), StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT body FROM blob_part WHERE hash = ?1 ORDER BY start")?;
        let mut rows = statement.query([&hash.0[..]])?;
        while let Some(row) = rows.next()? {
            take(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?);
        }
        Ok(())
    }
}

impl Batch<'_> {
    /// Stores a blob under its hash.
    pub fn put_blob(&mut self, bytes: &[u8]) -> Result<BlobHash, StoreError> {
        let hash = BlobHash::of(bytes);
        if self.store.has_blob(hash)? {
            return Ok(hash);
        }
        if self.is_missing(hash)? {
            self.done.found.insert(hash);
        }
        self.drop_pieces(hash)?;
        if bytes.len() <= IN_ONE {
            self.row(hash, None, bytes)?;
        } else {
            for (at, piece) in bytes.chunks(IN_ONE).enumerate() {
                self.piece(hash, (at * IN_ONE) as u64, piece)?;
            }
            self.row(hash, Some(bytes.len() as u64), &[])?;
        }
        Ok(hash)
    }

    /// Stores a blob where something stored before names it and it is not here.
    pub fn put_missing_blob(&mut self, blob: &Blob) -> Result<(), StoreError> {
        if self.is_missing(blob.hash)? {
            self.put_blob(&blob.bytes)?;
        }
        Ok(())
    }

    fn is_missing(&self, hash: BlobHash) -> Result<bool, StoreError> {
        Ok(self
            .tx
            .prepare_cached("SELECT 1 FROM blob_missing WHERE hash = ?1")?
            .exists([&hash.0[..]])?)
    }

    /// Stores the next piece of a blob. A piece that does not join the ones before it is
    /// not stored: the answer says where to go on.
    pub fn put_blob_piece(
        &mut self,
        hash: BlobHash,
        offset: u64,
        total: u64,
        bytes: &[u8],
    ) -> Result<Piece, StoreError> {
        if self.store.has_blob(hash)? {
            return Ok(Piece::Whole);
        }
        let have: u64 = self
            .tx
            .prepare_cached(
                "SELECT coalesce(max(start + length(body)), 0) FROM blob_part WHERE hash = ?1",
            )?
            .query_row([&hash.0[..]], |row| row.get(0))?;
        let after = offset.saturating_add(bytes.len() as u64);
        if total > LARGEST_BLOB || after > total {
            self.drop_pieces(hash)?;
            return Ok(Piece::Wrong);
        }
        if offset != have || bytes.is_empty() {
            return Ok(Piece::Next(have));
        }
        self.piece(hash, offset, bytes)?;
        if after < total {
            return Ok(Piece::Next(after));
        }
        if !self.store.is_what_its_name_says(hash)? {
            self.drop_pieces(hash)?;
            return Ok(Piece::Wrong);
        }
        if total <= IN_ONE as u64 {
            let mut whole = Vec::with_capacity(IN_ONE);
            self.store
                .each_piece(hash, |piece| whole.extend_from_slice(piece))?;
            self.put_blob(&whole)?;
        } else {
            self.row(hash, Some(total), &[])?;
        }
        Ok(Piece::Whole)
    }

    /// Forgets a blob.
    pub(super) fn drop_blob(&self, hash: BlobHash) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("DELETE FROM blob WHERE hash = ?1")?
            .execute([&hash.0[..]])?;
        self.drop_pieces(hash)
    }

    fn row(&self, hash: BlobHash, length: Option<u64>, body: &[u8]) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("INSERT INTO blob (hash, length, body) VALUES (?1, ?2, ?3)")?
            .execute(params![&hash.0[..], length, body])?;
        Ok(())
    }

    fn piece(&self, hash: BlobHash, start: u64, body: &[u8]) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("INSERT INTO blob_part (hash, start, body) VALUES (?1, ?2, ?3)")?
            .execute(params![&hash.0[..], start, body])?;
        Ok(())
    }

    fn drop_pieces(&self, hash: BlobHash) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("DELETE FROM blob_part WHERE hash = ?1")?
            .execute([&hash.0[..]])?;
        Ok(())
    }
}
