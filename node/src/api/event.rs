//! What happens by itself, and how far a command has come.

use serde::{Deserialize, Serialize};

use super::device::{Confirmation, Paired, PlannedCollection, PlannedUnion};
use super::moment::Moment;
use super::report::SourceReport;

/// Something a person or a script may want to see as it happens. `run --json` and
/// `watch --json` print one per line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The node listens and answers commands. Sent once per run, after the first address.
    Ready {
        /// This device's name.
        name: String,
        /// This device's id.
        device: String,
        /// Where other devices reach it, as multiaddresses.
        addresses: Vec<String>,
    },
    /// One more address to be reached at.
    Listening {
        /// As a multiaddress.
        address: String,
    },
    /// A paired device is connected.
    Connected {
        /// Its name.
        name: String,
        /// Its id.
        device: String,
    },
    /// A paired device is gone.
    Disconnected {
        /// Its name.
        name: String,
        /// Its id.
        device: String,
        /// Why, where known.
        reason: Option<String>,
    },
    /// Changes from another device are stored.
    Received {
        /// The device's name.
        name: String,
        /// The device's id.
        device: String,
        /// The collection's name.
        collection: String,
        /// How many changes.
        changes: u64,
        /// The short ids of the items, at most 100 of them.
        items: Vec<String>,
    },
    /// Something on this device (a person, a source) changed items.
    Changed {
        /// The collection's name.
        collection: String,
        /// How many changes.
        changes: u64,
        /// The short ids of the items, at most 100 of them.
        items: Vec<String>,
    },
    /// Another device has said what it holds.
    Confirmed {
        /// The device's name.
        name: String,
        /// The device's id.
        device: String,
        /// What it holds of one collection.
        confirmation: Confirmation,
    },
    /// Another device has said how many photos and attachments are not with it yet.
    Lacks {
        /// The device's name.
        name: String,
        /// The device's id.
        device: String,
        /// How many.
        attachments: u64,
    },
    /// A code to type on the other device.
    PairOffer {
        /// The code.
        code: String,
        /// The same as the text of a QR code, which also says where this device is.
        ticket: String,
        /// The QR code as an SVG image, where the text fits one.
        qr: Option<String>,
        /// The code is worth nothing after this.
        expires: Moment,
        /// This device's fingerprint, to compare.
        fingerprint: String,
        /// For `pair join CODE --addr`, where the local network does not help.
        addresses: Vec<String>,
    },
    /// Someone typed a wrong code.
    PairRefused {
        /// How many tries are left.
        tries_left: u32,
    },
    /// What pairing will do, before it does it.
    PairPlan {
        /// The other device's id.
        device: String,
        /// Its name.
        name: String,
        /// Of both devices together: the same on both.
        fingerprint: String,
        /// Collections of both that will be one.
        united: Vec<PlannedUnion>,
        /// Collections that will be new here.
        from_there: Vec<PlannedCollection>,
        /// Collections that will be new there.
        from_here: Vec<PlannedCollection>,
    },
    /// A new device belongs to the mesh.
    Paired(Paired),
    /// A source was read because its time had come.
    Synced(SourceReport),
    /// How far the command is; on a terminal, a progress bar.
    Progress {
        /// What is being done: `reading contacts.vcf`.
        task: String,
        /// So many are done.
        done: u64,
        /// Of so many, where known.
        total: Option<u64>,
    },
    /// Something a person should know; work goes on.
    Warning {
        /// What.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The watcher was too slow and so many events are missing here.
    Missed {
        /// How many.
        events: u64,
    },
    /// The node shuts down.
    Stopping,
}
