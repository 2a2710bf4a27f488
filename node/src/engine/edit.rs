//! Changing and deleting items by hand: patches or a whole text, as a diff against what the
//! item shows.

use std::collections::BTreeSet;

use pimesh_crdt::diff::{Absence, Edit, diff};
use pimesh_crdt::doc::Writer;
use pimesh_crdt::item::names::{self, Place};
use pimesh_crdt::item::register::Stored;
use pimesh_crdt::item::{Item, key, kind};
use pimesh_crdt::normalise::Text;
use pimesh_crdt::store::{Committed, ItemRow, Store};
use pimesh_crdt::text::escape;
use pimesh_crdt::text::line::Line;

use super::absent::keep_what_was_not_shown;
use super::items::{Words, document, find};
use super::times::makes_sense;
use super::who::{Me, now};
use super::{EngineError, people};
use crate::api::{Deleted, EditBy, Edited, Failure, Form, ItemSummary, Patch};

/// Changes one item, as one change; of a linked person those of the items that it concerns.
pub(super) fn edit(
    store: &mut Store,
    wanted: &str,
    by: &EditBy,
    me: Me,
) -> Result<(Edited, Committed), EngineError> {
    let row = find(store, wanted)?;
    let (rows, patches, parsed) = match by {
        EditBy::Patches(patches) => {
            let rows = Words::of(store)?.people.items_of(&row);
            (rows, &patches[..], None)
        }
        EditBy::Text(text) => (vec![row.clone()], &[][..], Some(read_text(text, &row)?)),
    };
    let mut documents = Vec::new();
    for row in &rows {
        documents.push(document(store, row)?);
    }
    let before: Vec<Item> = documents.iter().map(|d| d.view().shown().item).collect();
    let mut after = before.clone();
    for patch in patches {
        people::apply(&mut after, patch)?;
    }
    let blobs = match parsed {
        Some(mut parsed) => {
            keep_what_was_not_shown(store, &before[0], &mut parsed.item);
            after = vec![parsed.item];
            parsed.blobs
        }
        None => Vec::new(),
    };
    let (mut changes, mut all) = (Vec::new(), Vec::new());
    for (at, document) in documents.iter().enumerate() {
        makes_sense(store, &before[at], &after[at], &blobs)?;
        let edits = diff(&before[at], &after[at], Absence::Deletes);
        let author = me.author("cli", Writer::Person);
        let change = document.edit(&document.heads(), &edits, &author)?;
        changes.extend(change.map(|change| (&rows[at], change)));
        all.extend(edits);
    }
    let written: Vec<ItemRow> = changes.iter().map(|(row, _)| (*row).clone()).collect();
    let mut batch = store.batch(now())?;
    for blob in blobs {
        batch.put_blob(&blob.bytes)?;
    }
    for (row, change) in changes {
        batch.add_new(row.collection, row.doc, change)?;
    }
    let (committed, _) = batch.commit_as("edit", &row.name, None)?;
    let after = store.item(row.collection, row.doc)?.unwrap_or(row);
    let words = Words::of(store)?;
    let edited = Edited {
        item: words.summary(&after),
        properties: touched(&all),
        items: written.iter().map(|row| words.short(row.doc)).collect(),
    };
    Ok((edited, committed))
}

/// The properties that edits write, by name.
fn touched(edits: &[Edit]) -> Vec<String> {
    let names: BTreeSet<&str> = edits
        .iter()
        .filter_map(|edit| match edit {
            Edit::Set { key, .. } | Edit::Clear { key } => Some(names::written(key::name(key))),
            Edit::Delete { .. } | Edit::Revive { .. } => None,
        })
        .filter(|name| !name.starts_with('~'))
        .collect();
    names.into_iter().map(str::to_owned).collect()
}

fn read_text(text: &str, row: &ItemRow) -> Result<pimesh_crdt::normalise::Parsed, EngineError> {
    let text = Text::read(text.as_bytes()).map_err(|error| Failure::usage(error.to_string()))?;
    if text.len() != 1 {
        let found = format!(
            "the text holds {} items; an edit takes exactly one",
            text.len()
        );
        return Err(Failure::usage(found).into());
    }
    let mut parsed = text
        .item(0)
        .map_err(|problem| Failure::usage(problem.to_string()))?;
    // a text without UID is meant for the item that the person named
    if parsed.item.uid.starts_with("pimesh-") {
        parsed.item.uid.clone_from(&row.uid);
    }
    if parsed.item.doc_id() != row.doc {
        let told = format!(
            "the text has the UID {:?}, the item {:?}",
            parsed.item.uid, row.uid
        );
        return Err(Failure::usage(told)
            .hint("keep the UID line as it is; import the text to make another item")
            .into());
    }
    Ok(parsed)
}

