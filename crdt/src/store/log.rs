//! The logs: who named which change when, how far each side has got, and what to send next.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::batch::Batch;
use super::blocks::{Block, Kept};
use super::chunks::Opened;
use super::names::Name;
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
    /// The first names of origins whose changes are lost here: nothing after them can be sent.
    pub lost: Vec<(Origin, u64)>,
}

/// Names whose documents are looked up at once, and how far apart these may be for it.
const AHEAD: usize = 1_024;
const APART: i64 = 4;
/// Blocks that are kept while a page is read.
const MOST_BLOCKS: usize = 256;

/// What was opened for a page and may be needed again for it.
#[derive(Default)]
struct Open {
    kept: HashMap<i64, Kept>,
    chunk: Opened,
    blocks: HashMap<i64, Arc<Block>>,
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
        let (found, known_up_to) = self.lacking(place.nr, their, most, &mut page.forks)?;
        let mut bytes = 0;
        let mut open = Open::default();
        let mut reached = BTreeMap::new();
        for (at, (origin, name)) in found.iter().enumerate() {
            if at % AHEAD == 0 {
                let ahead = &found[at..found.len().min(at + AHEAD)];
                self.look_ahead(ahead, &mut open.kept)?;
            }
            if name.seq > known_up_to
                || page.entries.len() >= most
                || (bytes >= max_bytes && bytes > 0)
            {
                page.more = true;
                break;
            }
            if page.lost.iter().any(|(stops, _)| stops == origin) {
                continue;
            }
            let (doc, body) = match self.named_change(origin.device, name, &mut open) {
                Err(error) if error.is_damage() => {
                    page.lost.push((*origin, name.n));
                    continue;
                }
                read => read?,
            };
            bytes += body.len();
            page.entries.push(Entry {
                origin: *origin,
                n: name.n,
                doc,
                bytes: body,
            });
            reached.insert(*origin, name.reached());
        }
        for (origin, reached) in reached {
            page.after.set(origin, reached);
        }
        page.more |= known_up_to < i64::MAX;
        Ok(page)
    }

    /// The names that `their` does not cover, in the order of receipt, and up to where all of
    /// them are known.
    fn lacking(
        &self,
        coll: i64,
        their: &VersionVector,
        most: usize,
        forks: &mut Vec<Fork>,
    ) -> Result<(Vec<(Origin, Name)>, i64), StoreError> {
        let mut found: Vec<(Origin, Name)> = Vec::new();
        // Rows after the last one read of an origin that has more are not known yet.
        let mut known_up_to = i64::MAX;
        for (origin, ours) in self.vector(coll, 0)?.iter() {
            let from = their.reached(origin);
            let nr = origin_nr(&self.conn, origin)?;
            if from.n > 0
                && from.n <= ours.n
                && self
                    .chain_at(coll, nr, from.n)?
                    .is_some_and(|chain| chain != from.chain)
            {
                forks.push(Fork {
                    origin: *origin,
                    n: from.n,
                });
            } else if from.n < ours.n {
                let names = self.names_after(coll, nr, from.n, most)?;
                if let Some(last) = names.last().filter(|_| names.len() == most) {
                    known_up_to = known_up_to.min(last.seq);
                }
                found.extend(names.into_iter().map(|name| (*origin, name)));
            }
        }
        found.sort_unstable_by_key(|(_, name)| name.seq);
        Ok((found, known_up_to))
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
        Ok(self.name_at(coll, origin, n)?.map(|name| name.chain))
    }

    /// The document and the change behind a name in the log of a device, in the form that
    /// travels.
    fn named_change(
        &self,
        by: DeviceId,
        name: &Name,
        open: &mut Open,
    ) -> Result<(DocId, Vec<u8>), StoreError> {
        let lost = || StoreError::Corrupt("a name without its change".to_owned());
        let kept = match open.kept.remove(&name.doc) {
            Some(kept) => kept,
            None => self.kept(name.doc)?.ok_or_else(lost)?,
        };
        let doc = kept.id;
        let travels = |at_rest, hash: &ChangeHash| {
            doc::for_travel(at_rest, hash, by).map_err(|source| StoreError::Change { doc, source })
        };
        if let (Some(nr), Some(only)) = (kept.first, kept.only())
            && only.0.starts_with(&name.part)
        {
            let block = self.block_of_page(nr, open)?;
            let at_rest = block.change(name.doc).ok_or_else(lost)?;
            return Ok((doc, travels(at_rest.to_vec(), &only)?));
        }
        if let Some((at_rest, hash)) = self.loose_beginning(name.doc, &name.part)? {
            return Ok((doc, travels(at_rest, &hash)?));
        }
        if let Some(edit) = self.packed_edit(name.doc, &kept, &name.part, &mut open.chunk)? {
            return Ok((doc, travels(edit.at_rest(), &edit.hash)?));
        }
        match self.first(name.doc, &kept)? {
            Some(first) if first.hash.0.starts_with(&name.part) => {
                Ok((doc, travels(first.at_rest(), &first.hash)?))
            }
            _ => Err(lost()),
        }
    }

    /// Looks up the documents of the next names, where they were written together.
    fn look_ahead(
        &self,
        names: &[(Origin, Name)],
        kept: &mut HashMap<i64, Kept>,
    ) -> Result<(), StoreError> {
        kept.clear();
        let docs = names.iter().map(|(_, name)| name.doc);
        let (Some(low), Some(high)) = (docs.clone().min(), docs.max()) else {
            return Ok(());
        };
        if high.saturating_sub(low) > APART * names.len() as i64 {
            return Ok(());
        }
        let mut statement = self.conn.prepare_cached(
            "SELECT id, first, single, heads, nr FROM doc WHERE nr BETWEEN ?1 AND ?2",
        )?;
        let mut rows = statement.query([low, high])?;
        while let Some(row) = rows.next()? {
            kept.insert(row.get(4)?, Kept::read(row)?);
        }
        Ok(())
    }

    fn block_of_page(&self, nr: i64, open: &mut Open) -> Result<Arc<Block>, StoreError> {
        if let Some(block) = open.blocks.get(&nr) {
            return Ok(block.clone());
        }
        let block = self.block(nr)?;
        if open.blocks.len() >= MOST_BLOCKS {
            open.blocks.clear();
        }
        open.blocks.insert(nr, block.clone());
        Ok(block)
    }

    /// The change of a document that has a row of its own and whose hash begins so, in the form
    /// that is kept.
    fn loose_beginning(
        &self,
        doc: i64,
        part: &[u8; PART],
    ) -> Result<Option<(Vec<u8>, ChangeHash)>, StoreError> {
        let upper = [&part[..], &[0xff; 32 - PART]].concat();
        let mut statement = self.conn.prepare_cached(
            "SELECT hash, dict, body FROM change WHERE doc = ?1 AND hash BETWEEN ?2 AND ?3",
        )?;
        let mut rows = statement.query(params![doc, part, upper])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        let body = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
        let at_rest = self.packer.borrow_mut().unpack(row.get(1)?, body)?;
        Ok(Some((at_rest, ChangeHash(row.get(0)?))))
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
