//! Replies about what came in and went out: imports, exports, sources.

use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::failure::Failure;
use super::moment::Moment;
use super::times::FlaggedItem;

/// What became of the components of a text. They add up:
/// `begun = added + changed + restored + same + overrides + refused`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Contacts, events, tasks and other components of the outermost kind that began.
    pub begun: u64,
    /// New here.
    pub added: u64,
    /// Here already, and something differed.
    pub changed: u64,
    /// Deleted earlier, and alive again because of this import.
    pub restored: u64,
    /// Here already, and nothing differed.
    pub same: u64,
    /// Occurrences that differ from their series: part of another item.
    pub overrides: u64,
    /// Not taken in.
    pub refused: u64,
}

impl Counts {
    /// Everything that began is accounted for.
    pub fn add_up(&self) -> bool {
        self.begun
            == self.added + self.changed + self.restored + self.same + self.overrides + self.refused
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.begun += other.begun;
        self.added += other.added;
        self.changed += other.changed;
        self.restored += other.restored;
        self.same += other.same;
        self.overrides += other.overrides;
        self.refused += other.refused;
    }
}

/// Reply to `import`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ImportReport {
    /// Nothing was written.
    pub dry_run: bool,
    /// The files that were read.
    pub files: Vec<ImportedFile>,
    /// The files that were not read.
    pub skipped: Vec<SkippedFile>,
    /// The sum over all files.
    pub totals: Counts,
    /// How long it took.
    pub seconds: f64,
}

/// One file that was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ImportedFile {
    /// Its path as the person wrote it, or below the folder they named.
    pub path: String,
    /// The names of the collections its items went to.
    pub collections: Vec<String>,
    /// What became of its components.
    pub counts: Counts,
    /// What was not taken in, and why.
    pub refused: Vec<Refused>,
    /// What was taken in, and has something to know about its times; at most the first 1000.
    pub flagged: Vec<FlaggedItem>,
    /// What it said when it was imported before and does not say now; at most the first 1000.
    pub lost: Vec<LostItem>,
    /// How long it took.
    pub seconds: f64,
}

/// An item of which a file that is imported again says less.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostItem {
    /// Its short id.
    pub item: String,
    /// Its name.
    pub name: String,
    /// The properties that were removed.
    pub removed: Vec<String>,
    /// The properties that were kept, as the program that wrote the file may not know them.
    pub held: Vec<String>,
}

/// A component that was not taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The line its BEGIN is on, from 1.
    pub line: u64,
    /// Its name: `VEVENT`.
    pub component: String,
    /// Why.
    pub reason: String,
}

/// A file that was not read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkippedFile {
    /// Its path as the person wrote it, or below the folder they named.
    pub path: String,
    /// Why.
    pub reason: String,
    /// It should have been readable (exit code 3), and is not merely another kind of file.
    pub problem: bool,
}

/// Reply to `export`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exported {
    /// The collection's name.
    pub collection: String,
    /// Where to: a file, a folder, or `-`.
    pub path: String,
    /// How many items are there now.
    pub items: u64,
    /// How many bytes of text.
    pub bytes: u64,
    /// Files of a folder that were removed, because their items are gone.
    pub removed: u64,
    /// Files of a folder that were left as they are (exit code 3).
    pub kept: u64,
    /// Which, and why; at most the first 1000.
    pub held: Vec<HeldFile>,
    /// Items that were written without a photo or attachment that is not here yet (exit code 3).
    pub incomplete: u64,
    /// Their names; at most the first 1000.
    pub without_attachments: Vec<String>,
    /// What was written, and has something to know about its times; at most the first 1000.
    pub flagged: Vec<FlaggedItem>,
}

/// A file that an export left as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldFile {
    /// Its name in the folder.
    pub file: String,
    /// Why.
    pub reason: String,
}

/// A source, as remembered. Passwords are never part of a reply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceInfo {
    /// Its name.
    pub name: String,
    /// Where it is, without a password.
    pub url: String,
    /// The collection everything goes to; none: by kind.
    pub into: Option<String>,
    /// How its password is had: `stored`, `command`, or `none`.
    pub password: String,
    /// It may be read without encryption or with an unproven certificate.
    pub insecure: bool,
    /// When it was last read to the end.
    pub last_sync: Option<Moment>,
    /// Why the last try failed, if it did.
    pub last_failure: Option<String>,
    /// Items that came from it.
    pub items: u64,
}

/// Reply to `source list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sources {
    /// All of them, by name.
    pub sources: Vec<SourceInfo>,
}

/// Reply to `source add`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceAdded {
    /// As remembered.
    pub source: SourceInfo,
}

/// Reply to `source remove`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRemoved {
    /// Its name.
    pub name: String,
    /// Items that stay.
    pub kept: u64,
    /// Items deleted.
    pub removed: u64,
}

/// Reply to `source sync`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SyncReport {
    /// One per source.
    pub sources: Vec<SourceReport>,
}

/// What one source brought.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceReport {
    /// The source's name.
    pub name: String,
    /// Mails (or files) looked at.
    pub mails: u64,
    /// Invitations, updates, answers and cancellations in them.
    pub invitations: u64,
    /// vCards in them.
    pub cards: u64,
    /// Items new here.
    pub added: u64,
    /// Items that changed.
    pub changed: u64,
    /// Items that were here already, unchanged.
    pub same: u64,
    /// What was not taken in, and why.
    pub refused: Vec<RefusedMail>,
    /// Changes made; 0 when everything was known.
    pub changes: u64,
    /// How long it took.
    pub seconds: f64,
    /// Why it could not be read, if so.
    pub failure: Option<Failure>,
}

/// A mail (or file) with something that was not taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedMail {
    /// Which: its Message-ID, else its place in the mailbox.
    pub mail: String,
    /// Why.
    pub reason: String,
}
