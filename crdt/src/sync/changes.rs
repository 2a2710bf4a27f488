//! The inside of a `Changes` frame: the entries of one collection, close together.
//!
//! Collections and origins have small numbers that the sender gives them once per session;
//! a number never gets another meaning. The receiver may be missing one (a lost frame):
//! then it asks with `Have`, and the sender explains every number again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use super::Entry;
use super::codec::{LARGEST_CHANGES, LARGEST_NUMBER, MOST_COLLECTIONS, MOST_ENTRIES, MOST_ORIGINS};
use super::reader::{Reader, Short, put, unzigzag, zigzag};
use crate::id::{CollectionId, DeviceId, DocId, Origin};

/// The form byte: what follows is as described.
const PLAIN: u8 = 0;
/// The form byte: what follows is the same, packed by zstd.
const ZSTD: u8 = 1;
/// Less than this does not get smaller.
const WORTH_PACKING: usize = 256;
/// Level 6 saves an eighth of the bytes and takes several times as long.
const LEVEL: i32 = 1;
/// The largest window a sender may make us hold: 2^23 bytes.
const WINDOW: u32 = 23;
/// About what an entry takes besides its change.
const BESIDE: usize = 32;
/// Bytes that one of a packed body becomes: room that is taken at once.
const USUAL_RATIO: usize = 6;
/// Names in one session.
const MOST_NAMES: usize = MOST_COLLECTIONS + MOST_ORIGINS;

const A_COLLECTION: u8 = 0;
const AN_ORIGIN: u8 = 1;

/// Why the inside of a frame can not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ChangesError {
    /// Not of the form, or over a limit.
    #[error("a frame of changes that can not be read")]
    Malformed,
    /// A number that was never explained. The collection, where that is known.
    #[error("a frame of changes with a number that was not explained")]
    Unexplained(Option<CollectionId>),
}

impl From<Short> for ChangesError {
    fn from(_: Short) -> Self {
        Self::Malformed
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Collection(CollectionId),
    Origin(Origin),
}

/// The numbers that we give.
#[derive(Debug, Default)]
pub(super) struct Spoken {
    numbers: BTreeMap<Name, u32>,
    names: Vec<Name>,
    explained: BTreeSet<u32>,
}

/// The numbers that the peer gives.
#[derive(Debug, Default)]
pub(super) struct Heard {
    names: BTreeMap<u32, Name>,
    numbers: BTreeMap<Name, u32>,
}

impl Spoken {
    /// Explains every number again when it is next used.
    pub(super) fn forget_explained(&mut self) {
        self.explained.clear();
    }

    /// The collection behind a number we gave.
    pub(super) fn collection(&self, number: u32) -> Option<CollectionId> {
        match self.names.get(usize::try_from(number).ok()?)? {
            Name::Collection(id) => Some(*id),
            Name::Origin(_) => None,
        }
    }

    /// The origin behind a number we gave.
    pub(super) fn origin(&self, number: u32) -> Option<Origin> {
        match self.names.get(usize::try_from(number).ok()?)? {
            Name::Origin(origin) => Some(*origin),
            Name::Collection(_) => None,
        }
    }

    /// The inside of a frame with these entries.
    pub(super) fn encode(&mut self, collection: CollectionId, entries: &[Entry]) -> Vec<u8> {
        let bytes: usize = entries.iter().map(|entry| entry.bytes.len()).sum();
        let mut body = Vec::with_capacity(bytes + entries.len() * BESIDE + BESIDE);
        let mut explain = BTreeSet::new();
        put(
            &mut body,
            self.number(Name::Collection(collection), &mut explain)
                .into(),
        );
        put(&mut body, entries.len() as u64);
        let mut last: BTreeMap<u32, u64> = BTreeMap::new();
        for entry in entries {
            let origin = self.number(Name::Origin(entry.origin), &mut explain);
            let before = last.insert(origin, entry.n).unwrap_or(0);
            put(&mut body, origin.into());
            put(
                &mut body,
                zigzag(entry.n.wrapping_sub(before).wrapping_sub(1)),
            );
            body.extend_from_slice(&entry.doc.0);
            put(&mut body, entry.bytes.len() as u64);
            body.extend_from_slice(&entry.bytes);
        }
        let mut plain = vec![PLAIN];
        put(&mut plain, explain.len() as u64);
        for number in explain {
            put(&mut plain, number.into());
            explain_name(&mut plain, self.names[number as usize]);
            self.explained.insert(number);
        }
        plain.append(&mut body);
        pack(plain)
    }

