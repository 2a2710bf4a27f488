//! Times on a clock and instants, as whole numbers: what rules count in.
//!
//! The calendar is the Gregorian one of RFC 5545, from the year 1 to 9999.

use std::fmt;

/// Seconds in a day of 24 hours.
pub(crate) const DAY: i64 = 86_400;

/// The last year that RFC 5545 can write.
pub(crate) const LAST_YEAR: i64 = 9999;

/// What a clock shows somewhere: seconds since 1970-01-01T00:00:00 on that clock, as if no
/// clock were ever set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Local(pub i64);

/// A point in time: seconds since 1970-01-01T00:00:00Z, without leap seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(pub i64);

impl Local {
    /// Midnight at the beginning of this date; nothing where there is no such date.
    pub fn date(year: i64, month: i64, day: i64) -> Option<Self> {
        let fits = (1..=LAST_YEAR).contains(&year)
            && (1..=12).contains(&month)
            && (1..=days_in_month(year, month)).contains(&day);
        fits.then(|| Self(day_number(year, month, day) * DAY))
    }

    /// The same date, this many seconds after midnight.
    pub fn at(self, seconds: i64) -> Self {
        Self(self.midnight().0 + seconds)
    }

    /// The beginning of its day.
    pub fn midnight(self) -> Self {
        Self(self.day() * DAY)
    }

    /// Year, month and day.
    pub fn ymd(self) -> (i64, i64, i64) {
        date_of(self.day())
    }

    /// Hour, minute and second.
    pub fn hms(self) -> (i64, i64, i64) {
        let seconds = self.second_of_day();
        (seconds / 3600, seconds / 60 % 60, seconds % 60)
    }

    /// The number of its day, where 1970-01-01 is 0.
    pub(crate) fn day(self) -> i64 {
        self.0.div_euclid(DAY)
    }

    pub(crate) fn second_of_day(self) -> i64 {
        self.0.rem_euclid(DAY)
    }
}

/// As RFC 5545 writes it, without a zone: `20250131T100000`.
impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ((year, month, day), (hour, minute, second)) = (self.ymd(), self.hms());
        write!(
            f,
            "{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}"
        )
    }
}

/// As RFC 5545 writes it: `20250131T100000Z`.
impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}Z", Local(self.0))
    }
}

pub(crate) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

pub(crate) fn days_in_year(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

pub(crate) fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// The number of a day, where 1970-01-01 is 0. Years are counted from March, so that the leap
/// day is the last one of its year.
pub(crate) fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year.div_euclid(400) * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a day: [`day_number`] backwards.
pub(crate) fn date_of(number: i64) -> (i64, i64, i64) {
    let number = number + 719_468;
    let of_era = number.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = (shifted + 2) % 12 + 1;
    let year = year_of_era + number.div_euclid(146_097) * 400 + i64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

/// 0 for Monday to 6 for Sunday.
pub(crate) fn weekday(day: i64) -> i64 {
    (day + 3).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn days_are_numbered_as_another_calendar_numbers_them(number in -719_162_i64..2_932_897) {
            let (year, month, day) = date_of(number);
            prop_assert_eq!(day_number(year, month, day), number);
            let other = jiff::civil::date(1970, 1, 1)
                .checked_add(jiff::Span::new().days(i32::try_from(number).unwrap()))
                .unwrap();
            prop_assert_eq!(
                (year, month, day),
                (i64::from(other.year()), i64::from(other.month()), i64::from(other.day()))
            );
            let monday = i64::from(other.weekday().to_monday_zero_offset());
            prop_assert_eq!(weekday(number), monday);
            prop_assert_eq!(days_in_month(year, month), i64::from(other.days_in_month()));
            prop_assert_eq!(days_in_year(year), i64::from(other.days_in_year()));
        }
    }

    #[test]
    fn a_date_that_is_none_is_not_made() {
        assert_eq!(Local::date(2025, 2, 29), None);
        assert_eq!(Local::date(2025, 13, 1), None);
        assert_eq!(Local::date(0, 1, 1), None);
        let leap = Local::date(2024, 2, 29).unwrap();
        assert_eq!(leap.at(3661).to_string(), "20240229T010101");
    }
}
