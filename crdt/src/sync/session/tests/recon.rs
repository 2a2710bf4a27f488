//! Devices whose disks have lost documents: it is noticed, it comes back, and nobody can make
//! a comparison last for ever.

use super::world::*;
use crate::id::{CollectionId, DocId};
use crate::sync::message::{Bytes, Frame, Recon, Symbols};
use crate::sync::recon::{Key, Salt};
use crate::sync::session::HeldUp;
use crate::sync::{CloseReason, Documents, Entry, ForDocuments, Input, Outcome, VectorHash};

const ONE: CollectionId = COLLECTIONS[1];
const HOUR: u64 = 3_600_000;
const CLAIMED: DocId = DocId([9; 16]);

/// The number of the device that begins comparisons, and of the other one.
fn roles() -> (u8, u8) {
    if id(0) < id(1) { (0, 1) } else { (1, 0) }
}

/// Two devices that hold the same documents.
fn world(documents: u32) -> World {
    let mut world = World::new(2);
    for toy in &mut world.toys {
        toy.adds_up = true;
    }
    for i in 0..documents {
        world.edit((i % 2) as u8, ONE, &i.to_le_bytes(), false);
    }
    world.connect(0, 1);
    world.settle();
    world.wait(3_000);
    assert!(all_in_sync(&world));
    world.cut(0, 1);
    world.sent.clear();
    world.compared.clear();
    world
}

fn all_in_sync(world: &World) -> bool {
    world.links[&(0, 1)]
        .in_sync
        .iter()
        .all(|all| all.get(&ONE) == Some(&true))
}

/// A device loses every so many-th of its documents.
fn lose(world: &mut World, device: u8, each: usize) -> usize {
    let held = world.toys[usize::from(device)].held.get_mut(&ONE).unwrap();
    let lost: Vec<DocId> = held.iter().copied().step_by(each).collect();
    held.retain(|doc| !lost.contains(doc));
    lost.len()
}

/// A device claims a document that it can not send.
fn claim(world: &mut World, device: u8) {
    let held = world.toys[usize::from(device)].held.get_mut(&ONE);
    held.unwrap().insert(CLAIMED);
}

impl World {
    /// Reads states, and reads and stores documents that are sent anew.
    pub(super) fn recon(
        &mut self,
        link: (u8, u8),
        device: u8,
        collection: CollectionId,
        what: ForDocuments,
    ) -> Option<Input> {
        let toy = &mut self.toys[usize::from(device)];
        let answer = match what {
            ForDocuments::LoadStates => {
                let held = toy.held.get(&collection).into_iter().flatten();
                let keys = held.map(|doc| [doc.0, doc.0].concat().try_into().unwrap());
                Documents::States {
                    vector: toy.vector(collection),
                    names: toy.vector(collection).with_sum(None).hash(),
                    keys: keys.collect::<Vec<Key>>(),
                    salt: Salt([device; 16]),
                }
            }
            ForDocuments::Load { docs, .. } => {
                // three at a time
                let docs = &docs[..docs.len().min(3)];
                let held = &toy.held[&collection];
                let log = toy.logs[&collection].iter().map(|(entry, _)| entry);
                let wanted = log.filter(|it| docs.contains(&it.doc) && held.contains(&it.doc));
                let (origin, entries) = (toy.origin(), wanted.cloned());
                let anew = |(n, it): (u64, Entry)| Entry { origin, n, ..it };
                Documents::Loaded {
                    entries: (1..).zip(entries).map(anew).collect(),
                    docs: docs.len(),
                    skip: 0,
                }
            }
            ForDocuments::Store { entries } => {
                let held = toy.held.get_mut(&collection).unwrap();
                let changes = entries.iter().filter(|it| held.insert(it.doc)).count();
                let vector = toy.vector(collection);
                self.committed(device, collection, Some(link));
                Documents::Stored { vector, changes }
            }
            ForDocuments::Compared { outcome, .. } => {
                self.compared.push((device, outcome));
                return None;
            }
        };
        Some(Input::Documents(collection, answer))
    }
}

#[test]
fn what_either_device_has_lost_is_noticed_when_they_meet_and_comes_back() {
    for (one, two) in [(7, 0), (0, 7), (5, 3), (1, 0), (0, 1), (1, 2)] {
        let mut world = world(200);
        let mut lost = 0;
        for (device, each) in [(0, one), (1, two)] {
            if each > 0 {
                lost += lose(&mut world, device, each);
            }
        }
        world.connect(0, 1);
        world.settle();
        assert!(all_in_sync(&world), "{one} {two}");
        let [a, b] = [0, 1].map(|device: usize| world.toys[device].held[&ONE].clone());
        // what both have lost is lost
        assert!(a == b && a.len() + lost >= 200, "{one} {two}: {}", a.len());
        let same = |device| world.compared.contains(&(device, Outcome::Same));
        assert!(same(0) && same(1), "{:?}", world.compared);
        let bytes: usize = world.sent.iter().map(|(_, bytes, _)| bytes).sum();
        assert!(bytes < 60_000, "{bytes}");
    }
}

