//! Whether what came of changes made apart takes place when one of their writers meant it to.
//!
//! A merge must not invent a meeting: every occurrence is one that some side had, what all sides
//! had is still there, and a day that one side left out does not come back because another moved
//! the series past the date that leaves it out. Where it is otherwise, a person should look.

use std::collections::BTreeSet;

use super::kept::{Change, MOST_TOLD, Proof, Told, first_start, reach, same_times, told};
use super::{Expansion, expand_in};
use crate::item::{Item, key};
use crate::time::bounds::Allowance;
use crate::time::civil::Local;
use crate::time::flag::Flag;
use crate::time::moment::Moment;
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
    let bare: Vec<_> = sides
        .iter()
        .map(|side| without_own_dates(side, sides).map(|bare| of(&bare)))
        .collect();
    let sides: Vec<_> = sides.iter().map(of).collect();
    if !is_whole {
        return Proof::NotExamined;
    }
    let back = sides.iter().zip(&bare).flat_map(|(side, bare)| {
        let left_out = bare.iter().flatten().filter(|one| !side.contains(one));
        left_out.flat_map(|one| back_on_its_day(one, side, &after))
    });
    let back: BTreeSet<_> = back.collect();
    let in_all = sides[0]
        .iter()
        .filter(|one| sides.iter().all(|side| side.contains(one)));
    let lost = in_all.filter(|one| !after.contains(one));
    let lost = lost.map(|(start, end, _)| Change::Lost {
        start: *start,
        end: *end,
    });
    let is_new = |one: &&_| !sides.iter().any(|side| side.contains(*one));
    let gained = after
        .iter()
        .filter(|one| is_new(one) || back.contains(*one));
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

/// A side without the dates that it alone leaves out, where there are such.
fn without_own_dates(side: &Item, sides: &[Item]) -> Option<Item> {
    let of_all = |at: &String| sides.iter().all(|other| other.values.contains_key(at));
    let is_own = |at: &String| key::family(at) == "EXDATE" && !of_all(at);
    let mut bare = side.clone();
    bare.values.retain(|at, _| !is_own(at));
    (bare.values.len() < side.values.len()).then_some(bare)
}

/// What takes place on the day of an occurrence that a side left out, where that is more than the
/// side has on that day.
fn back_on_its_day(left_out: &Told, side: &BTreeSet<Told>, after: &BTreeSet<Told>) -> Vec<Told> {
    let day = day_of(left_out.0);
    let of_day = |all: &BTreeSet<Told>| -> Vec<Told> {
        let on_it = all.iter().filter(|one| !one.2 && day_of(one.0) == day);
        on_it.copied().collect()
    };
    let there = of_day(after);
    match there.len() > of_day(side).len() {
        true => there
            .into_iter()
            .filter(|one| !side.contains(one))
            .collect(),
        false => Vec::new(),
    }
}

/// The day of a start; of an instant that in UTC, which is the same for both that are compared
/// unless a series is moved over midnight there.
fn day_of(start: Moment) -> i64 {
    match start {
        Moment::Date(local) | Moment::Floating(local) => local.day(),
        Moment::At(at) => Local(at.0).day(),
    }
}
