//! A database that was copied: is the copy whole, and how does it go on without giving a name
//! twice.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::{Store, StoreError};
use crate::id::{Origin, Timestamp};

/// Problems of one file that are told.
const MOST_TOLD: usize = 20;

impl Store {
    /// Takes a new life for a database that was restored from a copy: nothing that is named
    /// from now on can meet what was named since the copy was made.
    ///
    /// The life's number is the time in seconds, so two restores of one copy differ too.
    pub fn begin_life(&mut self, now: Timestamp) -> Result<Origin, StoreError> {
        let mut batch = self.batch(now)?;
        let Origin {
            device,
            incarnation,
        } = batch.own.origin;
        let by_clock = u32::try_from(now.0 / 1000).unwrap_or(0);
        let incarnation = by_clock.max(incarnation.saturating_add(1));
        let origin = Origin {
            device,
            incarnation,
        };
        batch.own = super::open::own(&batch.tx, origin)?;
        batch.commit()?;
        Ok(origin)
    }

    /// Looks through a database file without opening it for writing. An empty list means that
    /// its pages are whole.
    pub fn look_through(path: &Path) -> Result<Vec<String>, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(path, flags)?;
        let sql = format!("PRAGMA integrity_check({MOST_TOLD})");
        let mut statement = conn.prepare(&sql)?;
        let lines = statement.query_map((), |row| row.get::<_, String>(0))?;
        let mut problems = lines.collect::<Result<Vec<_>, _>>()?;
        problems.retain(|line| line != "ok");
        Ok(problems)
    }
}
