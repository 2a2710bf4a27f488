//! What happens elsewhere while two devices say hello, and before one is asked.

use std::collections::BTreeSet;

use super::toy::{id, key};
use super::world::{COLLECTIONS, World};
use crate::id::{CollectionId, Timestamp};
use crate::sync::Input;
use crate::sync::membership::{Action, Statement};

const BOOK: CollectionId = COLLECTIONS[1];
const LINK: (u8, u8) = (0, 1);

fn learned() -> Statement {
    let action = Action::Add {
        name: "third".to_owned(),
    };
    Statement::sign(&key(0), id(7), action, &[], Timestamp(9)).unwrap()
}

/// Delivers so many frames to each side, lets device 0 learn a statement, and the rest follows.
fn learns_after(frames: [usize; 2]) {
    let mut world = World::new(2);
    world.edit(0, BOOK, b"mine", false);
    world.edit(1, BOOK, b"yours", false);
    // with sets that differ from the beginning, and with the same
    for differs in [false, true] {
        if differs {
            let action = Action::Rename {
                name: "two".to_owned(),
            };
            let other = Statement::sign(&key(1), id(1), action, &[], Timestamp(5)).unwrap();
            world.toys[1].statements.push(other);
        }
        world.connect(0, 1);
        for (end, count) in frames.into_iter().enumerate() {
            (0..count).for_each(|_| _ = world.deliver(LINK, end));
        }
        world.toys[0].statements.push(learned());
        world.feed(LINK, 0, Input::Membership(vec![learned()]));
        world.settle();
        assert_eq!(
            world.links[&LINK].closed,
            [None, None],
            "{frames:?} {differs}"
        );
        assert!(world.toys[1].statements.contains(&learned()), "{frames:?}");
        assert_eq!(world.toys[0].vector(BOOK), world.toys[1].vector(BOOK));
        world.cut(0, 1);
        for toy in &mut world.toys {
            toy.statements.retain(|one| *one != learned());
        }
    }
}

#[test]
fn a_statement_that_comes_while_two_devices_say_hello_goes_to_the_other_and_ends_nothing() {
    for one in 0..4 {
        for other in 0..4 {
            learns_after([one, other]);
        }
    }
}

#[test]
fn who_got_elsewhere_what_a_peer_said_in_its_hello_is_answered_when_it_asks() {
    let mut world = World::new(2);
    for toy in &mut world.toys {
        toy.adds_up = true;
    }
    world.edit(0, BOOK, b"news", false);
    world.connect(0, 1);
    // both are to ask another one first
    for session in &mut world.links.get_mut(&LINK).unwrap().sessions {
        session.takes_turns = true;
    }
    world.settle();
    assert!(world.toys[1].vector(BOOK).is_empty());
    let (logs, known) = (world.toys[0].logs.clone(), world.toys[0].known.clone());
    let (vectors, held) = (world.toys[0].vectors.clone(), world.toys[0].held.clone());
    let toy = &mut world.toys[1];
    (toy.logs, toy.known, toy.vectors, toy.held) = (logs, known, vectors, held);
    world.committed(1, BOOK, None);
    world.settle();
    world.wait(3_000);
    world.feed(LINK, 1, Input::Turn(BTreeSet::new()));
    world.settle();
    let in_sync = |end: usize| world.links[&LINK].in_sync[end].get(&BOOK) == Some(&true);
    assert!(in_sync(0) && in_sync(1));
    world.wait(70_000);
    assert_eq!(world.links[&LINK].closed, [None, None]);
}
