//! Changes and what is derived from them, in one SQLite file.
//!
//! ```text
//!  doc ──change──► [Batch] ──┬─► change, log, version vector
//!  sync ──entries─► receive ─┘   and, once per touched document, its derived row
//!                                       │
//!        sync ◄── log_after, vectors ◄──┴──► lists, search, conflicts ──► people, DAV
//! ```
//!
//! Invariants:
//! - One transaction holds a change, its name, the version vector and the derived row; a
//!   name leaves this crate only after the commit is on the disk.
//! - A version vector never names a change that is not applied, and every change that is
//!   stored has at least one row in a log.
//! - A change is stored once per class (collections that are one), under however many names.
//! - Changes are never deleted.

mod absent;
mod batch;
mod blobs;
mod blocks;
mod changes;
mod check;
mod chunks;
mod collections;
mod error;
mod forks;
mod imports;
mod items;
mod life;
mod log;
mod losses;
mod members;
mod migrate;
mod names;
mod open;
mod operations;
mod pack;
mod past;
mod quarantine;
mod receive;
mod recent;
mod regain;
mod salvage;
mod settle;
mod sources;
mod standing;
mod sums;
#[cfg(test)]
mod tests;
mod tidy;
mod vectors;

pub use batch::{Added, Batch, Committed, Named};
pub use blobs::{MissingBlob, Piece};
pub use check::{Documents, Findings};
pub use collections::Collection;
pub use error::StoreError;
pub use forks::{Comparison, Retired};
pub use imports::ImportPlace;
pub use items::{Filter, Fingerprint, ItemRow, Life, Order, Page, ShortIds};
pub use log::LogPage;
pub use losses::{Compared, Loss};
pub use members::Device;
pub use open::Store;
pub use operations::{Made, Operation};
pub use past::Receipts;
pub use quarantine::Quarantined;
pub use receive::{Held, Received, Why};
pub use regain::{AnewPage, Regained};
pub use sources::{LastState, Source};
pub use sums::States;
pub use tidy::{Interrupter, Tidying};
