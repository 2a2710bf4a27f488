//! What happens, told to a listener of the app.
//!
//! One task per listener forwards the engine's events in order. Each call is made on a
//! thread that may block, so a slow listener delays only itself, and one that throws loses
//! that event and nothing else.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use pimesh::api::Event;
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::records::time;
use crate::reports::Paired;
use crate::runtime::{self, AbortOnDrop};

/// Implemented by the app.
#[uniffi::export(foreign)]
pub trait EventListener: Send + Sync {
    /// Something happened. Called in order, never twice at once. What it throws is dropped.
    fn on_event(&self, event: NodeEvent) -> Result<(), ListenerError>;
}

/// What a listener may throw. Any other exception of the app is turned into this one, so that
/// none becomes a panic in here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum ListenerError {
    /// The listener could not do its part.
    #[error("a listener failed: {reason}")]
    Failed {
        /// Why, for a log.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for ListenerError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed {
            reason: error.reason,
        }
    }
}

/// Something that an app may want to show, or to read anew for.
#[derive(Clone, Debug, PartialEq, uniffi::Enum)]
#[non_exhaustive]
pub enum NodeEvent {
    /// The node listens.
    Ready {
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
        /// The short ids of the items, or the first of them.
        items: Vec<String>,
    },
    /// Something on this device changed items.
    Changed {
        /// The collection's name.
        collection: String,
        /// How many changes.
        changes: u64,
        /// The short ids of the items, or the first of them.
        items: Vec<String>,
    },
    /// Another device has said what it holds of a collection.
    Confirmed {
        /// The device's name.
        name: String,
        /// The device's id.
        device: String,
        /// The collection's name.
        collection: String,
        /// How many of our changes it lacks.
        behind: u64,
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
        /// It is worth nothing after this.
        expires: SystemTime,
        /// Where the other device reaches this one.
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
        /// The names of collections of both that will be one.
        united: Vec<String>,
    },
    /// A new device belongs to the mesh.
    Paired {
        /// Which.
        paired: Paired,
    },
    /// A source was read because its time had come.
    Synced {
        /// Its name.
        source: String,
        /// Items new here.
        added: u64,
        /// Items that changed.
        changed: u64,
        /// Why it could not be read, if so.
        failure: Option<String>,
    },
    /// How far some work is.
    Progress {
        /// What is being done.
        task: String,
        /// So many are done.
        done: u64,
        /// Of so many, where known.
        total: Option<u64>,
    },
    /// Something a person should know.
    Warning {
        /// What.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The listener was too slow and so many events are missing here: read anew.
    Missed {
        /// How many.
        events: u64,
    },
    /// The node shuts down.
    Stopping,
}

impl From<Event> for NodeEvent {
    #[expect(
        clippy::too_many_lines,
        reason = "the table of all events, an arm each"
    )]
    fn from(event: Event) -> Self {
        match event {
            Event::Ready { addresses, .. } => Self::Ready { addresses },
            Event::Listening { address } => Self::Listening { address },
            Event::Connected { name, device } => Self::Connected { name, device },
            Event::Disconnected { name, device, .. } => Self::Disconnected { name, device },
            Event::Received {
                name,
                device,
                collection,
                changes,
                items,
            } => Self::Received {
                name,
                device,
                collection,
                changes,
                items,
            },
            Event::Changed {
                collection,
                changes,
                items,
            } => Self::Changed {
                collection,
                changes,
                items,
            },
            Event::Confirmed {
                name,
                device,
                confirmation,
            } => Self::Confirmed {
                name,
                device,
                collection: confirmation.collection,
                behind: confirmation.behind,
            },
            Event::Lacks {
                name,
                device,
                attachments,
            } => Self::Lacks {
                name,
                device,
                attachments,
            },
            Event::PairOffer {
                code,
                expires,
                addresses,
                ..
            } => Self::PairOffer {
                code,
                expires: time(expires),
                addresses,
            },
            Event::PairRefused { tries_left } => Self::PairRefused { tries_left },
            Event::PairPlan {
                device,
                name,
                fingerprint,
                united,
                ..
            } => Self::PairPlan {
                device,
                name,
                fingerprint,
                united: united.into_iter().map(|one| one.name).collect(),
            },
            Event::Paired(paired) => Self::Paired {
                paired: paired.into(),
            },
            Event::Synced(report) => Self::Synced {
                source: report.name,
                added: report.added,
                changed: report.changed,
                failure: report.failure.map(|failure| failure.message),
            },
            Event::Progress { task, done, total } => Self::Progress { task, done, total },
            Event::Warning { message, hint } => Self::Warning {
                reason: message,
                hint,
            },
            Event::Missed { events } => Self::Missed { events },
            Event::Stopping => Self::Stopping,
        }
    }
}

/// Keeps a listener listening; ends with the last reference to it, or by `cancel`.
#[derive(Debug, uniffi::Object)]
pub struct Subscription {
    task: Mutex<Option<AbortOnDrop<()>>>,
}

#[uniffi::export]
impl Subscription {
    /// No further event is told; one that is being told may still be.
    pub fn cancel(&self) {
        self.task().take();
    }

    /// Events are still told.
    pub fn is_active(&self) -> bool {
        self.task()
            .as_ref()
            .is_some_and(|task| !task.0.is_finished())
    }
}

impl Subscription {
    pub(crate) fn new(events: Receiver<Event>, listener: Arc<dyn EventListener>) -> Self {
        let task = AbortOnDrop(runtime::spawn(forward(events, listener)));
        Self {
            task: Mutex::new(Some(task)),
        }
    }

    fn task(&self) -> std::sync::MutexGuard<'_, Option<AbortOnDrop<()>>> {
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn forward(mut events: Receiver<Event>, listener: Arc<dyn EventListener>) {
    loop {
        let event = match events.recv().await {
            Ok(event) => event.into(),
            Err(RecvError::Lagged(events)) => NodeEvent::Missed { events },
            Err(RecvError::Closed) => return,
        };
        let listener = Arc::clone(&listener);
        // A listener that fails has lost this event; the next one is told all the same.
        let _ = tokio::task::spawn_blocking(move || listener.on_event(event)).await;
    }
}
