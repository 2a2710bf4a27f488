//! A file that is written beside its place and takes it once it is whole on the disk.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// A file under a name of its own. Removed when dropped, unless it took its place.
#[derive(Debug)]
pub(super) struct Fresh {
    path: PathBuf,
    file: File,
    took_its_place: bool,
}

impl Fresh {
    /// Beside this path: a name that nobody else has, and that follows no link.
    pub(super) fn beside(target: &Path) -> io::Result<Self> {
        let name = format!(".pimesh-{:016x}.part", rand::random::<u64>());
        let path = target.with_file_name(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)?;
        Ok(Self {
            path,
            file,
            took_its_place: false,
        })
    }

    /// What to write to.
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Takes the place of whatever is there; a symbolic link is replaced itself. The folder
    /// is not waited for ([`sync_folder`]).
    pub(super) fn take_place(mut self, target: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, target)?;
        self.took_its_place = true;
        Ok(())
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        if !self.took_its_place {
            // nothing more can be done about it
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Waits until the names in a folder are on the disk.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    match folder.as_os_str().is_empty() {
        true => File::open(".")?.sync_all(),
        false => File::open(folder)?.sync_all(),
    }
}
