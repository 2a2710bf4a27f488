//! Taking care of a device: backups, and looking after its health.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::moment::Moment;
use crate::secrets::Secret;

/// What can be asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Care {
    /// Writes a backup. Answered by `Reply::BackedUp`.
    Backup {
        /// Where to, absolute; nothing may be there.
        path: PathBuf,
        /// What opens it again.
        passphrase: Secret,
    },
    /// Looks whether everything is as it should be. Answered by `Reply::Doctor`.
    Doctor {
        /// Whether to mend what can be mended.
        repair: Repair,
    },
}

/// Whether to mend what can be mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repair {
    /// Only look.
    No,
    /// Derive again what is derived, and ask peers for what is missing.
    Yes,
}

/// Reply to `backup`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackedUp {
    /// The file.
    pub path: String,
    /// How long it is.
    pub bytes: u64,
    /// The device's name.
    pub name: String,
    /// The device's id.
    pub device: String,
    /// The moment whose state it holds.
    pub at: Moment,
    /// The items in it.
    pub items: u64,
    /// The changes in it, history included.
    pub changes: u64,
}

/// Reply to `doctor`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Nothing is wrong, or everything that was is mended.
    pub healthy: bool,
    /// What was looked at, in this order.
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// `database`, `log`, `changes`, `rows`, `blobs`, `clock`, `files`.
    pub name: String,
    /// How much was looked at.
    pub looked_at: u64,
    /// How much of it is not as it should be, and was not mended.
    pub wrong: u64,
    /// How much was mended.
    pub mended: u64,
    /// What was found, in words: at most 20 sentences.
    pub findings: Vec<String>,
    /// What to do about it, where something is wrong.
    pub hint: Option<String>,
}
