//! People who look back: out of the trash, an item or a collection as it was. Each is a
//! write of its own, and what it brings back must be what was shown.

use std::collections::{BTreeMap, BTreeSet};

use pimesh_crdt::diff::Edit;
use pimesh_crdt::doc::{Shown, Writer};
use pimesh_crdt::item::{Item, key};
use pimesh_crdt::store::{Filter, Life, Order, Page};
use pimesh_crdt::{CollectionId, DocId};

use super::check::is_told;
use super::commands::Command;
use super::device::Seen;
use super::mesh::{Failure, World};
use super::model::{Part, Write, meaning};
use super::write::{COLLECTIONS, Here, Planned};
use crate::seed::Chance;

/// A person means what is shown now, and says it in edits.
pub(super) fn meant(edits: &[Edit], here: &Here, gives_life: bool) -> Write {
    let before = &here.shown.item;
    let says = said(edits);
    let shown = |at: &String| Some((at.clone(), before.value(at)?.to_owned()));
    let mut write = Write {
        knew: here.knew.clone(),
        shown: says.keys().filter_map(shown).collect(),
        says,
        ..Write::default()
    };
    for edit in edits {
        match edit {
            Edit::Delete { rid } => _ = write.ends.insert(rid.clone()),
            Edit::Revive { rid } => _ = write.gives.insert(rid.clone()),
            Edit::Set { .. } | Edit::Clear { .. } => {}
        }
    }
    let touched = write.says.keys().filter_map(|at| key::split_override(at).0);
    let touched: BTreeSet<String> = touched.map(str::to_owned).collect();
    let anew = touched
        .iter()
        .filter(|rid| write.gives.contains(&Some((*rid).clone())));
    write.anew = anew.cloned().collect();
    if gives_life && !write.ends.contains(&None) {
        let parts: BTreeSet<Part> = touched.into_iter().map(Some).chain([None]).collect();
        write.gives.extend(parts.difference(&write.ends).cloned());
    }
    write
}

/// What edits say, by key.
pub(super) fn said(edits: &[Edit]) -> BTreeMap<String, Option<String>> {
    let each = edits.iter().filter_map(|edit| match edit {
        Edit::Set { key, value } => Some((key.clone(), Some(value.clone()))),
        Edit::Clear { key } => Some((key.clone(), None)),
        Edit::Delete { .. } | Edit::Revive { .. } => None,
    });
    each.collect()
}

/// What people see of an item, whatever its keys are called.
pub(super) fn sight(item: &Item) -> Vec<String> {
    let each = item.values.iter().filter(|(at, _)| is_told(at));
    let mut out: Vec<String> = each.map(|(at, value)| line(at, value)).collect();
    out.sort();
    out
}

fn line(at: &str, value: &str) -> String {
    let (rid, name) = (key::split_override(at).0, key::name(at));
    format!("{} {name} {}", rid.unwrap_or_default(), meaning(at, value))
}

/// What clashes, by what people see of it.
pub(super) fn clashes(shown: &Shown) -> BTreeSet<(String, BTreeSet<String>)> {
    let each = shown.conflicts.iter().map(|clash| {
        let others = clash.others.iter().map(|other| &other.value);
        let all = std::iter::once(&clash.shown).chain(others);
        let all = all.map(|value| meaning(&clash.key, value)).collect();
        (clash.key.clone(), all)
    });
    each.collect()
}

impl World {
    /// A person takes an item out of the trash.
    pub(super) fn untrash(&mut self, at: usize, chance: &mut Chance) -> Result<bool, Failure> {
        let filter = Filter {
            life: Life::Deleted,
            ..Filter::default()
        };
        let mut rows = self.devices[at].store.list(&filter, Order::Id, Page::ALL)?;
        rows.retain(|row| row.collection != CollectionId::MESH);
        if rows.is_empty() {
            return Ok(false);
        }
        let row = chance.one_of(&rows).clone();
        let here = self.here(at, row.collection, row.doc)?;
        let edits = [Edit::Revive { rid: None }];
        let planned = self.on_top(at, (row.collection, row.doc), &here, &edits, chance)?;
        if !self.keep_as(at, planned, &[], Command::New("trash restore"))? {
            return Ok(false);
        }
        let now = self.here(at, row.collection, row.doc)?.shown;
        match now.live && sight(&now.item) == sight(&here.shown.item) {
            true => Ok(true),
            false => Err(Failure("LOST: out of the trash came something else".into())),
        }
    }

    /// A person brings an item back to what they once saw.
    pub(super) fn go_back(&mut self, at: usize, chance: &mut Chance) -> Result<bool, Failure> {
        let Some(seen) = self.once(at, chance) else {
            return Ok(false);
        };
        let hidden = self.hidden(at, &seen)?;
        let Some(planned) = self.back_to(at, (seen.collection, seen.doc), seen.reached, chance)?
        else {
            return Err(Failure("what was shown is not known any more".to_owned()));
        };
        if !planned.is_empty() && !self.keep_as(at, planned, &[], Command::New("restore"))? {
            return Ok(false);
        }
        self.is_as(at, &seen, &hidden)?;
        Ok(true)
    }

