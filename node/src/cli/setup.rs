//! `pimesh init` and `pimesh completions`: what needs no device yet.

use clap::CommandFactory;
use serde::Serialize;

use super::args::{Cli, Common, Init};
use super::output::{Output, print};
use super::{ask, door};
use crate::api::Failure;
use crate::home::Home;

/// The longest name of a device: it is shown in tables, on small screens.
const LONGEST_NAME: usize = 64;

/// What `init --json` prints.
#[derive(Debug, Serialize)]
pub(super) struct Initialised {
    pub(super) name: String,
    pub(super) device: String,
    pub(super) home: String,
}

/// Creates the device.
pub(super) fn init(common: &Common, words: Init, output: &Output) -> Result<u8, Failure> {
    let home = door::home(common)?;
    if words.new_key {
        return new_key(&home, words.yes, output);
    }
    let name = match words.name {
        Some(name) => device_name(&name)?,
        None => device_name(&computer_name())?,
    };
    let device = home.init(&name)?;
    let done = Initialised {
        name,
        device: device.to_string(),
        home: home.folder().display().to_string(),
    };
    if output.is_json() {
        output.document(&done)?;
    } else {
        output.say(&format!(
            "This computer is now the device \"{}\", in {}.\n\n\
             Next: pimesh import contacts.vcf      read what you have\n      \
             pimesh source add imaps://YOU@HOST  read your mailbox\n      \
             pimesh pair                         add another device\n      \
             pimesh run                          keep them all the same",
            done.name, done.home
        ))?;
    }
    Ok(0)
}

/// Makes the device that is here a new one that holds the same.
fn new_key(home: &Home, yes: bool, output: &Output) -> Result<u8, Failure> {
    let name = home.config()?.name;
    let question = format!(
        "Make \"{name}\" a new device? It keeps all it holds, and belongs to no mesh until it is \
         paired again; the others go on listing it as it was until you remove that."
    );
    ask::sure(&question, yes, "add --yes to do it without being asked")?;
    let device = home.renew_key()?;
    let done = Initialised {
        name,
        device: device.to_string(),
        home: home.folder().display().to_string(),
    };
    if output.is_json() {
        output.document(&done)?;
    } else {
        output.say(&format!(
            "\"{}\" is a new device that holds what it held.\n\nNext: pimesh pair",
            done.name
        ))?;
    }
    Ok(0)
}

/// A name that a device can have.
pub(super) fn device_name(typed: &str) -> Result<String, Failure> {
    let name = typed.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control)
    {
        let message = format!("a device's name has 1 to {LONGEST_NAME} characters");
        return Err(Failure::usage(message).hint("choose one: pimesh init --name laptop"));
    }
    Ok(name.to_owned())
}

/// What the computer is called, without its domain.
fn computer_name() -> String {
    let from_system = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::fs::read_to_string("/etc/hostname"))
        .ok();
    let name = from_system
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_default();
    match name.trim().split('.').next() {
        None | Some("") => "my device".to_owned(),
        Some(name) => name.to_owned(),
    }
}

/// Prints the script for a shell.
pub(super) fn completions(shell: clap_complete::Shell, output: &Output) -> Result<u8, Failure> {
    #[derive(Serialize)]
    struct Script {
        shell: String,
        script: String,
    }
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "pimesh", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match output.is_json() {
        true => output.document(&Script {
            shell: shell.to_string(),
            script,
        })?,
        false => print(&script)?,
    }
    Ok(0)
}
