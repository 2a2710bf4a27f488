//! `pimesh export`: to a file, a folder, or a pipe.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use super::args::Export;
use super::ask;
use super::door::Door;
use super::output::Output;
use super::spool;
use crate::api::{ExportTo, Failure, Over, Reply, Request};

/// What a path on the command line stands for.
#[derive(Debug, PartialEq, Eq)]
enum Goal {
    Stdout,
    /// A pipe or device: written by us, since the node may not be able to.
    Stream(PathBuf),
    NewFile(PathBuf),
    OldFile(PathBuf),
    Folder(PathBuf),
}

/// Writes the collection where the person said.
pub(super) async fn export(door: &Door, words: Export, output: &Output) -> Result<u8, Failure> {
    let collection = words.collection;
    let goal = goal(&words.path)?;
    let to = match goal {
        Goal::Stdout if output.is_json() => {
            let message = "standard output cannot carry both the items and --json";
            return Err(Failure::usage(message).hint("export to a file, or leave --json out"));
        }
        Goal::Stdout => {
            let (_, kept) = spooled(door, collection).await?;
            spool::give(&kept, &mut io::stdout().lock())?;
            return Ok(0);
        }
        Goal::Stream(path) => {
            let (reply, kept) = spooled(door, collection).await?;
            let mut stream = OpenOptions::new()
                .write(true)
                .open(&path)
                .map_err(|error| Failure::caused_by("cannot write the output", &error))?;
            spool::give(&kept, &mut stream)?;
            return output.reply(&named(reply, &words.path));
        }
        Goal::OldFile(path) => {
            let question = format!("Replace {}?", words.path.display());
            ask::sure(&question, words.yes, "add --yes to replace it")?;
            ExportTo::File(path)
        }
        Goal::NewFile(path) => ExportTo::File(path),
        Goal::Folder(path) => ExportTo::Folder {
            path,
            over: match words.yes {
                true => Over::Anything,
                false => Over::OwnFiles,
            },
        },
    };
    let reply = door.ask(Request::Export { collection, to }).await?;
    output.reply(&named(reply, &words.path))
}

async fn spooled(door: &Door, collection: String) -> Result<(Reply, tempfile::TempPath), Failure> {
    let kept = spool::room(door.home())?;
    let to = ExportTo::File(kept.to_path_buf());
    let reply = door.ask(Request::Export { collection, to }).await?;
    Ok((reply, kept))
}

/// The reply with the path as the person wrote it.
fn named(reply: Reply, path: &Path) -> Reply {
    match reply {
        Reply::Exported(mut done) => {
            done.path = path.display().to_string();
            Reply::Exported(done)
        }
        other => other,
    }
}

fn goal(path: &Path) -> Result<Goal, Failure> {
    if path == Path::new("-") {
        return Ok(Goal::Stdout);
    }
    let absolute = std::path::absolute(path)
        .map_err(|error| Failure::caused_by("cannot tell where this is", &error))?;
    if let Ok(meta) = fs::metadata(path) {
        return Ok(if meta.is_dir() {
            Goal::Folder(absolute)
        } else if meta.is_file() {
            Goal::OldFile(absolute)
        } else {
            Goal::Stream(absolute)
        });
    }
    // a link that leads nowhere is something to replace too
    if fs::symlink_metadata(path).is_ok() {
        return Ok(Goal::OldFile(absolute));
    }
    let ends_as_folder = path.as_os_str().as_encoded_bytes().ends_with(b"/");
    Ok(match path.extension() {
        Some(_) if !ends_as_folder => Goal::NewFile(absolute),
        _ => Goal::Folder(absolute),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_file_or_a_folder_as_a_person_would_expect() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::write(at("old.vcf"), "").unwrap();
        assert_eq!(goal(Path::new("-")).unwrap(), Goal::Stdout);
        assert_eq!(goal(&at("new.vcf")).unwrap(), Goal::NewFile(at("new.vcf")));
        assert_eq!(goal(&at("old.vcf")).unwrap(), Goal::OldFile(at("old.vcf")));
        assert_eq!(goal(dir.path()).unwrap(), Goal::Folder(dir.path().into()));
        assert!(matches!(goal(&at("cards")).unwrap(), Goal::Folder(_)));
        assert!(matches!(goal(&at("cards.d/")).unwrap(), Goal::Folder(_)));
        let null = PathBuf::from("/dev/null");
        assert_eq!(goal(&null).unwrap(), Goal::Stream(null));
    }
}
