//! Rules against what RFC 5545 says of them, and the work they may cause.

use proptest::prelude::*;

use super::{Next, Rule, RuleError, Span, Walk};
use crate::time::bounds::{Budget, MOST_STEPS};
use crate::time::civil::Local;
use crate::time::value::date_time;

fn local(text: &str) -> Local {
    date_time(text).unwrap().0
}

/// The first times of a rule, from its DTSTART on.
fn first(rule: &str, start: &str, count: usize) -> Vec<String> {
    let walk = Walk::new(
        &Rule::read(rule).unwrap(),
        local(start),
        !start.contains('T'),
    )
    .unwrap();
    let span = Span {
        from: local(start),
        to: local("99991231T235959"),
    };
    let mut out = Vec::new();
    walk.times(span, &mut Budget::new(MOST_STEPS), &mut |time| {
        out.push(time.to_string());
        if out.len() == count {
            Next::Enough
        } else {
            Next::More
        }
    })
    .unwrap();
    out
}

fn dates(rule: &str, start: &str, count: usize) -> Vec<String> {
    let cut = |time: String| time[..8].to_owned();
    first(rule, start, count).into_iter().map(cut).collect()
}

#[test]
fn the_examples_of_the_rfc_come_out() {
    let nine = "19970902T090000";
    assert_eq!(
        dates(
            "FREQ=YEARLY;INTERVAL=4;BYMONTH=11;BYDAY=TU;BYMONTHDAY=2,3,4,5,6,7,8",
            "19961105T090000",
            3
        ),
        ["19961105", "20001107", "20041102"]
    );
    assert_eq!(
        dates(
            "FREQ=MONTHLY;COUNT=3;BYDAY=TU,WE,TH;BYSETPOS=3",
            "19970904T090000",
            9
        ),
        ["19970904", "19971007", "19971106"]
    );
    assert_eq!(
        dates(
            "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-2",
            "19970929T090000",
            4
        ),
        ["19970929", "19971030", "19971127", "19971230"]
    );
    assert_eq!(
        dates("FREQ=MONTHLY;BYDAY=FR;BYMONTHDAY=13", nine, 3),
        ["19980213", "19980313", "19981113"]
    );
    assert_eq!(
        dates("FREQ=YEARLY;BYDAY=20MO", "19970519T090000", 3),
        ["19970519", "19980518", "19990517"]
    );
    assert_eq!(
        dates(
            "FREQ=WEEKLY;INTERVAL=2;COUNT=4;BYDAY=TU,SU;WKST=SU",
            "19970805T090000",
            9
        ),
        ["19970805", "19970817", "19970819", "19970831"]
    );
    assert_eq!(
        first("FREQ=MINUTELY;INTERVAL=90;COUNT=3", nine, 9),
        ["19970902T090000", "19970902T103000", "19970902T120000"]
    );
}

#[test]
fn a_day_that_a_month_lacks_is_left_out_and_not_moved() {
    assert_eq!(
        dates("FREQ=MONTHLY", "20250131", 3),
        ["20250131", "20250331", "20250531"]
    );
    assert_eq!(
        dates("FREQ=YEARLY", "20240229", 2),
        ["20240229", "20280229"]
    );
}

#[test]
fn a_year_of_weeks_begins_with_its_first_week() {
    // 31 December 2024 is in the first week of 2025; three years later comes that of 2028
    let rule = "FREQ=YEARLY;BYWEEKNO=1;BYDAY=MO,TU;INTERVAL=3";
    assert_eq!(
        dates(rule, "20241231", 3),
        ["20241231", "20280103", "20280104"]
    );
    assert_eq!(
        dates("FREQ=YEARLY;BYWEEKNO=53", "20230101", 1),
        ["20270103"],
        "the weekday is that of DTSTART"
    );
}

#[test]
fn hours_of_a_whole_day_do_not_matter() {
    assert_eq!(
        first("FREQ=DAILY;BYHOUR=5,6;BYMINUTE=1", "20250101", 2),
        ["20250101T000000", "20250102T000000"]
    );
    let rule = Rule::read("FREQ=HOURLY").unwrap();
    assert_eq!(
        Walk::new(&rule, local("20250101"), true).unwrap_err(),
        RuleError::NeedsTime
    );
}

