//! The phases in order. Each gives its lines of the table.

use std::path::Path;
use std::time::Instant;

use pimesh_crdt::store::Store;

use super::bounds::{self, Bounds, size};
use super::data::{self, Datum, Size};
use super::history;
use super::link::{Link, Wire, device, prepare};
use super::measure::timed;
use super::memory;
use super::rng::Rng;
use super::table::Line;
use super::work::{self, Place};

/// Edits that are measured one by one.
const EDITS: usize = 2_000;
/// Edits whose way to the other device is timed.
const TIMED: usize = 500;
/// Times that the devices are apart, and edits of each meanwhile.
const APART: (usize, usize) = (20, 100);
/// Items read and rendered.
const READ: usize = 20_000;

const MIB: f64 = 1024.0 * 1024.0;

/// Runs everything in a folder that is gone afterwards.
pub(crate) fn run(wanted: Size, seed: u64) -> Vec<Line> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let folder = folder.path();
    let mut lines = Vec::new();
    let begun = Instant::now();
    let data = data::generate(wanted, seed);
    lines.push(Line::just(
        "generate and parse, wall",
        begun.elapsed().as_secs_f64(),
        "s",
    ));
    let bounds = bounds::measure(&data, folder);
    lines.push(Line::just(
        "the texts",
        bounds.text_bytes as f64 / MIB,
        "MiB",
    ));

    import(&data, &bounds, folder, &mut lines);
    let places: Vec<Place> = data
        .iter()
        .map(|datum| (datum.collection, datum.doc))
        .collect();
    let mut r = Rng::new(seed + 1);
    let mut link = first_sync(&bounds, folder, &mut lines);
    photos(&mut link, &data, folder, &mut lines);
    drop(data);
    memory_of(folder, &mut lines);
    edits(&mut link, &places, &mut r, &mut lines);
    visible(&mut link, &places, &mut r, &mut lines);
    let stores = reconnect(link.cut(), &mut lines);
    let [mut store, other] = apart(stores, &places, &mut r, &mut lines);
    drop(other);
    reading(&store, &places, &mut r, &mut lines);
    history::measure(&mut store, folder, &places, &mut r, &mut lines);
    lines
}

/// What can be compared between sizes.
pub(crate) fn core(wanted: Size, seed: u64) -> Vec<Line> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let folder = folder.path();
    let mut lines = Vec::new();
    let data = data::generate(wanted, seed);
    let bounds = bounds::measure(&data, folder);
    import(&data, &bounds, folder, &mut lines);
    let places: Vec<Place> = data.iter().map(|it| (it.collection, it.doc)).collect();
    drop(data);
    let mut r = Rng::new(seed + 1);
    let mut link = first_sync(&bounds, folder, &mut lines);
    edits(&mut link, &places, &mut r, &mut lines);
    let stores = reconnect(link.cut(), &mut lines);
    let [store, other] = apart(stores, &places, &mut r, &mut lines);
    drop(other);
    reading(&store, &places, &mut r, &mut lines);
    lines
}

/// Only what a first sync needs, and the first sync so often.
pub(crate) fn sync_only(wanted: Size, seed: u64, times: usize) -> Vec<Line> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let folder = folder.path();
    let data = data::generate(wanted, seed);
    let mut lines = Vec::new();
    let bounds = bounds::measure(&data, folder);
    import(&data, &bounds, folder, &mut lines);
    drop(data);
    for _ in 0..times {
        drop(first_sync(&bounds, folder, &mut lines));
        std::fs::remove_file(folder.join("b.db")).expect("the other device");
    }
    lines
}

fn open(folder: &Path, name: &str, number: u8) -> Store {
    Store::open(&folder.join(name), device(number)).expect("a store")
}

