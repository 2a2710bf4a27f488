//! The recurrence set of an item, before its overrides: DTSTART, rules and RDATE, without
//! EXDATE and EXRULE (RFC 5545 §3.8.5).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use super::expand::reach_of;
use super::read::{Point, Reader, Times, distance};
use crate::time::bounds::{Budget, MOST_OCCURRENCES, Spent};
use crate::time::civil::{DAY, Local};
use crate::time::flag::{Flag, quote, raise};
use crate::time::moment::{Basis, Extent};
use crate::time::rule::{Next, Rule, Span, Walk, until};
use crate::time::value::{Mark, Stamp, Until};

/// Rules and dates with which an item is still light: ten years of it are fewer occurrences
/// than one item may have.
const MOST_LIGHT_RULES: usize = 2;
const MOST_LIGHT_DATES: usize = 1000;

/// The recurrence set of one item.
#[derive(Debug)]
pub(super) struct RecurrenceSet {
    pub(super) start: Local,
    pub(super) basis: Basis,
    pub(super) rules: Vec<Bounded>,
    pub(super) exrules: Vec<Bounded>,
    pub(super) dates: BTreeMap<i64, Original>,
    /// With the keys of what excludes them.
    excluded: BTreeMap<i64, Vec<String>>,
    excluded_days: BTreeSet<i64>,
}

/// One occurrence as the rule has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Original {
    pub(super) local: Local,
    /// Its own length, where RDATE says one.
    pub(super) extent: Option<Extent>,
}

/// A rule with its UNTIL.
#[derive(Debug)]
pub(super) struct Bounded {
    pub(super) walk: Walk,
    /// The last position, and what the clock shows when no later one can come.
    end: Option<(i64, Local)>,
}

impl RecurrenceSet {
    pub(super) fn new(
        reader: &mut Reader<'_>,
        start: Point,
        times: &Times,
        budget: &mut Budget,
    ) -> Result<Self, Spent> {
        let mut set = Self {
            start: start.local,
            basis: start.basis,
            rules: Vec::new(),
            exrules: Vec::new(),
            dates: BTreeMap::new(),
            excluded: BTreeMap::new(),
            excluded_days: BTreeSet::new(),
        };
        for text in &times.rules {
            let rule = set.rule(text, &mut reader.flags);
            if let Some(bounded) = set.counted_with_start(rule, budget)? {
                set.rules.push(bounded);
            }
        }
        for text in &times.exrules {
            let rule = set.rule(text, &mut reader.flags);
            if let Some((_, bounded)) = rule {
                set.exrules.push(bounded);
            }
        }
        for (_, params, value) in reader.list("RDATE") {
            set.rdate(reader, &params, &value);
        }
        for (at, params, value) in reader.list("EXDATE") {
            set.exdate(reader, at, &params, &value);
        }
        Ok(set)
    }

    /// True where it can have more than one occurrence.
    pub(super) fn recurs(&self) -> bool {
        !self.rules.is_empty() || !self.dates.is_empty()
    }

    /// The longest that RDATE says of one, in seconds.
    pub(super) fn longest(&self) -> i64 {
        let own = self.dates.values().filter_map(|original| original.extent);
        own.map(reach_of).max().unwrap_or(0)
    }

    fn rule(&self, text: &str, flags: &mut Vec<Flag>) -> Option<(Rule, Bounded)> {
        let made = Rule::read(text).and_then(|rule| Ok((self.bounded(&rule)?, rule)));
        match made {
            Ok((bounded, rule)) => Some((rule, bounded)),
            Err(reason) => {
                let rule = quote(text);
                raise(flags, Flag::RuleNotUnderstood { rule, reason });
                None
            }
        }
    }

    fn bounded(&self, rule: &Rule) -> Result<Bounded, crate::time::rule::RuleError> {
        let walk = Walk::new(rule, self.start, self.basis.is_date())?;
        let end = rule.until.as_deref().and_then(until).map(|(local, mark)| {
            let position = match (&self.basis, mark) {
                // of another kind than DTSTART: the day as written, with all of it
                (Basis::Date, _) => local.midnight().0,
                (_, Mark::Date) => self.basis.position(Local(local.0 + DAY - 1)),
                (Basis::Zoned(_), Mark::Utc) => local.0,
                (Basis::Zoned(_) | Basis::Floating, Mark::None | Mark::Utc) => {
                    self.basis.position(local)
                }
            };
            (position, Local(self.basis.local(position).0 + DAY))
        });
        Ok(Bounded { walk, end })
    }

    /// DTSTART counts as the first occurrence also of a rule that does not name it
    /// (§3.3.10, COUNT).
    fn counted_with_start(
        &self,
        rule: Option<(Rule, Bounded)>,
        budget: &mut Budget,
    ) -> Result<Option<Bounded>, Spent> {
        let Some((rule, bounded)) = rule else {
            return Ok(None);
        };
        let start = self.basis.position(self.start);
        if rule.count.is_none() || self.names(&bounded, start, self.start, budget)? {
            return Ok(Some(bounded));
        }
        let rest = rule.with_one_taken();
        Ok(rest.and_then(|rest| self.bounded(&rest).ok()))
    }

    /// A date or time in the order of this set. Times on other clocks are compared as instants
    /// where there are some, else by their digits.
    fn position(&self, point: &Point) -> i64 {
        match (&self.basis, &point.basis) {
            (Basis::Date, _) => point.local.midnight().0,
            (Basis::Zoned(_), Basis::Zoned(place)) => place.zone.instant(point.local).0,
            (Basis::Zoned(_) | Basis::Floating, _) => self.basis.position(point.local),
        }
    }

