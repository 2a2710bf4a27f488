//! The past: what was changed by whom, what was deleted, and bringing back what was.

use serde::{Deserialize, Serialize};

use super::item::ItemSummary;
use super::moment::Moment;
use super::request::Write;

/// What can be asked of the past.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Past {
    /// Everything that was changed in an item. Answered by `Reply::Log`.
    Log {
        /// Which; it may be deleted.
        item: String,
        /// Only this property.
        property: Option<String>,
    },
    /// The deleted items. Answered by `Reply::Trash`.
    Trash,
    /// Brings deleted items back: all of them, or none when one is not found. Answered by
    /// `Reply::Revived`.
    Revive {
        /// Which.
        items: Vec<String>,
    },
    /// What was done on this device. Answered by `Reply::Operations`.
    Operations {
        /// No more than so many, the newest first.
        limit: usize,
    },
    /// Takes back what a command did. Answered by `Reply::Undone`.
    Undo {
        /// Which; none: the last one that was not undone.
        operation: Option<i64>,
        /// Whether to write.
        write: Write,
    },
    /// Brings back what an item or all of a collection showed. Answered by `Reply::Restored`.
    Restore {
        /// The name of a collection, or an item.
        target: String,
        /// When it showed that, on this device.
        at: Moment,
        /// What happens to items that were not there then.
        newer: Newer,
        /// Whether to write.
        write: Write,
    },
}

/// What happens to items that are newer than the state that is brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Newer {
    /// They stay.
    Keep,
    /// They are deleted.
    Delete,
}

/// Reply to `log`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemLog {
    /// The item as it is now.
    pub item: ItemSummary,
    /// It is deleted.
    pub deleted: bool,
    /// What was changed, in the order in which this device heard of it.
    pub changes: Vec<LoggedChange>,
}

/// One change of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoggedChange {
    /// Its short name, the same on every device.
    pub id: String,
    /// When, by the writer's clock; nothing for what was read from a text.
    pub at: Option<Moment>,
    /// The devices it came from: where it was written, or where the text was taken in.
    pub devices: Vec<String>,
    /// The program or sources it came from, where known.
    pub source: Option<String>,
    /// It was read from a text (a file, a mail): it has no writer.
    pub from_text: bool,
    /// What it brought to life or ended.
    pub lives: Vec<LifeChange>,
    /// What it wrote.
    pub properties: Vec<PropertyChange>,
}

/// An item or one of its occurrences, created, deleted or restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LifeChange {
    /// Which occurrence; none: the item itself.
    pub occurrence: Option<String>,
    /// `created`, `deleted` or `restored`.
    pub life: String,
}

/// One property before and after a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PropertyChange {
    /// Its key in the document.
    pub key: String,
    /// Its name.
    pub property: String,
    /// The occurrence it belongs to, where it is not the whole series.
    pub occurrence: Option<String>,
    /// What its writer replaced, as written.
    pub old: Option<String>,
    /// What it holds from then on, as written.
    pub new: Option<String>,
}

/// Reply to `trash`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trash {
    /// The deleted items, the last deleted first.
    pub items: Vec<TrashedItem>,
}

/// A deleted item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrashedItem {
    /// The item as it was.
    pub item: ItemSummary,
    /// When it was deleted, by that device's clock; nothing where its organizer cancelled it.
    pub at: Option<Moment>,
    /// Where it was deleted.
    pub device: Option<String>,
    /// With what.
    pub source: Option<String>,
}

/// Reply to `trash restore`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revived {
    /// The items as they are again.
    pub items: Vec<ItemSummary>,
}

/// Reply to `undo --list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operations {
    /// The newest first.
    pub operations: Vec<OperationInfo>,
}

/// A command that a person gave on this device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperationInfo {
    /// Names it in commands, on this device.
    pub number: i64,
    /// When it was given.
    pub at: Moment,
    /// `edit`, `delete`, `import`, `resolve`, `undo` …
    pub kind: String,
    /// What it was done to.
    pub what: String,
    /// How many changes it made.
    pub changes: u64,
    /// It was taken back.
    pub undone: bool,
}

/// Reply to `undo`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undone {
    /// Nothing was written.
    pub dry_run: bool,
    /// What was taken back.
    pub operation: OperationInfo,
    /// The number of the undo itself: it can be undone too. None where nothing was written.
    pub undo: Option<i64>,
    /// How many items changed.
    pub changed: u64,
    /// How many items hold something newer, which was kept.
    pub kept: u64,
    /// The items, at most 1000 of them.
    pub items: Vec<TakenBack>,
}

/// Reply to `restore`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// Nothing was written.
    pub dry_run: bool,
    /// The collection or item.
    pub target: String,
    /// The moment whose state was brought back.
    pub at: Moment,
    /// The number of the operation: it can be undone. None where nothing was written.
    pub operation: Option<i64>,
    /// How many items changed.
    pub changed: u64,
    /// How many items were as they had been.
    pub same: u64,
    /// How many items were not there then and were left as they are.
    pub newer: u64,
    /// The items that changed, at most 1000 of them.
    pub items: Vec<TakenBack>,
}

/// What was put back in one item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TakenBack {
    /// The item afterwards.
    pub item: ItemSummary,
    /// `deleted` or `restored`, where its life changed.
    pub life: Option<String>,
    /// The names of the properties that hold again what they held before.
    pub properties: Vec<String>,
    /// The names of the properties that somebody has changed since: they were left alone.
    pub kept: Vec<String>,
}
