//! Calendars and what stands in them.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    pimesh_fuzz::round_trip(bytes);
    let frame = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:e\r\n";
    let end = b"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n";
    pimesh_fuzz::round_trip(&[frame, bytes, end].concat());
});
