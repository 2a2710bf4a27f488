//! Linking and unlinking, and what the log tells of it.

use std::collections::BTreeSet;

use pimesh_crdt::diff::Edit;
use pimesh_crdt::doc::Writer;
use pimesh_crdt::item::{Item, kind};
use pimesh_crdt::links::{LINK, Links, MOST_LINKED, pair_of};
use pimesh_crdt::store::{Committed, ItemRow, Receipts, Store};
use pimesh_crdt::{CollectionId, DocId, Timestamp};

use super::documents;
use crate::api::{Failure, ItemSummary, Linked, LoggedChange, Moment, PropertyChange, Unlinked};
use crate::engine::EngineError;
use crate::engine::items::{Words, find};
use crate::engine::past::what;
use crate::engine::who::{Me, now};
use crate::engine::witness::{Witness, short};

/// Makes these contacts one person, with all that are one with any of them.
pub(in crate::engine) fn link(
    store: &mut Store,
    wanted: &[String],
    me: Me,
) -> Result<(Linked, Committed), EngineError> {
    let rows = contacts(store, wanted)?;
    let docs = docs(&rows);
    if docs.len() < 2 {
        return Err(Failure::usage("two items are linked at least")
            .hint("pimesh duplicates proposes some; pimesh search NAME shows ids")
            .into());
    }
    let links = links(store)?;
    let edits = links.link(&docs);
    let members: BTreeSet<DocId> = docs.iter().flat_map(|doc| links.person(*doc)).collect();
    if members.len() > MOST_LINKED {
        let message = format!("one person has {MOST_LINKED} items at most");
        return Err(Failure::usage(message).into());
    }
    let committed = write(store, &rows, "link", &edits, me)?;
    let items = match rows.first() {
        Some(row) => person(store, row)?,
        None => Vec::new(),
    };
    let changed = !edits.is_empty();
    Ok((Linked { items, changed }, committed))
}

/// Makes each of these contacts stand alone again: all of them, or none when one is not linked.
pub(in crate::engine) fn unlink(
    store: &mut Store,
    wanted: &[String],
    me: Me,
) -> Result<(Unlinked, Committed), EngineError> {
    let rows = contacts(store, wanted)?;
    let links = links(store)?;
    if let Some(alone) = rows.iter().find(|row| links.person(row.doc).len() < 2) {
        let message = format!("{:?} is not linked with another item", alone.name);
        return Err(Failure::usage(message).into());
    }
    let docs = docs(&rows);
    let left: BTreeSet<DocId> = docs.iter().flat_map(|doc| links.person(*doc)).collect();
    let committed = write(store, &rows, "unlink", &links.unlink(&docs), me)?;
    let words = Words::of(store)?;
    let mut still = Vec::new();
    for doc in left.iter().filter(|doc| !docs.contains(doc)) {
        let found = store.find(&doc.to_string())?;
        let living = found.iter().filter(|row| row.live);
        still.extend(living.map(|row| words.summary(row)));
    }
    let items = rows.iter().map(|row| words.summary(row)).collect();
    let others = still;
    Ok((Unlinked { items, others }, committed))
}

fn contacts(store: &Store, wanted: &[String]) -> Result<Vec<ItemRow>, EngineError> {
    let mut rows = Vec::new();
    for wanted in wanted {
        let row = find(store, wanted)?;
        if row.kind != kind::VCARD {
            let message = format!("{:?} is no contact; only people are linked", row.name);
            return Err(Failure::usage(message).into());
        }
        rows.push(row);
    }
    Ok(rows)
}

/// In the order of their naming, each once.
fn docs(rows: &[ItemRow]) -> Vec<DocId> {
    let mut out: Vec<DocId> = Vec::new();
    for row in rows {
        if !out.contains(&row.doc) {
            out.push(row.doc);
        }
    }
    out
}

fn links(store: &Store) -> Result<Links, EngineError> {
    let all = documents(store)?;
    let shown: Vec<Item> = all.iter().map(|(_, d)| d.view().shown().item).collect();
    Ok(Links::of(&shown))
}

fn person(store: &Store, row: &ItemRow) -> Result<Vec<ItemSummary>, EngineError> {
    let words = Words::of(store)?;
    let rows = words.people.items_of(row);
    Ok(rows.iter().map(|row| words.summary(row)).collect())
}

