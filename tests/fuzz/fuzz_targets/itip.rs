//! Messages of organisers and attendees.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pimesh_fuzz::run("itip", bytes));
