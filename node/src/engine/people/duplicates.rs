//! Who may be one person in several items: proposed, with the reason, never done.

use std::collections::{BTreeMap, BTreeSet};

use pimesh_crdt::canon;
use pimesh_crdt::item::register::Stored;
use pimesh_crdt::item::{Item, key, kind};
use pimesh_crdt::store::{Filter, ItemRow, Order, Page, Store};
use pimesh_crdt::{CollectionId, doc};

use crate::api::{Duplicate, Duplicates, Reason};
use crate::engine::EngineError;
use crate::engine::items::{Words, shown};

/// A contact with what it can be known by.
struct Candidate {
    row: ItemRow,
    /// Comparison forms of addresses and numbers, with the value as written.
    known_by: BTreeMap<(&'static str, String), String>,
}

/// Contacts of one name with an e-mail address or a phone number that both have. A name alone
/// is never enough.
pub(in crate::engine) fn duplicates(store: &Store) -> Result<Duplicates, EngineError> {
    let filter = Filter {
        kinds: vec![kind::VCARD.into()],
        ..Filter::default()
    };
    let words = Words::of(store)?;
    let mut by_name: BTreeMap<String, Vec<ItemRow>> = BTreeMap::new();
    for row in store.list(&filter, Order::Name, Page::ALL)? {
        if row.collection != CollectionId::MESH && !row.name.is_empty() {
            by_name.entry(row.name.clone()).or_default().push(row);
        }
    }
    let mut out = Duplicates::default();
    for rows in by_name.into_values().filter(|rows| rows.len() > 1) {
        let mut candidates = Vec::new();
        for row in rows {
            let item = shown(store, &row)?.item;
            // the row's name is cut where it is long, and made up where there is none
            if item.value(key::NAME).is_some() && doc::display_name(&item) == row.name {
                let known_by = known_by(&item);
                candidates.push(Candidate { row, known_by });
            }
        }
        out.people.extend(together(&words, &candidates));
    }
    Ok(out)
}

fn known_by(item: &Item) -> BTreeMap<(&'static str, String), String> {
    let mut out = BTreeMap::new();
    for (at, stored) in &item.values {
        let name = match key::name(at) {
            "EMAIL" => "EMAIL",
            "TEL" => "TEL",
            _ => continue,
        };
        let form = canon::identity(name, stored);
        if !form.is_empty() {
            let value = Stored::read(stored).value.to_owned();
            out.entry((name, form)).or_insert(value);
        }
    }
    out
}

/// Groups of candidates that something connects, but for those that are linked already.
fn together(words: &Words, candidates: &[Candidate]) -> Vec<Duplicate> {
    let mut left: Vec<usize> = (0..candidates.len()).collect();
    let mut out = Vec::new();
    while !left.is_empty() {
        let mut group = vec![left.remove(0)];
        let mut next = 0;
        while next < group.len() {
            let one = &candidates[group[next]].known_by;
            let is_alike =
                |at: &usize| candidates[*at].known_by.keys().any(|k| one.contains_key(k));
            let (alike, rest) = left.into_iter().partition(is_alike);
            left = rest;
            group.extend::<Vec<usize>>(alike);
            next += 1;
        }
        let group: Vec<&Candidate> = group.iter().map(|at| &candidates[*at]).collect();
        if !is_one(words, &group) {
            out.push(proposed(words, &group));
        }
    }
    out
}

/// Whether all of them are one person already, or one item in several collections.
fn is_one(words: &Words, group: &[&Candidate]) -> bool {
    let Some(first) = group.first() else {
        return true;
    };
    let others = words.people.others(first.row.doc);
    let mut rest = group.iter().map(|candidate| candidate.row.doc);
    rest.all(|doc| doc == first.row.doc || others.contains(&doc))
}

fn proposed(words: &Words, group: &[&Candidate]) -> Duplicate {
    let mut said: BTreeMap<&(&str, String), Vec<&Candidate>> = BTreeMap::new();
    for candidate in group {
        for known_by in candidate.known_by.keys() {
            said.entry(known_by).or_default().push(candidate);
        }
    }
    let shared = said.into_iter().filter(|(_, by)| by.len() > 1);
    let reasons = shared.map(|(known_by, by)| Reason {
        property: known_by.0.to_owned(),
        value: by
            .first()
            .map_or_else(String::new, |one| one.known_by[known_by].clone()),
        items: by.iter().map(|one| words.short(one.row.doc)).collect(),
    });
    let docs: BTreeSet<_> = group.iter().map(|one| one.row.doc).collect();
    Duplicate {
        name: group
            .first()
            .map_or_else(String::new, |one| one.row.name.clone()),
        items: group.iter().map(|one| words.summary(&one.row)).collect(),
        because: reasons.filter(|_| docs.len() > 1).collect(),
    }
}
