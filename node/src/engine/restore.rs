//! Bringing back what an item or a whole collection showed at an earlier time.
//!
//! The past meant is that of this device: all changes that had come here by then, whatever
//! their writers' clocks said. What was shown then is written anew, on top of what is there.

use pimesh_crdt::diff::Edit;
use pimesh_crdt::doc::{Document, Writer};
use pimesh_crdt::store::{Committed, Filter, ItemRow, Life, Order, Page, Receipts, Store};

use super::EngineError;
use super::collections;
use super::items::find_with;
use super::undo::{MOST_TOLD, Told, tell};
use super::who::{Me, now};
use crate::api::{Failure, Moment, Newer, Restored, Write};

/// What to bring back.
pub(super) struct Wanted {
    pub(super) target: String,
    pub(super) at: Moment,
    pub(super) newer: Newer,
    pub(super) write: Write,
}

pub(super) fn restore(
    store: &mut Store,
    wanted: Wanted,
    me: Me,
) -> Result<(Restored, Committed), EngineError> {
    let reached = reached_at(store, wanted.at)?;
    let rows = rows(store, &wanted.target)?;
    let all = rows.iter().map(|row| (row.collection, row.doc));
    let receipts = store.receipts(all)?;
    let none = Receipts::default();
    let mut out = Restored {
        dry_run: wanted.write == Write::DryRun,
        target: wanted.target,
        at: wanted.at,
        operation: None,
        changed: 0,
        same: 0,
        newer: 0,
        items: Vec::new(),
    };
    let mut items = Vec::new();
    let mut batch = store.batch(now())?;
    for row in rows {
        let key = (row.collection, row.doc);
        let stored = batch.changes_of(row.collection, row.doc)?;
        let document = Document::load(stored.iter().map(Vec::as_slice))?;
        let receipts = receipts.get(&key).unwrap_or(&none);
        let Some(edits) = edits(&document, row.live, receipts, reached, wanted.newer) else {
            out.newer += u64::from(row.live);
            continue;
        };
        let author = me.author("restore", Writer::Person);
        let Some(change) = document.edit(&document.heads(), &edits, &author)? else {
            out.same += 1;
            continue;
        };
        out.changed += 1;
        if items.len() < MOST_TOLD {
            items.push((key, Told::of(&edits, &[])));
        }
        if !out.dry_run {
            batch.add(row.collection, row.doc, change.bytes)?;
        }
    }
    let mut committed = Committed::default();
    if out.dry_run || out.changed == 0 {
        drop(batch); // and with it whatever it holds
    } else {
        let what = format!("{} as of {}", out.target, out.at);
        (committed, out.operation) = batch.commit_as("restore", &what, None)?;
    }
    out.items = tell(store, items)?;
    Ok((out, committed))
}

/// How far this device had come at a moment.
fn reached_at(store: &Store, at: Moment) -> Result<u64, EngineError> {
    if at.0 > now() {
        return Err(Failure::usage(format!("{at} is not in the past")).into());
    }
    if let Some(reached) = store.reached_at(at.0)? {
        return Ok(reached);
    }
    let message = format!("this device does not know what was at {at}");
    let since = store.known_since()?;
    Err(match since {
        Some(since) => {
            Failure::not_found(message).hint(format!("it knows its past since {}", Moment(since)))
        }
        None => Failure::not_found(message).hint("there was nothing on it yet"),
    }
    .into())
}

/// The items of a collection, or the one item, deleted ones included.
fn rows(store: &Store, target: &str) -> Result<Vec<ItemRow>, EngineError> {
    let visible = collections::visible(store)?;
    let is_collection = visible
        .iter()
        .any(|c| c.name == target || c.id.to_string() == target);
    if !is_collection {
        return Ok(vec![find_with(store, target, Life::Any)?]);
    }
    let filter = Filter {
        collection: Some(collections::named(store, target)?.class),
        life: Life::Any,
        ..Filter::default()
    };
    Ok(store.list(&filter, Order::Id, Page::ALL)?)
}

/// What brings an item back to what it was; nothing for one that was not there and stays.
fn edits(
    document: &Document,
    is_live: bool,
    receipts: &Receipts,
    reached: u64,
    newer: Newer,
) -> Option<Vec<Edit>> {
    if let Some(edits) = receipts.restore(document, reached) {
        return Some(edits);
    }
    match (newer, is_live) {
        (Newer::Delete, true) => Some(vec![Edit::Delete { rid: None }]),
        (Newer::Delete, false) | (Newer::Keep, _) => None,
    }
}
