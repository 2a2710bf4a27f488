//! People who are shown a conflict decide it, by the way that decisions are written.

use std::collections::{BTreeMap, BTreeSet};

use pimesh_crdt::diff::Edit;
use pimesh_crdt::doc::Writer;
use pimesh_crdt::item::key;

use super::mesh::{Failure, World};
use super::model::Write;
use super::past::said;
use super::program::{Step, What};
use super::texts;
use super::write::{COLLECTIONS, Planned, doc_of};
use crate::seed::Chance;

impl World {
    /// A person keeps one of the values that clash, or all of them. False where nothing does.
    pub(super) fn resolve(
        &mut self,
        at: usize,
        step: &Step,
        chance: &mut Chance,
    ) -> Result<bool, Failure> {
        let items = texts::ITEMS + texts::INVITATIONS;
        let (collection, first) = (*chance.one_of(&COLLECTIONS), chance.below(items));
        for item in 0..items {
            let doc = doc_of((first + item) % items);
            if self.devices[at].store.item(collection, doc)?.is_none() {
                continue;
            }
            let here = self.here(at, collection, doc)?;
            if here.shown.conflicts.is_empty() {
                continue;
            }
            let clash = chance.one_of(&here.shown.conflicts);
            let others = clash.others.iter().map(|other| &other.value);
            let all: Vec<&String> = std::iter::once(&clash.shown).chain(others).collect();
            let edits = match step.what {
                What::KeepAll => clash.both(&here.shown.item),
                _ => Ok(vec![Edit::Set {
                    key: clash.key.clone(),
                    value: (*chance.one_of(&all)).clone(),
                }]),
            };
            let Ok(edits) = edits else {
                continue; // a value that there is only one of
            };
            let values: BTreeSet<String> = all.into_iter().cloned().collect();
            let of = |value: &str| (clash.key.clone(), value.to_owned());
            let author = self.author(at, Writer::Person, step.number);
            let heads = here.document.heads();
            let Some(change) = here.document.resolve(&heads, &edits, &author)? else {
                return Err(Failure(format!("a decision on {} is none", clash.key)));
            };
            let rid = key::split_override(&clash.key).0.map(str::to_owned);
            let write = Write {
                name: change.hash,
                within: [collection].into(),
                knew: here.knew,
                says: said(&edits),
                shown: BTreeMap::from([of(&clash.shown)]),
                beside: BTreeMap::from([(clash.key.clone(), values)]),
                gives: BTreeSet::from([None, rid]),
                ..Write::default()
            };
            let planned = Planned {
                collection,
                doc,
                change,
                write,
            };
            return self.keep(at, vec![planned], &[]);
        }
        Ok(false)
    }
}
