//! Bytes into lines, components and parameters.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pimesh_fuzz::run("content_lines", bytes));
