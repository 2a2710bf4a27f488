//! One collection in a session: what each side holds, and what is on its way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::id::{Origin, Timestamp};
use crate::sync::{VectorHash, VersionVector};

/// When to ask again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Retry {
    pub(super) attempt: u32,
    pub(super) at: Timestamp,
}

/// What a frame brings that is being stored.
#[derive(Debug, Default)]
pub(super) struct Storing {
    /// The last number of each origin.
    pub(super) last: BTreeMap<Origin, u64>,
    /// The length of its changes.
    pub(super) bytes: usize,
}

/// What is known of one collection.
#[derive(Debug, Default)]
pub(super) struct Side {
    /// What is applied here.
    pub(super) ours: VersionVector,
    /// The peer's newest word.
    pub(super) their: VersionVector,
    /// Whether the peer has said anything of this collection.
    pub(super) heard: bool,
    /// What the peer has, or will have when all that was sent has arrived.
    pub(super) sent: VersionVector,
    /// Our vector as the peer was last told.
    pub(super) told: Option<VectorHash>,
    /// Our next entries are being read.
    pub(super) loading: bool,
    /// The peer has spoken while they were: they may be the wrong ones.
    pub(super) outdated: bool,
    /// The frames that are being stored, in order.
    pub(super) storing: VecDeque<Storing>,
    /// Frames of changes that the peer has not acknowledged.
    pub(super) unanswered: u32,
    /// Asking has to wait until the mesh's own collection is done.
    pub(super) wants_to_ask: bool,
    /// When to ask again, while something is lacking here.
    pub(super) retry: Option<Retry>,
    /// Something came too early. It was asked for again; not once more before something moves.
    pub(super) gap_asked: bool,
    /// A change can not be applied: nothing is asked for any more.
    pub(super) parked: bool,
    /// Origins whose histories differ, while it is sought where.
    pub(super) searching: BTreeSet<Origin>,
    /// How often points of a history were exchanged.
    pub(super) traces: u32,
    /// Nothing is exchanged any more.
    pub(super) stopped: bool,
    /// What was last reported.
    pub(super) in_sync: Option<bool>,
}

impl Side {
    /// What is applied here, and nothing known of the peer.
    pub(super) fn of(ours: VersionVector) -> Self {
        Self {
            ours,
            ..Self::default()
        }
    }

    /// The peer holds exactly what is applied here.
    pub(super) fn agree(&mut self) {
        self.heard = true;
        self.their = self.ours.clone();
        self.sent = self.ours.clone();
        self.told = Some(self.ours.hash());
        self.unanswered = 0;
        self.gap_asked = false;
        self.retry = None;
        self.wants_to_ask = false;
    }

    /// There is something to send.
    pub(super) fn has_news(&self) -> bool {
        self.heard && !self.stopped && !self.loading && !self.sent.covers(&self.ours)
    }

    /// By its own word the peer has, or may have, something that is lacking here.
    pub(super) fn is_behind(&self) -> bool {
        !self.stopped && !self.parked && (!self.heard || !self.ours.covers(&self.their))
    }

    /// Something is lacking here, or came too early to be stored.
    pub(super) fn lacks(&self) -> bool {
        self.is_behind() || (self.gap_asked && !self.stopped && !self.parked)
    }

    /// More is to be expected soon: nothing stands in its way.
    pub(super) fn is_coming(&self) -> bool {
        self.is_behind() && !self.gap_asked
    }

    /// The peer must say something next.
    pub(super) fn waits(&self) -> bool {
        !self.stopped && (self.unanswered > 0 || (self.retry.is_some() && !self.heard))
    }
}
