//! What a person should know of an item's times, without listing its occurrences where that is
//! not needed: most items of a large import take a few microseconds.
//!
//! An item is *light* where it takes place once a day at most, and the name and the definition
//! of its zone agree for all of the ten years looked at. All others are expanded, in as much
//! work as is left.

use std::sync::Arc;

use super::kept::{REACH, reach};
use super::overrides::{self, Override, Overrides};
use super::read::{Point, Reader};
use super::set::RecurrenceSet;
use super::{CalledOff, Doubled, expand_in};
use crate::item::Item;
use crate::time::bounds::{Allowance, Budget, MOST_STEPS, Spent};
use crate::time::civil::{DAY, Local};
use crate::time::flag::{Flag, raise};
use crate::time::moment::Basis;
use crate::time::zone::Zones;

/// Years that the zones of an item must hold for to both sides.
const YEARS: i64 = 6;

/// Two things that an item says of one occurrence and that do not fit together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clash {
    /// An override whose occurrence the rule does not have (any more).
    Gone {
        /// The override, by its recurrence id as it stands in keys.
        id: Arc<str>,
    },
    /// An override of an occurrence that was called off.
    CalledOff(CalledOff),
    /// Two overrides of one occurrence.
    Twice(Doubled),
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Examined {
    /// What a person should know.
    pub flags: Vec<Flag>,
    /// What does not fit together.
    pub clashes: Vec<Clash>,
}

/// Looks at the times of an item, five years to both sides of its start. Never fails; what was
/// not looked at is flagged as such.
pub fn examine(item: &Item, zones: &Zones<'_>, allowance: &mut Allowance) -> Examined {
    if allowance.is_spent() {
        return Examined {
            flags: vec![Flag::NotExamined],
            clashes: Vec::new(),
        };
    }
    let most = allowance.of_one();
    let zones_before = zones.steps();
    let mut reader = Reader::new(item, zones, (1970, 2037));
    reader.widen(YEARS);
    let mut budget = Budget::new(most);
    let mut out = Examined::default();
    let looked = look(&mut reader, &mut budget, &mut out);
    out.flags = std::mem::take(&mut reader.flags);
    allowance.spend(budget.taken());
    let heavy = match looked {
        Ok(Weight::Light) => None,
        Ok(Weight::Heavy(around)) => Some(around),
        Err(Spent) => {
            raise(&mut out.flags, too_much(most));
            None
        }
    };
    if let Some(around) = heavy {
        let most = allowance.of_one();
        let expansion = expand_in(item, zones, reach(around), most);
        allowance.spend(expansion.steps);
        for flag in expansion.flags {
            match flag {
                Flag::TooMuchWork { .. } => raise(&mut out.flags, too_much(most)),
                flag => raise(&mut out.flags, flag),
            }
        }
    }
    allowance.spend_on_zones(zones.steps() - zones_before);
    out
}

/// Too much for any item, or only for what the others left.
fn too_much(most: u64) -> Flag {
    if most < MOST_STEPS {
        Flag::NotExamined
    } else {
        Flag::TooMuchWork { limit: most }
    }
}

/// How much of an item has to be looked at.
enum Weight {
    Light,
    /// All occurrences, around this time.
    Heavy(Local),
}

fn look(reader: &mut Reader<'_>, budget: &mut Budget, out: &mut Examined) -> Result<Weight, Spent> {
    let times = reader.times(None);
    let all = overrides::all(reader);
    let is_disputed = all.iter().any(override_is_disputed);
    let Some(start) = times.start.clone() else {
        let first = all.iter().find_map(|one| one.start.as_ref());
        return Ok(match first {
            Some(first) if is_disputed => Weight::Heavy(first.local),
            _ => Weight::Light,
        });
    };
    let around = start.local;
    let set = RecurrenceSet::new(reader, start.clone(), &times, budget)?;
    let is_light = set.is_light() && !is_disputed && !series_is_disputed(&start, &set);
    if !all.is_empty() {
        clashes(&set, all, budget, &mut out.clashes)?;
    }
    Ok(if is_light {
        Weight::Light
    } else {
        Weight::Heavy(around)
    })
}

/// True where the name and the definition of its zone may disagree on one of its occurrences.
fn series_is_disputed(start: &Point, set: &RecurrenceSet) -> bool {
    let Basis::Zoned(place) = &start.basis else {
        return false;
    };
    let reach = if set.recurs() { (REACH + 1) * DAY } else { 0 };
    let dates = set.dates.values().map(|original| original.local);
    let first = dates.chain([start.local]).min().unwrap_or(start.local);
    let last = Local(start.local.0 + reach);
    place.differs(first, last) && {
        let times = set.times_of_day();
        let ranges = place.differences.iter();
        let mut near = ranges.filter(|(from, to)| *from <= last && first < *to);
        near.any(|(from, to)| times.iter().any(|time| has_time(*from, *to, *time)))
    }
}

/// True where the clock shows this time of some day within a range.
fn has_time(from: Local, to: Local, time: i64) -> bool {
    let same_day = from.at(time);
    let next = if same_day < from {
        Local(same_day.0 + DAY)
    } else {
        same_day
    };
    next < to
}

fn override_is_disputed(one: &Override) -> bool {
    let own = one.start.as_ref().or(one.id.as_ref());
    let Some((Basis::Zoned(place), local)) = own.map(|point| (&point.basis, point.local)) else {
        return false;
    };
    // what follows it may be shifted to anywhere
    match one.is_future {
        true => !place.differences.is_empty(),
        false => place.differs(local, local),
    }
}

fn clashes(
    set: &RecurrenceSet,
    all: Vec<Override>,
    budget: &mut Budget,
    out: &mut Vec<Clash>,
) -> Result<(), Spent> {
    let overrides = Overrides::new(all, set);
    let wanted = overrides
        .by_position
        .iter()
        .map(|(position, (local, _))| (*position, *local))
        .collect();
    let having = set.having(&wanted, budget)?;
    for (position, (_, one)) in &overrides.by_position {
        let id = one.rid.clone();
        if having.excluded.contains(position) {
            let by = set.excluded_by(*position).to_vec();
            out.push(Clash::CalledOff(CalledOff { id, by }));
        } else if !having.there.contains(position) && !one.cancelled {
            out.push(Clash::Gone { id });
        }
    }
    let nowhere = overrides.nowhere.iter().filter(|one| !one.cancelled);
    out.extend(nowhere.map(|one| Clash::Gone {
        id: one.rid.clone(),
    }));
    out.extend(overrides.doubled.into_iter().map(Clash::Twice));
    Ok(())
}
