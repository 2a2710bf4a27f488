//! The words of the command line. Help texts are for people who never saw a terminal
//! program before: what it does, then an example.

mod care;
mod decide;
mod device;
mod item;
mod past;
mod people;
mod source;

use std::path::PathBuf;

use clap::{ArgAction, Args, Parser, Subcommand};

pub(super) use care::{Backup, Doctor, Passphrase, RestoreBackup};
pub(super) use decide::{Conflicts, ConflictsBy, Keep, Resolve};
pub(super) use device::{Demo, DeviceChange, Devices, Init, Pair, PairBy, Run, Status, Wait};
pub(super) use item::{Delete, Edit, Export, Import, KindWord, List, Search, Show};
pub(super) use past::{Log, Restore, Trash, TrashBy, Undo};
pub(super) use people::{Link, Unlink};
pub(super) use source::{SourceAdd, SourceBy, SourceRemove};

/// The same contacts and calendars on all your devices: no server, no account.
#[derive(Debug, Parser)]
#[command(
    name = "pimesh",
    version,
    subcommand_required = true,
    after_help = "New here? Run `pimesh demo` to see it work, then `pimesh init`.\n\
                  Every command explains itself: `pimesh import --help`.",
    after_long_help = EXIT_CODES
)]
pub(crate) struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub(super) common: Common,
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXIT_CODES: &str = "\
New here? Run `pimesh demo` to see it work, then `pimesh init`.

Exit codes:
  0  done
  1  failed; the reason is on standard error
  2  the command was not understood
  3  done in part, or something waits for you to decide
  4  not found
  5  another pimesh process uses this home";

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Common {
    /// The folder that is this device [default: your system's folder for program data]
    #[arg(long, env = "PIMESH_HOME", global = true, value_name = "FOLDER")]
    pub(super) home: Option<PathBuf>,
    /// Answer with one JSON document, for scripts (see docs/cli.md)
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Tell more on standard error; twice for even more (PIMESH_LOG for details)
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(super) verbose: u8,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Init(Init),
    Run(Run),
    Demo(Demo),
    Pair(Pair),
    Devices(Devices),
    Status(Status),
    Wait(Wait),
    /// Show what happens, as it happens, until you press Ctrl-C
    ///
    /// Needs a running node (`pimesh run`).
    Watch,
    /// Show your address books and calendars
    Collections,
    Import(Import),
    Export(Export),
    /// Mailboxes and folders that pimesh reads by itself
    #[command(subcommand)]
    Source(SourceBy),
    List(List),
    Show(Show),
    Search(Search),
    Edit(Edit),
    Delete(Delete),
    Conflicts(Conflicts),
    /// Show contacts that may be one person under several ids
    ///
    /// The same name and an e-mail address or phone number that both have: a name alone is
    /// never enough. Nothing is changed; decide with `pimesh link`.
    Duplicates,
    Link(Link),
    Unlink(Unlink),
    Log(Log),
    Trash(Trash),
    Undo(Undo),
    Restore(Restore),
    Backup(Backup),
    RestoreBackup(RestoreBackup),
    Doctor(Doctor),
    /// Print a script that lets your shell complete pimesh commands
    ///
    /// Example: pimesh completions bash > ~/.local/share/bash-completion/completions/pimesh
    Completions {
        /// Your shell
        shell: clap_complete::Shell,
    },
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn options_of_every_command_may_stand_anywhere() {
        let before = Cli::try_parse_from(["pimesh", "--json", "--home", "/a", "status"]).unwrap();
        let after = Cli::try_parse_from(["pimesh", "status", "--home", "/a", "--json"]).unwrap();
        assert!(before.common.json && after.common.json);
        assert_eq!(before.common.home, after.common.home);
    }

    #[test]
    fn no_option_takes_a_password() {
        let words = ["pimesh", "source", "add", "imaps://a@b", "--password", "x"];
        assert!(Cli::try_parse_from(words).is_err());
    }
}
