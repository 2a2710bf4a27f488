//! Looking back: what was changed in an item, and what was deleted.

use std::collections::BTreeMap;

use pimesh_crdt::diff::Edit;
use pimesh_crdt::doc::{Altered, Life as DocLife, Step, Writer};
use pimesh_crdt::item::register::Stored;
use pimesh_crdt::item::{key, names};
use pimesh_crdt::store::{Committed, Filter, ItemRow, Life, Order, Page, Receipts, Store};
use pimesh_crdt::text::line::Line;
use pimesh_crdt::{CollectionId, Timestamp};

use super::items::{Words, document, find_with};
use super::who::{Me, now};
use super::witness::{Witness, short, sources_of};
use super::{Engine, EngineError, people, restore, undo};
use crate::api::{
    Failure, ItemLog, LifeChange, LoggedChange, Moment, Past, PropertyChange, Reply, Revived,
    Trash, TrashedItem,
};

impl Engine {
    /// Answers what is asked of the past.
    pub(super) async fn past(&self, asked: Past) -> Result<Reply, EngineError> {
        let (store, me) = (&self.inner.store, self.me());
        let (reply, committed) = match asked {
            Past::Log { item, property } => {
                let log = store.with(move |store| log(store, &item, property.as_deref()));
                return Ok(Reply::Log(log.await?));
            }
            Past::Trash => return Ok(Reply::Trash(store.with(|store| trash(store)).await?)),
            Past::Operations { limit } => {
                let operations = store.with(move |store| undo::operations(store, limit));
                return Ok(Reply::Operations(operations.await?));
            }
            Past::Revive { items } => {
                let done = store.with(move |store| revive(store, &items, me)).await?;
                (Reply::Revived(done.0), done.1)
            }
            Past::Undo { operation, write } => {
                return Ok(Reply::Undone(self.undo(operation, write).await?));
            }
            Past::Restore {
                target,
                at,
                newer,
                write,
            } => {
                let wanted = restore::Wanted {
                    target,
                    at,
                    newer,
                    write,
                };
                let done = store.with(move |store| restore::restore(store, wanted, me));
                let done = done.await?;
                (Reply::Restored(done.0), done.1)
            }
        };
        self.announce(&committed).await?;
        Ok(reply)
    }
}

/// Everything that was changed in an item, in the order in which this device heard of it.
pub(super) fn log(
    store: &Store,
    wanted: &str,
    property: Option<&str>,
) -> Result<ItemLog, EngineError> {
    let row = find_with(store, wanted, Life::Any)?;
    let words = Words::of(store)?;
    let sources = sources_of(store)?.remove(&row.doc).unwrap_or_default();
    let receipts = receipts_of(store, &row)?;
    let witness = Witness {
        words: &words,
        receipts: &receipts,
        sources: &sources,
    };
    let files = store.whence(row.collection, row.doc, "import")?;
    let steps = document(store, &row)?.steps(|change| receipts.place(change).unwrap_or(u64::MAX));
    let mut changes: Vec<(u64, LoggedChange)> = steps
        .iter()
        .map(|step| {
            let mut change = told(&witness, step);
            let mut files = files.iter();
            if let Some((_, file)) = files.find(|(part, _)| step.change.0.starts_with(part))
                && change.from_text
            {
                change.source = Some(file.clone());
            }
            (receipts.place(&step.change).unwrap_or(u64::MAX), change)
        })
        .collect();
    changes.extend(people::logged(store, &words, &row)?);
    changes.sort_by_key(|(place, _)| *place);
    let mut changes: Vec<LoggedChange> = changes.into_iter().map(|(_, change)| change).collect();
    if let Some(wanted) = property {
        let fits = |change: &PropertyChange| {
            change.key == wanted || change.property.eq_ignore_ascii_case(wanted)
        };
        for change in &mut changes {
            change.properties.retain(fits);
            change.lives.clear();
        }
        changes.retain(|change| !change.properties.is_empty());
    }
    Ok(ItemLog {
        deleted: !row.live,
        item: words.summary(&row),
        changes,
    })
}

/// The receipts of one document.
pub(super) fn receipts_of(store: &Store, row: &ItemRow) -> Result<Receipts, EngineError> {
    let key = (row.collection, row.doc);
    Ok(store.receipts([key])?.remove(&key).unwrap_or_default())
}

fn told(witness: &Witness<'_>, step: &Step) -> LoggedChange {
    let by = step.by.as_deref();
    let at = u64::try_from(step.time).ok().filter(|time| *time > 0);
    let lives = step.lives.iter().map(|(rid, life)| LifeChange {
        occurrence: rid.as_deref().map(occurrence),
        life: life_word(*life).to_owned(),
    });
    LoggedChange {
        id: short(&step.change),
        at: at.map(|at| Moment(Timestamp(at))),
        devices: witness.devices(&step.change, by),
        source: witness.source(by),
        from_text: by.is_none(),
        lives: lives.collect(),
        properties: step
            .altered
            .iter()
            .filter(|altered| !names::is_book_keeping(key::name(&altered.key)))
            .flat_map(altered)
            .collect(),
    }
}

