//! The first change of an item, made from a text alone: the same bytes on every device.

use std::collections::BTreeMap;

use super::SCHEMA;
use super::change::{Action, Op, Value, encode};
use crate::ChangeHash;
use crate::item::{Item, key};

/// A change ready to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChange {
    /// Its name.
    pub hash: ChangeHash,
    /// Its bytes, not compressed.
    pub bytes: Vec<u8>,
}

/// The change that brings an item into being.
///
/// Its actor is a hash of exactly the keys and values that it writes; it has no deps and no
/// time. Two devices that read the same text make the same change.
pub fn genesis(item: &Item) -> NewChange {
    let mut entries = entries(item);
    entries.insert(key::LIVE.into(), Value::Number(1));
    for rid in item.overrides() {
        entries.insert(key::in_override(rid, key::LIVE), Value::Number(1));
    }
    message(entries)
}

/// What an item writes, without any life.
pub(crate) fn entries(item: &Item) -> BTreeMap<String, Value> {
    let mut entries: BTreeMap<String, Value> = item
        .values
        .iter()
        .map(|(k, v)| (k.clone(), Value::Text(v.clone())))
        .collect();
    entries.insert("~v".into(), Value::Number(SCHEMA));
    entries.insert("~kind".into(), Value::Text(item.kind.clone()));
    entries.insert("UID".into(), Value::Text(item.uid.clone()));
    entries
}

/// A change that writes exactly these entries and knows of no other.
pub fn message(entries: BTreeMap<String, Value>) -> NewChange {
    let mut hasher = blake3::Hasher::new_derive_key("pimesh genesis v1");
    for (key, value) in &entries {
        hasher.update(&(key.len() as u64).to_le_bytes());
        hasher.update(key.as_bytes());
        match value {
            Value::Text(text) => {
                hasher.update(b"s");
                hasher.update(&(text.len() as u64).to_le_bytes());
                hasher.update(text.as_bytes());
            }
            Value::Number(number) => {
                hasher.update(b"i");
                hasher.update(&number.to_le_bytes());
            }
        }
    }
    let digest = hasher.finalize();
    let ops = entries
        .into_iter()
        .map(|(key, value)| Op {
            key,
            action: Action::Put(value),
            pred: Vec::new(),
        })
        .collect();
    let (hash, bytes) = encode(&digest.as_bytes()[..16], 1, 0, None, &[], ops);
    NewChange { hash, bytes }
}
