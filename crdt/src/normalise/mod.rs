//! Text into items.
//!
//! ```text
//!   bytes ──text──► lines, components ──► [normalise] ──Item, blobs──► diff or genesis
//! ```
//!
//! Invariants: values stay as written; what is not understood is kept; a component that
//! cannot be kept is refused with its line and the reason, and the rest goes on; items are
//! made one at a time, so a text of any size needs little more memory than itself.

mod builder;
mod calendar;
mod card;
mod error;
mod modern;
mod plan;
#[cfg(test)]
pub(crate) mod tests;
mod zones;

pub(crate) use builder::encode_base64;
pub use builder::{LARGEST_ITEM, LONGEST_UID};
pub use error::{Problem, TextError};
pub use plan::Counts;

use crate::item::{Blob, Item};
use crate::text::lines::{LONGEST_TEXT, Lines};
use crate::text::tree::Tree;
use plan::Plan;

/// A text that was read, ready to give its items.
#[derive(Debug)]
pub struct Text {
    lines: Lines,
    tree: Tree,
    plan: Plan,
}

/// One item of a text.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The item.
    pub item: Item,
    /// The bytes its registers name.
    pub blobs: Vec<Blob>,
    /// Where its first component begins, from 1.
    pub line: u32,
    /// Whether its UID was derived from what it says, for it has none.
    pub is_unnamed: bool,
    /// What was mended on the way; everything of it was kept.
    pub problems: Vec<Problem>,
}

impl Text {
    /// Reads a text: finds its components and how they belong together.
    pub fn read(bytes: &[u8]) -> Result<Self, TextError> {
        if bytes.len() > LONGEST_TEXT {
            return Err(TextError::TooLong {
                bytes: bytes.len(),
                limit: LONGEST_TEXT,
            });
        }
        let lines = Lines::read(bytes);
        let tree = Tree::read(&lines);
        let plan = Plan::of(&lines, &tree);
        Ok(Self { lines, tree, plan })
    }

    /// How many items it may give; each can still be refused when it is made.
    pub fn len(&self) -> usize {
        self.plan.groups.len()
    }

    /// True where it holds no item.
    pub fn is_empty(&self) -> bool {
        self.plan.groups.is_empty()
    }

    /// What was counted and refused while reading, before any item was made.
    pub fn counts(&self) -> &Counts {
        &self.plan.counts
    }

    /// The METHOD of its first calendar (RFC 5546), in upper case.
    pub fn method(&self) -> Option<String> {
        self.plan.method.clone()
    }

    /// Makes the item at `index`, from 0; refuses it whole with the reason.
    pub fn item(&self, index: usize) -> Result<Parsed, Problem> {
        let group = &self.plan.groups[index];
        if group.kind == crate::item::kind::VCARD {
            card::item(self, group)
        } else {
            calendar::item(self, group)
        }
    }

    /// How many components the item at `index` was begun with: itself and its overrides.
    pub fn components_of(&self, index: usize) -> usize {
        self.plan.groups[index].nodes.len()
    }

    /// All items and refusals, one at a time.
    pub fn items(&self) -> impl Iterator<Item = Result<Parsed, Problem>> {
        (0..self.len()).map(|index| self.item(index))
    }
}
