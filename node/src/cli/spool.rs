//! Bytes that the node cannot reach by itself: what comes from a pipe, or goes to one.
//! They lie in a private folder of the home while the command lasts.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempPath;

use crate::api::Failure;
use crate::home::Home;

/// What a killed command left is removed by a later one after this time.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);
/// More than this is not somebody's contacts and calendars.
const LARGEST: u64 = 4 * 1024 * 1024 * 1024;
/// Enough of a text to see what it is.
const HEAD: usize = 256;

/// Copies everything from `reader` to a file of the spool, removed when dropped.
pub(super) fn take(home: &Home, reader: &mut impl Read) -> Result<TempPath, Failure> {
    let folder = folder(home)?;
    let mut head = Vec::with_capacity(HEAD);
    let begin = reader.by_ref().take(HEAD as u64).read_to_end(&mut head);
    begin.map_err(|error| Failure::caused_by("cannot read the input", &error))?;
    let mut file = new_file(&folder, extension(&head))?;
    let rest = io::copy(
        &mut head.as_slice().chain(reader.take(LARGEST + 1)),
        file.as_file_mut(),
    );
    match rest {
        Ok(bytes) if bytes > LARGEST => Err(Failure::failed("the input is over 4 GiB")),
        Ok(_) => Ok(file.into_temp_path()),
        Err(error) => Err(Failure::caused_by("cannot keep the input", &error)),
    }
}

/// An empty file of the spool for the node to write to, removed when dropped.
pub(super) fn room(home: &Home) -> Result<TempPath, Failure> {
    Ok(new_file(&folder(home)?, ".export")?.into_temp_path())
}

/// The name of a file of the spool that is not there yet, removed when dropped.
pub(super) fn fresh(home: &Home, suffix: &str) -> Result<TempPath, Failure> {
    let file = new_file(&folder(home)?, suffix)?.into_temp_path();
    let path = file.to_path_buf();
    file.close()
        .and_then(|()| TempPath::try_from_path(path))
        .map_err(|error| Failure::caused_by("cannot make a file in the home", &error))
}

/// Copies a file to `writer`. A reader that has gone away is not our failure.
pub(super) fn give(path: &Path, writer: &mut impl Write) -> Result<(), Failure> {
    let copied = File::open(path).and_then(|mut file| {
        io::copy(&mut file, writer)?;
        writer.flush()
    });
    match copied {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::caused_by("cannot write the output", &error))
        }
        _ => Ok(()),
    }
}

fn new_file(folder: &Path, suffix: &str) -> Result<tempfile::NamedTempFile, Failure> {
    tempfile::Builder::new()
        .suffix(suffix)
        .tempfile_in(folder)
        .map_err(|error| Failure::caused_by("cannot make a file in the home", &error))
}

fn folder(home: &Home) -> Result<PathBuf, Failure> {
    let folder = home.folder().join("spool");
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&folder)
        .map_err(|error| Failure::caused_by("cannot make a folder in the home", &error))?;
    for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
        let written = entry.metadata().and_then(|meta| meta.modified());
        let age = written.map(|at| SystemTime::now().duration_since(at).unwrap_or_default());
        if age.is_ok_and(|age| age > STALE) {
            // Another command may have been faster.
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(folder)
}

/// What a text seems to be, since it has no name to tell.
fn extension(head: &[u8]) -> &'static str {
    let text = String::from_utf8_lossy(head).to_ascii_uppercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    if text.starts_with("BEGIN:VCARD") {
        ".vcf"
    } else if text.starts_with("BEGIN:VCALENDAR") {
        ".ics"
    } else if text.starts_with("FROM ") {
        ".mbox"
    } else {
        ".txt"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_through_a_pipe_is_whole_private_and_gone_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::at(dir.path()).unwrap();
        let text = format!("\u{feff}begin:vcard\r\n{}", "x".repeat(100_000));
        let path = take(&home, &mut text.as_bytes()).unwrap();
        assert_eq!(fs::read(&path).unwrap(), text.as_bytes());
        assert_eq!(path.extension().unwrap(), "vcf");
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&path).unwrap());
        assert_eq!(mode & 0o777, 0o600);
        let kept = path.to_path_buf();
        drop(path);
        assert!(!kept.exists());
    }
}
