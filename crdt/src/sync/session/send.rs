//! What to say and when: greetings, questions, changes in turn, beacons.

use std::collections::BTreeSet;

use super::side::{Retry, Side};
use super::{
    BEACON_ALWAYS, BEACON_SOON, CloseReason, MESH_FIRST, Outbound, Output, PATIENCE, Phase,
    Session, Step,
};
use crate::id::{CollectionId, Timestamp};
use crate::sync::backoff;
use crate::sync::codec::{MOST_COLLECTIONS, TARGET_CHANGES};
use crate::sync::membership::{self, Statement};
use crate::sync::message::{Bytes, Frame, Hello, Tag, VERSION};
use crate::sync::{Entry, Fork, VersionVector};

/// Packed changes on their way to the peer, or being stored there, beyond which it is waited until
/// it says that they are: what is lost when it dies is sent twice. At 50 ms there and back it still
/// lets 1 MB a second through, a year of a heavy user's edits.
pub(super) const ON_THE_WAY: usize = 64 << 10;
/// The first time to wait before asking again, as a number of doublings of a second.
const PATIENT: u32 = 3;

impl Session {
    pub(super) fn started(
        &mut self,
        now: Timestamp,
        collections: Vec<(CollectionId, VersionVector)>,
        membership: Vec<Statement>,
        out: &mut Vec<Output>,
    ) {
        if self.phase != Phase::New {
            return;
        }
        self.phase = Phase::Greeted;
        self.beacon_always = later(now, BEACON_ALWAYS);
        self.sides = collections
            .into_iter()
            .map(|(id, ours)| (id, Side::of(ours)))
            .collect();
        self.merge(membership);
        let all: Vec<Statement> = self.statements.values().cloned().collect();
        self.greeted = membership::head(&all);
        let hello = Hello {
            version: VERSION,
            device: self.me.device,
            incarnation: self.me.incarnation,
            membership: self.greeted,
            collections: self.hashes(self.sides.keys().copied()),
            lacking: self.blobs.said,
        };
        for side in self.sides.values_mut() {
            side.greeted = Some(side.ours.hash());
        }
        self.send(Frame::Hello(hello), out);
    }

    /// Membership is settled: compare collections, the mesh's own first.
    pub(super) fn open(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        self.phase = Phase::Open;
        self.tell_addresses(Vec::new(), out);
        let mesh_differs = self.greeting.get(&Tag::from(CollectionId::MESH))
            != self
                .sides
                .get(&CollectionId::MESH)
                .map(|side| side.ours.hash())
                .as_ref();
        self.mesh_first_until = mesh_differs.then(|| later(now, MESH_FIRST));
        let ids: Vec<CollectionId> = self.sides.keys().copied().collect();
        for id in ids {
            let Some(side) = self.sides.get_mut(&id) else {
                continue;
            };
            if self.greeting.get(&Tag::from(id)) == Some(&side.ours.hash()) {
                side.agree();
                self.same_sum(now, id, out);
                self.report_confirmed(id, out);
            } else {
                self.ask(now, id, out);
            }
        }
    }

