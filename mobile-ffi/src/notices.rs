//! What a device has to tell its person, for apps to show until it is acknowledged.

use std::time::SystemTime;

use pimesh::api::{self, Reply, Request};

use crate::error::PimeshError;
use crate::node::Node;
use crate::records::time;

/// Something that happened to this device and that its person must know.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Notice {
    /// When it was noticed.
    pub at: SystemTime,
    /// `copied`, `set_back` or `gone`.
    pub kind: String,
    /// The life of this device that began with it.
    pub incarnation: u32,
    /// What happened, what was done, and what to do.
    pub message: String,
}

impl From<api::Notice> for Notice {
    fn from(notice: api::Notice) -> Self {
        Self {
            at: time(notice.at),
            kind: notice.kind,
            incarnation: notice.incarnation,
            message: notice.message,
        }
    }
}

#[uniffi::export]
impl Node {
    /// What was not acknowledged yet, the oldest first.
    pub async fn notices(&self) -> Result<Vec<Notice>, PimeshError> {
        match self.ask(Request::Status).await? {
            Reply::Status(status) => Ok(status.notices.into_iter().map(Into::into).collect()),
            other => Err(PimeshError::unexpected(&other)),
        }
    }

    /// The person knows: none of them is told again.
    pub async fn acknowledge(&self) -> Result<(), PimeshError> {
        match self.ask(Request::Acknowledge).await? {
            Reply::Status(_) => Ok(()),
            other => Err(PimeshError::unexpected(&other)),
        }
    }
}
