//! Devices with a log in memory, and links that can be cut and can lose frames.

use std::collections::{BTreeMap, VecDeque};

use super::toy::Toy;
pub(super) use super::toy::{id, key};
use crate::id::{BlobHash, CollectionId, Origin, Timestamp};
use crate::sync::codec;
use crate::sync::membership::{Action, Statement};
use crate::sync::message::{Frame, WantedBlob};
use crate::sync::{CloseReason, Identity, Input, Outcome, Output, Session, StoredPiece};

pub(super) const COLLECTIONS: [CollectionId; 3] = [
    CollectionId::MESH,
    CollectionId([1; 16]),
    CollectionId([2; 16]),
];

/// Two sessions and the frames between them. End 0 is the device with the smaller number.
#[derive(Debug)]
pub(super) struct Link {
    ends: [u8; 2],
    pub(super) sessions: [Session; 2],
    /// Frames on their way to each end.
    pub(super) frames: [VecDeque<Vec<u8>>; 2],
    pub(super) in_sync: [BTreeMap<CollectionId, bool>; 2],
    pub(super) closed: [Option<CloseReason>; 2],
}

#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) toys: Vec<Toy>,
    pub(super) links: BTreeMap<(u8, u8), Link>,
    /// Bytes and frames sent, for tests that count.
    pub(super) sent: Vec<(u8, usize, Frame)>,
    pub(super) forks: Vec<(u8, CollectionId)>,
    /// How many blobs a device was last told that its peer lacks.
    pub(super) lacks: BTreeMap<u8, u64>,
    /// What was found out about documents.
    pub(super) compared: Vec<(u8, Outcome)>,
    /// What a device was last told of where others listen.
    pub(super) addresses: BTreeMap<u8, Vec<Vec<u8>>>,
}

impl World {
    /// Devices that are all members of one mesh.
    pub(super) fn new(devices: u8) -> Self {
        let mut statements = Vec::new();
        for (a, b) in (0..devices).flat_map(|a| (0..devices).map(move |b| (a, b))) {
            if a.abs_diff(b) == 1 {
                let action = Action::Add {
                    name: b.to_string(),
                };
                let add = Statement::sign(&key(a), id(b), action, &[], Timestamp(1)).unwrap();
                statements.push(add);
            }
        }
        let toys = (0..devices).map(|name| {
            // Everybody begins with the statements about itself and its neighbours.
            let near = |s: &&Statement| s.author() == id(name) || s.subject() == id(name);
            let statements = statements.iter().filter(near).cloned().collect();
            Toy {
                name,
                statements,
                ..Toy::default()
            }
        });
        Self {
            toys: toys.collect(),
            ..Self::default()
        }
    }

    pub(super) fn connect(&mut self, a: u8, b: u8) {
        let ends = [a.min(b), a.max(b)];
        let session = |me: u8, peer: u8| {
            let incarnation = self.toys[usize::from(me)].incarnation;
            let me = Identity {
                device: id(me),
                incarnation,
                seed: me.into(),
            };
            Session::new(me, id(peer))
        };
        let link = Link {
            ends,
            sessions: [session(ends[0], ends[1]), session(ends[1], ends[0])],
            frames: Default::default(),
            in_sync: Default::default(),
            closed: Default::default(),
        };
        self.links.insert((ends[0], ends[1]), link);
        for end in [0, 1] {
            let toy = &self.toys[usize::from(ends[end])];
            let collections = toy
                .vectors
                .keys()
                .map(|id| (*id, toy.vector(*id)))
                .collect();
            let membership = toy.statements.clone();
            self.feed(
                (ends[0], ends[1]),
                end,
                Input::Started {
                    collections,
                    membership,
                },
            );
        }
    }

    pub(super) fn cut(&mut self, a: u8, b: u8) {
        self.links.remove(&(a.min(b), a.max(b)));
    }

    /// A person edits on a device.
    pub(super) fn edit(&mut self, device: u8, collection: CollectionId, text: &[u8], builds: bool) {
        self.toys[usize::from(device)].edit(collection, text, builds);
        self.committed(device, collection, None);
    }

