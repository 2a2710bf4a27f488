//! Reading documents' changes back.

use std::collections::HashSet;
use std::sync::Arc;

use rusqlite::{OptionalExtension, params};

use super::blocks::Kept;
use super::items::{Fingerprint, split_hashes};
use super::{Store, StoreError};
use crate::doc::{Document, Parts};
use crate::id::{ChangeHash, CollectionId, DocId};

impl Store {
    /// All changes of a document. Empty when there is no such document.
    pub fn changes_of(
        &self,
        collection: CollectionId,
        doc: DocId,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let all = self.all_parts(collection, doc)?;
        Ok(all.iter().map(|parts| parts.bytes().into()).collect())
    }

    /// A document with all its changes. Empty when there is no such document.
    pub fn document(&self, collection: CollectionId, doc: DocId) -> Result<Document, StoreError> {
        let all = self.all_parts(collection, doc)?;
        Document::of(all).map_err(|source| StoreError::Change { doc, source })
    }

    fn all_parts(
        &self,
        collection: CollectionId,
        doc: DocId,
    ) -> Result<Vec<Arc<Parts>>, StoreError> {
        let Some(place) = self.place(collection)? else {
            return Ok(Vec::new());
        };
        match self.doc_nr(place.class, doc)? {
            Some(nr) => self.parts_of(nr),
            None => Ok(Vec::new()),
        }
    }

    /// How many changes are stored of a collection and those united with it, history included.
    /// A change that two devices made alike has two names and is one.
    pub fn count_changes(&self, collection: CollectionId) -> Result<u64, StoreError> {
        let Some(place) = self.place(collection)? else {
            return Ok(0);
        };
        let mut of_class = HashSet::new();
        let mut statement = self
            .conn
            .prepare_cached("SELECT nr FROM collection WHERE class = ?1")?;
        let mut rows = statement.query([place.class])?;
        while let Some(row) = rows.next()? {
            of_class.insert(row.get::<_, i64>(0)?);
        }
        let mut all = HashSet::new();
        self.each_name(|coll, _, name| {
            if of_class.contains(&coll) {
                all.insert((name.doc, name.part));
            }
        })?;
        Ok(all.len() as u64)
    }

