//! A text of the app, on its way to the engine, which reads files.

use std::fs::{DirBuilder, OpenOptions, remove_file};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use pimesh::api::Failure;
use pimesh::home::Home;

use crate::error::PimeshError;

/// Tells the texts of one process apart.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A private file in the home, removed with this.
#[derive(Debug)]
pub(crate) struct Kept(PathBuf);

impl Kept {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        // What stays behind is removed by a later command.
        let _ = remove_file(&self.0);
    }
}

/// Keeps the text while an import lasts.
pub(crate) fn keep(home: &Home, text: &str) -> Result<Kept, PimeshError> {
    let extension = match text.trim_start_matches('\u{feff}').trim_start() {
        text if starts_with(text, "BEGIN:VCALENDAR") => "ics",
        text if starts_with(text, "BEGIN:VCARD") => "vcf",
        _ => {
            return Err(PimeshError::invalid(
                "this is neither a vCard nor a calendar",
            ));
        }
    };
    write(&home.folder().join("spool"), extension, text)
        .map_err(|error| Failure::caused_by("cannot keep the text for the import", &error).into())
}

fn starts_with(text: &str, begin: &str) -> bool {
    text.get(..begin.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(begin))
}

fn write(folder: &Path, extension: &str, text: &str) -> io::Result<Kept> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("app-{}-{number}.{extension}", std::process::id());
    let path = folder.join(name);
    match remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    let kept = Kept(path);
    file.write_all(text.as_bytes())?;
    Ok(kept)
}
