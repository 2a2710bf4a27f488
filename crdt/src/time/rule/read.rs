//! The text of a rule into a [`Rule`], or the reason why not.
//!
//! What is out of its range or in the wrong place is refused: a rule that is half understood
//! gives meetings that nobody made. Case, order, repeats and stray `;` do not matter.

use super::{Freq, Rule};
use crate::time::bounds::LONGEST_RULE;
use crate::time::civil::Local;
use crate::time::value::{Mark, date_time};

/// Why a rule is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Longer than [`LONGEST_RULE`].
    #[error("it is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// It has no FREQ.
    #[error("it has no FREQ")]
    NoFrequency,
    /// A part that RFC 5545 does not know.
    #[error("{part:?} is no part of a rule")]
    UnknownPart {
        /// Its name.
        part: String,
    },
    /// A part whose value is out of its range.
    #[error("{part} cannot be {value:?}")]
    BadValue {
        /// Its name.
        part: String,
        /// What it says.
        value: String,
    },
    /// A part that this frequency must not have.
    #[error("{part} means nothing with this FREQ")]
    Misplaced {
        /// Its name.
        part: &'static str,
    },
    /// RFC 7529: another calendar, or days that are moved.
    #[error("{part}={value} (RFC 7529) is not supported")]
    OtherCalendar {
        /// RSCALE or SKIP.
        part: &'static str,
        /// What it says.
        value: String,
    },
    /// Hours, minutes or seconds of a whole day.
    #[error("it counts hours, minutes or seconds of a whole day")]
    NeedsTime,
}

/// The longest part of a rule that a reason repeats.
const LONGEST_QUOTE: usize = 40;

fn bad(part: &str, value: &str) -> RuleError {
    RuleError::BadValue {
        part: quote(part),
        value: quote(value),
    }
}

fn quote(text: &str) -> String {
    text.chars().take(LONGEST_QUOTE).collect()
}

impl Rule {
    /// Reads the value of an RRULE.
    pub(crate) fn read(text: &str) -> Result<Self, RuleError> {
        if text.len() > LONGEST_RULE {
            return Err(RuleError::TooLong {
                limit: LONGEST_RULE,
            });
        }
        let mut rule = Self::every(Freq::Yearly);
        let mut freq = None;
        let mut skip = None;
        for part in text.split(';').map(str::trim).filter(|p| !p.is_empty()) {
            let (name, value) = part.split_once('=').ok_or_else(|| bad(part, ""))?;
            let name = name.trim().to_ascii_uppercase();
            let value = value.trim();
            match name.as_str() {
                "FREQ" => freq = Some(frequency(value).ok_or_else(|| bad(&name, value))?),
                "RSCALE" if value.eq_ignore_ascii_case("GREGORIAN") => {}
                "RSCALE" => return Err(other_calendar("RSCALE", value)),
                "SKIP" => skip = Some(value),
                _ => rule.part(&name, value)?,
            }
        }
        rule.freq = freq.ok_or(RuleError::NoFrequency)?;
        if let Some(skip) = skip.filter(|skip| !skip.eq_ignore_ascii_case("OMIT")) {
            return Err(other_calendar("SKIP", skip));
        }
        rule.check()?;
        Ok(rule)
    }

    fn every(freq: Freq) -> Self {
        Self {
            freq,
            interval: 1,
            count: None,
            until: None,
            week_start: 0,
            months: 0,
            week_numbers: Vec::new(),
            year_days: Vec::new(),
            month_days: 0,
            month_days_from_end: 0,
            weekdays: 0,
            nth_weekdays: Vec::new(),
            hours: 0,
            minutes: 0,
            seconds: 0,
            positions: Vec::new(),
        }
    }

    fn part(&mut self, name: &str, value: &str) -> Result<(), RuleError> {
        let list = |least, most| numbers(name, value, least, most);
        match name {
            "INTERVAL" => self.interval = one(name, value, 1, i64::from(u32::MAX))?,
            "COUNT" => {
                let count = one(name, value, 1, i64::MAX)?;
                self.count = Some(count.unsigned_abs());
            }
            "UNTIL" => {
                date_time(value).ok_or_else(|| bad(name, value))?;
                self.until = Some(value.to_owned());
            }
            "WKST" => self.week_start = weekday(value).ok_or_else(|| bad(name, value))?,
            // second 60 is taken as 59 (§3.3.12)
            "BYSECOND" => self.seconds |= mask(list(0, 60)?.into_iter().map(|s| s.min(59))),
            "BYMINUTE" => self.minutes |= mask(list(0, 59)?),
            "BYHOUR" => self.hours |= mask(list(0, 23)?),
            "BYDAY" => self.by_day(value)?,
            "BYMONTHDAY" => {
                for day in around_zero(name, value, 31)? {
                    if day > 0 {
                        self.month_days |= 1 << day;
                    } else {
                        self.month_days_from_end |= 1 << -day;
                    }
                }
            }
            "BYYEARDAY" => self.year_days.extend(around_zero(name, value, 366)?),
            "BYWEEKNO" => self.week_numbers.extend(around_zero(name, value, 53)?),
            "BYMONTH" => {
                for month in list(1, 12)? {
                    self.months |= 1 << month;
                }
            }
            "BYSETPOS" => {
                let most = i64::from(i32::MAX);
                self.positions.extend(around_zero(name, value, most)?);
            }
            _ => return Err(RuleError::UnknownPart { part: quote(name) }),
        }
        Ok(())
    }

