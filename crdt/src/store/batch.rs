//! One transaction: what is added in it becomes visible, named and durable together.
//!
//! Nothing touches the tables of changes until a batch settles (`settle.rs`): changes wait
//! in memory, sorted by document, so that rows are written once and in order.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use rusqlite::{Transaction, TransactionBehavior};

use super::absent;
use super::collections::Place;
use super::settle::SWEEP_EVERY;
use super::standing::Standing;
use super::sums::Sums;
use super::{ItemRow, Store, StoreError};
use crate::doc::{self, Document, NewChange, Parts, Sealed};
use crate::id::{BlobHash, ChangeHash, CollectionId, DocId, Origin, Timestamp};
use crate::sync::{Reached, VersionVector};

/// Raw bytes a batch holds before it writes them to the transaction.
const MOST_WAITING: usize = 2 << 20;
/// Changes of one document that a batch holds: they are searched one by one.
const MOST_WAITING_PER_DOCUMENT: usize = 1_024;

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is stored and has a name.
    New,
    /// It was stored before: no row, no name.
    Known,
}

/// Names given in one batch: all numbers from `first` to `last` of one origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// Whose log.
    pub collection: CollectionId,
    /// Our own origin.
    pub origin: Origin,
    /// The first number given.
    pub first: u64,
    /// The last number given.
    pub last: u64,
}

/// What a commit has put on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Names given to changes made here.
    pub named: Vec<Named>,
    /// Documents that have new changes, each under the id of its class.
    pub docs: BTreeSet<(CollectionId, DocId)>,
    /// Those of them that were alive before and are not any more.
    pub died: BTreeSet<(CollectionId, DocId)>,
    /// The version vectors of the collections whose logs grew.
    pub vectors: BTreeMap<CollectionId, VersionVector>,
    /// Blobs that something stored before had named in vain, and that are here now.
    pub found: BTreeSet<BlobHash>,
}

/// An open transaction. Dropping it undoes everything.
#[derive(Debug)]
pub struct Batch<'s> {
    pub(super) store: &'s Store,
    pub(super) tx: Transaction<'s>,
    pub(super) now: Timestamp,
    pub(super) own: super::open::Own,
    pub(super) places: BTreeMap<CollectionId, Place>,
    pub(super) waiting: BTreeMap<(i64, DocId), Waiting>,
    pub(super) logs: HashMap<(i64, i64), LogEnd>,
    pub(super) rows: Vec<LogRow>,
    /// Numbers of origins, looked up once.
    pub(super) origins: HashMap<Origin, i64>,
    /// Up to which number names are good, by collection and origin, looked up once.
    pub(super) good_up_to: HashMap<(i64, i64), Option<u64>>,
    /// Whether anything is kept aside.
    pub(super) has_quarantine: bool,
    pub(super) bytes: usize,
    pub(super) seq: i64,
    /// When the loose edits of all documents were last looked at.
    pub(super) swept: i64,
    /// The sync token of every document touched in this batch.
    pub(super) token: i64,
    /// The highest number that a document ever had, before this batch and now: none is given
    /// twice, or a name of what a disk has lost would be taken for that of another document.
    pub(super) documents: (i64, Cell<i64>),
    /// What the documents of each class add up to, where anybody has asked.
    pub(super) sums: RefCell<Option<Sums>>,
    /// Changes that came without a name of their own: a disk had lost them.
    pub(super) came_back: Vec<((i64, DocId), ChangeHash)>,
    pub(super) done: Committed,
}

/// A document with changes that are not written yet.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// The number of its row, once it has one.
    pub(super) nr: Option<i64>,
    #[expect(clippy::vec_box, reason = "nearly all have one, which is large")]
    pub(super) changes: Vec<Box<Sealed>>,
}

/// How far one log goes in this batch.
#[derive(Clone, Copy, Debug)]
pub(super) struct LogEnd {
    pub(super) reached: Reached,
    pub(super) grew: bool,
}

/// A name that is not written yet.
#[derive(Debug)]
pub(super) struct LogRow {
    pub(super) coll: i64,
    pub(super) origin: i64,
    pub(super) reached: Reached,
    pub(super) seq: i64,
    pub(super) doc: (i64, DocId),
    pub(super) hash: ChangeHash,
}

