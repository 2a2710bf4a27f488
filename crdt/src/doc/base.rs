//! What a writer showed of an item when it was last read: what its next text is compared with.
//!
//! ```text
//!  a file, read again ──Item──► [Base] ──► diff ──► edit on the heads of the base
//! ```
//!
//! Invariant: the item of a base says exactly what that writer's last text said, so that what
//! is absent from the next one was removed there; what it never showed is not in it.

use std::collections::BTreeSet;

use super::{DocError, Document};
use crate::ChangeHash;
use crate::canon;
use crate::diff::{Absence, Edit, diff};
use crate::item::{Item, key};

/// How much of a change's hash names it among the changes of one document, in bytes.
const PART: usize = 8;

/// A version of a document, less what one writer did not show of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base {
    heads: Vec<ChangeHash>,
    /// Keys, and `R/<recurrence id>/` for whole overrides.
    hidden: BTreeSet<String>,
}

impl Base {
    /// What a text says whose own change is this one, be it a first one or an edit.
    pub fn of_change(change: ChangeHash) -> Self {
        Self {
            heads: vec![change],
            hidden: BTreeSet::new(),
        }
    }

    /// What a text says that says nothing but what the document shows, though perhaps less.
    pub fn of_extract(document: &Document, text: &Item) -> Self {
        let shown = document.view().shown().item;
        let hidden = diff(&shown, text, Absence::Deletes)
            .into_iter()
            .filter_map(removed)
            .collect();
        Self {
            heads: document.heads(),
            hidden,
        }
    }

    /// The same writer's base after a change that its next text has become.
    pub fn moved_on(self, change: ChangeHash) -> Self {
        Self {
            heads: vec![change],
            hidden: self.hidden,
        }
    }

    /// The same, but for what these edits would remove: the writer does not show it.
    #[must_use]
    pub fn hiding(mut self, removals: &[Edit]) -> Self {
        self.hidden
            .extend(removals.iter().cloned().filter_map(removed));
        self
    }

    /// The version that an edit of this writer builds on.
    pub fn heads(&self) -> &[ChangeHash] {
        &self.heads
    }

    /// The item as this writer knows it, and what it does not show. What `text` shows now for
    /// the first time, though the document had it, counts as shown.
    pub fn against(&mut self, document: &Document, text: &Item) -> Result<Item, DocError> {
        let mut item = document.view_at(&self.heads)?.shown().item;
        self.hidden.retain(|at| !is_shown(at, item.value(at), text));
        for at in &self.hidden {
            if at.ends_with('/') {
                item.values.retain(|key, _| !key.starts_with(at.as_str()));
            } else {
                item.values.remove(at);
            }
        }
        Ok(item)
    }

    /// Its bytes, for the store: count, the first bytes of the heads' hashes, what is hidden.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = vec![u8::try_from(self.heads.len()).unwrap_or(0)];
        for head in self.heads.iter().take(usize::from(out[0])) {
            out.extend_from_slice(&head.0[..PART]);
        }
        let hidden: Vec<&str> = self.hidden.iter().map(String::as_str).collect();
        out.extend_from_slice(hidden.join("\n").as_bytes());
        out
    }

    /// Reads what [`Base::to_bytes`] wrote. Nothing where the document has no such version:
    /// then the writer is seen for the first time.
    pub fn from_bytes(bytes: &[u8], document: &Document) -> Option<Self> {
        let (count, rest) = bytes.split_first()?;
        let (heads, hidden) = rest.split_at_checked(usize::from(*count) * PART)?;
        let heads = heads
            .chunks_exact(PART)
            .map(|part| document.named(part))
            .collect::<Option<Vec<_>>>()?;
        let hidden = std::str::from_utf8(hidden).ok()?;
        let hidden = hidden.split('\n').filter(|at| !at.is_empty());
        (!heads.is_empty()).then(|| Self {
            heads,
            hidden: hidden.map(str::to_owned).collect(),
        })
    }
}

fn removed(edit: Edit) -> Option<String> {
    match edit {
        Edit::Clear { key } => Some(key),
        Edit::Delete { rid } => rid.map(|rid| key::prefix(Some(&rid))),
        Edit::Set { .. } | Edit::Revive { .. } => None,
    }
}

/// Whether a text shows what its writer did not show before: the override, the single
/// property, the element of the same value under whichever key.
fn is_shown(at: &str, value: Option<&str>, text: &Item) -> bool {
    let (rid, rest) = key::split_override(at);
    if rest.is_empty() {
        return text.component(rid).next().is_some();
    }
    let (family, name) = (key::family(rest), key::name(rest));
    text.component(rid).any(|(other, says)| {
        other == rest
            || (key::family(other) == family
                && value.is_some_and(|value| canon::same(name, value, says)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doc::genesis;

    #[test]
    fn a_base_is_read_as_it_was_written_and_damaged_bytes_are_none() {
        let mut item = Item::new("vcard", "1");
        item.values.insert("NAME".into(), "FN:Ann".into());
        item.values.insert("NOTE".into(), ":n".into());
        let document = Document::load([&genesis(&item).bytes[..]]).unwrap();
        item.values.remove("NOTE");
        let base = Base::of_extract(&document, &item);
        let bytes = base.to_bytes();
        assert_eq!(Base::from_bytes(&bytes, &document), Some(base));
        for end in 0..=PART {
            assert_eq!(Base::from_bytes(&bytes[..end], &document), None);
        }
        assert_eq!(Base::from_bytes(&[0], &document), None);
        assert_eq!(Base::from_bytes(&[255; 64], &document), None);
        assert_eq!(Base::from_bytes(&bytes, &Document::default()), None);
    }
}