    /// A person brings a whole collection back to what it was when they saw some item.
    pub(super) fn go_back_all(&mut self, at: usize, chance: &mut Chance) -> Result<bool, Failure> {
        let Some(seen) = self.once(at, chance) else {
            return Ok(false);
        };
        let hidden = self.hidden(at, &seen)?;
        let store = &self.devices[at].store;
        let filter = Filter {
            collection: Some(seen.collection),
            life: Life::Any,
            ..Filter::default()
        };
        let deletes_newer = chance.below(2) == 0;
        let mut planned = Vec::new();
        for row in store.list(&filter, Order::Id, Page::ALL)? {
            let key = (row.collection, row.doc);
            match self.back_to(at, key, seen.reached, chance)? {
                Some(of_item) => planned.extend(of_item),
                None if deletes_newer && row.live => {
                    let here = self.here(at, key.0, key.1)?;
                    let ends = [Edit::Delete { rid: None }];
                    planned.extend(self.on_top(at, key, &here, &ends, chance)?);
                }
                None => {}
            }
        }
        if !planned.is_empty() && !self.keep_as(at, planned, &[], Command::New("restore"))? {
            return Ok(false);
        }
        self.is_as(at, &seen, &hidden)?;
        Ok(true)
    }

    /// Something that a client of this device has read since its disk was put back.
    fn once(&self, at: usize, chance: &mut Chance) -> Option<Seen> {
        let device = &self.devices[at];
        let seen = device
            .clients
            .get(chance.below(device.clients.len().max(1)))?;
        (seen.life == device.life).then(|| seen.clone())
    }

    /// What brings an item back to a place in the order of receipt; nothing where it was not
    /// there yet.
    fn back_to(
        &self,
        at: usize,
        of: (CollectionId, DocId),
        reached: u64,
        chance: &mut Chance,
    ) -> Result<Option<Vec<Planned>>, Failure> {
        let here = self.here(at, of.0, of.1)?;
        let mut receipts = self.devices[at].store.receipts([of])?;
        let receipts = receipts.remove(&of).unwrap_or_default();
        let Some(edits) = receipts.restore(&here.document, reached) else {
            return Ok(None);
        };
        self.on_top(at, of, &here, &edits, chance).map(Some)
    }

    /// A person's edits on what is there now.
    fn on_top(
        &self,
        at: usize,
        of: (CollectionId, DocId),
        here: &Here,
        edits: &[Edit],
        chance: &mut Chance,
    ) -> Result<Vec<Planned>, Failure> {
        let author = self.author(at, Writer::Person, chance.number());
        let change = here.document.edit(&here.document.heads(), edits, &author)?;
        let planned = change.map(|change| Planned {
            collection: of.0,
            doc: of.1,
            write: Write {
                name: change.hash,
                within: [of.0].into(),
                ..meant(edits, here, true)
            },
            change,
        });
        Ok(planned.into_iter().collect())
    }

    /// The collections that are one with this one on a device.
    pub(super) fn class(
        &self,
        at: usize,
        collection: CollectionId,
    ) -> Result<Vec<CollectionId>, Failure> {
        let store = &self.devices[at].store;
        let class = store.class_of(collection)?;
        let mut out = Vec::new();
        for other in COLLECTIONS {
            if store.class_of(other)? == class {
                out.push(other);
            }
        }
        Ok(out)
    }

    /// What is shown is what was seen, unless another collection was joined since, with a past
    /// of its own. What clashed and was not shown may have come up in
    /// the place of what was removed.
    fn is_as(&self, at: usize, seen: &Seen, hidden: &[String]) -> Result<(), Failure> {
        let shown = self.here(at, seen.collection, seen.doc)?.shown;
        if self.class(at, seen.collection)? != seen.class {
            return Ok(());
        }
        let (is, was) = (sight(&shown.item), sight(&seen.item));
        let is_more = |line: &&String| !was.contains(line) && !hidden.contains(line);
        let more = is.iter().find(is_more);
        let less = was.iter().find(|line| !is.contains(line));
        if shown.live != seen.live || (seen.live && (more.is_some() || less.is_some())) {
            return Err(Failure(format!(
                "LOST: {} is brought back as {is:?}, and was {was:?}",
                seen.doc
            )));
        }
        Ok(())
    }

    /// What clashes in an item and is not shown.
    fn hidden(&self, at: usize, seen: &Seen) -> Result<Vec<String>, Failure> {
        let shown = self.here(at, seen.collection, seen.doc)?.shown;
        let mut out = Vec::new();
        for clash in &shown.conflicts {
            let others = clash.others.iter();
            out.extend(others.map(|other| line(&clash.key, &other.value)));
        }
        Ok(out)
    }
}
