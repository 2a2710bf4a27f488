//! Whatever is edited, cut and lost: in the end all hold the same.

use proptest::prelude::*;

use super::world::{COLLECTIONS, World};
use crate::id::CollectionId;
use crate::sync::message::Frame;
use crate::sync::session::send::ON_THE_WAY;

#[derive(Clone, Debug)]
enum Happening {
    Edit {
        device: u8,
        collection: usize,
        builds: bool,
    },
    Connect {
        one: u8,
        two: u8,
    },
    Cut {
        one: u8,
        two: u8,
    },
    Lose {
        link: usize,
        end: usize,
    },
    Deliver {
        link: usize,
        end: usize,
        frames: usize,
    },
    Wait {
        milliseconds: u64,
    },
    BackUp {
        device: u8,
    },
    SetBack {
        device: u8,
    },
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => (0..4_u8, 0..3_usize, any::<bool>())
            .prop_map(|(device, collection, builds)| Happening::Edit { device, collection, builds }),
        3 => (0..4_u8, 0..4_u8).prop_map(|(one, two)| Happening::Connect { one, two }),
        2 => (0..4_u8, 0..4_u8).prop_map(|(one, two)| Happening::Cut { one, two }),
        2 => (0..6_usize, 0..2_usize).prop_map(|(link, end)| Happening::Lose { link, end }),
        8 => (0..6_usize, 0..2_usize, 1..8_usize)
            .prop_map(|(link, end, frames)| Happening::Deliver { link, end, frames }),
        2 => (1..20_000_u64).prop_map(|milliseconds| Happening::Wait { milliseconds }),
        1 => (0..4_u8).prop_map(|device| Happening::BackUp { device }),
        1 => (0..4_u8).prop_map(|device| Happening::SetBack { device }),
    ]
}

fn happen(world: &mut World, devices: u8, count: &mut u32, what: &Happening) {
    let link = |world: &World, link: usize| {
        let links: Vec<_> = world.links.keys().copied().collect();
        links.get(link % links.len().max(1)).copied()
    };
    match *what {
        Happening::Edit {
            device,
            collection,
            builds,
        } => {
            *count += 1;
            let text = [
                &count.to_le_bytes()[..],
                &vec![b'x'; (*count as usize * 37) % 900],
            ]
            .concat();
            world.edit(device % devices, COLLECTIONS[collection], &text, builds);
        }
        Happening::Connect { one, two } => {
            let (one, two) = (one % devices, two % devices);
            let known = world.links.contains_key(&(one.min(two), one.max(two)));
            if one != two && !known {
                world.connect(one, two);
            }
        }
        Happening::Cut { one, two } => world.cut(one % devices, two % devices),
        Happening::Lose { link: which, end } => {
            if let Some(id) = link(world, which) {
                world.lose(id, end);
            }
        }
        Happening::Deliver {
            link: which,
            end,
            frames,
        } => {
            if let Some(id) = link(world, which) {
                (0..frames).for_each(|_| {
                    world.deliver(id, end);
                });
            }
        }
        Happening::BackUp { device } => world.toys[usize::from(device % devices)].back_up(),
        Happening::SetBack { device } => world.set_back(device % devices),
        Happening::Wait { milliseconds } => {
            world.now.0 += milliseconds;
            let ids: Vec<_> = world.links.keys().copied().collect();
            for id in ids {
                world.feed(id, 0, crate::sync::Input::Tick);
                world.feed(id, 1, crate::sync::Input::Tick);
            }
        }
    }
}

/// What a device holds, without the order it came in.
fn holds(
    world: &World,
    device: u8,
    collection: CollectionId,
) -> Vec<(crate::Origin, u64, Vec<u8>)> {
    let log = world.toys[usize::from(device)].logs.get(&collection);
    let mut all: Vec<_> = log
        .into_iter()
        .flatten()
        .map(|(e, _)| (e.origin, e.n, e.bytes.clone()))
        .collect();
    all.sort();
    all
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn all_devices_hold_the_same_in_the_end(
        devices in 2..=4_u8,
        line in any::<bool>(),
        happenings in prop::collection::vec(happening(), 0..120),
    ) {
        let (mut world, mut count) = (World::new(devices), 0);
        // Links that were there when frames were lost stay up: a loss alone must heal.
        for what in &happenings {
            happen(&mut world, devices, &mut count, what);
        }
        let mut made = std::collections::BTreeSet::new();
        for (collection, device) in COLLECTIONS.iter().flat_map(|c| (0..devices).map(move |d| (*c, d))) {
            made.extend(holds(&world, device, collection).into_iter().map(|(.., bytes)| (collection, bytes)));
        }
        for (one, two) in (0..devices).flat_map(|a| (a + 1..devices).map(move |b| (a, b))) {
            let known = world.links.contains_key(&(one, two));
            if !known && (!line || two == one + 1) {
                world.connect(one, two);
            }
        }
        world.settle();
        for _ in 0..40 {
            world.wait(20_000);
            world.reconnect();
        }
        for collection in COLLECTIONS {
            let expected = holds(&world, 0, collection);
            for device in 0..devices {
                prop_assert_eq!(&holds(&world, device, collection), &expected);
                let toy = &world.toys[usize::from(device)];
                prop_assert_eq!(toy.vector(collection), world.toys[0].vector(collection));
            }
        }
        let kept: std::collections::BTreeSet<_> = COLLECTIONS
            .iter()
            .flat_map(|c| holds(&world, 0, *c).into_iter().map(|(.., bytes)| (*c, bytes)))
            .collect();
        prop_assert!(kept == made, "what somebody had is what everybody has");
        for link in world.links.values() {
            for end in &link.in_sync {
                prop_assert!(end.values().all(|in_sync| *in_sync), "{:?}", link.in_sync);
            }
        }
        let quiet = world.sent.len();
        world.wait(1_000);
        world.wait(1_000);
        prop_assert!(world.sent.len() <= quiet + 2 * world.links.len());
    }
}

