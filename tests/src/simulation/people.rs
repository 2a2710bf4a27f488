//! Contacts that are one person: linked, and taken apart again.

use pimesh_crdt::doc::{Document, Writer};
use pimesh_crdt::item::{Item, kind};
use pimesh_crdt::links::Links;
use pimesh_crdt::store::{Filter, Life, Order, Page};
use pimesh_crdt::{CollectionId, DocId};

use super::bring::text;
use super::commands::Command;
use super::mesh::{Failure, World};
use super::model::Write;
use super::past::said;
use super::program::{Step, What};
use super::texts;
use super::write::{COLLECTIONS, Here, Planned, doc_of};
use crate::seed::Chance;

/// People of a run who are no items of it: links name documents, wherever these are.
const OTHERS: usize = 3;

/// A contact that may be linked.
fn contact(number: usize) -> DocId {
    match number {
        0 => doc_of(0),
        1 => doc_of(3),
        _ => Item::new(kind::VCARD, format!("person-{number}")).doc_id(),
    }
}

impl World {
    /// A person links two contacts, or takes one out.
    pub(super) fn person(
        &mut self,
        at: usize,
        step: &Step,
        chance: &mut Chance,
    ) -> Result<bool, Failure> {
        debug_assert_eq!([texts::kind(0), texts::kind(3)], [kind::VCARD; 2]);
        let home = *chance.one_of(&COLLECTIONS);
        let mut item = Item::new(kind::COLLECTION, home.to_string());
        item.values.insert("SUMMARY".into(), format!(":{home}"));
        let mut documents = self.contacts(at)?;
        let mut planned = Vec::new();
        if !documents.iter().any(|(doc, _)| *doc == item.doc_id()) {
            planned.push(text(CollectionId::MESH, &item));
            documents.push((item.doc_id(), first(&planned[0])?));
        }
        let links = Links::of(documents.iter().map(|(_, here)| &here.shown.item));
        let (a, b) = (
            contact(chance.below(OTHERS + 2)),
            contact(chance.below(OTHERS + 2)),
        );
        let (edits, rest) = match step.what {
            What::Unlink if links.person(a).len() < 2 => return Ok(false),
            What::Unlink => {
                let mut rest = links.person(a);
                rest.retain(|doc| *doc != a);
                (links.unlink(&[a]), rest)
            }
            _ if a == b || links.person(a).contains(&b) => return Ok(false),
            _ => (
                links.link(&[a, b]),
                [links.person(a), links.person(b)].concat(),
            ),
        };
        for (doc, here) in &documents {
            let of_this = Links::edits_in(&edits, &here.shown.item, *doc == item.doc_id());
            let author = self.author(at, Writer::Machine, chance.number());
            let heads = here.document.heads();
            let Some(change) = here.document.resolve(&heads, &of_this, &author)? else {
                continue;
            };
            let says = said(&of_this);
            let shown = |at: &String| Some((at.clone(), here.shown.item.value(at)?.to_owned()));
            let mut write = Write {
                name: change.hash,
                within: [CollectionId::MESH].into(),
                knew: here.knew.clone(),
                shown: says.keys().filter_map(shown).collect(),
                says,
                ..Write::default()
            };
            for clash in &here.shown.conflicts {
                let others = clash.others.iter().map(|other| other.value.clone());
                write.beside.insert(clash.key.clone(), others.collect());
            }
            let says = &write.says;
            write.beside.retain(|at, _| says.contains_key(at));
            planned.push(Planned {
                collection: CollectionId::MESH,
                doc: *doc,
                change,
                write,
            });
        }
        if !self.keep_as(at, planned, &[], Command::New("link"))? {
            return Ok(false);
        }
        let documents = self.contacts(at)?;
        let links = Links::of(documents.iter().map(|(_, here)| &here.shown.item));
        let together = rest.iter().all(|doc| links.person(rest[0]).contains(doc));
        match together && (step.what == What::Link || links.person(a) == [a]) {
            true => Ok(true),
            false => Err(Failure(format!("{:?} is not done: {links:?}", step.what))),
        }
    }

    /// The documents of collections on a device.
    fn contacts(&self, at: usize) -> Result<Vec<(DocId, Here)>, Failure> {
        let filter = Filter {
            collection: Some(CollectionId::MESH),
            life: Life::Any,
            ..Filter::default()
        };
        let rows = self.devices[at].store.list(&filter, Order::Id, Page::ALL)?;
        let rows = rows.into_iter().filter(|row| row.kind == kind::COLLECTION);
        rows.map(|row| Ok((row.doc, self.here(at, CollectionId::MESH, row.doc)?)))
            .collect()
    }
}

/// A document as it is after its first change.
fn first(planned: &Planned) -> Result<Here, Failure> {
    let document = Document::load([planned.change.bytes.as_slice()])?;
    Ok(Here {
        shown: document.view().shown(),
        knew: [planned.change.hash].into(),
        document,
    })
}
