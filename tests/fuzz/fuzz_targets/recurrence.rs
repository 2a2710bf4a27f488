//! Rules, exceptions, overrides and zones.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pimesh_fuzz::run("recurrence", bytes));
