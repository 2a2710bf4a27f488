//! People who are in several items: the same person from two sources, under different UIDs.
//!
//! ```text
//!  duplicates ──proposes──► person ──link──► document of a collection ──► every device
//!                                                     │
//!       list, show, edit, delete ◄──[People]──────────┘
//! ```
//!
//! The items of a linked person stay what they are; a list shows the person once, under the
//! item that was named first and is alive.

mod duplicates;
mod link;
mod whole;

use std::collections::{BTreeMap, BTreeSet};

use pimesh_crdt::doc::Document;
use pimesh_crdt::item::{Item, kind};
use pimesh_crdt::links::Links;
use pimesh_crdt::store::{Filter, ItemRow, Life, Order, Page, Store};
use pimesh_crdt::{CollectionId, DocId};

use duplicates::duplicates;
use link::{link, unlink};
pub(super) use link::{logged, told_of};
pub(super) use whole::{apply, properties_of};

use super::{Engine, EngineError};
use crate::api::{self, Reply};

impl Engine {
    /// Answers what is asked of people.
    pub(super) async fn people(&self, asked: api::People) -> Result<Reply, EngineError> {
        let (store, me) = (&self.inner.store, self.me());
        let (reply, committed) = match asked {
            api::People::Duplicates => {
                let found = store.with(|store| duplicates(store)).await?;
                return Ok(Reply::Duplicates(found));
            }
            api::People::Link { items } => {
                let done = store.with(move |store| link(store, &items, me)).await?;
                (Reply::Linked(done.0), done.1)
            }
            api::People::Unlink { items } => {
                let done = store.with(move |store| unlink(store, &items, me)).await?;
                (Reply::Unlinked(done.0), done.1)
            }
        };
        self.announce(&committed).await?;
        Ok(reply)
    }
}

/// Who is one person with whom.
#[derive(Clone, Debug, Default)]
pub(super) struct People {
    links: Links,
    /// The living contacts behind each linked document: one for each collection that has it.
    living: BTreeMap<DocId, Vec<ItemRow>>,
}

impl People {
    pub(super) fn of(store: &Store) -> Result<Self, EngineError> {
        let shown: Vec<Item> = documents(store)?
            .iter()
            .map(|(_, document)| document.view().shown().item)
            .collect();
        let links = Links::of(&shown);
        let mut living = BTreeMap::new();
        for doc in links.items() {
            let mut rows = store.find(&doc.to_string())?;
            rows.retain(|row| row.live && row.collection != CollectionId::MESH);
            living.insert(doc, rows);
        }
        Ok(Self { links, living })
    }

    /// The living items of the person that an item belongs to, in order, that one included;
    /// the item alone where it is not linked.
    pub(super) fn items_of(&self, row: &ItemRow) -> Vec<ItemRow> {
        let members = self.links.person(row.doc);
        if members.len() < 2 {
            return vec![row.clone()];
        }
        let rows = members.iter().filter_map(|doc| self.living.get(doc));
        let mut rows: Vec<ItemRow> = rows.flatten().cloned().collect();
        if !rows.iter().any(|known| is(known, row)) {
            rows.push(row.clone());
        }
        rows
    }

    /// The documents that are one person with a document, it left out: the living ones.
    pub(super) fn others(&self, doc: DocId) -> Vec<DocId> {
        let is_living = |doc: &DocId| self.living.get(doc).is_some_and(|rows| !rows.is_empty());
        let mut others = self.links.person(doc);
        others.retain(|other| *other != doc && is_living(other));
        others
    }

    /// Of the items that fit a question, one for each person: the first of the person's that
    /// `may_lead`, whether it fits itself or not.
    pub(super) fn one_each(
        &self,
        rows: Vec<ItemRow>,
        may_lead: impl Fn(&ItemRow) -> bool,
    ) -> Vec<ItemRow> {
        if self.links.is_empty() {
            return rows;
        }
        let key = |row: &ItemRow| (row.collection, row.doc);
        let fits: BTreeSet<_> = rows.iter().map(key).collect();
        let mut led = BTreeSet::new();
        let mut out = Vec::with_capacity(rows.len());
        for row in rows {
            let all = self.items_of(&row);
            let leader = all.into_iter().find(|row| may_lead(row));
            let leader = leader.unwrap_or_else(|| row.clone());
            // it stands where it stands itself, where it is in the list
            let is_its_place = is(&leader, &row) || !fits.contains(&key(&leader));
            if is_its_place && led.insert(key(&leader)) {
                out.push(leader);
            }
        }
        out
    }
}

fn is(a: &ItemRow, b: &ItemRow) -> bool {
    (a.collection, a.doc) == (b.collection, b.doc)
}

/// The documents of all collections: where links are kept.
fn documents(store: &Store) -> Result<Vec<(DocId, Document)>, EngineError> {
    let filter = Filter {
        collection: Some(CollectionId::MESH),
        kinds: vec![kind::COLLECTION.into()],
        life: Life::Any,
        ..Filter::default()
    };
    let mut out = Vec::new();
    for row in store.list(&filter, Order::Id, Page::ALL)? {
        out.push((row.doc, store.document(CollectionId::MESH, row.doc)?));
    }
    Ok(out)
}
