//! From period to period of a rule, in order, giving each of its times.
//!
//! A rule without COUNT begins with the period that the wanted span begins in, so that one from
//! 1601 costs no more than one from yesterday.

use super::days::week_year;
use super::{Freq, Next, Rule, RuleError, Span, has};
use crate::time::bounds::{Budget, Spent};
use crate::time::civil::{DAY, LAST_YEAR, Local};

/// A rule with its DTSTART: what it leaves open is filled in.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    rule: Rule,
    start: Local,
}

/// The times of one day: hours × minutes × seconds, never listed.
struct Times {
    hours: Vec<i64>,
    minutes: Vec<i64>,
    seconds: Vec<i64>,
}

/// Gives times in order, from DTSTART on, and counts them.
struct Giver<'g> {
    start: Local,
    span: Span,
    left: Option<u64>,
    budget: &'g mut Budget,
    take: &'g mut dyn FnMut(Local) -> Next,
}

impl Walk {
    /// Fails where a rule of hours, minutes or seconds is to begin on a whole day.
    pub(crate) fn new(rule: &Rule, start: Local, is_date: bool) -> Result<Self, RuleError> {
        let rule = rule.with_start(start, is_date)?;
        Ok(Self { rule, start })
    }

    /// The seconds after midnight at which all of its times are, where it gives one time a day
    /// at most.
    pub(crate) fn time_of_day(&self) -> Option<i64> {
        let rule = &self.rule;
        let one =
            |mask: u64| (mask.count_ones() <= 1).then(|| i64::from(mask.trailing_zeros() % 64));
        let [hour, minute, second] = [one(rule.hours)?, one(rule.minutes)?, one(rule.seconds)?];
        (rule.freq >= Freq::Daily).then_some(hour * 3600 + minute * 60 + second)
    }

    /// True where the rule ends after a number of occurrences.
    pub(crate) fn is_counted(&self) -> bool {
        self.rule.count.is_some()
    }

    /// Gives the times within a span, in order, until `take` has enough.
    pub(crate) fn times(
        &self,
        span: Span,
        budget: &mut Budget,
        take: &mut dyn FnMut(Local) -> Next,
    ) -> Result<(), Spent> {
        if span.to < self.start {
            return Ok(());
        }
        let mut giver = Giver {
            start: self.start,
            span,
            left: self.rule.count,
            budget,
            take,
        };
        if self.rule.freq < Freq::Daily {
            self.within_days(&mut giver)
        } else {
            self.by_days(&mut giver)
        }
    }

    /// YEARLY to DAILY: the days of each period, and the same times on each of them.
    fn by_days(&self, giver: &mut Giver<'_>) -> Result<(), Spent> {
        let rule = &self.rule;
        let times = Times {
            hours: members(rule.hours),
            minutes: members(rule.minutes),
            seconds: members(rule.seconds),
        };
        let first = self.ordinal(self.start.day());
        let mut ordinal = first;
        if !self.is_counted() {
            let wanted = self.ordinal(giver.span.from.day());
            let behind = (wanted - first).max(0);
            ordinal += behind - behind % rule.interval;
        }
        let last = self.ordinal(giver.span.to.day()).min(self.last_ordinal());
        let mut days = Vec::new();
        while ordinal <= last {
            giver.budget.step()?;
            days.clear();
            self.days(ordinal, giver.budget, &mut days)?;
            if self.day_times(&days, &times, giver)? == Next::Enough {
                return Ok(());
            }
            ordinal += rule.interval;
        }
        Ok(())
    }

    /// The number of the period that a day is in.
    fn ordinal(&self, day: i64) -> i64 {
        let rule = &self.rule;
        let (year, month, _) = Local(day * DAY).ymd();
        match rule.freq {
            Freq::Yearly if rule.week_numbers.is_empty() => year,
            Freq::Yearly => week_year(day, rule.week_start),
            Freq::Monthly => year * 12 + month - 1,
            // weeks of the week's first day before or on 1970-01-01, a Thursday
            Freq::Weekly => (day + 3 - rule.week_start).div_euclid(7),
            Freq::Daily | Freq::Hourly | Freq::Minutely | Freq::Secondly => day,
        }
    }

    fn last_ordinal(&self) -> i64 {
        let day = Local::date(LAST_YEAR, 12, 31).map_or(0, Local::day);
        self.ordinal(day).min(match self.rule.freq {
            Freq::Yearly => LAST_YEAR,
            _ => i64::MAX,
        })
    }

    fn days(&self, ordinal: i64, budget: &mut Budget, out: &mut Vec<i64>) -> Result<(), Spent> {
        let rule = &self.rule;
        match rule.freq {
            Freq::Yearly => rule.days_of_year(ordinal, budget, out),
            Freq::Monthly => rule.days_of_month(
                ordinal.div_euclid(12),
                ordinal.rem_euclid(12) + 1,
                budget,
                out,
            ),
            Freq::Weekly => rule.days_of_week(ordinal * 7 - 3 + rule.week_start, budget, out),
            Freq::Daily | Freq::Hourly | Freq::Minutely | Freq::Secondly => {
                if rule.names_day(ordinal) {
                    out.push(ordinal);
                }
                Ok(())
            }
        }
    }

