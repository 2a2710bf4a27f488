//! Reading documents' changes back.

use rusqlite::{OptionalExtension, params};

use super::items::{Fingerprint, split_hashes};
use super::{Store, StoreError};
use crate::id::{ChangeHash, CollectionId, DocId};

impl Store {
    /// All changes of a document. Empty when there is no such document.
    pub fn changes_of(
        &self,
        collection: CollectionId,
        doc: DocId,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let Some(place) = self.place(collection)? else {
            return Ok(Vec::new());
        };
        match self.doc_nr(place.class, doc)? {
            Some(nr) => self.bodies(nr),
            None => Ok(Vec::new()),
        }
    }

    /// How many changes are stored of a collection and those united with it, history included.
    /// A change that two devices made alike has two names and is one.
    pub fn count_changes(&self, collection: CollectionId) -> Result<u64, StoreError> {
        let Some(place) = self.place(collection)? else {
            return Ok(0);
        };
        Ok(self
            .conn
            .prepare_cached(
                "SELECT count(*) FROM (
                   SELECT DISTINCT log.doc, log.hash
                   FROM log JOIN collection ON collection.nr = log.coll
                   WHERE collection.class = ?1)",
            )?
            .query_row([place.class], |row| row.get(0))?)
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
                   SELECT id, coalesce(heads, (SELECT hash FROM change WHERE doc = nr)) AS heads
                   FROM doc WHERE class = ?1 AND id = ?2)
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
        Ok(heads.map(|heads| split_hashes(&heads)))
    }

    pub(super) fn doc_nr(&self, class: i64, doc: DocId) -> Result<Option<i64>, StoreError> {
        Ok(self
            .conn
            .prepare_cached("SELECT nr FROM doc WHERE class = ?1 AND id = ?2")?
            .query_row(params![class, &doc.0[..]], |row| row.get(0))
            .optional()?)
    }

    pub(super) fn has_change(&self, doc: i64, hash: &ChangeHash) -> Result<bool, StoreError> {
        Ok(self
            .conn
            .prepare_cached("SELECT 1 FROM change WHERE doc = ?1 AND hash = ?2")?
            .exists(params![doc, &hash.0[..]])?)
    }

    /// Every raw change of the document with this number.
    pub(super) fn bodies(&self, doc: i64) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT dict, body FROM change WHERE doc = ?1")?;
        let mut rows = statement.query([doc])?;
        let mut packer = self.packer.borrow_mut();
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            all.push(packer.unpack(&self.conn, row.get(0)?, body)?);
        }
        Ok(all)
    }
}
