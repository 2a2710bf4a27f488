//! The cells: one item for each pair of operations, in both orders.

use pimesh_crdt::DocId;

use super::Operation;

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// A contact.
    Contacts,
    /// A weekly event, with an organizer.
    Events,
}

impl Theme {
    /// What can happen to it.
    pub fn operations(self) -> &'static [Operation] {
        match self {
            Self::Contacts => &Operation::OF_CONTACTS,
            Self::Events => &Operation::OF_EVENTS,
        }
    }

    /// What the table is called.
    pub fn title(self) -> &'static str {
        match self {
            Self::Contacts => "Contacts",
            Self::Events => "Events",
        }
    }

    /// The collection that items are imported into.
    pub(super) fn collection(self) -> &'static str {
        match self {
            Self::Contacts => "Contacts",
            Self::Events => "Calendar",
        }
    }

    pub(super) fn ending(self) -> &'static str {
        match self {
            Self::Contacts => "vcf",
            Self::Events => "ics",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Contacts => "vcard",
            Self::Events => "vevent",
        }
    }
}

/// One item, to which the laptop does one thing and the phone another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) theme: Theme,
    pub(super) laptop: Operation,
    pub(super) phone: Operation,
}

impl Cell {
    pub(super) fn all(theme: Theme) -> Vec<Self> {
        let all = theme.operations();
        let row = |laptop: &Operation| {
            let laptop = *laptop;
            let cell = move |phone: &Operation| Self {
                theme,
                laptop,
                phone: *phone,
            };
            all.iter().map(cell)
        };
        all.iter().flat_map(row).filter(Self::applies).collect()
    }

    /// An item begins in one collection, not in two.
    fn applies(&self) -> bool {
        !(self.laptop.begins() && self.phone.begins() && self.laptop != self.phone)
    }

    pub(super) fn uid(&self) -> String {
        format!("{}.{}", self.laptop.word(), self.phone.word())
    }

    /// The item, as commands take it.
    pub(super) fn doc(&self) -> String {
        self.doc_of(&self.uid())
    }

    pub(super) fn doc_of(&self, uid: &str) -> String {
        DocId::of(self.theme.kind(), uid).to_string()
    }

    pub(super) fn has(&self, what: impl Fn(Operation) -> bool) -> bool {
        what(self.laptop) || what(self.phone)
    }

    /// The item is not there before both are apart.
    pub(super) fn begins_apart(&self) -> bool {
        self.has(Operation::begins)
    }

    /// It came by mail first.
    pub(super) fn is_invited(&self) -> bool {
        use Operation::{Answer, Cancel, Reply, Update};
        self.theme == Theme::Events
            && !self.begins_apart()
            && self.has(|op| matches!(op, Answer | Reply | Update | Cancel))
    }

    /// Where it is imported.
    pub(super) fn collection(&self) -> &'static str {
        match self.has(|op| op == Operation::Unite) {
            true => "Apart",
            false => self.theme.collection(),
        }
    }
}
