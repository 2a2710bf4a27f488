//! Years of use: what the edits of a heavy user leave for ever, and what they cost from then on.

use std::collections::HashMap;
use std::path::Path;
use std::time::Instant;

use pimesh_crdt::Timestamp;
use pimesh_crdt::store::{Store, Tidying};

use super::bounds::{self, size};
use super::data::{self, Size};
use super::link::{Link, NOW, Wire, device, prepare};
use super::measure::timed;
use super::rng::Rng;
use super::table::Line;
use super::work::{self, Place};

/// Edits a day. Those of one day are one transaction.
const A_DAY: usize = 20;
const DAYS: usize = 365;
/// A day in milliseconds.
const DAY: u64 = 86_400_000;
/// Items that are read one after the other.
const READ: usize = 20_000;
/// Times that the most edited item is read.
const AGAIN: usize = 50;

const MIB: f64 = 1024.0 * 1024.0;

/// Runs so many years in a folder that is gone afterwards.
pub(crate) fn run(wanted: Size, seed: u64, years: usize) -> Vec<Line> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let folder = folder.path();
    let data = data::generate(wanted, seed);
    let bounds = bounds::measure(&data, folder);
    let path = folder.join("a.db");
    let mut store = Store::open(&path, device(0)).expect("a store");
    prepare(&mut store);
    work::import(&mut store, &data);
    let places: Vec<Place> = data.iter().map(|it| (it.collection, it.doc)).collect();
    drop(data);
    store.compact().expect("a tight file");
    let before = size(&path);
    let mut lines = Vec::new();
    let edited = edits(&mut store, &places, seed, years, &mut lines);
    let loose = size(&path);
    let (longest, anew) = tidied(&mut store);
    let tidy = size(&path);
    store.compact().expect("a tight file");
    let (after, count) = (size(&path), (years * DAYS * A_DAY) as f64);
    let each = |file: u64| file.saturating_sub(before) as f64 / count;
    lines.push(Line::at_most(
        "history, bytes an edit, compacted",
        each(after),
        "B",
        80.0,
    ));
    lines.push(Line::just(
        "history, bytes an edit, as it grew",
        each(loose),
        "B",
    ));
    lines.push(Line::just(
        "history, bytes an edit, as the node tidied it",
        each(tidy),
        "B",
    ));
    lines.push(Line::just("longest step of tidying, wall", longest, "ms"));
    lines.push(Line::just("the file written anew, wall", anew, "ms"));
    lines.push(Line::just(
        "disk, without photos",
        after as f64 / MIB,
        "MiB",
    ));
    let hot = *edited
        .iter()
        .max_by_key(|(place, times)| (**times, **place))
        .expect("an edit")
        .0;
    lines.push(Line::just(
        "edits of the most edited item",
        edited[&hot] as f64,
        "",
    ));
    for (what, least, most) in [
        ("items never edited", 0, 0),
        ("items edited once to three times", 1, 3),
        ("items edited more often", 4, usize::MAX),
    ] {
        let times = |place: &Place| edited.get(place).copied().unwrap_or(0);
        let fits = |place: &&Place| (least..=most).contains(&times(place));
        let items = places.iter().filter(fits).count();
        lines.push(Line::just(what, items as f64, ""));
    }
    reading(&store, &places, hot, seed, &mut lines);
    drop(store);
    first_sync(folder, &bounds, &mut lines);
    lines
}

/// Tidies up as an idle node does; gives how long the longest step took, and what can be given
/// up as soon as somebody asks, in milliseconds.
fn tidied(store: &mut Store) -> (f64, f64) {
    let (mut at, mut longest) = (Some(Tidying::default()), 0.0_f64);
    let since = |begun: Instant| begun.elapsed().as_secs_f64() * 1000.0;
    while let Some(from) = at {
        let begun = Instant::now();
        at = store.tidy(from).expect("a step");
        longest = longest.max(since(begun));
    }
    assert!(store.is_worth_tightening().expect("a look"));
    let begun = Instant::now();
    assert!(store.tighten().expect("a tight file"), "it was interrupted");
    (longest, since(begun))
}

/// The edits, day by day: the item of rank r is edited as often as 1/r says.
fn edits(
    store: &mut Store,
    places: &[Place],
    seed: u64,
    years: usize,
    lines: &mut Vec<Line>,
) -> HashMap<Place, usize> {
    let mut r = Rng::new(seed + 2);
    let mut ranked = places.to_vec();
    for last in (1..ranked.len()).rev() {
        ranked.swap(last, r.below(last + 1));
    }
    let mut edited: HashMap<Place, usize> = HashMap::new();
    let ((), cpu) = timed(|| {
        for day in 0..(years * DAYS) as u64 {
            let mut today: Vec<Place> = Vec::with_capacity(A_DAY);
            for _ in 0..A_DAY {
                let chance = r.below(1 << 32) as f64 / f64::from(u32::MAX);
                let rank = (ranked.len() as f64).powf(chance) as usize;
                let place = ranked[rank.clamp(1, ranked.len()) - 1];
                *edited.entry(place).or_default() += 1;
                today.push(place);
            }
            let now = Timestamp(NOW.0 + day * DAY + r.below(DAY as usize) as u64);
            work::edit_all(store, &today, &mut r, now);
        }
    });
    let each = cpu * 1000.0 / (years * DAYS * A_DAY) as f64;
    lines.push(Line::just("one edit, 20 in a transaction, CPU", each, "ms"));
    edited
}

fn reading(store: &Store, places: &[Place], hot: Place, seed: u64, lines: &mut Vec<Line>) {
    let mut r = Rng::new(seed + 3);
    let chosen: Vec<Place> = (0..READ).map(|_| *r.pick(places)).collect();
    let (length, cpu) = timed(|| {
        chosen
            .iter()
            .map(|place| work::read(store, *place))
            .sum::<usize>()
    });
    assert!(length > READ, "nothing was rendered");
    let each = cpu * 1_000_000.0 / READ as f64;
    lines.push(Line::at_most(
        "read and render one item, CPU",
        each,
        "µs",
        100.0,
    ));
    let (length, cpu) = timed(|| (0..AGAIN).map(|_| work::read(store, hot)).sum::<usize>());
    assert!(length > AGAIN, "nothing was rendered");
    let each = cpu * 1000.0 / AGAIN as f64;
    lines.push(Line::just(
        "read and render the most edited item, CPU",
        each,
        "ms",
    ));
}

/// A new device gets all of it.
fn first_sync(folder: &Path, bounds: &bounds::Bounds, lines: &mut Vec<Line>) {
    let from = Store::open(&folder.join("a.db"), device(0)).expect("a store");
    let mut to = Store::open(&folder.join("b.db"), device(1)).expect("a store");
    prepare(&mut to);
    let mut link = Link::connect([from, to], Wire::Short);
    let ((), cpu) = timed(|| link.settle());
    assert!(link.is_equal(), "the first sync did not end");
    let bound = (
        bounds.packed_bytes as f64 / MIB,
        "zstd of the texts before all edits",
    );
    let bytes = link.bytes as f64 / MIB;
    lines.push(Line::against(
        "first sync, bytes both ways",
        bytes,
        "MiB",
        bound,
        3.0,
    ));
    lines.push(Line::just("first sync, CPU of both sides", cpu, "s"));
}
