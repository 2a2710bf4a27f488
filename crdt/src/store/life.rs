//! A database that was copied: is the copy whole, and how does it go on without giving a name
//! twice.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

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

    /// What was last said of where this database is.
    pub fn whereabouts(&self) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT value FROM meta WHERE key = 'place'";
        let found = self.conn.query_row(sql, (), |row| row.get(0));
        Ok(found.optional()?)
    }

    /// Keeps where this database is, in the caller's words.
    pub fn set_whereabouts(&mut self, place: &[u8]) -> Result<(), StoreError> {
        self.conn.execute(
            "INSERT INTO meta (key, value) VALUES ('place', ?1)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
            [place],
        )?;
        Ok(())
    }

    /// Forgets where this database is: it is put elsewhere on purpose.
    pub fn forget_whereabouts(&mut self) -> Result<(), StoreError> {
        let sql = "DELETE FROM meta WHERE key = 'place'";
        self.conn.execute(sql, ())?;
        Ok(())
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