fn life_word(life: DocLife) -> &'static str {
    match life {
        DocLife::Created => "created",
        DocLife::Deleted => "deleted",
        DocLife::Restored => "restored",
    }
}

/// A recurrence id as it stands in keys, as it was written.
fn occurrence(rid: &str) -> String {
    rid.replace("%2F", "/").replace("%25", "%")
}

/// A register of several properties is told property by property: only those that differ.
fn altered(altered: &Altered) -> Vec<PropertyChange> {
    let (rid, _) = key::split_override(&altered.key);
    let name = key::name(&altered.key);
    let change = |property: &str, old: Option<String>, new: Option<String>| PropertyChange {
        key: altered.key.clone(),
        property: names::written(property).to_owned(),
        occurrence: rid.map(occurrence),
        old,
        new,
    };
    let whole = |stored: &Option<String>| stored.as_deref().map(|s| plain(s).to_owned());
    if !matches!(name, key::WHEN | key::DONE | key::NAME) {
        return vec![change(name, whole(&altered.old), whole(&altered.new))];
    }
    let (old, new) = (lines(altered.old.as_deref()), lines(altered.new.as_deref()));
    let mut all: Vec<&String> = old.keys().chain(new.keys()).collect();
    all.sort();
    all.dedup();
    all.into_iter()
        .filter(|property| old.get(*property) != new.get(*property))
        .map(|property| {
            let of = |lines: &BTreeMap<String, String>| lines.get(property).cloned();
            change(property, of(&old), of(&new))
        })
        .collect()
}

fn plain(stored: &str) -> &str {
    match Stored::read(stored) {
        read if read.params.is_empty() && read.group.is_none() && read.companions.is_empty() => {
            read.value
        }
        _ => stored,
    }
}

fn lines(register: Option<&str>) -> BTreeMap<String, String> {
    let mut out: BTreeMap<String, String> = BTreeMap::new();
    let all = register.into_iter().flat_map(|text| text.split('\n'));
    for line in all.filter_map(Line::read) {
        if line.name.starts_with('~') {
            continue;
        }
        let value = match line.params.is_empty() {
            true => line.value.to_owned(),
            false => format!("{}:{}", line.params, line.value),
        };
        let told = out.entry(line.name.to_owned()).or_default();
        if !told.is_empty() {
            told.push('\n');
        }
        told.push_str(&value);
    }
    out
}

/// The deleted items, the last deleted first.
pub(super) fn trash(store: &Store) -> Result<Trash, EngineError> {
    let filter = Filter {
        life: Life::Deleted,
        ..Filter::default()
    };
    let words = Words::of(store)?;
    let mut items = Vec::new();
    for row in store.list(&filter, Order::Newest, Page::ALL)? {
        if row.collection == CollectionId::MESH {
            continue;
        }
        let end = document(store, &row)?.ended();
        let (device, source) = match end.as_ref().and_then(|(_, by)| by.as_deref()) {
            Some(by) => {
                let (device, source) = by.split_once(' ').unwrap_or((by, ""));
                (Some(words.device(device)), Some(source.to_owned()))
            }
            None => (None, None),
        };
        let at = end.and_then(|(time, _)| u64::try_from(time).ok());
        items.push(TrashedItem {
            item: words.summary(&row),
            at: at.map(|at| Moment(Timestamp(at))),
            device,
            source,
        });
    }
    items.sort_by_key(|item| std::cmp::Reverse(item.at));
    Ok(Trash { items })
}

/// Brings deleted items back: all of them, or none when one is not found.
pub(super) fn revive(
    store: &mut Store,
    wanted: &[String],
    me: Me,
) -> Result<(Revived, Committed), EngineError> {
    let mut rows: Vec<ItemRow> = Vec::new();
    for wanted in wanted {
        let row = find_with(store, wanted, Life::Deleted).map_err(|error| {
            match find_with(store, wanted, Life::Alive) {
                Ok(row) => Failure::usage(format!("{:?} is not deleted", row.name)).into(),
                Err(_) => error,
            }
        })?;
        rows.push(row);
    }
    let mut changes = Vec::new();
    for row in &rows {
        let document = document(store, row)?;
        let edits = [Edit::Revive { rid: None }];
        let author = me.author("cli", Writer::Person);
        let change = document.edit(&document.heads(), &edits, &author)?;
        changes.extend(change.map(|change| (row, change)));
    }
    let mut batch = store.batch(now())?;
    for (row, change) in changes {
        batch.add(row.collection, row.doc, change.bytes)?;
    }
    let (committed, _) = batch.commit_as("trash restore", &what(&rows), None)?;
    let words = Words::of(store)?;
    let mut items = Vec::new();
    for row in rows {
        let row = store.item(row.collection, row.doc)?.unwrap_or(row);
        items.push(words.summary(&row));
    }
    Ok((Revived { items }, committed))
}

/// What an operation was done to, for people.
pub(super) fn what(rows: &[ItemRow]) -> String {
    match rows {
        [one] => one.name.clone(),
        many => format!("{} items", many.len()),
    }
}
