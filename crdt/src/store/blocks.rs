//! First changes of many documents packed as one.
//!
//! Nearly all changes there are came first in their document, were made from a text and came
//! with many others. A row for each would cost more than writing and packing what is in it, and
//! alone they pack badly. So a large batch writes them in blocks of [`TARGET`] bytes, and what
//! came by itself moves into blocks once there is enough of it. A block is never written again:
//! whoever has read one need not read it twice.

use std::ops::Range;
use std::sync::Arc;

use rusqlite::{OptionalExtension, Row, params};

use super::batch::Batch;
use super::items::split_hashes;
use super::{Store, StoreError};
use crate::doc::leb::{Cursor, put_prefixed, put_unsigned, unzigzag, zigzag};
use crate::doc::{Parts, is_from_text};
use crate::id::{ChangeHash, DocId};

/// Bytes in a block: more pack better, and cost more where one item is read.
const TARGET: usize = 16 << 10;
/// A change of more bytes lies alone: what lies beside it would pay for it.
const LARGEST: usize = 8 << 10;
/// New documents in one batch that are worth a block.
pub(super) const ENOUGH: usize = 16;
/// First changes that lie alone before they move.
const MOST_ALONE: usize = 256;

/// True for the kept form of a change that a block can hold: its hash is made anew from it.
pub(super) fn fits(at_rest: &[u8]) -> bool {
    is_from_text(at_rest) && at_rest.len() <= LARGEST
}

/// How the changes of a document lie.
pub(super) struct Kept {
    pub(super) id: DocId,
    pub(super) first: Option<i64>,
    pub(super) single: bool,
    pub(super) heads: Vec<ChangeHash>,
}

impl Kept {
    /// From the columns `id`, `first`, `single` and `heads`, in this order.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: DocId(row.get(0)?),
            first: row.get(1)?,
            single: row.get(2)?,
            heads: split_hashes(row.get_ref(3)?.as_blob()?),
        })
    }

    /// The hash of the only change.
    pub(super) fn only(&self) -> Option<ChangeHash> {
        match (self.single, &self.heads[..]) {
            (true, [only]) => Some(*only),
            _ => None,
        }
    }
}

/// A block that was read.
#[derive(Debug)]
pub(super) struct Block {
    packed: Vec<u8>,
    bytes: Vec<u8>,
    places: Vec<(i64, Range<usize>)>,
}

impl Block {
    fn of(packed: &[u8], bytes: Vec<u8>) -> Option<Self> {
        let mut places = Vec::with_capacity(64);
        let (mut at, mut doc) = (Cursor { rest: &bytes }, 0_i64);
        while !at.rest.is_empty() {
            doc = doc.wrapping_add(unzigzag(at.unsigned()?));
            let length = at.prefixed()?.len();
            let end = bytes.len() - at.rest.len();
            places.push((doc, end - length..end));
        }
        Some(Self {
            packed: packed.to_vec(),
            bytes,
            places,
        })
    }

    /// The kept form of a document's change.
    pub(super) fn change(&self, doc: i64) -> Option<&[u8]> {
        let place = self.places.iter().find(|(nr, _)| *nr == doc)?;
        self.bytes.get(place.1.clone())
    }
}

/// A block that is being filled.
pub(super) struct Filling {
    nr: i64,
    bytes: Vec<u8>,
    docs: Vec<i64>,
}

impl Filling {
    /// The number that the next change goes to.
    pub(super) fn nr(&self) -> i64 {
        self.nr
    }

    /// Adds the change of a document.
    pub(super) fn add(&mut self, doc: i64, at_rest: &[u8]) {
        let last = self.docs.last().copied().unwrap_or(0);
        put_unsigned(&mut self.bytes, zigzag(doc.wrapping_sub(last)));
        put_prefixed(&mut self.bytes, at_rest);
        self.docs.push(doc);
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes.len() >= TARGET
    }
}

impl Store {
    /// How the changes of a document lie.
    pub(super) fn kept(&self, doc: i64) -> Result<Option<Kept>, StoreError> {
        Ok(self
            .conn
            .prepare_cached("SELECT id, first, single, heads FROM doc WHERE nr = ?1")?
            .query_row([doc], Kept::read)
            .optional()?)
    }

