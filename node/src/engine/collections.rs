//! Address books and calendars: what the mesh says of them, and the rows derived from it.
//!
//! A collection's name and kind are a document in the mesh's own collection, so they travel
//! and merge like everything else; the store's rows are derived from those documents.
//! Collections of one kind and name are one: each device may have made its own "Contacts"
//! before they met, or while they were apart.

use std::collections::{BTreeMap, BTreeSet};

use pimesh_crdt::doc::genesis;
use pimesh_crdt::item::register::Stored;
use pimesh_crdt::item::{Item, kind};
use pimesh_crdt::store::{Batch, Collection, Filter, Life, Order, Page, Store};
use pimesh_crdt::text::escape;
use pimesh_crdt::{CollectionId, DocId};

use super::EngineError;
use super::who::{new_collection, now};
use crate::api::{CollectionInfo, Failure};

/// What a collection holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holds {
    /// Contacts.
    Contacts,
    /// Events, tasks and other calendar components.
    Calendar,
}

impl Holds {
    /// Where an item of this kind belongs.
    pub(super) fn of(item: &Item) -> Self {
        if item.kind == kind::VCARD {
            Self::Contacts
        } else {
            Self::Calendar
        }
    }

    /// As stored and shown.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Contacts => "contacts",
            Self::Calendar => "calendar",
        }
    }

    /// What a collection is called when nobody says.
    pub(super) fn default_name(self) -> &'static str {
        match self {
            Self::Contacts => "Contacts",
            Self::Calendar => "Calendar",
        }
    }
}

/// The collection for what mails propose.
pub(super) const FROM_MAIL: &str = "From mail";

/// A longer name is none, in bytes.
const LONGEST_NAME: usize = 200;

/// Refuses what a person typed where it cannot be a collection's name.
pub(super) fn check_name(name: &str) -> Result<(), EngineError> {
    let wrong = match name {
        name if name.trim().is_empty() => "a collection must have a name",
        name if name.contains(char::is_control) => "a collection's name is one line of text",
        name if name.len() > LONGEST_NAME => "that is too long for a collection's name",
        _ => return Ok(()),
    };
    Err(Failure::usage(wrong).into())
}

const NAME: &str = "DISPLAYNAME";
const HOLDS: &str = "HOLDS";
const COLOUR: &str = "COLOR";
const UNION: &str = "UNION";

/// The collection of this kind and name, made where there is none.
pub(super) fn ensure(
    batch: &mut Batch<'_>,
    known: &mut BTreeMap<(Holds, String), CollectionId>,
    holds: Holds,
    name: &str,
    colour: &str,
) -> Result<CollectionId, EngineError> {
    if let Some(id) = known.get(&(holds, name.to_owned())) {
        return Ok(*id);
    }
    let id = new_collection();
    let item = stated(id, holds, name, colour);
    batch.add_new(CollectionId::MESH, item.doc_id(), genesis(&item))?;
    batch.upsert_collection(id, holds.word(), name, colour)?;
    known.insert((holds, name.to_owned()), id);
    Ok(id)
}

/// The document that says what a collection is.
fn stated(id: CollectionId, holds: Holds, name: &str, colour: &str) -> Item {
    let mut item = Item::new(kind::COLLECTION, id.to_string());
    item.values
        .insert(NAME.into(), format!(":{}", escape::escape(name)));
    item.values
        .insert(HOLDS.into(), format!(":{}", holds.word()));
    if !colour.is_empty() {
        item.values.insert(COLOUR.into(), format!(":{colour}"));
    }
    item
}

/// The collections that people see, by kind and name: the smallest id of each class.
pub(super) fn by_name(
    store: &Store,
) -> Result<BTreeMap<(Holds, String), CollectionId>, EngineError> {
    let mut out = BTreeMap::new();
    for collection in visible(store)? {
        if let Some(holds) = holds(&collection.kind) {
            out.entry((holds, collection.name))
                .or_insert(collection.class);
        }
    }
    Ok(out)
}

/// One row for each class that has a name.
pub(super) fn visible(store: &Store) -> Result<Vec<Collection>, EngineError> {
    let mut all: Vec<Collection> = store
        .collections()?
        .into_iter()
        .filter(|c| c.id == c.class && holds(&c.kind).is_some())
        .collect();
    all.sort_by(|a, b| (&a.name, &a.kind, a.id).cmp(&(&b.name, &b.kind, b.id)));
    Ok(all)
}

/// The collections that people see and whose documents are among these of the mesh.
pub(super) fn of_documents(
    store: &Store,
    docs: &[DocId],
) -> Result<BTreeSet<CollectionId>, EngineError> {
    let document = |id: CollectionId| Item::new(kind::COLLECTION, id.to_string()).doc_id();
    let all = store.collections()?.into_iter();
    Ok(all
        .filter(|c| holds(&c.kind).is_some() && docs.contains(&document(c.id)))
        .map(|c| c.class)
        .collect())
}

fn holds(word: &str) -> Option<Holds> {
    [Holds::Contacts, Holds::Calendar]
        .into_iter()
        .find(|holds| holds.word() == word)
}

/// Prepares a store that has not been used yet.
pub(super) fn settle_once(store: &mut Store) -> Result<(), EngineError> {
    if store
        .collection(CollectionId::MESH)?
        .is_some_and(|mesh| mesh.kind == kind::MESH)
    {
        return Ok(());
    }
    settle(store)
}

