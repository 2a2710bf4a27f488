//! What people, clients, sources and mails do on a device, by the real way in: normalise,
//! diff, genesis or edit, store. The model is told what was meant and what was shown.

use std::collections::{BTreeMap, BTreeSet};

use pimesh_crdt::diff::{Absence, Edit, diff};
use pimesh_crdt::doc::{Author, Document, NewChange, Shown, Writer};
use pimesh_crdt::item::{Item, key, kind};
use pimesh_crdt::render::render;
use pimesh_crdt::store::Fingerprint;
use pimesh_crdt::{BlobHash, ChangeHash, CollectionId, DocId, Timestamp};

use super::bring::parse;
use super::commands::Command;
use super::device::Seen;
use super::intent::Intent;
use super::mesh::{Failure, World};
use super::model::{By, Part, Write};
use super::program::{Step, What};
use super::texts;
use crate::seed::Chance;

/// Which collections are one, in a document of the mesh.
pub const UNION: &str = "UNION";

/// The collections of every run besides the mesh's own.
pub const COLLECTIONS: [CollectionId; 3] = [
    CollectionId([7; 16]),
    CollectionId([3; 16]),
    CollectionId([5; 16]),
];

/// Clients of one device that remember what they read.
const CLIENTS: usize = 6;

/// A change to be stored, and what the model is told of it.
pub(super) struct Planned {
    pub(super) collection: CollectionId,
    pub(super) doc: DocId,
    pub(super) change: NewChange,
    pub(super) write: Write,
}

/// A document as it is on a device.
pub(super) struct Here {
    pub(super) document: Document,
    pub(super) shown: Shown,
    pub(super) knew: BTreeSet<ChangeHash>,
}

impl World {
    /// Does an operation. False where there was nothing to do.
    pub fn operate(&mut self, at: usize, step: &Step) -> Result<bool, Failure> {
        let mut chance = Chance::of(step.number);
        if self.devices[at].forgetful {
            return Ok(false);
        }
        match step.what {
            What::Import | What::Source => self.import(at, step, &mut chance),
            What::Mail => self.mail(at, &mut chance),
            What::Unite => self.unite(at, &mut chance),
            What::Reply => self.answer(at, &mut chance),
            What::Resolve | What::KeepAll => self.resolve(at, step, &mut chance),
            What::Untrash => self.untrash(at, &mut chance),
            What::GoBack => self.go_back(at, &mut chance),
            What::GoBackAll => self.go_back_all(at, &mut chance),
            What::Undo => self.undo(at, &mut chance),
            What::Alarm | What::Photo | What::Acknowledge => self.property(at, step, &mut chance),
            What::Link | What::Unlink => self.person(at, step, &mut chance),
            What::Move => self.relocate(at, &mut chance),
            What::Stale => {
                let clients = self.devices[at].clients.len();
                if clients == 0 {
                    return Ok(false);
                }
                let seen = self.devices[at].clients[chance.below(clients)].clone();
                self.change(at, step, &seen, &mut chance)
            }
            _ => {
                let Some(seen) = self.look(at, &mut chance)? else {
                    return Ok(false);
                };
                self.change(at, step, &seen, &mut chance)
            }
        }
    }

    /// A client reads some item, and remembers it.
    pub fn look(&mut self, at: usize, chance: &mut Chance) -> Result<Option<Seen>, Failure> {
        let items = texts::ITEMS + texts::INVITATIONS;
        let (collection, first) = (*chance.one_of(&COLLECTIONS), chance.below(items));
        for item in 0..items {
            let doc = doc_of((first + item) % items);
            let Some(row) = self.devices[at].store.item(collection, doc)? else {
                continue;
            };
            let here = self.here(at, collection, doc)?;
            let store = &self.devices[at].store;
            let seen = Seen {
                collection,
                doc,
                state: row.state,
                item: here.shown.item,
                knew: here.knew,
                live: here.shown.live,
                class: self.class(at, collection)?,
                reached: store.reached_at(Timestamp(u64::MAX))?.unwrap_or(0),
                life: self.devices[at].life,
            };
            let clients = &mut self.devices[at].clients;
            clients.push(seen.clone());
            if clients.len() > CLIENTS {
                clients.remove(chance.below(CLIENTS));
            }
            return Ok(Some(seen));
        }
        Ok(None)
    }

    pub(super) fn here(
        &self,
        at: usize,
        collection: CollectionId,
        doc: DocId,
    ) -> Result<Here, Failure> {
        let changes = self.devices[at].store.changes_of(collection, doc)?;
        let document = Document::load(changes.iter().map(Vec::as_slice))?;
        let shown = document.view().shown();
        let knew = document
            .changes()
            .iter()
            .map(|change| change.hash)
            .collect();
        Ok(Here {
            document,
            shown,
            knew,
        })
    }

