//! The days of one period of a rule: the table of RFC 5545 §3.3.10, page 44.

use super::{Freq, Rule, has};
use crate::time::bounds::{Budget, Spent};
use crate::time::civil::{date_of, day_number, days_in_month, days_in_year, weekday};

/// A day, and what rules ask of it.
struct Day {
    number: i64,
    year: i64,
    month: i64,
    of_month: i64,
}

impl Rule {
    /// The days of a year that this rule names, in order. With BYWEEKNO the year is the one
    /// of ISO 8601, which its weeks belong to: it may begin in December.
    pub(super) fn days_of_year(
        &self,
        year: i64,
        budget: &mut Budget,
        out: &mut Vec<i64>,
    ) -> Result<(), Spent> {
        if self.week_numbers.is_empty() {
            for month in 1..=12 {
                if self.months == 0 || has(self.months.into(), month) {
                    self.in_month(year, month, budget, out)?;
                }
            }
            return Ok(());
        }
        let first = first_week(year, self.week_start);
        let weeks = (first_week(year + 1, self.week_start) - first) / 7;
        let mut wanted: Vec<i64> = self
            .week_numbers
            .iter()
            .map(|n| if *n > 0 { *n } else { weeks + 1 + n })
            .filter(|week| (1..=weeks).contains(week))
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        for week in wanted {
            self.days_of_week(first + (week - 1) * 7, budget, out)?;
        }
        Ok(())
    }

    /// The days of a month that this rule names, in order.
    pub(super) fn days_of_month(
        &self,
        year: i64,
        month: i64,
        budget: &mut Budget,
        out: &mut Vec<i64>,
    ) -> Result<(), Spent> {
        budget.step()?;
        if self.months == 0 || has(self.months.into(), month) {
            self.in_month(year, month, budget, out)?;
        }
        Ok(())
    }

    /// The days that this rule names of the seven that begin with `first`.
    pub(super) fn days_of_week(
        &self,
        first: i64,
        budget: &mut Budget,
        out: &mut Vec<i64>,
    ) -> Result<(), Spent> {
        for number in first..first + 7 {
            budget.step()?;
            if self.names_day(number) {
                out.push(number);
            }
        }
        Ok(())
    }

    /// True where no part of the rule speaks against this day.
    pub(super) fn names_day(&self, number: i64) -> bool {
        if self.weekdays != 0
            && self.nth_weekdays.is_empty()
            && !has(self.weekdays.into(), weekday(number))
        {
            return false;
        }
        let has_dates = self.months != 0
            || self.month_days | self.month_days_from_end != 0
            || !self.year_days.is_empty()
            || !self.nth_weekdays.is_empty();
        if !has_dates {
            return true;
        }
        let (year, month, of_month) = date_of(number);
        self.fits(&Day {
            number,
            year,
            month,
            of_month,
        })
    }

    fn in_month(
        &self,
        year: i64,
        month: i64,
        budget: &mut Budget,
        out: &mut Vec<i64>,
    ) -> Result<(), Spent> {
        let first = day_number(year, month, 1);
        for of_month in 1..=days_in_month(year, month) {
            budget.step()?;
            let day = Day {
                number: first + of_month - 1,
                year,
                month,
                of_month,
            };
            if self.fits(&day) {
                out.push(day.number);
            }
        }
        Ok(())
    }

    fn fits(&self, day: &Day) -> bool {
        if self.months != 0 && !has(self.months.into(), day.month) {
            return false;
        }
        let length = days_in_month(day.year, day.month);
        let from_end = length - day.of_month + 1;
        if self.month_days | self.month_days_from_end != 0
            && !has(self.month_days.into(), day.of_month)
            && !has(self.month_days_from_end.into(), from_end)
        {
            return false;
        }
        if !self.year_days.is_empty() {
            let (of_year, left) = of_year(day);
            let is_named = self.year_days.binary_search(&of_year).is_ok()
                || self.year_days.binary_search(&-left).is_ok();
            if !is_named {
                return false;
            }
        }
        self.fits_weekday(day, length)
    }

    fn fits_weekday(&self, day: &Day, length: i64) -> bool {
        if self.weekdays == 0 && self.nth_weekdays.is_empty() {
            return true;
        }
        let weekday = weekday(day.number);
        if has(self.weekdays.into(), weekday) {
            return true;
        }
        if self.nth_weekdays.is_empty() {
            return false;
        }
        // §3.3.10, notes 1 and 2: of the month, or of the year where no month is named
        let (before, after) = if self.freq == Freq::Monthly || self.months != 0 {
            (day.of_month - 1, length - day.of_month)
        } else {
            let (of_year, left) = of_year(day);
            (of_year - 1, left - 1)
        };
        let is_nth = |nth: i64| self.nth_weekdays.binary_search(&(nth, weekday)).is_ok();
        is_nth(before / 7 + 1) || is_nth(-(after / 7 + 1))
    }
}

/// Which day of the year it is, and which from the end, both from 1.
fn of_year(day: &Day) -> (i64, i64) {
    let of_year = day.number - day_number(day.year, 1, 1) + 1;
    (of_year, days_in_year(day.year) - of_year + 1)
}

/// The first day of the first week of a year: the week with 4 January in it (ISO 8601).
pub(super) fn first_week(year: i64, week_start: i64) -> i64 {
    let fourth = day_number(year, 1, 4);
    fourth - (weekday(fourth) - week_start).rem_euclid(7)
}

/// The year that a day's week belongs to.
pub(super) fn week_year(day: i64, week_start: i64) -> i64 {
    let (year, _, _) = date_of(day);
    if day < first_week(year, week_start) {
        year - 1
    } else if day >= first_week(year + 1, week_start) {
        year + 1
    } else {
        year
    }
}
