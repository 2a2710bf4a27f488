//! The occurrences of an item within a window, overrides and all.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::having::Having;
use super::overrides::{self, Override, Overrides, is_cancelled};
use super::read::{Point, Reader, Times};
use super::set::{Original, RecurrenceSet};
use super::{CalledOff, Expansion, Occurrence};
use crate::item::Item;
use crate::time::bounds::{Budget, MOST_OCCURRENCES, MOST_STEPS, Spent};
use crate::time::civil::{DAY, Local};
use crate::time::flag::{Flag, raise};
use crate::time::moment::{Basis, Extent, Window};
use crate::time::value::Duration;
use crate::time::zone::Zones;

/// When an item takes place within a window.
///
/// Never fails: what is not understood is left out and flagged. An item without a start has no
/// occurrences. Takes at most [`MOST_STEPS`] steps and gives at most [`MOST_OCCURRENCES`].
pub fn expand(item: &Item, zones: &Zones<'_>, window: Window) -> Expansion {
    expand_in(item, zones, window, MOST_STEPS)
}

/// The same in at most so many steps.
pub fn expand_in(item: &Item, zones: &Zones<'_>, window: Window, most_steps: u64) -> Expansion {
    let mut reader = Reader::new(item, zones, window.years());
    let mut budget = Budget::new(most_steps.min(MOST_STEPS));
    let mut out = Expansion::default();
    let times = reader.times(None);
    let all = overrides::all(&mut reader);
    let done = match times.start.clone() {
        None => {
            alone(all, window, &mut out);
            Ok(())
        }
        Some(start) => series(
            &mut reader,
            start,
            &times,
            all,
            window,
            &mut budget,
            &mut out,
        ),
    };
    if done == Err(Spent) {
        let limit = most_steps.min(MOST_STEPS);
        raise(&mut reader.flags, Flag::TooMuchWork { limit });
    }
    if out.occurrences.len() > MOST_OCCURRENCES {
        let limit = MOST_OCCURRENCES;
        raise(&mut reader.flags, Flag::TooManyOccurrences { limit });
    }
    out.occurrences
        .sort_by(|a, b| (a.start, a.end, &a.by).cmp(&(b.start, b.end, &b.by)));
    out.occurrences.truncate(MOST_OCCURRENCES);
    out.flags = reader.flags;
    out.steps = budget.taken();
    out
}

/// Overrides that came without their item are occurrences of their own.
fn alone(all: Vec<Override>, window: Window, out: &mut Expansion) {
    for occurrence in all.iter().filter_map(by_itself) {
        if window.holds(occurrence.start, occurrence.end) {
            out.occurrences.push(occurrence);
        }
    }
}

/// An override by its own times; nothing where it has none.
fn by_itself(one: &Override) -> Option<Occurrence> {
    let start = one.start.as_ref().or(one.id.as_ref())?;
    let extent = one.extent.unwrap_or_else(|| default_extent(&start.basis));
    Some(Occurrence {
        original: one.id.as_ref().map(|id| id.local),
        by: Some(one.rid.clone()),
        cancelled: one.cancelled,
        ..bare(&start.basis, start.local, extent)
    })
}

/// An item with its rule and overrides.
struct Series<'o> {
    set: RecurrenceSet,
    extent: Extent,
    cancelled: bool,
    overrides: &'o Overrides,
    /// Those with RANGE=THISANDFUTURE whose occurrence there is, in order.
    future: Vec<(i64, Local, &'o Override)>,
}

fn series(
    reader: &mut Reader<'_>,
    start: Point,
    times: &Times,
    all: Vec<Override>,
    window: Window,
    budget: &mut Budget,
    out: &mut Expansion,
) -> Result<(), Spent> {
    let extent = times.extent.unwrap_or_else(|| default_extent(&start.basis));
    let cancelled = is_cancelled(reader.item, None);
    let set = match RecurrenceSet::new(reader, start.clone(), times, budget) {
        Ok(set) => set,
        Err(Spent) => {
            push_first(&start, extent, cancelled, window, out);
            return Err(Spent);
        }
    };
    let overrides = Overrides::new(all, &set);
    let mut series = Series {
        set,
        extent,
        cancelled,
        overrides: &overrides,
        future: Vec::new(),
    };
    let done = series.fill(window, reader, budget, out);
    out.doubled.clone_from(&overrides.doubled);
    out.orphans
        .extend(overrides.nowhere.iter().filter_map(by_itself));
    if done.is_err() && out.occurrences.is_empty() {
        push_first(&start, extent, cancelled, window, out);
    }
    done
}

/// What is shown of an item whose rules are too much work.
fn push_first(start: &Point, extent: Extent, cancelled: bool, window: Window, out: &mut Expansion) {
    let first = Occurrence {
        original: Some(start.local),
        cancelled,
        ..bare(&start.basis, start.local, extent)
    };
    if window.holds(first.start, first.end) {
        out.occurrences.push(first);
    }
}

impl<'o> Series<'o> {
    fn fill(
        &mut self,
        window: Window,
        reader: &mut Reader<'_>,
        budget: &mut Budget,
        out: &mut Expansion,
    ) -> Result<(), Spent> {
        let overrides = self.overrides;
        let wanted = overrides
            .by_position
            .iter()
            .map(|(position, (local, _))| (*position, *local))
            .collect();
        // where it takes too much work to know, none is called an orphan
        let (having, spent) = match self.set.having(&wanted, budget) {
            Ok(having) => (having, Ok(())),
            Err(Spent) => {
                let there = wanted.keys().copied().collect();
                let excluded = BTreeSet::new();
                (Having { there, excluded }, Err(Spent))
            }
        };
        self.overridden(&having, window, reader, out);
        spent?;
        let (originals, too_many) = self.set.between(self.reach(window), budget)?;
        if too_many {
            let limit = MOST_OCCURRENCES;
            raise(&mut reader.flags, Flag::TooManyOccurrences { limit });
        }
        for (position, original) in &originals {
            if overrides.by_position.contains_key(position) {
                continue;
            }
            let occurrence = self.occurrence(*position, *original, &mut reader.flags);
            if window.holds(occurrence.start, occurrence.end) {
                out.occurrences.push(occurrence);
            }
        }
        Ok(())
    }

