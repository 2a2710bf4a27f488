//! Taking back what a command did on this device.
//!
//! An operation is known by the names that its changes got in our own logs. What was before is
//! written anew where nobody has written since; what is newer stays, and is told. An undo is an
//! operation itself.

use std::collections::{BTreeMap, BTreeSet};

use pimesh_crdt::diff::Edit;
use pimesh_crdt::doc::Document;
use pimesh_crdt::item::{key, names};
use pimesh_crdt::store::{Committed, ItemRow, Made, Operation, Receipts, Store};
use pimesh_crdt::{ChangeHash, CollectionId, DocId};

use super::items::Words;
use super::people;
use super::who::{Me, now};
use super::{Engine, EngineError};
use crate::api::{Failure, Moment, OperationInfo, Operations, TakenBack, Undone, Write};

/// Items that are told one by one; all are counted.
pub(super) const MOST_TOLD: usize = 1000;

/// Items that one transaction takes back: short enough for others to get their turn.
const ITEMS_AT_ONCE: usize = 500;

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

impl Engine {
    /// Takes back an operation: the one named, or the last that was not undone.
    ///
    /// Goes in transactions of [`ITEMS_AT_ONCE`] items, so that others get their turn. Where it
    /// ends early the operation counts as not undone; what is back already is found so when it
    /// is undone again.
    pub(super) async fn undo(
        &self,
        wanted: Option<i64>,
        write: Write,
    ) -> Result<Undone, EngineError> {
        let (store, me) = (&self.inner.store, self.me());
        let begin = store.with(move |store| Undoing::begin(store, wanted, write));
        let mut undoing = begin.await?;
        while !undoing.left.is_empty() {
            let step = store.with(move |store| {
                let committed = undoing.step(store, me)?;
                Ok::<_, EngineError>((undoing, committed))
            });
            let (next, committed) = step.await?;
            undoing = next;
            self.announce(&committed).await?;
        }
        store.with(move |store| undoing.done(store)).await
    }
}

/// An operation that is being taken back.
struct Undoing {
    operation: Operation,
    write: Write,
    /// Documents that are not looked at yet, the last one next, with what the operation made.
    left: Vec<(Key, BTreeSet<ChangeHash>)>,
    receipts: BTreeMap<Key, Receipts>,
    number: Option<i64>,
    changed: u64,
    kept: u64,
    items: Vec<(Key, Told)>,
    /// What was taken back of links.
    links: Vec<Edit>,
}

impl Undoing {
    fn begin(store: &mut Store, wanted: Option<i64>, write: Write) -> Result<Self, EngineError> {
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
        Ok(Self {
            operation,
            write,
            left: by_doc.into_iter().rev().collect(),
            receipts,
            number: None,
            changed: 0,
            kept: 0,
            items: Vec::new(),
            links: Vec::new(),
        })
    }

    /// Takes back what the operation did to some items, in one transaction; with the last ones
    /// the operation is undone.
    fn step(&mut self, store: &mut Store, me: Me) -> Result<Committed, EngineError> {
        let mut batch = store.batch(now())?;
        for _ in 0..ITEMS_AT_ONCE {
            let Some((key, ours)) = self.left.pop() else {
                break;
            };
            let Some(receipts) = self.receipts.get(&key) else {
                continue;
            };
            let stored = batch.changes_of(key.0, key.1)?;
            let document = Document::load(stored.iter().map(Vec::as_slice))?;
            let back = receipts.back(&document, &ours);
            let changes = document.take_back(&back, &mut |writer| me.author(UNDO, writer))?;
            self.changed += u64::from(!changes.is_empty());
            self.kept += u64::from(!back.kept.is_empty());
            let told = Told::of(&back.edits, &back.kept);
            if key.0 == CollectionId::MESH {
                self.links.extend(back.edits.iter().cloned());
            } else if self.items.len() < MOST_TOLD && !told.is_empty() {
                self.items.push((key, told));
            }
            if self.write == Write::Really {
                for change in changes {
                    batch.add(key.0, key.1, change.bytes)?;
                }
            }
        }
        if self.write == Write::DryRun || self.changed == 0 {
            return Ok(Committed::default()); // the batch goes, and with it whatever it holds
        }
        let operation = &self.operation;
        let what = format!("{}: {} {}", operation.nr, operation.kind, operation.what);
        self.number = match self.links.is_empty() {
            true => batch.record(UNDO, &what, self.number)?,
            false => batch.record_mesh(UNDO, &what, self.number)?,
        };
        if self.left.is_empty() {
            batch.set_undone(operation.nr, self.number)?;
        }
        Ok(batch.commit()?)
    }

    fn done(self, store: &mut Store) -> Result<Undone, EngineError> {
        let mut items = tell(store, self.items)?;
        let mut changed = self.changed;
        if !self.links.is_empty() {
            let words = Words::of(store)?;
            let rows = people::told_of(store, &self.links)?;
            changed = rows.len() as u64;
            let told = rows
                .iter()
                .map(|row| Told::of(&self.links, &[]).taken_back(&words, row));
            items.extend(told);
        }
        Ok(Undone {
            dry_run: self.write == Write::DryRun,
            operation: info(&self.operation),
            undo: self.number,
            changed,
            kept: self.kept,
            items,
        })
    }
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

#[cfg(test)]
mod tests {
    use pimesh_crdt::doc::genesis;
    use pimesh_crdt::item::Item;
    use pimesh_crdt::store::Filter;
    use pimesh_crdt::{DeviceId, Timestamp};

    use super::*;

    const CONTACTS: CollectionId = CollectionId([7; 16]);
    const ITEMS: usize = 2 * ITEMS_AT_ONCE + 1;

    /// A store into which so many contacts were imported.
    fn imported() -> Store {
        let mut store = Store::open_in_memory(DeviceId([1; 32])).unwrap();
        let mut batch = store.batch(Timestamp(1)).unwrap();
        batch
            .upsert_collection(CONTACTS, "contacts", "Contacts", "")
            .unwrap();
        for i in 0..ITEMS {
            let mut item = Item::new("vcard", format!("uid-{i}"));
            let name = format!("FN:Name {i}");
            item.values.insert("NAME".to_owned(), name);
            batch
                .add_new(CONTACTS, item.doc_id(), genesis(&item))
                .unwrap();
        }
        batch.commit_as("import", "many.vcf", None).unwrap();
        store
    }

    fn alive(store: &Store) -> u64 {
        store.count(&Filter::default()).unwrap()
    }

    #[test]
    fn an_undo_that_ends_early_is_finished_by_the_next_one() {
        let me = Me {
            device: DeviceId([1; 32]),
        };
        let mut store = imported();
        let mut undoing = Undoing::begin(&mut store, None, Write::Really).unwrap();
        undoing.step(&mut store, me).unwrap();
        assert_eq!(alive(&store), (ITEMS - ITEMS_AT_ONCE) as u64);
        drop(undoing); // as after a power cut

        let mut undoing = Undoing::begin(&mut store, None, Write::Really).unwrap();
        assert_eq!(undoing.operation.kind, "import", "it was not undone yet");
        let mut steps = 0;
        while !undoing.left.is_empty() {
            undoing.step(&mut store, me).unwrap();
            steps += 1;
        }
        let done = undoing.done(&mut store).unwrap();
        assert_eq!((steps, alive(&store)), (3, 0));
        assert_eq!(done.changed, (ITEMS - ITEMS_AT_ONCE) as u64);
        let import = store.operation(done.operation.number).unwrap().unwrap();
        assert_eq!(import.undone, done.undo);
    }
}
