//! The rules of a session, one by one.

use super::world::{COLLECTIONS, World, id, key};
use crate::id::{Chain, CollectionId, Origin, Timestamp};
use crate::sync::membership::{Action, Statement, newest};
use crate::sync::message::Frame;
use crate::sync::{CloseReason, Identity, Input, Output, Reached, Session, VersionVector};

const BOOK: CollectionId = COLLECTIONS[1];
const CALENDAR: CollectionId = COLLECTIONS[2];

/// Two devices that hold the same and know it.
fn pair() -> World {
    let mut world = World::new(2);
    world.connect(0, 1);
    for collection in COLLECTIONS {
        world.edit(0, collection, &[1; 60], false);
    }
    world.settle();
    world.wait(3_000);
    world.wait(3_000);
    world.sent.clear();
    world
}

fn text(seed: u64) -> Vec<u8> {
    (0..3_u64)
        .flat_map(|i| *blake3::hash(&(seed * 8 + i).to_le_bytes()).as_bytes())
        .collect()
}

#[test]
fn a_reconnect_with_nothing_new_is_one_hello_each_way_and_under_300_bytes() {
    let mut world = pair();
    world.cut(0, 1);
    world.connect(0, 1);
    world.settle();
    assert!(
        world
            .sent
            .iter()
            .all(|(.., frame)| matches!(frame, Frame::Hello(_)))
    );
    assert_eq!(world.sent.len(), 2);
    assert!(world.sent.iter().map(|(_, bytes, _)| bytes).sum::<usize>() < 300);
    assert!(
        world.links[&(0, 1)]
            .in_sync
            .iter()
            .all(|all| all.len() == 3)
    );
}

#[test]
fn an_edit_goes_out_at_once_in_one_frame_of_no_more_than_160_bytes() {
    let mut world = pair();
    world.edit(0, BOOK, &text(1), false);
    world.settle();
    world.sent.clear();
    world.edit(0, BOOK, &text(2), false);
    let (_, bytes, frame) = &world.sent[0];
    assert!(matches!(frame, Frame::Changes(_)));
    assert!(
        *bytes <= 160 && *bytes <= text(2).len() + 32 + 30,
        "{bytes}"
    );
    world.settle();
    assert!(
        matches!(world.sent[1], (1, ..=20, Frame::Ack { .. })),
        "{:?}",
        world.sent
    );
    assert_eq!(world.sent.len(), 2);
}

#[test]
fn a_lost_edit_is_noticed_two_seconds_later() {
    let mut world = pair();
    world.edit(0, BOOK, &text(1), false);
    world.lose((0, 1), 1);
    world.settle();
    assert_ne!(world.toys[0].vector(BOOK), world.toys[1].vector(BOOK));
    world.wait(2_000);
    assert_eq!(world.toys[0].vector(BOOK), world.toys[1].vector(BOOK));
}