    /// All times of the days of one period, or those at the positions of BYSETPOS.
    fn day_times(&self, days: &[i64], times: &Times, giver: &mut Giver<'_>) -> Result<Next, Spent> {
        if !self.rule.positions.is_empty() {
            let a_day = times.len();
            let total = a_day * i64::try_from(days.len()).unwrap_or(0);
            let at = |index: i64| {
                let day = usize::try_from(index / a_day)
                    .ok()
                    .and_then(|i| days.get(i));
                day.map(|day| Local(day * DAY + times.at(index % a_day)))
            };
            return self.at_positions(total, &at, giver);
        }
        for day in days {
            let mut index = 0;
            if !self.is_counted() && *day <= giver.span.from.day() {
                if *day < giver.span.from.day() {
                    continue;
                }
                index = times.first_from(giver.span.from.second_of_day());
            }
            while index < times.len() {
                let time = Local(day * DAY + times.at(index));
                if giver.give(time)? == Next::Enough {
                    return Ok(Next::Enough);
                }
                index += 1;
            }
        }
        Ok(Next::More)
    }

    /// HOURLY to SECONDLY: from period to period, leaping over days, hours and minutes that
    /// the rule does not name.
    fn within_days(&self, giver: &mut Giver<'_>) -> Result<(), Spent> {
        let rule = &self.rule;
        let unit = match rule.freq {
            Freq::Hourly => 3600,
            Freq::Minutely => 60,
            _ => 1,
        };
        let first = self.start.0.div_euclid(unit);
        // the first period at or after this time
        let from = |time: i64| {
            let behind = (-(-time).div_euclid(unit) - first).max(0);
            first + (behind + rule.interval - 1) / rule.interval * rule.interval
        };
        let minutes = members(rule.minutes);
        let seconds = members(rule.seconds);
        let mut period = first;
        if !self.is_counted() {
            period = from(giver.span.from.0.div_euclid(unit) * unit);
        }
        let end = giver
            .span
            .to
            .0
            .min(Local::date(LAST_YEAR, 12, 31).map_or(0, |d| d.0 + DAY - 1));
        while period * unit <= end {
            giver.budget.step()?;
            let time = period * unit;
            let (hour, minute, second) = Local(time).hms();
            let next = if !rule.names_day(time.div_euclid(DAY)) {
                (time.div_euclid(DAY) + 1) * DAY
            } else if rule.hours != 0 && !has(rule.hours, hour) {
                (time.div_euclid(3600) + 1) * 3600
            } else if unit < 3600 && rule.minutes != 0 && !has(rule.minutes, minute) {
                (time.div_euclid(60) + 1) * 60
            } else {
                if unit > 1 || rule.seconds == 0 || has(rule.seconds, second) {
                    let times = Times {
                        hours: vec![0],
                        minutes: if unit == 3600 {
                            minutes.clone()
                        } else {
                            vec![0]
                        },
                        seconds: if unit >= 60 { seconds.clone() } else { vec![0] },
                    };
                    if self.period_times(time, &times, giver)? == Next::Enough {
                        return Ok(());
                    }
                }
                time + unit
            };
            period = from(next).max(period + rule.interval);
        }
        Ok(())
    }

    fn period_times(
        &self,
        begin: i64,
        times: &Times,
        giver: &mut Giver<'_>,
    ) -> Result<Next, Spent> {
        let at = |index: i64| Some(Local(begin + times.at(index)));
        if !self.rule.positions.is_empty() {
            return self.at_positions(times.len(), &at, giver);
        }
        for index in 0..times.len() {
            if giver.give(Local(begin + times.at(index)))? == Next::Enough {
                return Ok(Next::Enough);
            }
        }
        Ok(Next::More)
    }

    fn at_positions(
        &self,
        total: i64,
        at: &dyn Fn(i64) -> Option<Local>,
        giver: &mut Giver<'_>,
    ) -> Result<Next, Spent> {
        let mut wanted: Vec<i64> = Vec::new();
        for position in &self.rule.positions {
            giver.budget.step()?;
            let index = if *position > 0 {
                position - 1
            } else {
                total + position
            };
            if (0..total).contains(&index) {
                wanted.push(index);
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        for time in wanted.into_iter().filter_map(at) {
            if giver.give(time)? == Next::Enough {
                return Ok(Next::Enough);
            }
        }
        Ok(Next::More)
    }
}

impl Giver<'_> {
    fn give(&mut self, time: Local) -> Result<Next, Spent> {
        self.budget.step()?;
        if time < self.start {
            return Ok(Next::More);
        }
        if time > self.span.to {
            return Ok(Next::Enough);
        }
        if let Some(left) = &mut self.left {
            match left.checked_sub(1) {
                Some(after) => *left = after,
                None => return Ok(Next::Enough),
            }
        }
        if time < self.span.from {
            return Ok(Next::More);
        }
        Ok((self.take)(time))
    }
}

impl Times {
    fn len(&self) -> i64 {
        let all = self.hours.len() * self.minutes.len() * self.seconds.len();
        i64::try_from(all).unwrap_or(i64::MAX)
    }

    /// Seconds after midnight.
    fn at(&self, index: i64) -> i64 {
        let index = usize::try_from(index).unwrap_or(0);
        let (seconds, minutes) = (self.seconds.len(), self.minutes.len());
        self.hours[index / (minutes * seconds)] * 3600
            + self.minutes[index / seconds % minutes] * 60
            + self.seconds[index % seconds]
    }

    /// The index of the first time that is not before this one.
    fn first_from(&self, second: i64) -> i64 {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = (low + high) / 2;
            if self.at(middle) < second {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

fn members(mask: u64) -> Vec<i64> {
    (0..64).filter(|at| has(mask, *at)).collect()
}