impl Store {
    /// Begins a transaction.
    pub fn batch(&mut self, now: Timestamp) -> Result<Batch<'_>, StoreError> {
        let tx = Transaction::new_unchecked(&self.conn, TransactionBehavior::Immediate)?;
        let counter = |key: &str| -> Result<i64, rusqlite::Error> {
            tx.prepare_cached("SELECT coalesce((SELECT value FROM meta WHERE key = ?1), 0)")?
                .query_row([key], |row| row.get(0))
        };
        let has_quarantine = tx
            .prepare_cached("SELECT 1 FROM quarantine LIMIT 1")?
            .exists(())?;
        let (seq, token) = (counter("seq")?, counter("token")? + 1);
        let documents = match counter("doc")? {
            0 => tx.query_row("SELECT coalesce(max(nr), 0) FROM doc", (), |row| row.get(0))?,
            known => known,
        };
        Ok(Batch {
            store: self,
            tx,
            now,
            own: self.own.get(),
            places: BTreeMap::new(),
            waiting: BTreeMap::new(),
            logs: HashMap::new(),
            rows: Vec::new(),
            origins: HashMap::new(),
            good_up_to: HashMap::new(),
            has_quarantine,
            bytes: 0,
            seq,
            swept: seq / SWEEP_EVERY,
            token,
            documents: (documents, Cell::new(documents)),
            sums: RefCell::new(self.sums.borrow().clone()),
            came_back: Vec::new(),
            done: Committed::default(),
        })
    }
}

