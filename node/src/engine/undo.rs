//! Taking back what a command did on this device.
//!
//! An operation is known by the names that its changes got in our own logs. What was before is
//! written anew where nobody has written since; what is newer stays, and is told. An undo is an
//! operation itself.

use std::collections::{BTreeMap, BTreeSet};

use pimesh_crdt::diff::Edit;
use pimesh_crdt::doc::{Back, Document, NewChange, View, Writer, decode};
use pimesh_crdt::item::{key, names};
use pimesh_crdt::store::{Committed, ItemRow, Made, Operation, Receipts, Store};
use pimesh_crdt::{ChangeHash, CollectionId, DocId};

use super::EngineError;
use super::items::Words;
use super::who::{Me, now};
use crate::api::{Failure, Moment, OperationInfo, Operations, TakenBack, Undone, Write};

/// Items that are told one by one; all are counted.
pub(super) const MOST_TOLD: usize = 1000;

/// How often an author is drawn for a value that shall stand beside another, until it does.
const DRAWS: usize = 64;
/// How often an author is drawn for the value that shall be shown.
const DRAWS_OF_FIRST: usize = 8;

/// The kind of an operation that takes back another.
const UNDO: &str = "undo";

pub(super) fn operations(store: &Store, limit: usize) -> Result<Operations, EngineError> {
    let operations = store.operations(limit)?.iter().map(info).collect();
    Ok(Operations { operations })
}

fn info(operation: &Operation) -> OperationInfo {
    OperationInfo {
        number: operation.nr,
        at: Moment(operation.at),
        kind: operation.kind.clone(),
        what: operation.what.clone(),
        changes: operation.changes,
        undone: operation.undone.is_some(),
    }
}

/// One document.
pub(super) type Key = (CollectionId, DocId);

/// What a person is told of what becomes of an item, by keys.
#[derive(Default)]
pub(super) struct Told {
    pub(super) life: Option<&'static str>,
    pub(super) properties: BTreeSet<String>,
    pub(super) kept: BTreeSet<String>,
}

impl Told {
    pub(super) fn of(edits: &[Edit], kept: &[String]) -> Self {
        let mut out = Self::default();
        for edit in edits {
            match edit {
                Edit::Set { key, .. } | Edit::Clear { key } => out.properties.extend(told(key)),
                Edit::Delete { rid: None } => out.life = Some("deleted"),
                Edit::Revive { rid: None } => out.life = Some("restored"),
                Edit::Delete { rid: Some(_) } | Edit::Revive { rid: Some(_) } => {
                    out.properties.insert("RECURRENCE-ID".to_owned());
                }
            }
        }
        out.kept.extend(kept.iter().filter_map(|key| told(key)));
        out
    }

    fn is_empty(&self) -> bool {
        self.life.is_none() && self.properties.is_empty() && self.kept.is_empty()
    }

    pub(super) fn taken_back(self, words: &Words, row: &ItemRow) -> TakenBack {
        TakenBack {
            item: words.summary(row),
            life: self.life.map(str::to_owned),
            properties: self.properties.into_iter().collect(),
            kept: self.kept.into_iter().collect(),
        }
    }
}

/// The property that a key belongs to, for people.
fn told(at: &str) -> Option<String> {
    match key::split_override(at).1 {
        key::LIVE => Some("the item itself".to_owned()),
        rest if rest.starts_with('~') => None,
        _ => Some(names::written(key::name(at)).to_owned()),
    }
}

/// Takes back an operation: the one named, or the last that was not undone.
pub(super) fn undo(
    store: &mut Store,
    wanted: Option<i64>,
    write: Write,
    me: Me,
) -> Result<(Undone, Committed), EngineError> {
    let operation = pick(store, wanted)?;
    let mut by_doc: BTreeMap<Key, BTreeSet<ChangeHash>> = BTreeMap::new();
    for Made {
        collection,
        doc,
        change,
    } in store.made_by(operation.nr)?
    {
        by_doc.entry((collection, doc)).or_default().insert(change);
    }
    let receipts = store.receipts(by_doc.keys().copied())?;
    let dry_run = write == Write::DryRun;
    let (mut changed, mut kept, mut items) = (0, 0, Vec::new());
    let mut batch = store.batch(now())?;
    for (key, ours) in &by_doc {
        let Some(receipts) = receipts.get(key) else {
            continue;
        };
        let stored = batch.changes_of(key.0, key.1)?;
        let document = Document::load(stored.iter().map(Vec::as_slice))?;
        let back = back(&document, ours, receipts);
        let changes = changes(&document, &back, me)?;
        changed += u64::from(!changes.is_empty());
        kept += u64::from(!back.kept.is_empty());
        let told = Told::of(&back.edits, &back.kept);
        if items.len() < MOST_TOLD && !told.is_empty() {
            items.push((*key, told));
        }
        if !dry_run {
            for change in changes {
                batch.add(key.0, key.1, change.bytes)?;
            }
        }
    }
    let (mut committed, mut number) = (Committed::default(), None);
    if dry_run || changed == 0 {
        drop(batch); // and with it whatever it holds
    } else {
        let what = format!("{}: {} {}", operation.nr, operation.kind, operation.what);
        number = batch.record(UNDO, &what, None)?;
        batch.set_undone(operation.nr, number)?;
        committed = batch.commit()?;
    }
    let done = Undone {
        dry_run,
        operation: info(&operation),
        undo: number,
        changed,
        kept,
        items: tell(store, items)?,
    };
    Ok((done, committed))
}

