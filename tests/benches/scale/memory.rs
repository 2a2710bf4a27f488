//! Resident memory, each measured in a process of its own: this very program, started again.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::process::Command;

use pimesh_crdt::store::Store;

use super::link::{End, Wire, device, prepare};
use super::measure::resident;

/// The first argument of such a process.
pub(crate) const CHILD: &str = "--measure-memory-of";

/// The largest frame there is, so that a damaged file does not fill the memory.
const LARGEST: usize = 64 << 20;

/// Keeps the frames of a device for a child.
pub(crate) fn write_frames(frames: &[Vec<u8>], path: &Path) {
    let mut file = BufWriter::new(File::create(path).expect("a file"));
    for frame in frames {
        file.write_all(&(frame.len() as u64).to_le_bytes())
            .expect("a length");
        file.write_all(frame).expect("a frame");
    }
    file.flush().expect("a written file");
}

/// Starts a child for `what` in this folder; gives the bytes it says it had resident.
pub(crate) fn measure(what: &str, folder: &Path) -> u64 {
    let program = std::env::current_exe().expect("this program");
    let output = Command::new(program)
        .args([CHILD, what])
        .arg(folder)
        .output()
        .expect("a child");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim().parse().expect("a number of bytes")
}

/// What a child does: prints the bytes.
pub(crate) fn child(what: &str, folder: &Path) {
    let bytes = match what {
        "receiving" => receiving(folder),
        "idle" => idle(folder),
        other => panic!("no such measurement: {other}"),
    };
    println!("{bytes}");
}

/// The most that was resident while an empty device received everything.
fn receiving(folder: &Path) -> u64 {
    let mut store = Store::open(&folder.join("child.db"), device(1)).expect("a store");
    prepare(&mut store);
    let mut end = End::new(store, 1, Wire::Long);
    end.start();
    let mut file = BufReader::new(File::open(folder.join("frames")).expect("the frames"));
    let mut length = [0; 8];
    while file.read_exact(&mut length).is_ok() {
        let length = usize::try_from(u64::from_le_bytes(length)).expect("a length");
        assert!(length <= LARGEST, "a damaged file of frames");
        let mut frame = vec![0; length];
        file.read_exact(&mut frame).expect("a whole frame");
        end.hear(&frame);
    }
    resident().1
}

/// What is resident once a full store is open, the first screen was read, and nothing goes on.
fn idle(folder: &Path) -> u64 {
    use pimesh_crdt::store::{Filter, Order, Page};
    let store = Store::open(&folder.join("a.db"), device(0)).expect("a store");
    for collection in store.collections().expect("the collections") {
        store.version_vector(collection.id).expect("a vector");
    }
    let page = Page {
        offset: 0,
        limit: 50,
    };
    store
        .list(&Filter::default(), Order::Name, page)
        .expect("a list");
    resident().0
}
