//! The logs: who named which change when, how far each side has got, and what to send next.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::batch::Batch;
use super::chunks::Opened;
use super::{Store, StoreError};
use crate::doc;
use crate::id::{Chain, ChangeHash, CollectionId, DeviceId, DocId, Origin};
use crate::sync::{Entry, Fork, Reached, VersionVector};

/// A log row names its change by so many bytes of the hash: enough within one document.
pub(super) const PART: usize = 8;
/// More entries than this are never read at once, however small they are.
const MOST_ENTRIES: usize = 16_384;
/// A guess at the size of a small entry, to read no more log rows than a page can hold.
const SMALL_ENTRY: usize = 64;

/// The next entries that a peer lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogPage {
    /// In order of receipt.
    pub entries: Vec<Entry>,
    /// What the peer has once it has these.
    pub after: VersionVector,
    /// True when there are more after these.
    pub more: bool,
    /// Origins whose history differs from the peer's; nothing of them is among the entries.
    pub forks: Vec<Fork>,
}

/// A log row on its way into a page.
struct Found {
    seq: i64,
    origin: Origin,
    reached: Reached,
    doc: i64,
    hash: Vec<u8>,
}

impl Store {
    /// The next entries of a collection that `their` does not cover, up to `max_bytes` of
    /// changes but at least one. To go on, call again with the page's `after`.
    ///
    /// Reads only rows that are lacking: within an origin, numbers and receipt agree in order.
    pub fn log_after(
        &self,
        collection: CollectionId,
        their: &VersionVector,
        max_bytes: usize,
    ) -> Result<LogPage, StoreError> {
        let mut page = LogPage {
            after: their.clone(),
            ..LogPage::default()
        };
        let Some(place) = self.place(collection)? else {
            return Ok(page);
        };
        // one snapshot, and one lock instead of one for each row
        let _reading = match self.conn.is_autocommit() {
            true => Some(self.conn.unchecked_transaction()?),
            false => None,
        };
        let most = (max_bytes / SMALL_ENTRY).clamp(16, MOST_ENTRIES);
        let mut found = Vec::new();
        // Rows after the last one read of an origin that has more are not known yet.
        let mut known_up_to = i64::MAX;
        for (origin, ours) in self.vector(place.nr, 0)?.iter() {
            let from = their.reached(origin);
            let nr = origin_nr(&self.conn, origin)?;
            if from.n > 0
                && from.n <= ours.n
                && self
                    .chain_at(place.nr, nr, from.n)?
                    .is_some_and(|chain| chain != from.chain)
            {
                page.forks.push(Fork {
                    origin: *origin,
                    n: from.n,
                });
            } else if from.n < ours.n {
                let before = found.len();
                self.rows_after(place.nr, (nr, *origin), from.n, most, &mut found)?;
                if found.len() - before == most {
                    known_up_to = known_up_to.min(found[found.len() - 1].seq);
                }
            }
        }
        found.sort_unstable_by_key(|row| row.seq);
        let mut bytes = 0;
        let mut opened = Opened::default();
        for row in &found {
            if row.seq > known_up_to
                || page.entries.len() >= most
                || (bytes >= max_bytes && bytes > 0)
            {
                page.more = true;
                break;
            }
            let (doc, body) = self.named_change(row, &mut opened)?;
            bytes += body.len();
            page.entries.push(Entry {
                origin: row.origin,
                n: row.reached.n,
                doc,
                bytes: body,
            });
            page.after.set(row.origin, row.reached);
        }
        page.more |= known_up_to < i64::MAX;
        Ok(page)
    }

    /// What is applied here of a collection.
    pub fn version_vector(&self, collection: CollectionId) -> Result<VersionVector, StoreError> {
        match self.place(collection)? {
            Some(place) => self.vector(place.nr, 0),
            None => Ok(VersionVector::new()),
        }
    }

    /// What a peer has last confirmed to hold of a collection.
    pub fn confirmed(
        &self,
        peer: DeviceId,
        collection: CollectionId,
    ) -> Result<VersionVector, StoreError> {
        match (self.place(collection)?, self.device_nr(peer)?) {
            (Some(place), Some(peer)) => self.vector(place.nr, peer),
            _ => Ok(VersionVector::new()),
        }
    }