/// Makes one patch in one item.
pub(super) fn apply(item: &mut Item, patch: &Patch) -> Result<(), EngineError> {
    let (name, written) = match patch {
        Patch::Set { name, .. } | Patch::Add { name, .. } | Patch::Remove { name, .. } => {
            (names::stored(name.to_ascii_uppercase()), name)
        }
    };
    let probe = format!("{written}:x");
    let is_name = Line::property(&probe).is_some_and(|line| line.name == written.as_str());
    if !is_name
        || matches!(
            name.as_str(),
            "UID" | "VERSION" | "PRODID" | "RECURRENCE-ID"
        )
    {
        return Err(
            Failure::usage(format!("{written} is not a property that can be edited")).into(),
        );
    }
    let place = if item.kind == kind::VCARD {
        names::in_card(&name)
    } else {
        names::in_calendar(&item.kind, &name)
    };
    match (patch, place) {
        (Patch::Set { value, .. } | Patch::Add { value, .. }, Place::Part(register)) => {
            let line = format(&name, value, part_params(item, register, &name).as_deref());
            check(&name, &line)?;
            set_part(item, register, &name, Some(&line));
        }
        (Patch::Remove { .. }, Place::Part(register)) => set_part(item, register, &name, None),
        (Patch::Set { value, .. }, Place::Single) => {
            let params = item
                .value(&name)
                .map(|stored| Stored::read(stored).params.to_owned());
            let stored = format(&name, value, params.as_deref());
            check(&name, &stored)?;
            item.values.insert(name, stored);
        }
        (Patch::Set { value, .. }, _) => {
            let old = elements(item, &name);
            let first = old.first().cloned();
            let params = first
                .as_ref()
                .map(|at| Stored::read(&item.values[at]).params.to_owned());
            let stored = format(&name, value, params.as_deref());
            check(&name, &stored)?;
            for at in old {
                item.values.remove(&at);
            }
            let at = first.unwrap_or_else(|| key::element(&name, &stored));
            item.values.insert(at, stored);
        }
        (Patch::Add { value, .. }, _) => {
            let stored = format(&name, value, None);
            check(&name, &stored)?;
            add(item, &name, place, stored);
        }
        (Patch::Remove { value, .. }, _) => remove(item, &name, value.as_deref())?,
    }
    Ok(())
}

fn add(item: &mut Item, name: &str, place: Place, stored: String) {
    if place == Place::Single && !item.values.contains_key(name) {
        item.values.insert(name.to_owned(), stored);
        return;
    }
    let birth = key::element(name, &stored);
    let free = (0..)
        .map(|n| key::repeat(&birth, n))
        .find(|at| !item.values.contains_key(at));
    if let Some(at) = free {
        let order = format!("~order/{name}");
        let id = at.split_once('#').map_or("", |(_, id)| id).to_owned();
        let known: Vec<String> = elements(item, name)
            .into_iter()
            .filter_map(|at| at.split_once('#').map(|(_, id)| id.to_owned()))
            .collect();
        if names::keeps_order(name) && !known.is_empty() {
            let before = item
                .value(&order)
                .map_or_else(|| known.join(" "), str::to_owned);
            item.values.insert(order, format!("{before} {id}"));
        }
        item.values.insert(at, stored);
    }
}

fn remove(item: &mut Item, name: &str, value: Option<&str>) -> Result<(), EngineError> {
    let fits = |stored: &str| {
        let read = Stored::read(stored).value;
        value.is_none_or(|wanted| read == wanted || escape::unescape(read) == wanted)
    };
    let found: Vec<String> = elements(item, name)
        .into_iter()
        .chain(item.values.contains_key(name).then(|| name.to_owned()))
        .filter(|at| fits(&item.values[at]))
        .collect();
    if found.is_empty() {
        let what = value.map_or_else(String::new, |value| format!(" with the value {value:?}"));
        let name = names::written(name);
        return Err(Failure::not_found(format!("the item has no {name}{what}")).into());
    }
    for at in found {
        item.values.remove(&at);
    }
    Ok(())
}

/// The keys of the elements of a property, those of the item itself, in their order.
fn elements(item: &Item, name: &str) -> Vec<String> {
    let prefix = format!("{name}#");
    let mut found: Vec<String> = item
        .values
        .keys()
        .filter(|at| at.starts_with(&prefix))
        .cloned()
        .collect();
    if let Some(order) = item.value(&format!("~order/{name}")) {
        let place = |at: &String| {
            order
                .split(' ')
                .position(|id| at[prefix.len()..] == *id)
                .unwrap_or(usize::MAX)
        };
        found.sort_by_key(place);
    }
    found
}

