//! From the symbols of the peer's set and our own set to what differs.

use std::collections::BTreeSet;

use super::symbol::{Hasher, Item};
use super::{Key, MOST_AT_ONCE, MOST_SYMBOLS, ReconError, Salt, Sketch, Symbol};

/// Symbols that are asked for at first: four show that nothing differs, or one document.
const FIRST: u64 = 4;
/// Up to here the number doubles each time; beyond it grows by a half, to waste fewer.
const MANY: u64 = 64;
/// Symbols beyond two for each difference: few differences sometimes take as many.
const SPARE: u64 = 64;

/// What differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Keys that only the peer has.
    pub theirs: BTreeSet<Key>,
    /// Keys that only we have.
    pub ours: BTreeSet<Key>,
}

impl Difference {
    /// True when the sets are equal.
    pub fn is_empty(&self) -> bool {
        self.theirs.is_empty() && self.ours.is_empty()
    }
}

/// How far a decoder is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many more symbols are wanted.
    Wants(usize),
    /// This is all that differs.
    Done(Difference),
}

/// Takes the symbols of the peer's set.
#[derive(Debug)]
pub struct Decoder {
    ours: Sketch,
    hasher: Hasher,
    /// What remains of each symbol.
    left: Vec<Symbol>,
    /// What was taken out: it goes through later symbols too. 1 is theirs, -1 ours.
    found: Vec<(Item, i64)>,
    difference: Difference,
    limit: u64,
    /// How many symbols the sizes of the sets alone ask for.
    at_least: u64,
}

impl Decoder {
    /// Of our keys, for a peer that says how many it has.
    pub fn of(ours: Vec<Key>, their_size: u64, salt: Salt) -> Self {
        let ours = Sketch::of(ours, salt);
        let both = ours.len().saturating_add(their_size);
        let at_least = ours.len().abs_diff(their_size);
        Self {
            limit: both
                .saturating_mul(2)
                .saturating_add(SPARE)
                .min(MOST_SYMBOLS),
            at_least: at_least.saturating_add(at_least / 2),
            hasher: Hasher::of(salt),
            left: Vec::new(),
            found: Vec::new(),
            difference: Difference::default(),
            ours,
        }
    }

    /// How many symbols came.
    pub fn heard(&self) -> u64 {
        self.ours.made()
    }

    /// How many symbols to ask for at first.
    pub fn first() -> usize {
        FIRST as usize
    }

    /// Takes the next symbols.
    pub fn take(&mut self, symbols: &[Symbol]) -> Result<Progress, ReconError> {
        let begin = self.left.len();
        if symbols.is_empty() || (begin + symbols.len()) as u64 > self.limit {
            return Err(ReconError::Endless);
        }
        let own = self.ours.symbols(symbols.len());
        let differs = symbols
            .iter()
            .zip(&own)
            .map(|(their, our)| their.minus(our));
        self.left.extend(differs);
        for (item, by) in &mut self.found {
            go_through(&mut self.left, item, *by);
        }
        self.peel(begin)?;
        match self.left.first().is_none_or(Symbol::is_empty) {
            true => Ok(Progress::Done(std::mem::take(&mut self.difference))),
            false => self.wants().map(Progress::Wants),
        }
    }

    fn wants(&self) -> Result<usize, ReconError> {
        let heard = self.heard();
        let grows = if heard < MANY { heard } else { heard / 2 };
        let more = grows.max(FIRST).max(self.at_least.saturating_sub(heard));
        match more.min(self.limit - heard).min(MOST_AT_ONCE as u64) {
            0 => Err(ReconError::Endless),
            more => Ok(more as usize),
        }
    }

    /// Takes out every key that stands alone in a symbol, until there is none.
    fn peel(&mut self, begin: usize) -> Result<(), ReconError> {
        let mut alone: Vec<usize> = (begin..self.left.len()).collect();
        // those of before may hold one key less now
        alone.extend(0..begin);
        while let Some(at) = alone.pop() {
            let symbol = self.left[at];
            if symbol.count.unsigned_abs() != 1 {
                continue;
            }
            let mut item = self.hasher.item(symbol.key);
            if item.check != symbol.check {
                continue;
            }
            let (by, all) = match symbol.count {
                1 => (1, &mut self.difference.theirs),
                _ => (-1, &mut self.difference.ours),
            };
            let is_ours = self.ours.has(&symbol.key);
            // each key is taken out once, and ours are known to us: so this loop ends
            if is_ours == (by == 1) || !all.insert(symbol.key) {
                return Err(ReconError::Contradiction);
            }
            while item.course.next < self.left.len() as u64 {
                let next = item.course.next as usize;
                self.left[next].add(&item, -by);
                alone.push(next);
                item.course.advance();
            }
            self.found.push((item, by));
            if self.found.len() > self.left.len() {
                return Err(ReconError::Contradiction);
            }
        }
        Ok(())
    }
}

/// Takes a key out of the symbols that have come since.
fn go_through(left: &mut [Symbol], item: &mut Item, by: i64) {
    while let Some(symbol) = usize::try_from(item.course.next)
        .ok()
        .and_then(|next| left.get_mut(next))
    {
        symbol.add(item, -by);
        item.course.advance();
    }
}
