//! One conversation with one peer, over one link, from Hello to Close.
//!
//! ```text
//!   Hello ⇄ ─► Membership ⇄ (only where the sets differ) ─► Have ⇄ (only what differs; the
//!   mesh's own collection first) ─► Changes ─► Ack … ─► blobs …   and then, for as long as
//!   the link lives: Committed ─► Changes ─► Ack, a Beacon after the last
//! ```
//!
//! Pure: the caller does what the outputs say, in order, and feeds back what happened.
//!
//! Invariants: an `Ack` goes out only after `Stored`; one frame of changes or blobs at a
//! time is on its way to the link; collections take turns; whatever is lost or held up is
//! asked for again by `Have`, never in a loop; every list is bounded.

mod addresses;
mod blobs;
mod credit;
mod forks;
mod io;
mod receive;
mod recon;
mod send;
mod side;
mod standing;
#[cfg(test)]
mod tests;

pub use credit::Credit;
pub use io::{CloseReason, HeldUp, Input, Output, StoredPiece};
pub use recon::{Documents, ForDocuments, Outcome};

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::VectorHash;
use super::changes::{Heard, Spoken};
use super::codec;
use super::membership::{Action, Members, Room, Statement, StatementHash};
use super::message::{Frame, Recon, Tag};
use crate::id::{CollectionId, DeviceId, Timestamp};
use side::Side;

/// How long a peer may say nothing while it is its turn, in milliseconds.
const PATIENCE: u64 = 60_000;
/// How long the other collections wait for the mesh's own.
const MESH_FIRST: u64 = 10_000;
/// When to say what we hold, after the last edit.
const BEACON_SOON: u64 = 2_000;
/// When to say it anyway.
const BEACON_ALWAYS: u64 = 300_000;
/// Frames that wait to be written: a peer that does not read is cut off.
const MOST_UNSENT: usize = 256;

/// Who this device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its key.
    pub device: DeviceId,
    /// Which of its lives.
    pub incarnation: u32,
    /// Any number that differs between devices: it spreads their retries.
    pub seed: u64,
}

/// How far the conversation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Before `Started`.
    New,
    /// Our Hello is out.
    Greeted,
    /// The statements of membership differ; the peer's are awaited.
    Comparing,
    /// Data may flow.
    Open,
    /// Over.
    Closed,
}

/// What is being prepared or written. One thing at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outbound {
    Idle,
    Loading,
    Sending,
}

/// The conversation with one peer.
#[derive(Debug)]
pub struct Session {
    me: Identity,
    peer: DeviceId,
    phase: Phase,
    statements: BTreeMap<StatementHash, Statement>,
    /// The head of the statements that our Hello said.
    greeted: [u8; 16],
    sides: BTreeMap<CollectionId, Side>,
    /// What the peer's Hello said.
    greeting: BTreeMap<Tag, VectorHash>,
    mesh_first_until: Option<Timestamp>,
    spoken: Spoken,
    heard: Heard,
    outbound: Outbound,
    /// For each frame that waits to be written: whether it is a large one.
    unsent: VecDeque<bool>,
    last_served: CollectionId,
    blobs: blobs::Blobs,
    addresses: addresses::Addresses,
    comparing: recon::Comparing,
    beacon_soon: Option<Timestamp>,
    beacon_always: Timestamp,
    /// Collections that the next early beacon speaks of.
    edited: BTreeSet<CollectionId>,
    waiting_since: Option<Timestamp>,
    credit: Credit,
    /// Nothing is asked for before it is this session's turn.
    takes_turns: bool,
    /// What it is its turn to ask for.
    turn: BTreeSet<CollectionId>,
    /// The latest time that was told, and by how much clocks were set back so far.
    clock: Timestamp,
    set_back: u64,
}

/// Ends the handling of an input.
type Step = Result<(), CloseReason>;

