//! Taking in: from mailboxes and files to bytes. The first step of the line; what the
//! bytes mean is the business of the next one.
//!
//! ```text
//!  imaps:// imap:// ─┐
//!  pop3s:// pop3:// ─┼─► Source ──RawMail──► read_mail ──Part──► the engine ──► normalise
//!  maildir: mbox: ───┘      ▲                                      ▲
//!                         Cursor (kept by the engine)              │
//!  import PATH... ────────────────────► files::walk ──FoundFile────┘
//! ```
//!
//! Invariants: a source is only ever read, never changed (no flag, no delete, no lock
//! file); everything read is bounded by named constants; a crash between two batches
//! repeats at most one batch.

mod base64;
mod cursor;
mod error;
pub mod files;
mod imap;
mod lines;
mod link;
mod maildir;
mod mbox;
pub mod mime;
mod pop3;
mod seen;
mod source;
#[cfg(test)]
mod tests_local;
#[cfg(test)]
mod tests_scripted;
#[cfg(test)]
#[cfg(unix)]
mod tests_server;
mod tls;
mod url;

use std::fmt;

pub use cursor::{BadCursor, Cursor};
pub use error::SourceError;
pub use mime::{Mail, Part, PartKind, read_mail};
pub use source::{Batch, RawMail, Secret, Source};
pub use url::{BadSourceUrl, Encryption, Folders, Server, SourceUrl};

/// One mail, or one file of contacts or calendars, may have this many bytes. Larger
/// ones are named and skipped; mail servers rarely take more than 50 MB.
pub const LARGEST_MAIL: u64 = 50 << 20;
/// A batch is full with this many mails …
pub const BATCH_MAILS: usize = 200;
/// … or with this many bytes, whichever comes first (one larger mail is a batch alone).
pub const BATCH_BYTES: u64 = 8 << 20;

/// Something that could not be taken in while everything beside it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What it is about: a file, a mail, a part of a mail.
    pub place: String,
    /// What is wrong, and where it helps, what to do.
    pub reason: String,
}

impl Problem {
    /// A problem with `place`, for `reason`.
    pub fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            place: place.into(),
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}
