//! When things take place.

use std::collections::HashMap;

use pimesh_crdt::BlobHash;
use pimesh_crdt::normalise::Text;
use pimesh_crdt::time::{
    Local, MOST_OCCURRENCES, MOST_STEPS, Window, Zone, Zones, expand, first_start, instants_kept,
};

/// A year, in seconds.
const YEAR: i64 = 366 * 86_400;

fn check(text: &[u8]) {
    let text = Text::read(text).expect("far below the limit");
    for parsed in text.items().flatten() {
        let blobs: HashMap<BlobHash, &[u8]> = parsed
            .blobs
            .iter()
            .map(|blob| (blob.hash, blob.bytes.as_slice()))
            .collect();
        let blobs = |hash: BlobHash| blobs.get(&hash).map(|bytes| bytes.to_vec());
        let zones = Zones::new(&blobs);
        let start = first_start(&parsed.item, &blobs).unwrap_or_default();
        for (from, to) in [(start.0 - 1, start.0 + YEAR), (YEAR * 55, YEAR * 65)] {
            let window = Window::new(Local(from), Local(to), &Zone::UTC);
            let expansion = expand(&parsed.item, &zones, window);
            assert!(expansion.steps <= MOST_STEPS, "{}", expansion.steps);
            assert!(expansion.occurrences.len() <= MOST_OCCURRENCES);
            for one in &expansion.occurrences {
                assert!(window.holds(one.start, one.end), "{one:?}");
            }
        }
        let kept = instants_kept((&parsed.item, &blobs), (&parsed.item, &blobs), None);
        assert_eq!(kept.changed, [], "an item is what it is");
    }
}

/// Rules, exceptions, overrides and definitions of zones: no panic, and never more work or more
/// occurrences than allowed.
pub(super) fn recurrence(bytes: &[u8]) {
    // what stands before a zero byte is the zone's, after it the event's, then its overrides'
    let mut parts = bytes.splitn(3, |byte| *byte == 0);
    let mut part = || parts.next().unwrap_or_default();
    let (zone, event, other) = (part(), part(), part());
    check(
        &[
            b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VTIMEZONE\r\nTZID:Z\r\nBEGIN:STANDARD\r\n\
              DTSTART:19700101T000000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n",
            zone,
            b"\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:e\r\n\
              DTSTART;TZID=Z:20250101T100000\r\nRRULE:FREQ=",
            event,
            b"\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:e\r\nRECURRENCE-ID;TZID=Z:20250108T100000\r\n",
            other,
            b"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
        ]
        .concat(),
    );
}
