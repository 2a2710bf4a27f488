//! Which occurrences a recurrence set has, without giving all of them: what overrides are
//! matched with.

use std::collections::{BTreeMap, BTreeSet};

use super::set::{Bounded, RecurrenceSet};
use crate::time::bounds::{Budget, Spent};
use crate::time::civil::Local;
use crate::time::rule::{Next, Span};

/// How far a gap can be from where its times are read to be: two hours and more, the largest
/// that a clock has been set in one night but for changes of date.
const LARGEST_GAP: i64 = 3 * 3600;

/// Which of some occurrences a set has.
#[derive(Debug, Default)]
pub(super) struct Having {
    pub(super) there: BTreeSet<i64>,
    /// Those of them that EXDATE or EXRULE calls off.
    pub(super) excluded: BTreeSet<i64>,
}

impl RecurrenceSet {
    /// Which of these occurrences it has, by position, whether they were called off or not.
    pub(super) fn having(
        &self,
        wanted: &BTreeMap<i64, Local>,
        budget: &mut Budget,
    ) -> Result<Having, Spent> {
        let start = self.basis.position(self.start);
        let mut out: BTreeSet<i64> = wanted
            .keys()
            .filter(|at| **at == start || self.dates.contains_key(at))
            .copied()
            .collect();
        for bounded in &self.rules {
            self.named(bounded, wanted, &mut out, budget)?;
        }
        let mut off = BTreeSet::new();
        for bounded in &self.exrules {
            self.named(bounded, wanted, &mut off, budget)?;
        }
        let is_off = |at: &&i64| off.contains(at) || self.is_excluded(**at, wanted[*at]);
        let excluded = out.iter().filter(is_off).copied().collect();
        Ok(Having {
            there: out,
            excluded,
        })
    }

    /// Adds what a rule names of what is wanted: in one go where it has to be counted, else by
    /// looking at each.
    fn named(
        &self,
        bounded: &Bounded,
        wanted: &BTreeMap<i64, Local>,
        out: &mut BTreeSet<i64>,
        budget: &mut Budget,
    ) -> Result<(), Spent> {
        if !bounded.walk.is_counted() {
            for (position, local) in wanted {
                if !out.contains(position) && self.names(bounded, *position, *local, budget)? {
                    out.insert(*position);
                }
            }
            return Ok(());
        }
        let Some(last) = wanted.values().max() else {
            return Ok(());
        };
        let span = Span {
            from: self.start,
            to: *last,
        };
        self.walk(bounded, span, budget, &mut |position, _| {
            if wanted.contains_key(&position) {
                out.insert(position);
            }
            Next::More
        })
    }

    /// True where a rule has an occurrence at this position, which is this time on the clock.
    /// A time that the clock leaps over is the same instant as a later one, so where the clock
    /// was set shortly before, that much is looked through.
    pub(super) fn names(
        &self,
        bounded: &Bounded,
        wanted: i64,
        local: Local,
        budget: &mut Budget,
    ) -> Result<bool, Spent> {
        let before = Local(local.0 - LARGEST_GAP);
        let was_set = self.basis.position(before) + LARGEST_GAP != wanted;
        let span = Span {
            from: if was_set { before } else { local },
            to: local,
        };
        let mut found = false;
        self.walk(bounded, span, budget, &mut |position, _| {
            found |= position == wanted;
            if found { Next::Enough } else { Next::More }
        })?;
        Ok(found)
    }
}
