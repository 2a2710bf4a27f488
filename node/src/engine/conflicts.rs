//! What was changed differently on two devices: the list, and a person's decision.
//!
//! A decision is an edit that supersedes every value there was to choose from, so it travels
//! and merges like any other: two devices that decide apart agree, or clash anew.

use pimesh_crdt::diff::Edit;
use pimesh_crdt::doc::{Conflict as Clash, Document, Shown, Writer};
use pimesh_crdt::item::names::{self, Place};
use pimesh_crdt::item::register::{Stored, outside_hash};
use pimesh_crdt::item::{Item, key, kind};
use pimesh_crdt::store::{Committed, Filter, ItemRow, Order, Page, Receipts, Store};
use pimesh_crdt::{ChangeHash, CollectionId};

use super::edit::stored_form;
use super::items::{Words, document, find};
use super::who::{Me, now};
use super::witness::{Witness, sources_of};
use super::{EngineError, times};
use crate::api::{Choice, Conflict, Conflicts, Decision, Failure, Resolved};

/// What clashes in these documents.
fn told(
    store: &Store,
    words: &Words,
    shown: &[(ItemRow, Shown)],
) -> Result<Vec<Conflict>, EngineError> {
    if shown.iter().all(|(_, shown)| shown.conflicts.is_empty()) {
        return Ok(Vec::new());
    }
    let receipts = store.receipts(shown.iter().map(|(row, _)| (row.collection, row.doc)))?;
    let sources = sources_of(store)?;
    let (no_receipts, no_sources) = (Receipts::default(), Vec::new());
    let mut out = Vec::new();
    for (row, shown) in shown {
        let witness = Witness {
            words,
            receipts: receipts
                .get(&(row.collection, row.doc))
                .unwrap_or(&no_receipts),
            sources: sources.get(&row.doc).unwrap_or(&no_sources),
        };
        let of_row = |clash| conflict(&witness, row, clash);
        out.extend(shown.conflicts.iter().map(of_row));
    }
    Ok(out)
}

fn conflict(witness: &Witness<'_>, row: &ItemRow, clash: &Clash) -> Conflict {
    let others = clash.others.iter();
    Conflict {
        item: witness.words.short(row.doc),
        name: row.name.clone(),
        collection: witness.words.collection(row.collection),
        property: names::written(key::name(&clash.key)).to_owned(),
        key: clash.key.clone(),
        shown: witness.version(&clash.chosen, &clash.shown),
        others: others
            .map(|other| witness.version(other, &other.value))
            .collect(),
    }
}

/// What clashes in one item.
pub(super) fn of_item(
    store: &Store,
    words: &Words,
    row: &ItemRow,
    shown: &Shown,
) -> Result<Vec<Conflict>, EngineError> {
    told(store, words, &[(row.clone(), shown.clone())])
}

/// What clashes in all items.
pub(super) fn all(store: &Store) -> Result<Conflicts, EngineError> {
    let filter = Filter {
        conflicts: true,
        ..Filter::default()
    };
    let mut shown = Vec::new();
    for row in store.list(&filter, Order::Name, Page::ALL)? {
        if row.collection != CollectionId::MESH {
            let document = document(store, &row)?;
            shown.push((row, document.view().shown()));
        }
    }
    let words = Words::of(store)?;
    Ok(Conflicts {
        conflicts: told(store, &words, &shown)?,
        occurrences: times::all_in_question(store, &words)?,
    })
}

/// Decides one conflict.
pub(super) fn resolve(
    store: &mut Store,
    wanted: &str,
    property: &str,
    by: &Decision,
    me: Me,
) -> Result<(Resolved, Committed), EngineError> {
    if let Decision::Occurrence(choice) = by {
        return times::decide(store, wanted, property, *choice, me);
    }
    let row = find(store, wanted)?;
    let document = document(store, &row)?;
    let shown = document.view().shown();
    let clash = pick(&shown, &row, property)?;
    let name = key::name(&clash.key);
    let edits = match by {
        Decision::Keep(choice) => vec![set(clash, chosen(clash, choice)?)],
        Decision::Both => both(&shown.item, clash)?,
        Decision::Value(form) => {
            if !clash.is_simple() || outside_hash(&clash.shown).is_some() {
                let message = format!("{} can not be typed as one value", names::written(name));
                return Err(Failure::usage(message)
                    .hint("keep one of the values, then change it with: pimesh edit")
                    .into());
            }
            let params = Stored::read(&clash.shown).params;
            vec![set(clash, &stored_form(name, form, Some(params))?)]
        }
        Decision::Merge => vec![set(clash, &merged(&document, clash)?)],
        Decision::Occurrence(_) => Vec::new(), // decided above
    };
    let change = document.resolve(&document.heads(), &edits, &me.author("cli", Writer::Person))?;
    let before = of_item(store, &Words::of(store)?, &row, &shown)?;
    let mut batch = store.batch(now())?;
    if let Some(change) = change {
        batch.add(row.collection, row.doc, change.bytes)?;
    }
    let what = format!("{}: {}", row.name, names::written(name));
    let (committed, _) = batch.commit_as("resolve", &what, None)?;
    let after = store.item(row.collection, row.doc)?.unwrap_or(row);
    let values = edits.iter().filter_map(|edit| match edit {
        Edit::Set { key, value } if !key::split_override(key).1.starts_with('~') => {
            Some(value.strip_prefix(':').unwrap_or(value).to_owned())
        }
        _ => None,
    });
    let superseded = before.into_iter().find(|told| told.key == clash.key);
    let resolved = Resolved {
        item: Words::of(store)?.summary(&after),
        key: clash.key.clone(),
        property: names::written(name).to_owned(),
        values: values.collect(),
        superseded: superseded.map_or_else(Vec::new, |told| {
            std::iter::once(told.shown).chain(told.others).collect()
        }),
    };
    Ok((resolved, committed))
}

