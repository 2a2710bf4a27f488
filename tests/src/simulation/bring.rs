//! What comes in from outside, and what moves between collections: texts, mails, unions.

use std::collections::{BTreeMap, BTreeSet};

use pimesh_crdt::CollectionId;
use pimesh_crdt::diff::{Absence, Edit, diff};
use pimesh_crdt::doc::{Writer, genesis};
use pimesh_crdt::item::{Item, kind};
use pimesh_crdt::itip::{self, Message};
use pimesh_crdt::normalise::{Parsed, Text};

use super::commands::Command;
use super::mesh::{Failure, World};
use super::model::{By, Part, Write};
use super::program::{Step, What};
use super::texts;
use super::write::{COLLECTIONS, Planned, UNION, doc_of};
use crate::seed::Chance;

impl World {
    /// A text is taken in, as the device does it: beside what is known, never over it.
    pub(super) fn import(
        &mut self,
        at: usize,
        step: &Step,
        chance: &mut Chance,
    ) -> Result<bool, Failure> {
        let (collection, item) = (*chance.one_of(&COLLECTIONS), chance.below(texts::ITEMS));
        let parsed = parse(&texts::text(item, chance.below(texts::TEXTS)))?;
        let doc = parsed.item.doc_id();
        let here = self.here(at, collection, doc)?;
        let is_known = !here.document.is_empty();
        if is_known && !here.shown.live && step.what == What::Source {
            return Ok(false);
        }
        let mut planned = Vec::new();
        let says_more = !diff(&here.shown.item, &parsed.item, Absence::Keeps).is_empty();
        if !is_known || says_more {
            planned.push(text(collection, &parsed.item));
        }
        if is_known && !here.shown.live {
            let bytes = planned.iter().map(|one| one.change.bytes.as_slice());
            let mut document = here.document.clone();
            bytes
                .into_iter()
                .try_for_each(|bytes| document.add(bytes))?;
            if !document.view().shown().live {
                let author = self.author(at, Writer::Person, step.number);
                let edits = [Edit::Revive { rid: None }];
                let change = document.edit(&document.heads(), &edits, &author)?;
                planned.extend(change.map(|change| Planned {
                    collection,
                    doc,
                    write: Write {
                        name: change.hash,
                        within: [collection].into(),
                        knew: here.knew,
                        ..Write::giving()
                    },
                    change,
                }));
            }
        }
        let command = match step.what {
            What::Source => Command::None,
            _ => Command::New("import"),
        };
        self.keep_as(at, planned, &parsed.blobs, command)
    }

    pub(super) fn mail(&mut self, at: usize, chance: &mut Chance) -> Result<bool, Failure> {
        let collection = COLLECTIONS[0];
        let message = texts::message(chance.below(texts::INVITATIONS), chance.below(9));
        let text = Text::read(message.text.as_bytes())
            .map_err(|error| Failure(format!("a mail is refused: {error}")))?;
        let senders = [texts::ORGANISER.to_owned()];
        let mut planned = Vec::new();
        for read in itip::messages(&text, None, &senders) {
            let Ok(Message::Change { item, change, .. }) = read else {
                return Err(Failure("an organiser's message is refused".to_owned()));
            };
            let part: Part = item.overrides().first().map(|rid| (*rid).to_owned());
            let gives_life = part.is_some() || !message.cancels;
            let mut gives: BTreeSet<Part> = BTreeSet::new();
            if gives_life {
                gives.insert(part.clone());
            }
            if !message.cancels {
                gives.insert(None);
            }
            planned.push(Planned {
                collection,
                doc: item.doc_id(),
                write: Write {
                    name: change.hash,
                    within: [collection].into(),
                    by: By::Message {
                        part,
                        pair: message.pair.clone(),
                        cancels: message.cancels,
                    },
                    says: said(&item),
                    gives,
                    ..Write::default()
                },
                change,
            });
        }
        self.keep_as(at, planned, &[], Command::None)
    }