    /// The vector of peer number `peer`; 0 is this device.
    pub(super) fn vector(&self, coll: i64, peer: i64) -> Result<VersionVector, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT v.n, v.chain, o.device, o.incarnation
             FROM vv v JOIN origin o ON o.nr = v.origin WHERE v.coll = ?1 AND v.peer = ?2",
        )?;
        let rows = statement.query_map([coll, peer], |row| {
            let origin = Origin {
                device: DeviceId(row.get(2)?),
                incarnation: row.get(3)?,
            };
            Ok((origin, reached(row)?))
        })?;
        let mut vector: VersionVector = rows.collect::<Result<_, _>>()?;
        if peer == 0 {
            for (origin, n) in self.retirements(coll)? {
                vector.retire(origin, n);
            }
        }
        Ok(vector)
    }

    pub(super) fn chain_at(
        &self,
        coll: i64,
        origin: i64,
        n: u64,
    ) -> Result<Option<Chain>, StoreError> {
        Ok(self
            .conn
            .prepare_cached("SELECT chain FROM log WHERE coll = ?1 AND origin = ?2 AND n = ?3")?
            .query_row(params![coll, origin, n], |row| Ok(Chain(row.get(0)?)))
            .optional()?)
    }

    fn rows_after(
        &self,
        coll: i64,
        (nr, origin): (i64, Origin),
        n: u64,
        most: usize,
        into: &mut Vec<Found>,
    ) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT n, chain, seq, doc, hash FROM log WHERE coll = ?1 AND origin = ?2 AND n > ?3
             ORDER BY n LIMIT ?4",
        )?;
        let mut rows = statement.query(params![coll, nr, n, most])?;
        while let Some(row) = rows.next()? {
            let (seq, doc, hash) = (row.get(2)?, row.get(3)?, row.get(4)?);
            into.push(Found {
                seq,
                origin,
                reached: reached(row)?,
                doc,
                hash,
            });
        }
        Ok(())
    }

    /// The document and the change behind a log row, which holds the beginning of the hash, in
    /// the form that travels.
    fn named_change(
        &self,
        found: &Found,
        opened: &mut Opened,
    ) -> Result<(DocId, Vec<u8>), StoreError> {
        let part = &found.hash[..];
        let upper = [part, &[0xff; 32 - PART]].concat();
        let mut statement = self.conn.prepare_cached(
            "SELECT d.id, c.dict, c.body, c.hash FROM change c JOIN doc d ON d.nr = c.doc
             WHERE c.doc = ?1 AND c.hash BETWEEN ?2 AND ?3",
        )?;
        let mut rows = statement.query(params![found.doc, part, upper])?;
        let Some(row) = rows.next()? else {
            return self.named_edit(found, opened);
        };
        let body = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        let mut packer = self.packer.borrow_mut();
        let at_rest = packer.unpack(&self.conn, row.get(1)?, body)?;
        let (doc, hash) = (DocId(row.get(0)?), ChangeHash(row.get(3)?));
        let bytes = doc::for_travel(at_rest, &hash, found.origin.device)
            .map_err(|source| StoreError::Change { doc, source })?;
        Ok((doc, bytes))
    }

    /// Likewise, where the change lies in a chunk.
    fn named_edit(
        &self,
        found: &Found,
        opened: &mut Opened,
    ) -> Result<(DocId, Vec<u8>), StoreError> {
        let edits = self.packed_beginning(found.doc, &found.hash, opened)?;
        let Some(edit) = edits.first() else {
            return Err(StoreError::Corrupt(
                "a log row without its change".to_owned(),
            ));
        };
        let doc = self
            .conn
            .prepare_cached("SELECT id FROM doc WHERE nr = ?1")?
            .query_row([found.doc], |row| Ok(DocId(row.get(0)?)))?;
        let bytes = doc::for_travel(edit.at_rest(), &edit.hash, found.origin.device)
            .map_err(|source| StoreError::Change { doc, source })?;
        Ok((doc, bytes))
    }
}

impl Batch<'_> {
    /// Records what a peer says it holds. Its newest word counts, also where it holds less
    /// than it said before.
    pub fn set_confirmed(
        &mut self,
        peer: DeviceId,
        collection: CollectionId,
        vector: &VersionVector,
    ) -> Result<(), StoreError> {
        let place = self.place(collection)?;
        let peer = self.ensure_device(peer)?;
        let before = self.store.vector(place.nr, peer)?;
        for (origin, _) in before
            .iter()
            .filter(|(origin, _)| vector.reached(origin).n == 0)
        {
            let nr = origin_nr(&self.tx, origin)?;
            self.tx
                .prepare_cached("DELETE FROM vv WHERE coll = ?1 AND peer = ?2 AND origin = ?3")?
                .execute([place.nr, peer, nr])?;
        }
        for (origin, reached) in vector.iter() {
            if before.reached(origin) == *reached {
                continue;
            }
            let nr = origin_nr(&self.tx, origin)?;
            self.tx
                .prepare_cached(
                    "INSERT INTO vv (coll, peer, origin, n, chain) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT DO UPDATE SET n = excluded.n, chain = excluded.chain",
                )?
                .execute(params![place.nr, peer, nr, reached.n, &reached.chain.0[..]])?;
        }
        Ok(())
    }
}

/// Reads columns `n` and `chain`, in this order, from the first two.
pub(super) fn reached(row: &Row<'_>) -> rusqlite::Result<Reached> {
    Ok(Reached {
        n: row.get(0)?,
        chain: Chain(row.get(1)?),
    })
}

/// The number of an origin, given where it is new.
pub(super) fn origin_nr(conn: &Connection, origin: &Origin) -> Result<i64, StoreError> {
    let known = conn
        .prepare_cached("SELECT nr FROM origin WHERE device = ?1 AND incarnation = ?2")?
        .query_row(params![&origin.device.0[..], origin.incarnation], |row| {
            row.get(0)
        })
        .optional()?;
    if let Some(nr) = known {
        return Ok(nr);
    }
    conn.prepare_cached("INSERT INTO origin (device, incarnation) VALUES (?1, ?2)")?
        .execute(params![&origin.device.0[..], origin.incarnation])?;
    Ok(conn.last_insert_rowid())
}
