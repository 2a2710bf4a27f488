//! What a person is told of an item's times, whether all occurrences were listed for it or not.

use proptest::prelude::*;

use super::*;
use crate::item::Item;
use crate::time::series::kept::reach;
use crate::time::{Allowance, Change, Proof, merge_kept};

fn found(events: &[&str]) -> Examined {
    let (item, blobs) = with_blobs(events);
    let blobs = |hash: BlobHash| blobs.get(&hash).cloned();
    examine(&item, &Zones::new(&blobs), &mut Allowance::default())
}

fn with_blobs(events: &[&str]) -> (Item, HashMap<BlobHash, Vec<u8>>) {
    let parsed = parsed(events);
    let blobs = parsed.blobs.into_iter().map(|b| (b.hash, b.bytes));
    (parsed.item, blobs.collect())
}

/// A zone that is called Berlin and has its rules from 1996 on only.
fn with_definition(event: &str) -> Examined {
    let text = format!(
        "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:STANDARD\n\
         DTSTART:19961027T030000\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\n\
         RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nEND:STANDARD\nBEGIN:DAYLIGHT\n\
         DTSTART:19810329T020000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\n\
         RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\nEND:DAYLIGHT\nEND:VTIMEZONE\n\
         BEGIN:VEVENT\nUID:u\n{event}\nEND:VEVENT\nEND:VCALENDAR\n"
    );
    let parsed = Text::read(text.as_bytes()).unwrap().item(0).unwrap();
    let blobs: HashMap<BlobHash, Vec<u8>> = parsed
        .blobs
        .into_iter()
        .map(|b| (b.hash, b.bytes))
        .collect();
    let blobs = |hash: BlobHash| blobs.get(&hash).cloned();
    examine(&parsed.item, &Zones::new(&blobs), &mut Allowance::default())
}

#[test]
fn zones_that_agree_for_the_ten_years_are_not_flagged_and_others_are() {
    let weekly = |start: &str| {
        with_definition(&format!(
            "DTSTART;TZID=Europe/Berlin:{start}\nRRULE:FREQ=WEEKLY"
        ))
    };
    assert_eq!(weekly("20200106T100000").flags, []);
    assert!(matches!(
        weekly("19900108T100000").flags[..],
        [Flag::ZonesDisagree { .. }]
    ));
    let once = |start: &str| with_definition(&format!("DTSTART;TZID=Europe/Berlin:{start}"));
    assert_eq!(
        once("19900108T100000").flags.len(),
        1,
        "summer time since 1981 and no end"
    );
    assert_eq!(once("19900708T100000").flags, [], "in summer they agree");
}

#[test]
fn what_does_not_fit_together_is_found_wherever_it_is_in_time() {
    let gone = "RECURRENCE-ID:20350501T070000Z\nDTSTART:20350501T100000Z";
    let off = "RECURRENCE-ID:20250329T080000Z\nSUMMARY:x";
    let one = "RECURRENCE-ID:20250330T070000Z\nSEQUENCE:1\nDTSTART:20250330T100000Z";
    let two = "RECURRENCE-ID;TZID=Europe/Berlin:20250330T090000\nDTSTART:20250330T110000Z";
    let cancelled = "RECURRENCE-ID:20300501T070000Z\nSTATUS:CANCELLED";
    let master = format!("{DAILY}\nEXDATE:20250329T080000Z");
    let found = found(&[&master, gone, off, one, two, cancelled]);
    let ids: Vec<String> = found
        .clashes
        .iter()
        .map(|clash| match clash {
            Clash::Gone { id } => format!("gone {id}"),
            Clash::CalledOff(off) => format!("off {}", off.id),
            Clash::Twice(two) => format!("twice {} {}", two.shown, two.other),
        })
        .collect();
    assert_eq!(
        ids,
        [
            "off :20250329T080000Z",
            "gone :20350501T070000Z",
            "twice :20250330T070000Z Europe%2FBerlin:20250330T090000"
        ]
    );
}

#[test]
fn hostile_rules_take_their_share_and_the_others_are_not_held_up() {
    let (hostile, blobs) = with_blobs(&[
        "DTSTART;TZID=Europe/Berlin:20200101T000000\nRRULE:FREQ=DAILY\nEXRULE:FREQ=SECONDLY",
    ]);
    let blobs = |hash: BlobHash| blobs.get(&hash).cloned();
    let zones = Zones::new(&blobs);
    let mut allowance = Allowance::new(700_000);
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(examine(&hostile, &zones, &mut allowance).flags);
    }
    let refused: Vec<bool> = seen
        .iter()
        .map(|flags| flags.contains(&Flag::NotExamined))
        .collect();
    assert!(
        seen.iter()
            .all(|flags| flags.iter().all(Flag::hides_occurrences))
    );
    assert!(refused[5], "{seen:?}");
}

