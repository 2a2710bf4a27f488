//! Photos between devices.

use super::world::{COLLECTIONS, World};
use crate::id::BlobHash;
use crate::sync::message::Frame;

fn photo(kilobytes: usize) -> (BlobHash, Vec<u8>) {
    let bytes: Vec<u8> = (0..kilobytes * 256)
        .flat_map(|i| (i as u32).to_le_bytes())
        .collect();
    (BlobHash::of(&bytes), bytes)
}

fn connected(devices: u8) -> World {
    let mut world = World::new(devices);
    for device in 1..devices {
        world.connect(device - 1, device);
    }
    world.settle();
    world
}

#[test]
fn a_large_blob_arrives_in_pieces() {
    let (hash, bytes) = photo(900);
    let mut world = connected(2);
    world.toys[0].blobs.insert(hash, bytes.clone());
    world.lack(1, hash);
    world.settle();
    assert_eq!(world.toys[1].blobs.get(&hash), Some(&bytes));
    let pieces = world
        .sent
        .iter()
        .filter(|(.., frame)| matches!(frame, Frame::Blob { .. }));
    assert_eq!(pieces.count(), 4);
}

#[test]
fn a_blob_that_was_cut_goes_on_where_it_was() {
    let (hash, bytes) = photo(900);
    let mut world = connected(2);
    world.toys[0].blobs.insert(hash, bytes.clone());
    world.lack(1, hash);
    world.deliver((0, 1), 0);
    world.deliver((0, 1), 1);
    assert_eq!(world.toys[1].parts[&hash].len(), 256 << 10);
    world.cut(0, 1);
    world.sent.clear();
    world.connect(0, 1);
    world.lack(1, hash);
    world.settle();
    assert_eq!(world.toys[1].blobs.get(&hash), Some(&bytes));
    let pieces = world
        .sent
        .iter()
        .filter(|(.., frame)| matches!(frame, Frame::Blob { .. }));
    assert_eq!(pieces.count(), 3);
}

#[test]
fn a_blob_that_the_peer_gets_later_is_passed_on_then() {
    let (hash, bytes) = photo(20);
    let mut world = connected(3);
    world.lack(2, hash);
    world.lack(1, hash);
    world.settle();
    assert!(world.toys[2].blobs.is_empty());
    world.toys[0].blobs.insert(hash, bytes.clone());
    world.feed((0, 1), 0, crate::sync::Input::BlobArrived(hash));
    world.settle();
    assert_eq!(world.toys[1].blobs.get(&hash), Some(&bytes));
    assert_eq!(world.toys[2].blobs.get(&hash), Some(&bytes));
}

#[test]
fn blobs_come_after_the_changes() {
    let (hash, bytes) = photo(300);
    let mut world = World::new(2);
    world.toys[0].blobs.insert(hash, bytes);
    for i in 0..60_u8 {
        world.edit(0, COLLECTIONS[1], &[i; 200], false);
    }
    world.edit(1, COLLECTIONS[1], b"own", false);
    world.connect(0, 1);
    world.lack(1, hash);
    world.settle();
    let place = |of: fn(&Frame) -> bool| world.sent.iter().rposition(|(.., frame)| of(frame));
    let first = world
        .sent
        .iter()
        .position(|(.., frame)| matches!(frame, Frame::Blob { .. }));
    assert!(place(|frame| matches!(frame, Frame::Changes(_))) < first);
    assert!(world.toys[1].blobs.contains_key(&hash));
}
