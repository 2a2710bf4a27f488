//! The same person in several items: who may be, and linking them.

use serde::{Deserialize, Serialize};

use super::item::ItemSummary;

/// What can be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum People {
    /// Who may be one person. Answered by `Reply::Duplicates`.
    Duplicates,
    /// Makes contacts one person. Answered by `Reply::Linked`.
    Link {
        /// Which; the first gives the name.
        items: Vec<String>,
    },
    /// Makes each of these contacts stand alone again: all of them, or none when one is not
    /// linked. Answered by `Reply::Unlinked`.
    Unlink {
        /// Which.
        items: Vec<String>,
    },
}

/// Reply to `duplicates`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicates {
    /// Who may be one person, by name. Nothing is done about it.
    pub people: Vec<Duplicate>,
}

/// Items that may be one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duplicate {
    /// The name that all have.
    pub name: String,
    /// The items.
    pub items: Vec<ItemSummary>,
    /// What more than one of them says, besides the name.
    pub because: Vec<Reason>,
}

/// An address or number that several items have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    /// `EMAIL` or `TEL`.
    pub property: String,
    /// The value, as the first of them writes it.
    pub value: String,
    /// The short ids of the items that have it.
    pub items: Vec<String>,
}

/// Reply to `link`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linked {
    /// All items of the person, the one that gives the name first.
    pub items: Vec<ItemSummary>,
    /// False when they were one person already.
    pub changed: bool,
}

/// Reply to `unlink`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlinked {
    /// The items that stand alone again, as they were before they were linked.
    pub items: Vec<ItemSummary>,
    /// The items that were linked with them.
    pub others: Vec<ItemSummary>,
}
