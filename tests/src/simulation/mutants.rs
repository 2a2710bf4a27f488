//! How soon the simulation finds mistakes that were made on purpose.

use pimesh_crdt::mutants::{Mutant, choose};

use super::mesh::Failure;
use super::program::Program;
use super::shrink;

/// A mistake that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// After so many seeds.
    pub seeds: u64,
    /// How many of their operations went well before.
    pub operations: u64,
    /// By this sign.
    pub failure: Failure,
}

/// Looks for a mistake with no more than `most` seeds from `first`.
pub fn found(mutant: Mutant, first: u64, most: u64) -> Option<Found> {
    choose(Some(mutant));
    let mut operations = 0;
    let found = (0..most).find_map(|seed| {
        let program = Program::of(first + seed);
        match shrink::attempt(&program) {
            Ok(totals) => {
                operations += totals.operations;
                None
            }
            Err(failure) => Some(Found {
                seeds: seed + 1,
                operations,
                failure,
            }),
        }
    });
    choose(None);
    found
}
