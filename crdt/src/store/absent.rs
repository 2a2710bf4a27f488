//! Which documents are certainly not here: a Bloom filter over the ids of all documents.
//!
//! Nearly all that arrives in large batches is new, and to look each up in the index costs as
//! much as to write it. An id that the filter does not know was never written; of one that it
//! seems to know, the index decides. Ids are hashes, so their own bytes serve as positions; a
//! peer that chooses ids can make us look them up, no more.

use super::{Store, StoreError};
use crate::id::DocId;

/// Bits for each document: about one new id in 400 is looked up in vain.
const BITS: usize = 16;
/// Documents there is room for at least.
const LEAST: usize = 1 << 15;
/// New documents in one batch that are worth making the filter.
pub(super) const WORTH: usize = 256;

/// A filter that has room for so many documents.
#[derive(Debug)]
pub(super) struct Filter {
    bits: Vec<u64>,
    room: usize,
}

impl Filter {
    fn new(documents: usize) -> Self {
        let room = documents.max(LEAST).next_power_of_two();
        Self {
            bits: vec![0; room * BITS / 64],
            room,
        }
    }

    fn places(&self, id: DocId) -> [(usize, u64); 4] {
        let words = u128::from_le_bytes(id.0);
        [0, 32, 64, 96].map(|shift| {
            let bit = (words >> shift) as u32 as usize % (self.bits.len() * 64);
            (bit / 64, 1 << (bit % 64))
        })
    }

    fn add(&mut self, id: DocId) {
        self.room = self.room.saturating_sub(1);
        for (word, bit) in self.places(id) {
            self.bits[word] |= bit;
        }
    }

    fn may_have(&self, id: DocId) -> bool {
        let mut places = self.places(id).into_iter();
        places.all(|(word, bit)| self.bits[word] & bit != 0)
    }
}

impl Store {
    /// True where no document of any class has this id; false says nothing.
    pub(super) fn is_absent(&self, id: DocId) -> bool {
        let filter = self.filter.borrow();
        filter.as_ref().is_some_and(|filter| !filter.may_have(id))
    }

    /// Makes the filter, where there is none.
    pub(super) fn make_filter(&self) -> Result<(), StoreError> {
        if self.filter.borrow().is_some() {
            return Ok(());
        }
        let count: usize = self
            .conn
            .prepare_cached("SELECT count(*) FROM doc")?
            .query_row((), |row| row.get(0))?;
        let mut filter = Filter::new(count.saturating_mul(2));
        let mut statement = self.conn.prepare_cached("SELECT id FROM doc")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            filter.add(DocId(row.get(0)?));
        }
        *self.filter.borrow_mut() = Some(filter);
        Ok(())
    }

    /// A document is written: a filter that is full from now on is made anew when it is wanted.
    pub(super) fn is_present(&self, id: DocId) {
        let mut filter = self.filter.borrow_mut();
        if let Some(known) = filter.as_mut() {
            known.add(id);
            if known.room == 0 {
                *filter = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: usize) -> DocId {
        let mut id = DocId([0; 16]);
        id.0.copy_from_slice(&blake3::hash(&n.to_le_bytes()).as_bytes()[..16]);
        id
    }

    #[test]
    fn what_was_added_is_never_said_to_be_absent_and_most_else_is() {
        let mut filter = Filter::new(LEAST);
        (0..LEAST).for_each(|n| filter.add(id(n)));
        assert!((0..LEAST).all(|n| filter.may_have(id(n))));
        assert_eq!(filter.room, 0);
        let mistaken = (LEAST..2 * LEAST)
            .filter(|n| filter.may_have(id(*n)))
            .count();
        assert!(mistaken < LEAST / 100, "{mistaken}");
    }
}
