//! What this device held when: the order of receipt, and the moments that go with it.
//!
//! Writers' clocks differ and travel with their changes; the order in which changes came here
//! does not depend on them. A past state is therefore all changes up to a place in that order,
//! which is closed under dependencies, and a moment is a place by this device's own clock.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use rusqlite::{OptionalExtension, params};

use super::log::PART;
use super::{Batch, Store, StoreError};
use crate::diff::{Absence, Edit, diff};
use crate::doc::{Back, Document, View};
use crate::id::{ChangeHash, CollectionId, DeviceId, DocId, Timestamp};
use crate::item::key;

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

    /// How to take back these changes of a document.
    pub fn back(&self, document: &Document, ours: &BTreeSet<ChangeHash>) -> Back {
        let place = |change: &ChangeHash| self.place(change).unwrap_or(u64::MAX);
        let first = ours.iter().map(place).min().unwrap_or(u64::MAX);
        let all = document.changes();
        let before = View::of(all.iter().filter(|c| place(&c.hash) < first));
        let is_after = |hash: &ChangeHash| place(hash) < first || ours.contains(hash);
        let after = View::of(all.iter().filter(|c| is_after(&c.hash)));
        let mut back = Back::to(&before, &after, &document.view());
        // what another device took in by itself is not ours to delete
        let is_shared = ours.iter().any(|change| self.devices(change).len() > 1);
        if is_shared && back.edits.contains(&Edit::Delete { rid: None }) {
            back.edits.clear();
            back.kept.push(key::LIVE.to_owned());
        }
        back
    }

    /// What brings a document back to what it was at a place in the order of receipt; nothing
    /// where it was not here yet.
    pub fn restore(&self, document: &Document, reached: u64) -> Option<Vec<Edit>> {
        let was_here = |place: Option<u64>| place.is_some_and(|place| place <= reached);
        let then = document.changes().iter();
        let then = View::of(then.filter(|change| was_here(self.place(&change.hash))));
        if then.changes.is_empty() {
            return None;
        }
        let (was, is) = (then.shown(), document.view().shown());
        let mut edits = Vec::new();
        match (was.live, is.live) {
            (true, false) => edits.push(Edit::Revive { rid: None }),
            (false, true) => return Some(vec![Edit::Delete { rid: None }]),
            (true, true) => {}
            (false, false) => return Some(edits),
        }
        edits.extend(diff(&is.item, &was.item, Absence::IsExact));
        Some(edits)
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
