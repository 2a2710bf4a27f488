//! What a text said and what is rendered of it: the same instants, or a reason.

use std::collections::HashMap;

use crate::BlobHash;
use crate::normalise::{Parsed, Text};
use crate::render::render;
use crate::time::{Flag, Kept, instants_kept};

const DEFINED: &str = "BEGIN:VTIMEZONE\nTZID:Z\nBEGIN:STANDARD\nDTSTART:19700101T000000\n\
    TZOFFSETFROM:+0000\nTZOFFSETTO:+0400\nEND:STANDARD\nEND:VTIMEZONE\n";

fn defined(tzid: &str) -> Parsed {
    let text = format!(
        "BEGIN:VCALENDAR\n{}BEGIN:VEVENT\nUID:u\nDTSTART;TZID=\"{tzid}\":20250701T100000\nRRULE:FREQ=WEEKLY\nEND:VEVENT\nEND:VCALENDAR\n",
        DEFINED.replace(":Z", &format!(":{}", tzid.replace(',', "\\,")))
    );
    Text::read(text.as_bytes()).unwrap().item(0).unwrap()
}

fn kept(before: &Parsed, after: &Parsed) -> Kept {
    let of = |parsed: &Parsed| -> HashMap<BlobHash, Vec<u8>> {
        parsed
            .blobs
            .iter()
            .map(|b| (b.hash, b.bytes.clone()))
            .collect()
    };
    let (old, new) = (of(before), of(after));
    let (old, new) = (
        |h: BlobHash| old.get(&h).cloned(),
        |h: BlobHash| new.get(&h).cloned(),
    );
    instants_kept((&before.item, &old), (&after.item, &new), None)
}

fn again(parsed: &Parsed) -> Parsed {
    let blobs: HashMap<BlobHash, Vec<u8>> = parsed
        .blobs
        .iter()
        .map(|b| (b.hash, b.bytes.clone()))
        .collect();
    let text = render(&parsed.item, &|hash: BlobHash| blobs.get(&hash).cloned()).text;
    Text::read(text.as_bytes()).unwrap().item(0).unwrap()
}

#[test]
fn what_is_rendered_and_read_again_keeps_its_instants() {
    for tzid in ["Z", "Kuala Lumpur, Singapore", "Europe/Berlin"] {
        let before = defined(tzid);
        let kept = kept(&before, &again(&before));
        assert!(kept.is_proven(), "{kept:?}");
        assert!(kept.occurrences > 250, "five years of weeks");
        let is_flagged = kept
            .flags
            .iter()
            .any(|f| matches!(f, Flag::ZonesDisagree { .. }));
        assert_eq!(is_flagged, tzid == "Europe/Berlin", "{:?}", kept.flags);
        assert!(
            !kept
                .flags
                .iter()
                .any(|f| matches!(f, Flag::UnknownZone { .. })),
            "{tzid}"
        );
    }
}

#[test]
fn a_lost_definition_rule_or_override_is_seen() {
    let before = defined("Z");
    let mut without = again(&before);
    without.blobs.clear();
    let changed = kept(&before, &without);
    assert!(!changed.is_proven() && changed.changed.len() == 16);
    for lost in ["Europe/Berlin", "Z"] {
        let before = defined(lost);
        let mut after = again(&before);
        let when = after.item.values.get_mut("WHEN").unwrap();
        *when = when.replace("FREQ=WEEKLY", "FREQ=WEEKLY;COUNT=200");
        assert!(!kept(&before, &after).is_proven());
    }
}

#[test]
fn a_lost_definition_is_seen_by_those_who_go_by_definitions() {
    let before = defined("Europe/Berlin");
    let mut after = again(&before);
    after.blobs.clear();
    assert!(!kept(&before, &after).is_proven());
}
