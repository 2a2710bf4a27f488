//! Items that are made to cause work.

use proptest::prelude::*;

use super::{in_2025, starts, within};
use crate::time::Flag;
use crate::time::bounds::{MOST_OCCURRENCES, MOST_STEPS};

#[test]
fn no_rule_takes_more_than_its_steps_or_gives_more_than_its_share() {
    for (rule, hides) in [
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", false),
        ("FREQ=SECONDLY", true),
        ("FREQ=SECONDLY;COUNT=2147483648", true),
        ("FREQ=WEEKLY;COUNT=2147483648", false),
        ("FREQ=YEARLY;BYDAY=MO,TU;BYSETPOS=2147483647", false),
        ("FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30;COUNT=9", false),
    ] {
        let event = format!("DTSTART;TZID=Europe/Berlin:19700101T000000\nRRULE:{rule}");
        let expansion = within(&[&event], "19691201", "20260101");
        assert!(expansion.steps <= MOST_STEPS && expansion.occurrences.len() <= MOST_OCCURRENCES);
        assert!(
            !expansion.occurrences.is_empty(),
            "{rule}: the first is shown at least"
        );
        assert_eq!(
            expansion.flags.iter().any(Flag::hides_occurrences),
            hides,
            "{rule}"
        );
    }
}

#[test]
fn the_first_of_too_many_are_those_of_the_window() {
    for (start, first) in [
        ("TZID=Europe/Berlin:20050103T100000", "20250101T000000Z"),
        ("X=:20050103T100000", "20250101T000000"),
    ] {
        let event = format!("DTSTART;{start}\nDURATION:PT1S\nRRULE:FREQ=SECONDLY");
        let expansion = within(&[&event], "20250101", "20260101");
        assert_eq!(expansion.occurrences.len(), MOST_OCCURRENCES - 1);
        assert_eq!(starts(&expansion)[0], first);
        let limit = MOST_OCCURRENCES;
        assert_eq!(expansion.flags, [Flag::TooManyOccurrences { limit }]);
    }
}

proptest! {
    #[test]
    fn nothing_that_an_item_says_of_its_times_hurts(
        lines in proptest::collection::vec(prop_oneof![
            "(RRULE|EXRULE):FREQ=(SECOND|HOUR|DAI|WEEK|MONTH|YEAR)LY(;(COUNT|INTERVAL|BYHOUR|BYDAY|BYMONTHDAY|BYSETPOS|UNTIL)=[0-9A-Z-]{1,9}){0,3}",
            "(EXDATE|RDATE|DTEND|DURATION)(;VALUE=(DATE|PERIOD))?(;TZID=(A|UTC|Europe/Berlin))?:(2025[01][0-9]{3}T[0-9]{6}Z?|2025[01][0-9]{3}|-?P[0-9]{1,9}[DW]|[ -~]{0,20})",
            "RECURRENCE-ID(;RANGE=THISANDFUTURE)?(;TZID=(A|Europe/Berlin))?:2025[01][0-9]{3}(T[0-9]{6}Z?)?",
        ], 0..8),
        split in 0_usize..8,
    ) {
        let start = "DTSTART;TZID=Europe/Berlin:20250101T100000\n";
        let (master, other) = lines.split_at(split.min(lines.len()));
        let events = [start.to_owned() + &master.join("\n"), start.to_owned() + &other.join("\n")];
        let expansion = in_2025(&[&events[0], &events[1]]);
        prop_assert!(expansion.steps <= MOST_STEPS);
        prop_assert!(expansion.occurrences.len() <= MOST_OCCURRENCES);
    }
}
