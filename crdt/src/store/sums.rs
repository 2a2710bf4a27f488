//! What the documents of each class add up to, and the sets that are compared with a peer.
//!
//! The sum is made from the rows of documents when somebody first asks for it, and kept up in
//! memory by what is written from then on: what a disk has lost shows when it is next made.
//! A set is always read anew, and the sum with it.

use std::collections::BTreeMap;

use super::batch::Batch;
use super::items::{Fingerprint, split_hashes};
use super::{Store, StoreError};
use crate::id::{ChangeHash, CollectionId, DocId};
use crate::sync::recon::Key;
use crate::sync::{Sum, VectorHash, VersionVector};

/// Of each class, by its number.
pub(super) type Sums = BTreeMap<i64, Sum>;

/// The states of all documents of a class, to be compared with a peer's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct States {
    /// What is applied, with what the documents add up to now.
    pub vector: VersionVector,
    /// Stands for the vectors of all collections of the class: two devices where it is the same
    /// should hold the same.
    pub names: VectorHash,
    /// Each document with the mark of its state.
    pub keys: Vec<Key>,
}

fn key(doc: DocId, state: Fingerprint) -> Key {
    let mut key = [0; 32];
    key[..16].copy_from_slice(&doc.0);
    key[16..].copy_from_slice(&state.0);
    key
}

impl Store {
    /// What is applied here of a collection, with what its documents add up to. The documents of
    /// collections that are one are told of with the collection that gives them their id.
    pub fn holds(&self, collection: CollectionId) -> Result<VersionVector, StoreError> {
        let known = self.sums.borrow().is_some();
        if !known {
            let sums = self.make_sums()?;
            *self.sums.borrow_mut() = Some(sums);
        }
        self.vector_now(collection)
    }

    /// Likewise, where anybody has asked what the documents add up to.
    pub(super) fn vector_now(&self, collection: CollectionId) -> Result<VersionVector, StoreError> {
        let Some(place) = self.place(collection)? else {
            return Ok(VersionVector::new());
        };
        let sums = self.sums.borrow();
        let sum = sums.as_ref().filter(|_| place.nr == place.class);
        let sum = sum.map(|sums| sums.get(&place.class).copied().unwrap_or_default());
        Ok(self.vector(place.nr, 0)?.with_sum(sum))
    }

    fn make_sums(&self) -> Result<Sums, StoreError> {
        let mut sums = Sums::new();
        let mut statement = self
            .conn
            .prepare_cached("SELECT class, id, heads FROM doc")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let heads = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            let state = Fingerprint::of(DocId(row.get(1)?), &split_hashes(heads));
            let sum: &mut Sum = sums.entry(row.get(0)?).or_default();
            *sum = sum.with(state.0);
        }
        Ok(sums)
    }

    /// Reads the states of all documents of a collection, and of those that are one with it.
    pub fn states(&self, collection: CollectionId) -> Result<States, StoreError> {
        let mut keys = Vec::new();
        let mut names = blake3::Hasher::new_derive_key("pimesh class v1");
        if let Some(place) = self.place(collection)? {
            // in the order of the rows, not of an index that leads all over the file
            let mut statement = self
                .conn
                .prepare_cached("SELECT id, heads FROM doc WHERE +class = ?1")?;
            let mut rows = statement.query([place.class])?;
            let mut sum = Sum::default();
            while let Some(row) = rows.next()? {
                let doc = DocId(row.get(0)?);
                let heads = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
                let state = Fingerprint::of(doc, &split_hashes(heads));
                sum = sum.with(state.0);
                keys.push(key(doc, state));
            }
            if let Some(sums) = self.sums.borrow_mut().as_mut() {
                sums.insert(place.class, sum);
            }
            let mut statement = self
                .conn
                .prepare_cached("SELECT id, nr FROM collection WHERE class = ?1 ORDER BY id")?;
            let mut rows = statement.query([place.class])?;
            while let Some(row) = rows.next()? {
                names.update(&row.get::<_, [u8; 16]>(0)?);
                names.update(&self.vector(row.get(1)?, 0)?.hash().0);
            }
        }
        let mut short = [0; 8];
        short.copy_from_slice(&names.finalize().as_bytes()[..8]);
        Ok(States {
            vector: self.holds(collection)?,
            names: VectorHash(short),
            keys,
        })
    }
}

impl Batch<'_> {
    /// The number of the next new document.
    pub(super) fn next_document(&self) -> i64 {
        let next = self.documents.1.get() + 1;
        self.documents.1.set(next);
        next
    }

    /// A document has come, in this state.
    pub(super) fn adds_up(&self, class: i64, doc: DocId, heads: &[ChangeHash]) {
        if let Some(sums) = self.sums.borrow_mut().as_mut() {
            let sum = sums.entry(class).or_default();
            *sum = sum.with(Fingerprint::of(doc, heads).0);
        }
    }

    /// A document gets another state.
    pub(super) fn adds_up_anew(&self, nr: i64, heads: &[ChangeHash]) -> Result<(), StoreError> {
        self.adds_up_no_more(nr)?;
        if self.sums.borrow().is_none() {
            return Ok(());
        }
        let (class, doc) = self.class_and_id(nr)?;
        self.adds_up(class, doc, heads);
        Ok(())
    }

    /// A document goes, or gets another state.
    pub(super) fn adds_up_no_more(&self, nr: i64) -> Result<(), StoreError> {
        if self.sums.borrow().is_none() {
            return Ok(());
        }
        let (class, doc) = self.class_and_id(nr)?;
        if let (Some(kept), Some(sums)) = (self.store.kept(nr)?, self.sums.borrow_mut().as_mut()) {
            let sum = sums.entry(class).or_default();
            *sum = sum.without(Fingerprint::of(doc, &kept.heads).0);
        }
        Ok(())
    }

    fn class_and_id(&self, nr: i64) -> Result<(i64, DocId), StoreError> {
        Ok(self
            .tx
            .prepare_cached("SELECT class, id FROM doc WHERE nr = ?1")?
            .query_row([nr], |row| Ok((row.get(0)?, DocId(row.get(1)?))))?)
    }

    /// Documents have moved between classes: what they add up to is made anew.
    pub(super) fn add_up_again(&self) -> Result<(), StoreError> {
        let known = self.sums.borrow().is_some();
        if known {
            *self.sums.borrow_mut() = Some(self.store.make_sums()?);
        }
        Ok(())
    }

    /// What the documents of a class add up to once this batch is committed.
    pub(super) fn sum_of(&self, class: i64) -> Result<Option<Sum>, StoreError> {
        let sums = self.sums.borrow();
        Ok(sums
            .as_ref()
            .map(|sums| sums.get(&class).copied().unwrap_or_default()))
    }
}
