//! What a session believes of a peer while a name stands for two changes.

use super::world::{COLLECTIONS, World};
use crate::id::CollectionId;

const BOOK: CollectionId = COLLECTIONS[1];

/// Device 0 was set back and gave the name of a change that 2 holds to another one; 1 has heard
/// the first of 2 while the second is on its way to it.
fn one_name_for_two_changes() -> World {
    let mut world = World::new(3);
    world.edit(0, BOOK, b"shared", false);
    world.connect(0, 1);
    world.connect(1, 2);
    world.settle();
    world.cut(1, 2);
    world.cut(0, 1);
    world.toys[0].back_up();
    world.connect(0, 2);
    world.settle();
    world.edit(0, BOOK, b"before", false);
    world.settle();
    world.set_back(0);
    world.connect(0, 1);
    world.settle();
    world.edit(0, BOOK, b"after", false);
    world.connect(1, 2);
    while world.toys[1].logs[&BOOK].len() < 2 {
        world.deliver((1, 2), 0);
        assert!(world.deliver((1, 2), 1) || !world.links[&(1, 2)].frames[0].is_empty());
    }
    world
}

#[test]
fn a_peer_that_sends_another_change_under_a_name_we_hold_is_not_said_to_hold_ours() {
    let mut world = one_name_for_two_changes();
    assert!(!world.links[&(0, 1)].in_sync[1][&BOOK]);
    assert!(world.deliver((0, 1), 1), "its change is on the way");
    let (ours, theirs) = (world.toys[1].vector(BOOK), world.toys[0].vector(BOOK));
    assert!(ours.fork_with(&theirs).is_some());
    assert!(!world.links[&(0, 1)].in_sync[1][&BOOK]);
    world.settle();
    for _ in 0..20 {
        world.wait(2_000);
    }
    for toy in &world.toys {
        assert_eq!(toy.vector(BOOK), world.toys[1].vector(BOOK));
        for change in [b"before", &b"after"[..]] {
            let mut log = toy.logs[&BOOK].iter();
            assert!(log.any(|(e, _)| e.bytes.ends_with(change)));
        }
    }
    for link in world.links.values() {
        assert!(link.in_sync.iter().all(|end| end[&BOOK]));
    }
}