    fn by_day(&mut self, value: &str) -> Result<(), RuleError> {
        for part in value.split(',').map(str::trim) {
            let wrong = || bad("BYDAY", part);
            let at = part.len().checked_sub(2).ok_or_else(wrong)?;
            let name = part.get(at..).ok_or_else(wrong)?;
            let day = weekday(name).ok_or_else(wrong)?;
            if at == 0 {
                self.weekdays |= 1 << day;
            } else {
                let nth = around_zero("BYDAY", &part[..at], 53)?;
                self.nth_weekdays
                    .extend(nth.into_iter().map(|nth| (nth, day)));
            }
        }
        Ok(())
    }

    /// What must not stand together, and the order of what does.
    fn check(&mut self) -> Result<(), RuleError> {
        let misplaced = |part| Err(RuleError::Misplaced { part });
        let has_month_days = self.month_days | self.month_days_from_end != 0;
        if !self.week_numbers.is_empty() && self.freq != Freq::Yearly {
            return misplaced("BYWEEKNO");
        }
        if !self.year_days.is_empty()
            && matches!(self.freq, Freq::Daily | Freq::Weekly | Freq::Monthly)
        {
            return misplaced("BYYEARDAY");
        }
        if has_month_days && self.freq == Freq::Weekly {
            return misplaced("BYMONTHDAY");
        }
        let is_numbered = matches!(self.freq, Freq::Monthly | Freq::Yearly)
            && (self.week_numbers.is_empty() || self.freq != Freq::Yearly);
        if !is_numbered {
            // the RFC forbids the number there; programs that write it mean the day
            for (_, day) in std::mem::take(&mut self.nth_weekdays) {
                self.weekdays |= 1 << day;
            }
        }
        for list in [
            &mut self.week_numbers,
            &mut self.year_days,
            &mut self.positions,
        ] {
            list.sort_unstable();
            list.dedup();
        }
        self.nth_weekdays.sort_unstable();
        self.nth_weekdays.dedup();
        Ok(())
    }

    /// The rule as it is meant with this DTSTART: a whole day has no hours (§3.3.10), and
    /// what the rule leaves open is as in DTSTART.
    pub(super) fn with_start(&self, start: Local, is_date: bool) -> Result<Self, RuleError> {
        let mut rule = self.clone();
        if is_date {
            if rule.freq < Freq::Daily {
                return Err(RuleError::NeedsTime);
            }
            (rule.hours, rule.minutes, rule.seconds) = (0, 0, 0);
        }
        let (_, month, day) = start.ymd();
        let weekday = super::super::civil::weekday(start.day());
        let has_weekdays = rule.weekdays != 0 || !rule.nth_weekdays.is_empty();
        let has_month_days = rule.month_days | rule.month_days_from_end != 0;
        match rule.freq {
            Freq::Yearly if has_weekdays || has_month_days || !rule.year_days.is_empty() => {}
            Freq::Yearly if !rule.week_numbers.is_empty() => rule.weekdays = 1 << weekday,
            Freq::Yearly => {
                if rule.months == 0 {
                    rule.months = 1 << month;
                }
                rule.month_days = 1 << day;
            }
            Freq::Monthly if !has_weekdays && !has_month_days => rule.month_days = 1 << day,
            Freq::Weekly if !has_weekdays => rule.weekdays = 1 << weekday,
            _ => {}
        }
        let (hour, minute, second) = start.hms();
        if rule.hours == 0 && rule.freq >= Freq::Daily {
            rule.hours = 1 << hour;
        }
        if rule.minutes == 0 && rule.freq >= Freq::Hourly {
            rule.minutes = 1 << minute;
        }
        if rule.seconds == 0 && rule.freq >= Freq::Minutely {
            rule.seconds = 1 << second;
        }
        Ok(rule)
    }
}

fn other_calendar(part: &'static str, value: &str) -> RuleError {
    RuleError::OtherCalendar {
        part,
        value: quote(value),
    }
}

fn frequency(value: &str) -> Option<Freq> {
    Some(match value.to_ascii_uppercase().as_str() {
        "SECONDLY" => Freq::Secondly,
        "MINUTELY" => Freq::Minutely,
        "HOURLY" => Freq::Hourly,
        "DAILY" => Freq::Daily,
        "WEEKLY" => Freq::Weekly,
        "MONTHLY" => Freq::Monthly,
        "YEARLY" => Freq::Yearly,
        _ => return None,
    })
}

fn weekday(name: &str) -> Option<i64> {
    let names = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];
    let at = names.iter().position(|n| n.eq_ignore_ascii_case(name))?;
    i64::try_from(at).ok()
}

fn one(name: &str, value: &str, least: i64, most: i64) -> Result<i64, RuleError> {
    let read = value.parse().ok();
    read.filter(|number| (least..=most).contains(number))
        .ok_or_else(|| bad(name, value))
}

fn numbers(name: &str, value: &str, least: i64, most: i64) -> Result<Vec<i64>, RuleError> {
    value
        .split(',')
        .map(|part| one(name, part.trim(), least, most))
        .collect()
}

/// Numbers from `-most` to `most` that are not 0.
fn around_zero(name: &str, value: &str, most: i64) -> Result<Vec<i64>, RuleError> {
    let all = numbers(name, value, -most, most)?;
    if all.contains(&0) {
        return Err(bad(name, value));
    }
    Ok(all)
}

fn mask(numbers: impl IntoIterator<Item = i64>) -> u64 {
    numbers
        .into_iter()
        .fold(0, |mask, number| mask | 1 << number)
}

/// The digits of an UNTIL, which [`Rule::read`] has seen to be some.
pub(crate) fn until(text: &str) -> Option<(Local, Mark)> {
    date_time(text)
}
