//! Long runs of the simulation: millions of random operations, resumable, on all cores.
//!
//! `cargo run --release -p pimesh-tests --bin simulate -- --operations 10000000 --jobs 2`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use pimesh_tests::simulation::mesh::Failure;
use pimesh_tests::simulation::program::Program;
use pimesh_tests::simulation::shrink;
use pimesh_tests::simulation::totals::{Progress, Totals};

const USAGE: &str = "simulate [--operations N] [--seed N] [--runs N] [--jobs N] \
    [--store memory|disk] [--losses] [--resume FILE] [--keep-going]";

#[derive(Clone, Debug)]
struct Wanted {
    operations: u64,
    seed: u64,
    runs: u64,
    jobs: usize,
    disk: bool,
    losses: bool,
    resume: Option<PathBuf>,
    keep_going: bool,
}

fn wanted() -> Result<Wanted, String> {
    let mut wanted = Wanted {
        operations: 100_000,
        seed: 1,
        runs: u64::MAX,
        jobs: 1,
        disk: false,
        losses: false,
        resume: None,
        keep_going: false,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value"));
        let number = |text: String| text.replace('_', "").parse().map_err(|_| text);
        match arg.as_str() {
            "--operations" => wanted.operations = number(value()?)?,
            "--seed" => wanted.seed = number(value()?)?,
            "--runs" => wanted.runs = number(value()?)?,
            "--jobs" => wanted.jobs = number(value()?)?.clamp(1, 64) as usize,
            "--store" => {
                wanted.disk = match value()?.as_str() {
                    "disk" => true,
                    "memory" => false,
                    other => return Err(format!("there is no store {other:?}")),
                }
            }
            "--losses" => wanted.losses = true,
            "--resume" => wanted.resume = Some(value()?.into()),
            "--mutants" if cfg!(feature = "mutants") => {}
            "--keep-going" => wanted.keep_going = true,
            other => return Err(format!("{other}?\n{USAGE}")),
        }
    }
    Ok(wanted)
}

/// Says of every mistake made on purpose after how many seeds it is found.
#[cfg(feature = "mutants")]
fn mutants(first: u64) -> ExitCode {
    use pimesh_crdt::mutants::Mutant;
    use pimesh_tests::simulation::mutants::found;
    let mut code = ExitCode::SUCCESS;
    for mutant in Mutant::ALL {
        match found(mutant, first, 2_000) {
            Some(found) => {
                let sign = found.failure.0.lines().next().unwrap_or_default();
                let sign: String = sign.chars().take(90).collect();
                println!(
                    "{mutant:?}: {} seeds, {} operations: {sign}",
                    found.seeds, found.operations
                );
            }
            None => {
                println!("{mutant:?}: not found");
                code = ExitCode::FAILURE;
            }
        }
    }
    code
}

/// What the workers share.
struct Shared {
    progress: Progress,
    /// Seeds that failed when they were last run, to be run again.
    again: Vec<u64>,
    /// Those of which it is not known yet whether they still do.
    doubtful: BTreeSet<u64>,
    runs: u64,
    said: Instant,
    seconds_before: f64,
}

fn main() -> ExitCode {
    let wanted = match wanted() {
        Ok(wanted) => wanted,
        Err(why) => {
            eprintln!("{why}");
            return ExitCode::from(2);
        }
    };
    let begun = Instant::now();
    let resumed = wanted.resume.as_deref().and_then(Progress::load);
    let mut progress = resumed.unwrap_or_else(|| Progress {
        next_seed: wanted.seed,
        ..Progress::default()
    });
    let doubtful = std::mem::take(&mut progress.failed);
    let shared = Mutex::new(Shared {
        again: doubtful.iter().copied().collect(),
        doubtful,
        runs: 0,
        said: begun,
        seconds_before: progress.seconds,
        progress,
    });
    std::panic::set_hook(Box::new(|_| {})); // told with its seed
    #[cfg(feature = "mutants")]
    if std::env::args().any(|arg| arg == "--mutants") {
        return mutants(wanted.seed);
    }
    std::thread::scope(|scope| {
        for _ in 0..wanted.jobs {
            scope.spawn(|| work(&wanted, &shared, begun));
        }
    });
    let mut shared = shared
        .into_inner()
        .unwrap_or_else(|broken| broken.into_inner());
    save(&wanted, &mut shared, begun);
    let Progress {
        totals,
        next_seed,
        seconds,
        failed,
    } = &shared.progress;
    print!("{totals}");
    println!(
        "{seconds:.0} s, {:.0} operations a second; seeds up to {}; {} failures",
        totals.operations as f64 / seconds,
        next_seed - 1,
        failed.len()
    );
    if failed.is_empty() {
        println!("0 lost, 0 doubled, 0 diverged");
        ExitCode::SUCCESS
    } else {
        println!("failed: {failed:?}");
        ExitCode::FAILURE
    }
}

