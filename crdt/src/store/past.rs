//! What this device held when: the order of receipt, and the moments that go with it.
//!
//! Writers' clocks differ and travel with their changes; the order in which changes came here
//! does not depend on them. A past state is therefore all changes up to a place in that order,
//! which is closed under dependencies, and a moment is a place by this device's own clock.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{OptionalExtension, params};

use super::log::PART;
use super::{Batch, Store, StoreError};
use crate::id::{ChangeHash, CollectionId, DeviceId, DocId, Timestamp};

/// When the changes of one document came here, and under whose names.
#[derive(Clone, Debug, Default)]
pub struct Receipts(HashMap<Vec<u8>, Vec<(u64, DeviceId)>>);

impl Receipts {
    /// The place of a change in the order of receipt; nothing where it is not here.
    pub fn place(&self, change: &ChangeHash) -> Option<u64> {
        let names = self.0.get(&change.0[..PART])?;
        names.iter().map(|(place, _)| *place).min()
    }

    /// The devices that gave the change a name of their own: who wrote it or took its text in,
    /// in the order in which that was heard of here.
    pub fn devices(&self, change: &ChangeHash) -> Vec<DeviceId> {
        let mut names = self.0.get(&change.0[..PART]).cloned().unwrap_or_default();
        names.sort_unstable();
        let mut out: Vec<DeviceId> = Vec::new();
        for (_, device) in names {
            if !out.contains(&device) {
                out.push(device);
            }
        }
        out
    }
}

impl Store {
    /// The receipts of these documents. Reads the whole log once, however many they are.
    pub fn receipts(
        &self,
        docs: impl IntoIterator<Item = (CollectionId, DocId)>,
    ) -> Result<BTreeMap<(CollectionId, DocId), Receipts>, StoreError> {
        let mut out: BTreeMap<(CollectionId, DocId), Receipts> = BTreeMap::new();
        let mut wanted = HashMap::new();
        for (collection, doc) in docs {
            let Some(place) = self.place(collection)? else {
                continue;
            };
            if let Some(nr) = self.doc_nr(place.class, doc)? {
                wanted.insert(nr, (collection, doc));
                out.insert((collection, doc), Receipts::default());
            }
        }
        if wanted.is_empty() {
            return Ok(out);
        }
        let mut devices: HashMap<i64, DeviceId> = HashMap::new();
        let mut statement = self.conn.prepare_cached("SELECT nr, device FROM origin")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            devices.insert(row.get(0)?, DeviceId(row.get(1)?));
        }
        self.each_name(|_, origin, name| {
            if let Some(key) = wanted.get(&name.doc)
                && let Some(receipts) = out.get_mut(key)
                && let Some(device) = devices.get(&origin)
            {
                let place = u64::try_from(name.seq).unwrap_or(0);
                let names = receipts.0.entry(name.part.to_vec()).or_default();
                names.push((place, *device));
            }
        })?;
        Ok(out)
    }

    /// The place in the order of receipt that this device had reached at a moment; nothing
    /// where that is before everything it knows of.
    pub fn reached_at(&self, at: Timestamp) -> Result<Option<u64>, StoreError> {
        let at = i64::try_from(at.0).unwrap_or(i64::MAX);
        Ok(self
            .conn
            .prepare_cached("SELECT max(seq) FROM moment WHERE at <= ?1")?
            .query_row([at], |row| row.get(0))
            .optional()?
            .flatten())
    }

    /// The first moment this device knows its state of.
    pub fn known_since(&self) -> Result<Option<Timestamp>, StoreError> {
        let first: Option<u64> = self
            .conn
            .prepare_cached("SELECT min(at) FROM moment")?
            .query_row((), |row| row.get(0))?;
        Ok(first.map(Timestamp))
    }
}

impl Batch<'_> {
    /// Records how far the order of receipt has come now.
    pub(super) fn mark_moment(&self) -> Result<(), StoreError> {
        let at = i64::try_from(self.now.0).unwrap_or(i64::MAX);
        self.tx
            .prepare_cached(
                "INSERT INTO moment (at, seq) VALUES (?1, ?2)
                 ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)",
            )?
            .execute(params![at, self.seq])?;
        Ok(())
    }
}
