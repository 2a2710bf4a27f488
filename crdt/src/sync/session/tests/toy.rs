//! A device with its logs in memory instead of a database.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::SigningKey;

use crate::id::{BlobHash, Chain, ChangeHash, CollectionId, DeviceId, DocId, Origin};
use crate::sync::membership::Statement;
use crate::sync::{Entry, Fork, HeldUp, Input, Reached, StoredPiece, Sum, VersionVector};

/// The incarnation, logs, vectors and known changes at some time.
pub(super) type Backup = (
    u32,
    BTreeMap<CollectionId, Vec<(Entry, Chain)>>,
    BTreeMap<CollectionId, VersionVector>,
    BTreeSet<ChangeHash>,
);

/// A device: its logs, what it has confirmed to know of others, and its blobs.
#[derive(Debug, Default)]
pub(super) struct Toy {
    pub(super) name: u8,
    pub(super) incarnation: u32,
    /// How many lives it ever had.
    pub(super) lives: u32,
    pub(super) is_receiving: bool,
    pub(super) backup: Option<Backup>,
    pub(super) logs: BTreeMap<CollectionId, Vec<(Entry, Chain)>>,
    pub(super) vectors: BTreeMap<CollectionId, VersionVector>,
    pub(super) known: BTreeSet<ChangeHash>,
    pub(super) blobs: BTreeMap<BlobHash, Vec<u8>>,
    pub(super) parts: BTreeMap<BlobHash, Vec<u8>>,
    pub(super) statements: Vec<Statement>,
    /// Whether it tells what its documents add up to.
    pub(super) adds_up: bool,
    /// The documents that are really there: each change is one.
    pub(super) held: BTreeMap<CollectionId, BTreeSet<DocId>>,
}

pub(super) fn key(name: u8) -> SigningKey {
    SigningKey::from_bytes(&[name + 1; 32])
}

pub(super) fn id(name: u8) -> DeviceId {
    DeviceId(key(name).verifying_key().to_bytes())
}

/// A toy change is the hash of what it builds on (zeros for nothing) and some text.
pub(super) fn hash(bytes: &[u8]) -> ChangeHash {
    ChangeHash(*blake3::hash(bytes).as_bytes())
}

impl Toy {
    pub(super) fn vector(&self, collection: CollectionId) -> VersionVector {
        let vector = self.vectors.get(&collection).cloned().unwrap_or_default();
        let held = self.held.get(&collection).into_iter().flatten();
        let sum = held.fold(Sum::default(), |sum, doc| sum.with(doc.0));
        vector.with_sum(self.adds_up.then_some(sum))
    }

    pub(super) fn origin(&self) -> Origin {
        Origin {
            device: id(self.name),
            incarnation: self.incarnation,
        }
    }

    /// Makes a change and names it; it builds on the newest change anywhere, or on nothing.
    pub(super) fn edit(&mut self, collection: CollectionId, text: &[u8], builds: bool) {
        let newest = self.logs.values().filter_map(|log| log.last()).next_back();
        let base = match newest {
            Some((entry, _)) if builds => hash(&entry.bytes).0,
            _ => [0; 32],
        };
        let bytes = [&base[..], text].concat();
        let n = self.vector(collection).reached(&self.origin()).n + 1;
        let entry = Entry {
            origin: self.origin(),
            n,
            doc: DocId(hash(&bytes).0[..16].try_into().unwrap()),
            bytes,
        };
        assert!(self.take(collection, &entry).is_ok());
    }

    fn take(&mut self, collection: CollectionId, entry: &Entry) -> Result<(), Option<Fork>> {
        let is_own = entry.origin == self.origin();
        let vector = self.vectors.entry(collection).or_default();
        let name = hash(&entry.bytes);
        if vector
            .retired_at(&entry.origin)
            .is_some_and(|last| entry.n > last)
        {
            return Ok(());
        }
        let log = self.logs.entry(collection).or_default();
        if entry.n <= vector.reached(&entry.origin).n {
            let ours = log
                .iter()
                .find(|(e, _)| e.origin == entry.origin && e.n == entry.n);
            let same = ours.is_some_and(|(ours, _)| ours.bytes == entry.bytes);
            let fork = Fork {
                origin: entry.origin,
                n: entry.n,
            };
            return if same { Ok(()) } else { Err(Some(fork)) };
        }
        let base: [u8; 32] = entry.bytes[..32].try_into().unwrap();
        if base != [0; 32] && !self.known.contains(&ChangeHash(base)) {
            return Err(None);
        }
        if !vector.extend(entry.origin, entry.n, name) {
            return Err(None);
        }
        log.push((entry.clone(), vector.reached(&entry.origin).chain));
        self.known.insert(name);
        self.held.entry(collection).or_default().insert(entry.doc);
        // a peer that knows more of our own log than we do: we were set back
        if is_own && self.is_receiving {
            self.begin_life();
        }
        Ok(())
    }

    pub(super) fn receive(
        &mut self,
        collection: CollectionId,
        entries: &[Entry],
    ) -> (HeldUp, Vec<Fork>) {
        let (mut held, mut forks, mut blocked) = (HeldUp::Nothing, Vec::new(), BTreeSet::new());
        self.is_receiving = true;
        for entry in entries {
            if blocked.contains(&entry.origin) {
                continue;
            }
            if entry.bytes.ends_with(b"poison") {
                held = HeldUp::Quarantined;
                blocked.insert(entry.origin);
            } else if let Err(fork) = self.take(collection, entry) {
                if fork.is_none() && held == HeldUp::Nothing {
                    held = HeldUp::Gap;
                }
                forks.extend(fork);
                blocked.insert(entry.origin);
            }
        }
        self.is_receiving = false;
        (held, forks)
    }

    pub(super) fn load(
        &self,
        collection: CollectionId,
        their: &VersionVector,
        most: usize,
    ) -> Input {
        let (mut entries, mut forks, mut bytes) = (Vec::new(), Vec::new(), 0);
        let mut after = their.clone();
        let log = self.logs.get(&collection).map_or(&[][..], Vec::as_slice);
        for (entry, chain) in log {
            let theirs = their.reached(&entry.origin);
            if theirs.n == entry.n && theirs.chain != *chain {
                forks.push(Fork {
                    origin: entry.origin,
                    n: entry.n,
                });
            } else if theirs.n < entry.n && bytes < most {
                bytes += entry.bytes.len();
                after.set(
                    entry.origin,
                    Reached {
                        n: entry.n,
                        chain: *chain,
                    },
                );
                entries.push(entry.clone());
            }
        }
        Input::Loaded {
            collection,
            entries,
            after,
            forks,
        }
    }

    pub(super) fn blob_piece(
        &mut self,
        hash: BlobHash,
        offset: u64,
        total: u64,
        bytes: &[u8],
    ) -> StoredPiece {
        let part = self.parts.entry(hash).or_default();
        if part.len() as u64 != offset {
            return StoredPiece::Next(part.len() as u64);
        }
        part.extend_from_slice(bytes);
        if (part.len() as u64) < total {
            return StoredPiece::Next(part.len() as u64);
        }
        let whole = self.parts.remove(&hash).unwrap();
        if BlobHash::of(&whole) != hash {
            return StoredPiece::Wrong;
        }
        self.blobs.insert(hash, whole);
        StoredPiece::Whole
    }
}
