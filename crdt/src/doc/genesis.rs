//! The first change of an item, made from a text alone: the same bytes on every device.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::change::{Action, Form, Op, Value};
use super::columns::{Draft, write};
use super::sealed::{Entry, Operation, Sealed, Writes};
use super::{Parts, SCHEMA, short};
use crate::ChangeHash;
use crate::item::{Item, key};

/// A change ready to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewChange {
    /// Its name.
    pub hash: ChangeHash,
    /// Its bytes, not compressed.
    pub bytes: Vec<u8>,
    /// What the store needs of it.
    pub sealed: Box<Sealed>,
}

impl NewChange {
    /// Encodes a change, whose hash is not known yet.
    pub(super) fn of(mut parts: Parts) -> Self {
        let (hash, bytes) = write(parts.draft());
        parts.hash = hash;
        let sealed = Sealed::of(&parts);
        Self {
            hash,
            bytes,
            sealed,
        }
    }
}

/// The change that brings an item into being.
///
/// Its actor is a hash of exactly the keys and values that it writes; it has no deps and no
/// time. Two devices that read the same text make the same change.
pub fn genesis(item: &Item) -> NewChange {
    let mut all: Vec<Entry<'_>> = Vec::with_capacity(item.values.len() + 8);
    let live = Writes::Number(1);
    for rid in item.overrides() {
        all.push(entry(key::in_override(rid, key::LIVE), live));
    }
    all.push(entry("~v", Writes::Number(SCHEMA)));
    all.push(entry("~kind", Writes::Text(&item.kind)));
    all.push(entry("UID", Writes::Text(&item.uid)));
    all.push(entry(key::LIVE, live));
    let own = |at: &str| all.iter().any(|own| own.key == at);
    let mut values: Vec<Entry<'_>> = (item.values.iter())
        .filter(|(at, _)| !own(at))
        .map(|(at, value)| entry(at.as_str(), Writes::Text(value)))
        .collect();
    values.append(&mut all);
    from_entries(values)
}

fn entry<'a>(key: impl Into<Cow<'a, str>>, writes: Writes<'a>) -> Entry<'a> {
    let key = key.into();
    Entry { key, writes }
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
    let all = entries.iter().map(|(at, value)| {
        let writes = match value {
            Value::Text(text) => Writes::Text(text),
            Value::Number(number) => Writes::Number(*number),
        };
        entry(at.as_str(), writes)
    });
    from_entries(all.collect())
}

fn from_entries(mut entries: Vec<Entry<'_>>) -> NewChange {
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    let actor = actor(&entries);
    #[cfg(feature = "mutants")]
    if crate::mutants::is(crate::mutants::Mutant::RandomGenesis) {
        let time = i64::try_from(crate::mutants::next()).unwrap_or(1);
        return NewChange::of(Parts {
            time,
            form: Form::Flat,
            ..parts(&actor, &entries, ChangeHash([0; 32]))
        });
    }
    let (hash, bytes) = write(Draft::from_text(&actor, &entries));
    let sealed = Sealed::of_entries(&entries, &actor, hash, short::text_at_rest(&entries));
    NewChange {
        hash,
        bytes,
        sealed,
    }
}

/// A change made from a text, taken apart.
pub(super) fn parts(actor: &[u8], entries: &[Entry<'_>], hash: ChangeHash) -> Parts {
    let op = |entry: &Entry<'_>| Op {
        key: entry.key.clone().into_owned(),
        action: match entry.writes {
            Writes::Text(text) => Action::Put(Value::Text(text.to_owned())),
            Writes::Number(number) => Action::Put(Value::Number(number)),
            Writes::Nothing => Action::Delete,
        },
        pred: Vec::new(),
    };
    Parts {
        hash,
        deps: Vec::new(),
        actor: actor.into(),
        start: 1,
        time: 0,
        message: None,
        ops: entries.iter().map(op).collect(),
        form: Form::FromText,
    }
}

/// Hashing pieces of a few bytes costs more than copying them together first.
const AT_ONCE: usize = 4 << 10;

thread_local! {
    /// The room for that, used again.
    static WRITTEN: RefCell<Vec<u8>> = RefCell::default();
}

/// 16 bytes of a hash of exactly the keys and values that are written.
pub(super) fn actor<O: Operation>(ops: &[O]) -> [u8; 16] {
    static EMPTY: LazyLock<blake3::Hasher> =
        LazyLock::new(|| blake3::Hasher::new_derive_key("pimesh genesis v1"));
    let mut hasher = EMPTY.clone();
    WRITTEN.with_borrow_mut(|written| {
        written.clear();
        for op in ops {
            written.extend_from_slice(&(op.key().len() as u64).to_le_bytes());
            written.extend_from_slice(op.key().as_bytes());
            match op.writes() {
                Writes::Text(text) => {
                    written.push(b's');
                    written.extend_from_slice(&(text.len() as u64).to_le_bytes());
                    hash_beyond(AT_ONCE, &mut hasher, written);
                    if text.len() > AT_ONCE {
                        hash_beyond(0, &mut hasher, written);
                        hasher.update(text.as_bytes());
                    } else {
                        written.extend_from_slice(text.as_bytes());
                    }
                }
                Writes::Number(number) => {
                    written.push(b'i');
                    written.extend_from_slice(&number.to_le_bytes());
                }
                // no change made from a text alone deletes
                Writes::Nothing => written.push(b'd'),
            }
        }
        hash_beyond(0, &mut hasher, written);
    });
    let mut out = [0; 16];
    out.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    out
}

fn hash_beyond(length: usize, hasher: &mut blake3::Hasher, written: &mut Vec<u8>) {
    if written.len() > length {
        hasher.update(written);
        written.clear();
    }
}
