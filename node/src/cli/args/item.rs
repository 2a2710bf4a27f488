//! Words about items: contacts, events and tasks.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::words::{day, patch};

/// Read contacts and calendars from files and folders
///
/// Reads .vcf and .ics files, saved mails (.eml, mbox, Maildir), and folders of all
/// these. What is here already is not doubled: you may import the same file as often as
/// you like, on every device. Tells what was added, changed, the same, and what was
/// refused and why.
///
/// Example: pimesh import contacts.vcf calendar.ics ~/backup/cards
///          curl -s https://example.org/holidays.ics | pimesh import - --into Holidays
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Import {
    /// Files and folders, - for standard input
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Put everything into this address book or calendar [default: by kind, or by the
    /// folder's name]
    #[arg(long, value_name = "COLLECTION")]
    pub(crate) into: Option<String>,
    /// Only say what would happen
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Write an address book or calendar as standard files
///
/// To a .vcf or .ics file, or to a folder with one file per item.
///
/// Example: pimesh export Contacts contacts.vcf
///          pimesh export Calendar backup/
///          pimesh export Contacts - | less
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Export {
    /// Which address book or calendar (see `pimesh collections`)
    pub(crate) collection: String,
    /// A .vcf or .ics file, a folder, or - for standard output
    pub(crate) path: PathBuf,
    /// Replace a file that is there without asking
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Show your contacts, events and tasks, or what takes place in some days
///
/// With --from or --to: every time that an event or task takes place, in order, on the clock
/// here. What repeats is shown each time; what was moved, where it is now.
///
/// Example: pimesh list Contacts
///          pimesh list Calendar --from today --to 2026-12-31
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct List {
    /// Only of this address book or calendar
    #[arg(value_name = "COLLECTION")]
    pub(crate) place: Option<String>,
    /// The same
    #[arg(long, value_name = "COLLECTION", conflicts_with = "place")]
    pub(crate) collection: Option<String>,
    /// Only items of this kind
    #[arg(long, value_enum, default_value_t = KindWord::All)]
    pub(crate) kind: KindWord,
    /// What takes place from this day on (2026-11-22, today, tomorrow, yesterday) [default:
    /// today]
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) from: Option<String>,
    /// Until the end of this day [default: a year on]
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub(crate) to: Option<String>,
    /// On the clock of this time zone, such as Europe/Berlin [default: here]
    #[arg(long, value_name = "ZONE")]
    pub(crate) zone: Option<String>,
    /// At most so many
    #[arg(long, value_name = "NUMBER")]
    pub(crate) limit: Option<usize>,
}

/// A kind of item, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindWord {
    /// People and groups
    Contacts,
    /// Events
    Events,
    /// Tasks
    Tasks,
    /// Everything
    All,
}

/// Show one contact, event or task with everything it says
#[derive(Debug, Args)]
pub(crate) struct Show {
    /// Its id, as `list` and `search` show it
    pub(crate) item: String,
    /// Print it as a vCard or iCalendar text
    #[arg(long)]
    pub(crate) raw: bool,
}

/// Find contacts, events and tasks that contain these words
///
/// Example: pimesh search ann berlin
#[derive(Debug, Args)]
pub(crate) struct Search {
    /// The words; all of them must occur
    #[arg(required = true)]
    pub(crate) text: Vec<String>,
    /// At most so many
    #[arg(long, value_name = "NUMBER")]
    pub(crate) limit: Option<usize>,
}

/// Change a contact, event or task
///
/// NAME is the property's name in vCard or iCalendar, such as TEL, EMAIL, NOTE, SUMMARY,
/// LOCATION. Several changes in one command are one change. Parameters are written as in
/// a file, with a colon before the value.
///
/// Example: pimesh edit 7kq2 --set NOTE="Met in Lyon" --add TEL="+49 30 1234567"
///          pimesh edit 7kq2 --add "TEL;TYPE=work:+49 30 7654321" --remove EMAIL
///          pimesh show 7kq2 --raw > card.vcf; nano card.vcf; pimesh edit 7kq2 --file card.vcf
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Edit {
    /// Its id, as `list` and `search` show it
    pub(crate) item: String,
    /// Give a property this value
    #[arg(long, value_name = "NAME=VALUE", value_parser = patch::set)]
    pub(crate) set: Vec<patch::Typed>,
    /// Add one more value
    #[arg(long, value_name = "NAME=VALUE", value_parser = patch::set)]
    pub(crate) add: Vec<patch::Typed>,
    /// Remove one value, or all values of a property
    #[arg(long, value_name = "NAME[=VALUE]", value_parser = patch::remove)]
    pub(crate) remove: Vec<patch::Removed>,
    /// Take the whole item from this vCard or iCalendar file, - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["set", "add", "remove"])]
    pub(crate) file: Option<PathBuf>,
}

/// Delete contacts, events or tasks, on all devices
///
/// If someone changes one of them on another device at the same time, it stays.
#[derive(Debug, Args)]
pub(crate) struct Delete {
    /// Their ids, as `list` and `search` show them
    #[arg(required = true, value_name = "ITEM")]
    pub(crate) items: Vec<String>,
    /// Do not ask whether you are sure
    #[arg(long)]
    pub(crate) yes: bool,
}
