//! What a stranger says, and what people type.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pimesh_fuzz::run("pairing", bytes));
