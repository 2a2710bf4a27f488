//! Words about sources: the mailboxes and folders that pimesh reads by itself.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What to do with sources.
#[derive(Debug, Subcommand)]
pub(crate) enum SourceBy {
    Add(SourceAdd),
    /// Show the mailboxes and folders that pimesh reads
    List,
    Remove(SourceRemove),
    /// Read what is new, now
    Sync {
        /// Only this source
        name: Option<String>,
    },
}

/// Read a mailbox or folder from now on
///
/// Takes in the invitations and contacts that come by mail. Nothing in the mailbox is
/// changed or deleted. The password is asked for, and stored encrypted.
///
/// Example: pimesh source add imaps://ann@imap.example.org
///          pimesh source add pop3s://ann@pop.example.org --password-command "pass mail"
///          pimesh source add maildir:/home/ann/Mail
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct SourceAdd {
    /// Where it is: imaps://, pop3s://, maildir:, mbox: — or a folder that is a Maildir
    pub(crate) url: String,
    /// What to call it [default: made from the address]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Put everything into this address book or calendar [default: by kind]
    #[arg(long, value_name = "COLLECTION")]
    pub(crate) into: Option<String>,
    /// Read the password from this file, - for standard input
    #[arg(long, value_name = "FILE", conflicts_with = "password_command")]
    pub(crate) password_file: Option<PathBuf>,
    /// Run this command for the password each time; only the command is stored
    #[arg(long, value_name = "COMMAND")]
    pub(crate) password_command: Option<String>,
    /// Accept a connection that others could read or fake (only for tests at home)
    #[arg(long)]
    pub(crate) insecure: bool,
    /// Trust the certificates in this file too (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
}

/// Stop reading a mailbox or folder
///
/// Forgets its password. Say what happens to the items that came from it; otherwise you
/// are asked.
#[derive(Debug, Args)]
pub(crate) struct SourceRemove {
    /// Which one
    pub(crate) name: String,
    /// The items that came from it stay
    #[arg(long, conflicts_with = "remove_items")]
    pub(crate) keep_items: bool,
    /// The items that came from it alone are deleted, on all devices
    #[arg(long)]
    pub(crate) remove_items: bool,
    /// Do not ask whether you are sure
    #[arg(long)]
    pub(crate) yes: bool,
}