/// `PARAMS:value`, as a person typed it or wrote it to the letter.
fn format(name: &str, form: &Form, params: Option<&str>) -> String {
    match form {
        Form::Written { params, value } => format!("{params}:{value}"),
        Form::Plain(text) if names::is_text(name) => {
            format!("{}:{}", params.unwrap_or(""), escape::escape(text))
        }
        Form::Plain(text) => {
            format!(
                "{}:{}",
                params.unwrap_or(""),
                text.replace("\r\n", "\\n").replace('\n', "\\n")
            )
        }
    }
}

/// A value as it is stored, if it can be one of this property.
pub(super) fn stored_form(
    name: &str,
    form: &Form,
    params: Option<&str>,
) -> Result<String, EngineError> {
    let stored = format(name, form, params);
    check(name, &stored)?;
    Ok(stored)
}

fn check(name: &str, stored: &str) -> Result<(), EngineError> {
    let value = Stored::read(stored).value;
    if stored.contains(['\n', '\r']) {
        return Err(Failure::usage(format!("the value of {name} has a line end in it")).into());
    }
    if matches!(name, "DTSTART" | "DTEND" | "DUE" | "COMPLETED") {
        let digits =
            |part: Option<&str>| part.is_some_and(|part| part.bytes().all(|b| b.is_ascii_digit()));
        let is_date = value.len() == 8 && digits(Some(value));
        let is_time = matches!(value.len(), 15 | 16)
            && digits(value.get(..8))
            && value.as_bytes()[8] == b'T'
            && digits(value.get(9..15))
            && (value.len() == 15 || value.ends_with('Z'));
        if !is_date && !is_time {
            return Err(
                Failure::usage(format!("{value:?} is not a date or time for {name}"))
                    .hint("write 20261122, 20261122T100000 or 20261122T090000Z")
                    .into(),
            );
        }
    }
    Ok(())
}

/// The parameters of one line of a register of several properties.
fn part_params(item: &Item, register: &str, name: &str) -> Option<String> {
    item.value(register)?
        .split('\n')
        .filter_map(Line::read)
        .find(|line| line.name == name)
        .map(|line| line.params.to_owned())
}

/// Replaces, adds or removes one line of a register of several properties.
fn set_part(item: &mut Item, register: &str, name: &str, stored: Option<&str>) {
    let line = stored.map(|stored| {
        let read = Stored::read(stored);
        let separator = if read.params.is_empty() { "" } else { ";" };
        format!("{name}{separator}{}:{}", read.params, read.value)
    });
    let old = item.values.remove(register).unwrap_or_default();
    let mut lines: Vec<String> = Vec::new();
    let mut written = false;
    for text in old.split('\n').filter(|text| !text.is_empty()) {
        if Line::read(text).is_some_and(|line| line.name == name) {
            if let (Some(line), false) = (&line, written) {
                lines.push(line.clone());
            }
            written = true;
        } else {
            lines.push(text.to_owned());
        }
    }
    if let (Some(line), false) = (line, written) {
        lines.push(line);
    }
    if !lines.is_empty() {
        item.values.insert(register.to_owned(), lines.join("\n"));
    }
}

/// Deletes items: all of them, or none when one is not found. Of a linked person all go.
pub(super) fn delete(
    store: &mut Store,
    wanted: &[String],
    me: Me,
) -> Result<(Deleted, Committed), EngineError> {
    let words = Words::of(store)?;
    let mut rows: Vec<ItemRow> = Vec::new();
    for wanted in wanted {
        for row in words.people.items_of(&find(store, wanted)?) {
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
    }
    let items: Vec<ItemSummary> = rows.iter().map(|row| words.summary(row)).collect();
    let mut changes = Vec::new();
    for row in &rows {
        let document = document(store, row)?;
        let author = me.author("cli", Writer::Person);
        let edits = [Edit::Delete { rid: None }];
        changes.extend(
            document
                .edit(&document.heads(), &edits, &author)?
                .map(|c| (row, c)),
        );
    }
    let mut batch = store.batch(now())?;
    for (row, change) in changes {
        batch.add_new(row.collection, row.doc, change)?;
    }
    let what = match &items[..] {
        [one] => one.name.clone(),
        many => format!("{} items", many.len()),
    };
    let (committed, _) = batch.commit_as("delete", &what, None)?;
    Ok((Deleted { items }, committed))
}
