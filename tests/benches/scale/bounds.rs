//! What no program could do without: the bounds, measured on the same data in the same run.

use std::path::Path;

use rusqlite::{Connection, params};

use super::data::Datum;
use super::measure::timed;

/// zstd's level, everywhere.
const LEVEL: i32 = 3;
/// Rows in one transaction, as an import has them.
const AT_ONCE: usize = 1000;

/// The bounds. Processor time in seconds.
#[derive(Debug)]
pub(crate) struct Bounds {
    /// Inserting the texts into one table.
    pub(crate) insert: f64,
    /// Packing the same rows, each by itself.
    pub(crate) pack_rows: f64,
    /// Packing all texts as one.
    pub(crate) pack: f64,
    /// Unpacking them.
    pub(crate) unpack: f64,
    /// The file with that table.
    pub(crate) table_bytes: u64,
    /// All texts as one.
    pub(crate) text_bytes: usize,
    /// All texts as one, packed.
    pub(crate) packed_bytes: usize,
}

/// Measures them, on documents in the order of their ids.
pub(crate) fn measure(data: &[Datum], folder: &Path) -> Bounds {
    let mut rows: Vec<&Datum> = data.iter().collect();
    rows.sort_by_key(|datum| datum.doc);
    let path = folder.join("plain.db");
    let ((), insert) = timed(|| plain_table(&rows, &path));
    let ((), pack_rows) = timed(|| {
        let mut compressor = zstd::bulk::Compressor::new(LEVEL).expect("a compressor");
        for datum in &rows {
            compressor
                .compress(datum.text.as_bytes())
                .expect("a packed row");
        }
    });
    let texts: String = rows.iter().map(|datum| datum.text.as_str()).collect();
    let (packed, pack) =
        timed(|| zstd::bulk::compress(texts.as_bytes(), LEVEL).expect("packed texts"));
    let (_, unpack) = timed(|| zstd::bulk::decompress(&packed, texts.len()).expect("the texts"));
    Bounds {
        insert,
        pack_rows,
        pack,
        unpack,
        table_bytes: size(&path),
        text_bytes: texts.len(),
        packed_bytes: packed.len(),
    }
}

/// One table, no index, as durable as ours.
fn plain_table(rows: &[&Datum], path: &Path) {
    let conn = Connection::open(path).expect("a database");
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE item (id BLOB NOT NULL, text TEXT NOT NULL);",
    )
    .expect("a table");
    for some in rows.chunks(AT_ONCE) {
        let tx = conn.unchecked_transaction().expect("a transaction");
        let mut insert = tx
            .prepare_cached("INSERT INTO item (id, text) VALUES (?1, ?2)")
            .expect("a statement");
        for datum in some {
            insert
                .execute(params![&datum.doc.0[..], datum.text])
                .expect("a row");
        }
        drop(insert);
        tx.commit().expect("a commit");
    }
}

/// The size of a file that is closed.
pub(crate) fn size(path: &Path) -> u64 {
    std::fs::metadata(path).expect("a file").len()
}
