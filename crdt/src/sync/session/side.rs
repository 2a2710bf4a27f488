//! One collection in a session: what each side holds, and what is on its way.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::recon::Audit;
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
    /// What that was, where it told it itself.
    pub(super) said: Option<VectorHash>,
    /// Whether the peer has said anything of this collection.
    pub(super) heard: bool,
    /// What the peer has, or will have when all that was sent has arrived.
    pub(super) sent: VersionVector,
    /// Our vector as the peer was last told.
    pub(super) told: Option<VectorHash>,
    /// Our vector as our Hello said.
    pub(super) greeted: Option<VectorHash>,
    /// Our next entries are being read.
    pub(super) loading: bool,
    /// The peer has spoken while they were: they may be the wrong ones.
    pub(super) outdated: bool,
    /// The frames that are being stored, in order.
    pub(super) storing: VecDeque<Storing>,
    /// The bytes of each frame of changes that the peer has not acknowledged, in order.
    pub(super) unanswered: VecDeque<usize>,
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
    /// There is nothing to send of what the peer lacks by its own word.
    pub(super) blocked: bool,
    /// Both name the same, and the documents are not the same: one of them has lost something.
    pub(super) differs: bool,
    /// It was shown in this session that the documents are the same, and not only their names.
    pub(super) proven: bool,
    /// Our vector as it was told to the peer to have that shown.
    pub(super) proving: Option<VectorHash>,
    /// The peer was told a hash that shows it the same.
    pub(super) shown: bool,
    /// When and how the documents are compared with the peer's.
    pub(super) audit: Audit,
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
        self.is_the_same();
        self.heard = true;
        self.their = self.ours.clone();
        self.sent = self.ours.clone();
        self.unanswered.clear();
        self.gap_asked = false;
        self.retry = None;
        self.wants_to_ask = false;
    }

    /// Not only the names are the same.
    pub(super) fn is_the_same(&mut self) {
        let now = Some(self.ours.hash());
        self.shown |= [self.greeted, self.told, self.proving].contains(&now);
        (self.differs, self.proven) = (false, true);
        self.audit.agreed();
    }

    /// Both name the same, and hold it as far as that can be told.
    pub(super) fn is_in_sync(&self) -> bool {
        let is_proven = self.proven || self.ours.sum().is_none();
        is_proven && !self.differs && self.names_the_same()
    }

    fn names_the_same(&self) -> bool {
        self.heard && !self.stopped && self.their.names_the_same(&self.ours)
    }

    /// Both name the same since something was exchanged: whether they also hold it has to be
    /// shown, once in a session. True where the peer has to be told for that.
    pub(super) fn wants_proof(&mut self) -> bool {
        let open = !self.proven && !self.differs && self.ours.sum().is_some();
        let now = self.ours.hash();
        let wants = open && self.names_the_same() && self.proving != Some(now);
        if wants {
            self.proving = Some(now);
        }
        wants
    }

    /// It is shown that both hold the same, and the peer can not know it: what came since our last
    /// word made it so. True once in a session.
    pub(super) fn owes_proof(&mut self) -> bool {
        let owes = !self.shown && self.proven && self.is_in_sync();
        self.shown |= owes;
        owes
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

    /// What is known of the peer is what it told, and not what it must have by now: also what its
    /// documents add up to.
    pub(super) fn is_as_said(&self) -> bool {
        self.said == Some(self.their.hash())
    }

    /// The peer must say something next.
    pub(super) fn waits(&self) -> bool {
        !self.stopped && (!self.unanswered.is_empty() || (self.retry.is_some() && !self.heard))
    }
}
