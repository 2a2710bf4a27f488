//! The same person in several items: proposals, linking and unlinking, for apps.

use pimesh::api::{self, Reply, Request};

use crate::error::PimeshError;
use crate::node::Node;
use crate::records::ItemSummary;

/// Items that may be one person.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Duplicate {
    /// The name that all have.
    pub name: String,
    /// The items.
    pub items: Vec<ItemSummary>,
    /// What more than one of them says, besides the name.
    pub because: Vec<Reason>,
}

/// An address or number that several items have.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Reason {
    /// `EMAIL` or `TEL`.
    pub property: String,
    /// The value, as the first of them writes it.
    pub value: String,
    /// The ids of the items that have it.
    pub items: Vec<String>,
}

impl From<api::Duplicate> for Duplicate {
    fn from(duplicate: api::Duplicate) -> Self {
        let because = duplicate.because.into_iter().map(|reason| Reason {
            property: reason.property,
            value: reason.value,
            items: reason.items,
        });
        Self {
            name: duplicate.name,
            items: duplicate.items.into_iter().map(Into::into).collect(),
            because: because.collect(),
        }
    }
}

#[uniffi::export]
impl Node {
    /// Who may be one person in several items, and why. Nothing is done about it.
    pub async fn duplicates(&self) -> Result<Vec<Duplicate>, PimeshError> {
        let request = Request::People(api::People::Duplicates);
        match self.ask(request).await? {
            Reply::Duplicates(found) => Ok(found.people.into_iter().map(Into::into).collect()),
            other => Err(PimeshError::unexpected(&other)),
        }
    }

    /// Makes contacts one person; the first gives the name. Gives all items of the person.
    /// The items themselves are not changed.
    pub async fn link(&self, ids: Vec<String>) -> Result<Vec<ItemSummary>, PimeshError> {
        let request = Request::People(api::People::Link { items: ids });
        match self.ask(request).await? {
            Reply::Linked(linked) => Ok(linked.items.into_iter().map(Into::into).collect()),
            other => Err(PimeshError::unexpected(&other)),
        }
    }

    /// Makes each of these contacts stand alone again.
    pub async fn unlink(&self, ids: Vec<String>) -> Result<Vec<ItemSummary>, PimeshError> {
        let request = Request::People(api::People::Unlink { items: ids });
        match self.ask(request).await? {
            Reply::Unlinked(done) => Ok(done.items.into_iter().map(Into::into).collect()),
            other => Err(PimeshError::unexpected(&other)),
        }
    }
}