impl Session {
    /// A session over a link whose other end has proven to be `peer`.
    pub fn new(me: Identity, peer: DeviceId) -> Self {
        Self {
            me,
            peer,
            phase: Phase::New,
            statements: BTreeMap::new(),
            greeted: [0; 16],
            sides: BTreeMap::new(),
            greeting: BTreeMap::new(),
            mesh_first_until: None,
            spoken: Spoken::default(),
            heard: Heard::default(),
            outbound: Outbound::Idle,
            unsent: VecDeque::new(),
            last_served: CollectionId::MESH,
            blobs: blobs::Blobs::default(),
            addresses: addresses::Addresses::default(),
            comparing: recon::Comparing::default(),
            beacon_soon: None,
            beacon_always: Timestamp::default(),
            edited: BTreeSet::new(),
            waiting_since: None,
            credit: Credit::default(),
            takes_turns: false,
            turn: BTreeSet::new(),
            clock: Timestamp::default(),
            set_back: 0,
        }
    }

    /// A session with a peer that has used some of its credit in those before.
    #[must_use]
    pub fn with_credit(mut self, credit: Credit) -> Self {
        self.credit = credit;
        self
    }

    /// A session that asks for a collection when [`Input::Turn`] says that it may, see
    /// [`Turns`](crate::sync::Turns).
    #[must_use]
    pub fn in_turns(mut self) -> Self {
        self.takes_turns = true;
        self
    }

    /// Like [`Input::Received`], from bytes.
    pub fn handle_bytes(&mut self, now: Timestamp, bytes: &[u8]) -> Vec<Output> {
        match codec::decode(bytes) {
            Ok(frame) => self.handle(now, Input::Received(frame)),
            Err(error) => {
                let mut out = Vec::new();
                self.close(error.into(), &mut out);
                out
            }
        }
    }

    /// Acts on what happened.
    pub fn handle(&mut self, now: Timestamp, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        if self.phase == Phase::Closed {
            return out;
        }
        let now = self.steady(now);
        let heard = matches!(input, Input::Received(_));
        let step = self.step(now, input, &mut out).and_then(|()| {
            self.pump(&mut out);
            if self.unsent.len() > MOST_UNSENT {
                Err(CloseReason::Overrun)
            } else {
                Ok(())
            }
        });
        if let Err(reason) = step {
            self.close(reason, &mut out);
        }
        let waits = matches!(self.phase, Phase::Greeted | Phase::Comparing)
            || self.sides.values().any(Side::waits)
            || self.blobs.waits()
            || self.comparing.waits();
        self.waiting_since = match self.waiting_since {
            Some(since) if waits && !heard => Some(since),
            _ => waits.then_some(now),
        };
        out
    }

    /// Time as it passes: a clock that is set back must not put off what is due.
    fn steady(&mut self, now: Timestamp) -> Timestamp {
        self.set_back += self.clock.0.saturating_sub(now.0);
        self.clock = now;
        Timestamp(now.0.saturating_add(self.set_back))
    }

    /// The whole table of what may happen.
    fn step(&mut self, now: Timestamp, input: Input, out: &mut Vec<Output>) -> Step {
        match input {
            Input::Started {
                collections,
                membership,
            } => {
                self.started(now, collections, membership, out);
            }
            Input::Received(frame) => self.received(now, frame, out)?,
            Input::Sent => {
                if self.unsent.pop_front() == Some(true) {
                    self.outbound = Outbound::Idle;
                }
            }
            Input::Loaded {
                collection,
                entries,
                after,
                forks,
            } => {
                self.loaded(now, collection, &entries, after, &forks, out);
            }
            Input::Stored {
                collection,
                vector,
                held,
                forks,
                misses,
            } => {
                self.stored(now, collection, vector, held, &forks, out)?;
                self.missed(collection, held, misses, out);
            }
            Input::Traced {
                collection,
                origin,
                points,
            } => self.traced(collection, origin, points, out),
            Input::Committed { collection, vector } => {
                self.committed(now, collection, vector, out);
            }
            Input::Turn(elsewhere) => self.take_turn(now, &elsewhere, out),
            Input::Membership(statements) => self.learned(statements, out)?,
            Input::Missing(wanted) => self.blobs.want(wanted),
            Input::Addresses(records) => self.tell_addresses(records, out),
            Input::Lacking(count) => self.lacking(count, out),
            Input::BlobLoaded {
                hash,
                offset,
                piece,
            } => self.blob_loaded(hash, offset, piece, out),
            Input::BlobStored { hash, piece } => self.blobs.stored(hash, piece, out),
            Input::BlobArrived(hash) => self.blobs.arrived(hash),
            Input::Documents(id, what) => self.documents(now, id, what, out),
            Input::Tick => self.tick(now, out)?,
        }
        self.compare_documents(now, out);
        Ok(())
    }

