//! `pimesh backup`, `pimesh restore-backup` and `pimesh doctor`.

use std::path::Path;

use serde::Serialize;

use super::args::{Backup, Common, Doctor, Passphrase, RestoreBackup};
use super::door::{self, Door};
use super::output::Output;
use super::show::{count, local};
use super::source::password_in;
use super::{ask, setup, spool};
use crate::api::{Care, Failure, Moment, Repair, Reply, Request};
use crate::engine::{Identity, diagnose, restore_backup};
use crate::secrets::{Credential, Secret};

/// Words where nobody can be asked.
const HOW: &str = "give --password-file FILE or --password-command COMMAND";

/// What `restore-backup --json` prints.
#[derive(Debug, Serialize)]
pub(super) struct RestoredBackup {
    pub(super) name: String,
    pub(super) device: String,
    pub(super) home: String,
    pub(super) at: String,
    pub(super) items: u64,
    pub(super) new_device: bool,
}

pub(super) async fn backup(door: &Door, words: Backup, output: &Output) -> Result<u8, Failure> {
    let is_pipe = words.path == Path::new("-");
    if is_pipe && output.is_json() {
        let message = "standard output cannot carry both the backup and --json";
        return Err(Failure::usage(message).hint("write to a file, or leave --json out"));
    }
    let (path, kept) = match is_pipe {
        true => {
            let kept = spool::fresh(door.home(), ".backup")?;
            (kept.to_path_buf(), Some(kept))
        }
        false => {
            let path = std::path::absolute(&words.path)
                .map_err(|error| Failure::caused_by("cannot tell where this is", &error))?;
            (path, None)
        }
    };
    if path.symlink_metadata().is_ok() {
        let message = format!("{} is there already", words.path.display());
        return Err(Failure::failed(message).hint("give another name: backups are never replaced"));
    }
    let passphrase = match given(words.passphrase).await? {
        Some(passphrase) => passphrase,
        None => {
            let passphrase = ask::password("Passphrase for the backup", HOW)?;
            if ask::password("The same again", HOW)? != passphrase {
                return Err(Failure::failed(
                    "the two are not the same; nothing was written",
                ));
            }
            passphrase
        }
    };
    let request = Request::Care(Care::Backup { path, passphrase });
    let mut reply = door.ask(request).await?;
    if let Some(kept) = kept {
        spool::give(&kept, &mut std::io::stdout().lock())?;
        return Ok(0);
    }
    if let Reply::BackedUp(done) = &mut reply {
        done.path = words.path.display().to_string();
    }
    output.reply(&reply)
}

pub(super) async fn restore(
    common: &Common,
    words: RestoreBackup,
    output: &Output,
) -> Result<u8, Failure> {
    let home = door::home(common)?;
    let identity = match words.as_new_device {
        None => Identity::Same,
        Some(name) => Identity::New(setup::device_name(&name)?),
    };
    if !Path::new(&words.path).exists() {
        return Err(Failure::not_found(format!(
            "there is no file {}",
            words.path.display()
        )));
    }
    let passphrase = match given(words.passphrase).await? {
        Some(passphrase) => passphrase,
        None => ask::password("Passphrase of the backup", HOW)?,
    };
    let now = Moment::now().0;
    let done = restore_backup(&words.path, &passphrase, &home, &identity, now)?;
    let told = RestoredBackup {
        name: done.name,
        device: done.device.to_string(),
        home: home.folder().display().to_string(),
        at: done.at.to_string(),
        items: done.items,
        new_device: identity != Identity::Same,
    };
    if output.is_json() {
        output.document(&told)?;
        return Ok(0);
    }
    let items = count(told.items, "item");
    let next = match told.new_device {
        true => "It is a new device: add it to the others with: pimesh pair",
        false => {
            "It takes the place of the old device, which must not run any more.\n\
             Next: pimesh run"
        }
    };
    output.say(&format!(
        "This is the device \"{}\" with {items}, as of {}, in {}.\n{next}",
        told.name,
        local(done.at),
        told.home
    ))?;
    Ok(0)
}

/// A passphrase that was given in words; none: ask.
async fn given(words: Passphrase) -> Result<Option<Secret>, Failure> {
    match (words.password_file, words.password_command) {
        (Some(path), _) => password_in(&path).map(Some),
        (None, Some(command)) => {
            let password = Credential::Command(command).password().await;
            let told = |error| Failure::caused_by("the passphrase", &error);
            password.map(Some).map_err(told)
        }
        (None, None) => Ok(None),
    }
}

/// A database that can not be opened is looked at from outside.
pub(super) async fn doctor(common: &Common, words: Doctor, output: &Output) -> Result<u8, Failure> {
    let door = Door::to(common)?;
    let repair = match words.repair {
        true => Repair::Yes,
        false => Repair::No,
    };
    match door.ask(Request::Care(Care::Doctor { repair })).await {
        Ok(reply) => output.reply(&reply),
        Err(failure) => match diagnose(door.home(), &failure) {
            Some(health) => output.reply(&Reply::Doctor(health)),
            None => Err(failure),
        },
    }
}