#[test]
fn what_is_no_rule_is_refused_with_its_reason() {
    let reason = |text: &str| Rule::read(text).unwrap_err().to_string();
    assert_eq!(reason("COUNT=3"), "it has no FREQ");
    assert_eq!(reason("FREQ=FORTNIGHTLY"), "FREQ cannot be \"FORTNIGHTLY\"");
    assert_eq!(reason("FREQ=DAILY;INTERVAL=0"), "INTERVAL cannot be \"0\"");
    assert_eq!(
        reason("FREQ=DAILY;BYEASTER=1"),
        "\"BYEASTER\" is no part of a rule"
    );
    assert_eq!(
        reason("FREQ=DAILY;BYWEEKNO=1"),
        "BYWEEKNO means nothing with this FREQ"
    );
    assert_eq!(
        reason("RSCALE=HEBREW;FREQ=YEARLY"),
        "RSCALE=HEBREW (RFC 7529) is not supported"
    );
    assert_eq!(
        reason("RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=FORWARD"),
        "SKIP=FORWARD (RFC 7529) is not supported"
    );
    for same in [
        "freq=daily;;count=2;",
        " FREQ=DAILY ; COUNT=2",
        "RSCALE=GREGORIAN;COUNT=2;FREQ=DAILY;SKIP=OMIT",
    ] {
        assert_eq!(Rule::read(same), Rule::read("FREQ=DAILY;COUNT=2"), "{same}");
    }
}

/// Steps that a rule takes for one year, far behind its start.
fn steps(rule: &str) -> u64 {
    let walk = Walk::new(&Rule::read(rule).unwrap(), local("19700101T000000"), false).unwrap();
    let span = Span {
        from: local("20250101T000000"),
        to: local("20251231T235959"),
    };
    let mut budget = Budget::new(MOST_STEPS);
    let mut left = 10_000;
    let done = walk.times(span, &mut budget, &mut |_| {
        left -= 1;
        if left == 0 { Next::Enough } else { Next::More }
    });
    assert!(done.is_ok() || budget.taken() == MOST_STEPS);
    budget.taken()
}

#[test]
fn a_rule_from_long_ago_costs_no_more_than_a_new_one() {
    assert!(steps("FREQ=WEEKLY") < 600);
    assert!(steps("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30") < 100);
    assert!(steps("FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30") < 1000);
    assert!(steps("FREQ=SECONDLY") < 30_000);
    assert!(steps("FREQ=YEARLY;BYDAY=MO;BYSETPOS=2147483647,-2147483647") < 1000);
}

#[test]
fn a_count_that_never_ends_stops_at_the_bound() {
    assert_eq!(steps("FREQ=SECONDLY;COUNT=4294967296"), MOST_STEPS);
    assert!(steps("FREQ=DAILY;COUNT=9223372036854775807") < 50_000);
}

fn number_list() -> impl Strategy<Value = String> {
    proptest::collection::vec(-400_i64..400, 1..5).prop_map(|all| {
        let all: Vec<String> = all.iter().map(ToString::to_string).collect();
        all.join(",")
    })
}

fn part() -> impl Strategy<Value = String> {
    let lists = [
        "BYSECOND",
        "BYMINUTE",
        "BYHOUR",
        "BYMONTHDAY",
        "BYYEARDAY",
        "BYWEEKNO",
        "BYMONTH",
        "BYSETPOS",
    ];
    prop_oneof![
        (proptest::sample::select(lists.to_vec()), number_list())
            .prop_map(|(n, v)| format!("{n}={v}")),
        (proptest::sample::select(lists.to_vec()), 1_i64..12).prop_map(|(n, v)| format!("{n}={v}")),
        "BYDAY=(-?[1-5])?(MO|TU|SU)(,(FR|SA))?",
        "INTERVAL=[1-9][0-9]{0,9}",
        "COUNT=[1-9][0-9]{0,12}",
        "WKST=(MO|SU|TH)",
        "[A-Z]{1,4}=[0-9A-Z,-]{0,6}",
    ]
}

proptest! {
    #[test]
    fn any_rule_keeps_to_its_steps_and_its_order(
        freq in "(SECOND|MINUTE|HOUR|DAI|WEEK|MONTH|YEAR)LY",
        parts in proptest::collection::vec(part(), 0..5),
        start in -70_000_000_000_i64..250_000_000_000,
        from in -70_000_000_000_i64..250_000_000_000,
        length in 0_i64..400_000_000,
    ) {
        let text = format!("FREQ={freq};{}", parts.join(";"));
        let Ok(rule) = Rule::read(&text) else { return Ok(()) };
        let Ok(walk) = Walk::new(&rule, Local(start), false) else { return Ok(()) };
        let span = Span { from: Local(from), to: Local(from.saturating_add(length)) };
        let mut budget = Budget::new(20_000);
        let mut last = None;
        let done = walk.times(span, &mut budget, &mut |time| {
            assert!(time >= span.from && time <= span.to && time >= Local(start));
            assert!(last < Some(time), "in order, each once");
            last = Some(time);
            Next::More
        });
        prop_assert!(done.is_ok() || budget.taken() == 20_000);
    }

    #[test]
    fn no_text_hurts(text in "\\PC{0,80}") {
        let _ = Rule::read(&text);
        let _ = Rule::read(&format!("FREQ=DAILY;{text}"));
    }
}
