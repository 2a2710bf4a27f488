//! Changes that could not be applied: kept aside with the reason, so that a person can be told.

use rusqlite::params;

use super::batch::Batch;
use super::receive::Why;
use super::{Store, StoreError};
use crate::id::{CollectionId, DeviceId, DocId, Origin};
use crate::sync::Entry;

/// A change that could not be applied and is kept aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quarantined {
    /// In whose log it stands.
    pub collection: CollectionId,
    /// Who named it.
    pub origin: Origin,
    /// Its number there.
    pub n: u64,
    /// The document it is meant for.
    pub doc: DocId,
    /// What is wrong with it.
    pub reason: String,
}

impl Store {
    /// Changes that are kept aside.
    pub fn quarantined(&self) -> Result<Vec<Quarantined>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT c.id, o.device, o.incarnation, q.n, q.doc, q.reason FROM quarantine q
             JOIN collection c ON c.nr = q.coll JOIN origin o ON o.nr = q.origin",
        )?;
        let rows = statement.query_map((), |row| {
            Ok(Quarantined {
                collection: CollectionId(row.get(0)?),
                origin: Origin {
                    device: DeviceId(row.get(1)?),
                    incarnation: row.get(2)?,
                },
                n: row.get(3)?,
                doc: DocId(row.get(4)?),
                reason: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Batch<'_> {
    /// Keeps a change aside.
    pub(super) fn quarantine(
        &mut self,
        coll: i64,
        origin: i64,
        entry: &Entry,
        reason: &str,
    ) -> Result<Result<bool, Why>, StoreError> {
        self.has_quarantine = true;
        self.tx
            .prepare_cached(
                "INSERT OR REPLACE INTO quarantine (coll, origin, n, doc, at, reason, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                coll,
                origin,
                entry.n,
                &entry.doc.0[..],
                self.now.0,
                reason,
                entry.bytes
            ])?;
        Ok(Err(Why::Quarantined(reason.to_owned())))
    }
}
