//! The simulation, as far as every change to the program can wait for it. Long runs:
//! `docs/simulation.md`.

use pimesh_tests::simulation::program::Program;
use pimesh_tests::simulation::totals::Totals;
use pimesh_tests::simulation::{run, shrink};

/// Operations that every test run simulates.
const OPERATIONS: u64 = 3_000;

/// Those with the stores on the disk.
const ON_DISK: u64 = 300;

/// Runs the seeds from `first` until there were enough operations.
fn seeds(first: u64, operations: u64, on_disk: bool) -> Totals {
    all(first, operations, on_disk, Program::of)
}

fn all(first: u64, operations: u64, on_disk: bool, of: fn(u64) -> Program) -> Totals {
    let mut totals = Totals::default();
    let mut seed = first;
    while totals.operations < operations {
        let program = of(seed);
        let folder = tempfile::tempdir().unwrap();
        let folder = on_disk.then(|| folder.path());
        match run(&program, folder) {
            Ok(done) => totals.add(&done),
            Err(failure) => {
                let (least, why) = shrink::shortest(&program, &failure);
                panic!(
                    "seed {seed}: {}\nshortest: {} {:#?}\nagain: \
                     cargo run --release -p pimesh-tests --bin simulate -- --seed {seed} --runs 1",
                    failure.0, why.0, least
                );
            }
        }
        seed += 1;
    }
    totals
}

#[test]
fn random_edits_on_many_devices_are_neither_lost_nor_doubled() {
    let totals = seeds(1, OPERATIONS, false);
    eprintln!("{totals}");
    assert!(totals.crashes > 0 && totals.rolled_back > 0 && totals.conflicts > 0);
}

#[test]
fn devices_that_die_while_they_write_to_the_disk_lose_nothing() {
    let totals = seeds(1_000_000, ON_DISK, true);
    assert!(totals.crashes > 0);
}

#[test]
fn what_disks_lose_comes_back_from_any_device_that_still_has_it() {
    for (first, operations, on_disk) in [(1, 2_000, false), (2_000_000, 600, true)] {
        let totals = all(first, operations, on_disk, Program::with_losses);
        eprintln!("{totals}");
        assert!(totals.regained > 20, "{}", totals.regained);
    }
}

#[test]
fn a_seed_is_the_same_run_every_time() {
    let program = Program::of(77);
    let first = run(&program, None).unwrap();
    assert_eq!(first, run(&program, None).unwrap());
    assert_eq!(program, Program::of(77));
}

#[cfg(feature = "mutants")]
#[test]
fn mistakes_made_on_purpose_are_found_soon() {
    use pimesh_crdt::mutants::Mutant;
    use pimesh_tests::simulation::mutants::found;
    for mutant in Mutant::ALL {
        let found = found(mutant, 1, 500);
        assert!(found.is_some(), "{mutant:?} is not found");
    }
}
