//! Photos and attachments: bytes under their own hash, outside the documents.
//!
//! A blob that arrives from a peer does so in pieces, each stored at once, so that a cut
//! link costs nothing and no blob has to be in memory while it travels.

use rusqlite::{OptionalExtension, params};

use super::batch::Batch;
use super::{Store, StoreError};
use crate::id::BlobHash;

/// The largest blob that is taken in.
pub(super) const LARGEST_BLOB: u64 = 32 << 20;

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
        Ok(self
            .conn
            .prepare_cached("SELECT body FROM blob WHERE hash = ?1")?
            .query_row([&hash.0[..]], |row| row.get(0))
            .optional()?)
    }

    /// A piece of a blob and the length of the whole.
    pub fn blob_piece(
        &self,
        hash: BlobHash,
        offset: u64,
        most: usize,
    ) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
        let start = i64::try_from(offset).unwrap_or(i64::MAX - 1) + 1;
        Ok(self
            .conn
            .prepare_cached("SELECT length(body), substr(body, ?2, ?3) FROM blob WHERE hash = ?1")?
            .query_row(params![&hash.0[..], start, most], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?)
    }

    /// Blobs that stored changes name and that are not here, no more than `most`.
    pub fn missing_blobs(&self, most: usize) -> Result<Vec<MissingBlob>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT DISTINCT r.hash,
               coalesce((SELECT max(start + length(body)) FROM blob_part p WHERE p.hash = r.hash), 0)
             FROM blob_ref r WHERE NOT EXISTS (SELECT 1 FROM blob b WHERE b.hash = r.hash)
             LIMIT ?1",
        )?;
        let rows = statement.query_map([most], |row| {
            Ok(MissingBlob {
                hash: BlobHash(row.get(0)?),
                have: row.get(1)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Batch<'_> {
    /// Stores a blob under its hash.
    pub fn put_blob(&mut self, bytes: &[u8]) -> Result<BlobHash, StoreError> {
        let hash = BlobHash::of(bytes);
        self.tx
            .prepare_cached("INSERT OR IGNORE INTO blob (hash, body) VALUES (?1, ?2)")?
            .execute(params![&hash.0[..], bytes])?;
        self.drop_pieces(hash)?;
        Ok(hash)
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
        if self
            .tx
            .prepare_cached("SELECT 1 FROM blob WHERE hash = ?1")?
            .exists([&hash.0[..]])?
        {
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
        if after < total {
            self.tx
                .prepare_cached("INSERT INTO blob_part (hash, start, body) VALUES (?1, ?2, ?3)")?
                .execute(params![&hash.0[..], offset, bytes])?;
            return Ok(Piece::Next(after));
        }
        let mut whole = self.pieces(hash)?;
        whole.extend_from_slice(bytes);
        if BlobHash::of(&whole) != hash {
            self.drop_pieces(hash)?;
            return Ok(Piece::Wrong);
        }
        self.put_blob(&whole)?;
        Ok(Piece::Whole)
    }

    fn pieces(&self, hash: BlobHash) -> Result<Vec<u8>, StoreError> {
        let mut statement = self
            .tx
            .prepare_cached("SELECT body FROM blob_part WHERE hash = ?1 ORDER BY start")?;
        let mut rows = statement.query([&hash.0[..]])?;
        let mut whole = Vec::new();
        while let Some(row) = rows.next()? {
            whole.extend_from_slice(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?);
        }
        Ok(whole)
    }

    fn drop_pieces(&self, hash: BlobHash) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("DELETE FROM blob_part WHERE hash = ?1")?
            .execute([&hash.0[..]])?;
        Ok(())
    }
}
