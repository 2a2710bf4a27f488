//! What pimesh costs a heavy user, against bounds measured in the same run.
//!
//! ```text
//!  generate, parse ──► bounds ──► import ──► first sync ──► edits ──► reconnect, apart ──► reading
//! ```
//!
//! `cargo bench -p pimesh-tests --bench scale [-- --quick] [--contacts N] [--events N]
//! [--seed N] [--json PATH]` prints one table; `PIMESH_BENCH_JSON` names the file as well.
//! Instead of everything once: `--first-sync [--times N]` that line several times, `--years N`
//! what so many years of edits leave, `--growth LARGEST [--times N]` several sizes and how each
//! line grows with them.
//! Processor time is that in user mode. It prints and never judges: a line that is not met
//! says so.

mod bounds;
mod data;
mod events;
mod growth;
mod history;
mod link;
mod measure;
mod memory;
mod people;
mod phases;
mod rng;
mod table;
mod words;
mod work;
mod years;

use std::path::PathBuf;

use data::Size;

/// What is measured.
#[derive(Clone, Copy)]
enum Mode {
    /// Everything, once.
    Whole,
    /// Only import and first sync, the latter several times.
    FirstSync,
    /// So many years of edits.
    Years(usize),
    /// Several sizes up to this one, several times each.
    Growth(usize),
}

/// What was asked for.
struct Asked {
    size: Size,
    seed: u64,
    json: Option<PathBuf>,
    mode: Mode,
    /// How often, where a mode repeats.
    times: usize,
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [child, what, folder] = args.as_slice()
        && child == memory::CHILD
    {
        memory::child(what, folder.as_ref());
        return;
    }
    let asked = match asked(&args) {
        Ok(asked) => asked,
        Err(reason) => {
            eprintln!("{reason}");
            std::process::exit(2);
        }
    };
    let Size { contacts, events } = asked.size;
    println!(
        "{contacts} contacts, {events} events, seed {}\n",
        asked.seed
    );
    let lines = match asked.mode {
        Mode::Whole => phases::run(asked.size, asked.seed),
        Mode::FirstSync => phases::sync_only(asked.size, asked.seed, asked.times),
        Mode::Years(years) => years::run(asked.size, asked.seed, years),
        Mode::Growth(largest) => {
            print!("{}", growth::run(asked.seed, asked.times, largest));
            return;
        }
    };
    print!("{}", table::text(&lines));
    if let Some(path) = asked.json {
        let run = serde_json::json!({ "contacts": contacts, "events": events, "seed": asked.seed });
        let document = table::document(&lines, run).to_string();
        if let Err(error) = std::fs::write(&path, document) {
            eprintln!("cannot write {}: {error}", path.display());
            std::process::exit(1);
        }
    }
}

fn asked(args: &[String]) -> Result<Asked, String> {
    let mut asked = Asked {
        size: Size {
            contacts: 10_000,
            events: 50_000,
        },
        seed: 1,
        json: std::env::var_os("PIMESH_BENCH_JSON").map(PathBuf::from),
        mode: Mode::Whole,
        times: 5,
    };
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let mut number = || {
            let value = words
                .next()
                .ok_or_else(|| format!("{word} needs a number"))?;
            value
                .parse::<u64>()
                .map_err(|_| format!("{value:?} is not a number"))
        };
        match word.as_str() {
            "--quick" => {
                asked.size = Size {
                    contacts: 1_000,
                    events: 5_000,
                };
            }
            "--contacts" => asked.size.contacts = (number()? as usize).max(1),
            "--events" => asked.size.events = (number()? as usize).max(1),
            "--first-sync" => asked.mode = Mode::FirstSync,
            "--years" => asked.mode = Mode::Years((number()? as usize).max(1)),
            "--growth" => asked.mode = Mode::Growth(number()? as usize),
            "--times" => asked.times = (number()? as usize).max(1),
            "--seed" => asked.seed = number()?,
            "--json" => {
                asked.json = Some(words.next().ok_or("--json needs a path")?.into());
            }
            // cargo says this to every benchmark
            "--bench" => {}
            other => return Err(format!("unknown argument {other:?}")),
        }
    }
    Ok(asked)
}
