//! A device that joins several others with the same news.

use crate::seed::Chance;

use super::bring::{parse, text};
use super::build;
use super::mesh::World;
use super::write::COLLECTIONS;

/// Everything arrives, and time passes, until nothing moves.
fn settle(world: &mut World) {
    for _ in 0..40 {
        loop {
            let links: Vec<_> = world.links.keys().copied().collect();
            let mut moved = false;
            for link in links {
                for end in [0, 1] {
                    moved |= world.deliver(link, end).unwrap();
                }
            }
            if !moved {
                break;
            }
        }
        world.wait(1_000).unwrap();
    }
}

/// The bytes of all links while the last of `devices` joins `peers` others.
fn bytes_to_join(devices: usize, peers: usize) -> u64 {
    let mut world = build(devices, None).unwrap();
    let joins = devices - 1;
    for (one, two) in (0..joins).flat_map(|a| (a + 1..joins).map(move |b| (a, b))) {
        world.connect(one, two).unwrap();
    }
    let mut chance = Chance::of(1);
    let cards: Vec<_> = (0..400)
        .map(|n| {
            let note: Vec<String> = (0..30).map(|_| chance.number().to_string()).collect();
            let note = note.concat();
            let card = format!(
                "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:{n}\r\nFN:{n}\r\nNOTE:{note}\r\nEND:VCARD\r\n"
            );
            text(COLLECTIONS[0], &parse(&card).unwrap().item)
        })
        .collect();
    assert!(world.keep(0, cards, &[]).unwrap());
    settle(&mut world);
    let before = world.totals.bytes;
    for peer in 0..peers {
        world.connect(joins, peer).unwrap();
    }
    settle(&mut world);
    let said = |at: usize| world.devices[at].store.version_vector(COLLECTIONS[0]);
    assert_eq!(said(joins).unwrap(), said(0).unwrap());
    for peer in 0..peers {
        let link = &world.links[&(peer, joins)];
        let lags: Vec<_> = link.in_sync[1].iter().filter(|(_, is)| !**is).collect();
        assert_eq!(lags, [], "{peers} peers, {peer}");
    }
    world.totals.bytes - before
}

#[test]
fn who_joins_several_that_have_the_same_gets_it_from_one_of_them() {
    let (from_one, from_five) = (bytes_to_join(6, 1), bytes_to_join(6, 5));
    assert!(from_one > 100_000, "{from_one} bytes are too few to tell");
    assert!(
        from_five < from_one * 11 / 10,
        "{from_five} and {from_one} bytes"
    );
}
