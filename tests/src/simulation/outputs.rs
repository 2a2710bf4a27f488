//! What a session says, done: frames put on links, entries and blobs read and stored.

use std::collections::BTreeMap;

use pimesh_crdt::store::{MissingBlob, Piece, Why};
use pimesh_crdt::sync::{
    CloseReason, Entry, HeldUp, Input, Output, StoredPiece, VersionVector, WantedBlob, codec,
    next_peer,
};
use pimesh_crdt::{BlobHash, CollectionId};

use super::check;
use super::device::Written;
use super::lacks;
use super::mesh::{Failure, LinkId, Task, World, learn};

/// Blobs asked for at once.
const BLOBS_AT_ONCE: usize = 64;
/// Bytes of changes in one frame, and of a blob: few, so that streams are cut in their middle.
pub(super) const PAGE: usize = 1_500;
const PIECE: usize = 700;

impl World {
    #[expect(
        clippy::too_many_lines,
        reason = "the table of all outputs, an arm each"
    )]
    pub(super) fn perform(
        &mut self,
        link: LinkId,
        end: usize,
        output: Output,
    ) -> Result<(), Failure> {
        let device = if end == 0 { link.0 } else { link.1 };
        let answer = match output {
            Output::Send(frame) => {
                let bytes = codec::encode(&frame)
                    .map_err(|error| Failure(format!("a frame can not be sent: {error}")))?;
                self.totals.bytes += bytes.len() as u64;
                if let Some(link) = self.links.get_mut(&link) {
                    link.frames[1 - end].push_back(bytes);
                }
                None
            }
            Output::Load {
                collection,
                their,
                max_bytes,
            } => self.load(device, collection, &their, max_bytes.min(PAGE))?,
            Output::Documents(collection, what) => {
                self.documents(link, device, collection, what)?
            }
            Output::Store {
                collection,
                entries,
            } => self.store(link, device, collection, &entries)?,
            Output::Trace { collection, fork } => self.trace(device, collection, fork)?,
            Output::Compare {
                collection,
                origin,
                points,
            } => self.compare(link, device, collection, (origin, &points))?,
            Output::Retire {
                collection,
                origins,
            } => self.retire(link, device, collection, &origins)?,
            Output::LoadBlob { .. } | Output::StoreBlob { .. } => self.blob(device, output)?,
            Output::Confirmed { collection, vector } => {
                self.confirmed(link, end, collection, vector)?;
                None
            }
            Output::InSync {
                collection,
                in_sync,
            } => {
                if let Some(link) = self.links.get_mut(&link) {
                    link.in_sync[end].insert(collection, in_sync);
                }
                if in_sync {
                    check::claim(self, link, end, collection)?;
                    lacks::claim(self, link, end)?;
                }
                None
            }
            Output::BlobRefused(hash) => {
                self.ask_elsewhere(link, end, hash)?;
                None
            }
            Output::PeerLacks(count) => {
                self.peer_lacks(link, end, count)?;
                None
            }
            Output::Addresses(_) => None,
            Output::Forked { .. } | Output::PeerStopped { .. } => {
                self.forked = true;
                None
            }
            Output::StoreMembership(_) => {
                return Err(Failure("statements that all know are sent".to_owned()));
            }
            Output::Close(reason) => {
                self.totals.closed += 1;
                self.unanswered += u64::from(reason == CloseReason::Silent);
                if let Some(link) = self.links.get_mut(&link) {
                    link.closed = Some(reason.to_string());
                }
                None
            }
        };
        if let Some(input) = answer {
            self.tasks.push_back(Task::Feed(link, end, input));
        }
        Ok(())
    }

    fn blob(&mut self, device: usize, output: Output) -> Result<Option<Input>, Failure> {
        let now = self.now(device);
        match output {
            Output::LoadBlob {
                hash,
                offset,
                max_bytes,
            } => Ok(Some(Input::BlobLoaded {
                hash,
                offset,
                piece: self.devices[device]
                    .store
                    .blob_piece(hash, offset, max_bytes.min(PIECE))?,
            })),
            Output::StoreBlob {
                hash,
                offset,
                total,
                bytes,
            } => {
                let piece = self.devices[device].write(|store| {
                    let mut batch = store.batch(now)?;
                    let piece = batch.put_blob_piece(hash, offset, total, &bytes)?;
                    batch.commit().map(|_| piece)
                })?;
                let Some(piece) = self.lived(device, piece)? else {
                    return Ok(None);
                };
                let piece = match piece {
                    Piece::Next(at) => StoredPiece::Next(at),
                    Piece::Wrong => StoredPiece::Wrong,
                    Piece::Whole => {
                        for (other, end) in self.ends(device) {
                            let input = Input::BlobArrived(hash);
                            self.tasks.push_back(Task::Feed(other, end, input));
                            self.say_what_is_lacking(other, end)?;
                        }
                        StoredPiece::Whole
                    }
                };
                Ok(Some(Input::BlobStored { hash, piece }))
            }
            _ => Ok(None),
        }
    }

    /// Goes on where the device has lived; else its links are gone and it starts again.
    pub fn lived<T>(&mut self, device: usize, written: Written<T>) -> Result<Option<T>, Failure> {
        match written {
            Written::Done(done) => Ok(Some(done)),
            Written::Died => {
                self.totals.crashes += 1;
                self.isolate(device);
                self.start(device)?;
                Ok(None)
            }
        }
    }

    /// What a device does when it starts: it brings its rows up to what it knows.
    pub fn start(&mut self, device: usize) -> Result<(), Failure> {
        let now = self.now(device);
        learn(&mut self.devices[device].store, now)?;
        Ok(())
    }

    fn store(
        &mut self,
        link: LinkId,
        device: usize,
        collection: CollectionId,
        entries: &[Entry],
    ) -> Result<Option<Input>, Failure> {
        let now = self.now(device);
        let received =
            self.devices[device].write(|store| store.receive(collection, entries, now))?;
        let Some(received) = self.lived(device, received)? else {
            return Ok(None);
        };
        if collection == CollectionId::MESH {
            let learnt = self.devices[device].write(|store| learn(store, now))?;
            if self.lived(device, learnt)?.is_none() {
                return Ok(None);
            }
        }
        if received.rolled_back {
            self.totals.rolled_back += 1;
            self.devices[device].forgetful = false;
        }
        let end = usize::from(link.1 == device);
        // what the documents of a class add up to is told with the collection that names it
        for (id, vector) in &received.committed.vectors {
            if *id != collection {
                let (collection, vector) = (*id, vector.clone());
                let input = Input::Committed { collection, vector };
                self.tasks.push_back(Task::Feed(link, end, input));
            }
        }
        let early = self.links.get_mut(&link);
        if let Some(vector) = early.and_then(|link| link.early[end].remove(&collection)) {
            self.confirmed(link, end, collection, vector)?;
        }
        let everywhere = collection == CollectionId::MESH;
        self.announce(device, (!everywhere).then_some(link))?;
        self.say_what_is_lacking(link, end)?;
        self.want_blobs(link, end)?;
        let mut held = HeldUp::Nothing;
        for one in &received.held {
            match &one.why {
                Why::Quarantined(reason) => {
                    return Err(Failure(format!("a change of ours is refused: {reason}")));
                }
                Why::Hole | Why::Dependency => held = HeldUp::Gap,
                Why::Fork => {}
            }
        }
        let forks = received.forks().collect();
        let misses = received.misses().collect();
        Ok(Some(Input::Stored {
            collection,
            vector: received.vector,
            held,
            forks,
            misses,
        }))
    }

    /// Keeps what a peer says it holds; what it says of a collection that is not here waits.
    fn confirmed(
        &mut self,
        link: LinkId,
        end: usize,
        collection: CollectionId,
        vector: VersionVector,
    ) -> Result<(), Failure> {
        let (device, peer) = if end == 0 { link } else { (link.1, link.0) };
        let (now, peer) = (self.now(device), self.devices[peer].id);
        if self.devices[device].store.collection(collection)?.is_none() {
            if let Some(link) = self.links.get_mut(&link) {
                link.early[end].insert(collection, vector);
            }
            return Ok(());
        }
        let done = self.devices[device].write(|store| {
            let mut batch = store.batch(now)?;
            batch.set_confirmed(peer, collection, &vector)?;
            batch.commit()
        })?;
        if self.lived(device, done)?.is_some() {
            lacks::claim(self, link, end)?;
        }
        Ok(())
    }

    /// Lets the session with the next peer ask for a blob.
    fn ask_elsewhere(&mut self, link: LinkId, end: usize, hash: BlobHash) -> Result<(), Failure> {
        let (device, peer) = if end == 0 { link } else { (link.1, link.0) };
        if self.devices[device].store.has_blob(hash)? {
            return Ok(());
        }
        let ends = self.ends(device).into_iter();
        let of = |(link, end): &(LinkId, usize)| self.devices[[link.1, link.0][*end]].id;
        let by_peer: BTreeMap<_, _> = ends.map(|at| (of(&at), at)).collect();
        let peers = by_peer.keys().copied().collect();
        let next = next_peer(&peers, self.devices[peer].id);
        if let Some((link, end)) = next.and_then(|next| by_peer.get(&next)).copied() {
            let wanted = vec![WantedBlob { hash, offset: 0 }];
            self.tasks
                .push_back(Task::Feed(link, end, Input::Missing(wanted)));
        }
        Ok(())
    }

    pub(super) fn want_blobs(&mut self, link: LinkId, end: usize) -> Result<(), Failure> {
        let device = if end == 0 { link.0 } else { link.1 };
        let missing = self.devices[device]
            .store
            .missing_blobs(None, BLOBS_AT_ONCE)?;
        if !missing.is_empty() {
            let wanted = |blob: MissingBlob| WantedBlob {
                hash: blob.hash,
                offset: blob.have,
            };
            let input = Input::Missing(missing.into_iter().map(wanted).collect());
            self.tasks.push_back(Task::Feed(link, end, input));
        }
        Ok(())
    }
}