    /// Someone writes over what they have read, be it long ago.
    fn change(
        &mut self,
        at: usize,
        step: &Step,
        seen: &Seen,
        chance: &mut Chance,
    ) -> Result<bool, Failure> {
        let Some(base) = self.base(at, seen)? else {
            return Ok(false);
        };
        let names = (step.what == What::Lossy).then(|| some_names(chance));
        let writer = if step.what == What::Machine {
            Writer::Machine
        } else {
            Writer::Person
        };
        let (edits, mut write) = match step.what {
            What::Delete => (vec![Edit::Delete { rid: None }], Write::ending()),
            What::Stale if chance.below(5) == 0 => {
                (vec![Edit::Delete { rid: None }], Write::ending())
            }
            What::Undelete => (vec![Edit::Revive { rid: None }], Write::giving()),
            _ => {
                let intent = Intent::of(step.what, &seen.item, names.as_ref(), chance.number());
                if intent.is_empty() {
                    return Ok(false);
                }
                let edits = edits(&seen.item, &intent, names.as_ref(), chance)?;
                if edits.is_empty() && !intent.applied(&seen.item).has_master() {
                    return Ok(false); // a text of occurrences alone says nothing of the rest
                }
                if edits.is_empty() {
                    return Err(Failure(format!("nothing to write for {intent:?}")));
                }
                (edits, meant(intent, &seen.item, writer))
            }
        };
        let author = self.author(at, writer, step.number);
        let here = self.here(at, seen.collection, seen.doc)?;
        let Some(change) = here.document.edit(&base, &edits, &author)? else {
            return Ok(false);
        };
        write.name = change.hash;
        write.within.insert(seen.collection);
        write.knew.clone_from(&seen.knew);
        let planned = vec![Planned {
            collection: seen.collection,
            doc: seen.doc,
            change,
            write,
        }];
        match writer {
            Writer::Person => self.keep(at, planned, &[]),
            Writer::Machine => self.keep_as(at, planned, &[], Command::None),
        }
    }

    /// The heads that a client's state stands for; the store must know every state that it has
    /// shown, unless it was put back since.
    pub(super) fn base(&self, at: usize, seen: &Seen) -> Result<Option<Vec<ChangeHash>>, Failure> {
        let device = &self.devices[at];
        let state: Fingerprint = seen.state;
        match device.store.heads_at(seen.collection, seen.doc, state)? {
            None if device.life == seen.life => {
                Err(Failure("a state that was shown is forgotten".to_owned()))
            }
            heads if device.life == seen.life => Ok(heads),
            _ => Ok(None),
        }
    }

    pub(super) fn author(&self, at: usize, writer: Writer, number: u64) -> Author {
        let bytes = Chance::of(number ^ 0xa47).bytes(16);
        Author {
            device: self.devices[at].id,
            source: "simulated".to_owned(),
            writer,
            now: self.devices[at].now(self.time),
            random: bytes.try_into().unwrap_or_default(),
        }
    }
}

/// The edits that a client makes of what a person means: straight, or by way of a text.
fn edits(
    before: &Item,
    intent: &Intent,
    names: Option<&BTreeSet<String>>,
    chance: &mut Chance,
) -> Result<Vec<Edit>, Failure> {
    let mut after = intent.applied(before);
    let Some(names) = names else {
        let by_text = chance.below(3) == 0 && before.blobs().is_empty();
        if by_text && after.has_master() {
            after = parse(&render(&after, &|_: BlobHash| None).text)?.item;
        }
        return Ok(diff(before, &after, Absence::Deletes));
    };
    after
        .values
        .retain(|at, _| key::split_override(at).0.is_none() && names.contains(key::name(at)));
    Ok(diff(before, &after, Absence::DeletesOnly(names)))
}

/// The names that some lossy client shows.
fn some_names(chance: &mut Chance) -> BTreeSet<String> {
    let sets: [&[&str]; 3] = [
        &["NAME", "TEL", "SUMMARY", "WHEN", "DONE"],
        &[
            "NAME",
            "NOTE",
            "EMAIL",
            "SUMMARY",
            "DESCRIPTION",
            "WHEN",
            "DONE",
        ],
        &[
            "NAME",
            "ORG",
            "TITLE",
            "SUMMARY",
            "CATEGORIES",
            "WHEN",
            "DONE",
        ],
    ];
    chance
        .one_of(&sets)
        .iter()
        .map(|name| (*name).to_owned())
        .collect()
}

impl Default for Write {
    fn default() -> Self {
        Self {
            name: ChangeHash([0; 32]),
            within: BTreeSet::new(),
            by: By::Writer,
            knew: BTreeSet::new(),
            says: BTreeMap::new(),
            shown: BTreeMap::new(),
            beside: BTreeMap::new(),
            anew: BTreeSet::new(),
            gives: BTreeSet::new(),
            ends: BTreeSet::new(),
            takes_back: None,
        }
    }
}

impl Write {
    pub(super) fn ending() -> Self {
        Self {
            ends: [None].into(),
            ..Self::default()
        }
    }

    pub(super) fn giving() -> Self {
        Self {
            gives: [None].into(),
            ..Self::default()
        }
    }
}

pub(super) fn meant(intent: Intent, before: &Item, writer: Writer) -> Write {
    let touched = intent
        .says
        .keys()
        .filter_map(|at| key::split_override(at).0);
    let mut gives: BTreeSet<Part> = touched.map(|rid| Some(rid.to_owned())).collect();
    if writer == Writer::Person {
        gives.insert(None);
    } else {
        gives.clear();
    }
    gives.extend(intent.anew.iter().cloned().map(Some));
    let of = |at: &String| Some((at.clone(), before.value(at)?.to_owned()));
    Write {
        shown: intent.says.keys().filter_map(of).collect(),
        says: intent.says,
        gives,
        anew: intent.anew,
        ends: intent.ends.into_iter().map(Some).collect(),
        ..Write::default()
    }
}

/// The document of the n-th item; invitations follow the imported ones.
pub(super) fn doc_of(item: usize) -> DocId {
    let kind = match item {
        0..texts::ITEMS => texts::kind(item),
        _ => kind::VEVENT,
    };
    match item.checked_sub(texts::ITEMS) {
        None => Item::new(kind, format!("item-{item}")).doc_id(),
        Some(number) => Item::new(kind, format!("invitation-{number}")).doc_id(),
    }
}
