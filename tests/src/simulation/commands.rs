//! Writing to a device's disk: changes in one transaction, recorded as a command where a
//! person gave one, and told to the model as far as they are there.

use std::collections::{BTreeMap, BTreeSet};

use pimesh_crdt::item::Blob;
use pimesh_crdt::store::{Store, StoreError};
use pimesh_crdt::{ChangeHash, CollectionId, DocId, Timestamp};

use super::mesh::{Failure, World};
use super::write::{COLLECTIONS, Planned};

/// How a transaction is recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// Not at all: no person gave it.
    None,
    /// As a command of this kind.
    New(&'static str),
    /// As the undo of the command with this number.
    Undo(i64),
}

/// A command as its device recorded it.
#[derive(Clone, Debug)]
pub(super) struct Done {
    /// Which device, in which life of its disk.
    pub(super) by: (usize, u32),
    /// The number that the device gave it.
    pub(super) number: i64,
    /// Its changes that were not there before, with the collection.
    pub(super) changes: BTreeSet<(CollectionId, ChangeHash)>,
    /// The changes that were there before, by class and document.
    pub(super) before: BTreeMap<(CollectionId, DocId), BTreeSet<ChangeHash>>,
    /// The changes of the same documents that were there in any collection, with its class.
    pub(super) anywhere: BTreeSet<(CollectionId, ChangeHash)>,
}

impl World {
    /// Stores what a person does in one transaction.
    pub(super) fn keep(
        &mut self,
        at: usize,
        planned: Vec<Planned>,
        blobs: &[Blob],
    ) -> Result<bool, Failure> {
        self.keep_as(at, planned, blobs, Command::New("edit"))
    }

    /// Stores changes in one transaction. The model is told of those that are on the disk.
    pub(super) fn keep_as(
        &mut self,
        at: usize,
        planned: Vec<Planned>,
        blobs: &[Blob],
        command: Command,
    ) -> Result<bool, Failure> {
        if planned.is_empty() {
            return Ok(false);
        }
        let now = self.devices[at].now(self.time);
        let is_here = |world: &Self, one: &Planned| {
            let changes = world.devices[at]
                .store
                .changes_of(one.collection, one.doc)?;
            Ok::<_, Failure>(changes.contains(&one.change.bytes))
        };
        let known: Vec<bool> = planned
            .iter()
            .map(|one| is_here(self, one))
            .collect::<Result<_, _>>()?;
        let before = match command {
            Command::None => BTreeMap::new(),
            Command::New(_) | Command::Undo(_) => self.before(at, &planned)?,
        };
        let anywhere = match command {
            Command::None => BTreeSet::new(),
            Command::New(_) | Command::Undo(_) => self.anywhere(at, &planned)?,
        };
        let done =
            self.devices[at].write(|store| store_all(store, now, &planned, blobs, command))?;
        let number = self.lived(at, done)?;
        let mut kept = BTreeSet::from_iter(number.map(|_| true));
        let mut changes = BTreeSet::new();
        for (one, known) in planned.into_iter().zip(known) {
            let is_kept = is_here(self, &one)?;
            if !known {
                kept.insert(is_kept);
                changes.insert((one.collection, one.change.hash));
            }
            if is_kept {
                self.model.write(one.doc, one.write);
            }
        }
        if kept.len() > 1 {
            return Err(Failure("a transaction is not there as a whole".to_owned()));
        }
        let Some(number) = number else {
            return Ok(false);
        };
        self.commands.extend(number.map(|number| Done {
            by: (at, self.devices[at].life),
            number,
            changes,
            before,
            anywhere,
        }));
        self.announce(at, None)?;
        self.run()?;
        Ok(true)
    }

    /// The changes of the documents that are written to, as they are now in every collection.
    fn anywhere(
        &self,
        at: usize,
        planned: &[Planned],
    ) -> Result<BTreeSet<(CollectionId, ChangeHash)>, Failure> {
        let store = &self.devices[at].store;
        let mut out = BTreeSet::new();
        for collection in COLLECTIONS {
            let Some(class) = store.class_of(collection)? else {
                continue;
            };
            for one in planned {
                let names = self.here(at, collection, one.doc)?.knew;
                out.extend(names.into_iter().map(|name| (class, name)));
            }
        }
        Ok(out)
    }

    /// The changes of the documents that are written to, as they are now.
    fn before(
        &self,
        at: usize,
        planned: &[Planned],
    ) -> Result<BTreeMap<(CollectionId, DocId), BTreeSet<ChangeHash>>, Failure> {
        let store = &self.devices[at].store;
        let mut out = BTreeMap::new();
        for one in planned {
            let class = store.class_of(one.collection)?.unwrap_or(one.collection);
            let names = self.here(at, one.collection, one.doc)?.knew;
            out.insert((class, one.doc), names);
        }
        Ok(out)
    }
}

/// Writes changes and their blobs in one transaction, and records it as the command says.
///
/// # Returns
///
/// The number of the recorded command, if there is one.
fn store_all(
    store: &mut Store,
    now: Timestamp,
    planned: &[Planned],
    blobs: &[Blob],
    command: Command,
) -> Result<Option<i64>, StoreError> {
    let mut batch = store.batch(now)?;
    for blob in blobs {
        batch.put_blob(&blob.bytes)?;
    }
    for one in planned {
        if one.collection != CollectionId::MESH {
            batch.upsert_collection(one.collection, "contacts", "", "")?;
        }
        batch.add(one.collection, one.doc, one.change.bytes.clone())?;
    }
    let number = match command {
        Command::None => None,
        Command::New(kind) => batch.record_mesh(kind, "", None)?,
        Command::Undo(of) => {
            let number = batch.record_mesh("undo", "", None)?;
            batch.set_undone(of, number)?;
            number
        }
    };
    batch.commit().map(|_| number)
}
