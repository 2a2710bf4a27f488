//! What can be asked: one variant per command.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::care::Care;
use super::decide::Decision;
use super::member::Member;
use super::past::Past;
use super::people::People;
use crate::secrets::Credential;

/// One command. Paths are absolute: the node's working directory is not the caller's.
/// `item` is a short id, a beginning of one that fits only one item, or the whole
/// document id; `collection`, `device` and `source` are names, or ids where two share a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "cmd", rename_all = "snake_case")]
pub enum Request {
    /// Is everything everywhere? Answered by `Reply::Status`.
    Status,
    /// The person knows what `Status` has told of this device. Answered by `Reply::Status`.
    Acknowledge,
    /// The devices of the mesh. Answered by `Reply::Devices`.
    Devices,
    /// Renames or removes a device.
    Member(Member),
    /// Shows a code and waits until another device has typed it (or it expires). Sends
    /// `Event::PairOffer` at once; answered by `Reply::Paired`.
    PairOffer,
    /// Types a code that another device shows. Sends `Event::PairPlan`; answered by `Reply::Paired`.
    PairJoin {
        /// The code as typed, or the text of the QR code.
        code: String,
        /// Where the other device is, as multiaddresses; none: look in the local network.
        addresses: Vec<String>,
        /// Whether to go on at once after `Event::PairPlan`.
        agreement: Agreement,
    },
    /// The person's word on `Event::PairPlan`. Answered by `Reply::PairDecided`.
    PairDecide {
        /// Whether to pair.
        agrees: bool,
    },
    /// Waits until the devices have confirmed everything. Answered by `Reply::Waited`.
    Wait {
        /// Only this device; none: all of them.
        device: Option<String>,
        /// Gives up after so many seconds; none: never.
        timeout_seconds: Option<u64>,
    },
    /// Everything that happens, as events, until the caller goes away. Never replied to;
    /// answered by the socket, which forwards `Service::events`, not by the engine.
    Watch,
    /// The address books and calendars. Answered by `Reply::Collections`.
    Collections,
    /// Takes in files and folders. Answered by `Reply::Imported`.
    Import {
        /// What to read.
        paths: Vec<ImportPath>,
        /// The collection to put everything into; none: by kind and by the file's name.
        into: Option<String>,
        /// Whether to write.
        write: Write,
    },
    /// Writes a collection as standard files. Answered by `Reply::Exported`.
    Export {
        /// Which collection.
        collection: String,
        /// Where to.
        to: ExportTo,
    },
    /// Remembers a mailbox or folder to take in from. Answered by `Reply::SourceAdded`.
    SourceAdd(NewSource),
    /// The sources. Answered by `Reply::Sources`.
    SourceList,
    /// Forgets a source and its password. Answered by `Reply::SourceRemoved`.
    SourceRemove {
        /// Which.
        name: String,
        /// What happens to what came from it.
        items: Leaving,
    },
    /// Takes in what is new. Answered by `Reply::Synced`.
    SourceSync {
        /// Which; none: all of them.
        name: Option<String>,
    },
    /// Items. Answered by `Reply::Items`.
    List {
        /// Only of this collection.
        collection: Option<String>,
        /// Only of this kind.
        kind: Kind,
        /// Only what happens on or after this day (`2026-11-22`).
        from: Option<String>,
        /// Only what happens on or before this day.
        to: Option<String>,
        /// At most so many.
        limit: Option<usize>,
    },
    /// What takes place in some days. Answered by `Reply::Agenda`.
    Agenda {
        /// Only of this collection.
        collection: Option<String>,
        /// Only of this kind.
        kind: Kind,
        /// The first day (`2026-11-22`).
        from: String,
        /// The last day.
        to: String,
        /// The zone of the one who looks: an IANA name; none: that of the device.
        zone: Option<String>,
        /// At most so many.
        limit: Option<usize>,
    },
    /// One item with all its properties. Answered by `Reply::Item`.
    Show {
        /// Which.
        item: String,
    },
    /// Items that contain a text. Answered by `Reply::Items`.
    Search {
        /// Words that must all occur.
        text: String,
        /// At most so many.
        limit: Option<usize>,
    },
    /// Changes one item. Answered by `Reply::Edited`.
    Edit {
        /// Which.
        item: String,
        /// How.
        by: EditBy,
    },
    /// Deletes items: all of them, or none when one is not found. Answered by `Reply::Deleted`.
    Delete {
        /// Which.
        items: Vec<String>,
    },
    /// What was changed differently on two devices. Answered by `Reply::Conflicts`.
    Conflicts,
    /// Decides one of them. Answered by `Reply::Resolved`.
    Resolve {
        /// Which item.
        item: String,
        /// Which of its properties: by name, or by key where two are in conflict.
        property: String,
        /// What it shall hold.
        by: Decision,
    },
    /// The same person in several items.
    People(People),
    /// What was, and bringing it back.
    Past(Past),
    /// Backups, and the health of the device.
    Care(Care),
}

