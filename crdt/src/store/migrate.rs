//! Brings a database file to the layout this program knows.
//!
//! Each dated file of `migrations/` runs once, all missing ones in one transaction;
//! `user_version` says how many have run. The application id keeps us from writing into
//! the database of another program.

use rusqlite::{Connection, TransactionBehavior};

use super::StoreError;

/// In the order they run. Only ever appended to.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/20261122_first.sql"),
    include_str!("../../migrations/20261122_import_state.sql"),
    include_str!("../../migrations/20261122_retired.sql"),
    include_str!("../../migrations/20261122_past.sql"),
    include_str!("../../migrations/20261123_attachments.sql"),
    include_str!("../../migrations/20261123_course.sql"),
    include_str!("../../migrations/20261123_recon.sql"),
    include_str!("../../migrations/20261123_salvage.sql"),
];

/// "pmsh": in the header of every database file of ours.
const APPLICATION_ID: i64 = 0x706d_7368;

/// What a program before the sixth layout derived from changes is not what rows say now.
const ROWS_ARE_OLDER_THAN: usize = 6;

/// Whether the rows of a database have to be derived anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    AsDerived,
    Older,
}

pub(super) fn migrate(conn: &mut Connection) -> Result<Rows, StoreError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = tx.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let owner: i64 = tx.pragma_query_value(None, "application_id", |row| row.get(0))?;
    let tables: i64 = tx.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
    if owner != APPLICATION_ID && (tables > 0 || found != 0) {
        return Err(StoreError::NotADatabase);
    }
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    let done = usize::try_from(found).map_err(|_| StoreError::NotADatabase)?;
    for sql in &MIGRATIONS[done..] {
        tx.execute_batch(sql)?;
    }
    if done < MIGRATIONS.len() {
        tx.pragma_update(None, "application_id", APPLICATION_ID)?;
        tx.pragma_update(None, "user_version", known)?;
    }
    tx.commit()?;
    Ok(match done > 0 && done < ROWS_ARE_OLDER_THAN {
        true => Rows::Older,
        false => Rows::AsDerived,
    })
}
