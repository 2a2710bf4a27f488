//! Documents sent anew: what a disk has lost comes back from a peer.
//!
//! They come without names. Names of what was lost are still in the logs as a rule, and lead to
//! the document again; a change that no log names gets a name of our own. So it stays true that
//! every change that is stored has one, whenever the power goes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::params;

use super::batch::Batch;
use super::log::PART;
use super::receive::Care;
use super::standing::Standing;
use super::{Committed, Store, StoreError};
use crate::doc::{self, Document, Parts};
use crate::id::{ChangeHash, CollectionId, DocId, Timestamp};
use crate::sync::{Entry, VersionVector};

/// Changes of documents, to be sent anew. They travel as entries, numbered from 1; the origin
/// is that of the sender and names nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnewPage {
    /// Document by document, each after what it builds on.
    pub entries: Vec<Entry>,
    /// How many of the documents are in it as a whole.
    pub docs: usize,
    /// How many changes of the next one are.
    pub skip: usize,
}

/// What became of documents that were sent anew. It is on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Regained {
    /// Documents and vectors, as for any commit.
    pub committed: Committed,
    /// What is applied here now.
    pub vector: VersionVector,
    /// Changes that were not here.
    pub changes: usize,
    /// Documents that have got some.
    pub docs: HashSet<DocId>,
    /// Changes that could not be used.
    pub refused: usize,
}

/// The changes of a document, each after those that it builds on.
fn in_order(document: &Document) -> Vec<Arc<Parts>> {
    let mut rest: Vec<Arc<Parts>> = document.changes().to_vec();
    rest.sort_unstable_by_key(|change| (change.start, change.hash));
    let (mut out, mut done) = (Vec::with_capacity(rest.len()), HashSet::new());
    while !rest.is_empty() {
        let before = out.len();
        rest.retain(|change| {
            let fits = change.deps.iter().all(|dep| done.contains(dep));
            if fits {
                done.insert(change.hash);
                out.push(Arc::clone(change));
            }
            !fits
        });
        if out.len() == before {
            return out;
        }
    }
    out
}

impl Store {
    /// The changes of these documents, without the first `skip` of the first one; about so many
    /// bytes, and at least one change. One that is not here or can not be read is left out.
    pub fn anew(
        &self,
        collection: CollectionId,
        docs: &[DocId],
        skip: usize,
        max_bytes: usize,
    ) -> Result<AnewPage, StoreError> {
        let (mut page, mut bytes) = (AnewPage::default(), 0);
        let by = self.origin();
        for (at, id) in docs.iter().enumerate() {
            let Ok(document) = self.document(collection, *id) else {
                page.docs += 1;
                continue;
            };
            let skip = if at == 0 { skip } else { 0 };
            for (place, change) in in_order(&document).iter().enumerate().skip(skip) {
                if bytes >= max_bytes {
                    page.skip = place;
                    return Ok(page);
                }
                let wrong = |source| StoreError::Change { doc: *id, source };
                let travels = doc::for_travel(change.at_rest(), &change.hash, by.device);
                let travels = travels.map_err(wrong)?;
                bytes += travels.len();
                page.entries.push(Entry {
                    origin: by,
                    n: page.entries.len() as u64 + 1,
                    doc: *id,
                    bytes: travels,
                });
            }
            page.docs += 1;
        }
        Ok(page)
    }

    /// Stores what is missing of documents that a peer has sent anew.
    pub fn receive_anew(
        &mut self,
        collection: CollectionId,
        entries: &[Entry],
        now: Timestamp,
    ) -> Result<Regained, StoreError> {
        match self.receive_anew_with(collection, entries, now, Care::Swift) {
            Err(StoreError::Change { .. }) => {
                self.receive_anew_with(collection, entries, now, Care::Careful)
            }
            done => done,
        }
    }

