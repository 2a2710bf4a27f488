//! What a person means to change, apart from how it is found and written.

use std::collections::{BTreeMap, BTreeSet};

use pimesh_crdt::item::{Item, key, kind};

use super::model::meaning;
use super::program::What;
use crate::seed::Chance;

/// A change of one item as it was shown: what the model is told, and what the person leaves.
#[derive(Clone, Debug, Default)]
pub struct Intent {
    /// By key; nothing where it is removed.
    pub says: BTreeMap<String, Option<String>>,
    /// Occurrences that had no word of their own.
    pub anew: BTreeSet<String>,
    /// Occurrences that lose theirs.
    pub ends: BTreeSet<String>,
}

/// The occurrences that people change.
const OCCURRENCES: [&str; 2] = [":20260112T100000", ":20260119T100000"];

impl Intent {
    /// The item as the person leaves it.
    pub fn applied(&self, before: &Item) -> Item {
        let mut after = before.clone();
        for rid in &self.ends {
            let prefix = key::prefix(Some(rid));
            after.values.retain(|at, _| !at.starts_with(&prefix));
        }
        for (at, value) in &self.says {
            match value {
                Some(value) => after.values.insert(at.clone(), value.clone()),
                None => after.values.remove(at),
            };
        }
        after
    }

    /// True where nothing is meant.
    pub fn is_empty(&self) -> bool {
        self.says.is_empty() && self.ends.is_empty()
    }

    /// What a person does with this item. `names` are all they are shown; nothing: everything.
    pub fn of(what: What, item: &Item, names: Option<&BTreeSet<String>>, from: u64) -> Self {
        let mut chance = Chance::of(from);
        let mut intent = Self::default();
        let is_card = item.kind == kind::VCARD;
        match what {
            What::Occurrence | What::Future | What::EndOccurrence if is_card => {}
            What::Occurrence => intent.occurrence(item, "", &mut chance),
            What::Future => intent.occurrence(item, "RANGE=THISANDFUTURE", &mut chance),
            What::EndOccurrence => intent
                .ends
                .extend(item.overrides().first().map(|rid| (*rid).to_owned())),
            What::Rule if !is_card => intent.when(item, &mut chance),
            What::EditMany => {
                for _ in 0..2 + chance.below(3) {
                    intent.any(item, names, &mut chance);
                }
            }
            _ => intent.any(item, names, &mut chance),
        }
        intent
    }

    fn any(&mut self, item: &Item, names: Option<&BTreeSet<String>>, chance: &mut Chance) {
        let is_card = item.kind == kind::VCARD;
        let (singles, families): (&[&str], &[&str]) = if is_card {
            (&["NAME", "NOTE", "ORG", "TITLE"], &["TEL", "EMAIL", "URL"])
        } else {
            (&["SUMMARY", "LOCATION", "DESCRIPTION"], &["CATEGORIES"])
        };
        let is_shown = |name: &&str| names.is_none_or(|names| names.contains(*name));
        let singles: Vec<&str> = singles.iter().copied().filter(is_shown).collect();
        let families: Vec<&str> = families.iter().copied().filter(is_shown).collect();
        if chance.below(5) < 3 || families.is_empty() {
            let name = *chance.one_of(&singles);
            self.single(item, name, chance);
        } else {
            let family = *chance.one_of(&families);
            let touched = |at: &String| key::name(at) == family;
            if !self.says.keys().any(touched) {
                self.element(item, family, chance);
            }
        }
    }

    fn single(&mut self, item: &Item, name: &str, chance: &mut Chance) {
        let was = item.value(name);
        if was.is_some() && name != "NAME" && chance.below(4) == 0 {
            self.says.insert(name.to_owned(), None);
            return;
        }
        let number = fresh(chance);
        let value = match name {
            "NAME" => format!("N:Name{number};;;;\nFN:Name{number}"),
            _ => format!(":{name} {number}"),
        };
        if was != Some(&value) {
            self.says.insert(name.to_owned(), Some(value));
        }
    }

