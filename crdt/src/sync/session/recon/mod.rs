//! Are the documents the same, and not only their names? What one device has lost comes back.
//!
//! ```text
//!   smaller id                     the other
//!   Ask {0} ───────────────────────────►     it is time, or the sums differ
//!           ◄─────────────────────── Recon   symbols of one snapshot
//!   Ask {n} ───────────────────────────►     … until what differs is known
//!   Want, Anew ────────────────────────►     what is lacking here, and what is there
//!           ◄──────────────────────── Anew
//!   Ask {0} …                                again, until  Want {} says: the same
//! ```
//!
//! Invariants: sets are compared only where both name the same changes, so whatever differs was
//! lost; each round finds less than the one before, or it is the last; one comparison at a time,
//! and no more than [`MOST_BEGUN`] and some each hour.

mod anew;
mod io;
mod symbols;

pub use io::{Documents, ForDocuments, Outcome};

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::send::later;
use super::side::Side;
use super::{Output, Phase, Session, Step};
use crate::id::{CollectionId, DocId, Timestamp};
use crate::sync::message::Recon;
use crate::sync::recon::{Decoder, Key, Salt, Sketch};
use crate::sync::{Sum, VectorHash, backoff};

/// Documents are compared one by one after so long, and up to [`AUDIT_SPREAD`] later.
const AUDIT: u64 = 22 * 3_600_000;
/// By how much devices differ in when they do it: most of them sleep at night.
const AUDIT_SPREAD: u64 = 4 * 3_600_000;
/// Comparisons that a peer may begin, besides [`BEGUN_AN_HOUR`].
const MOST_BEGUN: u64 = 64;
/// More of them each hour: each one reads the states of all documents.
const BEGUN_AN_HOUR: u64 = 4;
/// How often is asked with Have, while nothing moves, before documents are compared anyway.
const STUCK: u32 = 3;
/// How long a collection rests after the names were not the same any more, as a number of
/// doublings of a second.
const REST: u32 = 2;

/// When a collection is compared, and how that goes.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::sync::session) struct Audit {
    /// When it was last compared, and in which life of the peer.
    last: Option<(Timestamp, u32)>,
    /// When it is due because the sums differ.
    due: Option<Timestamp>,
    /// How often it was tried since the last time that both were the same.
    attempt: u32,
    /// How much differed in the last round.
    found: Option<usize>,
    /// The sums at which the last round began.
    begun_at: Option<(Option<Sum>, Option<Sum>)>,
    /// Where rounds brought no more: the sums at which that was.
    rests_at: Option<(Option<Sum>, Option<Sum>)>,
    /// Where nothing moved any more though the names differ: the vectors at which that was.
    stuck_at: Option<(VectorHash, VectorHash)>,
}

impl Audit {
    /// Both have the same.
    pub(in crate::sync::session) fn agreed(&mut self) {
        let (last, stuck_at) = (self.last, self.stuck_at);
        *self = Self {
            last,
            stuck_at,
            ..Self::default()
        };
    }
}

/// What a session knows of comparisons.
#[derive(Debug, Default)]
pub(in crate::sync::session) struct Comparing {
    peer_incarnation: u32,
    began: Timestamp,
    begun: u64,
    listening: Option<Listening>,
    speaking: Option<Speaking>,
    /// Documents that are sent anew, and how many changes of the first one are on their way.
    anew: BTreeMap<CollectionId, (VecDeque<DocId>, usize)>,
    /// What came anew and is being stored; whether it is the last.
    storing: VecDeque<(CollectionId, bool)>,
    /// Documents of which something came too early, of each collection, and those that were
    /// wanted for it.
    missed: BTreeMap<CollectionId, BTreeSet<DocId>>,
    wanted: BTreeSet<(CollectionId, DocId)>,
}