fn import(data: &[Datum], bounds: &Bounds, folder: &Path, lines: &mut Vec<Line>) {
    let mut store = open(folder, "a.db", 0);
    prepare(&mut store);
    let begun = Instant::now();
    let ((), cpu) = timed(|| work::import(&mut store, data));
    lines.push(Line::just(
        "import, wall",
        begun.elapsed().as_secs_f64(),
        "s",
    ));
    drop(store);
    lines.push(Line::against(
        "import CPU without parsing",
        cpu,
        "s",
        (
            bounds.insert + bounds.pack_rows,
            "SQLite insert + zstd of the same rows, each by itself",
        ),
        2.5,
    ));
    lines.push(Line::against(
        "disk, without photos",
        size(&folder.join("a.db")) as f64 / MIB,
        "MiB",
        (
            bounds.table_bytes as f64 / MIB,
            "one SQLite table (id, text), no index, in document-id order",
        ),
        0.65,
    ));
}

/// An empty device gets everything but the photos.
fn first_sync(bounds: &Bounds, folder: &Path, lines: &mut Vec<Line>) -> Link {
    let (from, mut to) = (open(folder, "a.db", 0), open(folder, "b.db", 1));
    prepare(&mut to);
    let mut link = Link::connect([from, to], Wire::Short);
    // What was sent before the recording began is the greeting, still on the wire.
    link.ends[0].recording = Some(link.ends[1].waiting.iter().cloned().collect());
    let begun = Instant::now();
    let ((), cpu) = timed(|| link.settle());
    lines.push(Line::just(
        "first sync, wall",
        begun.elapsed().as_secs_f64(),
        "s",
    ));
    assert!(link.is_equal(), "the first sync did not end");
    let frames = link.ends[0].recording.take().unwrap_or_default();
    memory::write_frames(&frames, &folder.join("frames"));
    lines.push(Line::against(
        "first sync, bytes both ways, without photos",
        link.bytes as f64 / MIB,
        "MiB",
        (
            bounds.packed_bytes as f64 / MIB,
            "zstd of the texts as one, in document-id order",
        ),
        1.8,
    ));
    lines.push(Line::against(
        "first sync, CPU of both sides",
        cpu,
        "s",
        (
            bounds.pack + bounds.unpack + bounds.insert,
            "zstd + unzstd of the texts as one + SQLite insert",
        ),
        2.0,
    ));
    link
}

fn photos(link: &mut Link, data: &[Datum], folder: &Path, lines: &mut Vec<Line>) {
    // Copies are packed tight and have no log beside them.
    let copied = |link: &Link, name: &str| {
        let copy = folder.join(name);
        link.ends[0].store.copy_to(&copy).expect("a copy");
        size(&copy)
    };
    let before = copied(link, "without.db");
    let bytes = work::import_photos(&mut link.ends[0].store, data) as f64;
    link.bytes = 0;
    loop {
        let wants = link.ends[1].want_blobs();
        if wants.is_empty() {
            break;
        }
        link.send(1, wants);
        link.settle();
    }
    lines.push(Line::just("photos", bytes / MIB, "MiB"));
    lines.push(Line::just(
        "photos, first sync, bytes both ways",
        link.bytes as f64 / MIB,
        "MiB",
    ));
    let with = copied(link, "with.db").saturating_sub(before) as f64;
    lines.push(Line::just("photos, disk", with / MIB, "MiB"));
}

fn memory_of(folder: &Path, lines: &mut Vec<Line>) {
    for (what, child, must) in [
        ("resident memory, receiving", "receiving", 64.0),
        ("resident memory, idle store", "idle", 25.0),
    ] {
        let bytes = memory::measure(child, folder);
        lines.push(Line::at_most(what, bytes as f64 / MIB, "MiB", must));
    }
}

/// Edits on one device, each in a transaction and a frame of its own; then what they cost the
/// other one.
fn edits(link: &mut Link, places: &[Place], r: &mut Rng, lines: &mut Vec<Line>) {
    link.bytes = 0;
    link.ends[0].wire = Wire::Long;
    let frames = link.frames;
    let chosen: Vec<Place> = (0..EDITS).map(|_| *r.pick(places)).collect();
    let ((), cpu) = timed(|| {
        for place in &chosen {
            let committed = work::edit(&mut link.ends[0].store, *place, r);
            let frames = link.ends[0].committed(&committed);
            link.send(0, frames);
        }
    });
    let (bytes, frames) = (link.bytes as f64, (link.frames - frames) as f64);
    let ((), other) = timed(|| link.settle());
    assert!(link.is_equal(), "the edits did not arrive");
    let each = 1000.0 / EDITS as f64;
    lines.push(Line::at_most(
        "one edit, CPU where it is made",
        cpu * each,
        "ms",
        0.3,
    ));
    lines.push(Line::just(
        "one edit, CPU to receive, and of the Ack",
        other * each,
        "ms",
    ));
    lines.push(Line::at_most(
        "one edit, bytes with the length in front",
        bytes / frames,
        "B",
        160.0,
    ));
}

