//! The symbols of a set, as many as are asked for.

use super::symbol::{Hasher, Item};
use super::{Key, Salt, Symbol};

/// A set whose symbols are made one after the other.
#[derive(Debug)]
pub struct Sketch {
    /// In the order of the keys.
    items: Vec<Item>,
    made: u64,
}

impl Sketch {
    /// Of these keys; one that stands there twice counts once.
    pub fn of(mut keys: Vec<Key>, salt: Salt) -> Self {
        keys.sort_unstable();
        keys.dedup();
        let hasher = Hasher::of(salt);
        Self {
            items: keys.into_iter().map(|key| hasher.item(key)).collect(),
            made: 0,
        }
    }

    /// How many keys it has.
    pub fn len(&self) -> u64 {
        self.items.len() as u64
    }

    /// True when it has no key.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// How many symbols were made.
    pub fn made(&self) -> u64 {
        self.made
    }

    pub(super) fn has(&self, key: &Key) -> bool {
        self.items
            .binary_search_by(|item| item.key.cmp(key))
            .is_ok()
    }

    /// The next symbols.
    pub fn symbols(&mut self, count: usize) -> Vec<Symbol> {
        let mut out = vec![Symbol::default(); count];
        let end = self.made + count as u64;
        for item in &mut self.items {
            while item.course.next < end {
                if let Some(symbol) = out.get_mut((item.course.next - self.made) as usize) {
                    symbol.add(item, 1);
                }
                item.course.advance();
            }
        }
        self.made = end;
        out
    }
}
