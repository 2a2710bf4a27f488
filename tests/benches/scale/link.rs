//! Two devices with real stores and real sessions; only the wire between them is memory.

use std::collections::VecDeque;
use std::sync::LazyLock;

use ed25519_dalek::SigningKey;
use pimesh_crdt::store::{Committed, Piece, Store, Why};
use pimesh_crdt::sync::membership::{Action, Statement};
use pimesh_crdt::sync::{
    ForDocuments, HeldUp, Identity, Input, Output, Session, StoredPiece, VersionVector, WantedBlob,
    codec,
};
use pimesh_crdt::{CollectionId, DeviceId, Timestamp};

use super::data::{CALENDAR, CONTACTS};

/// When everything happens.
pub(crate) const NOW: Timestamp = Timestamp(1_795_000_000_000);
/// The length in front of every frame on the wire.
const HEADER: usize = 4;
/// Blobs asked for at once, as the node does.
const BLOBS_AT_ONCE: usize = 64;

/// When a frame counts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wire {
    /// At once: the wire holds any number.
    Long,
    /// When it arrives: one large frame at a time.
    Short,
}

/// One of the two devices.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) store: Store,
    session: Session,
    /// Frames on their way here.
    pub(crate) waiting: VecDeque<Vec<u8>>,
    /// Its frames, for those who want to hear them again.
    pub(crate) recording: Option<Vec<Vec<u8>>>,
    /// Changed only while nothing is on its way from here.
    pub(crate) wire: Wire,
}

/// Both, and what has gone over the wire.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) ends: [End; 2],
    pub(crate) bytes: usize,
    pub(crate) frames: usize,
}

/// The key of a device.
pub(crate) fn key(name: u8) -> SigningKey {
    SigningKey::from_bytes(&[name + 1; 32])
}

/// The id of a device.
pub(crate) fn device(name: u8) -> DeviceId {
    static IDS: LazyLock<[DeviceId; 2]> =
        LazyLock::new(|| [0, 1].map(|name| DeviceId(key(name).verifying_key().to_bytes())));
    IDS[usize::from(name)]
}

/// What both have stated about each other.
fn statements() -> Vec<Statement> {
    [(0, 1), (1, 0)]
        .into_iter()
        .map(|(author, subject)| {
            let name = format!("device {subject}");
            Statement::sign(
                &key(author),
                device(subject),
                Action::Add { name },
                &[],
                NOW,
            )
            .expect("a short name")
        })
        .collect()
}

/// Gives a store the collections that every paired device knows.
pub(crate) fn prepare(store: &mut Store) {
    let mut batch = store.batch(NOW).expect("a batch");
    for (id, kind, name) in [
        (CollectionId::MESH, "mesh", ""),
        (CONTACTS, "contacts", "Contacts"),
        (CALENDAR, "calendar", "Calendar"),
    ] {
        batch
            .upsert_collection(id, kind, name, "")
            .expect("a collection");
    }
    batch.commit().expect("a commit");
}

impl End {
    /// A device about to greet the other one.
    pub(crate) fn new(store: Store, name: u8, wire: Wire) -> Self {
        let me = Identity {
            device: device(name),
            incarnation: store.origin().incarnation,
            seed: name.into(),
        };
        Self {
            session: Session::new(me, device(1 - name)),
            store,
            waiting: VecDeque::new(),
            recording: None,
            wire,
        }
    }

    /// Greets; gives the frames to send.
    pub(crate) fn start(&mut self) -> Vec<Vec<u8>> {
        let collections = self.store.collections().expect("collections");
        let collections = collections
            .into_iter()
            .map(|c| (c.id, self.store.holds(c.id).expect("a vector")))
            .collect();
        let membership = statements();
        self.feed(Input::Started {
            collections,
            membership,
        })
    }

    /// Tells the session what a person has changed here.
    pub(crate) fn committed(&mut self, committed: &Committed) -> Vec<Vec<u8>> {
        let vectors: Vec<(CollectionId, VersionVector)> = committed
            .vectors
            .iter()
            .map(|(id, vector)| (*id, vector.clone()))
            .collect();
        vectors
            .into_iter()
            .flat_map(|(collection, vector)| self.feed(Input::Committed { collection, vector }))
            .collect()
    }

    /// Asks for the photos that are lacking.
    pub(crate) fn want_blobs(&mut self) -> Vec<Vec<u8>> {
        let missing = self
            .store
            .missing_blobs(None, BLOBS_AT_ONCE)
            .expect("the missing blobs");
        let wanted = missing
            .into_iter()
            .map(|blob| WantedBlob {
                hash: blob.hash,
                offset: blob.have,
            })
            .collect();
        self.feed(Input::Missing(wanted))
    }

    /// Hears a frame; gives the frames to send.
    pub(crate) fn hear(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let outputs = self.session.handle_bytes(NOW, bytes);
        self.perform(outputs)
    }

    fn feed(&mut self, input: Input) -> Vec<Vec<u8>> {
        let outputs = self.session.handle(NOW, input);
        self.perform(outputs)
    }

    /// Does what the session says; gives the frames to send.
    fn perform(&mut self, outputs: Vec<Output>) -> Vec<Vec<u8>> {
        let mut todo = VecDeque::from(outputs);
        let mut frames = Vec::new();
        while let Some(output) = todo.pop_front() {
            if let Some(input) = self.act(output, &mut frames) {
                todo.extend(self.session.handle(NOW, input));
            }
        }
        if let Some(recording) = &mut self.recording {
            recording.extend(frames.iter().cloned());
        }
        frames
    }

