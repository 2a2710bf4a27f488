//! Replies about devices and collections: who is there, and who has what.

use serde::{Deserialize, Serialize};

use super::moment::Moment;

/// Is everything everywhere?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// This device.
    pub device: ThisDevice,
    /// A node runs in this home (it answered), so changes travel by themselves.
    pub running: bool,
    /// There is at least one other device, and every one has confirmed every change
    /// and every photo and attachment.
    pub in_sync: bool,
    /// How many changes at least one other device has not confirmed.
    pub unconfirmed: u64,
    /// Photos and attachments that have not arrived here yet. While there are any, this
    /// device is not in sync.
    pub attachments_missing: u64,
    /// Items that this device has lost, or that are not the same on another one, though both
    /// name the same changes: they are compared and sent anew.
    #[serde(default)]
    pub documents_missing: u64,
    /// How many properties have more than one value to choose from, and occurrences are in
    /// question.
    pub conflicts: u64,
    /// The address books and calendars.
    pub collections: Vec<CollectionInfo>,
    /// The other devices.
    pub devices: Vec<Device>,
    /// What happened to this device and was not acknowledged yet.
    pub notices: Vec<Notice>,
}

/// Something that happened to this device and that its person must know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// When it was noticed.
    pub at: Moment,
    /// `copied` (two histories under one name), `set_back` (others had more of it than
    /// itself), or `gone` (its database was lost).
    pub kind: String,
    /// The life of this device that began with it.
    pub incarnation: u32,
    /// What happened, what was done, and what to do.
    pub message: String,
}

/// The device that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThisDevice {
    /// Its name.
    pub name: String,
    /// Its id: the public key in hexadecimal.
    pub id: String,
    /// The short form of the id for people to compare.
    pub fingerprint: String,
}

/// An address book or a calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CollectionInfo {
    /// Its id, in hexadecimal.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `contacts` or `calendar`.
    pub kind: String,
    /// Items that are alive.
    pub items: u64,
    /// Changes stored, history included.
    pub changes: u64,
}

/// Reply to `collections`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collections {
    /// All of them, by name.
    pub collections: Vec<CollectionInfo>,
}

/// Another device of the mesh.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its name.
    pub name: String,
    /// Its id: the public key in hexadecimal.
    pub id: String,
    /// The short form of the id for people to compare.
    pub fingerprint: String,
    /// Connected now.
    pub connected: bool,
    /// How, if it is connected.
    pub path: Option<Path>,
    /// When it was last connected; now, if it is.
    pub last_seen: Option<Moment>,
    /// Where it was last reached, as multiaddresses.
    pub addresses: Vec<String>,
    /// What it has confirmed.
    pub collections: Vec<Confirmation>,
    /// Photos and attachments that it has last said are not with it yet.
    pub attachments_missing: u64,
}

/// How a device is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Path {
    /// From device to device.
    Direct,
    /// Through another device of the mesh, which passes on what it cannot read.
    Relayed,
}

/// What a device has confirmed of one collection, in its own newest word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The collection's name.
    pub collection: String,
    /// How it stands.
    pub state: ConfirmationState,
    /// How many of our changes it lacks; 0 unless behind.
    pub behind: u64,
    /// When it last said so.
    pub confirmed_at: Option<Moment>,
}

/// Whether a device holds what we hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfirmationState {
    /// It has said that it holds everything we hold.
    Confirmed,
    /// It has said what it holds, and that is less.
    Behind,
    /// It has not said anything yet.
    Unknown,
}

/// Reply to `devices`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Devices {
    /// The device that answers.
    pub this: ThisDevice,
    /// The others, by name.
    pub devices: Vec<Device>,
}

/// Reply to `pair`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paired {
    /// The new device's id.
    pub device: String,
    /// The new device's name.
    pub name: String,
    /// Of both devices together: the same on both.
    pub fingerprint: String,
    /// The names of the collections of both that are one from now on.
    pub united: Vec<String>,
}

/// Reply to the person's word on what pairing will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PairDecided {
    /// As it was said.
    pub agrees: bool,
}

/// A collection that pairing brings to the other device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCollection {
    /// `contacts` or `calendar`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Items that are alive.
    pub items: u64,
}

/// Two collections of one kind and name, which pairing makes one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedUnion {
    /// `contacts` or `calendar`.
    pub kind: String,
    /// Their name.
    pub name: String,
    /// Items of ours.
    pub items_here: u64,
    /// Items of theirs. What is in both is counted in both.
    pub items_there: u64,
}

/// Reply to `wait`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waited {
    /// Everything is confirmed by those waited for. False: the time was up (exit code 3).
    pub confirmed: bool,
    /// How long it took.
    pub seconds: f64,
    /// How those devices stand now.
    pub devices: Vec<Device>,
}