#[test]
fn nobody_says_in_sync_while_something_is_lost() {
    let mut world = world(50);
    lose(&mut world, 0, 10);
    lose(&mut world, 1, 7);
    world.connect(0, 1);
    for _ in 0..500 {
        let link = &world.links[&(0, 1)];
        let claims: Vec<usize> = (0..2)
            .filter(|end| link.in_sync[*end].get(&ONE) == Some(&true))
            .collect();
        let same = world.toys[0].held[&ONE] == world.toys[1].held[&ONE];
        assert!(claims.is_empty() || same, "{claims:?}");
        if !(world.deliver((0, 1), 0) | world.deliver((0, 1), 1)) {
            break;
        }
    }
    assert!(all_in_sync(&world));
}

#[test]
fn a_reconnect_with_nothing_lost_costs_no_byte_more_than_before() {
    let mut world = world(60);
    world.connect(0, 1);
    world.settle();
    assert!(all_in_sync(&world));
    assert_eq!(world.sent.len(), 2, "a Hello from both: {:?}", world.sent);
}

#[test]
fn documents_are_compared_one_by_one_once_a_day_and_in_each_new_life() {
    let mut world = world(100);
    world.connect(0, 1);
    world.settle();
    let same = |world: &World| {
        let same = |it: &&(u8, Outcome)| it.1 == Outcome::Same;
        world.compared.iter().filter(same).count()
    };
    for _ in 0..21 {
        world.wait(HOUR);
    }
    assert_eq!(same(&world), 0);
    world.sent.clear();
    for _ in 0..6 {
        world.wait(HOUR);
    }
    assert_eq!(same(&world), 2, "once, and both know");
    let of_it = |(_, bytes, frame): &(u8, usize, Frame)| match frame {
        Frame::Recon(_) => *bytes,
        _ => 0,
    };
    let bytes: usize = world.sent.iter().map(of_it).sum();
    assert!(bytes <= 300, "{bytes}");

    // the peer takes a new life
    world.cut(0, 1);
    let (mine, other) = roles();
    world.toys[usize::from(other)].incarnation += 1;
    world.connect(0, 1);
    let end = usize::from(mine == 1);
    let compared = Documents::LastCompared {
        at: world.now,
        incarnation: world.toys[usize::from(other)].incarnation - 1,
    };
    world.feed((0, 1), end, Input::Documents(ONE, compared));
    world.settle();
    assert_eq!(same(&world), 4);
}

#[test]
fn what_is_lost_while_the_sum_says_otherwise_is_found_by_the_daily_comparison() {
    let mut world = world(100);
    world.connect(0, 1);
    world.settle();
    // the sum is kept in memory, the sessions know the one of before
    let lost = lose(&mut world, 0, 30);
    world.wait(HOUR);
    assert_eq!(world.toys[0].held[&ONE].len(), 100 - lost);
    for _ in 0..27 {
        world.wait(HOUR);
    }
    assert_eq!(world.toys[0].held[&ONE].len(), 100);
    assert!(all_in_sync(&world));
}

#[test]
fn what_neither_can_give_is_told_and_not_asked_for_again_and_again() {
    let mut world = world(40);
    claim(&mut world, roles().1);
    world.connect(0, 1);
    world.settle();
    for _ in 0..20 {
        world.wait(60_000);
    }
    let still = world
        .compared
        .iter()
        .filter(|it| it.1 == Outcome::StillDiffers(1))
        .count();
    assert_eq!(still, 1, "{:?}", world.compared);
    assert!(!all_in_sync(&world));
    assert!(world.links[&(0, 1)].closed.iter().all(Option::is_none));
    let asked = world
        .sent
        .iter()
        .filter(|it| matches!(it.2, Frame::Recon(Recon::Ask { .. })))
        .count();
    assert!(asked < 12, "{asked}");
}

#[test]
fn what_is_lost_during_the_last_comparison_that_brings_nothing_is_looked_for_all_the_same() {
    let mut world = world(40);
    let (mine, other) = roles();
    let held = |world: &World, of: u8| world.toys[usize::from(of)].held[&ONE].clone();
    claim(&mut world, other);
    world.connect(0, 1);
    let begun = |world: &World| {
        let asks = |it: &&(u8, usize, Frame)| {
            matches!(it.2, Frame::Recon(Recon::Ask { from: 0, .. })) && it.0 == mine
        };
        world.sent.iter().filter(asks).count()
    };
    for _ in 0..1_000 {
        if begun(&world) == 2 {
            break;
        }
        if !(world.deliver((0, 1), 0) | world.deliver((0, 1), 1)) {
            world.wait(1_000);
        }
    }
    assert_eq!(begun(&world), 2);
    // the states of the second comparison are read already
    lose(&mut world, mine, 10);
    world.committed(mine, ONE, None);
    world.settle();
    for _ in 0..20 {
        world.wait(60_000);
    }
    let mut all = held(&world, other);
    assert!(all.remove(&CLAIMED) && held(&world, mine) == all);
    assert!(!all_in_sync(&world));
}

