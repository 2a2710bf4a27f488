//! Words about taking care of a device: backups and its health.

use std::path::PathBuf;

use clap::Args;

/// Write an encrypted copy of everything on this device to one file
///
/// Contacts, calendars, their history, settings, passwords of sources, and the device's key,
/// encrypted with a passphrase of yours. Without the passphrase nobody can read it, you
/// neither. The device may go on running. The file is read back before it is done.
///
/// Example: pimesh backup /media/usb/pimesh-2026-11-22.backup
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Backup {
    /// The file to write; it must not be there yet
    pub(crate) path: PathBuf,
    /// How to get the passphrase; otherwise you are asked.
    #[command(flatten)]
    pub(crate) passphrase: Passphrase,
}

/// How to get the passphrase of a backup.
#[derive(Debug, Args)]
pub(crate) struct Passphrase {
    /// Read the passphrase from this file, - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "password_command")]
    pub(crate) password_file: Option<PathBuf>,
    /// Run this command for the passphrase
    #[arg(long, value_name = "COMMAND")]
    pub(crate) password_command: Option<String>,
}

/// Make this computer the device that was backed up
///
/// The home must be empty or not there yet: nothing is ever overwritten. The device takes the
/// place of the old one among your devices, which must not run any more. If the old one still
/// runs, say --as-new-device: then this one gets a key of its own, and is paired as usual.
///
/// Example: pimesh restore-backup /media/usb/pimesh-2026-11-22.backup
///          pimesh --home ~/look restore-backup old.backup --as-new-device looking-glass
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RestoreBackup {
    /// The backup
    pub(crate) path: PathBuf,
    /// Be a new device of this name, with what the backup holds
    #[arg(long, value_name = "NAME")]
    pub(crate) as_new_device: Option<String>,
    /// How to get the passphrase; otherwise you are asked.
    #[command(flatten)]
    pub(crate) passphrase: Passphrase,
}

/// Look whether everything on this device is as it should be
///
/// Reads everything that is stored and says what it found. Changes nothing, unless you say
/// --repair. Exit code 1 when something is wrong.
#[derive(Debug, Args)]
pub(crate) struct Doctor {
    /// Mend what can be mended: derive again what is derived, ask your devices for what is lost
    #[arg(long)]
    pub(crate) repair: bool,
}
