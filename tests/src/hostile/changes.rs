//! Changes from peers.

use automerge::Change;
use pimesh_crdt::doc::{Travelled, View, check, decode};
use pimesh_crdt::{ChangeHash, DeviceId};
use sha2::{Digest, Sha256};

/// As they travel, as Automerge has them, and with a checksum that agrees. What is read must be
/// what Automerge reads, and give the same bytes again.
pub(super) fn change(bytes: &[u8]) {
    let _ = check(bytes);
    if let Ok(travelled) = Travelled::read(bytes, DeviceId([7; 32])) {
        let deps = vec![ChangeHash([1; 32]); travelled.deps().len()];
        let _ = travelled.on(deps);
    }
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
        assert_eq!(parts.bytes()[..], chunk[..]);
        let theirs = Change::from_bytes(chunk).expect("what we read, Automerge reads");
        assert_eq!(theirs.hash().0, parts.hash.0);
        assert_eq!(theirs.actor_id().to_bytes(), &parts.actor[..]);
        assert_eq!(theirs.timestamp(), parts.time);
        let theirs = theirs.decode();
        assert_eq!(theirs.operations.len(), parts.ops.len());
        for (theirs, ours) in theirs.operations.iter().zip(&parts.ops) {
            assert_eq!(
                theirs.key,
                automerge::legacy::Key::Map(ours.key.as_str().into())
            );
            assert_eq!(theirs.pred.len(), ours.pred.len());
        }
        let shown = View::of(std::iter::once(&parts)).shown();
        assert!(shown.conflicts.len() <= parts.ops.len());
    }
}
