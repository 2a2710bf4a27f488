//! What a person decides about an occurrence in question, as edits.

use pimesh_crdt::BlobHash;
use pimesh_crdt::diff::Edit;
use pimesh_crdt::doc::Writer;
use pimesh_crdt::item::register::Stored;
use pimesh_crdt::item::{Item, key, names};
use pimesh_crdt::store::{Committed, Store};
use pimesh_crdt::time::{Clash, Zones, attached};

use super::examiner::Examiner;
use super::occurrences::InQuestion;
use crate::api::{Failure, OccurrenceChoice, Resolved};
use crate::engine::EngineError;
use crate::engine::items::{Words, document, find};
use crate::engine::who::{Me, now};

/// Decides what becomes of one occurrence, on all devices.
pub(in crate::engine) fn decide(
    store: &mut Store,
    wanted: &str,
    occurrence: &str,
    choice: OccurrenceChoice,
    me: Me,
) -> Result<(Resolved, Committed), EngineError> {
    let row = find(store, wanted)?;
    let document = document(store, &row)?;
    let item = document.view().shown().item;
    let words = Words::of(store)?;
    let mut examiner = Examiner::default();
    let found = InQuestion::of(store, &words, &row, &document, &item, &mut examiner)?;
    let named = found
        .conflicts
        .iter()
        .find(|(_, told)| told.occurrence == occurrence);
    let Some((clash, told)) = named else {
        let all: Vec<&str> = found
            .conflicts
            .iter()
            .map(|(_, told)| told.occurrence.as_str())
            .collect();
        let message = format!("{occurrence} of {:?} is not in question", row.name);
        let failure = Failure::not_found(message);
        return Err(match all.is_empty() {
            true => failure,
            false => failure.hint(format!("in question are: {}", all.join(", "))),
        }
        .into());
    };
    if !told.choices.contains(&choice) {
        let message = "this can not be decided so";
        return Err(Failure::usage(message)
            .hint("pimesh conflicts says what can be decided")
            .into());
    }
    let (edits, done) = {
        let blobs = |hash: BlobHash| store.blob(hash).ok().flatten();
        edits(&item, clash, choice, &Zones::new(&blobs))?
    };
    let change = document.resolve(&document.heads(), &edits, &me.author("cli", Writer::Person))?;
    let mut batch = store.batch(now())?;
    if let Some(change) = change {
        batch.add_new(row.collection, row.doc, change)?;
    }
    let what = format!("{}: {occurrence}", row.name);
    let (committed, _) = batch.commit_as("resolve", &what, None)?;
    let after = store.item(row.collection, row.doc)?.unwrap_or(row);
    let resolved = Resolved {
        item: Words::of(store)?.summary(&after),
        key: key::prefix(Some(id_of(clash))),
        property: key::RECURRENCE_ID.to_owned(),
        values: vec![done.to_owned()],
        superseded: Vec::new(),
    };
    Ok((resolved, committed))
}

fn id_of(clash: &Clash) -> &str {
    match clash {
        Clash::Gone { id } => id,
        Clash::CalledOff(off) => &off.id,
        Clash::Twice(two) => &two.shown,
    }
}

/// The edits of a decision, and what it came to in words.
fn edits(
    item: &Item,
    clash: &Clash,
    choice: OccurrenceChoice,
    zones: &Zones<'_>,
) -> Result<(Vec<Edit>, &'static str), EngineError> {
    use OccurrenceChoice::{Day, Delete, Keep, Series};
    let id = id_of(clash);
    let end = |rid: &str| Edit::Delete {
        rid: Some(rid.to_owned()),
    };
    let impossible = || Failure::failed("this occurrence is not there any more");
    Ok(match (choice, clash) {
        (Keep, Clash::Gone { .. }) => {
            let (key, value) = as_date(item, id).ok_or_else(impossible)?;
            let edits = vec![Edit::Set { key, value }];
            (edits, "it takes place besides the series")
        }
        (Keep, Clash::CalledOff(off)) => {
            let edits = off.by.iter().map(|key| Edit::Clear { key: key.clone() });
            (edits.collect(), "it takes place")
        }
        (Keep, Clash::Twice(two)) => (vec![end(&two.other)], "this version takes place"),
        (Delete, Clash::Gone { .. } | Clash::CalledOff(_)) => (vec![end(id)], "it is deleted"),
        (Delete, Clash::Twice(_)) => (vec![end(id)], "the other version takes place"),
        (Series, _) => {
            let said = item.component(Some(id)).filter(|(rest, _)| is_said(rest));
            let sets = said.map(|(rest, value)| Edit::Set {
                key: rest.to_owned(),
                value: value.to_owned(),
            });
            let edits = sets.chain([end(id)]).collect();
            (edits, "the whole series says it")
        }
        (Day, _) => {
            let (new, said) = attached(item, zones, id).ok_or_else(impossible)?;
            let revive = Edit::Revive {
                rid: Some(new.clone()),
            };
            let sets = said.into_iter().map(|(rest, value)| Edit::Set {
                key: key::in_override(&new, &rest),
                value,
            });
            let edits = sets.chain([revive, end(id)]).collect();
            (
                edits,
                "it is the occurrence that the series has on that day",
            )
        }
    })
}

/// The RDATE that makes an occurrence of an override's recurrence id.
fn as_date(item: &Item, rid: &str) -> Option<(String, String)> {
    let stored = Stored::read(item.value(&key::in_override(rid, key::RECURRENCE_ID))?);
    let params: Vec<String> = stored
        .parameters()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("RANGE"))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let value = format!("{}:{}", params.join(";"), stored.value.trim());
    let birth = key::element("RDATE", &value);
    let mut free = (0..).map(|n| key::repeat(&birth, n));
    let at = free.find(|at| !item.values.contains_key(at))?;
    Some((at, value))
}

/// What an occurrence says that a series can say too.
fn is_said(rest: &str) -> bool {
    let name = key::name(rest);
    !rest.starts_with('~')
        && !matches!(name, key::WHEN | key::RECURRENCE_ID | "REPLY")
        && !names::is_book_keeping(name)
}