/// From a person's edit to its row on the other device, without a network between.
fn visible(link: &mut Link, places: &[Place], r: &mut Rng, lines: &mut Vec<Line>) {
    let mut times: Vec<f64> = (0..TIMED)
        .map(|_| {
            let place = *r.pick(places);
            let before = link.ends[1].store.item(place.0, place.1).expect("a row");
            let begun = Instant::now();
            let committed = work::edit(&mut link.ends[0].store, place, r);
            let frames = link.ends[0].committed(&committed);
            link.send(0, frames);
            while link.deliver(1) {}
            let after = link.ends[1].store.item(place.0, place.1).expect("a row");
            let time = begun.elapsed().as_secs_f64() * 1000.0;
            assert!(before != after, "the edit is not visible");
            link.settle();
            time
        })
        .collect();
    times.sort_by(f64::total_cmp);
    let p95 = times[times.len() * 95 / 100];
    lines.push(Line::just(
        "edit visible on the other device, median",
        times[times.len() / 2],
        "ms",
    ));
    lines.push(Line::at_most(
        "edit visible on the other device, p95",
        p95,
        "ms",
        20.0,
    ));
}

fn reconnect(stores: [Store; 2], lines: &mut Vec<Line>) -> [Store; 2] {
    let mut link = Link::connect(stores, Wire::Long);
    let mut halves = 0;
    while link.half_trip() {
        halves += 1;
    }
    assert!(link.is_equal(), "a reconnect changed something");
    lines.push(Line::at_most(
        "reconnect, nothing new, bytes",
        link.bytes as f64,
        "B",
        300.0,
    ));
    let trips = f64::from(halves) / 2.0;
    lines.push(Line::at_most(
        "reconnect, nothing new, round trips",
        trips,
        "",
        1.0,
    ));
    link.cut()
}

/// Both edit other items while apart, and meet again.
fn apart(
    mut stores: [Store; 2],
    places: &[Place],
    r: &mut Rng,
    lines: &mut Vec<Line>,
) -> [Store; 2] {
    let (mut cpu, mut bytes, mut halves) = (0.0, 0, 0);
    for _ in 0..APART.0 {
        for store in &mut stores {
            for _ in 0..APART.1 {
                work::edit(store, *r.pick(places), r);
            }
        }
        let ((link, needed), used) = timed(|| {
            let mut link = Link::connect(stores, Wire::Long);
            let (mut trips, mut needed) = (0, None);
            while link.half_trip() {
                trips += 1;
                if needed.is_none() && link.is_equal() {
                    needed = Some(trips);
                }
            }
            (link, needed)
        });
        cpu += used;
        bytes += link.bytes;
        halves = halves.max(needed.expect("the edits arrived"));
        stores = link.cut();
    }
    let times = APART.0 as f64;
    let each = bytes as f64 / times / 1000.0;
    lines.push(Line::at_most(
        "100 + 100 edits apart, bytes",
        each,
        "kB",
        20.0,
    ));
    let trips = f64::from(halves) / 2.0;
    lines.push(Line::at_most(
        "100 + 100 edits apart, round trips",
        trips,
        "",
        1.5,
    ));
    let each = cpu * 1000.0 / times;
    lines.push(Line::at_most(
        "100 + 100 edits apart, CPU of both sides",
        each,
        "ms",
        60.0,
    ));
    stores
}

fn reading(store: &Store, places: &[Place], r: &mut Rng, lines: &mut Vec<Line>) {
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
}
