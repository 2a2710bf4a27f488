//! Two histories under one origin: points of them are exchanged until the last number that
//! both share is found, and the origin is retired there.

use super::{Output, Session};
use crate::id::{CollectionId, Origin};
use crate::sync::message::Frame;
use crate::sync::{Fork, Reached};

/// Traces of one collection in one session: each one narrows the search to a thirty-second.
const MOST_TRACES: u32 = 64;

impl Session {
    /// Begins the search for where two histories part.
    pub(super) fn forked(&mut self, collection: CollectionId, fork: Fork, out: &mut Vec<Output>) {
        let side = self.sides.entry(collection).or_default();
        if side.stopped {
            return;
        }
        if side.traces > MOST_TRACES {
            self.stop(collection, fork, out);
        } else if side.searching.insert(fork.origin) {
            side.traces += 1;
            out.push(Output::Trace { collection, fork });
            self.report_sync(collection, out);
        }
    }

    /// Our points are for the peer to compare.
    pub(super) fn traced(
        &mut self,
        collection: CollectionId,
        origin: Origin,
        points: Vec<Reached>,
        out: &mut Vec<Output>,
    ) {
        let is_open = self
            .sides
            .get(&collection)
            .is_some_and(|side| !side.stopped);
        if is_open && !points.is_empty() {
            self.send(
                Frame::Trace {
                    collection,
                    origin,
                    points,
                },
                out,
            );
        }
    }

    /// The peer's points are for us to compare.
    pub(super) fn trace(
        &mut self,
        collection: CollectionId,
        origin: Origin,
        points: Vec<Reached>,
        out: &mut Vec<Output>,
    ) {
        let Some(side) = self.sides.get_mut(&collection).filter(|side| !side.stopped) else {
            return;
        };
        side.traces += 1;
        if side.traces > MOST_TRACES {
            let n = points.first().map_or(0, |point| point.n);
            self.stop(collection, Fork { origin, n }, out);
        } else {
            out.push(Output::Compare {
                collection,
                origin,
                points,
            });
        }
    }

    /// Nothing of this collection is exchanged any more: our own log must not take sides.
    fn stop(&mut self, collection: CollectionId, fork: Fork, out: &mut Vec<Output>) {
        let side = self.sides.entry(collection).or_default();
        side.stopped = true;
        out.push(Output::Forked { collection, fork });
        let reason = format!(
            "device {} has numbered two different changes as {}, and where its histories part \
             could not be found",
            fork.origin.device, fork.n
        );
        self.send(Frame::Stopped { collection, reason }, out);
        self.report_sync(collection, out);
    }
}