impl Request {
    /// True when the caller's going away ends the command: the engine's future is dropped.
    /// All others run to their end, so no write is left half-way.
    pub fn ends_with_its_caller(&self) -> bool {
        match self {
            Self::Wait { .. } | Self::Watch | Self::PairOffer | Self::PairJoin { .. } => true,
            Self::Status
            | Self::Acknowledge
            | Self::Devices
            | Self::Member(_)
            | Self::PairDecide { .. }
            | Self::Collections
            | Self::Import { .. }
            | Self::Export { .. }
            | Self::SourceAdd(_)
            | Self::SourceList
            | Self::SourceRemove { .. }
            | Self::SourceSync { .. }
            | Self::List { .. }
            | Self::Agenda { .. }
            | Self::Show { .. }
            | Self::Search { .. }
            | Self::Edit { .. }
            | Self::Delete { .. }
            | Self::Conflicts
            | Self::Resolve { .. }
            | Self::People(_)
            | Self::Past(_)
            | Self::Care(_) => false,
        }
    }

    /// True when the command needs the network: without a running node, the caller runs
    /// one for as long as the command lasts.
    pub fn needs_the_mesh(&self) -> bool {
        matches!(
            self,
            Self::Wait { .. } | Self::PairOffer | Self::PairJoin { .. }
        )
    }
}

/// Whether a person agrees to what pairing will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Agreement {
    /// Beforehand.
    Given,
    /// When it is known: `Request::PairDecide` says so.
    Asked,
}

/// A file or folder to import.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImportPath {
    /// Where the bytes are, absolute.
    pub path: PathBuf,
    /// What the person called it; `-` for standard input. Used in the report, and to
    /// know a text again when it is imported a second time.
    pub shown: String,
}

/// Whether to write, or only to say what would be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Write {
    /// Write.
    Really,
    /// Report as if written, and leave everything as it was.
    DryRun,
}

/// Where an export goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExportTo {
    /// One file: vCards or one calendar, by the kind of the collection. Replaced if there.
    File(PathBuf),
    /// A folder with one file per item. Created if needed; files of items that are gone are
    /// removed, other files left alone.
    Folder {
        /// Where it is.
        path: PathBuf,
        /// What may be replaced in it.
        over: Over,
    },
}

/// Which files an export to a folder may replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Over {
    /// Those that an earlier export wrote and nobody changed since.
    OwnFiles,
    /// Any file that has the name of an item's.
    Anything,
}

/// A source to remember.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NewSource {
    /// `imaps://user@host`, `pop3s://user@host`, `maildir:/path`, `mbox:/path` …
    pub url: String,
    /// What to call it; none: made from the address.
    pub name: Option<String>,
    /// The collection to put everything into; none: by kind.
    pub into: Option<String>,
    /// How to get the password; none: the source needs none.
    pub credential: Option<Credential>,
    /// Accept a connection without encryption, or a certificate nobody vouches for.
    pub insecure: bool,
    /// Certificates to trust besides the system's, as PEM text.
    pub ca: Option<String>,
}

/// What happens to the items of a source that is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Leaving {
    /// They stay.
    Keep,
    /// Those that came from this source alone are deleted.
    Remove,
}

/// Which kinds of item to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// People and groups.
    Contacts,
    /// Events.
    Events,
    /// Tasks.
    Tasks,
    /// Everything.
    #[default]
    All,
}

/// How to change an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EditBy {
    /// Property by property, in this order, as one change.
    Patches(Vec<Patch>),
    /// The whole item as a vCard or iCalendar text: what differs is written.
    Text(String),
}

/// One change of one property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Patch {
    /// The property has this value and no other.
    Set {
        /// Its name, in capitals.
        name: String,
        /// Its new value.
        value: Form,
    },
    /// One more value of a property that can have several.
    Add {
        /// Its name, in capitals.
        name: String,
        /// The further value.
        value: Form,
    },
    /// One value, or all of them.
    Remove {
        /// Its name, in capitals.
        name: String,
        /// The value to remove; none: all values of that name.
        value: Option<String>,
    },
}

/// A value, as a person types it or as it stands in a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// `NAME=VALUE`: plain text; the engine escapes what the format needs escaped.
    Plain(String),
    /// `NAME;PARAMS:VALUE`: to the letter.
    Written {
        /// Parameters without the leading `;`, or empty.
        params: String,
        /// The value, escaped as in a file.
        value: String,
    },
}
