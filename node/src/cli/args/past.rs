//! Words about the past: what was, and bringing it back.

use clap::{Args, Subcommand};

use crate::api::Moment;
use crate::cli::words::moment;

/// Show everything that was changed in a contact, event or task
///
/// Who changed what, on which device, with what, when, and what it was before.
///
/// Example: pimesh log 7kq2
///          pimesh log 7kq2 TEL
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Log {
    /// Its id; deleted items have one too (see `pimesh trash`)
    pub(crate) item: String,
    /// Only this property, such as TEL
    pub(crate) property: Option<String>,
}

/// Show what was deleted, and bring it back
///
/// Example: pimesh trash
///          pimesh trash restore 7kq2
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Trash {
    /// Without it, deleted items are listed.
    #[command(subcommand)]
    pub(crate) by: Option<TrashBy>,
}

/// What to do with deleted items.
#[derive(Debug, Subcommand)]
pub(crate) enum TrashBy {
    /// Bring deleted items back, on all devices, as they were
    Restore {
        /// Their ids, as `pimesh trash` shows them
        #[arg(required = true, value_name = "ITEM")]
        items: Vec<String>,
    },
}

/// Take back what a command did on this device
///
/// What was changed again since stays as it is, and is named. Undo goes to your other devices
/// like any change, and can itself be undone.
///
/// Example: pimesh undo              (the last command that changed something)
///          pimesh undo --list       (what was done here, with numbers)
///          pimesh undo 12
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Undo {
    /// Which one, by its number [default: the last that was not undone]
    #[arg(value_name = "OPERATION")]
    pub(crate) operation: Option<i64>,
    /// Show what was done on this device
    #[arg(long, conflicts_with_all = ["operation", "dry_run", "yes"])]
    pub(crate) list: bool,
    /// Only say what would happen
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask whether you are sure
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Bring back what an item, or all of an address book or calendar, was at an earlier time
///
/// The time is that of this device: what it showed then. What came in since stays, unless you
/// say --delete-newer. It goes to your other devices like any change, and can be undone.
///
/// Example: pimesh restore 7kq2 --at "2026-11-20 18:00"
///          pimesh restore Contacts --at yesterday --dry-run
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Restore {
    /// An item's id, or the name of an address book or calendar
    pub(crate) target: String,
    /// When: 2026-11-20, "2026-11-20 18:00", 2026-11-20T17:00:00Z, today, yesterday
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub(crate) at: Moment,
    /// Also delete what was not there yet
    #[arg(long)]
    pub(crate) delete_newer: bool,
    /// Only say what would happen
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Do not ask whether you are sure
    #[arg(long)]
    pub(crate) yes: bool,
}
