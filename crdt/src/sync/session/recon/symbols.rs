//! Symbols: given by the one, taken by the other, until it is known what differs.

use std::collections::BTreeSet;

use super::{Listening, Speaking};
use crate::id::{CollectionId, DocId, Timestamp};
use crate::sync::codec::MOST_DOCS;
use crate::sync::message::{Bytes, Frame, Recon, Symbols};
use crate::sync::recon::{Decoder, Difference, Key, Progress, ReconError, Salt, Sketch, Symbol};
use crate::sync::session::{CloseReason, ForDocuments, Outcome, Output, Session, Step};
use crate::sync::{VectorHash, VersionVector};

impl Session {
    /// The peer wants symbols.
    pub(in crate::sync::session) fn asked(
        &mut self,
        now: Timestamp,
        id: CollectionId,
        from: u32,
        count: u32,
        out: &mut Vec<Output>,
    ) -> Step {
        if from == 0 {
            if !self.comparing.may_begin(now) {
                return Err(ReconError::Endless.into());
            }
            self.comparing.speaking = Some(Speaking {
                collection: id,
                names: VectorHash([0; 8]),
                salt: Salt::default(),
                sketch: None,
                wanted: count as usize,
            });
            out.push(Output::Documents(id, ForDocuments::LoadStates));
            return Ok(());
        }
        let out_of_turn = CloseReason::Protocol("symbols asked for out of turn");
        let speaking = self.comparing.speaking.as_mut();
        let fits = speaking.filter(|it| {
            let made = it.sketch.as_ref().map(Sketch::made);
            it.collection == id && made == Some(u64::from(from))
        });
        fits.ok_or(out_of_turn)?.wanted = count as usize;
        self.speak(out);
        Ok(())
    }

    fn speak(&mut self, out: &mut Vec<Output>) {
        let Some(speaking) = &mut self.comparing.speaking else {
            return;
        };
        let Some(sketch) = &mut speaking.sketch else {
            return;
        };
        let symbols = Symbols {
            collection: speaking.collection,
            names: speaking.names,
            size: sketch.len(),
            salt: speaking.salt,
            // the codec bounds how many were asked for
            from: u32::try_from(sketch.made()).unwrap_or(u32::MAX),
            symbols: Bytes(Symbol::write(&sketch.symbols(speaking.wanted))),
        };
        self.send(Frame::Recon(Recon::Symbols(symbols)), out);
    }

    /// Our states were read, to be told or to be compared.
    pub(in crate::sync::session) fn states(
        &mut self,
        id: CollectionId,
        vector: VersionVector,
        names: VectorHash,
        (keys, salt): (Vec<Key>, Salt),
        out: &mut Vec<Output>,
    ) {
        if let Some(side) = self.sides.get_mut(&id) {
            side.ours = vector;
        }
        if let Some(speaking) = &mut self.comparing.speaking
            && speaking.collection == id
            && speaking.sketch.is_none()
        {
            speaking.sketch = Some(Sketch::of(keys, salt));
            (speaking.names, speaking.salt) = (names, salt);
            self.speak(out);
        } else if let Some(Listening::Loading(it, anyway)) = self.comparing.listening
            && it == id
        {
            self.comparing.listening = Some(Listening::Hearing {
                collection: id,
                names: (!anyway).then_some(names),
                keys,
                decoder: None,
            });
            self.ask_for_symbols(id, 0, Decoder::first(), out);
        }
    }

    fn ask_for_symbols(
        &mut self,
        id: CollectionId,
        from: u64,
        count: usize,
        out: &mut Vec<Output>,
    ) {
        // both are bounded by the decoder
        let number = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let ask = Recon::Ask {
            collection: id,
            from: number(from),
            count: number(count as u64),
        };
        self.send(Frame::Recon(ask), out);
    }

