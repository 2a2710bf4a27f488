//! What goes wrong in the engine, and how it is told to a person.

use pimesh_crdt::doc::DocError;
use pimesh_crdt::store::StoreError;
use pimesh_transports::mesh::MeshError;
use pimesh_transports::pair::PairError;

use crate::api::{Failure, FailureKind};
use crate::home::HomeError;
use crate::secrets::SecretError;

/// Why the engine could not do something.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The database.
    #[error("the store")]
    Store(#[from] StoreError),
    /// A document that is stored cannot be read.
    #[error("a stored document cannot be read")]
    Document(#[from] DocError),
    /// The home.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// A password.
    #[error("the password")]
    Secret(#[from] SecretError),
    /// The network.
    #[error("the network")]
    Mesh(#[from] MeshError),
    /// Pairing.
    #[error("pairing failed")]
    Pair(#[from] PairError),
    /// The operating system gave no thread.
    #[error("no thread for the store")]
    Thread(#[source] std::io::Error),
    /// A file.
    #[error("cannot use {}", path.display())]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The store's thread has ended.
    #[error("the store is closed")]
    Gone,
    /// Something that a person asked for in a way that does not work.
    #[error(transparent)]
    Told(#[from] Failure),
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Told(failure) => failure,
            EngineError::Home(error) => error.into(),
            EngineError::Store(error) if error.is_damage() => {
                Self::caused_by("the database of this home is damaged", &error)
                    .hint("keep the folder as it is; paired devices still hold the data")
            }
            EngineError::Store(error) if error.is_not_found() => Self::new(
                FailureKind::NotFound,
                Self::caused_by("not found", &error).message,
            ),
            error => {
                let mut message = error.to_string();
                let mut source = std::error::Error::source(&error);
                while let Some(cause) = source {
                    message.push_str(": ");
                    message.push_str(&cause.to_string());
                    source = cause.source();
                }
                Self::failed(message)
            }
        }
    }
}
