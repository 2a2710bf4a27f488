//! Flat copies of what the engine takes and gives, in types that every language has.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use pimesh::api::{self, Form, Moment, Request, RunOptions};

use crate::agenda::{AgendaEntry, TimeFlag};

/// Which kinds of item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum ItemKind {
    /// People and groups.
    Contacts,
    /// Events.
    Events,
    /// Tasks.
    Tasks,
    /// Everything.
    All,
}

impl From<ItemKind> for api::Kind {
    fn from(kind: ItemKind) -> Self {
        match kind {
            ItemKind::Contacts => Self::Contacts,
            ItemKind::Events => Self::Events,
            ItemKind::Tasks => Self::Tasks,
            ItemKind::All => Self::All,
        }
    }
}

/// Which items to list.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Filter {
    /// Only of this kind.
    pub kind: ItemKind,
    /// Only of the collection with this name.
    #[uniffi(default = None)]
    pub collection: Option<String>,
    /// Only what happens on or after this day (`2026-11-22`).
    #[uniffi(default = None)]
    pub from_day: Option<String>,
    /// Only what happens on or before this day.
    #[uniffi(default = None)]
    pub to_day: Option<String>,
    /// At most so many.
    #[uniffi(default = None)]
    pub limit: Option<u32>,
}

impl From<Filter> for Request {
    fn from(filter: Filter) -> Self {
        Self::List {
            collection: filter.collection,
            kind: filter.kind.into(),
            from: filter.from_day,
            to: filter.to_day,
            limit: filter.limit.map(|limit| limit as usize),
        }
    }
}

/// How a node takes part in the mesh.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct StartOptions {
    /// Where to listen, as multiaddresses; none: QUIC and TCP on every address, any port.
    #[uniffi(default = [])]
    pub listen: Vec<String>,
    /// Find paired devices in the local network by multicast DNS.
    #[uniffi(default = true)]
    pub discover: bool,
    /// Read the mailboxes and folders that this device knows, when their time has come.
    #[uniffi(default = true)]
    pub poll_sources: bool,
}

impl From<StartOptions> for RunOptions {
    fn from(options: StartOptions) -> Self {
        Self {
            listen: options.listen,
            discovery: match options.discover {
                true => api::Discovery::Mdns,
                false => api::Discovery::KnownAddresses,
            },
            polling: match options.poll_sources {
                true => api::Polling::Sources,
                false => api::Polling::Off,
            },
            ..Self::default()
        }
    }
}

/// One item in a list.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct ItemSummary {
    /// Its short id, for further questions.
    pub id: String,
    /// Its document id, the same on every device, in hexadecimal.
    pub doc: String,
    /// The collection's name.
    pub collection: String,
    /// `contact`, `event`, `task`, or the component's own name.
    pub kind: String,
    /// Its UID as written.
    pub uid: String,
    /// What people call it.
    pub name: String,
    /// When it begins: `2026-11-22`, `2026-11-22T10:00:00`, with `Z`, or with `[Europe/Berlin]`.
    pub start: Option<String>,
    /// When it ends, or is due, in the same form.
    pub end: Option<String>,
    /// It repeats.
    pub recurring: bool,
    /// It was called off.
    pub cancelled: bool,
    /// How many of its properties have more than one value to choose from.
    pub conflicts: u64,
    /// The ids of the other items that are linked with it as one person.
    pub linked: Vec<String>,
}

impl From<api::ItemSummary> for ItemSummary {
    fn from(summary: api::ItemSummary) -> Self {
        let api::ItemSummary {
            id,
            doc,
            collection,
            kind,
            uid,
            name,
            start,
            end,
            recurring,
            cancelled,
            conflicts,
            linked,
        } = summary;
        Self {
            id,
            doc,
            collection,
            kind,
            uid,
            name,
            start,
            end,
            recurring,
            cancelled,
            conflicts,
            linked,
        }
    }
}

impl From<ItemSummary> for api::ItemSummary {
    fn from(summary: ItemSummary) -> Self {
        let ItemSummary {
            id,
            doc,
            collection,
            kind,
            uid,
            name,
            start,
            end,
            recurring,
            cancelled,
            conflicts,
            linked,
        } = summary;
        Self {
            id,
            doc,
            collection,
            kind,
            uid,
            name,
            start,
            end,
            recurring,
            cancelled,
            conflicts,
            linked,
        }
    }
}