    #[expect(
        clippy::too_many_lines,
        reason = "the table of all outputs, an arm each"
    )]
    fn act(&mut self, output: Output, frames: &mut Vec<Vec<u8>>) -> Option<Input> {
        match output {
            Output::Send(frame) => {
                frames.push(codec::encode(&frame).expect("a frame within all limits"));
                (self.wire == Wire::Long).then_some(Input::Sent)
            }
            Output::Load {
                collection,
                their,
                max_bytes,
            } => {
                let page = self
                    .store
                    .log_after(collection, &their, max_bytes)
                    .expect("a page");
                Some(Input::Loaded {
                    collection,
                    entries: page.entries,
                    after: page.after,
                    forks: page.forks,
                })
            }
            Output::Store {
                collection,
                entries,
            } => {
                let received = self
                    .store
                    .receive(collection, &entries, NOW)
                    .expect("a receipt");
                let gap = received
                    .held
                    .iter()
                    .any(|held| matches!(held.why, Why::Hole | Why::Dependency));
                Some(Input::Stored {
                    collection,
                    forks: received.forks().collect(),
                    misses: received.misses().collect(),
                    vector: received.vector,
                    held: if gap { HeldUp::Gap } else { HeldUp::Nothing },
                })
            }
            Output::Trace { .. } | Output::Compare { .. } | Output::Retire { .. } => {
                panic!("nobody was copied")
            }
            Output::Documents(
                _,
                ForDocuments::LoadStates | ForDocuments::Load { .. } | ForDocuments::Store { .. },
            ) => panic!("nobody has lost anything"),
            Output::LoadBlob {
                hash,
                offset,
                max_bytes,
            } => {
                let piece = self
                    .store
                    .blob_piece(hash, offset, max_bytes)
                    .expect("a piece");
                Some(Input::BlobLoaded {
                    hash,
                    offset,
                    piece,
                })
            }
            Output::StoreBlob {
                hash,
                offset,
                total,
                bytes,
            } => {
                let mut batch = self.store.batch(NOW).expect("a batch");
                let piece = batch
                    .put_blob_piece(hash, offset, total, &bytes)
                    .expect("a piece");
                batch.commit().expect("a commit");
                let piece = match piece {
                    Piece::Next(at) => StoredPiece::Next(at),
                    Piece::Whole => StoredPiece::Whole,
                    Piece::Wrong => StoredPiece::Wrong,
                };
                Some(Input::BlobStored { hash, piece })
            }
            Output::Confirmed { collection, vector } => {
                let peer = self.session_peer();
                let mut batch = self.store.batch(NOW).expect("a batch");
                batch
                    .set_confirmed(peer, collection, &vector)
                    .expect("a word of the peer");
                batch.commit().expect("a commit");
                None
            }
            Output::Documents(_, ForDocuments::Compared { .. })
            | Output::StoreMembership(_)
            | Output::InSync { .. }
            | Output::PeerLacks(_)
            | Output::BlobRefused(_)
            | Output::Addresses(_) => None,
            Output::Forked { .. } | Output::PeerStopped { .. } | Output::Close(_) => {
                panic!("the session ended: {output:?}")
            }
        }
    }

    fn session_peer(&self) -> DeviceId {
        match self.store.origin().device == device(0) {
            true => device(1),
            false => device(0),
        }
    }
}

impl Link {
    /// Two devices that greet each other; the greetings are on their way.
    pub(crate) fn connect([a, b]: [Store; 2], wire: Wire) -> Self {
        let mut link = Self {
            ends: [End::new(a, 0, wire), End::new(b, 1, wire)],
            bytes: 0,
            frames: 0,
        };
        for from in [0, 1] {
            let frames = link.ends[from].start();
            link.send(from, frames);
        }
        link
    }

    /// Puts frames on the wire.
    pub(crate) fn send(&mut self, from: usize, frames: Vec<Vec<u8>>) {
        for frame in frames {
            self.bytes += frame.len() + HEADER;
            self.frames += 1;
            self.ends[1 - from].waiting.push_back(frame);
        }
    }

    /// Delivers all that is on its way now: half a round trip. False when there is nothing.
    pub(crate) fn half_trip(&mut self) -> bool {
        let arriving = [0, 1].map(|to| self.ends[to].waiting.len());
        for (to, count) in arriving.into_iter().enumerate() {
            for _ in 0..count {
                self.deliver(to);
            }
        }
        arriving != [0, 0]
    }

    /// Delivers the oldest frame to an end. False when there is none.
    pub(crate) fn deliver(&mut self, to: usize) -> bool {
        let Some(frame) = self.ends[to].waiting.pop_front() else {
            return false;
        };
        if self.ends[1 - to].wire == Wire::Short {
            let more = self.ends[1 - to].feed(Input::Sent);
            self.send(1 - to, more);
        }
        let answer = self.ends[to].hear(&frame);
        self.send(to, answer);
        true
    }

    /// Delivers one frame at a time until nothing is on its way.
    pub(crate) fn settle(&mut self) {
        while self.deliver(0) | self.deliver(1) {}
    }

    /// Both hold the same.
    pub(crate) fn is_equal(&self) -> bool {
        let [a, b] = &self.ends;
        [CONTACTS, CALENDAR].into_iter().all(|id| {
            a.store.version_vector(id).expect("a vector")
                == b.store.version_vector(id).expect("a vector")
        })
    }

    /// Cuts the wire; gives the stores back.
    pub(crate) fn cut(self) -> [Store; 2] {
        self.ends.map(|end| end.store)
    }
}