#[test]
fn changes_wait_until_those_before_are_stored() {
    let mut world = World::new(2);
    for number in 0..300_u32 {
        let text: Vec<u8> = (0..16_u32)
            .flat_map(|part| *blake3::hash(&(number << 8 | part).to_le_bytes()).as_bytes())
            .collect();
        world.edit(0, COLLECTIONS[1], &text, false);
    }
    world.connect(0, 1);
    let sent = |world: &World| -> usize {
        let changes = |it: &&(u8, usize, Frame)| matches!(it.2, Frame::Changes(_));
        world.sent.iter().filter(changes).map(|it| it.1).sum()
    };
    while sent(&world) == 0 {
        world.deliver((0, 1), 0);
        world.deliver((0, 1), 1);
    }
    // all arrives, and nothing that the other says
    for _ in 0..1_000 {
        world.deliver((0, 1), 1);
    }
    let on_the_way = sent(&world);
    assert!(
        (ON_THE_WAY..ON_THE_WAY + 4_096).contains(&on_the_way),
        "{on_the_way}"
    );
    world.settle();
    assert!(sent(&world) > 2 * ON_THE_WAY);
    assert_eq!(
        world.toys[1].vector(COLLECTIONS[1]),
        world.toys[0].vector(COLLECTIONS[1])
    );
}

#[test]
fn what_came_between_two_hellos_and_made_both_the_same_is_said() {
    let book = COLLECTIONS[1];
    let mut world = World::new(3);
    world.edit(0, book, &[1; 60], false);
    world.connect(0, 2);
    world.settle();
    world.connect(1, 2);
    world.connect(0, 1);
    // device 1 hears it from device 2 when its own Hello to device 0 is out
    while world.deliver((1, 2), 0) | world.deliver((1, 2), 1) {}
    assert_eq!(world.toys[1].vector(book), world.toys[0].vector(book));
    world.settle();
    for link in world.links.values() {
        let says = link.in_sync.iter().map(|end| end.get(&book));
        assert!(says.into_iter().all(|says| says == Some(&true)));
    }
}

#[test]
fn a_device_that_got_from_another_what_its_peer_has_told_of_says_so() {
    let book = COLLECTIONS[1];
    let mut world = World::new(3);
    for toy in &mut world.toys {
        toy.adds_up = true;
    }
    world.edit(0, book, &[1; 60], false);
    world.connect(0, 2);
    world.settle();
    world.cut(0, 2);
    world.sent.clear();
    world.connect(0, 1);
    let is_held = |world: &World| world.toys[1].vector(book) == world.toys[0].vector(book);
    let is_changes = |it: &(u8, usize, Frame)| matches!(it.2, Frame::Changes(_));
    while !world.sent.iter().any(is_changes) {
        assert!(world.deliver((0, 1), 1) | world.deliver((0, 1), 0));
    }
    assert!(!is_held(&world));
    world.connect(1, 2);
    while world.deliver((1, 2), 0) | world.deliver((1, 2), 1) {}
    assert!(is_held(&world));
    world.settle();
    let says = |world: &World, end: usize| world.links[&(0, 1)].in_sync[end].get(&book).copied();
    assert_eq!([says(&world, 0), says(&world, 1)], [Some(true); 2]);
}

#[test]
fn a_session_is_at_rest_once_both_hold_the_same_and_not_while_an_edit_is_on_its_way() {
    let mut world = World::new(2);
    world.edit(0, COLLECTIONS[1], b"before", false);
    world.connect(0, 1);
    let rest = |world: &World| {
        let sessions = &world.links[&(0, 1)].sessions;
        sessions.iter().filter(|one| one.is_at_rest()).count()
    };
    assert_eq!(rest(&world), 0);
    world.settle();
    world.wait(3_000);
    assert_eq!(rest(&world), 2);
    world.edit(0, COLLECTIONS[1], b"now", false);
    assert_eq!(rest(&world), 1, "it waits for the Ack");
    world.lose((0, 1), 1);
    world.settle();
    assert_eq!(rest(&world), 1, "the other knows of nothing");
    world.wait(2_000);
    world.wait(3_000);
    assert_eq!(rest(&world), 2);
}
