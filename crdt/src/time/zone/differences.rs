//! When two zones mean different instants by the same time on the clock.
//!
//! Both are constant between their turns, so it is enough to look once between any two.

use jiff::tz::TimeZone;

use super::{Kind, Zone};
use crate::time::civil::{DAY, Local};

/// The ranges of the clock in which two zones differ, in order, and the work it was in steps.
pub(super) fn differences(
    one: &Zone,
    other: &Zone,
    (first, last): (i64, i64),
) -> (Vec<(Local, Local)>, u64) {
    let year = |year: i64| Local::date(year.clamp(1, 9999), 1, 1).unwrap_or_default();
    let (from, to) = (year(first), year(last + 1));
    let mut turns = vec![from];
    for zone in [one, other] {
        match &zone.0 {
            Kind::Utc => {}
            Kind::Named(zone) => turns_of(zone, from, to, &mut turns),
            Kind::Defined(table) => turns.extend(table.turns()),
        }
    }
    turns.retain(|turn| (from..to).contains(turn));
    turns.sort_unstable();
    turns.dedup();
    let steps = turns.len() as u64;
    turns.push(to);
    let mut out: Vec<(Local, Local)> = Vec::new();
    for two in turns.windows(2) {
        if one.instant(two[0]) == other.instant(two[0]) {
            continue;
        }
        match out.last_mut() {
            Some(last) if last.1 == two[0] => last.1 = two[1],
            _ => out.push((two[0], two[1])),
        }
    }
    (out, steps)
}

/// A gap and a fold are read with the offset before them, so the new one holds from the end of
/// the gap, or of the second pass through the fold.
fn turns_of(zone: &TimeZone, from: Local, to: Local, turns: &mut Vec<Local>) {
    let Ok(start) = jiff::Timestamp::from_second(from.0 - DAY) else {
        return;
    };
    let mut before = i64::from(zone.to_offset(start).seconds());
    for transition in zone.following(start) {
        let (at, after) = (
            transition.timestamp().as_second(),
            i64::from(transition.offset().seconds()),
        );
        if at > to.0 + DAY {
            return;
        }
        turns.push(Local(at + before.max(after)));
        before = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_differ_exactly_where_their_instants_do() {
        let named = |name| Zone::named(name).unwrap();
        let pairs = [
            ("Europe/Berlin", "Europe/Paris", (1970, 2030)),
            ("Europe/Berlin", "Europe/London", (1960, 2005)),
            ("America/New_York", "America/Toronto", (1965, 1980)),
            ("Europe/Moscow", "Europe/Istanbul", (1985, 2020)),
        ];
        for (one, other, years) in pairs {
            let (one, other) = (named(one), named(other));
            let (found, _) = differences(&one, &other, years);
            let differs = |local| found.iter().any(|(from, to)| (*from..*to).contains(&local));
            let mut local = Local::date(years.0, 1, 1).unwrap();
            let end = Local::date(years.1, 12, 31).unwrap();
            while local < end {
                let is_so = one.instant(local) != other.instant(local);
                assert_eq!(differs(local), is_so, "{local}");
                local = Local(local.0 + 1800);
            }
        }
    }

    #[test]
    fn a_zone_does_not_differ_from_itself() {
        let zone = Zone::named("Europe/Berlin").unwrap();
        assert_eq!(differences(&zone, &zone, (1900, 2099)).0, []);
        let always = differences(
            &Zone::UTC,
            &Zone::named("Asia/Tokyo").unwrap(),
            (2000, 2010),
        )
        .0;
        assert_eq!(always.len(), 1);
    }
}
