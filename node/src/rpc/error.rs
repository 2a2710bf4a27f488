//! What goes wrong between a command and a running node.

use std::io;
use std::path::PathBuf;

use crate::api::{Failure, FailureKind};
use crate::home::HomeError;

/// Why a node cannot be asked, or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// The socket could not be made or used.
    #[error("cannot use the socket {}", path.display())]
    Socket {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The home itself is the trouble.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The folder for the socket could be someone else's trap.
    #[error("{} is not a private folder of this user", .0.display())]
    NotOurs(PathBuf),
    /// No folder is short enough to hold the socket.
    #[error("no path is short enough for the socket of {}", .0.display())]
    TooLong(PathBuf),
    /// Another user is at the other end.
    #[error("the other end of the socket belongs to user {0}")]
    Stranger(u32),
    /// The node accepts connections, or seems to, and says nothing.
    #[error("the running node does not answer")]
    Silent,
    /// The connection broke, or was closed before the answer.
    #[error("the connection to the running node ended before its answer")]
    Lost(#[source] io::Error),
    /// A line longer than any we send.
    #[error("a line over {limit} bytes")]
    TooLongLine {
        /// The bound.
        limit: usize,
    },
    /// A line that is not what we expect.
    #[error("an answer we do not understand (node version {version})")]
    Strange {
        /// What the node calls itself.
        version: String,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl From<RpcError> for Failure {
    fn from(error: RpcError) -> Self {
        let failure = Self::caused_by("cannot talk to the running node", &error);
        match error {
            RpcError::Home(error) => error.into(),
            RpcError::Silent => Self::new(FailureKind::Locked, error.to_string())
                .hint("look whether the other pimesh process is stopped or stuck"),
            RpcError::Lost(_) => failure.hint(
                "it may have been stopped; what was asked may or may not be done: look, then repeat",
            ),
            RpcError::Strange { .. } => {
                failure.hint("the node may be another version: restart it with this one")
            }
            RpcError::NotOurs(path) => {
                failure.hint(format!("look at it, then remove it: {}", path.display()))
            }
            RpcError::Socket { .. }
            | RpcError::TooLong(_)
            | RpcError::Stranger(_)
            | RpcError::TooLongLine { .. } => failure,
        }
    }
}
