//! Deciding what was changed differently on two devices.

use serde::{Deserialize, Serialize};

use super::item::{ItemSummary, Version};
use super::request::Form;
use super::times::OccurrenceChoice;

/// What a property in conflict shall hold from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// One of the values.
    Keep(Choice),
    /// All of them: as elements of a property that can have several, or one below the other
    /// in a note.
    Both,
    /// Another value.
    Value(Form),
    /// The lines of all of them, merged against the value they had in common before.
    Merge,
    /// What becomes of an occurrence in question.
    Occurrence(OccurrenceChoice),
}

/// Which of the values in conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    /// The one that is shown.
    This,
    /// The other one, where there is only one other.
    That,
    /// By its place in the list, from 1, which is the shown one.
    Number(usize),
    /// By its id or a beginning of it.
    Id(String),
}

/// Reply to `conflicts resolve`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resolved {
    /// The item afterwards.
    pub item: ItemSummary,
    /// The property's key in the document.
    pub key: String,
    /// The property's name.
    pub property: String,
    /// The values it has now, as written: more than one where both were kept.
    pub values: Vec<String>,
    /// The values there were to choose from. They stay in the item's history.
    pub superseded: Vec<Version>,
}