fn work(wanted: &Wanted, shared: &Mutex<Shared>, begun: Instant) {
    let lock = || shared.lock().unwrap_or_else(|broken| broken.into_inner());
    loop {
        let Some(seed) = next(wanted, &mut lock()) else {
            return;
        };
        let program = match wanted.losses {
            true => Program::with_losses(seed),
            false => Program::of(seed),
        };
        let outcome = one(wanted, &program, seed);
        let mut shared = lock();
        shared.doubtful.remove(&seed);
        match outcome {
            Ok(totals) => shared.progress.totals.add(&totals),
            Err(failure) => {
                shared.progress.failed.insert(seed);
                save(wanted, &mut shared, begun);
                drop(shared);
                tell(wanted, &program, seed, &failure);
                continue;
            }
        }
        if shared.said.elapsed().as_secs() >= 60 {
            shared.said = Instant::now();
            save(wanted, &mut shared, begun);
            let Progress {
                totals, seconds, ..
            } = &shared.progress;
            eprintln!("{} operations in {seconds:.0} s", totals.operations);
        }
    }
}

/// The seed of the next run: of one that failed before, else one that has not been run.
fn next(wanted: &Wanted, shared: &mut Shared) -> Option<u64> {
    let progress = &mut shared.progress;
    let stop = !progress.failed.is_empty() && !wanted.keep_going;
    if stop || shared.runs >= wanted.runs {
        return None;
    }
    if let Some(seed) = shared.again.pop() {
        shared.runs += 1;
        return Some(seed);
    }
    if progress.totals.operations >= wanted.operations {
        return None;
    }
    shared.runs += 1;
    progress.next_seed += 1;
    Some(progress.next_seed - 1)
}

/// Keeps how far it is, with the seeds that are still to be run again.
fn save(wanted: &Wanted, shared: &mut Shared, begun: Instant) {
    shared.progress.seconds = shared.seconds_before + begun.elapsed().as_secs_f64();
    let mut kept = shared.progress.clone();
    kept.failed.extend(&shared.doubtful);
    if let Some(path) = &wanted.resume
        && let Err(error) = kept.save(path)
    {
        eprintln!("{}: {error}", path.display());
    }
}

fn one(wanted: &Wanted, program: &Program, seed: u64) -> Result<Totals, Failure> {
    if !wanted.disk {
        return shrink::attempt(program);
    }
    let folder = tempfile::Builder::new().prefix("simulate").tempdir();
    let folder = folder.map_err(|error| Failure(format!("no folder for seed {seed}: {error}")))?;
    let path: &Path = folder.path();
    pimesh_tests::simulation::run(program, Some(path))
}

fn tell(wanted: &Wanted, program: &Program, seed: u64, failure: &Failure) {
    let (least, why) = shrink::shortest(program, failure);
    println!(
        "seed {seed} fails: {}\nshortest, {} devices: {}",
        failure.0, least.devices, why.0
    );
    for step in &least.steps {
        println!("    {step:?}");
    }
    let store = if wanted.disk { " --store disk" } else { "" };
    let losses = if wanted.losses { " --losses" } else { "" };
    println!("again: simulate --seed {seed} --runs 1{store}{losses}\n");
}
