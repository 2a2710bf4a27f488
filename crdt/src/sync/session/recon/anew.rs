//! Documents sent anew: what one device has lost, or what came before what it builds on.

use super::Listening;
use crate::id::{CollectionId, DocId, Timestamp};
use crate::sync::changes::ChangesError;
use crate::sync::codec::{MOST_DOCS, TARGET_CHANGES};
use crate::sync::message::{Bytes, Frame, Recon};
use crate::sync::session::{CloseReason, ForDocuments, HeldUp, Outbound, Output, Session, Step};
use crate::sync::{Entry, VersionVector};

/// Documents whose changes are read for one frame.
const DOCS_AT_ONCE: usize = 256;

impl Session {
    /// The peer wants documents anew, or says that both have the same.
    pub(in crate::sync::session) fn wanted(
        &mut self,
        now: Timestamp,
        id: CollectionId,
        docs: Vec<DocId>,
        out: &mut Vec<Output>,
    ) -> Step {
        if docs.is_empty() {
            let told = self.comparing.speaking.take_if(|it| it.collection == id);
            if told.is_some() {
                self.same(now, id, out);
            }
            return Ok(());
        }
        let (waiting, _) = self.comparing.anew.entry(id).or_default();
        if waiting.len() + docs.len() > 2 * MOST_DOCS {
            return Err(CloseReason::Protocol("too many documents wanted"));
        }
        waiting.extend(docs);
        Ok(())
    }

    /// Reads the next documents that are sent anew; false where there are none.
    pub(in crate::sync::session) fn serve_anew(&mut self, out: &mut Vec<Output>) -> bool {
        let Some((id, (docs, skip))) = self.comparing.anew.first_key_value() else {
            return false;
        };
        self.outbound = Outbound::Loading;
        out.push(Output::Documents(
            *id,
            ForDocuments::Load {
                docs: docs.iter().take(DOCS_AT_ONCE).copied().collect(),
                skip: *skip,
                max_bytes: TARGET_CHANGES,
            },
        ));
        true
    }

    pub(in crate::sync::session) fn anew_loaded(
        &mut self,
        id: CollectionId,
        entries: &[Entry],
        done: usize,
        skip: usize,
        out: &mut Vec<Output>,
    ) {
        let Some((docs, skipped)) = self.comparing.anew.get_mut(&id) else {
            return;
        };
        docs.drain(..done.min(docs.len()));
        *skipped = skip;
        let last = docs.is_empty();
        if last {
            self.comparing.anew.remove(&id);
        }
        let body = Bytes(self.spoken.encode(id, entries));
        self.outbound = Outbound::Sending;
        self.send(Frame::Recon(Recon::Anew { body, last }), out);
    }

    /// Documents came anew.
    pub(in crate::sync::session) fn anew(
        &mut self,
        now: Timestamp,
        body: &Bytes,
        last: bool,
        out: &mut Vec<Output>,
    ) -> Step {
        let (id, entries) = match self.heard.decode(&body.0) {
            Ok(read) => read,
            Err(ChangesError::Malformed) => {
                return Err(CloseReason::Protocol("changes that can not be read"));
            }
            // numbers are explained again at every Have; what differs is found again then
            Err(ChangesError::Unexplained(_)) => {
                self.comparing.listening = None;
                let all: Vec<CollectionId> = self.sides.keys().copied().collect();
                for id in all {
                    self.ask(now, id, out);
                }
                return Ok(());
            }
        };
        if self.sides.contains_key(&id) {
            self.comparing.storing.push_back((id, last));
            out.push(Output::Documents(id, ForDocuments::Store { entries }));
        }
        Ok(())
    }

    pub(in crate::sync::session) fn anew_stored(
        &mut self,
        now: Timestamp,
        id: CollectionId,
        vector: VersionVector,
        changes: usize,
        out: &mut Vec<Output>,
    ) {
        if let Some((stored, true)) = self.comparing.storing.pop_front()
            && let Some(Listening::Regaining { collection, waits }) = &mut self.comparing.listening
            && *collection == stored
        {
            *waits = false;
        }
        if let Some(side) = self.sides.get_mut(&id) {
            side.ours = vector;
        }
        if changes > 0 {
            self.moved(now, id, out);
        }
        self.report_sync(id, out);
    }

    /// Something came that builds on what is not here. Where it does so again, after it was asked
    /// for, it is not on its way: the document is wanted anew, once.
    pub(in crate::sync::session) fn missed(
        &mut self,
        id: CollectionId,
        held: HeldUp,
        misses: Vec<DocId>,
        out: &mut Vec<Output>,
    ) {
        if held != HeldUp::Gap {
            self.comparing.missed.remove(&id);
            return;
        }
        // a frame after the one in which it is missed says nothing of it
        let before = self.comparing.missed.entry(id).or_default();
        let wanted = &self.comparing.wanted;
        let again: Vec<DocId> = (misses.iter())
            .filter(|doc| before.contains(doc) && !wanted.contains(&(id, **doc)))
            .take(MOST_DOCS.saturating_sub(wanted.len()))
            .copied()
            .collect();
        before.extend(misses.iter().take(MOST_DOCS.saturating_sub(before.len())));
        if !again.is_empty() {
            let wanted = again.iter().map(|doc| (id, *doc));
            self.comparing.wanted.extend(wanted);
            let docs = again;
            self.send(
                Frame::Recon(Recon::Want {
                    collection: id,
                    docs,
                }),
                out,
            );
        }
    }
}
