//! Whether what came of changes made apart takes place when one of their writers meant it to.
//!
//! A merge must not invent a meeting: every occurrence is one that some side had, and what all
//! sides had is still there. Where both changed the rule and the dates it can be otherwise, and
//! then a person should look.

use std::collections::BTreeSet;

use super::kept::{Change, MOST_TOLD, Proof, first_start, reach, same_times, told};
use super::{Expansion, expand_in};
use crate::item::Item;
use crate::time::bounds::Allowance;
use crate::time::flag::Flag;
use crate::time::zone::Zones;

/// So many sides are compared; more devices than that rarely change one item apart.
const MOST_SIDES: usize = 8;

/// Compares an item with what it was on each side before, five years to both sides of its
/// start.
pub fn merge_kept(
    sides: &[Item],
    merged: &Item,
    zones: &Zones<'_>,
    allowance: &mut Allowance,
) -> Proof {
    if sides.len() < 2 || sides.iter().any(|side| same_times(side, merged)) {
        return Proof::Kept;
    }
    if sides.len() > MOST_SIDES || allowance.is_spent() {
        return Proof::NotExamined;
    }
    let Some(around) = first_start(merged, zones.blobs()) else {
        return Proof::Kept;
    };
    let mut is_whole = true;
    let mut of = |item: &Item| {
        let expansion: Expansion = expand_in(item, zones, reach(around), allowance.of_one());
        allowance.spend(expansion.steps);
        is_whole &= !expansion.flags.iter().any(Flag::hides_occurrences);
        told(&expansion).into_iter().collect::<BTreeSet<_>>()
    };
    let after = of(merged);
    let sides: Vec<_> = sides.iter().map(of).collect();
    if !is_whole {
        return Proof::NotExamined;
    }
    let in_all = sides[0]
        .iter()
        .filter(|one| sides.iter().all(|side| side.contains(one)));
    let lost = in_all.filter(|one| !after.contains(one));
    let lost = lost.map(|(start, end, _)| Change::Lost {
        start: *start,
        end: *end,
    });
    let is_new = |one: &&_| !sides.iter().any(|side| side.contains(*one));
    let gained = after.iter().filter(is_new);
    let gained = gained.map(|(start, end, _)| Change::Gained {
        start: *start,
        end: *end,
    });
    let changed: Vec<Change> = lost.chain(gained).take(MOST_TOLD).collect();
    if changed.is_empty() {
        Proof::Kept
    } else {
        Proof::Changed(changed)
    }
}