/// A session of the device that begins, whose peer is played by the test. The peer's documents
/// do not add up to ours.
fn begun() -> (World, (u8, u8), usize) {
    let mut world = world(20);
    let (mine, other) = roles();
    lose(&mut world, other, 5);
    world.connect(0, 1);
    let end = usize::from(mine == 1);
    // until it asks for symbols
    for _ in 0..100 {
        let asks = |it: &(u8, usize, Frame)| {
            it.0 == mine && matches!(it.2, Frame::Recon(Recon::Ask { .. }))
        };
        if world.sent.iter().any(asks) {
            break;
        }
        world.deliver((0, 1), 0);
        world.deliver((0, 1), 1);
    }
    (world, (0, 1), end)
}

fn names(world: &World) -> VectorHash {
    world.toys[0].vector(ONE).with_sum(None).hash()
}

fn junk(names: VectorHash, from: u32, count: u32) -> Frame {
    // sums of three keys never give one away: 32 bytes, 8 bytes, and 3 as zigzag
    let symbol = |n: u32| {
        let sum = blake3::hash(&n.to_le_bytes());
        [&sum.as_bytes()[..], &[7; 8], &[6]].concat()
    };
    Frame::Recon(Recon::Symbols(Symbols {
        collection: ONE,
        names,
        size: 1 << 40,
        salt: Salt([3; 16]),
        from,
        symbols: Bytes((from..from + count).flat_map(symbol).collect()),
    }))
}

#[test]
fn what_an_item_builds_on_is_wanted_in_each_collection_that_has_it_and_again_in_five_minutes() {
    let mut world = world(2);
    world.connect(0, 1);
    world.settle();
    let doc = DocId([4; 16]);
    let wants = |world: &mut World, id: CollectionId| {
        let session = &mut world.links.get_mut(&(0, 1)).unwrap().sessions[0];
        let mut out = Vec::new();
        for _ in 0..3 {
            session.missed(id, HeldUp::Gap, vec![doc], &mut out);
            session.missed(id, HeldUp::Gap, Vec::new(), &mut out);
        }
        out.len()
    };
    assert_eq!(wants(&mut world, ONE), 1);
    assert_eq!(wants(&mut world, ONE), 0);
    assert_eq!(wants(&mut world, COLLECTIONS[2]), 1);
    world.wait(400_000);
    assert_eq!(wants(&mut world, ONE), 1);
}

#[test]
fn a_peer_whose_symbols_never_end_is_cut_off_with_a_reason() {
    let (mut world, link, end) = begun();
    let names = names(&world);
    let (mut from, mut frames) = (0, 0);
    while world.links[&link].closed[end].is_none() {
        let last = world
            .sent
            .iter()
            .rev()
            .find_map(|(_, _, frame)| match frame {
                Frame::Recon(Recon::Ask { from, count, .. }) => Some((*from, *count)),
                _ => None,
            });
        let (asked, count) = last.unwrap();
        assert_eq!(asked, from, "it asks for the next ones");
        // a hostile peer gives as many as it may
        let frame = junk(names, from, count);
        from += count;
        frames += 1;
        assert!(frames < 200, "no end");
        world.feed(link, end, Input::Received(frame));
    }
    let reason = world.links[&link].closed[end].as_ref().unwrap();
    assert!(matches!(reason, CloseReason::Recon(_)), "{reason}");
    assert!(from <= 1 << 18, "{from}");
}

#[test]
fn symbols_that_nobody_asked_for_and_questions_without_end_close_a_session() {
    let (mut world, link, end) = begun();
    let names = names(&world);
    let early = junk(names, 4, 4);
    world.feed(link, end, Input::Received(early));
    assert!(
        world.links[&link].closed[end].is_some(),
        "not the next ones"
    );

    let mut world = self::world(20);
    world.connect(0, 1);
    world.settle();
    let end = 0;
    let mut asked = 0;
    while world.links[&link].closed[end].is_none() {
        asked += 1;
        assert!(asked < 200, "it never ends");
        let ask = Recon::Ask {
            collection: ONE,
            from: 0,
            count: 4,
        };
        world.feed(link, end, Input::Received(Frame::Recon(ask)));
        world.feed(link, end, Input::Sent);
    }
    let reason = world.links[&link].closed[end].as_ref().unwrap();
    assert!(reason.to_string().contains("without an end"), "{reason}");
}
