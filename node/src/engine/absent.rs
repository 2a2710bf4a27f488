//! What a text does not mention: was it removed there, was it never shown, or does the program
//! that wrote the text now not know it?
//!
//! Invariant: absence removes only what its writer has been seen to show. A program that names
//! itself has shown what its last text had; of one that does not, a text of several items shows
//! the properties that any of them has. A text that another program wrote than the one before
//! has shown nothing yet. What is kept because of that counts as never shown, until
//! the file shows it.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use pimesh_crdt::BlobHash;
use pimesh_crdt::diff::Edit;
use pimesh_crdt::item::{Item, key, names, register};
use pimesh_crdt::normalise::Text;
use pimesh_crdt::store::Store;

/// What became of the properties that a text does not mention any more, by their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lost {
    /// Removed: whoever wrote the text shows such properties.
    pub(super) removed: BTreeSet<String>,
    /// Kept: whoever wrote it has not been seen to show them.
    pub(super) held: BTreeSet<String>,
}

/// The properties that a text shows anywhere. Looked for when something is missing.
#[derive(Debug)]
pub(super) struct Shows {
    text: Arc<Text>,
    names: OnceLock<BTreeSet<String>>,
}

impl Shows {
    pub(super) fn of(text: Arc<Text>) -> Self {
        Self {
            text,
            names: OnceLock::new(),
        }
    }

    fn names(&self) -> &BTreeSet<String> {
        self.names.get_or_init(|| {
            let items = self.text.items().filter_map(Result::ok);
            let keys = items.flat_map(|parsed| parsed.item.values.into_keys());
            keys.map(|at| name(&at)).collect()
        })
    }

    /// Parts the edits of an item into those to make and the removals that are held back. No
    /// edit is left where a person would see none of them.
    pub(super) fn lost(
        &self,
        before: &Item,
        now: &Item,
        edits: Vec<Edit>,
    ) -> (Lost, Vec<Edit>, Vec<Edit>) {
        let (wrote, writes) = (writer(before), writer(now));
        let is_other = wrote != writes;
        let may_be_other = writes.is_none() && self.text.len() > 1;
        let mut lost = Lost::default();
        let (held, mut edits): (Vec<_>, Vec<_>) = edits.into_iter().partition(|edit| {
            let Edit::Clear { key: at } = edit else {
                return false;
            };
            let name = name(at);
            if names::is_book_keeping(&name) || name.starts_with('~') {
                return false;
            }
            let shown = names::written(&name).to_owned();
            let is_unseen = || !is_of_times(&name) && !self.names().contains(&name);
            let is_held = is_other || (may_be_other && is_unseen());
            if is_held {
                lost.held.insert(shown);
            } else if !has(now, at) {
                lost.removed.insert(shown);
            }
            is_held
        });
        if edits.iter().all(is_book_keeping) {
            edits.clear();
        }
        (lost, held, edits)
    }
}

/// What says when something takes place: every program shows it.
fn is_of_times(name: &str) -> bool {
    matches!(name, "EXDATE" | "RDATE" | "EXRULE" | "RRULE")
}

/// The name of a key's property, in whichever occurrence.
fn name(at: &str) -> String {
    key::name(key::split_override(at).1).to_owned()
}

/// Whether the same component still has such a property: then its value has changed.
fn has(item: &Item, at: &str) -> bool {
    let (rid, rest) = key::split_override(at);
    let mut others = item.component(rid);
    others.any(|(other, _)| key::name(other) == key::name(rest))
}

/// The program that wrote a card, whatever its version.
fn writer(item: &Item) -> Option<String> {
    let stored = item.value("PRODID")?;
    let letters = stored.chars().filter(char::is_ascii_alphabetic);
    Some(letters.collect::<String>().to_ascii_lowercase())
}

fn is_book_keeping(edit: &Edit) -> bool {
    match edit {
        Edit::Set { key, .. } | Edit::Clear { key } => names::is_book_keeping(&name(key)),
        Edit::Delete { .. } | Edit::Revive { .. } => false,
    }
}

/// A photo or attachment that has not arrived here was not in the text that was shown: that it
/// is not in the text that comes back says nothing.
pub(super) fn keep_what_was_not_shown(store: &Store, before: &Item, after: &mut Item) {
    let is_missing = |hash: &BlobHash| !store.has_blob(*hash).unwrap_or(false);
    for (at, stored) in &before.values {
        let (rid, _) = key::split_override(at);
        let is_there =
            rid.is_none() || after.values.keys().any(|k| key::split_override(k).0 == rid);
        if is_there
            && !after.values.contains_key(at)
            && register::blobs(stored).iter().any(is_missing)
        {
            after.values.insert(at.clone(), stored.clone());
        }
    }
}
