//! Opening the database file, and the one value that owns it.

use std::cell::{Cell, RefCell};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OptionalExtension};

use super::absent::Filter;
use super::blocks::Block;
use super::items::{Fingerprint, split_hashes};
use super::pack::Packer;
use super::recent::Recent;
use super::sums::Sums;
use super::{StoreError, migrate};
use crate::id::{DeviceId, DocId, Origin, Timestamp};

/// How long to wait for another process that is just closing the file.
const PATIENCE: Duration = Duration::from_secs(2);
/// Room for every statement of this crate.
const STATEMENTS: usize = 128;

/// Under which number and origin this device names changes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Own {
    pub(super) nr: i64,
    pub(super) origin: Origin,
}

/// The database of one device. One owner, one thread; reads see the last commit.
#[derive(Debug)]
pub struct Store {
    pub(super) conn: Connection,
    pub(super) packer: RefCell<Packer>,
    pub(super) last_block: RefCell<Option<Arc<Block>>>,
    pub(super) recent: RefCell<Recent>,
    pub(super) filter: RefCell<Option<Filter>>,
    pub(super) own: Cell<Own>,
    pub(super) sums: RefCell<Option<Sums>>,
}

impl Store {
    /// Opens the database, making it or bringing it up to date where needed.
    pub fn open(path: &Path, device: DeviceId) -> Result<Self, StoreError> {
        Self::prepare(Connection::open(path)?, device)
    }

    /// A database that is gone when it is dropped: for demonstrations and tests.
    pub fn open_in_memory(device: DeviceId) -> Result<Self, StoreError> {
        Self::prepare(Connection::open_in_memory()?, device)
    }

    fn prepare(mut conn: Connection, device: DeviceId) -> Result<Self, StoreError> {
        conn.busy_timeout(PATIENCE)?;
        conn.set_prepared_statement_cache_capacity(STATEMENTS);
        conn.execute_batch(
            // FULL: a commit that has returned is on the disk, so no name is given twice.
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA foreign_keys = ON;
             PRAGMA cache_size = -8000;
             PRAGMA journal_size_limit = 4194304;",
        )?;
        // Plans do not depend on bound values, or SQLite makes some anew at every use.
        conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
        // SQLite's own lower() knows ASCII only.
        conn.create_scalar_function("fold", 1, FunctionFlags::SQLITE_DETERMINISTIC, |row| {
            Ok(row.get_raw(0).as_str()?.to_lowercase())
        })?;
        conn.create_scalar_function(
            "fingerprint",
            2,
            FunctionFlags::SQLITE_DETERMINISTIC,
            |row| {
                let id = DocId(row.get(0)?);
                let heads = split_hashes(row.get_raw(1).as_blob()?);
                Ok(Fingerprint::of(id, &heads).0.to_vec())
            },
        )?;
        let rows = migrate::migrate(&mut conn)?;
        let incarnation = conn
            .query_row(
                "SELECT value FROM meta WHERE key = 'incarnation'",
                (),
                |row| row.get(0),
            )
            .optional()?
            .unwrap_or(0);
        let own = own(
            &conn,
            Origin {
                device,
                incarnation,
            },
        )?;
        let packer = RefCell::new(Packer::new()?);
        let mut store = Self {
            conn,
            packer,
            last_block: RefCell::new(None),
            recent: RefCell::default(),
            filter: RefCell::new(None),
            own: Cell::new(own),
            sums: RefCell::new(None),
        };
        if rows == migrate::Rows::Older {
            let documents = store.look_at_documents()?;
            let batch = store.batch(Timestamp::default())?;
            batch.mend(&documents)?;
            batch.tx.commit()?;
        }
        Ok(store)
    }

    /// Under which origin this device names its changes now.
    pub fn origin(&self) -> Origin {
        self.own.get().origin
    }

    /// Looks through the whole file. An empty list means that all is well.
    pub fn quick_check(&self) -> Result<Vec<String>, StoreError> {
        let mut statement = self.conn.prepare("PRAGMA integrity_check(20)")?;
        let lines = statement.query_map((), |row| row.get::<_, String>(0))?;
        let mut problems = lines.collect::<Result<Vec<_>, _>>()?;
        problems.retain(|line| line != "ok");
        Ok(problems)
    }

    /// Packs the file tight, after a large import: takes a second and the file's size again
    /// on the disk while it runs.
    pub fn compact(&mut self) -> Result<(), StoreError> {
        {
            let batch = self.batch(Timestamp::default())?;
            batch.sweep(0, usize::MAX)?;
            batch.tx.commit()?;
        }
        self.write_tight()
    }

    /// Writes a whole copy of the database, packed tight, to a file that must not exist.
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        self.conn
            .execute("VACUUM INTO ?1", [path.to_string_lossy()])?;
        Ok(())
    }
}

/// The number of our own origin, recorded as ours.
pub(super) fn own(conn: &Connection, origin: Origin) -> Result<Own, StoreError> {
    conn.execute(
        "INSERT INTO meta (key, value) VALUES ('incarnation', ?1)
         ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE value <> excluded.value",
        [origin.incarnation],
    )?;
    Ok(Own {
        nr: super::log::origin_nr(conn, &origin)?,
        origin,
    })
}