#[test]
fn a_merge_that_invents_or_loses_an_occurrence_is_seen() {
    let of = |lines: &str| with_blobs(&[lines]).0;
    let none = |_: BlobHash| None::<Vec<u8>>;
    let zones = Zones::new(&none);
    let proof = |sides: &[Item], merged: &Item| {
        merge_kept(sides, merged, &zones, &mut Allowance::default())
    };
    let ten = of("DTSTART:20250106T100000Z\nRRULE:FREQ=WEEKLY;COUNT=4");
    let off = of("DTSTART:20250106T100000Z\nRRULE:FREQ=WEEKLY;COUNT=4\nEXDATE:20250113T100000Z");
    let more = of("DTSTART:20250106T100000Z\nRRULE:FREQ=WEEKLY;COUNT=5");
    let both = of("DTSTART:20250106T100000Z\nRRULE:FREQ=WEEKLY;COUNT=5\nEXDATE:20250113T100000Z");
    assert_eq!(proof(&[off.clone(), more.clone()], &both), Proof::Kept);
    let mixed = of("DTSTART:20250106T110000Z\nRRULE:FREQ=WEEKLY;COUNT=4");
    assert!(matches!(proof(&[off, more], &mixed), Proof::Changed(c) if c.len() == 7));
    assert_eq!(
        proof(std::slice::from_ref(&ten), &mixed),
        Proof::Kept,
        "nothing was merged"
    );
}

#[test]
fn a_day_that_one_side_left_out_and_that_is_back_in_a_moved_series_is_seen() {
    let of = |lines: &str| with_blobs(&[lines]).0;
    let none = |_: BlobHash| None::<Vec<u8>>;
    let zones = Zones::new(&none);
    let proof = |sides: &[Item], merged: &Item| {
        merge_kept(sides, merged, &zones, &mut Allowance::default())
    };
    let (at_10, at_11) = ("DTSTART:20250106T100000Z", "DTSTART:20250106T110000Z");
    let with = |start: &str, more: &str| of(&format!("{start}\nRRULE:FREQ=WEEKLY;COUNT=4{more}"));
    let (off, also_off) = ("\nEXDATE:20250113T100000Z", "\nEXDATE:20250120T100000Z");
    let sides = [with(at_10, off), with(at_11, "")];
    let Proof::Changed(changed) = proof(&sides, &with(at_11, off)) else {
        panic!("not seen")
    };
    assert!(
        matches!(changed[..], [Change::Gained { .. }]),
        "{changed:?}"
    );
    // who moved the series knew of the first day, and saw that it takes place again
    let sides = [with(at_10, &[off, also_off].concat()), with(at_11, off)];
    let Proof::Changed(changed) = proof(&sides, &with(at_11, &[off, also_off].concat())) else {
        panic!("not seen")
    };
    assert_eq!(changed.len(), 1, "{changed:?}");
}

proptest! {
    #[test]
    fn what_is_found_without_listing_occurrences_is_what_listing_them_finds(
        start in "DTSTART(;TZID=(Europe/Berlin|Nowhere)|):(19|20)(0[0-9]|[1-9][0-9])0[1-9][0-2][1-8]T[01][0-9]0000",
        lines in proptest::collection::vec(prop_oneof![
            "RRULE:FREQ=(DAI|WEEK|MONTH|YEAR|HOUR)LY(;(COUNT|INTERVAL|BYDAY|BYMONTHDAY|BYSETPOS|UNTIL)=[0-9A-Z-]{1,9}){0,2}",
            "(EXDATE|RDATE)(;VALUE=DATE)?(;TZID=Europe/Berlin)?:202[05][01][0-9]{3}T[0-9]{6}Z?",
            "(DTEND|DURATION):(-?P1D|20250101T100000|[ -~]{0,9})",
        ], 0..4),
    ) {
        let event = format!("{start}\n{}", lines.join("\n"));
        let (item, blobs) = with_blobs(&[&event]);
        let blobs = |hash: BlobHash| blobs.get(&hash).cloned();
        let zones = Zones::new(&blobs);
        let found = examine(&item, &zones, &mut Allowance::default());
        if let Some(around) = first_start(&item, &blobs) {
            let mut listed = expand(&item, &zones, reach(around)).flags;
            listed.retain(|flag| !found.flags.contains(flag));
            prop_assert_eq!(listed, []);
        }
    }
}
