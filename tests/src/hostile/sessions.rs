//! Frames from a peer that belongs to the mesh and says what it likes.

use ed25519_dalek::SigningKey;
use pimesh_crdt::sync::codec::{decode, encode};
use pimesh_crdt::sync::membership::{Action, Statement, head};
use pimesh_crdt::sync::recon::Salt;
use pimesh_crdt::sync::{Documents, ForDocuments, StoredPiece, Sum, VersionVector};
use pimesh_crdt::sync::{Frame, HeldUp, Hello, Identity, Input, Output, Session, VERSION};
use pimesh_crdt::{ChangeHash, CollectionId, DeviceId, Timestamp};

use super::pairing::pieces;

/// Outputs that one frame may lead to; each is bounded itself.
const MOST_OUTPUTS: usize = 4_096;

/// A frame that can be read is the same once written and read again; any sequence of frames
/// leaves a session that answers within bounds or has ended with a reason.
pub(super) fn frames(bytes: &[u8]) {
    if let Ok(frame) = decode(bytes) {
        let again = encode(&frame).expect("what was within limits is");
        assert_eq!(decode(&again), Ok(frame));
    }
    let mut talk = Talk::begin();
    for piece in pieces(bytes) {
        talk.hear(piece);
    }
    talk.time = Timestamp(talk.time.0 + 3_600_000);
    let out = talk.session.handle(talk.time, Input::Tick);
    talk.act(out);
}

/// A session, and a device behind it that holds one collection and does what it is told.
struct Talk {
    session: Session,
    time: Timestamp,
    vector: VersionVector,
}

impl Talk {
    /// As far as after the peer's Hello.
    fn begin() -> Self {
        let [me, peer] = [1, 2].map(|seed| SigningKey::from_bytes(&[seed; 32]));
        let id = |key: &SigningKey| DeviceId(key.verifying_key().to_bytes());
        let time = Timestamp(1_000);
        let add = |key, name: &str| {
            Statement::sign(
                &me,
                key,
                Action::Add {
                    name: name.to_owned(),
                },
                &[],
                time,
            )
        };
        let statements: Vec<_> = [add(id(&me), "me"), add(id(&peer), "peer")]
            .into_iter()
            .flatten()
            .collect();
        let identity = Identity {
            device: id(&me),
            incarnation: 1,
            seed: 7,
        };
        let mut talk = Self {
            session: Session::new(identity, id(&peer)),
            time,
            vector: VersionVector::new(),
        };
        let hello = Frame::Hello(Hello {
            version: VERSION,
            device: id(&peer),
            incarnation: 1,
            membership: head(&statements),
            collections: Vec::new(),
            lacking: 0,
        });
        let started = Input::Started {
            collections: vec![(CollectionId([3; 16]), talk.holds())],
            membership: statements,
        };
        let out = talk.session.handle(time, started);
        talk.act(out);
        let out = talk.session.handle(time, Input::Received(hello));
        talk.act(out);
        talk
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.time = Timestamp(self.time.0 + 10);
        let out = self.session.handle_bytes(self.time, bytes);
        self.act(out);
    }

    /// Does what the session says, until it has nothing more to say.
    fn act(&mut self, out: Vec<Output>) {
        let mut waiting = std::collections::VecDeque::from(out);
        let mut done = 0;
        while let Some(output) = waiting.pop_front() {
            done += 1;
            assert!(done < MOST_OUTPUTS, "no end of {output:?}");
            if let Some(input) = self.answer(output) {
                waiting.extend(self.session.handle(self.time, input));
            }
        }
    }

    fn answer(&mut self, output: Output) -> Option<Input> {
        Some(match output {
            Output::Send(frame) => {
                encode(&frame).expect("what is sent is within limits");
                Input::Sent
            }
            Output::Load {
                collection, their, ..
            } => Input::Loaded {
                collection,
                entries: Vec::new(),
                after: their,
                forks: Vec::new(),
            },
            Output::Store {
                collection,
                entries,
            } => {
                let mut held = HeldUp::Nothing;
                for entry in entries {
                    let hash = ChangeHash([entry.bytes.len().to_le_bytes()[0]; 32]);
                    if !self.vector.extend(entry.origin, entry.n, hash) {
                        held = HeldUp::Gap;
                    }
                }
                let vector = self.holds();
                Input::Stored {
                    collection,
                    vector,
                    held,
                    forks: Vec::new(),
                    misses: Vec::new(),
                }
            }
            Output::Documents(collection, what) => return self.documents(collection, what),
            Output::Trace { collection, fork } => Input::Traced {
                collection,
                origin: fork.origin,
                points: Vec::new(),
            },
            Output::Compare { collection, .. } | Output::Retire { collection, .. } => {
                Input::Committed {
                    collection,
                    vector: self.holds(),
                }
            }
            Output::StoreMembership(statements) => Input::Membership(statements),
            Output::LoadBlob { hash, offset, .. } => Input::BlobLoaded {
                hash,
                offset,
                piece: Some((offset + 1, vec![0])),
            },
            Output::StoreBlob { hash, .. } => Input::BlobStored {
                hash,
                piece: StoredPiece::Wrong,
            },
            Output::Confirmed { .. }
            | Output::InSync { .. }
            | Output::PeerLacks(_)
            | Output::BlobRefused(_)
            | Output::Addresses(_)
            | Output::Forked { .. }
            | Output::PeerStopped { .. }
            | Output::Close(_) => return None,
        })
    }

    /// A few documents, of which it has none to send.
    fn documents(&self, collection: CollectionId, what: ForDocuments) -> Option<Input> {
        let vector = self.holds();
        let answer = match what {
            ForDocuments::LoadStates => Documents::States {
                names: vector.hash(),
                vector,
                keys: (0..9).map(|n| [n; 32]).collect(),
                salt: Salt([8; 16]),
            },
            ForDocuments::Load { docs, .. } => Documents::Loaded {
                entries: Vec::new(),
                docs: docs.len(),
                skip: 0,
            },
            ForDocuments::Store { entries } => Documents::Stored {
                vector,
                changes: entries.len(),
            },
            ForDocuments::Compared { .. } => return None,
        };
        Some(Input::Documents(collection, answer))
    }

    fn holds(&self) -> VersionVector {
        self.vector.clone().with_sum(Some(Sum([1; 16])))
    }
}