/// Prepares a new store, and brings the rows up to what the mesh's documents say.
pub(super) fn settle(store: &mut Store) -> Result<(), EngineError> {
    let mut batch = store.batch(now())?;
    batch.upsert_collection(CollectionId::MESH, kind::MESH, "", "")?;
    batch.commit()?;
    let docs: Vec<DocId> = store
        .list(
            &Filter {
                collection: Some(CollectionId::MESH),
                life: Life::Any,
                ..Filter::default()
            },
            Order::Id,
            Page::ALL,
        )?
        .into_iter()
        .map(|row| row.doc)
        .collect();
    learn(store, &docs)?;
    state_again(store)
}

/// Says again what a collection is where a disk has lost the document that said it. The change is
/// the same as the one that was lost, so it does not matter whether another device has that.
fn state_again(store: &mut Store) -> Result<(), EngineError> {
    let mut unsaid = Vec::new();
    for collection in store.collections()? {
        let Some(holds) = holds(&collection.kind) else {
            continue;
        };
        let item = stated(collection.id, holds, &collection.name, &collection.colour);
        if store.item(CollectionId::MESH, item.doc_id())?.is_none() {
            unsaid.push(item);
        }
    }
    if unsaid.is_empty() {
        return Ok(());
    }
    let mut batch = store.batch(now())?;
    for item in unsaid {
        batch.add_new(CollectionId::MESH, item.doc_id(), genesis(&item))?;
    }
    batch.commit()?;
    store.note_losses(now())?;
    Ok(())
}

/// Derives rows and unions from these documents of the mesh's collection, and unites what has
/// one kind and name.
pub(super) fn learn(store: &mut Store, docs: &[DocId]) -> Result<(), EngineError> {
    let mut items = Vec::new();
    for doc in docs {
        let document = store.document(CollectionId::MESH, *doc)?;
        items.push(document.view().shown().item);
    }
    let mut batch = store.batch(now())?;
    for item in &items {
        let value = |name: &str| {
            item.value(name)
                .map_or_else(String::new, |v| escape::unescape(Stored::read(v).value))
        };
        if item.kind == kind::COLLECTION {
            if let Some(id) = CollectionId::from_hex(&item.uid) {
                batch.upsert_collection(id, &value(HOLDS), &value(NAME), &value(COLOUR))?;
            }
        } else if let Some((a, b)) = value(UNION).split_once('+')
            && let (Some(a), Some(b)) = (CollectionId::from_hex(a), CollectionId::from_hex(b))
        {
            batch.unite(a, b)?;
        }
    }
    batch.commit()?;
    unite_namesakes(store)
}

/// Makes collections of one kind and name one, for ever and on every device.
fn unite_namesakes(store: &mut Store) -> Result<(), EngineError> {
    let mut first: BTreeMap<(String, String), CollectionId> = BTreeMap::new();
    let mut pairs = Vec::new();
    for collection in visible(store)? {
        match first.get(&(collection.kind.clone(), collection.name.clone())) {
            Some(other) => pairs.push((*other, collection.class)),
            None => {
                first.insert((collection.kind, collection.name), collection.class);
            }
        }
    }
    if pairs.is_empty() {
        return Ok(());
    }
    let mut batch = store.batch(now())?;
    for (a, b) in pairs {
        let (a, b) = (a.min(b), a.max(b));
        let mut item = Item::new(kind::MESH, format!("union:{a}+{b}"));
        item.values.insert(UNION.into(), format!(":{a}+{b}"));
        batch.add_new(CollectionId::MESH, item.doc_id(), genesis(&item))?;
        batch.unite(a, b)?;
    }
    batch.commit()?;
    Ok(())
}

/// The collection that a person names, by name or id.
pub(super) fn named(store: &Store, wanted: &str) -> Result<Collection, EngineError> {
    let all = visible(store)?;
    let fits: Vec<&Collection> = all
        .iter()
        .filter(|c| c.name == wanted || c.id.to_string() == wanted)
        .collect();
    match fits[..] {
        [one] => Ok(one.clone()),
        [] => {
            let names: Vec<&str> = all.iter().map(|c| c.name.as_str()).collect();
            Err(
                Failure::not_found(format!("there is no collection {wanted:?}"))
                    .hint(format!("there are: {}", names.join(", ")))
                    .into(),
            )
        }
        _ => {
            let ids: Vec<String> = fits
                .iter()
                .map(|c| format!("{} ({})", c.id, c.kind))
                .collect();
            Err(
                Failure::usage(format!("{} collections are called {wanted:?}", fits.len()))
                    .hint(format!("give the id instead: {}", ids.join(", ")))
                    .into(),
            )
        }
    }
}

/// What people are told of a collection.
pub(super) fn info(store: &Store, collection: &Collection) -> Result<CollectionInfo, EngineError> {
    let filter = Filter {
        collection: Some(collection.class),
        ..Filter::default()
    };
    Ok(CollectionInfo {
        id: collection.id.to_string(),
        name: collection.name.clone(),
        kind: collection.kind.clone(),
        items: store.count(&filter)?,
        changes: store.count_changes(collection.class)?,
    })
}
