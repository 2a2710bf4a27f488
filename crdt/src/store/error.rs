//! What can go wrong in the store, in words that lead to what to do.

use crate::doc::DocError;
use crate::id::{CollectionId, DocId};

/// Why the store could not do what was asked. Whatever it was, the transaction it happened
/// in left nothing behind.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is something else.
    #[error("the file is not a pimesh database")]
    NotADatabase,
    /// The file is damaged.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// A newer version of the program has written it.
    #[error(
        "the database has layout {found}, this program knows up to {known}: use a newer pimesh"
    )]
    Newer {
        /// The layout of the file.
        found: i64,
        /// The newest layout known here.
        known: i64,
    },
    /// The file, or its folder, may not be written.
    #[error("the database can not be written")]
    ReadOnly,
    /// No room left.
    #[error("the disk is full")]
    DiskFull,
    /// Another process holds it.
    #[error("another process is using the database")]
    InUse,
    /// The bytes are not a change that can be applied.
    #[error("a change of document {doc} can not be applied")]
    Change {
        /// Whose change it is.
        doc: DocId,
        /// What is wrong with it.
        source: DocError,
    },
    /// The change builds on changes that are not stored.
    #[error("a change of document {doc} builds on changes that are not here")]
    MissingDependency {
        /// Whose change it is.
        doc: DocId,
    },
    /// No such collection.
    #[error("no collection {0}")]
    NoCollection(CollectionId),
    /// No such source.
    #[error("no source of that name")]
    NoSource,
    /// A stored body could not be packed or unpacked.
    #[error("a stored body can not be read")]
    Body(#[source] std::io::Error),
    /// Anything else that SQLite says.
    #[error("database error")]
    Sqlite(#[source] rusqlite::Error),
}

impl StoreError {
    /// True when the file itself is unusable and a backup is needed.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::NotADatabase | Self::Corrupt(_) | Self::Body(_))
    }

    /// True when the same call can succeed later without any change to the file.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::DiskFull | Self::InUse | Self::ReadOnly)
    }

    /// True when the caller asked for something that is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NoCollection(_) | Self::NoSource)
    }

    /// True when the change was refused, not the store at fault.
    pub fn is_bad_change(&self) -> bool {
        matches!(self, Self::Change { .. } | Self::MissingDependency { .. })
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::NotADatabase) => Self::NotADatabase,
            Some(ErrorCode::DatabaseCorrupt) => Self::Corrupt(error.to_string()),
            Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => {
                Self::ReadOnly
            }
            Some(ErrorCode::DiskFull) => Self::DiskFull,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::InUse,
            _ => Self::Sqlite(error),
        }
    }
}
