//! What takes place when, and what to know about times, as flat records.

use pimesh::api::{self, Request};

use crate::records::ItemKind;

/// Which days to look at.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Days {
    /// The first day (`2026-11-22`).
    pub from_day: String,
    /// The last day.
    pub to_day: String,
    /// Only of this kind; contacts do not take place.
    pub kind: ItemKind,
    /// Only of the collection with this name.
    #[uniffi(default = None)]
    pub collection: Option<String>,
    /// The zone of the one who looks (`Europe/Berlin`); none: that of the device.
    #[uniffi(default = None)]
    pub zone: Option<String>,
    /// At most so many.
    #[uniffi(default = None)]
    pub limit: Option<u32>,
}

impl From<Days> for Request {
    fn from(days: Days) -> Self {
        Self::Agenda {
            collection: days.collection,
            kind: days.kind.into(),
            from: days.from_day,
            to: days.to_day,
            zone: days.zone,
            limit: days.limit.map(|limit| limit as usize),
        }
    }
}

/// What takes place in some days.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Agenda {
    /// The zone that days and times are shown in.
    pub zone: String,
    /// In the order of their starts, at most as many as asked for.
    pub occurrences: Vec<AgendaEntry>,
    /// How many there are in all, or were found before it was enough.
    pub total: u64,
    /// There are more than were found.
    pub cut: bool,
    /// Items that are shown with a reservation, or not at all.
    pub flagged: Vec<FlaggedItem>,
}

impl From<api::Agenda> for Agenda {
    fn from(agenda: api::Agenda) -> Self {
        Self {
            zone: agenda.zone,
            occurrences: agenda.occurrences.into_iter().map(Into::into).collect(),
            total: agenda.total,
            cut: agenda.cut,
            flagged: agenda.flagged.into_iter().map(Into::into).collect(),
        }
    }
}

/// One time that something takes place.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct AgendaEntry {
    /// The item's short id.
    pub id: String,
    /// The item's document id, in hexadecimal.
    pub doc: String,
    /// The collection's name.
    pub collection: String,
    /// `event` or `task`.
    pub kind: String,
    /// What people call this occurrence.
    pub name: String,
    /// When it begins: `2026-11-22`, `2026-11-22T10:00:00`, or with an offset.
    pub start: String,
    /// When it ends, in the same form; of whole days the day after the last.
    pub end: String,
    /// Its own zone as written; none for days and local times.
    pub zone: Option<String>,
    /// It is one of several.
    pub recurring: bool,
    /// It differs from its series: the RECURRENCE-ID of what says so.
    pub occurrence: Option<String>,
    /// It was called off.
    pub cancelled: bool,
    /// Whether it takes place is in question.
    pub in_question: bool,
}

impl From<api::AgendaEntry> for AgendaEntry {
    fn from(entry: api::AgendaEntry) -> Self {
        let api::AgendaEntry {
            id,
            doc,
            collection,
            kind,
            name,
            start,
            end,
            zone,
            recurring,
            occurrence,
            cancelled,
            in_question,
        } = entry;
        Self {
            id,
            doc,
            collection,
            kind,
            name,
            start,
            end,
            zone,
            recurring,
            occurrence,
            cancelled,
            in_question,
        }
    }
}

/// An item with something to know about its times.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct FlaggedItem {
    /// Its short id.
    pub item: String,
    /// What people call it.
    pub name: String,
    /// What to know.
    pub flags: Vec<TimeFlag>,
}

impl From<api::FlaggedItem> for FlaggedItem {
    fn from(flagged: api::FlaggedItem) -> Self {
        Self {
            item: flagged.item,
            name: flagged.name,
            flags: flagged.flags.into_iter().map(Into::into).collect(),
        }
    }
}

/// Something a person should know about the times of an item.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct TimeFlag {
    /// What it is, as `docs/cli.md` lists it: `unknown_zone`.
    pub reason: String,
    /// The occurrence it is about, where it is about one.
    pub occurrence: Option<String>,
    /// The same in words, in English.
    pub words: String,
}

impl From<api::TimeFlag> for TimeFlag {
    fn from(flag: api::TimeFlag) -> Self {
        Self {
            reason: flag.reason.word().to_owned(),
            occurrence: flag.occurrence,
            words: flag.words,
        }
    }
}
