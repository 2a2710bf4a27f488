//! Taking in what a peer sends: entries of one log, in one transaction with the vector.
//!
//! Each origin is taken in the order of its numbers and stops at the first entry that can
//! not be taken; the others go on. Nothing here is an error of the peer's session: what
//! holds an origin up is reported, and asked for again later.

use std::collections::BTreeMap;
use std::sync::Arc;

use rusqlite::params;

use super::batch::Batch;
use super::log::{PART, origin_nr};
use super::standing::Standing;
use super::{Committed, Store, StoreError};
use crate::doc::{Document, Sealed, Travelled};
use crate::id::{ChangeHash, CollectionId, DocId, Origin, Timestamp};
use crate::sync::{Entry, Fork, VersionVector};

/// Sets of deps that are tried where several changes begin with the same eight bytes.
const MOST_CHOICES: usize = 64;

/// Why an origin is held up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// An earlier number is missing.
    Hole,
    /// The change builds on one that is not here.
    Dependency,
    /// The change can not be applied; it is kept aside with this reason.
    Quarantined(String),
    /// Another change has this number here.
    Fork,
}

/// The first entry of an origin that could not be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Whose entry.
    pub origin: Origin,
    /// Its number.
    pub n: u64,
    /// The document that it is of.
    pub doc: DocId,
    /// What stands in the way.
    pub why: Why,
}

/// What became of entries from a peer. It is on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// What is applied here now.
    pub vector: VersionVector,
    /// How many entries got their row: new names, for new or known changes.
    pub taken: usize,
    /// Origins that are held up.
    pub held: Vec<Held>,
    /// Documents that changed, and the vector where it grew.
    pub committed: Committed,
    /// The peer showed more of our own log than we have: this database was rolled back.
    /// A new incarnation has begun, nothing is lost.
    pub rolled_back: bool,
}

impl Received {
    /// The forks among what is held up.
    pub fn forks(&self) -> impl Iterator<Item = Fork> {
        self.held
            .iter()
            .filter(|held| held.why == Why::Fork)
            .map(|held| Fork {
                origin: held.origin,
                n: held.n,
            })
    }
}

impl Received {
    /// Documents of which something is missing that came before.
    pub fn misses(&self) -> impl Iterator<Item = DocId> {
        let misses = |held: &&Held| held.why == Why::Dependency;
        self.held.iter().filter(misses).map(|held| held.doc)
    }
}

/// How much is proven of each change before it is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// That it is well-formed and its dependencies are here.
    Swift,
    /// Also that its document can be read with it.
    Careful,
}

/// What is known of the deps of a change that arrived.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Builds {
    /// They were found here.
    OnWhatIsHere,
    /// It names them, and nobody has looked.
    OnWhatItSays,
}

/// A change that is whole again, and what is known of its deps.
pub(super) type Arrived = (Box<Sealed>, Builds);

impl Store {
    /// Stores entries of a collection's log in one transaction.
    pub fn receive(
        &mut self,
        collection: CollectionId,
        entries: &[Entry],
        now: Timestamp,
    ) -> Result<Received, StoreError> {
        match self.receive_with(collection, entries, now, Care::Swift) {
            // Some change is well-formed but does not fit its document: find out which.
            Err(StoreError::Change { .. }) => {
                self.receive_with(collection, entries, now, Care::Careful)
            }
            done => done,
        }
    }

    fn receive_with(
        &mut self,
        collection: CollectionId,
        entries: &[Entry],
        now: Timestamp,
        care: Care,
    ) -> Result<Received, StoreError> {
        let mut batch = self.batch(now)?;
        batch.ensure_collection(collection)?;
        let mut received = Received::default();
        let mut held = BTreeMap::new();
        for entry in entries {
            if held.contains_key(&entry.origin) {
                continue;
            }
            match batch.take(collection, entry, care, &mut received.rolled_back)? {
                Ok(taken) => received.taken += usize::from(taken),
                Err(why) => {
                    held.insert(entry.origin, (entry.n, entry.doc, why));
                }
            }
        }
        received.committed = batch.commit()?;
        received.vector = self.vector_now(collection)?;
        received.held = held
            .into_iter()
            .map(|(origin, (n, doc, why))| Held {
                origin,
                n,
                doc,
                why,
            })
            .collect();
        Ok(received)
    }
}