    /// Tells what is applied here, which asks for what lies beyond it.
    pub(super) fn ask(&mut self, now: Timestamp, id: CollectionId, out: &mut Vec<Output>) {
        let Some(side) = self.sides.get_mut(&id) else {
            return;
        };
        if side.stopped || side.parked {
            return;
        }
        // where nothing is lacking this is an answer, and makes the peer send nothing
        let waits =
            self.mesh_first_until.is_some() || (self.takes_turns && !self.turn.contains(&id));
        if waits && side.lacks() && id != CollectionId::MESH {
            side.wants_to_ask = true;
            return;
        }
        let attempt = side.retry.map_or(0, |retry| retry.attempt + 1);
        let pause = backoff::pause(attempt + PATIENT, self.me.seed);
        let at = later(now, u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
        side.retry = Some(Retry { attempt, at });
        side.wants_to_ask = false;
        side.told = Some(side.ours.hash());
        let have = Frame::have(id, &side.ours);
        self.send(have, out);
    }

    /// The others may ask once the mesh's own collection is as far as it gets.
    pub(super) fn mesh_first(&mut self, now: Timestamp, out: &mut Vec<Output>) {
        let Some(until) = self.mesh_first_until else {
            return;
        };
        let waits = now < until
            && self
                .sides
                .get(&CollectionId::MESH)
                .is_none_or(|mesh| mesh.is_coming());
        if waits {
            return;
        }
        self.mesh_first_until = None;
        for id in self.waiting_to_ask() {
            self.ask(now, id, out);
        }
    }

    /// Asks for what nobody else brings.
    pub(super) fn take_turn(
        &mut self,
        now: Timestamp,
        elsewhere: &BTreeSet<CollectionId>,
        out: &mut Vec<Output>,
    ) {
        if self.phase != Phase::Open {
            return;
        }
        self.turn = self
            .waiting_to_ask()
            .difference(elsewhere)
            .copied()
            .collect();
        for id in self.turn.clone() {
            self.ask(now, id, out);
        }
        self.turn.clear();
    }

    /// Starts the next large thing, if nothing large is on its way: changes of the mesh's
    /// own collection, then of the others in turn, then blobs.
    pub(super) fn pump(&mut self, out: &mut Vec<Output>) {
        if self.phase != Phase::Open {
            return;
        }
        let on_the_way = self.sides.values().flat_map(|side| &side.unanswered);
        if self.outbound == Outbound::Idle && on_the_way.sum::<usize>() < ON_THE_WAY {
            let next = |from: &CollectionId| {
                self.sides
                    .range((std::ops::Bound::Excluded(*from), std::ops::Bound::Unbounded))
                    .chain(self.sides.range(..=*from))
                    .find(|(_, side)| side.has_news())
                    .map(|(id, _)| *id)
            };
            let mesh = self
                .sides
                .get(&CollectionId::MESH)
                .is_some_and(Side::has_news);
            let id = if mesh {
                Some(CollectionId::MESH)
            } else {
                next(&self.last_served)
            };
            match id.and_then(|id| Some((id, self.sides.get_mut(&id)?))) {
                Some((id, side)) => {
                    (side.loading, side.outdated) = (true, false);
                    self.last_served = id;
                    self.outbound = Outbound::Loading;
                    let their = side.sent.clone();
                    out.push(Output::Load {
                        collection: id,
                        their,
                        max_bytes: TARGET_CHANGES,
                    });
                }
                None => {
                    if !self.serve_anew(out) {
                        self.serve_blob(out);
                    }
                }
            }
        }
        if !self.sides.values().any(Side::is_coming) {
            self.want_blobs(out);
        }
    }

    pub(super) fn loaded(
        &mut self,
        now: Timestamp,
        id: CollectionId,
        entries: &[Entry],
        after: VersionVector,
        forks: &[Fork],
        out: &mut Vec<Output>,
    ) {
        let Some(side) = self.sides.get_mut(&id).filter(|side| side.loading) else {
            return;
        };
        side.loading = false;
        self.outbound = Outbound::Idle;
        let is_outdated = side.outdated || side.stopped;
        if !forks.is_empty() {
            for fork in forks {
                self.forked(id, *fork, out);
            }
        }
        let Some(side) = self.sides.get_mut(&id) else {
            return;
        };
        if is_outdated {
            // Read for a peer that has said something else meanwhile: read again.
        } else if entries.is_empty() {
            // What is lacking is not in the log; only a later word of the peer can help.
            side.blocked = forks.is_empty() && !side.their.covers(&side.ours);
            side.sent.raise(&side.ours);
        } else {
            side.sent = after;
            let body = self.spoken.encode(id, entries);
            side.unanswered.push_back(body.len());
            self.outbound = Outbound::Sending;
            self.send(Frame::Changes(Bytes(body)), out);
            self.edited.insert(id);
            self.beacon_soon = Some(later(now, BEACON_SOON));
        }
    }

    pub(super) fn committed(
        &mut self,
        now: Timestamp,
        id: CollectionId,
        vector: VersionVector,
        out: &mut Vec<Output>,
    ) {
        let new = !self.sides.contains_key(&id);
        if new && self.sides.len() >= MOST_COLLECTIONS {
            return;
        }
        let side = self.sides.entry(id).or_default();
        let moved = side.ours != vector;
        let has_retired = !side.ours.retired_beyond(&vector).is_empty();
        side.ours = vector;
        // others have brought what this peer has told of
        if moved && side.is_as_said() {
            side.weigh(now);
        }
        if has_retired {
            side.searching.clear();
            side.traces = 0;
        }
        if self.phase != Phase::Open {
            return;
        }
        if new || has_retired {
            self.ask(now, id, out);
        }
        if moved {
            self.moved(now, id, out);
        }
        self.report_sync(id, out);
    }

    /// What is here of a collection is not what it was.
    pub(super) fn moved(&mut self, now: Timestamp, id: CollectionId, out: &mut Vec<Output>) {
        self.edited.insert(id);
        self.beacon_soon = Some(later(now, BEACON_SOON));
        self.retry_gaps(now, |_| true, out);
    }

    /// Something was stored: what came too early in these collections may fit now.
    pub(super) fn retry_gaps(
        &mut self,
        now: Timestamp,
        which: impl Fn(CollectionId) -> bool,
        out: &mut Vec<Output>,
    ) {
        let held: Vec<CollectionId> = self
            .sides
            .iter()
            .filter(|(id, side)| side.gap_asked && which(**id))
            .map(|(id, _)| *id)
            .collect();
        for id in held {
            self.ask(now, id, out);
        }
    }

    pub(super) fn tick(&mut self, now: Timestamp, out: &mut Vec<Output>) -> Step {
        if self
            .waiting_since
            .is_some_and(|since| now.0.saturating_sub(since.0) >= PATIENCE)
        {
            return Err(CloseReason::Silent);
        }
        if self.phase != Phase::Open {
            return Ok(());
        }
        self.mesh_first(now, out);
        let due: Vec<CollectionId> = self
            .sides
            .iter()
            .filter(|(_, side)| side.lacks() && side.retry.is_some_and(|retry| retry.at <= now))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.ask(now, id, out);
        }
        if now >= self.beacon_always {
            self.beacon_always = later(now, BEACON_ALWAYS);
            self.blobs.ask_again();
            self.comparing.ask_again();
            let all: Vec<CollectionId> = self.sides.keys().copied().collect();
            self.beacon(&all, out);
        } else if self.beacon_soon.is_some_and(|at| at <= now) {
            let edited: Vec<CollectionId> = self.edited.iter().copied().collect();
            self.beacon(&edited, out);
        }
        Ok(())
    }

    fn beacon(&mut self, ids: &[CollectionId], out: &mut Vec<Output>) {
        self.beacon_soon = None;
        self.edited.clear();
        let hashes = self.hashes(ids.iter().copied());
        self.send(Frame::Beacon(hashes), out);
    }

    pub(super) fn send_statements<'a>(
        &mut self,
        statements: impl Iterator<Item = &'a Statement>,
        out: &mut Vec<Output>,
    ) {
        let encoded = statements
            .map(|statement| Bytes(statement.to_bytes()))
            .collect();
        self.send(Frame::Membership(encoded), out);
    }

    pub(super) fn hashes(
        &self,
        ids: impl Iterator<Item = CollectionId>,
    ) -> Vec<(Tag, crate::sync::VectorHash)> {
        ids.filter_map(|id| Some((id.into(), self.sides.get(&id)?.ours.hash())))
            .take(MOST_COLLECTIONS)
            .collect()
    }
}

pub(super) fn later(now: Timestamp, milliseconds: u64) -> Timestamp {
    Timestamp(now.0.saturating_add(milliseconds))
}
