//! One symbol, its bytes, and the course of a key through the symbols.

use super::{Key, ReconError, Salt};
use crate::sync::reader::{Reader, put, unzigzag, zigzag};

/// Symbols in one frame: 400 KB.
pub const MOST_AT_ONCE: usize = 8_192;

/// The sum of the keys whose courses lead through it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Symbol {
    pub(super) key: Key,
    pub(super) check: u64,
    pub(super) count: i64,
}

impl Symbol {
    /// Puts a key in (`by` 1) or takes it out (-1).
    pub(super) fn add(&mut self, item: &Item, by: i64) {
        for (sum, byte) in self.key.iter_mut().zip(item.key) {
            *sum ^= byte;
        }
        self.check ^= item.check;
        self.count = self.count.wrapping_add(by);
    }

    /// What remains once another symbol is taken away.
    pub(super) fn minus(mut self, other: &Self) -> Self {
        for (sum, byte) in self.key.iter_mut().zip(other.key) {
            *sum ^= byte;
        }
        self.check ^= other.check;
        self.count = self.count.wrapping_sub(other.count);
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Symbols as they travel.
    pub fn write(symbols: &[Self]) -> Vec<u8> {
        let mut out = Vec::with_capacity(symbols.len() * 42);
        for symbol in symbols {
            out.extend_from_slice(&symbol.key);
            out.extend_from_slice(&symbol.check.to_le_bytes());
            put(&mut out, zigzag(symbol.count as u64));
        }
        out
    }

    /// Reads what [`Self::write`] writes, no more than [`MOST_AT_ONCE`].
    pub fn read(bytes: &[u8]) -> Result<Vec<Self>, ReconError> {
        let mut from = Reader(bytes);
        let mut out = Vec::with_capacity((bytes.len() / 41).min(MOST_AT_ONCE));
        while !from.0.is_empty() {
            if out.len() >= MOST_AT_ONCE {
                return Err(ReconError::Malformed);
            }
            let wrong = |_| ReconError::Malformed;
            out.push(Self {
                key: from.array().map_err(wrong)?,
                check: u64::from_le_bytes(from.array().map_err(wrong)?),
                count: unzigzag(from.varint().map_err(wrong)?) as i64,
            });
        }
        Ok(out)
    }
}

/// Hashes keys under a salt.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hasher([u8; 32]);

impl Hasher {
    pub(super) fn of(salt: Salt) -> Self {
        Self(blake3::derive_key("pimesh recon v1", &salt.0))
    }

    pub(super) fn item(&self, key: Key) -> Item {
        let hash = blake3::keyed_hash(&self.0, &key);
        let (check, course) = hash.as_bytes()[..16].split_at(8);
        let number = |half: &[u8]| u64::from_le_bytes(half.try_into().unwrap_or_default());
        Item {
            key,
            check: number(check),
            course: Course {
                next: 0,
                state: number(course),
            },
        }
    }
}

/// A key on its way through the symbols.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) key: Key,
    /// Tells a sum of several keys from a single one.
    pub(super) check: u64,
    pub(super) course: Course,
}

/// Through which symbols a key goes: through number i with the probability 1 / (1 + i/2).
#[derive(Clone, Copy, Debug)]
pub(super) struct Course {
    /// The next one.
    pub(super) next: u64,
    state: u64,
}

impl Course {
    /// Goes on to the next symbol: the distance to it is drawn in one step, from the inverse of
    /// its distribution.
    pub(super) fn advance(&mut self) {
        let drawn = (self.draw() as f64 + 1.0).sqrt();
        let distance = (self.next as f64 + 1.5) * (4_294_967_296.0 / drawn - 1.0);
        // a cast of too large a number gives the largest
        self.next = self.next.saturating_add((distance.ceil() as u64).max(1));
    }

    /// SplitMix64: every state comes once, and neighbours have nothing in common.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