impl Batch<'_> {
    /// Takes one entry: true when it got its row, false when it had it.
    fn take(
        &mut self,
        collection: CollectionId,
        entry: &Entry,
        care: Care,
        rolled_back: &mut bool,
    ) -> Result<Result<bool, Why>, StoreError> {
        let place = self.place(collection)?;
        let origin = self.origin(entry.origin)?;
        if self
            .good_up_to(place.nr, origin)?
            .is_some_and(|last| entry.n > last)
        {
            // its name is void; whoever holds it names it anew once they know
            return Ok(Ok(false));
        }
        let reached = self.log_end(place.nr, origin)?;
        if entry.n == 0 || entry.n > reached.n.saturating_add(1) {
            return Ok(Err(Why::Hole));
        }
        let key = (place.class, entry.doc);
        let (change, builds) = match self.arrived(key, entry)? {
            Ok(Some(arrived)) => arrived,
            // one that we have builds on what we have
            Ok(None) if entry.n <= reached.n => return Ok(Err(Why::Fork)),
            Ok(None) => return Ok(Err(Why::Dependency)),
            Err(_) if entry.n <= reached.n => return Ok(Ok(false)),
            Err(reason) => return self.quarantine(place.nr, origin, entry, &reason),
        };
        if entry.n <= reached.n {
            if !self.has_row(place.nr, origin, entry.n, key, &change.hash.0[..PART])? {
                return Ok(Err(Why::Fork));
            }
            if let Standing::Fits = self.standing(key, &change)? {
                self.came_back.push((key, change.hash));
                self.keep(key, change)?;
            }
            return Ok(Ok(false));
        }
        let hash = change.hash;
        let standing = match builds {
            Builds::OnWhatIsHere if self.is_known(key, &change)? => Standing::Known,
            Builds::OnWhatIsHere => Standing::Fits,
            Builds::OnWhatItSays => self.standing(key, &change)?,
        };
        match standing {
            Standing::Misses => return Ok(Err(Why::Dependency)),
            #[cfg(feature = "mutants")]
            Standing::Known if crate::mutants::is(crate::mutants::Mutant::KnownWithoutRow) => {
                return Ok(Ok(false));
            }
            Standing::Known => {}
            Standing::Fits => {
                if care == Care::Careful
                    && let Err(reason) = self.try_out(collection, entry.doc, &change)?
                {
                    return self.quarantine(place.nr, origin, entry, &reason);
                }
                self.keep(key, change)?;
            }
        }
        if entry.origin == self.own.origin {
            self.begin_incarnation()?;
            *rolled_back = true;
        }
        self.name(place.nr, origin, key, hash)?;
        if self.has_quarantine {
            self.tx
                .prepare_cached(
                    "DELETE FROM quarantine WHERE coll = ?1 AND origin = ?2 AND n = ?3",
                )?
                .execute(params![place.nr, origin, entry.n])?;
        }
        Ok(Ok(true))
    }

    /// The number of an origin, looked up once.
    fn origin(&mut self, origin: Origin) -> Result<i64, StoreError> {
        if let Some(nr) = self.origins.get(&origin) {
            return Ok(*nr);
        }
        let nr = origin_nr(&self.tx, &origin)?;
        self.origins.insert(origin, nr);
        Ok(nr)
    }

    /// Up to which number an origin's names are good, looked up once.
    fn good_up_to(&mut self, coll: i64, origin: i64) -> Result<Option<u64>, StoreError> {
        if let Some(known) = self.good_up_to.get(&(coll, origin)) {
            return Ok(*known);
        }
        let last = self.retired_at(coll, origin)?;
        self.good_up_to.insert((coll, origin), last);
        Ok(last)
    }

    /// The change of an entry, whole again: the peer names what it builds on by the beginnings
    /// of hashes. Nothing where some of it is not here; a reason where it is no change.
    pub(super) fn arrived(
        &mut self,
        key: (i64, DocId),
        entry: &Entry,
    ) -> Result<Result<Option<Arrived>, String>, StoreError> {
        let travelled = match Travelled::read(&entry.bytes, entry.origin.device) {
            Ok(Travelled::Whole(change)) => return Ok(Ok(Some((change, Builds::OnWhatItSays)))),
            Ok(travelled @ Travelled::Edit(_)) => travelled,
            Err(error) => return Ok(Err(error.to_string())),
        };
        if let Some(change) = self.on_the_newest(key, &travelled)? {
            return Ok(Ok(Some((change, Builds::OnWhatIsHere))));
        }
        // Nearly always one; where more begin alike, the change itself says which it meant.
        let mut choices: Vec<Vec<ChangeHash>> = vec![Vec::new()];
        for beginning in travelled.deps() {
            let known = self.beginning(key, beginning)?;
            choices = choices
                .iter()
                .flat_map(|deps| known.iter().map(|dep| [&deps[..], &[*dep]].concat()))
                .take(MOST_CHOICES)
                .collect();
        }
        let last = choices.pop();
        for deps in choices {
            match travelled.clone().on(deps) {
                Ok(Some(change)) => return Ok(Ok(Some((change, Builds::OnWhatIsHere)))),
                Ok(None) => {}
                Err(error) => return Ok(Err(error.to_string())),
            }
        }
        let made = last.map_or(Ok(None), |deps| travelled.on(deps));
        Ok(made
            .map(|change| change.map(|change| (change, Builds::OnWhatIsHere)))
            .map_err(|error| error.to_string()))
    }

    /// The edit, where it was made on what is newest here. Whatever else may begin like that is
    /// not looked for: the edit itself says that this is what it meant.
    fn on_the_newest(
        &mut self,
        key: (i64, DocId),
        edit: &Travelled,
    ) -> Result<Option<Box<Sealed>>, StoreError> {
        let mut deps = Vec::with_capacity(edit.deps().len());
        for beginning in edit.deps() {
            match self.likely(key, beginning)? {
                Some(dep) => deps.push(dep),
                None => return Ok(None),
            }
        }
        // what is wrong with it is said where all choices were tried
        Ok(edit.clone().on(deps).ok().flatten())
    }

    /// Whether a row we have is this entry's.
    fn has_row(
        &self,
        coll: i64,
        origin: i64,
        n: u64,
        key: (i64, DocId),
        part: &[u8],
    ) -> Result<bool, StoreError> {
        let waiting = self
            .rows
            .iter()
            .find(|row| row.coll == coll && row.origin == origin && row.reached.n == n);
        if let Some(row) = waiting {
            return Ok(row.hash.0.starts_with(part) && row.doc == key);
        }
        let Some(name) = self.store.name_at(coll, origin, n)? else {
            // it lies under a floor, where names are no longer told apart
            return Ok(true);
        };
        // a document that is lost has no row, and no other one gets its number
        let doc = self.store.kept(name.doc)?;
        Ok(name.part[..] == *part && doc.is_none_or(|doc| doc.id == key.1))
    }

    pub(super) fn try_out(
        &mut self,
        collection: CollectionId,
        doc: DocId,
        change: &Sealed,
    ) -> Result<Result<(), String>, StoreError> {
        let mut all = self.parts_of(collection, doc)?;
        match change.parts() {
            Ok(parts) => all.push(Arc::new(parts)),
            Err(error) => return Ok(Err(error.to_string())),
        }
        Ok(Document::of(all)
            .map(|document| drop(document.summary()))
            .map_err(|error| error.to_string()))
    }
}
