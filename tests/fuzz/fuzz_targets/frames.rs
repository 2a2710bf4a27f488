//! Frames from a peer that belongs to the mesh.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pimesh_fuzz::run("frames", bytes));
