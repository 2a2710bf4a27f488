//! Who writes, when: the randomness and the clock that the core takes as arguments.

use pimesh_crdt::doc::{Author, Writer};
use pimesh_crdt::{CollectionId, DeviceId, Timestamp};
use rand::TryRngCore;
use rand::rngs::OsRng;

use crate::api::Moment;

/// This device as a writer of changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Me {
    pub(super) device: DeviceId,
}

impl Me {
    /// An author of one change, made now.
    pub(super) fn author(self, source: &str, writer: Writer) -> Author {
        Author {
            device: self.device,
            source: source.to_owned(),
            writer,
            now: now(),
            random: random(),
        }
    }
}

/// The device's clock.
pub(super) fn now() -> Timestamp {
    Moment::now().0
}

/// A name for a new collection.
pub(super) fn new_collection() -> CollectionId {
    CollectionId(random())
}

/// Bytes that nobody can foresee.
pub(super) fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    if OsRng.try_fill_bytes(&mut bytes).is_err() {
        // The system's generator does not fail once it has started; the thread's own is
        // seeded from it.
        rand::RngCore::fill_bytes(&mut rand::rng(), &mut bytes);
    }
    bytes
}
