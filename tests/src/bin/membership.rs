//! Long runs of random meshes: `cargo run --release -p pimesh-tests --bin membership -- 1000000`
//! lives through that many steps, from seed 1 or the one given second.

use std::process::ExitCode;

use pimesh_tests::membership::{Tally, live};

fn main() -> ExitCode {
    let mut numbers = std::env::args().skip(1).map(|word| word.parse::<u64>());
    let (Ok(steps), Ok(mut seed)) = (
        numbers.next().unwrap_or(Ok(100_000)),
        numbers.next().unwrap_or(Ok(1)),
    ) else {
        eprintln!("membership [STEPS] [SEED]");
        return ExitCode::from(2);
    };
    let mut tally = Tally::default();
    while tally.steps < steps {
        match live(seed) {
            Ok(done) => tally.add(&done),
            Err(failure) => {
                println!("seed {seed}: {failure}");
                return ExitCode::FAILURE;
            }
        }
        seed += 1;
    }
    println!("{tally:#?}\nall held, up to seed {}", seed - 1);
    ExitCode::SUCCESS
}
