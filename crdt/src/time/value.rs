//! Dates, times, durations and offsets as RFC 5545 writes them (§3.3.4, §3.3.5, §3.3.6,
//! §3.3.14), and as programs write them that read it less closely.

use super::civil::{DAY, Local};
use crate::text::line::Params;

/// The longest duration that is understood, in days: longer ones come from broken programs.
const LONGEST_DURATION: i64 = 366 * 1000;

/// A date or time as written, with the clock it is meant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp<'a> {
    /// What the clock shows; midnight for a date.
    pub(crate) local: Local,
    /// Which clock.
    pub(crate) clock: Clock<'a>,
}

/// Which clock a time is meant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clock<'a> {
    /// None: the whole day, wherever one is.
    Date,
    /// The one on the wall, wherever one is.
    Floating,
    /// UTC.
    Utc,
    /// The one of the zone with this TZID.
    Zone(&'a str),
}

impl<'a> Stamp<'a> {
    /// Reads one value with the parameters of its property.
    pub(crate) fn read(params: &'a str, value: &str) -> Option<Self> {
        let (local, mark) = date_time(value)?;
        let params = Params::new(params);
        let is_date = params
            .clone()
            .value_of("VALUE")
            .is_some_and(|kind| kind.eq_ignore_ascii_case("DATE"));
        let tzid = params.value_of("TZID").map(str::trim_ascii);
        let tzid = tzid.filter(|tzid| !tzid.is_empty());
        let clock = match (mark, tzid) {
            (Mark::Date, _) => Clock::Date,
            _ if is_date => Clock::Date, // VALUE=DATE:20250101T000000 is seen
            (Mark::Utc, _) => Clock::Utc,
            (Mark::None, Some(tzid)) => Clock::Zone(tzid),
            (Mark::None, None) => Clock::Floating,
        };
        let local = match clock {
            Clock::Date => local.midnight(),
            Clock::Floating | Clock::Utc | Clock::Zone(_) => local,
        };
        Some(Self { local, clock })
    }

    /// Reads a period (§3.3.9): its start, and its end or its duration.
    pub(crate) fn read_period(params: &'a str, value: &str) -> Option<(Self, Until)> {
        let (start, end) = value.split_once('/')?;
        let start = Self::read(params, start)?;
        let end = match date_time(end) {
            Some((local, _)) => Until::Local(local),
            None => Until::After(Duration::read(end)?),
        };
        Some((start, end))
    }
}

/// How a period ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// At this time on the clock of its start.
    Local(Local),
    /// After this long.
    After(Duration),
}

/// What stands after the digits of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    Date,
    None,
    Utc,
}

/// Reads the digits of a date or a time. Second 60 is taken as 59 (§3.3.12), and 24:00 as the
/// beginning of the next day.
pub(crate) fn date_time(value: &str) -> Option<(Local, Mark)> {
    let value = value.trim_ascii();
    let (date, time) = match value.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (value, None),
    };
    let [year, month, day] = numbers(date, '-', [4, 2, 2])?;
    let date = Local::date(year, month, day)?;
    let Some(time) = time else {
        return Some((date, Mark::Date));
    };
    let (time, mark) = match time.strip_suffix(['Z', 'z']) {
        Some(time) => (time, Mark::Utc),
        None => (time, Mark::None),
    };
    let [hour, minute, second] = match numbers(time, ':', [2, 2, 2]) {
        Some(all) => all,
        None => numbers(time, ':', [2, 2]).map(|[hour, minute]| [hour, minute, 0])?,
    };
    let fits = (hour < 24 && minute < 60 && second <= 60) || [hour, minute, second] == [24, 0, 0];
    let seconds = hour * 3600 + minute * 60 + second.min(59);
    fits.then_some((Local(date.0 + seconds), mark))
}

/// Numbers of so many digits each, all written together or all parted.
fn numbers<const N: usize>(text: &str, separator: char, lengths: [usize; N]) -> Option<[i64; N]> {
    let mut out = [0; N];
    let mut rest = text;
    let is_parted = text.contains(separator);
    for (at, length) in lengths.into_iter().enumerate() {
        if is_parted && at > 0 {
            rest = rest.strip_prefix(separator)?;
        }
        let digits = rest.get(..length)?;
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        out[at] = digits.parse().ok()?;
        rest = &rest[length..];
    }
    rest.is_empty().then_some(out)
}

/// A duration: days that may be longer or shorter than 24 hours, and seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Duration {
    pub(crate) days: i64,
    pub(crate) seconds: i64,
}

