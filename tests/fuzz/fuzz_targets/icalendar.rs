//! Calendars and what stands in them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pimesh_fuzz::run("icalendar", bytes));
