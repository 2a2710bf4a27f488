//! Remembers beside the database that there was one: a store that is gone is not a new one.
//!
//! `store.life` is written once the store was opened for the first time, and before one that is
//! gone is made anew. Invariant: a store that begins again never gives a name twice, whenever
//! the power fails, since its life is at least the one that stands here.

use std::ffi::OsString;
use std::path::PathBuf;
use std::{fs, io};

use pimesh_crdt::Timestamp;

use super::{Home, HomeError, file_error, write_private};

/// What a home says about its store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreBefore {
    /// There was none yet.
    New,
    /// It is there; its life is at least this one.
    There(u32),
    /// There was one, and now there is none, or an empty file: what begins is this life.
    Gone(u32),
}

impl Home {
    /// Looks for the store before it is opened. What may be left of one that is gone (its
    /// journal) is moved aside first, for an expert: opening would delete it.
    pub fn store_before(&self, now: Timestamp) -> Result<StoreBefore, HomeError> {
        let path = self.life_path();
        let life = match fs::read_to_string(&path) {
            // whatever it says, there was a store
            Ok(text) => text.trim().parse().unwrap_or(0),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(StoreBefore::New),
            Err(source) => return Err(HomeError::File { path, source }),
        };
        match fs::metadata(self.database()) {
            Ok(about) if about.len() > 0 => return Ok(StoreBefore::There(life)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(file_error(&self.database())(error));
            }
            Ok(_) | Err(_) => {}
        }
        let by_clock = u32::try_from(now.0 / 1000).unwrap_or(0);
        let life = by_clock.max(life.saturating_add(1));
        for end in ["-wal", "-journal"] {
            let mut name = OsString::from(self.database());
            name.push(end);
            let left = PathBuf::from(&name);
            name.push(format!(".{life}"));
            match fs::rename(&left, &name) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(file_error(&left)(error));
                }
                _ => {}
            }
        }
        self.keep_life(life)?;
        Ok(StoreBefore::Gone(life))
    }

    /// Remembers that there is a store, in this life.
    pub fn keep_life(&self, life: u32) -> Result<(), HomeError> {
        let path = self.life_path();
        write_private(&path, format!("{life}\n").as_bytes()).map_err(file_error(&path))
    }

    fn life_path(&self) -> PathBuf {
        self.folder().join("store.life")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_gone_begins_a_later_life_and_its_journal_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        let before = |at| home.store_before(Timestamp(at)).unwrap();
        assert_eq!(before(5000), StoreBefore::New);
        home.keep_life(0).unwrap();
        fs::write(home.database(), "x").unwrap();
        assert_eq!(before(5000), StoreBefore::There(0));
        fs::write(home.database(), "").unwrap();
        let journal = folder.path().join("pimesh.db-wal");
        fs::write(&journal, "the last changes").unwrap();
        assert_eq!(before(5000), StoreBefore::Gone(5));
        assert!(!journal.exists());
        let kept = folder.path().join("pimesh.db-wal.5");
        assert_eq!(fs::read_to_string(kept).unwrap(), "the last changes");
        fs::remove_file(home.database()).unwrap();
        assert_eq!(
            before(1000),
            StoreBefore::Gone(6),
            "also where the clock was set back"
        );
        fs::write(home.database(), "x").unwrap();
        assert_eq!(before(9000), StoreBefore::There(6));
    }
}