    /// An item goes to another collection: it is deleted here, and there it is what was shown,
    /// given life anew, so that the delete does not follow it.
    pub(super) fn relocate(&mut self, at: usize, chance: &mut Chance) -> Result<bool, Failure> {
        let Some(seen) = self.look(at, chance)? else {
            return Ok(false);
        };
        let to = *chance.one_of(&COLLECTIONS);
        let store = &self.devices[at].store;
        let is_elsewhere = match (store.class_of(seen.collection)?, store.class_of(to)?) {
            (Some(from), Some(to)) => from != to,
            _ => true,
        };
        let here = self.here(at, seen.collection, seen.doc)?;
        if !is_elsewhere || !here.shown.live || is_invitation(seen.doc) {
            return Ok(false);
        }
        let mut planned = Vec::new();
        let author = self.author(at, Writer::Person, chance.number());
        let ends = [Edit::Delete { rid: None }];
        if let Some(change) = here.document.edit(&here.document.heads(), &ends, &author)? {
            planned.push(Planned {
                collection: seen.collection,
                doc: seen.doc,
                write: Write {
                    name: change.hash,
                    within: [seen.collection].into(),
                    knew: here.knew.clone(),
                    ..Write::ending()
                },
                change,
            });
        }
        let there = self.here(at, to, seen.doc)?;
        let arrives = text(to, &here.shown.item);
        let mut document = there.document.clone();
        document.add(&arrives.change.bytes)?;
        let author = self.author(at, Writer::Person, chance.number());
        let revive = [Edit::Revive { rid: None }];
        let change = document.edit(&document.heads(), &revive, &author)?;
        planned.push(arrives);
        planned.extend(change.map(|change| Planned {
            collection: to,
            doc: seen.doc,
            write: Write {
                name: change.hash,
                within: [to].into(),
                knew: there.knew,
                ..Write::giving()
            },
            change,
        }));
        self.keep(at, planned, &[])
    }

    pub(super) fn unite(&mut self, at: usize, chance: &mut Chance) -> Result<bool, Failure> {
        let (a, b) = (*chance.one_of(&COLLECTIONS), *chance.one_of(&COLLECTIONS));
        let (a, b) = (a.min(b), a.max(b));
        if a == b || chance.below(2) == 0 {
            return Ok(false);
        }
        let mut item = Item::new(kind::MESH, format!("union:{a}+{b}"));
        item.values.insert(UNION.into(), format!(":{a}+{b}"));
        let planned = text(CollectionId::MESH, &item);
        let (doc, bytes) = (planned.doc, planned.change.bytes.clone());
        let now = self.devices[at].now(self.time);
        let done = self.devices[at].write(|store| {
            let mut batch = store.batch(now)?;
            batch.add(CollectionId::MESH, doc, bytes)?;
            batch.unite(a, b)?;
            batch.commit()
        })?;
        let lived = self.lived(at, done)?;
        let store = &self.devices[at].store;
        let (one, two) = (store.class_of(a)?, store.class_of(b)?);
        if one.is_some() && one == two {
            self.model.write(planned.doc, planned.write);
            self.model.unite(doc, a, b);
        } else if lived.is_some() {
            return Err(Failure("a union is not there after its commit".to_owned()));
        }
        self.announce(at, None)?;
        self.run()?;
        Ok(true)
    }
}

/// A text that is taken in, as a change and as the model sees it.
pub(super) fn text(collection: CollectionId, item: &Item) -> Planned {
    let change = genesis(item);
    let parts = item.overrides().into_iter().map(|rid| Some(rid.to_owned()));
    Planned {
        collection,
        doc: item.doc_id(),
        write: Write {
            name: change.hash,
            within: [collection].into(),
            by: By::Text,
            says: said(item),
            gives: parts.chain([None]).collect(),
            ..Write::default()
        },
        change,
    }
}

fn said(item: &Item) -> BTreeMap<String, Option<String>> {
    let each = item.values.iter();
    each.map(|(at, value)| (at.clone(), Some(value.clone())))
        .collect()
}

/// The only item of a text of ours.
pub(super) fn parse(text: &str) -> Result<Parsed, Failure> {
    let refused = |why: String| Failure(format!("a text is refused: {why}\n{text}"));
    let read = Text::read(text.as_bytes()).map_err(|error| refused(error.to_string()))?;
    if read.len() != 1 {
        return Err(refused(format!("it holds {} items", read.len())));
    }
    read.item(0).map_err(|problem| refused(problem.to_string()))
}

pub(super) fn is_invitation(doc: pimesh_crdt::DocId) -> bool {
    (texts::ITEMS..texts::ITEMS + texts::INVITATIONS).any(|item| doc_of(item) == doc)
}