    fn number(&mut self, name: Name, explain: &mut BTreeSet<u32>) -> u32 {
        let number = *self.numbers.entry(name).or_insert_with(|| {
            self.names.push(name);
            // Collections and origins are far fewer than 2^32.
            (self.names.len() - 1) as u32
        });
        if !self.explained.contains(&number) {
            explain.insert(number);
        }
        number
    }
}

impl Heard {
    /// The number that the peer gave a collection.
    pub(super) fn collection(&self, id: CollectionId) -> Option<u32> {
        self.numbers.get(&Name::Collection(id)).copied()
    }

    /// The number that the peer gave an origin.
    pub(super) fn origin(&self, origin: Origin) -> Option<u32> {
        self.numbers.get(&Name::Origin(origin)).copied()
    }

    /// The collection and the entries inside a frame.
    pub(super) fn decode(
        &mut self,
        bytes: &[u8],
    ) -> Result<(CollectionId, Vec<Entry>), ChangesError> {
        let (form, rest) = bytes.split_first().ok_or(ChangesError::Malformed)?;
        match *form {
            PLAIN => self.read(Reader(rest)),
            ZSTD => self.read(Reader(&unpack(rest)?)),
            _ => Err(ChangesError::Malformed),
        }
    }

    fn read(&mut self, mut body: Reader<'_>) -> Result<(CollectionId, Vec<Entry>), ChangesError> {
        for _ in 0..body.count(MOST_NAMES)? {
            self.learn(&mut body)?;
        }
        let collection = match self.names.get(&body.number()?) {
            Some(Name::Collection(id)) => *id,
            Some(Name::Origin(_)) => return Err(ChangesError::Malformed),
            None => return Err(ChangesError::Unexplained(None)),
        };
        let count = body.count(MOST_ENTRIES)?;
        let mut entries = Vec::with_capacity(count.min(body.0.len() / 18));
        let mut last: BTreeMap<u32, u64> = BTreeMap::new();
        for _ in 0..count {
            let number = body.number()?;
            let origin = match self.names.get(&number) {
                Some(Name::Origin(origin)) => *origin,
                Some(Name::Collection(_)) => return Err(ChangesError::Malformed),
                None => return Err(ChangesError::Unexplained(Some(collection))),
            };
            let before = last.get(&number).copied().unwrap_or(0);
            let n = before
                .wrapping_add(1)
                .wrapping_add(unzigzag(body.varint()?));
            if n == 0 || n >= LARGEST_NUMBER {
                return Err(ChangesError::Malformed);
            }
            last.insert(number, n);
            let doc = DocId(body.array()?);
            let length = body.count(LARGEST_CHANGES)?;
            let bytes = body.take(length)?.to_vec();
            entries.push(Entry {
                origin,
                n,
                doc,
                bytes,
            });
        }
        match body.0 {
            [] => Ok((collection, entries)),
            _ => Err(ChangesError::Malformed),
        }
    }

