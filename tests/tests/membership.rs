//! Random meshes, as far as every change to the program can wait for them.

use pimesh_tests::membership::{Tally, live};

#[test]
fn all_devices_that_meet_see_the_same_members_and_who_was_removed_is_never_back() {
    let mut tally = Tally::default();
    for seed in 1..=60 {
        match live(seed) {
            Ok(done) => tally.add(&done),
            Err(failure) => panic!("seed {seed}: {failure}"),
        }
    }
    eprintln!("{tally:?}");
    assert!(tally.removed > 50 && tally.forged > 50 && tally.refused > 50);
    assert!(tally.alone < tally.meshes * 6, "nobody belonged to anybody");
}