/// Items as they are now, with what became of them.
pub(super) fn tell(store: &Store, items: Vec<(Key, Told)>) -> Result<Vec<TakenBack>, EngineError> {
    let words = Words::of(store)?;
    let mut out = Vec::new();
    for ((collection, doc), told) in items {
        if let Some(row) = store.item(collection, doc)? {
            out.push(told.taken_back(&words, &row));
        }
    }
    Ok(out)
}

fn pick(store: &Store, wanted: Option<i64>) -> Result<Operation, EngineError> {
    let hint = "pimesh undo --list shows what was done on this device";
    let Some(nr) = wanted else {
        return store.last_operation_but(&[UNDO])?.ok_or_else(|| {
            Failure::not_found("there is nothing to undo on this device")
                .hint("what was done on another device is undone there, or with: pimesh restore")
                .into()
        });
    };
    match store.operation(nr)? {
        Some(operation) if operation.undone.is_some() => {
            Err(Failure::usage(format!("operation {nr} was undone already"))
                .hint(hint)
                .into())
        }
        Some(operation) => Ok(operation),
        None => Err(Failure::not_found(format!("there is no operation {nr}"))
            .hint(hint)
            .into()),
    }
}

/// How to take back these changes of a document.
fn back(document: &Document, ours: &BTreeSet<ChangeHash>, receipts: &Receipts) -> Back {
    let place = |change: &ChangeHash| receipts.place(change).unwrap_or(u64::MAX);
    let first = ours.iter().map(place).min().unwrap_or(u64::MAX);
    let all = document.changes();
    let before = View::of(all.iter().filter(|c| place(&c.hash) < first));
    let is_after = |hash: &ChangeHash| place(hash) < first || ours.contains(hash);
    let after = View::of(all.iter().filter(|c| is_after(&c.hash)));
    let mut back = Back::to(&before, &after, &document.view());
    // what another device took in by itself is not ours to delete
    let is_shared = ours.iter().any(|change| receipts.devices(change).len() > 1);
    if is_shared && back.edits.contains(&Edit::Delete { rid: None }) {
        back.edits.clear();
        back.kept.push(key::LIVE.to_owned());
    }
    back
}

/// The changes that take something back: one, and one more for each value that stood beside.
fn changes(document: &Document, back: &Back, me: Me) -> Result<Vec<NewChange>, EngineError> {
    let heads = document.heads();
    // what is deleted now stays so, unless this is what brings it back
    let revives = back.edits.contains(&Edit::Revive { rid: None });
    let writer = match revives || document.view().shown().live {
        true => Writer::Person,
        false => Writer::Machine,
    };
    let mut first = document.put_back(&heads, &back.edits, back, &me.author(UNDO, writer))?;
    if !back.beside.is_empty() {
        // the greatest of some, so that one below it is soon found
        for _ in 0..DRAWS_OF_FIRST {
            let author = me.author(UNDO, writer);
            let drawn = document.put_back(&heads, &back.edits, back, &author)?;
            if stands_beside(first.as_ref(), drawn.as_ref())? {
                first = drawn;
            }
        }
    }
    let mut out: Vec<NewChange> = Vec::new();
    for beside in &back.beside {
        let mut change = None;
        for _ in 0..DRAWS {
            let author = me.author(UNDO, Writer::Machine);
            let beside = std::slice::from_ref(beside);
            change = document.put_back(&heads, beside, back, &author)?;
            if stands_beside(change.as_ref(), first.as_ref())? {
                break;
            }
        }
        out.extend(change);
    }
    out.splice(0..0, first);
    Ok(out)
}

/// Of two values written apart the one with the greater actor is shown: it must be the first.
fn stands_beside(
    beside: Option<&NewChange>,
    first: Option<&NewChange>,
) -> Result<bool, EngineError> {
    let (Some(beside), Some(first)) = (beside, first) else {
        return Ok(true);
    };
    Ok(decode(&beside.bytes)?.actor < decode(&first.bytes)?.actor)
}
