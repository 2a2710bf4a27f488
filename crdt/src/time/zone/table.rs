//! A definition worked out: its onsets over some centuries, in order.

use super::definition::{Definition, DefinitionError, Observance};
use crate::time::bounds::{Budget, MOST_ONSETS};
use crate::time::civil::{DAY, Instant, Local};
use crate::time::rule::{Next, Rule, Span, Walk, until};
use crate::time::value::Mark;

/// Offsets by the instants at which they begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    /// Before the first onset.
    before: i64,
    onsets: Vec<Onset>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Onset {
    at: Instant,
    /// From what the clock shows on, the new offset holds: the end of the gap or of the
    /// fold's first pass.
    shown: Local,
    offset: i64,
}

impl Table {
    /// Works out a definition from the beginning of one year to the end of another.
    pub(super) fn new(
        definition: &Definition,
        years: (i64, i64),
        budget: &mut Budget,
    ) -> Result<Self, DefinitionError> {
        if definition.observances.is_empty() {
            return Err(DefinitionError::Empty);
        }
        let too_many = DefinitionError::TooManyOnsets { limit: MOST_ONSETS };
        let mut onsets: Vec<(Instant, i64, i64)> = Vec::new();
        for observance in &definition.observances {
            let mut add = |local: Local| {
                onsets.push((
                    Instant(local.0 - observance.from),
                    observance.to,
                    observance.from,
                ));
                onsets.len() <= MOST_ONSETS
            };
            let mut fits = add(observance.start);
            for (date, mark) in &observance.dates {
                let shift = if *mark == Mark::Utc {
                    observance.from
                } else {
                    0
                };
                fits &= add(Local(date.0 + shift));
            }
            for rule in &observance.rules {
                fits &= onsets_of(rule, observance, years, budget, &mut add).ok_or(too_many)?;
            }
            if !fits {
                return Err(too_many);
            }
        }
        onsets.sort_unstable();
        onsets.dedup_by_key(|(at, _, _)| *at);
        let before = onsets.first().map_or(0, |(_, _, from)| *from);
        Ok(Self {
            before,
            onsets: in_order(before, &onsets),
        })
    }

    /// The offset at an instant, in seconds.
    pub(super) fn offset_at(&self, at: Instant) -> i64 {
        self.after(self.onsets.partition_point(|onset| onset.at <= at))
    }

    /// The offset at a time on the clock; in a gap and in a fold the one before it.
    pub(super) fn offset_at_local(&self, local: Local) -> i64 {
        self.after(self.onsets.partition_point(|onset| onset.shown <= local))
    }

    /// The times on the clock from which on another offset holds.
    pub(super) fn turns(&self) -> impl Iterator<Item = Local> {
        self.onsets.iter().map(|onset| onset.shown)
    }

    fn after(&self, onsets: usize) -> i64 {
        match onsets.checked_sub(1) {
            Some(last) => self.onsets[last].offset,
            None => self.before,
        }
    }
}

/// Adds the onsets of a rule; false where they are too many, nothing where it took too much
/// work to find out.
fn onsets_of(
    rule: &Rule,
    observance: &Observance,
    (first, last): (i64, i64),
    budget: &mut Budget,
    add: &mut dyn FnMut(Local) -> bool,
) -> Option<bool> {
    let Ok(walk) = Walk::new(rule, observance.start, false) else {
        return Some(true);
    };
    // §3.6.5: UNTIL of a zone's rule is in UTC
    let end = rule
        .until
        .as_deref()
        .and_then(until)
        .map(|(local, mark)| match mark {
            Mark::Utc => Local(local.0 + observance.from),
            Mark::Date => Local(local.0 + DAY - 1),
            Mark::None => local,
        });
    let year = |year: i64| Local::date(year.clamp(1, 9999), 1, 1).unwrap_or_default();
    let last = Local(year(last + 1).0 - 1);
    // a rule that ended before the first year still says what has held since
    let ended = end.is_some_and(|end| end < year(first));
    let span = Span {
        from: if ended { observance.start } else { year(first) },
        to: end.unwrap_or(last).min(last),
    };
    let mut fits = true;
    walk.times(span, budget, &mut |local| {
        fits = add(local);
        if fits { Next::More } else { Next::Enough }
    })
    .ok()?;
    Some(fits)
}

fn in_order(before: i64, onsets: &[(Instant, i64, i64)]) -> Vec<Onset> {
    let (mut offset_before, mut shown_before) = (before, Local(i64::MIN));
    let mut out = Vec::with_capacity(onsets.len());
    for (at, offset, _) in onsets {
        let shown = Local(at.0 + offset_before.max(*offset)).max(shown_before);
        out.push(Onset {
            at: *at,
            shown,
            offset: *offset,
        });
        (offset_before, shown_before) = (*offset, shown);
    }
    out
}