    fn learn(&mut self, body: &mut Reader<'_>) -> Result<(), ChangesError> {
        let number = body.number()?;
        let name = match body.array::<1>()? {
            [A_COLLECTION] => Name::Collection(CollectionId(body.array()?)),
            [AN_ORIGIN] => {
                let device = DeviceId(body.array()?);
                Name::Origin(Origin {
                    device,
                    incarnation: body.number()?,
                })
            }
            _ => return Err(ChangesError::Malformed),
        };
        let full = self.names.len() >= MOST_NAMES && !self.names.contains_key(&number);
        let other = self
            .names
            .insert(number, name)
            .is_some_and(|before| before != name);
        if full || other {
            return Err(ChangesError::Malformed);
        }
        self.numbers.insert(name, number);
        Ok(())
    }
}

fn explain_name(out: &mut Vec<u8>, name: Name) {
    match name {
        Name::Collection(id) => {
            out.push(A_COLLECTION);
            out.extend_from_slice(&id.0);
        }
        Name::Origin(origin) => {
            out.push(AN_ORIGIN);
            out.extend_from_slice(&origin.device.0);
            put(out, origin.incarnation.into());
        }
    }
}

/// Packs what follows the form byte where that makes it smaller.
fn pack(plain: Vec<u8>) -> Vec<u8> {
    if plain.len() < WORTH_PACKING {
        return plain;
    }
    match zstd::bulk::compress(&plain[1..], LEVEL) {
        Ok(packed) if packed.len() < plain.len() - 1 => [&[ZSTD], &packed[..]].concat(),
        _ => plain,
    }
}

fn unpack(packed: &[u8]) -> Result<Vec<u8>, ChangesError> {
    let mut decoder =
        zstd::stream::read::Decoder::with_buffer(packed).map_err(|_| ChangesError::Malformed)?;
    decoder
        .window_log_max(WINDOW)
        .map_err(|_| ChangesError::Malformed)?;
    let mut out = Vec::with_capacity(packed.len() * USUAL_RATIO);
    let most = LARGEST_CHANGES as u64 + 1;
    decoder
        .take(most)
        .read_to_end(&mut out)
        .map_err(|_| ChangesError::Malformed)?;
    if out.len() > LARGEST_CHANGES {
        Err(ChangesError::Malformed)
    } else {
        Ok(out)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::sync::codec;
    use crate::sync::message::{Bytes, Frame};

    const COLLECTION: CollectionId = CollectionId([5; 16]);

    fn entry(device: u8, n: u64, length: usize) -> Entry {
        let origin = Origin {
            device: DeviceId([device; 32]),
            incarnation: 0,
        };
        let bytes = (0..length)
            .map(|i| blake3::hash(&i.to_le_bytes()).as_bytes()[0])
            .collect();
        Entry {
            origin,
            n,
            doc: DocId([n as u8; 16]),
            bytes,
        }
    }

    #[test]
    fn one_edit_costs_30_bytes_more_than_its_change_once_the_names_are_known() {
        let mut spoken = Spoken::default();
        spoken.encode(COLLECTION, &[entry(1, 69_999, 100)]);
        let body = spoken.encode(COLLECTION, &[entry(1, 70_000, 129)]);
        let frame = codec::encode(&Frame::Changes(Bytes(body))).unwrap();
        assert!(frame.len() <= 129 + 30, "{}", frame.len());
    }

    #[test]
    fn a_number_that_was_lost_is_asked_for_and_explained_again() {
        let (mut spoken, mut heard) = (Spoken::default(), Heard::default());
        spoken.encode(COLLECTION, &[entry(1, 1, 9)]);
        let second = spoken.encode(COLLECTION, &[entry(1, 2, 9)]);
        assert_eq!(heard.decode(&second), Err(ChangesError::Unexplained(None)));
        spoken.forget_explained();
        let again = spoken.encode(COLLECTION, &[entry(1, 2, 9)]);
        assert_eq!(heard.decode(&again), Ok((COLLECTION, vec![entry(1, 2, 9)])));
    }

    #[test]
    fn a_body_that_unpacks_to_too_much_is_refused() {
        let packed = zstd::bulk::compress(&vec![0; LARGEST_CHANGES + 1], 1).unwrap();
        let body = [&[ZSTD], &packed[..]].concat();
        assert_eq!(Heard::default().decode(&body), Err(ChangesError::Malformed));
    }

    #[test]
    fn a_number_never_gets_another_meaning() {
        let mut heard = Heard::default();
        let one = Spoken::default().encode(COLLECTION, &[entry(1, 1, 9)]);
        let two = Spoken::default().encode(COLLECTION, &[entry(2, 1, 9)]);
        assert!(heard.decode(&one).is_ok());
        assert_eq!(heard.decode(&two), Err(ChangesError::Malformed));
    }

    proptest! {
        #[test]
        fn entries_are_read_back(
            entries in prop::collection::vec((0..4_u8, 1..LARGEST_NUMBER, 0..300_usize), 0..60)
        ) {
            let (mut spoken, mut heard) = (Spoken::default(), Heard::default());
            let entries: Vec<_> = entries.into_iter().map(|(d, n, l)| entry(d, n, l)).collect();
            for _ in 0..2 {
                let body = spoken.encode(COLLECTION, &entries);
                prop_assert_eq!(heard.decode(&body), Ok((COLLECTION, entries.clone())));
            }
        }

        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Heard::default().decode(&bytes);
        }
    }
}
