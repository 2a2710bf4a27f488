//! What a person reads about times, in words that say what it means for them.

use pimesh_crdt::time::{
    Change, Clash, Examined, Flag, Instant, Local, Moment, Proof, RuleError, Zone,
};

use crate::api::{FlagReason, TimeFlag};

/// A recurrence id as people and commands write it: `Europe/Berlin:20250330T090000`.
pub(super) fn occurrence(rid: &str) -> String {
    rid.replace("%2F", "/").replace("%25", "%")
}

/// Everything that was found in one item.
pub(super) fn all(found: &Examined) -> Vec<TimeFlag> {
    let clashes = found.clashes.iter().map(clash);
    found.flags.iter().map(flag).chain(clashes).collect()
}

fn told(reason: FlagReason, words: String) -> TimeFlag {
    TimeFlag {
        reason,
        occurrence: None,
        words,
    }
}

pub(super) fn flag(flag: &Flag) -> TimeFlag {
    match flag {
        Flag::UnknownZone { .. }
        | Flag::BadDefinition { .. }
        | Flag::ZonesDisagree { .. }
        | Flag::RuleNotUnderstood { .. } => of_zone_or_rule(flag),
        Flag::Unreadable { property, value } => told(
            FlagReason::NotATime,
            format!("{property} says {value:?}, which is no date or time: it is left out"),
        ),
        Flag::OtherKind { property, value } => told(
            FlagReason::MixedKinds,
            format!(
                "{property} {value:?} mixes whole days and times: it is read like the item's start"
            ),
        ),
        Flag::EndsBeforeItStarts => told(
            FlagReason::EndsBeforeItStarts,
            "it ends before it starts: it is shown as if it had no length".into(),
        ),
        Flag::Repeated { property } => told(
            FlagReason::Repeated,
            format!("{property} is there more than once: the first one counts"),
        ),
        Flag::OtherRange { id } => TimeFlag {
            occurrence: Some(occurrence(id)),
            ..told(
                FlagReason::OtherRange,
                "a change of this occurrence and all before it counts for this one only".into(),
            )
        },
        Flag::RuleInOverride { id } => TimeFlag {
            occurrence: Some(occurrence(id)),
            ..told(
                FlagReason::RuleInOccurrence,
                "this occurrence says how it repeats by itself, which is not used".into(),
            )
        },
        Flag::TooManyOccurrences { limit } => told(
            FlagReason::TooManyOccurrences,
            format!("it takes place more than {limit} times: the later ones are not shown"),
        ),
        Flag::TooMuchWork { .. } => told(
            FlagReason::TooMuchWork,
            "how it repeats takes too long to work out: some times may not be shown".into(),
        ),
        Flag::NotExamined => told(FlagReason::NotExamined, NOT_EXAMINED.into()),
        Flag::NotHere => told(
            FlagReason::NotHere,
            "its times have not arrived from the other device yet".into(),
        ),
    }
}

/// Nothing is known about an item's times.
pub(in crate::engine) fn not_examined() -> TimeFlag {
    flag(&Flag::NotExamined)
}

const NOT_EXAMINED: &str =
    "its times were not looked at, as it or others take too long: pimesh show looks at it alone";

fn of_zone_or_rule(flag: &Flag) -> TimeFlag {
    match flag {
        Flag::UnknownZone { tzid } => told(
            FlagReason::UnknownZone,
            format!(
                "nobody knows the time zone {tzid:?}: its times are read as those of the clock \
                 on the wall, wherever you are"
            ),
        ),
        Flag::BadDefinition { tzid, problem } => told(
            FlagReason::UnusableZone,
            format!("what the file says of the time zone {tzid:?} cannot be used ({problem})"),
        ),
        Flag::ZonesDisagree {
            tzid,
            name,
            local,
            seconds,
        } => told(
            FlagReason::ZonesDisagree,
            format!(
                "the file describes the time zone {tzid:?} otherwise than {name} is: on {}, \
                 programs that go by the description show it {}",
                day_and_time(*local),
                shifted(*seconds)
            ),
        ),
        Flag::RuleNotUnderstood {
            reason: RuleError::OtherCalendar { part, value },
            ..
        } => told(
            FlagReason::OtherCalendar,
            format!(
                "it repeats by another calendar ({part}={value}), which pimesh does not work \
                 out: only the first time is shown"
            ),
        ),
        Flag::RuleNotUnderstood { reason, .. } => told(
            FlagReason::RuleNotUnderstood,
            format!("how it repeats is not understood ({reason}): only the first time is shown"),
        ),
        other => told(FlagReason::NotExamined, other.to_string()),
    }
}

