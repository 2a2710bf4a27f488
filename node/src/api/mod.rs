//! What can be asked of a device, and what it answers: the seam between the engine and
//! everything that drives it (command line, socket, app, web page).
//!
//! ```text
//!  words ─► cli ─► Request ─┬────────────────────► Engine ─► Reply | Failure ─► cli ─► text, JSON
//!                           └─► rpc (node.sock) ─►   │
//!                                                    └─► Event (progress, and what happens by itself)
//! ```
//!
//! Plain data: every type here is written to the socket and printed by `--json`, so a
//! field's name is a promise to scripts. `docs/cli.md` describes each; a test compares.
//! Fields without a value are written as `null`, never left out.

mod care;
mod decide;
mod device;
mod event;
mod failure;
mod item;
mod member;
mod moment;
mod past;
mod people;
mod reply;
mod report;
mod request;
mod service;
mod times;

pub use care::{BackedUp, Care, Check, Health, Repair};
pub use decide::{Choice, Decision, Resolved};
pub use device::{
    CollectionInfo, Collections, Confirmation, ConfirmationState, Device, Devices, Notice,
    PairDecided, Paired, Path, PlannedCollection, PlannedUnion, Status, ThisDevice, Waited,
};
pub use event::Event;
pub use failure::{Failure, FailureKind};
pub use item::{Conflict, Conflicts, Deleted, Edited, Item, ItemSummary, Items, Property, Version};
pub use member::{DeviceRemoved, DeviceRenamed, Member};
pub use moment::Moment;
pub use past::{
    ItemLog, LifeChange, LoggedChange, Newer, OperationInfo, Operations, Past, PropertyChange,
    Restored, Revived, TakenBack, Trash, TrashedItem, Undone,
};
pub use people::{Duplicate, Duplicates, Linked, People, Reason, Unlinked};
pub use reply::Reply;
pub use report::{
    Counts, Exported, HeldFile, ImportReport, ImportedFile, LostItem, Refused, RefusedMail,
    SkippedFile, SourceAdded, SourceInfo, SourceRemoved, SourceReport, Sources, SyncReport,
};
pub use request::{
    Agreement, EditBy, ExportTo, Form, ImportPath, Kind, Leaving, NewSource, Over, Patch, Request,
    Write,
};
pub use service::{Discovery, Polling, Relaying, RunOptions, Service};
pub use times::{
    Agenda, AgendaEntry, FlagReason, FlaggedItem, OccurrenceChoice, OccurrenceConflict, TimeFlag,
};
