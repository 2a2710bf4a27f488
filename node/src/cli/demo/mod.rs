//! `pimesh demo`: the whole story on one computer, with real engines on a real network
//! (loopback only) and a sample mailbox.
//!
//! ```text
//!  sample Maildir ─► laptop ◄── pairing code, loopback ──► phone
//!                       └── an edit apart ── merge ── an edit apart ──┘
//! ```
//!
//! It asks exactly what the other commands ask ([`crate::api::Request`]), so what it shows
//! is what a person gets. Everything lies in one temporary folder, removed at the end,
//! also when it is interrupted.

mod mailbox;
mod player;
mod steps;

use std::path::PathBuf;

use tempfile::TempDir;

use self::player::{Devices, Player};
use super::args::Demo;
use super::output::Output;
use crate::api::Failure;

/// Shows it. With `keep`, the folder stays.
pub(super) async fn demo(words: Demo, output: &Output) -> Result<u8, Failure> {
    let folder = tempfile::Builder::new()
        .prefix("pimesh-demo-")
        .tempdir()
        .map_err(|error| Failure::caused_by("cannot make a temporary folder", &error))?;
    let mut devices = Devices {
        laptop: Player::new(folder.path(), "laptop")?,
        phone: Player::new(folder.path(), "phone")?,
    };
    let mailbox = folder.path().join("mail");
    let played = tokio::select! {
        played = steps::play(&mut devices, &mailbox, *output) => played,
        _ = tokio::signal::ctrl_c() => Err(Failure::failed("interrupted")),
    };
    // However it ended: what still runs would write into the folder while it is removed.
    let stopped = devices.laptop.stop().await.and(devices.phone.stop().await);
    drop(devices);
    let played = played.and_then(|story| stopped.map(|()| story));
    let kept = leave(folder, words.keep)?;
    let mut story = match (played, &kept) {
        (Ok(story), _) => story,
        (Err(failure), Some(folder)) => {
            return Err(failure.hint(format!("its folder is still there: {}", folder.display())));
        }
        (Err(failure), None) => return Err(failure),
    };
    story.kept = kept.as_ref().map(|folder| folder.display().to_string());
    if output.is_json() {
        output.document(&story)?;
    } else {
        output.say(&goodbye(kept))?;
    }
    Ok(0)
}

fn leave(folder: TempDir, keep: bool) -> Result<Option<PathBuf>, Failure> {
    if keep {
        return Ok(Some(folder.keep()));
    }
    folder
        .close()
        .map(|()| None)
        .map_err(|error| Failure::caused_by("cannot remove the temporary folder", &error))
}

fn goodbye(kept: Option<PathBuf>) -> String {
    let rest = match kept {
        Some(folder) => format!(
            "The two devices are in {0}. Look at them:\n\
             \x20 pimesh --home {0}/laptop status\n\
             \x20 pimesh --home {0}/phone conflicts\n",
            folder.display()
        ),
        None => "Nothing of this is left on your computer.\n".into(),
    };
    format!(
        "\n{rest}\nNow with your own mailbox:\n\
         \x20 pimesh init\n\
         \x20 pimesh source add imaps://YOU@YOUR-MAIL-SERVER     (or pop3s://)\n\
         \x20 pimesh source sync\n\
         \x20 pimesh list\n\
         and on each further device: pimesh init, pimesh pair, pimesh run."
    )
}
