//! Taking damaged documents out, so that they count as lost and come back from a peer.
//!
//! What can be read of them stays: as a document, as far as it builds on what can be read; the
//! rest waits until what it builds on has come back. Names are left as they are.

use std::collections::HashSet;

use rusqlite::params;

use super::batch::Batch;
use super::check::Documents;
use super::{Loss, Store, StoreError};
use crate::doc::{Parts, Sealed, decode};
use crate::id::{DocId, Timestamp};

impl Store {
    /// Takes out the documents of which changes can not be read. Gives what is missing then.
    pub fn take_out(&mut self, found: &Documents, now: Timestamp) -> Result<Vec<Loss>, StoreError> {
        let mut batch = self.batch(now)?;
        for (nr, id) in &found.damaged {
            batch.take_out_document(*nr, *id)?;
        }
        batch.commit()?;
        self.note_losses(now)
    }

    /// The changes of a document that can be read, and are what their names say.
    fn readable(&self, nr: i64) -> Result<Vec<Parts>, StoreError> {
        let mut all = Vec::new();
        let hashes = self
            .conn
            .prepare_cached("SELECT hash FROM change WHERE doc = ?1")?
            .query_map([nr], |row| row.get(0).map(crate::id::ChangeHash))?
            .collect::<Result<Vec<_>, _>>()?;
        for hash in &hashes {
            all.extend(self.loose_one(nr, hash).ok());
        }
        let first = match self.kept(nr)? {
            Some(kept) => self.first(nr, &kept).ok().flatten(),
            None => None,
        };
        all.extend(self.packed_readable(nr, first.as_ref())?);
        all.extend(first);
        all.retain(super::check::says_its_name);
        Ok(all)
    }
}

impl Batch<'_> {
    fn take_out_document(&mut self, nr: i64, id: DocId) -> Result<(), StoreError> {
        let class: i64 = self
            .tx
            .prepare_cached("SELECT class FROM doc WHERE nr = ?1")?
            .query_row([nr], |row| row.get(0))?;
        for change in self.store.readable(nr)? {
            self.tx
                .prepare_cached(
                    "INSERT OR IGNORE INTO salvage (class, doc, hash, body)
                     VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![
                    class,
                    &id.0[..],
                    &change.hash.0[..],
                    &change.bytes()[..]
                ])?;
        }
        self.adds_up_no_more(nr)?;
        for sql in [
            "DELETE FROM change WHERE doc = ?1",
            "DELETE FROM chunk WHERE nr >> 16 = ?1",
            "DELETE FROM blob_ref WHERE doc = ?1",
            "DELETE FROM doc WHERE nr = ?1",
        ] {
            self.tx.prepare_cached(sql)?.execute([nr])?;
        }
        self.use_salvage((class, id))
    }

    /// Puts what waits of a document into it, as far as what it builds on is here.
    pub(super) fn use_salvage(&mut self, key: (i64, DocId)) -> Result<(), StoreError> {
        let mut waiting: Vec<Parts> = self
            .tx
            .prepare_cached("SELECT body FROM salvage WHERE class = ?1 AND doc = ?2")?
            .query_map(params![key.0, &key.1.0[..]], |row| row.get::<_, Vec<u8>>(0))?
            .filter_map(|body| decode(&body.ok()?).ok())
            .collect();
        waiting.sort_unstable_by_key(|change| (change.start, change.hash));
        let mut used = HashSet::new();
        loop {
            let before = used.len();
            for change in &waiting {
                if used.contains(&change.hash) {
                    continue;
                }
                let sealed = Sealed::of(change);
                match self.standing(key, &sealed)? {
                    super::standing::Standing::Misses => continue,
                    super::standing::Standing::Known => {}
                    super::standing::Standing::Fits => {
                        self.came_back.push((key, change.hash));
                        self.keep(key, sealed)?;
                    }
                }
                used.insert(change.hash);
            }
            if used.len() == before {
                break;
            }
        }
        for hash in used {
            self.tx
                .prepare_cached("DELETE FROM salvage WHERE class = ?1 AND doc = ?2 AND hash = ?3")?
                .execute(params![key.0, &key.1.0[..], &hash.0[..]])?;
        }
        Ok(())
    }
}