    /// The heads a document had when its fingerprint was this one: the base of a write by
    /// somebody who was shown that state. Nothing when it never had that state here.
    pub fn heads_at(
        &self,
        collection: CollectionId,
        doc: DocId,
        state: Fingerprint,
    ) -> Result<Option<Vec<ChangeHash>>, StoreError> {
        let Some(place) = self.place(collection)? else {
            return Ok(None);
        };
        let heads = self
            .conn
            .prepare_cached(
                "SELECT heads FROM (
                   SELECT id, heads FROM doc WHERE class = ?1 AND id = ?2)
                 WHERE fingerprint(id, heads) = ?3
                 UNION ALL
                 SELECT version.heads FROM version JOIN doc ON doc.nr = version.doc
                   WHERE doc.class = ?1 AND doc.id = ?2 AND version.fp = ?3
                 LIMIT 1",
            )?
            .query_row(params![place.class, &doc.0[..], &state.0[..]], |row| {
                row.get::<_, Vec<u8>>(0)
            })
            .optional()?;
        if let Some(heads) = heads {
            return Ok(Some(split_hashes(&heads)));
        }
        // States with one head have no row: each change of the document may have been it.
        let Some(nr) = self.doc_nr(place.class, doc)? else {
            return Ok(None);
        };
        let all = self.parts_of(nr)?;
        let was = |hash: &ChangeHash| Fingerprint::of(doc, &[*hash]) == state;
        Ok(all
            .iter()
            .map(|parts| parts.hash)
            .find(was)
            .map(|hash| vec![hash]))
    }

    pub(super) fn doc_nr(&self, class: i64, doc: DocId) -> Result<Option<i64>, StoreError> {
        Ok(self
            .conn
            .prepare_cached("SELECT nr FROM doc WHERE class = ?1 AND id = ?2")?
            .query_row(params![class, &doc.0[..]], |row| row.get(0))
            .optional()?)
    }

    pub(super) fn has_change(&self, doc: i64, hash: &ChangeHash) -> Result<bool, StoreError> {
        let Some(kept) = self.kept(doc)? else {
            return Ok(false);
        };
        if let Some(known) = self.has_above_first(doc, &kept, hash)? {
            return Ok(known);
        }
        let first = self.first(doc, &kept)?;
        Ok(first.is_some_and(|first| first.hash == *hash))
    }

    /// Likewise, of a change that builds on another.
    pub(super) fn has_edit(&self, doc: i64, hash: &ChangeHash) -> Result<bool, StoreError> {
        let Some(kept) = self.kept(doc)? else {
            return Ok(false);
        };
        Ok(self.has_above_first(doc, &kept, hash)?.unwrap_or(false))
    }

    /// Whether a document has a change, without a look into its block; nothing where only that
    /// can tell.
    fn has_above_first(
        &self,
        doc: i64,
        kept: &Kept,
        hash: &ChangeHash,
    ) -> Result<Option<bool>, StoreError> {
        if kept.heads.contains(hash) || kept.only().is_some() {
            return Ok(Some(kept.heads.contains(hash)));
        }
        let is_loose = self
            .conn
            .prepare_cached("SELECT 1 FROM change WHERE doc = ?1 AND hash = ?2")?
            .exists(params![doc, &hash.0[..]])?;
        let is_known = is_loose || !self.packed_beginning(doc, kept, &hash.0)?.is_empty();
        Ok(is_known.then_some(true))
    }

    /// The hashes of a document that begin so.
    pub(super) fn beginning(
        &self,
        doc: i64,
        beginning: &[u8],
    ) -> Result<Vec<ChangeHash>, StoreError> {
        let Some(kept) = self.kept(doc)? else {
            return Ok(Vec::new());
        };
        if let Some(only) = kept.only() {
            let fits = only.0.starts_with(beginning);
            return Ok(fits.then_some(only).into_iter().collect());
        }
        let mut upper = beginning.to_vec();
        upper.resize(32, 0xff);
        let mut statement = self
            .conn
            .prepare_cached("SELECT hash FROM change WHERE doc = ?1 AND hash BETWEEN ?2 AND ?3")?;
        let rows = statement.query_map(params![doc, beginning, upper], |row| {
            Ok(ChangeHash(row.get(0)?))
        })?;
        let mut all: Vec<ChangeHash> = rows.collect::<Result<_, _>>()?;
        let packed = self.packed_beginning(doc, &kept, beginning)?;
        all.extend(packed.iter().map(|edit| edit.hash));
        let first = self.first(doc, &kept)?.map(|first| first.hash);
        all.extend(first.filter(|hash| hash.0.starts_with(beginning)));
        Ok(all)
    }

    /// Every change of the document with this number, whose row says what its heads are.
    pub(super) fn parts_of(&self, doc: i64) -> Result<Vec<Arc<Parts>>, StoreError> {
        let Some(kept) = self.kept(doc)? else {
            return Ok(Vec::new());
        };
        if let Some(all) = self.recent.borrow_mut().get(doc, &kept.heads) {
            return Ok(all);
        }
        let all = self.read_parts(doc, &kept)?;
        let all: Vec<Arc<Parts>> = all.into_iter().map(Arc::new).collect();
        self.recent.borrow_mut().put(doc, &kept.heads, &all);
        Ok(all)
    }

    /// Likewise, from what is stored, whatever its row says.
    pub(super) fn parts_as_stored(&self, doc: i64) -> Result<Vec<Parts>, StoreError> {
        match self.kept(doc)? {
            Some(kept) => self.read_parts(doc, &kept),
            None => Ok(Vec::new()),
        }
    }

    fn read_parts(&self, doc: i64, kept: &Kept) -> Result<Vec<Parts>, StoreError> {
        let first = self.first(doc, kept)?;
        let mut all = Vec::new();
        if kept.only().is_none() || first.is_none() {
            all.append(&mut self.loose(doc)?);
            all.append(&mut self.packed(doc, first.as_ref())?);
        }
        all.extend(first);
        Ok(all)
    }

    /// The changes of a document that have rows of their own.
    pub(super) fn loose(&self, doc: i64) -> Result<Vec<Parts>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT hash, dict, body FROM change WHERE doc = ?1")?;
        let mut rows = statement.query([doc])?;
        let mut packer = self.packer.borrow_mut();
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let body = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            let at_rest = packer.unpack(row.get(1)?, body)?;
            let parts = Parts::of_rest(&at_rest, ChangeHash(row.get(0)?));
            all.push(parts.map_err(|_| StoreError::Corrupt(format!("a change of row {doc}")))?);
        }
        Ok(all)
    }
}