    /// Statements that were learned elsewhere go to the peer at once.
    fn learned(&mut self, statements: Vec<Statement>, out: &mut Vec<Output>) -> Step {
        let new = self.merge(statements);
        if new.is_empty() || !matches!(self.phase, Phase::Comparing | Phase::Open) {
            return Ok(());
        }
        self.send_statements(new.iter(), out);
        match self.phase {
            Phase::Open => self.check_members(),
            _ => Ok(()),
        }
    }

    /// Keeps the statements that are new, as far as there is room, and returns them.
    fn merge(&mut self, mut statements: Vec<Statement>) -> Vec<Statement> {
        let mut room = Room::beside(self.me.device, self.statements.values());
        let mut new = Vec::new();
        statements.sort_by_key(|one| *one.action() != Action::Remove);
        for statement in statements {
            let hash = statement.hash();
            if !self.statements.contains_key(&hash) && room.take(&statement) {
                self.statements.insert(hash, statement.clone());
                new.push(statement);
            }
        }
        new
    }

    /// Both ends must belong to the mesh.
    fn check_members(&self) -> Step {
        let all: Vec<Statement> = self.statements.values().cloned().collect();
        let members = Members::of(self.me.device, &all);
        if members.was_removed(self.me.device) {
            Err(CloseReason::Removed)
        } else if members.was_removed(self.peer) {
            Err(CloseReason::PeerRemoved)
        } else if !members.contains(self.peer) {
            Err(CloseReason::NotAMember)
        } else {
            Ok(())
        }
    }

    fn close(&mut self, reason: CloseReason, out: &mut Vec<Output>) {
        if !matches!(reason, CloseReason::ByPeer(_)) {
            let mut text = reason.to_string();
            text.truncate(text.floor_char_boundary(codec::LONGEST_REASON));
            self.send(Frame::Close { reason: text }, out);
        }
        self.phase = Phase::Closed;
        out.push(Output::Close(reason));
    }

    fn send(&mut self, frame: Frame, out: &mut Vec<Output>) {
        self.unsent.push_back(matches!(
            frame,
            Frame::Changes(_) | Frame::Recon(Recon::Anew { .. }) | Frame::Blob { .. }
        ));
        out.push(Output::Send(frame));
    }

    fn report_sync(&mut self, collection: CollectionId, out: &mut Vec<Output>) {
        let Some(side) = self.sides.get_mut(&collection) else {
            return;
        };
        let in_sync = side.is_in_sync();
        let tells = self.phase == Phase::Open && (side.wants_proof() || side.owes_proof());
        if side.in_sync != Some(in_sync) {
            side.in_sync = Some(in_sync);
            out.push(Output::InSync {
                collection,
                in_sync,
            });
        }
        if tells {
            let hashes = self.hashes([collection].into_iter());
            self.send(Frame::Beacon(hashes), out);
        }
    }

    fn report_confirmed(&mut self, collection: CollectionId, out: &mut Vec<Output>) {
        if let Some(side) = self.sides.get(&collection) {
            out.push(Output::Confirmed {
                collection,
                vector: side.their.clone(),
            });
        }
        self.report_sync(collection, out);
    }
}