/// New links go into the document of the first item's collection; what is taken away goes
/// from every document that says it.
fn write(
    store: &mut Store,
    rows: &[ItemRow],
    command: &str,
    edits: &[Edit],
    me: Me,
) -> Result<Committed, EngineError> {
    let all = documents(store)?;
    let own = rows
        .first()
        .map(|row| Item::new(kind::COLLECTION, row.collection.to_string()).doc_id());
    let home = all
        .iter()
        .map(|(doc, _)| *doc)
        .find(|doc| Some(*doc) == own);
    let home = home.or_else(|| all.first().map(|(doc, _)| *doc));
    let mut changes = Vec::new();
    for (doc, document) in &all {
        let shown = document.view().shown().item;
        let of_this = Links::edits_in(edits, &shown, Some(*doc) == home);
        // it says nothing about the collection itself, so it must not keep that alive
        let author = me.author("cli", Writer::Machine);
        let change = document.resolve(&document.heads(), &of_this, &author)?;
        changes.extend(change.map(|change| (*doc, change)));
    }
    let mut batch = store.batch(now())?;
    for (doc, change) in changes {
        batch.add_new(CollectionId::MESH, doc, change)?;
    }
    Ok(batch.commit_mesh_as(command, &what(rows))?)
}

/// What was linked with an item, and taken apart from it: each with its place in the order of
/// receipt.
pub(in crate::engine) fn logged(
    store: &Store,
    words: &Words,
    row: &ItemRow,
) -> Result<Vec<(u64, LoggedChange)>, EngineError> {
    let hex = row.doc.to_string();
    let mut steps = Vec::new();
    for (doc, document) in documents(store)? {
        let of_item = |at: &str| at.starts_with(LINK) && at.contains(&hex);
        let of_document = document.writes(of_item);
        steps.extend(of_document.into_iter().map(|step| (doc, step)));
    }
    if steps.is_empty() {
        return Ok(Vec::new());
    }
    let receipts = store.receipts(steps.iter().map(|(doc, _)| (CollectionId::MESH, *doc)))?;
    let none = Receipts::default();
    let mut out = Vec::new();
    for (doc, step) in steps {
        let receipts = receipts.get(&(CollectionId::MESH, doc)).unwrap_or(&none);
        let witness = Witness {
            words,
            receipts,
            sources: &[],
        };
        let by = step.by.as_deref();
        let at = u64::try_from(step.time).ok().filter(|time| *time > 0);
        let mut properties = Vec::new();
        for altered in &step.altered {
            let label = |value: &Option<String>| match value {
                Some(value) => named(store, words, row.doc, &altered.key, value),
                None => Ok(None),
            };
            properties.push(PropertyChange {
                key: altered.key.clone(),
                property: LINK.to_owned(),
                occurrence: None,
                old: label(&altered.old)?,
                new: label(&altered.new)?,
            });
        }
        let place = receipts.place(&step.change).unwrap_or(u64::MAX);
        let change = LoggedChange {
            id: short(&step.change),
            at: at.map(|at| Moment(Timestamp(at))),
            devices: witness.devices(&step.change, by),
            source: witness.source(by),
            from_text: false,
            lives: Vec::new(),
            properties,
        };
        out.push((place, change));
    }
    Ok(out)
}

/// The other item of a link, for people.
fn named(
    store: &Store,
    words: &Words,
    doc: DocId,
    at: &str,
    value: &str,
) -> Result<Option<String>, EngineError> {
    let Some(((a, b), _)) = pair_of(at, value) else {
        return Ok(None);
    };
    let other = if a == doc { b } else { a };
    let rows = store.find(&other.to_string())?;
    let name = rows.first().map_or("", |row| row.name.as_str());
    Ok(Some(format!("{name} ({})", words.short(other))))
}

/// The items that edits of a collection's document link or take apart.
pub(in crate::engine) fn told_of(
    store: &Store,
    edits: &[Edit],
) -> Result<Vec<ItemRow>, EngineError> {
    let mut docs = BTreeSet::new();
    for edit in edits {
        let (Edit::Set { key, .. } | Edit::Clear { key }) = edit else {
            continue;
        };
        let pair = key.split_once('#').and_then(|(_, ids)| ids.split_once('+'));
        let of = |id: &str| DocId::from_hex(id);
        docs.extend(pair.into_iter().flat_map(|(a, b)| [of(a), of(b)]).flatten());
    }
    let mut out = Vec::new();
    for doc in docs {
        let rows = store.find(&doc.to_string())?;
        out.extend(
            rows.into_iter()
                .find(|row| row.collection != CollectionId::MESH),
        );
    }
    Ok(out)
}
