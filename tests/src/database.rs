//! A device's database, looked at from outside: is it whole, and how far is it?

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};

/// Opens it for reading only.
pub fn open(database: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(
        database,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
}

/// SQLite finds nothing wrong with it.
///
/// # Panics
/// When it does.
pub fn assert_whole(database: &Path) {
    if !database.exists() {
        return; // killed before there was one
    }
    let found = open(database).and_then(check).or_else(|error| {
        // cut while the file was being made: what the next program will roll back is
        // rolled back in a copy, and left to it
        match error.sqlite_error_code() {
            Some(ErrorCode::ReadOnly) => check_copy(database),
            _ => Err(error),
        }
    });
    let found = found.expect("the database can be read");
    assert_eq!(found, "ok", "{}", database.display());
}

fn check(db: Connection) -> rusqlite::Result<String> {
    db.query_row("PRAGMA integrity_check", [], |row| row.get(0))
}

fn check_copy(database: &Path) -> rusqlite::Result<String> {
    let folder = tempfile::TempDir::new().unwrap();
    let name = database.file_name().unwrap().to_str().unwrap();
    for ending in ["", "-wal", "-journal"] {
        let file = format!("{name}{ending}");
        let path = database.with_file_name(&file);
        if path.exists() {
            std::fs::copy(path, folder.path().join(file)).unwrap();
        }
    }
    check(Connection::open(folder.path().join(name))?)
}

/// Changes and whole blobs that are stored; 0 while there is no database.
pub fn stored(database: &Path) -> usize {
    let count = "SELECT (SELECT count(*) FROM change) + (SELECT count(*) FROM blob)
                   + (SELECT coalesce(sum(length(hashes) / 8), 0) FROM chunk)
                   + (SELECT coalesce(sum(count), 0) FROM block)";
    open(database)
        .and_then(|db| db.query_row(count, [], |row| row.get(0)))
        .unwrap_or(0)
}
