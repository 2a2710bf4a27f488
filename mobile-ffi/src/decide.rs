//! What was changed differently on two devices, and deciding it, for apps.

use pimesh::api::{self, Reply, Request};

use crate::error::PimeshError;
use crate::node::Node;
use crate::records::{Conflict, ItemSummary};

/// Everything that waits for a decision.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Conflicts {
    /// Properties with more than one value.
    pub properties: Vec<ItemConflict>,
    /// Occurrences that devices made different things of.
    pub occurrences: Vec<OccurrenceConflict>,
}

/// A property in conflict, with its item.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct ItemConflict {
    /// The id of the item.
    pub item: String,
    /// What people call it.
    pub name: String,
    /// What is in conflict.
    pub conflict: Conflict,
}

/// Two things that devices made of one occurrence and that do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct OccurrenceConflict {
    /// The id of the item.
    pub item: String,
    /// What people call it.
    pub name: String,
    /// The collection's name.
    pub collection: String,
    /// The occurrence, as [`Node::decide_occurrence`] takes it.
    pub occurrence: String,
    /// `occurrence_gone`, `changed_and_called_off` or `two_of_one_occurrence`.
    pub reason: String,
    /// The same in words.
    pub words: String,
    /// The title of the occurrence, where it has one.
    pub title: Option<String>,
    /// When it begins, as in `ItemSummary`.
    pub start: Option<String>,
    /// The other version, of two.
    pub other: Option<String>,
    /// What can be decided.
    pub choices: Vec<OccurrenceChoice>,
}

/// What becomes of an occurrence in question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum OccurrenceChoice {
    /// It takes place as it says; of two, this one.
    Keep,
    /// It is moved to the occurrence that the series has on that day.
    Day,
    /// What it says becomes what the whole series says, but for its time.
    Series,
    /// It goes; of two, the other one stays.
    Delete,
}

/// What a property in conflict shall hold from now on.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Enum)]
pub enum Decision {
    /// One of the values, by its place: 1 is the shown one, then the others in their order.
    Keep {
        /// The place.
        number: u32,
    },
    /// All of them.
    Both,
    /// Another value, as plain text.
    Value {
        /// The text.
        text: String,
    },
    /// The lines of all of them, merged.
    Merge,
}

impl From<api::OccurrenceChoice> for OccurrenceChoice {
    fn from(choice: api::OccurrenceChoice) -> Self {
        match choice {
            api::OccurrenceChoice::Keep => Self::Keep,
            api::OccurrenceChoice::Day => Self::Day,
            api::OccurrenceChoice::Series => Self::Series,
            api::OccurrenceChoice::Delete => Self::Delete,
        }
    }
}

impl From<OccurrenceChoice> for api::OccurrenceChoice {
    fn from(choice: OccurrenceChoice) -> Self {
        match choice {
            OccurrenceChoice::Keep => Self::Keep,
            OccurrenceChoice::Day => Self::Day,
            OccurrenceChoice::Series => Self::Series,
            OccurrenceChoice::Delete => Self::Delete,
        }
    }
}

impl From<api::OccurrenceConflict> for OccurrenceConflict {
    fn from(one: api::OccurrenceConflict) -> Self {
        Self {
            item: one.item,
            name: one.name,
            collection: one.collection,
            occurrence: one.occurrence,
            reason: one.reason.word().to_owned(),
            words: one.words,
            title: one.title,
            start: one.start,
            other: one.other,
            choices: one.choices.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<api::Conflict> for ItemConflict {
    fn from(conflict: api::Conflict) -> Self {
        Self {
            item: conflict.item.clone(),
            name: conflict.name.clone(),
            conflict: conflict.into(),
        }
    }
}

impl From<Decision> for api::Decision {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Keep { number } => {
                let number = usize::try_from(number).unwrap_or(usize::MAX);
                Self::Keep(api::Choice::Number(number))
            }
            Decision::Both => Self::Both,
            Decision::Value { text } => Self::Value(api::Form::Plain(text)),
            Decision::Merge => Self::Merge,
        }
    }
}

#[uniffi::export]
impl Node {
    /// What was changed differently on two devices and is not decided.
    pub async fn conflicts(&self) -> Result<Conflicts, PimeshError> {
        match self.ask(Request::Conflicts).await? {
            Reply::Conflicts(all) => Ok(Conflicts {
                properties: all.conflicts.into_iter().map(Into::into).collect(),
                occurrences: all.occurrences.into_iter().map(Into::into).collect(),
            }),
            other => Err(PimeshError::unexpected(&other)),
        }
    }

    /// Decides a property of an item, by its name or its key. Gives the item afterwards.
    pub async fn decide(
        &self,
        item: String,
        property: String,
        decision: Decision,
    ) -> Result<ItemSummary, PimeshError> {
        self.resolve(item, property, decision.into()).await
    }

    /// Decides what becomes of an occurrence. Gives the item afterwards.
    pub async fn decide_occurrence(
        &self,
        item: String,
        occurrence: String,
        choice: OccurrenceChoice,
    ) -> Result<ItemSummary, PimeshError> {
        let by = api::Decision::Occurrence(choice.into());
        self.resolve(item, occurrence, by).await
    }
}

impl Node {
    async fn resolve(
        &self,
        item: String,
        property: String,
        by: api::Decision,
    ) -> Result<ItemSummary, PimeshError> {
        let request = Request::Resolve { item, property, by };
        match self.ask(request).await? {
            Reply::Resolved(resolved) => Ok(resolved.item.into()),
            other => Err(PimeshError::unexpected(&other)),
        }
    }
}