    pub(super) fn committed(
        &mut self,
        device: u8,
        collection: CollectionId,
        but: Option<(u8, u8)>,
    ) {
        let vector = self.toys[usize::from(device)].vector(collection);
        for (link, end) in self.ends_of(device) {
            if Some(link) != but {
                let vector = vector.clone();
                self.feed(link, end, Input::Committed { collection, vector });
            }
        }
    }

    pub(super) fn ends_of(&self, device: u8) -> Vec<((u8, u8), usize)> {
        self.links
            .iter()
            .flat_map(|(id, link)| [(*id, 0, link.ends[0]), (*id, 1, link.ends[1])])
            .filter(|(.., name)| *name == device)
            .map(|(id, end, _)| (id, end))
            .collect()
    }

    pub(super) fn feed(&mut self, link: (u8, u8), end: usize, input: Input) {
        let mut inputs = VecDeque::from([(link, end, input)]);
        while let Some((id, end, input)) = inputs.pop_front() {
            let now = self.now;
            let Some(link) = self.links.get_mut(&id) else {
                continue;
            };
            let device = link.ends[end];
            for output in link.sessions[end].handle(now, input) {
                let answer = self.act(id, end, device, output);
                inputs.extend(answer.into_iter().map(|input| (id, end, input)));
            }
        }
    }

    /// Does what a session says; the answer goes back to it.
    #[expect(clippy::too_many_lines, reason = "the table of all outputs")]
    fn act(&mut self, id: (u8, u8), end: usize, device: u8, output: Output) -> Option<Input> {
        let toy = &mut self.toys[usize::from(device)];
        let link = self.links.get_mut(&id)?;
        match output {
            Output::Send(frame) => {
                let bytes = codec::encode(&frame).unwrap();
                self.sent.push((device, bytes.len(), frame));
                link.frames[1 - end].push_back(bytes);
                None
            }
            Output::Load {
                collection,
                their,
                max_bytes,
            } => Some(toy.load(collection, &their, max_bytes.min(2_000))),
            Output::Store {
                collection,
                entries,
            } => {
                let (held, forks) = toy.receive(collection, &entries);
                let vector = toy.vector(collection);
                self.committed(device, collection, Some(id));
                Some(Input::Stored {
                    collection,
                    vector,
                    held,
                    forks,
                    misses: Vec::new(),
                })
            }
            Output::Trace { collection, fork } => {
                let points = toy.points(collection, fork.origin, (0, fork.n));
                let origin = fork.origin;
                Some(Input::Traced {
                    collection,
                    origin,
                    points,
                })
            }
            Output::Compare {
                collection,
                origin,
                points,
            } => match toy.compare(collection, origin, &points)? {
                Ok(last) => self.retire(device, collection, &[(origin, last)]),
                Err(range) => {
                    let points = toy.points(collection, origin, range);
                    Some(Input::Traced {
                        collection,
                        origin,
                        points,
                    })
                }
            },
            Output::Retire {
                collection,
                origins,
            } => self.retire(device, collection, &origins),
            Output::StoreMembership(new) => {
                toy.statements.extend(new.iter().cloned());
                for (other, end) in self.ends_of(device) {
                    self.feed(other, end, Input::Membership(new.clone()));
                }
                None
            }
            Output::LoadBlob { .. } | Output::StoreBlob { .. } => self.blob(device, output),
            Output::InSync {
                collection,
                in_sync,
            } => {
                link.in_sync[end].insert(collection, in_sync);
                None
            }
            Output::Forked { collection, .. } => {
                self.forks.push((device, collection));
                None
            }
            Output::Close(reason) => {
                link.closed[end] = Some(reason);
                None
            }
            Output::Documents(collection, what) => self.recon(id, device, collection, what),
            Output::Confirmed { .. } | Output::PeerStopped { .. } | Output::BlobRefused(_) => None,
            Output::Addresses(records) => {
                self.addresses.insert(device, records);
                None
            }
            Output::PeerLacks(count) => {
                self.lacks.insert(device, count);
                None
            }
        }
    }