/// The items that fit.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Items {
    /// At most as many as asked for.
    pub items: Vec<ItemSummary>,
    /// How many fit in all.
    pub total: u64,
}

impl From<api::Items> for Items {
    fn from(items: api::Items) -> Self {
        Self {
            items: items.items.into_iter().map(Into::into).collect(),
            total: items.total,
        }
    }
}

/// One property of an item.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Property {
    /// Its key in the document.
    pub key: String,
    /// Its name in the vCard or iCalendar text.
    pub name: String,
    /// The occurrence it belongs to, where it is not the whole series.
    pub occurrence: Option<String>,
    /// Its parameters as written, without the leading `;`.
    pub params: String,
    /// Its value as written.
    pub value: String,
    /// The ids of the items that say so: more than one only of a linked person.
    pub items: Vec<String>,
}

impl From<api::Property> for Property {
    fn from(property: api::Property) -> Self {
        let api::Property {
            key,
            name,
            occurrence,
            params,
            value,
            items,
        } = property;
        Self {
            key,
            name,
            occurrence,
            params,
            value,
            items,
        }
    }
}

/// One value of a property in conflict.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Version {
    /// The value as written, with its parameters.
    pub value: String,
    /// Who wrote it, where known.
    pub by: Option<String>,
    /// When, by the writer's clock, where known.
    pub at: Option<SystemTime>,
}

impl From<api::Version> for Version {
    fn from(version: api::Version) -> Self {
        Self {
            value: version.value,
            by: version.by,
            at: version.at.map(time),
        }
    }
}

/// A property with more than one value to choose from.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Conflict {
    /// The property's key in the document.
    pub key: String,
    /// The property's name.
    pub property: String,
    /// The value every device shows.
    pub shown: Version,
    /// The values kept beside it.
    pub others: Vec<Version>,
}

impl From<api::Conflict> for Conflict {
    fn from(conflict: api::Conflict) -> Self {
        Self {
            key: conflict.key,
            property: conflict.property,
            shown: conflict.shown.into(),
            others: conflict.others.into_iter().map(Into::into).collect(),
        }
    }
}

/// One item with all that it says.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Item {
    /// What a list shows of it.
    pub summary: ItemSummary,
    /// The other items that are linked with it as one person.
    pub linked: Vec<ItemSummary>,
    /// Everything it says, or the person says in all their items.
    pub properties: Vec<Property>,
    /// Where two devices said different things.
    pub conflicts: Vec<Conflict>,
    /// When it next takes place, within ten years.
    pub next: Option<AgendaEntry>,
    /// What to know about its times.
    pub flags: Vec<TimeFlag>,
    /// The item as a vCard or iCalendar text.
    pub text: String,
}

impl From<api::Item> for Item {
    fn from(item: api::Item) -> Self {
        Self {
            summary: item.summary.into(),
            linked: item.linked.into_iter().map(Into::into).collect(),
            properties: item.properties.into_iter().map(Into::into).collect(),
            conflicts: item.conflicts.into_iter().map(Into::into).collect(),
            next: item.next.map(|next| (*next).into()),
            flags: item.flags.into_iter().map(Into::into).collect(),
            text: item.text,
        }
    }
}

/// One change of one property. Values are plain text; what a format needs escaped is escaped.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Patch {
    /// The property has this value and no other.
    Set {
        /// Its name, in capitals.
        name: String,
        /// Its new value.
        value: String,
    },
    /// One more value of a property that can have several.
    Add {
        /// Its name, in capitals.
        name: String,
        /// The further value.
        value: String,
    },
    /// One value, or all of them.
    Remove {
        /// Its name, in capitals.
        name: String,
        /// The value to remove; none: all values of that name.
        value: Option<String>,
    },
}

impl From<Patch> for api::Patch {
    fn from(patch: Patch) -> Self {
        match patch {
            Patch::Set { name, value } => Self::Set {
                name,
                value: Form::Plain(value),
            },
            Patch::Add { name, value } => Self::Add {
                name,
                value: Form::Plain(value),
            },
            Patch::Remove { name, value } => Self::Remove { name, value },
        }
    }
}

/// A moment as every language has it.
pub(crate) fn time(moment: Moment) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(moment.0.0)
}
