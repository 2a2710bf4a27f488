//! One contact, or one event or task with all its overrides: a flat map of registers.
//!
//! ```text
//!   normalise ──► [Item] ──► diff ──► doc ──► [Item] ──► render
//! ```
//!
//! A register is what two people can only change as a whole. Its key says what it is:
//! `FN`, `TEL#1f3a…`, `WHEN`, `ALARM#…`, `R/<recurrence id>/SUMMARY`. Its value is one text,
//! as written in the source ([`register`]). What only documents know (`~live`, `~v`) is
//! not in an item.

pub mod key;
pub mod names;
pub mod register;

use std::collections::BTreeMap;

use crate::{BlobHash, DocId, canon};

/// The kinds that people work with; every other component is kept under its own name.
pub mod kind {
    /// A contact.
    pub const VCARD: &str = "vcard";
    /// An event.
    pub const VEVENT: &str = "vevent";
    /// A task.
    pub const VTODO: &str = "vtodo";
    /// A journal entry.
    pub const VJOURNAL: &str = "vjournal";
    /// The names, unions and settings of the mesh.
    pub const MESH: &str = "mesh";
    /// What is known about one collection.
    pub const COLLECTION: &str = "collection";
}

/// One contact, event, task, or component of another kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Item {
    /// `vcard`, `vevent`, `vtodo` … ([`kind`]), or the component's own name in lower case.
    pub kind: String,
    /// The UID as written; derived from the content where the text has none.
    pub uid: String,
    /// The registers by key.
    pub values: BTreeMap<String, String>,
}

impl Item {
    /// An item without registers.
    pub fn new(kind: impl Into<String>, uid: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            uid: uid.into(),
            values: BTreeMap::new(),
        }
    }

    /// Its document, the same on every device.
    pub fn doc_id(&self) -> DocId {
        DocId::of(&self.kind, &canon::uid(&self.uid))
    }

    /// The register behind a key.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str)
    }

    /// The recurrence ids that have an override, in order, as they stand in keys.
    pub fn overrides(&self) -> Vec<&str> {
        let mut out: Vec<&str> = Vec::new();
        for (key, _) in self.values.range("R/".to_owned()..) {
            if !key.starts_with("R/") {
                break;
            }
            if let (Some(rid), _) = key::split_override(key)
                && out.last() != Some(&rid)
            {
                out.push(rid);
            }
        }
        out.dedup();
        out
    }

    /// The registers of the item itself (no `rid`), or of one override, without their prefix.
    pub fn component<'a>(
        &'a self,
        rid: Option<&'a str>,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let prefix = key::prefix(rid);
        self.values
            .range(prefix.clone()..)
            .take_while(move |(key, _)| key.starts_with(&prefix))
            .map(|(key, value)| (key::split_override(key), value.as_str()))
            .filter(move |((of, _), _)| *of == rid)
            .map(|((_, rest), value)| (rest, value))
    }

    /// True where the item itself was written, and not only overrides of it.
    pub fn has_master(&self) -> bool {
        self.component(None)
            .any(|(key, _)| !key.starts_with("CAL/"))
    }

    /// The blobs that its registers name.
    pub fn blobs(&self) -> Vec<BlobHash> {
        self.values
            .values()
            .flat_map(|value| register::blobs(value))
            .collect()
    }
}

/// Bytes kept outside the documents, that the registers of an item name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// BLAKE3 of the bytes.
    pub hash: BlobHash,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl Blob {
    /// Names the bytes.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self {
            hash: BlobHash::of(&bytes),
            bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_overrides_of_an_item_are_found_by_their_keys() {
        let mut item = Item::new(kind::VEVENT, "u");
        item.values.insert("SUMMARY".into(), ":a".into());
        item.values.insert(
            key::in_override(":20250101T100000Z", "SUMMARY"),
            ":b".into(),
        );
        item.values
            .insert(key::in_override(":20250101T100000Z", "WHEN"), "x".into());
        assert_eq!(item.overrides(), [":20250101T100000Z"]);
        assert_eq!(item.component(Some(":20250101T100000Z")).count(), 2);
        assert_eq!(
            item.component(None).collect::<Vec<_>>(),
            [("SUMMARY", ":a")]
        );
    }
}