    /// The overridden occurrences, and the orphans.
    fn overridden(
        &mut self,
        having: &Having,
        window: Window,
        reader: &mut Reader<'_>,
        out: &mut Expansion,
    ) {
        for (position, (local, one)) in &self.overrides.by_position {
            let has = having.there.contains(position);
            // whoever changed an occurrence wants it: a change beats a call-off
            if having.excluded.contains(position) {
                out.called_off.push(CalledOff {
                    id: one.rid.clone(),
                    by: self.set.excluded_by(*position).to_vec(),
                });
            }
            if has && one.is_future {
                self.future.push((*position, *local, one));
            }
            let (basis, at) = match &one.start {
                Some(start) => (&start.basis, start.local),
                None => (&self.set.basis, *local),
            };
            let extent = one.extent.unwrap_or(match &one.start {
                Some(start) => default_extent(&start.basis),
                None => self.extent,
            });
            disagreement(basis, at, &mut reader.flags);
            let occurrence = Occurrence {
                original: Some(*local),
                by: Some(one.rid.clone()),
                cancelled: one.cancelled,
                ..bare(basis, at, extent)
            };
            if !has {
                out.orphans.push(occurrence);
            } else if window.holds(occurrence.start, occurrence.end) {
                out.occurrences.push(occurrence);
            }
        }
    }

    /// An occurrence that has no override of its own: as the rule has it, or as the last
    /// override before it says of all that follow (§3.8.4.4).
    fn occurrence(&self, position: i64, original: Original, flags: &mut Vec<Flag>) -> Occurrence {
        let last = self
            .future
            .partition_point(|(from, _, _)| *from <= position);
        let follows = last.checked_sub(1).map(|last| &self.future[last]);
        let mut extent = original.extent.unwrap_or(self.extent);
        let (mut basis, mut local) = (&self.set.basis, original.local);
        let mut by: Option<Arc<str>> = None;
        let mut cancelled = self.cancelled;
        if let Some((_, from, one)) = follows {
            if let Some(start) = &one.start {
                basis = &start.basis;
                local = Local(local.0 + start.local.0 - from.0);
                extent = one.extent.unwrap_or_else(|| default_extent(basis));
            }
            by = Some(one.rid.clone());
            cancelled = one.cancelled;
        }
        disagreement(basis, local, flags);
        Occurrence {
            original: self.set.recurs().then_some(original.local),
            by,
            cancelled,
            ..bare(basis, local, extent)
        }
    }

    /// The positions between which an occurrence can have a part in the window, shifted and long
    /// as it may be.
    fn reach(&self, window: Window) -> RangeInclusive<i64> {
        let mut length = reach_of(self.extent);
        let (mut back, mut forth) = (0, 0);
        for (_, from, one) in &self.future {
            if let Some(start) = &one.start {
                // the clock may be set between both
                let shift = start.local.0 - from.0;
                back = back.max(DAY - shift);
                forth = forth.max(DAY + shift);
            }
            length = length.max(one.extent.map_or(DAY, reach_of));
        }
        let length = length.max(self.set.longest());
        let (from, to) = match &self.set.basis {
            Basis::Date | Basis::Floating => (window.local.0.0, window.local.1.0),
            Basis::Zoned(_) => (window.instants.0.0, window.instants.1.0),
        };
        from - length - forth..=to + back
    }
}

/// How long it can be in seconds: days are up to a day longer where the clock is set.
pub(super) fn reach_of(extent: Extent) -> i64 {
    match extent {
        Extent::Exact(seconds) => seconds,
        Extent::Nominal(Duration { days: 0, seconds }) => seconds,
        Extent::Nominal(Duration { days, seconds }) => (days + 1) * DAY + seconds,
    }
}

/// A whole day for a date, else no length at all (§3.6.1).
fn default_extent(basis: &Basis) -> Extent {
    match basis {
        Basis::Date => Extent::Nominal(Duration {
            days: 1,
            seconds: 0,
        }),
        Basis::Floating | Basis::Zoned(_) => Extent::Exact(0),
    }
}

fn bare(basis: &Basis, local: Local, extent: Extent) -> Occurrence {
    Occurrence {
        start: basis.moment(local),
        end: basis.end(local, extent),
        local,
        tzid: basis.tzid(),
        original: None,
        by: None,
        cancelled: false,
    }
}

/// Flags the first occurrence whose instant depends on whether one goes by the name of its
/// zone or by the definition.
fn disagreement(basis: &Basis, local: Local, flags: &mut Vec<Flag>) {
    let Basis::Zoned(place) = basis else { return };
    let Some((other, name)) = &place.other else {
        return;
    };
    let seconds = other.instant(local).0 - place.zone.instant(local).0;
    let is_new = || {
        !flags
            .iter()
            .any(|flag| matches!(flag, Flag::ZonesDisagree { tzid, .. } if **tzid == *place.tzid))
    };
    if seconds != 0 && is_new() {
        flags.push(Flag::ZonesDisagree {
            tzid: place.tzid.to_string(),
            name: name.clone(),
            local,
            seconds,
        });
    }
}