    fn retire(
        &mut self,
        device: u8,
        collection: CollectionId,
        origins: &[(Origin, u64)],
    ) -> Option<Input> {
        for (origin, last) in origins {
            self.toys[usize::from(device)].retire(collection, *origin, *last);
        }
        self.committed(device, collection, None);
        None
    }

    /// A device is set back to its backup; it was off for that.
    pub(super) fn set_back(&mut self, device: u8) {
        for (id, _) in self.ends_of(device) {
            self.links.remove(&id);
        }
        self.toys[usize::from(device)].set_back();
    }

    fn blob(&mut self, device: u8, output: Output) -> Option<Input> {
        let toy = &mut self.toys[usize::from(device)];
        match output {
            Output::LoadBlob {
                hash,
                offset,
                max_bytes,
            } => {
                let piece = toy.blobs.get(&hash).map(|blob| {
                    let from = (offset as usize).min(blob.len());
                    let to = (from + max_bytes).min(blob.len());
                    (blob.len() as u64, blob[from..to].to_vec())
                });
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
                let piece = toy.blob_piece(hash, offset, total, &bytes);
                if piece == StoredPiece::Whole {
                    for (other, end) in self.ends_of(device) {
                        self.feed(other, end, Input::BlobArrived(hash));
                    }
                }
                Some(Input::BlobStored { hash, piece })
            }
            _ => None,
        }
    }

    pub(super) fn lack(&mut self, device: u8, blob: BlobHash) {
        for (link, end) in self.ends_of(device) {
            let offset = self.toys[usize::from(device)]
                .parts
                .get(&blob)
                .map_or(0, Vec::len) as u64;
            self.feed(
                link,
                end,
                Input::Missing(vec![WantedBlob { hash: blob, offset }]),
            );
        }
    }

    /// Delivers the oldest frame to an end. False when there is none.
    pub(super) fn deliver(&mut self, id: (u8, u8), end: usize) -> bool {
        let Some(link) = self.links.get_mut(&id) else {
            return false;
        };
        let Some(bytes) = link.frames[end].pop_front() else {
            return false;
        };
        let frame = codec::decode(&bytes).unwrap();
        self.feed(id, 1 - end, Input::Sent);
        self.feed(id, end, Input::Received(frame));
        true
    }

    /// Loses the oldest frame to an end.
    pub(super) fn lose(&mut self, id: (u8, u8), end: usize) {
        let Some(link) = self.links.get_mut(&id) else {
            return;
        };
        if link.frames[end].pop_front().is_some() {
            self.feed(id, 1 - end, Input::Sent);
        }
    }

    /// Delivers until nothing is on its way.
    pub(super) fn settle(&mut self) {
        for _ in 0..20_000 {
            let ids: Vec<_> = self.links.keys().copied().collect();
            let mut moved = false;
            for id in ids {
                moved |= self.deliver(id, 0) | self.deliver(id, 1);
            }
            if !moved {
                return;
            }
        }
        panic!(
            "the devices never stop talking: {:?}",
            &self.sent[self.sent.len() - 12..]
        );
    }

    pub(super) fn wait(&mut self, milliseconds: u64) {
        self.now.0 += milliseconds;
        let ids: Vec<_> = self.links.keys().copied().collect();
        for id in ids {
            self.feed(id, 0, Input::Tick);
            self.feed(id, 1, Input::Tick);
        }
        self.settle();
    }

    /// Connects again what has closed.
    pub(super) fn reconnect(&mut self) {
        let closed = |link: &Link| link.closed.iter().any(Option::is_some);
        let ids: Vec<_> = self
            .links
            .iter()
            .filter(|(_, link)| closed(link))
            .map(|(id, _)| *id)
            .collect();
        for (a, b) in ids {
            self.connect(a, b);
        }
        self.settle();
    }
}