    /// Adds, corrects or removes one of several.
    fn element(&mut self, item: &Item, family: &str, chance: &mut Chance) {
        let here: Vec<(&String, &String)> = item
            .values
            .iter()
            .filter(|(at, _)| key::split_override(at).0.is_none() && key::name(at) == family)
            .collect();
        let number = fresh(chance);
        let value = match family {
            "TEL" => format!("TYPE=cell:+43 1 {number}"),
            "EMAIL" => format!(":b{number}@example.org"),
            "URL" => format!(":http://example.org/{number}\nX-ABLabel:label {number}"),
            _ => format!(":category {number}"),
        };
        let act = chance.below(4);
        let in_place = family != "CATEGORIES" && is_alike(&here);
        let picked = here.get(chance.below(here.len().max(1)));
        // of two that say the same it can not be told which was meant
        let alike = |one: &&String| {
            let same = here
                .iter()
                .filter(|(_, other)| meaning(family, other) == meaning(family, one));
            same.count() > 1
        };
        if picked.is_some_and(|(_, value)| alike(value)) {
            return;
        }
        if let (Some((at, _)), 0) = (picked, act) {
            self.says.insert((*at).clone(), None);
            return;
        }
        // nobody writes what is there already
        let is_same = |(_, known): &(_, &String)| meaning(family, known) == meaning(family, &value);
        if here.iter().any(is_same) {
            return;
        }
        match picked {
            Some((at, _)) if act < 3 && in_place => {
                self.says.insert((*at).clone(), Some(value));
            }
            _ => {
                let birth = key::element(family, &value);
                let is_free = |at: &String| !item.values.contains_key(at);
                let free = (0..).map(|n| key::repeat(&birth, n)).find(is_free);
                self.says.extend(free.map(|at| (at, Some(value))));
            }
        }
    }

    /// One occurrence, or with a RANGE all that follow too.
    fn occurrence(&mut self, item: &Item, range: &str, chance: &mut Chance) {
        let rid = *chance.one_of(&OCCURRENCES);
        let at = |name: &str| key::in_override(rid, name);
        let hour = 10 + chance.below(10);
        let number = fresh(chance);
        if item.overrides().contains(&rid) {
            let value = format!(":occurrence {number}");
            if item.value(&at("SUMMARY")) != Some(&value) {
                self.says.insert(at("SUMMARY"), Some(value));
            }
            let id = format!("{range}{rid}");
            if !range.is_empty() && item.value(&at(key::RECURRENCE_ID)) != Some(&id) {
                self.says.insert(at(key::RECURRENCE_ID), Some(id));
            }
            return;
        }
        let day = &rid[1..9];
        self.anew.insert(rid.to_owned());
        for (name, value) in [
            (key::RECURRENCE_ID, format!("{range}{rid}")),
            (key::WHEN, format!("DTSTART:{day}T{hour}0000")),
            ("SUMMARY", format!(":occurrence {number}")),
        ] {
            self.says.insert(at(name), Some(value));
        }
    }

    fn when(&mut self, item: &Item, chance: &mut Chance) {
        let (day, hour) = (10 + chance.below(18), 10 + chance.below(10));
        let value = match item.kind.as_str() {
            kind::VTODO => format!("DUE:202601{day}T{hour}0000"),
            _ => format!(
                "DTSTART:202601{day}T{hour}0000\nDTEND:202601{day}T{hour}4500\nRRULE:FREQ=WEEKLY;COUNT={}",
                2 + chance.below(9)
            ),
        };
        if item.value(key::WHEN) != Some(&value) {
            self.says.insert(key::WHEN.to_owned(), Some(value));
        }
    }
}

/// Values that people write are few at times, so that two write the same; mostly they differ.
fn fresh(chance: &mut Chance) -> usize {
    match chance.below(3) {
        0 => 200 + chance.below(4),
        _ => 1000 + chance.below(1_000_000),
    }
}

/// Which of several was corrected can be told only where they are of one kind.
fn is_alike(elements: &[(&String, &String)]) -> bool {
    let params = |value: &str| value.split(':').next().unwrap_or_default().to_owned();
    let first = elements.first().map(|(_, value)| params(value));
    elements
        .iter()
        .all(|(_, value)| Some(params(value)) == first)
}
