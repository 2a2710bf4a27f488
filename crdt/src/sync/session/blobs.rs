//! Blobs, after the changes: asked for in small batches, sent in pieces, taken up again
//! where they were cut.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::credit::price_of;
use super::send::ON_THE_WAY;
use super::{Outbound, Output, Phase, Session, Step, StoredPiece};
use crate::id::{BlobHash, Timestamp};
use crate::sync::codec::{LARGEST_PIECE, MOST_WANTED};
use crate::sync::message::{Bytes, Frame, WantedBlob};

/// Blobs asked for at once, however small they are.
const MOST_AT_ONCE: usize = 32;
/// And however large: the next one is on its way while one is stored.
const LEAST_AT_ONCE: usize = 2;
/// What a blob is taken to have before any came: bytes of a photo of a contact.
const USUAL: usize = 16 << 10;
/// Blobs that are remembered as lacking; the caller names the rest later.
const MOST_LACKING: usize = 4_096;
/// Blobs that the peer asked for and that we may get.
const MOST_REFUSED: usize = 1_024;
/// Pieces that are being stored before the caller should stop reading.
const MOST_STORING: usize = 4;

/// One blob that is lacking here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lack {
    /// Not asked for yet.
    New(u64),
    /// Asked for; the next piece begins here.
    Asked(u64),
    /// The peer does not have it either.
    Absent,
}

/// Blobs on their way in both directions.
#[derive(Debug)]
pub(super) struct Blobs {
    lacking: BTreeMap<BlobHash, Lack>,
    storing: usize,
    /// About what the last ones had, in bytes.
    usual: usize,
    /// What the peer asked for, in order.
    serving: VecDeque<WantedBlob>,
    refused: BTreeSet<BlobHash>,
    /// How many are lacking here, as the peer was told.
    pub(super) said: u64,
    /// How many the peer says that it lacks, once it has.
    heard: Option<u64>,
}

impl Default for Blobs {
    fn default() -> Self {
        Self {
            lacking: BTreeMap::new(),
            storing: 0,
            usual: USUAL,
            serving: VecDeque::new(),
            refused: BTreeSet::new(),
            said: 0,
            heard: None,
        }
    }
}

impl Blobs {
    pub(super) fn is_busy(&self) -> bool {
        self.storing > MOST_STORING
    }

    pub(super) fn waits(&self) -> bool {
        self.storing == 0
            && self
                .lacking
                .values()
                .any(|lack| matches!(lack, Lack::Asked(_)))
    }

    /// Whether nothing is left to ask for, so that the caller should name what else is lacking.
    pub(super) fn is_dry(&self) -> bool {
        !self
            .lacking
            .values()
            .any(|lack| matches!(lack, Lack::New(_) | Lack::Asked(_)))
    }

    pub(super) fn want(&mut self, wanted: Vec<WantedBlob>) {
        if self.lacking.len() + wanted.len() > MOST_LACKING {
            self.lacking.retain(|_, lack| *lack != Lack::Absent);
        }
        for blob in wanted {
            if self.lacking.len() < MOST_LACKING {
                self.lacking
                    .entry(blob.hash)
                    .or_insert(Lack::New(blob.offset));
            }
        }
    }

    /// What the peer did not have, it may have now.
    pub(super) fn ask_again(&mut self) {
        for lack in self
            .lacking
            .values_mut()
            .filter(|lack| **lack == Lack::Absent)
        {
            *lack = Lack::New(0);
        }
    }

    pub(super) fn piece(
        &mut self,
        hash: BlobHash,
        offset: u64,
        total: u64,
        bytes: Bytes,
        out: &mut Vec<Output>,
    ) {
        // What was not asked for, or arrived from elsewhere meanwhile, is not taken.
        let Some(lack) = self.lacking.get_mut(&hash) else {
            return;
        };
        if total == 0 || bytes.0.is_empty() {
            *lack = Lack::Absent;
            out.push(Output::BlobRefused(hash));
        } else {
            let size = usize::try_from(total).unwrap_or(usize::MAX);
            self.usual = (self.usual / 4 * 3).saturating_add(size / 4).max(1);
            *lack = Lack::Asked(offset + bytes.0.len() as u64);
            self.storing += 1;
            out.push(Output::StoreBlob {
                hash,
                offset,
                total,
                bytes: bytes.0,
            });
        }
    }

    pub(super) fn stored(&mut self, hash: BlobHash, piece: StoredPiece, out: &mut Vec<Output>) {
        self.storing = self.storing.saturating_sub(1);
        let Some(lack) = self.lacking.get_mut(&hash) else {
            return;
        };
        match (piece, *lack) {
            (StoredPiece::Whole, _) => {
                self.lacking.remove(&hash);
            }
            (StoredPiece::Wrong, _) => {
                *lack = Lack::Absent;
                out.push(Output::BlobRefused(hash));
            }
            // Later pieces are on their way already.
            (StoredPiece::Next(at), Lack::Asked(next)) if at <= next => {}
            (StoredPiece::Next(at), _) => *lack = Lack::New(at),
        }
    }

