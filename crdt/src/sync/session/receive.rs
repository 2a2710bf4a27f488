//! What the peer says, and what became of it in the store.

use std::collections::BTreeMap;

use super::credit::price_of;
use super::send::later;
use super::side::{Retry, Storing};
use super::{CloseReason, HeldUp, Output, PATIENCE, Phase, Session, Step};
use crate::id::{CollectionId, Timestamp};
use crate::sync::changes::ChangesError;
use crate::sync::codec::MOST_COLLECTIONS;
use crate::sync::membership::{self, Room, Statement, StatementHash};
use crate::sync::message::{Bytes, Frame, Hello, NumberReached, Tag, VERSION};
use crate::sync::{Fork, Reached, VectorHash, VersionVector};

impl Session {
    pub(super) fn received(&mut self, now: Timestamp, frame: Frame, out: &mut Vec<Output>) -> Step {
        match (self.paid(now, frame)?, self.phase) {
            (Frame::Close { reason }, _) => return Err(CloseReason::ByPeer(reason)),
            (Frame::Hello(hello), Phase::Greeted) => self.hello(now, hello, out)?,
            (Frame::Membership(all), Phase::Comparing | Phase::Open) => {
                self.membership(now, &all, out)?;
            }
            (Frame::Have(have), Phase::Open) => {
                self.have(now, have.collection, have.vector(), out)?;
            }
            (
                Frame::Trace {
                    collection,
                    origin,
                    points,
                },
                Phase::Open,
            ) => self.trace(collection, origin, points, out),
            (Frame::Changes(body), Phase::Open) => self.changes(now, &body, out)?,
            (
                Frame::Ack {
                    collection,
                    reached,
                },
                Phase::Open,
            ) => {
                self.ack(now, collection, &reached, out)?;
            }
            (Frame::Beacon(hashes), Phase::Open) => self.compare(now, &hashes, out),
            (Frame::Addresses(records), Phase::Open) => self.hear_addresses(records, out),
            (Frame::Lacks(count), Phase::Comparing | Phase::Open) => self.peer_lacks(count, out),
            (Frame::BlobWant(wanted), Phase::Open) => self.blobs.wanted_by_peer(&wanted),
            (
                Frame::Blob {
                    hash,
                    offset,
                    total,
                    bytes,
                },
                Phase::Open,
            ) => {
                self.blob_came(now, (hash, offset, total, bytes), out)?;
            }
            (Frame::Stopped { collection, reason }, Phase::Open) => {
                self.peer_stopped(collection, reason, out);
            }
            (Frame::Recon(frame), Phase::Open) => self.recon(now, frame, out)?,
            (Frame::Hello(_), _) => return Err(CloseReason::Protocol("a second Hello")),
            (
                Frame::Membership(_)
                | Frame::Have(_)
                | Frame::Changes(_)
                | Frame::Ack { .. }
                | Frame::Beacon(_)
                | Frame::BlobWant(_)
                | Frame::Lacks(_)
                | Frame::Addresses(_)
                | Frame::Blob { .. }
                | Frame::Stopped { .. }
                | Frame::Recon(_)
                | Frame::Trace { .. },
                _,
            ) => return Err(CloseReason::Protocol("data before Hello and membership")),
        }
        self.mesh_first(now, out);
        Ok(())
    }

    fn peer_stopped(&mut self, id: CollectionId, reason: String, out: &mut Vec<Output>) {
        if let Some(side) = self.sides.get_mut(&id) {
            side.stopped = true;
        }
        let collection = id;
        out.push(Output::PeerStopped { collection, reason });
        self.report_sync(id, out);
    }

    fn hello(&mut self, now: Timestamp, hello: Hello, out: &mut Vec<Output>) -> Step {
        if hello.version != VERSION {
            return Err(CloseReason::Version {
                theirs: hello.version,
                ours: VERSION,
            });
        }
        if hello.device != self.peer {
            return Err(CloseReason::OtherDevice(hello.device));
        }
        self.peer_lacks(hello.lacking, out);
        self.greets(now, hello.incarnation);
        self.greeting = hello.collections.into_iter().collect();
        let all: Vec<Statement> = self.statements.values().cloned().collect();
        // both Hellos decide, so that both decide the same
        let is_same = hello.membership == self.greeted;
        if !is_same || self.greeted != membership::head(&all) {
            self.send_statements(all.iter(), out);
        }
        if is_same {
            self.check_members()?;
            self.open(now, out);
        } else {
            self.phase = Phase::Comparing;
        }
        Ok(())
    }

