//! Photos between devices.

use super::world::{COLLECTIONS, World};
use crate::id::BlobHash;
use crate::sync::Input;
use crate::sync::message::Frame;
use crate::sync::session::send::ON_THE_WAY;

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
    world.feed((0, 1), 0, Input::BlobArrived(hash));
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

#[test]
fn what_a_device_lacks_is_told_in_its_hello_and_before_the_ack_of_what_names_it() {
    let mut world = connected(2);
    assert_eq!(world.lacks.get(&0), Some(&0));
    world.sent.clear();
    world.edit(0, COLLECTIONS[1], b"a photo is named", false);
    world.feed((0, 1), 1, Input::Lacking(1));
    world.settle();
    let said = |of: fn(&Frame) -> bool| world.sent.iter().position(|(.., frame)| of(frame));
    let told = said(|frame| *frame == Frame::Lacks(1));
    assert!(told.is_some() && told < said(|frame| matches!(frame, Frame::Ack { .. })));
    assert_eq!(world.lacks.get(&0), Some(&1));
    world.feed((0, 1), 1, Input::Lacking(0));
    world.feed((0, 1), 1, Input::Lacking(0));
    world.settle();
    let told = world
        .sent
        .iter()
        .filter(|(.., frame)| *frame == Frame::Lacks(0));
    assert_eq!((told.count(), world.lacks.get(&0)), (1, Some(&0)));
}

#[test]
fn more_can_be_named_when_what_was_named_came_or_is_not_with_the_peer_either() {
    let (hash, bytes) = photo(20);
    let mut world = connected(2);
    world.toys[0].blobs.insert(hash, bytes);
    world.lack(1, hash);
    world.lack(1, BlobHash([1; 32]));
    let dry = |world: &World| world.links[&(0, 1)].sessions[1].wants_no_blobs();
    assert!(!dry(&world));
    world.settle();
    assert!(dry(&world));
}

#[test]
fn little_is_on_its_way_when_a_device_dies() {
    let mut world = connected(2);
    for number in 0..60_u32 {
        let bytes = number.to_le_bytes().repeat(5_000);
        let hash = BlobHash::of(&bytes);
        world.toys[0].blobs.insert(hash, bytes);
        world.lack(1, hash);
    }
    world.settle();
    assert_eq!(world.toys[1].blobs.len(), 60);
    let (mut on_the_way, mut most) = (0, 0);
    for (.., frame) in &world.sent {
        match frame {
            Frame::BlobWant(wanted) => on_the_way += wanted.len(),
            Frame::Blob { .. } => on_the_way -= 1,
            _ => {}
        }
        most = most.max(on_the_way);
    }
    assert!(most * 20_000 <= ON_THE_WAY + 20_000, "{most}");
}