    fn receive_anew_with(
        &mut self,
        collection: CollectionId,
        entries: &[Entry],
        now: Timestamp,
        care: Care,
    ) -> Result<Regained, StoreError> {
        let mut regained = Regained::default();
        let mut batch = self.batch(now)?;
        batch.ensure_collection(collection)?;
        let place = batch.place(collection)?;
        for entry in entries {
            let key = (place.class, entry.doc);
            let Ok(Some((change, _))) = batch.arrived(key, entry)? else {
                regained.refused += 1;
                continue;
            };
            match batch.standing(key, &change)? {
                Standing::Known => {}
                Standing::Misses => regained.refused += 1,
                Standing::Fits => {
                    if care == Care::Careful
                        && batch.try_out(collection, entry.doc, &change)?.is_err()
                    {
                        regained.refused += 1;
                        continue;
                    }
                    regained.changes += 1;
                    regained.docs.insert(entry.doc);
                    batch.came_back.push((key, change.hash));
                    batch.keep(key, change)?;
                }
            }
        }
        for doc in &regained.docs {
            batch.use_salvage((place.class, *doc))?;
        }
        regained.committed = batch.commit()?;
        if regained.changes > 0 {
            self.note_losses(now)?;
        }
        regained.vector = self.vector_now(collection)?;
        Ok(regained)
    }
}

impl Batch<'_> {
    /// Leads names of what was lost to what has come back, and names what no log names.
    pub(super) fn name_what_came_back(&mut self) -> Result<(), StoreError> {
        if self.came_back.is_empty() {
            return Ok(());
        }
        self.settle()?;
        let came_back = std::mem::take(&mut self.came_back);
        let mut numbers: HashMap<[u8; PART], i64> = HashMap::new();
        let mut classes = HashSet::new();
        for ((class, id), hash) in &came_back {
            classes.insert(*class);
            if let Some(nr) = self.store.doc_nr(*class, *id)? {
                numbers.insert(part_of(hash), nr);
            }
        }
        let mut named = HashSet::new();
        for class in classes {
            named.extend(self.lead_names(class, &numbers)?);
        }
        for (key, hash) in came_back {
            if !named.contains(&part_of(&hash)) {
                self.waiting_of(key)?;
                self.name(key.0, self.own.nr, key, hash)?;
            }
        }
        self.settle()
    }

    /// Makes the names in the logs of a class that lead to no document lead to where their
    /// changes are. Gives which of the changes have a name.
    pub(super) fn lead_names(
        &self,
        class: i64,
        numbers: &HashMap<[u8; PART], i64>,
    ) -> Result<HashSet<[u8; PART]>, StoreError> {
        let of_class = self.store.logs_of(class)?;
        let (mut named, mut astray) = (HashSet::new(), Vec::new());
        self.store.each_name(|coll, _, name| {
            if of_class.contains(&coll)
                && let Some(nr) = numbers.get(&name.part)
            {
                if name.doc == *nr {
                    named.insert(name.part);
                } else {
                    astray.push((name.doc, *nr, name.part));
                }
            }
        })?;
        let mut moved = HashMap::new();
        for (doc, nr, part) in astray {
            if self.store.kept(doc)?.is_none() {
                moved.insert(doc, nr);
                named.insert(part);
            }
        }
        if !moved.is_empty() {
            self.renumber(class, &moved)?;
        }
        for (doc, nr) in &moved {
            // states that somebody was shown before stay known as a base
            self.tx
                .prepare_cached("UPDATE OR IGNORE version SET doc = ?2 WHERE doc = ?1")?
                .execute(params![doc, nr])?;
            // of one that comes back in several pages, names of what is still to come lead here too
            self.tx
                .prepare_cached("DELETE FROM version WHERE doc = ?1")?
                .execute(params![doc])?;
        }
        Ok(named)
    }
}

pub(super) fn part_of(hash: &ChangeHash) -> [u8; PART] {
    let mut part = [0; PART];
    part.copy_from_slice(&hash.0[..PART]);
    part
}