    fn membership(&mut self, now: Timestamp, all: &[Bytes], out: &mut Vec<Output>) -> Step {
        let mut statements = Vec::with_capacity(all.len());
        for bytes in all {
            let statement = Statement::from_bytes(&bytes.0)
                .map_err(|_| CloseReason::Protocol("a false statement of membership"))?;
            statements.push(statement);
        }
        let by_peer = statements.iter().filter(|one| one.author() == self.peer);
        let by_peer: Vec<StatementHash> = by_peer.map(Statement::hash).collect();
        let new = self.merge(statements);
        if !new.is_empty() {
            out.push(Output::StoreMembership(new));
        }
        // others pass on what they had room for; who makes too much is not listened to
        let is_left_out = |hash: &StatementHash| !self.statements.contains_key(hash);
        let room = Room::beside(self.me.device, self.statements.values());
        if room.is_full(self.peer) && by_peer.iter().any(is_left_out) {
            return Err(CloseReason::Protocol(
                "more statements of membership than one device may make",
            ));
        }
        self.check_members()?;
        if self.phase == Phase::Comparing {
            self.open(now, out);
        }
        Ok(())
    }

    fn have(
        &mut self,
        now: Timestamp,
        id: CollectionId,
        vector: VersionVector,
        out: &mut Vec<Output>,
    ) -> Step {
        if !self.sides.contains_key(&id) && self.sides.len() >= MOST_COLLECTIONS {
            return Err(CloseReason::Protocol("too many collections"));
        }
        // The peer may have missed how we number things.
        self.spoken.forget_explained();
        let side = self.sides.entry(id).or_default();
        if side.stopped {
            return Ok(());
        }
        side.heard = true;
        side.sent = vector.clone();
        side.said = Some(vector.hash());
        side.their = vector;
        side.outdated = true;
        side.unanswered.clear();
        side.blocked = false;
        side.searching.clear();
        let retired = side.ours.retired_beyond(&side.their);
        let knows_less = !side.their.retired_beyond(&side.ours).is_empty();
        let fork = side.ours.fork_with(&side.their);
        side.weigh(now);
        let ask = if side.is_behind() || knows_less || side.differs {
            side.told != Some(side.ours.hash())
        } else {
            side.retry = None;
            side.gap_asked = false;
            // A peer that was never told waits for our word, also where both hold nothing.
            side.told.is_none()
        };
        self.report_confirmed(id, out);
        if !retired.is_empty() {
            let origins = retired;
            out.push(Output::Retire {
                collection: id,
                origins,
            });
        }
        if let Some((origin, n)) = fork {
            self.forked(id, Fork { origin, n }, out);
        }
        if ask {
            self.ask(now, id, out);
        }
        Ok(())
    }

    fn changes(&mut self, now: Timestamp, body: &Bytes, out: &mut Vec<Output>) -> Step {
        match self.heard.decode(&body.0) {
            Ok((id, entries)) => {
                if !self.sides.contains_key(&id) && self.sides.len() >= MOST_COLLECTIONS {
                    return Err(CloseReason::Protocol("too many collections"));
                }
                let side = self.sides.entry(id).or_default();
                if side.stopped || entries.is_empty() {
                    return Ok(());
                }
                let mut last = BTreeMap::new();
                for entry in &entries {
                    last.insert(entry.origin, entry.n);
                }
                let bytes = entries.iter().map(|entry| entry.bytes.len()).sum();
                side.storing.push_back(Storing { last, bytes });
                out.push(Output::Store {
                    collection: id,
                    entries,
                });
            }
            Err(ChangesError::Unexplained(Some(id))) => self.ask(now, id, out),
            Err(ChangesError::Unexplained(None)) => {
                let all: Vec<CollectionId> = self.sides.keys().copied().collect();
                for id in all {
                    self.ask(now, id, out);
                }
            }
            Err(ChangesError::Malformed) => {
                return Err(CloseReason::Protocol("changes that can not be read"));
            }
        }
        Ok(())
    }