/// The side that finds out what differs.
#[derive(Debug)]
enum Listening {
    /// Our states are being read, to be compared also with what has other names.
    Loading(CollectionId, bool),
    /// Symbols are awaited.
    Hearing {
        collection: CollectionId,
        /// Nothing where it does not matter whether the peer names the same.
        names: Option<VectorHash>,
        keys: Vec<Key>,
        decoder: Option<Box<Decoder>>,
    },
    /// What is lacking here comes, what is lacking there goes.
    Regaining {
        collection: CollectionId,
        waits: bool,
    },
}

/// The side that gives symbols.
#[derive(Debug)]
struct Speaking {
    collection: CollectionId,
    names: VectorHash,
    salt: Salt,
    /// Nothing while the states are being read; then how many symbols are wanted does not count.
    sketch: Option<Sketch>,
    wanted: usize,
}

impl Comparing {
    /// True while what came anew is being stored.
    pub(in crate::sync::session) fn is_busy(&self) -> bool {
        self.storing.len() > 1
    }

    /// What the peer could not give, it may give now.
    pub(in crate::sync::session) fn ask_again(&mut self) {
        self.wanted.clear();
    }

    /// The peer must say something next.
    pub(in crate::sync::session) fn waits(&self) -> bool {
        match &self.listening {
            Some(Listening::Hearing { .. }) => true,
            Some(Listening::Regaining { waits, .. }) => *waits && self.storing.is_empty(),
            Some(Listening::Loading(..)) | None => false,
        }
    }

    /// Counts a comparison that begins; false where there were too many.
    fn may_begin(&mut self, now: Timestamp) -> bool {
        self.begun += 1;
        let hours = now.0.saturating_sub(self.began.0) / 3_600_000;
        self.begun <= MOST_BEGUN + hours * BEGUN_AN_HOUR
    }
}

impl Side {
    /// Whether the peer's newest word shows that something is lost, and when to look for it.
    pub(in crate::sync::session) fn weigh(&mut self, now: Timestamp) {
        if !self.ours.names_the_same(&self.their) {
            return;
        }
        self.differs = self.ours.belies(&self.their);
        let sums = (self.ours.sum(), self.their.sum());
        if !self.differs && sums.0.is_some() && sums.1.is_some() {
            self.is_the_same();
        } else if self.differs && self.audit.due.is_none() && self.audit.rests_at != Some(sums) {
            self.audit.due = Some(now);
        }
    }

    /// One side names what neither gives, and asking brings no more: each must be sure that the
    /// other does not have it, so they compare whatever they name.
    fn is_stuck(&self, now: Timestamp) -> bool {
        let asked = self.retry.is_some_and(|retry| retry.attempt >= STUCK);
        let at = (self.ours.hash(), self.their.hash());
        let rests = self.audit.due.is_some_and(|at| at > now);
        (asked || self.blocked) && !rests && self.audit.stuck_at != Some(at)
    }

    fn is_due(&self, now: Timestamp, incarnation: u32, spread: u64) -> bool {
        let long_ago = self.audit.last.is_some_and(|(at, life)| {
            life != incarnation || now >= later(at, AUDIT.saturating_add(spread))
        });
        let rests = self.audit.rests_at.is_some();
        let due = self.audit.due.is_some_and(|at| at <= now);
        due || (long_ago && !rests && self.audit.due.is_none())
    }
}

impl Session {
    /// What the peer says about documents.
    pub(in crate::sync::session) fn recon(
        &mut self,
        now: Timestamp,
        frame: Recon,
        out: &mut Vec<Output>,
    ) -> Step {
        match frame {
            Recon::Ask {
                collection,
                from,
                count,
            } => self.asked(now, collection, from, count, out),
            Recon::Symbols(symbols) => self.symbols(now, symbols, out),
            Recon::Want { collection, docs } => self.wanted(now, collection, docs, out),
            Recon::Anew { body, last } => self.anew(now, &body, last, out),
        }
    }