#[test]
fn what_one_peer_sends_goes_on_to_the_others_and_not_back() {
    let mut world = World::new(3);
    world.connect(0, 1);
    world.connect(1, 2);
    world.settle();
    world.edit(0, BOOK, &text(1), false);
    world.settle();
    world.sent.clear();
    world.edit(0, BOOK, &text(2), false);
    world.settle();
    assert_eq!(world.toys[2].vector(BOOK), world.toys[0].vector(BOOK));
    let changes = world
        .sent
        .iter()
        .filter(|(.., frame)| matches!(frame, Frame::Changes(_)));
    assert_eq!(changes.map(|(from, ..)| *from).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn two_large_collections_take_turns() {
    let mut world = World::new(2);
    for i in 0..200 {
        world.edit(0, BOOK, &text(i), false);
        world.edit(0, CALENDAR, &text(1000 + i), false);
    }
    world.connect(0, 1);
    let mut lead: i64 = 0;
    for _ in 0..400 {
        world.deliver((0, 1), 0);
        world.deliver((0, 1), 1);
        let has = |c| world.toys[1].logs.get(&c).map_or(0, Vec::len) as i64;
        if has(BOOK).max(has(CALENDAR)) < 200 {
            lead = lead.max((has(BOOK) - has(CALENDAR)).abs());
        }
    }
    assert!(lead > 0 && lead <= 40, "{lead}");
    assert_eq!(
        world.toys[1].vector(CALENDAR),
        world.toys[0].vector(CALENDAR)
    );
}

#[test]
fn the_collection_of_the_mesh_comes_first() {
    let mut world = World::new(2);
    for i in 0..100 {
        world.edit(0, BOOK, &text(i), false);
        world.edit(0, CollectionId::MESH, &text(1000 + i), false);
    }
    world.connect(0, 1);
    while world.toys[1]
        .logs
        .get(&CollectionId::MESH)
        .map_or(0, Vec::len)
        < 100
    {
        assert_eq!(world.toys[1].logs.get(&BOOK).map_or(0, Vec::len), 0);
        world.deliver((0, 1), 0);
        world.deliver((0, 1), 1);
    }
    world.settle();
    assert_eq!(world.toys[1].vector(BOOK), world.toys[0].vector(BOOK));
}

#[test]
fn a_change_that_can_not_be_applied_is_not_asked_for_again_and_again() {
    let mut world = pair();
    world.edit(0, BOOK, b"poison", false);
    world.edit(0, CALENDAR, &text(1), false);
    world.settle();
    for _ in 0..100 {
        world.wait(20_000);
    }
    let changes = world
        .sent
        .iter()
        .filter(|(.., frame)| matches!(frame, Frame::Changes(_)));
    assert_eq!(changes.count(), 2);
    assert_eq!(
        world.toys[1].vector(CALENDAR),
        world.toys[0].vector(CALENDAR)
    );
    assert_eq!(world.links[&(0, 1)].closed, [None, None]);
}

#[test]
fn two_histories_of_one_device_become_one_and_nothing_of_either_is_lost() {
    let mut world = World::new(3);
    for n in 0..40 {
        world.edit(0, BOOK, &text(n), false);
    }
    world.toys[0].back_up();
    world.edit(0, BOOK, b"before", false);
    world.connect(0, 1);
    world.settle();
    world.set_back(0);
    // it goes on as if nothing had happened, and names other changes with the same numbers
    world.edit(0, BOOK, b"after", false);
    world.edit(0, CALENDAR, b"fine", false);
    world.connect(0, 1);
    world.connect(1, 2);
    world.settle();
    for _ in 0..20 {
        world.wait(2_000);
    }
    let whole = world.toys[0].vector(BOOK);
    assert_eq!(whole.retired().count(), 1);
    assert_eq!(whole.retired().next().unwrap().1, 40);
    for device in 0..3_u8 {
        let toy = &world.toys[usize::from(device)];
        assert_eq!(toy.vector(BOOK), whole);
        for change in [b"before", &b"after"[..]] {
            let mut log = toy.logs[&BOOK].iter();
            assert!(log.any(|(e, _)| e.bytes.ends_with(change)), "{device}");
        }
        assert_eq!(toy.vector(CALENDAR), world.toys[0].vector(CALENDAR));
    }
    assert_ne!(world.toys[0].incarnation, 0, "it has a new life");
    assert_eq!(world.forks, []);
    assert!(world.sent.len() < 80, "{}", world.sent.len());
}

#[test]
fn a_peer_that_never_finds_where_histories_part_is_left_alone() {
    let mut world = World::new(2);
    world.edit(0, BOOK, b"one", false);
    world.connect(0, 1);
    world.settle();
    let origin = world.toys[0].origin();
    let points: Vec<Reached> = (1..4)
        .map(|n| Reached {
            n,
            chain: Chain([9; 8]),
        })
        .collect();
    for _ in 0..100 {
        let trace = Frame::Trace {
            collection: BOOK,
            origin: Origin {
                incarnation: 7,
                ..origin
            },
            points: points.clone(),
        };
        world.feed((0, 1), 1, Input::Received(trace));
    }
    assert_eq!(world.forks, [(1, BOOK)]);
}

fn session(device: u8, peer: u8, statements: &[Statement]) -> (Session, Vec<Output>) {
    let me = Identity {
        device: id(device),
        incarnation: 0,
        seed: 1,
    };
    let mut session = Session::new(me, id(peer));
    let membership = statements.to_vec();
    let started = Input::Started {
        collections: Vec::new(),
        membership,
    };
    let out = session.handle(Timestamp(0), started);
    (session, out)
}

#[test]
fn a_peer_that_never_says_hello_is_closed_after_a_minute() {
    let (mut session, _) = session(0, 1, &[]);
    assert_eq!(session.handle(Timestamp(59_999), Input::Tick), []);
    let out = session.handle(Timestamp(60_000), Input::Tick);
    assert_eq!(out.last(), Some(&Output::Close(CloseReason::Silent)));
    assert_eq!(session.handle(Timestamp(60_001), Input::Tick), []);
}

#[test]
fn a_quiet_peer_that_owes_nothing_is_left_alone() {
    let mut world = pair();
    let now = world.now.0;
    for _ in 0..100 {
        world.now.0 += 10_000;
        world.feed((0, 1), 0, Input::Tick);
    }
    assert!(world.now.0 > now + 900_000);
    assert_eq!(world.links[&(0, 1)].closed, [None, None]);
}

#[test]
fn a_clock_that_is_set_back_puts_nothing_off() {
    let mut world = pair();
    world.wait(2_000_000);
    world.edit(0, BOOK, &text(1), false);
    world.lose((0, 1), 1);
    world.now.0 -= 1_000_000;
    world.wait(1_000);
    world.wait(3_000);
    assert_eq!(world.toys[1].vector(BOOK), world.toys[0].vector(BOOK));
}

#[test]
fn an_empty_collection_of_one_side_alone_is_in_sync_and_nobody_waits_for_it() {
    let mut world = World::new(2);
    let empty = COLLECTIONS[2];
    world.toys[0].vectors.insert(empty, VersionVector::new());
    world.connect(0, 1);
    world.settle();
    assert_eq!(world.links[&(0, 1)].in_sync[0].get(&empty), Some(&true));
    world.wait(70_000);
    assert_eq!(world.links[&(0, 1)].closed, [None, None]);
}

#[test]
fn statements_travel_before_data_and_a_removed_device_is_out() {
    let mut world = World::new(2);
    let removal = Statement::sign(
        &key(0),
        id(1),
        Action::Remove,
        &newest(&world.toys[0].statements),
        Timestamp(2),
    );
    world.toys[0].statements.push(removal.unwrap());
    world.edit(0, BOOK, b"secret", false);
    world.connect(0, 1);
    world.settle();
    let reasons = &world.links[&(0, 1)].closed;
    assert!(
        reasons.contains(&Some(CloseReason::PeerRemoved)),
        "{reasons:?}"
    );
    assert!(world.toys[1].logs.is_empty());
}

#[test]
fn a_removal_during_a_session_ends_it() {
    let mut world = pair();
    let known = newest(&world.toys[0].statements);
    let removal = Statement::sign(&key(0), id(1), Action::Remove, &known, Timestamp(2)).unwrap();
    world.feed((0, 1), 0, Input::Membership(vec![removal]));
    assert_eq!(
        world.links[&(0, 1)].closed[0],
        Some(CloseReason::PeerRemoved)
    );
    world.settle();
    assert!(world.links[&(0, 1)].closed[1].is_some());
}

#[test]
fn a_stranger_is_refused() {
    let (mut one, _) = session(0, 1, &[]);
    let (_, hello) = session(1, 0, &[]);
    let [Output::Send(frame)] = &hello[..] else {
        panic!("{hello:?}")
    };
    let out = one.handle(Timestamp(1), Input::Received(frame.clone()));
    assert_eq!(out.last(), Some(&Output::Close(CloseReason::NotAMember)));
}

#[test]
fn data_before_hello_and_bytes_that_are_no_frame_end_a_session_with_a_reason() {
    let (mut one, _) = session(0, 1, &[]);
    let out = one.handle(Timestamp(1), Input::Received(Frame::Beacon(Vec::new())));
    assert!(matches!(
        out.last(),
        Some(Output::Close(CloseReason::Protocol(_)))
    ));
    let (mut two, _) = session(0, 1, &[]);
    let out = two.handle_bytes(Timestamp(1), b"\xff\xff\xff");
    assert!(matches!(
        &out[..],
        [
            Output::Send(Frame::Close { .. }),
            Output::Close(CloseReason::Codec(_))
        ]
    ));
}

#[test]
fn where_members_listen_is_told_once_and_never_back() {
    let mut world = World::new(2);
    world.connect(0, 1);
    let (one, other) = (vec![1; 90], vec![2; 90]);
    world.feed((0, 1), 0, Input::Addresses(vec![one.clone()]));
    world.settle();
    assert_eq!(world.addresses.get(&1), Some(&vec![one.clone()]));
    world.sent.clear();
    world.feed(
        (0, 1),
        1,
        Input::Addresses(vec![one.clone(), other.clone()]),
    );
    world.feed((0, 1), 0, Input::Addresses(vec![one]));
    world.settle();
    assert_eq!(world.addresses.get(&0), Some(&vec![other]));
    let told = world
        .sent
        .iter()
        .filter(|(.., frame)| matches!(frame, Frame::Addresses(_)));
    assert_eq!(told.count(), 1);
}
