//! Replies about items: contacts, events and tasks, and what is in conflict about them.

use serde::{Deserialize, Serialize};

use super::moment::Moment;
use super::times::{AgendaEntry, OccurrenceConflict, TimeFlag};

/// One item in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemSummary {
    /// Its short id, for commands.
    pub id: String,
    /// Its document id, the same on every device, in hexadecimal.
    pub doc: String,
    /// The collection's name.
    pub collection: String,
    /// `contact`, `event`, `task`, or the component's own name.
    pub kind: String,
    /// Its UID as written.
    pub uid: String,
    /// What people call it: the contact's name, the event's title.
    pub name: String,
    /// When it begins: `2026-11-22` (all day), `2026-11-22T10:00:00` (local wherever one
    /// is), `2026-11-22T10:00:00Z`, or `2026-11-22T10:00:00[Europe/Berlin]`.
    pub start: Option<String>,
    /// When it ends, or is due, in the same form.
    pub end: Option<String>,
    /// It repeats.
    pub recurring: bool,
    /// It was called off.
    pub cancelled: bool,
    /// How many of its properties have more than one value to choose from.
    pub conflicts: u64,
    /// The short ids of the other items that are linked with it as one person.
    pub linked: Vec<String>,
}

/// Reply to `list` and `search`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Items {
    /// Those that fit, at most as many as asked for.
    pub items: Vec<ItemSummary>,
    /// How many fit in all.
    pub total: u64,
}

/// Reply to `show`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What a list shows of it.
    pub summary: ItemSummary,
    /// The other items that are linked with it as one person.
    pub linked: Vec<ItemSummary>,
    /// Everything it says, or the person says in all their items.
    pub properties: Vec<Property>,
    /// Where two devices said different things.
    pub conflicts: Vec<Conflict>,
    /// Where they made different things of one occurrence.
    pub occurrences: Vec<OccurrenceConflict>,
    /// When it next takes place; none for contacts, and where it does not any more.
    pub next: Option<Box<AgendaEntry>>,
    /// What to know about its times.
    pub flags: Vec<TimeFlag>,
    /// This item alone as a vCard or iCalendar text.
    pub text: String,
}

/// One property of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Property {
    /// Its key in the document.
    pub key: String,
    /// Its name in the vCard or iCalendar text.
    pub name: String,
    /// The occurrence it belongs to (a RECURRENCE-ID), where it is not the whole series.
    pub occurrence: Option<String>,
    /// Its parameters as written, without the leading `;`.
    pub params: String,
    /// Its value as written.
    pub value: String,
    /// The short ids of the items that say so: more than one only of a linked person.
    pub items: Vec<String>,
}

/// A property with more than one value to choose from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflict {
    /// The short id of the item.
    pub item: String,
    /// What people call the item.
    pub name: String,
    /// The collection's name.
    pub collection: String,
    /// The property's key in the document.
    pub key: String,
    /// The property's name.
    pub property: String,
    /// The value every device shows.
    pub shown: Version,
    /// The values kept beside it.
    pub others: Vec<Version>,
}

/// One value of a property in conflict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Names it in commands: the beginning of the name of its change.
    pub id: String,
    /// The value as written, with its parameters.
    pub value: String,
    /// Who wrote it: `phone (cli)`; nothing where it was read from a text.
    pub by: Option<String>,
    /// The devices it came from: where it was written, or where the text was taken in.
    pub devices: Vec<String>,
    /// The program or sources it came from, where known.
    pub source: Option<String>,
    /// When, by the writer's clock, where known.
    pub at: Option<Moment>,
}

/// Reply to `conflicts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conflicts {
    /// All of them, by item.
    pub conflicts: Vec<Conflict>,
    /// Occurrences in question, by item.
    pub occurrences: Vec<OccurrenceConflict>,
}

/// Reply to `edit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    /// The item afterwards.
    pub item: ItemSummary,
    /// The names of the properties that changed; none when it already was so.
    pub properties: Vec<String>,
    /// The short ids of the items that were written: of a linked person, those that held the
    /// values.
    pub items: Vec<String>,
}

/// Reply to `delete`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// The items as they were.
    pub items: Vec<ItemSummary>,
}