    pub(super) fn stored(
        &mut self,
        now: Timestamp,
        id: CollectionId,
        vector: VersionVector,
        held: HeldUp,
        forks: &[Fork],
        out: &mut Vec<Output>,
    ) -> Step {
        let Some(side) = self.sides.get_mut(&id) else {
            return Ok(());
        };
        let moved = side.ours != vector;
        side.ours = vector;
        let brought = side.storing.pop_front().unwrap_or_default();
        if !moved {
            self.credit.charge(now, price_of(brought.bytes))?;
        }
        let mut answer = Vec::with_capacity(brought.last.len());
        for (origin, n) in brought.last {
            #[cfg(feature = "mutants")]
            if crate::mutants::is(crate::mutants::Mutant::UnappliedCovered) {
                let chain = side.their.reached(&origin).chain;
                side.ours.set(origin, Reached { n, chain });
            }
            let Reached { n: ours, chain } = side.ours.reached(&origin);
            let is_fork = forks.iter().any(|fork| fork.origin == origin);
            if ours == n && !is_fork {
                // The peer holds what it has sent; under a forked name that is something else.
                for vector in [&mut side.sent, &mut side.their] {
                    if vector.reached(&origin).n < n {
                        vector.set(origin, Reached { n, chain });
                    }
                }
            }
            if let Some(name) = self.heard.origin(origin) {
                answer.push(NumberReached {
                    name,
                    n: ours,
                    chain,
                });
            }
        }
        // A gap is asked about once; and once more when something came that may fill it.
        let ask = match held {
            HeldUp::Gap => !side.gap_asked,
            HeldUp::Nothing | HeldUp::Quarantined => moved && side.gap_asked,
        };
        side.gap_asked = held == HeldUp::Gap;
        side.parked |= held == HeldUp::Quarantined;
        if !side.lacks() {
            side.retry = None;
        } else if moved && let Some(retry) = &mut side.retry {
            // It is coming: no need to ask again soon.
            let at = later(now, PATIENCE);
            *retry = Retry { attempt: 0, at };
        }
        if let Some(collection) = self.heard.collection(id) {
            self.send(
                Frame::Ack {
                    collection,
                    reached: answer,
                },
                out,
            );
        }
        for fork in forks {
            self.forked(id, *fork, out);
        }
        if ask {
            self.ask(now, id, out);
        }
        if moved {
            self.retry_gaps(now, |other| other != id, out);
        }
        self.report_sync(id, out);
        self.mesh_first(now, out);
        Ok(())
    }

    fn ack(
        &mut self,
        now: Timestamp,
        number: u32,
        reached: &[NumberReached],
        out: &mut Vec<Output>,
    ) -> Step {
        let unknown = || CloseReason::Protocol("an Ack for something that was never sent");
        let id = self.spoken.collection(number).ok_or_else(unknown)?;
        let side = self.sides.get_mut(&id).ok_or_else(unknown)?;
        if side.unanswered.pop_front().is_none() {
            self.credit.charge(now, 1)?;
        }
        for it in reached {
            let origin = self.spoken.origin(it.name).ok_or_else(unknown)?;
            side.their.set(
                origin,
                Reached {
                    n: it.n,
                    chain: it.chain,
                },
            );
        }
        match side.ours.fork_with(&side.their) {
            Some((origin, n)) => self.forked(id, Fork { origin, n }, out),
            None => self.report_confirmed(id, out),
        }
        Ok(())
    }

    /// Compares what the peer holds now with what we hold.
    fn compare(&mut self, now: Timestamp, hashes: &[(Tag, VectorHash)], out: &mut Vec<Output>) {
        for (tag, hash) in hashes {
            let Some(id) = self.sides.keys().copied().find(|id| Tag::from(*id) == *tag) else {
                // The peer sees that we lack it, and tells.
                continue;
            };
            let Some(side) = self.sides.get_mut(&id).filter(|side| !side.stopped) else {
                continue;
            };
            if side.ours.hash() == *hash {
                side.agree();
                self.same_sum(now, id, out);
                self.report_confirmed(id, out);
            } else if side.storing.is_empty() {
                self.ask(now, id, out);
            }
        }
    }
}
