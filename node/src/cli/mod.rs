//! The command line: words in, one request, text or JSON out.
//!
//! ```text
//!  argv ─► args ─► request ─► door ─┬─► rpc ─► a running node ─┬─► show ─► stdout
//!                                   └─► Engine, opened here ───┘    └──► exit code
//! ```
//!
//! Nothing here knows how a command is carried out. Invariants: with `--json`, standard
//! output carries JSON and nothing else; what is for people only (questions, progress,
//! warnings) goes to standard error, and only to a terminal where it would disturb; text
//! from outside never reaches a terminal with its control characters.

mod args;
mod ask;
mod care;
mod demo;
mod devices;
mod door;
mod export;
mod import;
mod item;
mod log;
mod node;
mod output;
mod pair;
mod past;
mod progress;
mod run;
mod setup;
mod show;
mod source;
mod spool;
#[cfg(test)]
mod tests;
mod watch;
mod words;

use std::io::Write;
use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use self::args::{Cli, Command, SourceBy};
use self::door::Door;
use self::output::Output;
use crate::api::{Failure, FailureKind, People, Request};

/// Runs the command of this process's arguments to its end.
pub fn main() -> ExitCode {
    if std::env::args_os().len() < 2 {
        return greet();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return explain(&error),
    };
    log::start(cli.common.verbose, &cli.command);
    let output = Output::new(cli.common.json);
    let outcome = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::caused_by("cannot start", &error))
        .and_then(|runtime| {
            let outcome = runtime.block_on(perform(cli, &output));
            // A prompt or a password command that still waits must not hold us back.
            runtime.shutdown_background();
            outcome
        });
    ExitCode::from(outcome.unwrap_or_else(|failure| {
        output.failure(&failure);
        failure.kind.exit_code()
    }))
}

/// `pimesh` alone: what there is to say.
fn greet() -> ExitCode {
    // Nobody left to read it.
    let _ = writeln!(std::io::stderr(), "{}", Cli::command().render_help());
    ExitCode::from(FailureKind::Usage.exit_code())
}

/// What clap says over several lines, without the usage that follows.
fn in_a_sentence(text: &str) -> String {
    let lines = text.lines().map(str::trim);
    let said: Vec<_> = lines
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
        .filter(|line| !line.is_empty())
        .collect();
    said.join(" ").trim_start_matches("error: ").to_owned()
}

/// Help, version, or what was wrong with the words.
fn explain(error: &clap::Error) -> ExitCode {
    let json = std::env::args_os().any(|word| word == "--json");
    if error.use_stderr() && json {
        let failure =
            Failure::usage(in_a_sentence(&error.render().to_string())).hint("see: pimesh --help");
        Output::new(true).failure(&failure);
    } else {
        // Nobody left to read it.
        let _ = error.print();
    }
    match error.use_stderr() {
        true => ExitCode::from(FailureKind::Usage.exit_code()),
        false => ExitCode::SUCCESS,
    }
}

/// Carries out one command; the result is the exit code.
async fn perform(cli: Cli, output: &Output) -> Result<u8, Failure> {
    let common = cli.common;
    let request = match cli.command {
        Command::Init(words) => return setup::init(&common, words, output),
        Command::Completions { shell } => return setup::completions(shell, output),
        Command::Demo(words) => return demo::demo(words, output).await,
        Command::Run(words) => return run::run(&common, words, output).await,
        Command::Watch => return watch::watch(&Door::to(&common)?, output).await,
        Command::Pair(words) => return pair::pair(&Door::to(&common)?, words, output).await,
        Command::Import(words) => return import::import(&Door::to(&common)?, words, output).await,
        Command::Export(words) => return export::export(&Door::to(&common)?, words, output).await,
        Command::Show(words) => return item::show(&Door::to(&common)?, words, output).await,
        Command::Delete(words) => return item::delete(&Door::to(&common)?, words, output).await,
        Command::Undo(words) => return past::undo(&Door::to(&common)?, words, output).await,
        Command::Restore(words) => return past::restore(&Door::to(&common)?, words, output).await,
        Command::Backup(words) => return care::backup(&Door::to(&common)?, words, output).await,
        Command::RestoreBackup(words) => return care::restore(&common, words, output).await,
        Command::Doctor(words) => return care::doctor(&common, words, output).await,
        Command::Log(words) => past::log(words),
        Command::Trash(words) => past::trash(words),
        Command::Edit(words) => item::edit(words)?,
        Command::Source(SourceBy::Add(words)) => {
            let door = Door::to(&common)?;
            let request = source::add(words)?;
            return door.answer(request, output).await;
        }
        Command::Source(SourceBy::Remove(words)) => source::remove(words)?,
        Command::Source(SourceBy::List) => Request::SourceList,
        Command::Source(SourceBy::Sync { name }) => Request::SourceSync { name },
        Command::Devices(words) => devices::devices(words)?,
        Command::Status(words) => match words.acknowledge {
            true => Request::Acknowledge,
            false => Request::Status,
        },
        Command::Collections => Request::Collections,
        Command::Conflicts(words) => item::conflicts(words),
        Command::Duplicates => Request::People(People::Duplicates),
        Command::Link(words) => Request::People(People::Link { items: words.items }),
        Command::Unlink(words) => Request::People(People::Unlink { items: words.items }),
        Command::Wait(words) => Request::Wait {
            device: words.device,
            timeout_seconds: words.timeout,
        },
        Command::List(words) => item::list(words),
        Command::Search(words) => Request::Search {
            text: words.text.join(" "),
            limit: words.limit,
        },
    };
    Door::to(&common)?.answer(request, output).await
}