    fn rdate(&mut self, reader: &mut Reader<'_>, params: &str, value: &str) {
        let mut extent = None;
        let point = match Stamp::read_period(params, value) {
            None => reader.point(None, "RDATE", params, value),
            Some((stamp, until)) => {
                let basis = reader.basis(None, stamp.clock);
                let start = Point {
                    local: stamp.local,
                    basis,
                };
                extent = Some(match until {
                    Until::After(duration) => Extent::Nominal(duration),
                    Until::Local(local) => {
                        let basis = start.basis.clone();
                        Extent::Exact(distance(&start, &Point { local, basis }))
                    }
                });
                Some(start)
            }
        };
        let Some(mut point) = point else { return };
        if point.basis.is_date() != self.basis.is_date() {
            let (property, value) = ("RDATE", quote(value));
            raise(&mut reader.flags, Flag::OtherKind { property, value });
            if point.basis.is_date() {
                // on that day, at the time at which the series is
                point = Point {
                    local: point.local.at(self.start.second_of_day()),
                    basis: self.basis.clone(),
                };
            }
        }
        let position = self.position(&point);
        let original = Original {
            local: match (&self.basis, &point.basis) {
                (Basis::Zoned(_), Basis::Zoned(_)) => self.basis.local(position),
                (Basis::Date, _) => point.local.midnight(),
                (Basis::Zoned(_) | Basis::Floating, _) => point.local,
            },
            extent: extent.filter(|extent| extent.seconds() >= 0),
        };
        self.dates.insert(position, original);
    }

    fn exdate(&mut self, reader: &mut Reader<'_>, at: &str, params: &str, value: &str) {
        let Some(point) = reader.point(None, "EXDATE", params, value) else {
            return;
        };
        if point.basis.is_date() && !self.basis.is_date() {
            // seen from several programs: the day whose occurrences are off
            self.excluded_days.insert(point.local.day());
        } else {
            let keys = self.excluded.entry(self.position(&point)).or_default();
            keys.push(at.to_owned());
        }
    }

    /// The occurrences at these positions, first and last included, by position. Of too many
    /// the first; then also true.
    pub(super) fn between(
        &self,
        wanted: RangeInclusive<i64>,
        budget: &mut Budget,
    ) -> Result<(BTreeMap<i64, Original>, bool), Spent> {
        // a day more on the clock: it differs by less, however it is set
        let span = Span {
            from: Local(self.basis.local(*wanted.start()).0 - DAY),
            to: Local(self.basis.local(*wanted.end()).0 + DAY),
        };
        let mut out = BTreeMap::new();
        let mut too_many = false;
        for bounded in &self.rules {
            let mut count = 0;
            self.walk(bounded, span, budget, &mut |position, local| {
                if !wanted.contains(&position) {
                    return Next::More;
                }
                let extent = None;
                out.entry(position).or_insert(Original { local, extent });
                count += 1;
                too_many |= count > MOST_OCCURRENCES;
                if count > MOST_OCCURRENCES {
                    Next::Enough
                } else {
                    Next::More
                }
            })?;
        }
        for (position, original) in self.dates.range(wanted.clone()) {
            out.insert(*position, *original);
        }
        let (local, extent) = (self.start, None);
        let position = self.basis.position(local);
        if wanted.contains(&position) {
            out.entry(position).or_insert(Original { local, extent });
        }
        for bounded in &self.exrules {
            self.walk(bounded, span, budget, &mut |position, _| {
                out.remove(&position);
                Next::More
            })?;
        }
        out.retain(|position, original| !self.is_excluded(*position, original.local));
        while out.len() > MOST_OCCURRENCES {
            too_many = true;
            out.pop_last();
        }
        Ok((out, too_many))
    }

    /// The keys of the EXDATEs that exclude this position.
    pub(super) fn excluded_by(&self, position: i64) -> &[String] {
        self.excluded.get(&position).map_or(&[], Vec::as_slice)
    }

    /// True where it gives no more than one time a day, so that a few years of it are soon
    /// counted.
    pub(super) fn is_light(&self) -> bool {
        let rules = || self.rules.iter().chain(&self.exrules);
        rules().all(|bounded| bounded.walk.time_of_day().is_some())
            && rules().count() <= MOST_LIGHT_RULES
            && self.dates.len() <= MOST_LIGHT_DATES
    }

    /// The seconds after midnight at which it takes place: on each day the same ones.
    pub(super) fn times_of_day(&self) -> BTreeSet<i64> {
        let rules = self.rules.iter().filter_map(|rule| rule.walk.time_of_day());
        let dates = self.dates.values().map(|date| date.local.second_of_day());
        rules
            .chain(dates)
            .chain([self.start.second_of_day()])
            .collect()
    }

    pub(super) fn is_excluded(&self, position: i64, local: Local) -> bool {
        self.excluded.contains_key(&position) || self.excluded_days.contains(&local.day())
    }

    /// The times of a rule within a span, by position, up to its UNTIL.
    pub(super) fn walk(
        &self,
        bounded: &Bounded,
        span: Span,
        budget: &mut Budget,
        take: &mut dyn FnMut(i64, Local) -> Next,
    ) -> Result<(), Spent> {
        let (last, stop) = bounded.end.unwrap_or((i64::MAX, Local(i64::MAX)));
        let span = Span {
            to: span.to.min(stop),
            ..span
        };
        bounded.walk.times(span, budget, &mut |local| {
            let position = self.basis.position(local);
            if position > last {
                return Next::More;
            }
            take(position, local)
        })
    }
}