impl Batch<'_> {
    /// Whether a document is alive by its derived row.
    pub(super) fn lives(&self, nr: i64) -> Result<bool, StoreError> {
        Ok(self
            .tx
            .prepare_cached("SELECT live FROM doc WHERE nr = ?1")?
            .query_row([nr], |row| row.get(0))?)
    }

    /// Adds a change made here and gives it the next name of our own log.
    ///
    /// What it builds on must be stored. A change that the class has under any name is
    /// [`Added::Known`] and gets none.
    pub fn add(
        &mut self,
        collection: CollectionId,
        doc: DocId,
        bytes: Vec<u8>,
    ) -> Result<Added, StoreError> {
        let parts = doc::decode(&bytes).map_err(|source| StoreError::Change { doc, source })?;
        self.add_sealed(collection, doc, Sealed::of(&parts))
    }

    /// Likewise, without reading again what was just written.
    pub fn add_new(
        &mut self,
        collection: CollectionId,
        doc: DocId,
        change: NewChange,
    ) -> Result<Added, StoreError> {
        self.add_sealed(collection, doc, change.sealed)
    }

    fn add_sealed(
        &mut self,
        collection: CollectionId,
        doc: DocId,
        change: Box<Sealed>,
    ) -> Result<Added, StoreError> {
        let place = self.place(collection)?;
        match self.standing((place.class, doc), &change)? {
            Standing::Known => return Ok(Added::Known),
            Standing::Misses => return Err(StoreError::MissingDependency { doc }),
            Standing::Fits => {}
        }
        let hash = change.hash;
        self.keep((place.class, doc), change)?;
        let n = self.name(place.nr, self.own.nr, (place.class, doc), hash)?;
        match self
            .done
            .named
            .iter_mut()
            .find(|named| named.collection == collection)
        {
            Some(named) => named.last = n,
            None => {
                let origin = self.own.origin;
                self.done.named.push(Named {
                    collection,
                    origin,
                    first: n,
                    last: n,
                });
            }
        }
        Ok(Added::New)
    }

    /// Whether a document has any change, those of this batch included.
    pub fn has(&mut self, collection: CollectionId, doc: DocId) -> Result<bool, StoreError> {
        let place = self.place(collection)?;
        let waiting = self.waiting_of((place.class, doc))?;
        Ok(waiting.nr.is_some() || !waiting.changes.is_empty())
    }

    /// All changes of a document, those of this batch included; dependencies come first.
    pub fn changes_of(
        &mut self,
        collection: CollectionId,
        doc: DocId,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let all = self.parts_of(collection, doc)?;
        Ok(all.iter().map(|parts| parts.bytes().into()).collect())
    }

    /// A document with all its changes, those of this batch included. Empty when there is no
    /// such document.
    pub fn document(
        &mut self,
        collection: CollectionId,
        doc: DocId,
    ) -> Result<Document, StoreError> {
        let all = self.parts_of(collection, doc)?;
        Document::of(all).map_err(|source| StoreError::Change { doc, source })
    }

    pub(super) fn parts_of(
        &mut self,
        collection: CollectionId,
        doc: DocId,
    ) -> Result<Vec<Arc<Parts>>, StoreError> {
        let place = self.place(collection)?;
        let key = (place.class, doc);
        let mut all = match self.waiting_of(key)?.nr {
            Some(nr) => self.store.parts_of(nr)?,
            None => Vec::new(),
        };
        if let Some(waiting) = self.waiting.get(&key) {
            for fresh in &waiting.changes {
                let parts = fresh.parts();
                all.push(Arc::new(
                    parts.map_err(|source| StoreError::Change { doc, source })?,
                ));
            }
        }
        Ok(all)
    }

    /// The derived row of a document as this batch leaves it.
    pub fn summary(
        &mut self,
        collection: CollectionId,
        doc: DocId,
    ) -> Result<Option<ItemRow>, StoreError> {
        self.settle()?;
        self.store.item(collection, doc)
    }

    /// Makes everything of this batch durable and visible, or nothing.
    pub fn commit(mut self) -> Result<Committed, StoreError> {
        self.settle()?;
        self.name_what_came_back()?;
        self.write_vectors()?;
        let Self {
            store,
            tx,
            own,
            sums,
            done,
            ..
        } = self;
        tx.commit()?;
        store.own.set(own);
        *store.sums.borrow_mut() = sums.into_inner();
        Ok(done)
    }

    /// Keeps a change until the batch settles.
    pub(super) fn keep(
        &mut self,
        key: (i64, DocId),
        change: Box<Sealed>,
    ) -> Result<(), StoreError> {
        let full = self.bytes >= MOST_WAITING
            || self
                .waiting
                .get(&key)
                .is_some_and(|waiting| waiting.changes.len() >= MOST_WAITING_PER_DOCUMENT);
        if full {
            self.settle()?;
            self.waiting_of(key)?;
        }
        self.bytes += change.at_rest.len();
        self.waiting.entry(key).or_default().changes.push(change);
        Ok(())
    }

    /// Writes the next row of a log.
    pub(super) fn name(
        &mut self,
        coll: i64,
        origin: i64,
        doc: (i64, DocId),
        hash: ChangeHash,
    ) -> Result<u64, StoreError> {
        self.seq += 1;
        self.name_in_place(coll, origin, doc, hash, self.seq)
    }

    /// Likewise, where the change was received before: it keeps its place in that order.
    pub(super) fn name_in_place(
        &mut self,
        coll: i64,
        origin: i64,
        doc: (i64, DocId),
        hash: ChangeHash,
        seq: i64,
    ) -> Result<u64, StoreError> {
        let reached = self.log_end(coll, origin)?.then(hash);
        self.logs.insert(
            (coll, origin),
            LogEnd {
                reached,
                grew: true,
            },
        );
        self.rows.push(LogRow {
            coll,
            origin,
            reached,
            seq,
            doc,
            hash,
        });
        Ok(reached.n)
    }

    /// The document as it waits in this batch; its number is looked up once.
    pub(super) fn waiting_of(&mut self, key: (i64, DocId)) -> Result<&Waiting, StoreError> {
        use std::collections::btree_map::Entry;
        if self.waiting.len() == absent::WORTH {
            self.store.make_filter()?;
        }
        match self.waiting.entry(key) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => {
                let nr = match self.store.is_absent(key.1) {
                    true => None,
                    false => self.store.doc_nr(key.0, key.1)?,
                };
                Ok(place.insert(Waiting {
                    nr,
                    changes: Vec::new(),
                }))
            }
        }
    }
}