impl Duration {
    /// Reads `P1W`, `-PT15M`, `P1DT2H` (§3.3.6).
    pub(crate) fn read(value: &str) -> Option<Self> {
        let value = value.trim_ascii();
        let (sign, rest) = match value.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, value.strip_prefix('+').unwrap_or(value)),
        };
        let rest = rest.strip_prefix(['P', 'p'])?;
        let (mut days, mut seconds) = (0_i64, 0_i64);
        let (mut number, mut in_time, mut seen) = (None::<i64>, false, false);
        for c in rest.chars() {
            let unit = c.to_ascii_uppercase();
            if let Some(digit) = c.to_digit(10) {
                let so_far = number.unwrap_or(0).checked_mul(10)?;
                number = Some(so_far.checked_add(i64::from(digit))?);
                continue;
            }
            if unit == 'T' && number.is_none() && !in_time {
                in_time = true;
                continue;
            }
            let count = number.take()?;
            seen = true;
            match (in_time, unit) {
                (false, 'W') => days = days.checked_add(count.checked_mul(7)?)?,
                (false, 'D') => days = days.checked_add(count)?,
                (true, 'H') => seconds = seconds.checked_add(count.checked_mul(3600)?)?,
                (true, 'M') => seconds = seconds.checked_add(count.checked_mul(60)?)?,
                (true, 'S') => seconds = seconds.checked_add(count)?,
                _ => return None,
            }
        }
        let fits = days <= LONGEST_DURATION && seconds <= LONGEST_DURATION * DAY;
        (seen && number.is_none() && fits).then_some(Self {
            days: sign * days,
            seconds: sign * seconds,
        })
    }
}

/// Reads an offset from UTC (§3.3.14), in seconds: `+0100`, `-043000`.
pub(crate) fn offset(value: &str) -> Option<i64> {
    let value = value.trim_ascii();
    let (sign, digits) = match value.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, value.strip_prefix('+').unwrap_or(value)),
    };
    let [hours, minutes, seconds] = match numbers(digits, ':', [2, 2, 2]) {
        Some(all) => all,
        None => numbers(digits, ':', [2, 2]).map(|[hours, minutes]| [hours, minutes, 0])?,
    };
    (hours < 24 && minutes < 60 && seconds < 60)
        .then_some(sign * (hours * 3600 + minutes * 60 + seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(params: &'static str, value: &str) -> Option<(String, Clock<'static>)> {
        Stamp::read(params, value).map(|stamp| (stamp.local.to_string(), stamp.clock))
    }

    #[test]
    fn a_time_knows_its_clock() {
        let ten = || "20250131T100000".to_owned();
        assert_eq!(read("", "20250131T100000"), Some((ten(), Clock::Floating)));
        assert_eq!(read("", "20250131T100000Z"), Some((ten(), Clock::Utc)));
        assert_eq!(
            read("TZID=\"A/B\"", "20250131T100000"),
            Some((ten(), Clock::Zone("A/B")))
        );
        assert_eq!(
            read("TZID=A", "20250131T100000Z"),
            Some((ten(), Clock::Utc))
        );
        let midnight = || Some(("20250131T000000".to_owned(), Clock::Date));
        assert_eq!(read("VALUE=DATE", "20250131"), midnight());
        assert_eq!(read("TZID=A", "20250131"), midnight());
        assert_eq!(read("value=date", "20250131T100000"), midnight());
        assert_eq!(read("", "2025-01-31"), midnight());
    }

    #[test]
    fn what_is_no_time_is_not_taken_for_one() {
        for value in [
            "",
            "T",
            "20250230",
            "20250131T250000",
            "2025013",
            "2025-0131",
            "+2025131",
        ] {
            assert_eq!(date_time(value), None, "{value}");
        }
        let (next, _) = date_time("20250131T240000").unwrap();
        assert_eq!(next.to_string(), "20250201T000000");
        let (leap, _) = date_time("20161231T235960Z").unwrap();
        assert_eq!(leap.to_string(), "20161231T235959");
    }

    #[test]
    fn durations_keep_days_and_hours_apart() {
        let read = |value| Duration::read(value).map(|d| (d.days, d.seconds));
        assert_eq!(read("P1W"), Some((7, 0)));
        assert_eq!(read("P1DT2H"), Some((1, 7200)));
        assert_eq!(read("-PT15M"), Some((0, -900)));
        assert_eq!(read("PT0S"), Some((0, 0)));
        for bad in ["", "P", "PT", "1D", "P1H", "PT5", "P99999999999999999999D"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn offsets_have_a_sign() {
        assert_eq!(offset("+0100"), Some(3600));
        assert_eq!(offset("-03:30"), Some(-12_600));
        assert_eq!(offset("-045602"), Some(-17_762));
        assert_eq!(offset("CET"), None);
    }
}
