//! One recurrence rule (RFC 5545 §3.3.10), in times of one clock.
//!
//! ```text
//!   text ──read──► Rule ──walk──► periods ──days──► days of a period ──► times on the clock
//! ```
//!
//! A rule knows no zone: it counts on the clock of its DTSTART, as the RFC computes local times
//! first and then reads each of them like a written one (§3.3.5). Where it begins and ends in
//! time, and which UNTIL is meant, its caller knows.

mod days;
mod read;
#[cfg(test)]
mod tests;
mod walk;

pub use read::RuleError;
pub(crate) use read::until;
pub(crate) use walk::Walk;

use super::civil::Local;

/// How often a rule recurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Freq {
    Secondly,
    Minutely,
    Hourly,
    Daily,
    Weekly,
    Monthly,
    Yearly,
}

/// A rule that was read. Sets are bit masks where their members are few; empty means that the
/// part is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rule {
    freq: Freq,
    /// At least 1.
    interval: i64,
    pub(crate) count: Option<u64>,
    /// The digits of UNTIL as written; read where the clock is known.
    pub(crate) until: Option<String>,
    week_start: i64,
    months: u16,
    week_numbers: Vec<i64>,
    year_days: Vec<i64>,
    month_days: u32,
    month_days_from_end: u32,
    weekdays: u8,
    nth_weekdays: Vec<(i64, i64)>,
    hours: u64,
    minutes: u64,
    seconds: u64,
    positions: Vec<i64>,
}

/// From when to when occurrences are wanted, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) from: Local,
    pub(crate) to: Local,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    More,
    Enough,
}

impl Rule {
    /// The same rule with this many occurrences less to give; nothing where none is left.
    pub(crate) fn with_one_taken(&self) -> Option<Self> {
        match self.count {
            Some(0 | 1) => None,
            Some(count) => Some(Self {
                count: Some(count - 1),
                ..self.clone()
            }),
            None => Some(self.clone()),
        }
    }
}

/// True where bit `at` is set.
fn has(mask: u64, at: i64) -> bool {
    (0..64).contains(&at) && mask >> at & 1 == 1
}
