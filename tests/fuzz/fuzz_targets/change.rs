//! Changes from peers, as they come and with a checksum that agrees.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pimesh_crdt::doc::{View, check, decode};
use sha2::{Digest, Sha256};

fuzz_target!(|bytes: &[u8]| {
    let _ = check(bytes);
    let mut hashed = vec![1];
    let mut length = bytes.len();
    while length >= 0x80 {
        hashed.push(length as u8 | 0x80);
        length >>= 7;
    }
    hashed.push(length as u8);
    hashed.extend_from_slice(bytes);
    let mut chunk = vec![0x85, 0x6f, 0x4a, 0x83];
    chunk.extend_from_slice(&Sha256::digest(&hashed)[..4]);
    chunk.extend_from_slice(&hashed);
    if let Ok(parts) = decode(&chunk) {
        assert!(parts.ops.len() <= bytes.len());
        let shown = View::of(std::iter::once(&parts)).shown();
        assert!(shown.conflicts.len() <= parts.ops.len());
    }
});