    /// Symbols came.
    pub(in crate::sync::session) fn symbols(
        &mut self,
        now: Timestamp,
        said: Symbols,
        out: &mut Vec<Output>,
    ) -> Step {
        let id = said.collection;
        let Some(Listening::Hearing {
            collection,
            names,
            keys,
            decoder,
        }) = &mut self.comparing.listening
        else {
            return Err(CloseReason::Protocol("symbols that nobody asked for"));
        };
        if *collection != id {
            return Err(CloseReason::Protocol("symbols that nobody asked for"));
        }
        if names.is_some_and(|names| names != said.names) {
            // something was stored on the way: it is compared again when both name the same
            self.comparing.listening = None;
            return Ok(());
        }
        let decoder = decoder.get_or_insert_with(|| {
            Box::new(Decoder::of(std::mem::take(keys), said.size, said.salt))
        });
        if decoder.heard() != u64::from(said.from) {
            return Err(ReconError::Malformed.into());
        }
        let heard = Symbol::read(&said.symbols.0)?;
        match decoder.take(&heard)? {
            Progress::Wants(count) => {
                let from = decoder.heard();
                self.ask_for_symbols(id, from, count, out);
            }
            Progress::Done(difference) if difference.is_empty() => {
                self.comparing.listening = None;
                let docs = Vec::new();
                self.send(
                    Frame::Recon(Recon::Want {
                        collection: id,
                        docs,
                    }),
                    out,
                );
                self.same(now, id, out);
            }
            Progress::Done(difference) => self.differs(id, &difference, out),
        }
        Ok(())
    }

    fn differs(&mut self, id: CollectionId, found: &Difference, out: &mut Vec<Output>) {
        let incarnation = self.comparing.peer_incarnation;
        let docs = |keys: &BTreeSet<Key>| -> BTreeSet<DocId> {
            let doc = |key: &Key| key.first_chunk().map(|id| DocId(*id));
            keys.iter().filter_map(doc).take(MOST_DOCS).collect()
        };
        let (wanted, told) = (docs(&found.theirs), docs(&found.ours));
        let count = found.theirs.len() + found.ours.len();
        self.comparing.listening = None;
        let Some(side) = self.sides.get_mut(&id) else {
            return;
        };
        (side.differs, side.proven) = (true, false);
        let is_less = side.audit.found.is_none_or(|before| count < before);
        side.audit.found = Some(count);
        let documents = wanted.union(&told).count();
        let outcome = if is_less {
            Outcome::Differs(documents)
        } else {
            let now = Some((side.ours.sum(), side.their.sum()));
            side.audit.found = None;
            // what has changed meanwhile was not compared: it is looked at again when that is due
            if side.audit.begun_at == now {
                (side.audit.rests_at, side.audit.due) = (now, None);
            }
            Outcome::StillDiffers(documents)
        };
        out.push(Output::Documents(
            id,
            ForDocuments::Compared {
                outcome,
                incarnation,
            },
        ));
        self.report_sync(id, out);
        if !is_less {
            return;
        }
        let waits = !wanted.is_empty();
        if waits {
            let docs = wanted.into_iter().collect();
            self.send(
                Frame::Recon(Recon::Want {
                    collection: id,
                    docs,
                }),
                out,
            );
        }
        self.comparing.listening = Some(Listening::Regaining {
            collection: id,
            waits,
        });
        if !told.is_empty() {
            self.comparing.anew.entry(id).or_default().0.extend(told);
        }
    }

    /// Each document of both is the same.
    pub(super) fn same(&mut self, now: Timestamp, id: CollectionId, out: &mut Vec<Output>) {
        let incarnation = self.comparing.peer_incarnation;
        if let Some(side) = self.sides.get_mut(&id) {
            side.is_the_same();
            side.audit.last = Some((now, incarnation));
        }
        out.push(Output::Documents(
            id,
            ForDocuments::Compared {
                outcome: Outcome::Same,
                incarnation,
            },
        ));
        self.report_sync(id, out);
    }
}
