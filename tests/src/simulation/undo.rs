//! People who take back what a command did: what it wrote is replaced by what was before, and
//! nothing that others wrote.

use std::collections::{BTreeMap, BTreeSet};

use pimesh_crdt::diff::Edit;
use pimesh_crdt::doc::{Document, Shown};
use pimesh_crdt::store::{Made, Receipts};
use pimesh_crdt::{ChangeHash, CollectionId, DocId};

use super::commands::{Command, Done};
use super::mesh::{Failure, World};
use super::model::Write;
use super::past::{clashes, meant, sight};
use super::write::{Here, Planned};
use crate::seed::Chance;

/// Commands that people remember.
const LATEST: usize = 8;

/// One document.
type Key = (CollectionId, DocId);

impl World {
    /// A person takes back what a command did on this device.
    pub(super) fn undo(&mut self, at: usize, chance: &mut Chance) -> Result<bool, Failure> {
        let store = &self.devices[at].store;
        let mut operations = store.operations(LATEST)?;
        operations.retain(|operation| operation.undone.is_none());
        if operations.is_empty() {
            return Ok(false);
        }
        operations.truncate(1 + chance.below(LATEST));
        let number = chance.one_of(&operations).nr;
        let mut by_doc: BTreeMap<Key, BTreeSet<ChangeHash>> = BTreeMap::new();
        for Made {
            collection,
            doc,
            change,
        } in store.made_by(number)?
        {
            by_doc.entry((collection, doc)).or_default().insert(change);
        }
        let receipts = store.receipts(by_doc.keys().copied())?;
        let by = (at, self.devices[at].life);
        let mut done = self.commands.iter();
        let done = done.find(|done| done.by == by && done.number == number);
        let done = done.cloned();
        let made: BTreeSet<ChangeHash> = by_doc.values().flatten().copied().collect();
        let new = done
            .as_ref()
            .map(|done| self.new_in(at, done))
            .transpose()?;
        if new.is_some_and(|new| new != made) {
            return Err(Failure(
                "LOST: an undo knows of other changes than were made".into(),
            ));
        }
        let mut planned = Vec::new();
        let mut wanted = Vec::new();
        for (of, ours) in by_doc {
            let Some(receipts) = receipts.get(&of) else {
                continue;
            };
            let here = self.here(at, of.0, of.1)?;
            if let Some(done) = &done {
                let before = alone(done, of, &ours, (&here, receipts))?;
                wanted.extend(before.map(|before| (of, before)));
            }
            planned.extend(self.taken_back(at, of, &ours, (&here, receipts), chance)?);
        }
        if !planned.is_empty() && !self.keep_as(at, planned, &[], Command::Undo(number))? {
            return Ok(false);
        }
        for (of, was) in wanted {
            is_as(of, &self.here(at, of.0, of.1)?.shown, &was)?;
        }
        Ok(true)
    }

    /// The changes of a command that no collection had which is one with theirs by now.
    fn new_in(&self, at: usize, done: &Done) -> Result<BTreeSet<ChangeHash>, Failure> {
        let store = &self.devices[at].store;
        let mut before = BTreeSet::new();
        for (collection, name) in &done.anywhere {
            before.insert((store.class_of(*collection)?, *name));
        }
        let mut new = BTreeSet::new();
        for (collection, name) in &done.changes {
            if !before.contains(&(store.class_of(*collection)?, *name)) {
                new.insert(*name);
            }
        }
        Ok(new)
    }

    /// What takes back what a command did to one document.
    fn taken_back(
        &self,
        at: usize,
        of: Key,
        ours: &BTreeSet<ChangeHash>,
        (here, receipts): (&Here, &Receipts),
        chance: &mut Chance,
    ) -> Result<Vec<Planned>, Failure> {
        let back = receipts.back(&here.document, ours);
        let mut draw = |writer| self.author(at, writer, chance.number());
        let changes = here.document.take_back(&back, &mut draw)?;
        let is_first = changes.len() > back.beside.len();
        let first = is_first.then_some(back.edits.as_slice());
        let parts = first.into_iter().chain(back.beside.chunks(1));
        let is_item = of.0 != CollectionId::MESH;
        let revives = back.edits.contains(&Edit::Revive { rid: None });
        let gives_life = revives || (here.shown.live && is_item);
        let each = changes.into_iter().zip(parts).enumerate();
        let each = each.map(|(place, (change, edits))| Planned {
            collection: of.0,
            doc: of.1,
            write: Write {
                name: change.hash,
                within: [of.0].into(),
                anew: BTreeSet::new(),
                takes_back: Some(ours.clone()),
                ..meant(edits, here, gives_life && is_first && place == 0)
            },
            change,
        });
        Ok(each.collect())
    }
}

/// What was shown before a command, where nobody else has written since, nor taken in the
/// same text.
fn alone(
    done: &Done,
    of: Key,
    ours: &BTreeSet<ChangeHash>,
    (here, receipts): (&Here, &Receipts),
) -> Result<Option<Shown>, Failure> {
    let is_shared = ours.iter().any(|name| receipts.devices(name).len() > 1);
    let Some(before) = done.before.get(&of).filter(|_| !is_shared) else {
        return Ok(None);
    };
    if here.knew != before.union(ours).copied().collect() {
        return Ok(None);
    }
    let all = here.document.changes().iter();
    let then = all.filter(|change| before.contains(&change.hash));
    Ok(Some(Document::of(then.cloned())?.view().shown()))
}

/// What is shown is what was shown before, with what clashed then.
fn is_as(of: Key, is: &Shown, was: &Shown) -> Result<(), Failure> {
    let (now, before) = (sight(&is.item), sight(&was.item));
    if is.live != was.live || (was.live && now != before) {
        let lives = (is.live, was.live);
        return Err(Failure(format!(
            "LOST: what was done to {} is not undone: {lives:?} {now:?} was {before:?}",
            of.1
        )));
    }
    let (now, before) = (clashes(is), clashes(was));
    if was.live && now != before {
        return Err(Failure(format!(
            "LOST: after an undo {} clashes otherwise: {now:?} was {before:?}",
            of.1
        )));
    }
    Ok(())
}