/// `an hour later`, `90 minutes earlier`.
fn shifted(seconds: i64) -> String {
    let way = if seconds > 0 { "later" } else { "earlier" };
    match seconds.abs() {
        3600 => format!("an hour {way}"),
        whole if whole % 3600 == 0 => format!("{} hours {way}", whole / 3600),
        whole if whole % 60 == 0 => format!("{} minutes {way}", whole / 60),
        whole => format!("{whole} seconds {way}"),
    }
}

/// What does not fit together in one text; of two devices it is a conflict.
pub(super) fn clash(clash: &Clash) -> TimeFlag {
    let (reason, id, words) = match clash {
        Clash::Gone { id } => (
            FlagReason::OccurrenceGone,
            id,
            "this occurrence was changed, but the series does not take place then: it is \
             shown besides"
                .to_owned(),
        ),
        Clash::CalledOff(off) => (
            FlagReason::ChangedAndCalledOff,
            &off.id,
            "this occurrence was changed and also called off: it is shown".to_owned(),
        ),
        Clash::Twice(two) => (
            FlagReason::TwoOfOneOccurrence,
            &two.shown,
            format!(
                "there are two versions of this occurrence; the other is {}",
                occurrence(&two.other)
            ),
        ),
    };
    TimeFlag {
        reason,
        occurrence: Some(occurrence(id)),
        words,
    }
}

/// What came of a comparison, where it is not that all is as it was.
pub(super) fn proof(proof: &Proof, reason: FlagReason) -> Option<TimeFlag> {
    let changed = match proof {
        Proof::Kept => return None,
        Proof::NotExamined => return Some(told(FlagReason::NotExamined, NOT_EXAMINED.into())),
        Proof::Changed(changed) => changed,
    };
    let what = match reason {
        FlagReason::WrittenOtherwise => "what was written takes place at other times",
        FlagReason::MergedOtherwise => {
            "changes made apart were put together, and it takes place at times that nobody meant"
        }
        _ => "this text takes place at other times than what is shown",
    };
    let first = changed.iter().take(3).map(|change| match change {
        Change::Lost { start, .. } => format!("not {}", moment(*start, &Zone::UTC)),
        Change::Gained { start, .. } => format!("now {}", moment(*start, &Zone::UTC)),
    });
    let first: Vec<String> = first.collect();
    Some(told(reason, format!("{what}: {}", first.join(", "))))
}

/// A moment as scripts read it, on the clock of this zone.
pub(super) fn moment(at: Moment, viewer: &Zone) -> String {
    match at {
        Moment::Date(day) => date(day),
        Moment::Floating(local) => date_time(local),
        Moment::At(at) => {
            let local = viewer.local(at);
            date_time(local) + &offset(local, at)
        }
    }
}

fn date(local: Local) -> String {
    let (year, month, day) = local.ymd();
    format!("{year:04}-{month:02}-{day:02}")
}

fn date_time(local: Local) -> String {
    let (hour, minute, second) = local.hms();
    format!("{}T{hour:02}:{minute:02}:{second:02}", date(local))
}

fn day_and_time(local: Local) -> String {
    let (hour, minute, _) = local.hms();
    format!("{} at {hour:02}:{minute:02}", date(local))
}

/// `+01:00`; seconds only where there are some.
fn offset(local: Local, at: Instant) -> String {
    let seconds = local.0 - at.0;
    let (sign, all) = if seconds < 0 {
        ('-', -seconds)
    } else {
        ('+', seconds)
    };
    let whole = format!("{sign}{:02}:{:02}", all / 3600, all / 60 % 60);
    match all % 60 {
        0 => whole,
        rest => format!("{whole}:{rest:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_shown_with_the_offset_of_its_zone() {
        let berlin = Zone::named("Europe/Berlin").unwrap();
        let at = |seconds| moment(Moment::At(Instant(seconds)), &berlin);
        assert_eq!(at(1_743_296_400), "2025-03-30T03:00:00+02:00");
        assert_eq!(at(1_743_296_399), "2025-03-30T01:59:59+01:00");
        let new_york = Zone::named("America/New_York").unwrap();
        let folded = moment(Moment::At(Instant(1_762_063_200)), &new_york);
        assert_eq!(folded, "2025-11-02T01:00:00-05:00");
        assert_eq!(offset(Local(-10), Instant(0)), "-00:00:10");
    }

    #[test]
    fn nobody_has_to_count_seconds() {
        assert_eq!(shifted(3600), "an hour later");
        assert_eq!(shifted(-7200), "2 hours earlier");
        assert_eq!(shifted(1800), "30 minutes later");
        assert_eq!(
            occurrence("Europe%2FBerlin:20250330T090000"),
            "Europe/Berlin:20250330T090000"
        );
    }
}