    pub(super) fn arrived(&mut self, hash: BlobHash) {
        self.lacking.remove(&hash);
        if self.refused.remove(&hash) && self.serving.len() < MOST_WANTED {
            self.serving.push_back(WantedBlob { hash, offset: 0 });
        }
    }

    pub(super) fn wanted_by_peer(&mut self, wanted: &[WantedBlob]) {
        for blob in wanted {
            self.serving.retain(|other| other.hash != blob.hash);
            if self.serving.len() < MOST_WANTED {
                self.serving.push_back(*blob);
            }
        }
    }
}

impl Session {
    /// True when every blob that was named as lacking came or is not with the peer either.
    pub fn wants_no_blobs(&self) -> bool {
        self.blobs.is_dry()
    }

    /// What the peer asked for and did not get, since it was not here.
    pub fn refused_blobs(&self) -> Vec<BlobHash> {
        self.blobs.refused.iter().copied().collect()
    }

    /// Says how many blobs are lacking here, where that is new to the peer.
    pub(super) fn lacking(&mut self, count: u64, out: &mut Vec<Output>) {
        if self.blobs.said == count {
            return;
        }
        #[cfg(feature = "mutants")]
        if count > self.blobs.said && crate::mutants::is(crate::mutants::Mutant::LacksUnsaid) {
            return;
        }
        self.blobs.said = count;
        if self.phase != Phase::New {
            self.send(Frame::Lacks(count), out);
        }
    }

    pub(super) fn peer_lacks(&mut self, count: u64, out: &mut Vec<Output>) {
        if self.blobs.heard != Some(count) {
            self.blobs.heard = Some(count);
            out.push(Output::PeerLacks(count));
        }
    }

    /// Takes a piece; one that nobody asked for costs its sender credit.
    pub(super) fn blob_came(
        &mut self,
        now: Timestamp,
        (hash, offset, total, bytes): (BlobHash, u64, u64, Bytes),
        out: &mut Vec<Output>,
    ) -> Step {
        if !self.blobs.lacking.contains_key(&hash) {
            self.credit.charge(now, price_of(bytes.0.len()))?;
        }
        self.blobs.piece(hash, offset, total, bytes, out);
        Ok(())
    }

    /// Asks for the next ones once half of those before have come. No more at once than
    /// [`ON_THE_WAY`] tells: what is on its way when this device dies is sent twice.
    pub(super) fn want_blobs(&mut self, out: &mut Vec<Output>) {
        let lacking = &mut self.blobs.lacking;
        let is_asked = |lack: &&Lack| matches!(lack, Lack::Asked(_));
        let asked = lacking.values().filter(is_asked).count();
        let most = (ON_THE_WAY / self.blobs.usual).clamp(LEAST_AT_ONCE, MOST_AT_ONCE);
        if asked > most / 2 {
            return;
        }
        let mut batch = Vec::new();
        for (hash, lack) in lacking.iter_mut() {
            if let Lack::New(offset) = *lack
                && asked + batch.len() < most
            {
                batch.push(WantedBlob {
                    hash: *hash,
                    offset,
                });
                *lack = Lack::Asked(offset);
            }
        }
        if !batch.is_empty() {
            self.send(Frame::BlobWant(batch), out);
        }
    }

    /// Reads the next piece that the peer wants.
    pub(super) fn serve_blob(&mut self, out: &mut Vec<Output>) {
        if let Some(WantedBlob { hash, offset }) = self.blobs.serving.pop_front() {
            self.outbound = Outbound::Loading;
            out.push(Output::LoadBlob {
                hash,
                offset,
                max_bytes: LARGEST_PIECE,
            });
        }
    }

    pub(super) fn blob_loaded(
        &mut self,
        hash: BlobHash,
        offset: u64,
        piece: Option<(u64, Vec<u8>)>,
        out: &mut Vec<Output>,
    ) {
        self.outbound = Outbound::Sending;
        let (total, bytes) = piece.unwrap_or_default();
        if total == 0 && self.blobs.refused.len() < MOST_REFUSED {
            self.blobs.refused.insert(hash);
        }
        let next = offset.saturating_add(bytes.len() as u64);
        if !bytes.is_empty() && next < total {
            self.blobs
                .serving
                .push_front(WantedBlob { hash, offset: next });
        }
        self.send(
            Frame::Blob {
                hash,
                offset,
                total,
                bytes: Bytes(bytes),
            },
            out,
        );
    }
}
