//! What a device has to tell its person, kept until they have acknowledged it.
//!
//! A file of its own (`notices.json`), so that it is neither copied to other devices nor set
//! back together with a database that was restored.

use std::{fs, io};

use super::{Home, HomeError, write_private};
use crate::api::Notice;

/// More are not kept: the first of each kind says what happened.
const MOST: usize = 16;

/// The kind of notice that tells from which device came back what this one had lost.
pub(crate) const CAME_BACK: &str = "came_back";

impl Home {
    /// What was not acknowledged yet, the oldest first.
    pub fn notices(&self) -> Result<Vec<Notice>, HomeError> {
        let path = self.0.join("notices.json");
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|source| HomeError::BadConfig { path, source }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(HomeError::File { path, source }),
        }
    }

    /// Keeps a notice. What is of one kind and one life is told once: it happens collection by
    /// collection.
    pub fn note(&self, notice: Notice) -> Result<(), HomeError> {
        let mut all = self.notices()?;
        // what came back from one device is other news than what came back from the next
        let is_same = |old: &Notice| {
            let is_told = notice.kind != CAME_BACK || notice.message == old.message;
            old.kind == notice.kind && notice.incarnation == old.incarnation && is_told
        };
        if all.len() < MOST && !all.iter().any(is_same) {
            all.push(notice);
            self.write_notices(&all)?;
        }
        Ok(())
    }

    /// Forgets all of them: the person knows.
    pub fn acknowledge(&self) -> Result<(), HomeError> {
        match self.notices()?.is_empty() {
            true => Ok(()),
            false => self.write_notices(&[]),
        }
    }

    fn write_notices(&self, all: &[Notice]) -> Result<(), HomeError> {
        let path = self.0.join("notices.json");
        let text = serde_json::to_vec_pretty(all).map_err(|source| HomeError::BadConfig {
            path: path.clone(),
            source,
        })?;
        write_private(&path, &text).map_err(|source| HomeError::File { path, source })
    }
}

#[cfg(test)]
mod tests {
    use pimesh_crdt::Timestamp;

    use super::*;
    use crate::api::Moment;

    #[test]
    fn a_notice_is_told_once_until_it_is_acknowledged() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::at(folder.path()).unwrap();
        assert_eq!(home.notices().unwrap(), []);
        home.acknowledge().unwrap();
        let notice = |incarnation| Notice {
            at: Moment(Timestamp(1)),
            kind: "copied".into(),
            incarnation,
            message: "m".into(),
        };
        for incarnation in [7, 7, 8] {
            home.note(notice(incarnation)).unwrap();
        }
        assert_eq!(home.notices().unwrap(), [notice(7), notice(8)]);
        home.acknowledge().unwrap();
        assert_eq!(home.notices().unwrap(), []);
        fs::write(folder.path().join("notices.json"), "torn").unwrap();
        assert!(home.notices().is_err());
    }
}