    /// What was read and stored of documents.
    pub(in crate::sync::session) fn documents(
        &mut self,
        now: Timestamp,
        id: CollectionId,
        what: Documents,
        out: &mut Vec<Output>,
    ) {
        match what {
            Documents::LastCompared { at, incarnation } => self.was_compared(id, at, incarnation),
            Documents::States {
                vector,
                names,
                keys,
                salt,
            } => self.states(id, vector, names, (keys, salt), out),
            Documents::Loaded {
                entries,
                docs,
                skip,
            } => self.anew_loaded(id, &entries, docs, skip, out),
            Documents::Stored { vector, changes } => {
                self.anew_stored(now, id, vector, changes, out);
            }
        }
    }

    fn was_compared(&mut self, id: CollectionId, at: Timestamp, incarnation: u32) {
        if let Some(side) = self.sides.get_mut(&id) {
            side.audit.last = Some((at, incarnation));
        }
    }

    pub(in crate::sync::session) fn greets(&mut self, now: Timestamp, incarnation: u32) {
        self.comparing.peer_incarnation = incarnation;
        self.comparing.began = now;
    }

    /// The documents add up to the same: that is a beginning, where they were never compared.
    pub(in crate::sync::session) fn same_sum(
        &mut self,
        now: Timestamp,
        id: CollectionId,
        out: &mut Vec<Output>,
    ) {
        let incarnation = self.comparing.peer_incarnation;
        if let Some(side) = self
            .sides
            .get_mut(&id)
            .filter(|side| side.ours.sum().is_some())
        {
            side.audit.last.get_or_insert((now, incarnation));
            out.push(Output::Documents(
                id,
                ForDocuments::Compared {
                    outcome: Outcome::SameSum,
                    incarnation,
                },
            ));
        }
    }

    /// Begins the next comparison that is due, where nothing is in its way. The device with the
    /// smaller id begins, so that both do not.
    pub(in crate::sync::session) fn compare_documents(
        &mut self,
        now: Timestamp,
        out: &mut Vec<Output>,
    ) {
        let is_mine = self.me.device < self.peer;
        if !is_mine || self.phase != Phase::Open || self.mesh_first_until.is_some() {
            return;
        }
        if let Some(Listening::Regaining { collection, waits }) = &self.comparing.listening {
            let goes_on = *waits
                || self.comparing.anew.contains_key(collection)
                || !self.comparing.storing.is_empty();
            if goes_on {
                return;
            }
            let collection = *collection;
            self.comparing.listening = None;
            self.begin(now, collection, out);
        } else if self.comparing.listening.is_none() {
            let (life, spread) = (self.comparing.peer_incarnation, self.me.seed % AUDIT_SPREAD);
            let due = self.sides.iter().find(|(_, side)| {
                let is_quiet = side.heard && !side.stopped && side.storing.is_empty();
                is_quiet
                    && side.ours.sum().is_some()
                    && match side.ours.names_the_same(&side.their) {
                        true => side.is_due(now, life, spread),
                        false => side.is_stuck(now),
                    }
            });
            if let Some(id) = due.map(|(id, _)| *id) {
                self.begin(now, id, out);
            }
        }
    }

    fn begin(&mut self, now: Timestamp, id: CollectionId, out: &mut Vec<Output>) {
        let may = self.comparing.may_begin(now);
        let Some(side) = self.sides.get_mut(&id) else {
            return;
        };
        let attempt = side.audit.attempt.saturating_add(1);
        let pause = backoff::pause(attempt.saturating_add(REST), self.me.seed);
        let again = later(now, u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
        (side.audit.attempt, side.audit.due) = (attempt, Some(again));
        side.audit.begun_at = Some((side.ours.sum(), side.their.sum()));
        let anyway = !side.ours.names_the_same(&side.their);
        if anyway {
            side.audit.stuck_at = Some((side.ours.hash(), side.their.hash()));
        }
        if may {
            self.comparing.listening = Some(Listening::Loading(id, anyway));
            out.push(Output::Documents(id, ForDocuments::LoadStates));
        } else {
            // the peer would take us for one that never ends
            side.audit.rests_at = Some((side.ours.sum(), side.their.sum()));
            side.audit.due = None;
        }
    }
}