    /// A block. The last one that was read is kept, and known by its packed bytes.
    pub(super) fn block(&self, nr: i64) -> Result<Arc<Block>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT dict, body FROM block WHERE nr = ?1")?;
        let mut rows = statement.query([nr])?;
        let damaged = || StoreError::Corrupt(format!("block {nr} of first changes"));
        let row = rows.next()?.ok_or_else(damaged)?;
        let packed = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        let mut last = self.last_block.borrow_mut();
        if let Some(block) = last.as_ref().filter(|block| block.packed == packed) {
            return Ok(block.clone());
        }
        let bytes = self.packer.borrow_mut().unpack(row.get(0)?, packed)?;
        let block = Arc::new(Block::of(packed, bytes).ok_or_else(damaged)?);
        *last = Some(block.clone());
        Ok(block)
    }

    /// The change of a document that lies in a block.
    pub(super) fn first(&self, doc: i64, kept: &Kept) -> Result<Option<Parts>, StoreError> {
        let Some(nr) = kept.first else {
            return Ok(None);
        };
        let block = self.block(nr)?;
        let damaged = || StoreError::Corrupt(format!("the first change of document {doc}"));
        let at_rest = block.change(doc).ok_or_else(damaged)?;
        let parts = match kept.only() {
            Some(hash) => Parts::of_rest(at_rest, hash),
            None => Parts::of_rest_alone(at_rest),
        };
        parts.map(Some).map_err(|_| damaged())
    }
}

impl Batch<'_> {
    /// Begins a block.
    pub(super) fn fill(&self) -> Result<Filling, StoreError> {
        let nr = self
            .tx
            .prepare_cached("SELECT coalesce(max(nr), 0) + 1 FROM block")?
            .query_row((), |row| row.get(0))?;
        Ok(Filling {
            nr,
            bytes: Vec::with_capacity(TARGET + LARGEST),
            docs: Vec::new(),
        })
    }

    /// Writes a block; what is added next goes into another.
    pub(super) fn write_block(&self, filling: &mut Filling) -> Result<(), StoreError> {
        if filling.docs.is_empty() {
            return Ok(());
        }
        let mut packer = self.store.packer.borrow_mut();
        let packed = packer.pack(&filling.bytes)?;
        self.tx
            .prepare_cached("INSERT INTO block (nr, count, dict, body) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![
                filling.nr,
                filling.docs.len(),
                packed.dict,
                packed.body
            ])?;
        filling.nr += 1;
        filling.bytes.clear();
        filling.docs.clear();
        Ok(())
    }

    /// Moves first changes that lie alone into blocks, once there are many.
    pub(super) fn gather(&self) -> Result<(), StoreError> {
        let alone: Vec<i64> = self
            .tx
            .prepare_cached("SELECT nr FROM doc WHERE single AND first IS NULL ORDER BY nr")?
            .query_map((), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        if alone.len() < MOST_ALONE {
            return Ok(());
        }
        let mut filling = self.fill()?;
        for doc in alone {
            self.move_into(&mut filling, doc)?;
            if filling.is_full() {
                self.write_block(&mut filling)?;
            }
        }
        self.write_block(&mut filling)
    }

    fn move_into(&self, filling: &mut Filling, doc: i64) -> Result<(), StoreError> {
        let mut statement = self
            .tx
            .prepare_cached("SELECT hash, dict, body FROM change WHERE doc = ?1")?;
        let row = statement
            .query_row([doc], |row| {
                Ok((
                    ChangeHash(row.get(0)?),
                    row.get(1)?,
                    row.get::<_, Vec<u8>>(2)?,
                ))
            })
            .optional()?;
        let Some((hash, dict, body)) = row else {
            return Err(StoreError::Corrupt(format!(
                "document {doc} without its change"
            )));
        };
        let at_rest = self.store.packer.borrow_mut().unpack(dict, &body)?;
        // it moves only where it can be made anew from what moves
        let again = Parts::of_rest_alone(&at_rest).map(|parts| parts.hash);
        if !fits(&at_rest) || again != Ok(hash) {
            self.tx
                .prepare_cached("UPDATE doc SET single = 0 WHERE nr = ?1")?
                .execute([doc])?;
            return Ok(());
        }
        self.tx
            .prepare_cached("UPDATE doc SET first = ?2 WHERE nr = ?1")?
            .execute([doc, filling.nr])?;
        self.tx
            .prepare_cached("DELETE FROM change WHERE doc = ?1")?
            .execute([doc])?;
        filling.add(doc, &at_rest);
        Ok(())
    }

    /// Takes the change of a document out of its block, to give it a row under another one.
    pub(super) fn take_out(&self, doc: i64, under: i64) -> Result<(), StoreError> {
        let Some(kept) = self.store.kept(doc)? else {
            return Ok(());
        };
        let (Some(block), Some(parts)) = (kept.first, self.store.first(doc, &kept)?) else {
            return Ok(());
        };
        if !self.store.has_change(under, &parts.hash)? {
            let at_rest = parts.at_rest();
            let mut packer = self.store.packer.borrow_mut();
            let packed = packer.pack(&at_rest)?;
            self.tx
                .prepare_cached(
                    "INSERT OR IGNORE INTO change (doc, hash, dict, body) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![under, &parts.hash.0[..], packed.dict, packed.body])?;
        }
        self.tx
            .prepare_cached("UPDATE block SET count = count - 1 WHERE nr = ?1")?
            .execute([block])?;
        self.tx
            .prepare_cached("DELETE FROM block WHERE nr = ?1 AND count <= 0")?
            .execute([block])?;
        Ok(())
    }
}
