//! Bytes that fuzzing found worth keeping, among them all that once did harm.

use std::io::Read;
use std::path::Path;

use pimesh_tests::hostile::TARGETS;

/// Inputs in fewer than so many bytes: an archive is read before it is believed.
const LARGEST_INPUT: u64 = 1 << 20;

fn kept(name: &str) -> Vec<(String, Vec<u8>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fuzz/kept/{name}.tar.zst"));
    let packed = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut archive = tar::Archive::new(zstd::Decoder::new(&packed[..]).unwrap());
    let entries = archive.entries().unwrap().map(Result::unwrap);
    entries
        .filter(|entry| entry.header().entry_type().is_file())
        .map(|entry| {
            let path = entry.path().unwrap().display().to_string();
            let mut bytes = Vec::new();
            entry.take(LARGEST_INPUT).read_to_end(&mut bytes).unwrap();
            (path, bytes)
        })
        .collect()
}

fn does_no_harm(name: &str) {
    let (_, target) = TARGETS.iter().find(|(known, _)| *known == name).unwrap();
    let inputs = kept(name);
    assert!(inputs.len() > 20, "{name}: {} inputs", inputs.len());
    for (path, bytes) in inputs {
        let done = std::panic::catch_unwind(|| target(&bytes));
        assert!(done.is_ok(), "{name}: {path} ({} bytes)", bytes.len());
    }
}

macro_rules! nothing_kept_does_harm {
    ($($name:ident),*) => {
        $(#[test]
        fn $name() {
            does_no_harm(stringify!($name));
        })*

        #[test]
        fn every_target_is_among_these() {
            let names = [$(stringify!($name)),*];
            assert!(TARGETS.iter().all(|(name, _)| names.contains(name)));
        }
    };
}

nothing_kept_does_harm!(
    content_lines,
    vcard,
    icalendar,
    quoted_printable,
    mail,
    itip,
    recurrence,
    change,
    frames,
    pairing
);
