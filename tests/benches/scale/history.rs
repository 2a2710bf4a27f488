//! What edits leave for ever, and what a long history costs.

use std::path::Path;
use std::time::Instant;

use pimesh_crdt::store::Store;

use super::bounds::size;
use super::data::{CALENDAR, CONTACTS};
use super::link::{NOW, device};
use super::measure::timed;
use super::rng::Rng;
use super::table::Line;
use super::work::{self, Place};

/// Items edited, and how often each: an item that somebody works on.
const MANY: (usize, usize) = (100, 20);
/// Likewise: what most items see.
const FEW: (usize, usize) = (1_000, 3);
/// Edits of one item.
const HOT: usize = 1_000;
/// Times that the item with all its edits is read.
const READ: usize = 50;

/// Edits items, packs the file tight before and after, and reads the most edited one.
pub(crate) fn measure(
    store: &mut Store,
    folder: &Path,
    places: &[Place],
    r: &mut Rng,
    lines: &mut Vec<Line>,
) {
    let path = folder.join("a.db");
    let each = grown(store, &path, &chosen(places, MANY.0), MANY.1, r);
    lines.push(Line::at_most(
        "history, bytes an edit, 20 edits an item",
        each,
        "B",
        80.0,
    ));
    let few: Vec<Place> = chosen(places, MANY.0 + FEW.0).split_off(MANY.0);
    let each = grown(store, &path, &few, FEW.1, r);
    lines.push(Line::just(
        "history, bytes an edit, 3 edits an item",
        each,
        "B",
    ));
    let hot = places[places.len() / 2];
    let each = grown(store, &path, &[hot], HOT, r);
    lines.push(Line::just(
        "history, bytes an edit, 1,000 edits of one item",
        each,
        "B",
    ));
    let cold = (0..READ).map(|_| {
        let fresh = Store::open(&path, device(0)).expect("a store");
        let begun = Instant::now();
        let document = fresh.document(hot.0, hot.1).expect("a document");
        assert!(document.changes().len() > HOT, "edits are missing");
        begun.elapsed().as_secs_f64()
    });
    lines.push(Line::just(
        "load an item of 1,000 edits, first time, wall",
        cold.sum::<f64>() * 1000.0 / READ as f64,
        "ms",
    ));
    let (changes, cpu) = timed(|| {
        (0..READ)
            .map(|_| store.document(hot.0, hot.1).expect("a document"))
            .map(|document| document.changes().len())
            .sum::<usize>()
    });
    assert!(changes > READ * HOT, "edits are missing");
    lines.push(Line::just(
        "load an item of 1,000 edits, again, CPU",
        cpu * 1000.0 / READ as f64,
        "ms",
    ));
    let ((), cpu) = timed(|| {
        for _ in 0..READ {
            drop(work::edit(store, hot, r));
        }
    });
    lines.push(Line::just(
        "edit an item of 1,000 edits, CPU",
        cpu * 1000.0 / READ as f64,
        "ms",
    ));
}

/// Half contacts, half events.
fn chosen(places: &[Place], count: usize) -> Vec<Place> {
    let of = |id| {
        places
            .iter()
            .filter(move |place| place.0 == id)
            .take(count / 2)
    };
    let (contacts, events) = (of(CONTACTS), of(CALENDAR));
    let both = contacts.zip(events).flat_map(|(a, b)| [*a, *b]);
    both.collect()
}

/// Bytes an edit, once each of these was edited so often.
fn grown(store: &mut Store, path: &Path, places: &[Place], times: usize, r: &mut Rng) -> f64 {
    store.compact().expect("a tight file");
    let before = size(path);
    for _ in 0..times {
        work::edit_all(store, places, r, NOW);
    }
    store.compact().expect("a tight file");
    let grown = size(path).saturating_sub(before) as f64;
    grown / (places.len() * times) as f64
}