fn set(clash: &Clash, value: &str) -> Edit {
    Edit::Set {
        key: clash.key.clone(),
        value: value.to_owned(),
    }
}

/// The conflict that a person names, by the property or by its key.
fn pick<'s>(shown: &'s Shown, row: &ItemRow, property: &str) -> Result<&'s Clash, EngineError> {
    let name = names::stored(property.to_ascii_uppercase());
    let place = match row.kind.as_str() {
        kind::VCARD => names::in_card(&name),
        other => names::in_calendar(other, &name),
    };
    let register = match place {
        Place::Part(register) => register,
        Place::Single | Place::Element | Place::List | Place::Uid => name.as_str(),
    };
    let fits = |clash: &&Clash| {
        clash.key == property
            || key::name(&clash.key) == register
            || names::written(key::name(&clash.key)).eq_ignore_ascii_case(property)
    };
    let exact = shown.conflicts.iter().find(|clash| clash.key == property);
    let found: Vec<&Clash> = match exact {
        Some(exact) => vec![exact],
        None => shown.conflicts.iter().filter(fits).collect(),
    };
    let keys = |all: &mut dyn Iterator<Item = &Clash>| {
        let keys: Vec<String> = all.map(|clash| format!("\"{}\"", clash.key)).collect();
        keys.join(", ")
    };
    match found[..] {
        [one] => Ok(one),
        [] if shown.conflicts.is_empty() => {
            Err(Failure::not_found(format!("{:?} has nothing in conflict", row.name)).into())
        }
        [] => Err(
            Failure::not_found(format!("{property} of {:?} is not in conflict", row.name))
                .hint(format!(
                    "in conflict are: {}",
                    keys(&mut shown.conflicts.iter())
                ))
                .into(),
        ),
        _ => Err(Failure::usage(format!(
            "{} values of {property} are in conflict",
            found.len()
        ))
        .hint(format!(
            "say which one: {}",
            keys(&mut found.iter().copied())
        ))
        .into()),
    }
}

/// The value that a person chose.
fn chosen<'c>(clash: &'c Clash, choice: &Choice) -> Result<&'c str, EngineError> {
    let all: Vec<(&ChangeHash, &str)> = std::iter::once((&clash.chosen.change, &*clash.shown))
        .chain(
            clash
                .others
                .iter()
                .map(|other| (&other.change, &*other.value)),
        )
        .collect();
    let none = |message: String| {
        EngineError::from(Failure::usage(message).hint("pimesh conflicts shows them"))
    };
    match choice {
        Choice::This => Ok(&clash.shown),
        Choice::That if clash.others.len() == 1 => Ok(&clash.others[0].value),
        Choice::That => Err(none(format!(
            "there are {} values beside the one that is shown: say which by its number",
            clash.others.len()
        ))),
        Choice::Number(n) => n
            .checked_sub(1)
            .and_then(|at| all.get(at))
            .map(|(_, value)| *value)
            .ok_or_else(|| none(format!("there is no value {n}, only 1 to {}", all.len()))),
        Choice::Id(id) => {
            let id = id.to_ascii_lowercase();
            let mut fits = all
                .iter()
                .filter(|(change, _)| change.to_string().starts_with(&id));
            match (fits.next(), fits.next()) {
                (Some((_, value)), None) => Ok(value),
                (None, _) => Err(none(format!("no value has the id {id:?}"))),
                (Some(_), Some(_)) => Err(none(format!("several ids begin with {id:?}"))),
            }
        }
    }
}

/// All values: elements beside each other, or the texts of a note one below the other.
fn both(item: &Item, clash: &Clash) -> Result<Vec<Edit>, EngineError> {
    clash.both(item).map_err(|why| {
        let name = names::written(key::name(&clash.key));
        let message = format!("{name} can not hold both values: {why}");
        Failure::usage(message)
            .hint("keep one of them, or say --value")
            .into()
    })
}

fn merged(document: &Document, clash: &Clash) -> Result<String, EngineError> {
    document.view().merged(&clash.key).map_err(|why| {
        let name = names::written(key::name(&clash.key));
        Failure::failed(format!(
            "{name} can not be merged: {why}; nothing was changed"
        ))
        .hint("decide with --keep this, --keep that, --keep both or --value TEXT")
        .into()
    })
}
