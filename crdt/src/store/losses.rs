//! What a disk has lost, as far as the logs still name it; which peers were asked for it; and
//! when to give it up.
//!
//! A change that is named and not here can not be sent, and what its origin named after it has
//! to wait. Whoever holds it gives it back once the states of all documents are compared. Where
//! nobody does, the names from there on are void, and what is left of them is named anew.

use std::collections::{HashMap, HashSet};

use rusqlite::{OptionalExtension, params};

use super::log::PART;
use super::names::Name;
use super::regain::part_of;
use super::{Retired, Store, StoreError};
use crate::id::{ChangeHash, CollectionId, DeviceId, DocId, Origin, Timestamp};

/// Changes that are named and not here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// In the logs of which class.
    pub class: CollectionId,
    /// When it was noticed.
    pub since: Timestamp,
    /// How many changes.
    pub changes: u64,
    /// Of how many documents.
    pub documents: u64,
}

/// When all documents of a class were last found to be the same as a peer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compared {
    /// When.
    pub at: Timestamp,
    /// In which of the peer's lives.
    pub incarnation: u32,
    /// Whether that was after the loss that is noted for the class: the peer lacks it too.
    pub asked: bool,
}

/// Lost changes, each with the number of its document, by class.
type Lost = HashMap<i64, HashSet<(i64, [u8; PART])>>;

impl Store {
    /// What is noted as missing.
    pub fn losses(&self) -> Result<Vec<Loss>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT c.id, m.since, m.changes, m.documents FROM missing m
             JOIN collection c ON c.nr = m.class ORDER BY c.id",
        )?;
        let rows = statement.query_map((), |row| {
            Ok(Loss {
                class: CollectionId(row.get(0)?),
                since: Timestamp(row.get(1)?),
                changes: row.get(2)?,
                documents: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Looks for names whose changes are not here, leads them to where these are now, and notes
    /// how many are left.
    pub fn note_losses(&mut self, now: Timestamp) -> Result<Vec<Loss>, StoreError> {
        let mut lost = self.lost()?;
        if !lost.is_empty() {
            let here = self.changes_here()?;
            let batch = self.batch(now)?;
            for (class, changes) in &lost {
                let found: HashMap<[u8; PART], i64> = (changes.iter())
                    .filter_map(|(_, part)| Some((*part, *here.get(&(*class, *part))?)))
                    .collect();
                if !found.is_empty() {
                    batch.lead_names(*class, &found)?;
                }
            }
            batch.commit()?;
            lost = self.lost()?;
        }
        let batch = self.batch(now)?;
        let known: Vec<i64> = batch
            .tx
            .prepare_cached("SELECT class FROM missing")?
            .query_map((), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for class in known.iter().filter(|class| !lost.contains_key(class)) {
            batch
                .tx
                .prepare_cached("DELETE FROM missing WHERE class = ?1")?
                .execute([class])?;
        }
        for (class, changes) in &lost {
            let documents: HashSet<i64> = changes.iter().map(|(doc, _)| *doc).collect();
            let more = batch
                .tx
                .prepare_cached("SELECT changes FROM missing WHERE class = ?1")?
                .query_row([class], |row| row.get::<_, usize>(0))
                .optional()?
                .is_none_or(|known| known < changes.len());
            if more {
                // whoever was asked before was asked for less
                batch
                    .tx
                    .prepare_cached("UPDATE compared SET asked = 0 WHERE class = ?1")?
                    .execute([class])?;
            }
            batch
                .tx
                .prepare_cached(
                    "INSERT INTO missing (class, since, changes, documents) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO UPDATE SET changes = ?3, documents = ?4,
                       since = CASE WHEN ?3 > changes THEN ?2 ELSE since END",
                )?
                .execute(params![class, now.0, changes.len(), documents.len()])?;
        }
        batch.commit()?;
        self.losses()
    }

    /// Every name whose change is not here.
    fn lost(&self) -> Result<Lost, StoreError> {
        let classes = self.classes_of_logs()?;
        let mut present = HashSet::new();
        self.each_change(|nr, _, part| {
            present.insert((nr, part));
        })?;
        let mut doubtful: Vec<(i64, Name)> = Vec::new();
        self.each_name(|coll, _, name| {
            if !present.contains(&(name.doc, name.part)) {
                doubtful.push((coll, *name));
            }
        })?;
        let mut lost = Lost::new();
        for (coll, name) in doubtful {
            if self.named(&name)?.is_none()
                && let Some(class) = classes.get(&coll)
            {
                lost.entry(*class)
                    .or_default()
                    .insert((name.doc, name.part));
            }
        }
        Ok(lost)
    }

    /// Where each change is that can be found without opening a block: by class and hash.
    fn changes_here(&self) -> Result<HashMap<(i64, [u8; PART]), i64>, StoreError> {
        let mut here = HashMap::new();
        self.each_change(|nr, class, part| {
            here.insert((class, part), nr);
        })?;
        Ok(here)
    }

    /// Every change but first ones that others build on: the document, its class, the hash.
    fn each_change(&self, mut give: impl FnMut(i64, i64, [u8; PART])) -> Result<(), StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT nr, class, substr(heads, 1, 8) FROM doc WHERE single
             UNION ALL
             SELECT d.nr, d.class, substr(c.hash, 1, 8) FROM change c JOIN doc d ON d.nr = c.doc
             UNION ALL
             SELECT d.nr, d.class, k.hashes FROM chunk k JOIN doc d ON d.nr = k.nr >> 16",
        )?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let parts = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            for part in parts.chunks_exact(PART) {
                let mut whole = [0; PART];
                whole.copy_from_slice(part);
                give(row.get(0)?, row.get(1)?, whole);
            }
        }
        Ok(())
    }

    /// The document and the change of a name; nothing where it is lost.
    pub(super) fn named(&self, name: &Name) -> Result<Option<(DocId, ChangeHash)>, StoreError> {
        let Some(kept) = self.kept(name.doc)? else {
            return Ok(None);
        };
        match self.beginning(name.doc, &name.part) {
            Ok(found) => Ok(found
                .into_iter()
                .find(|hash| part_of(hash) == name.part)
                .map(|hash| (kept.id, hash))),
            Err(error) if error.is_damage() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The numbers of the collections of a class.
    pub(super) fn logs_of(&self, class: i64) -> Result<HashSet<i64>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT nr FROM collection WHERE class = ?1")?;
        let rows = statement.query_map([class], |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn classes_of_logs(&self) -> Result<HashMap<i64, i64>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT nr, class FROM collection")?;
        let rows = statement.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// When the documents of a collection were last the same as a peer's.
    pub fn compared(
        &self,
        collection: CollectionId,
        peer: DeviceId,
    ) -> Result<Option<Compared>, StoreError> {
        let (Some(place), Some(peer)) = (self.place(collection)?, self.device_nr(peer)?) else {
            return Ok(None);
        };
        Ok(self
            .conn
            .prepare_cached(
                "SELECT at, incarnation, asked FROM compared WHERE class = ?1 AND peer = ?2",
            )?
            .query_row([place.class, peer], |row| {
                Ok(Compared {
                    at: Timestamp(row.get(0)?),
                    incarnation: row.get(1)?,
                    asked: row.get(2)?,
                })
            })
            .optional()?)
    }

    /// Notes that the documents of a collection add up to the same as a peer's: the peer lacks
    /// what is lacking here. They are compared one by one when that is due all the same.
    pub fn set_same_sum(
        &mut self,
        collection: CollectionId,
        peer: DeviceId,
        incarnation: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(known) = self.compared(collection, peer)? else {
            return self.set_compared(collection, peer, incarnation, now);
        };
        if known.asked || self.losses()?.is_empty() {
            return Ok(());
        }
        self.set_compared(collection, peer, known.incarnation, known.at)
    }

    /// Notes that all documents of a collection are the same as a peer's.
    pub fn set_compared(
        &mut self,
        collection: CollectionId,
        peer: DeviceId,
        incarnation: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let Some(place) = self.place(collection)? else {
            return Ok(()); // neither has anything of it
        };
        let batch = self.batch(now)?;
        let class = place.class;
        let peer = batch.ensure_device(peer)?;
        batch
            .tx
            .prepare_cached(
                "INSERT OR REPLACE INTO compared (class, peer, at, incarnation, asked)
                 VALUES (?1, ?2, ?3, ?4, EXISTS (SELECT 1 FROM missing WHERE class = ?1))",
            )?
            .execute(params![class, peer, now.0, incarnation])?;
        batch.commit()?;
        Ok(())
    }

    /// Voids the names of changes that are lost, where none of the members can have them any
    /// more: those that ever said they have them, and the origin's own device, were asked.
    ///
    /// `lost` is where the log stops for a peer that asks for what follows.
    pub fn give_up(
        &mut self,
        collection: CollectionId,
        lost: &[(Origin, u64)],
        members: &[DeviceId],
        now: Timestamp,
    ) -> Result<Option<Retired>, StoreError> {
        self.note_losses(now)?;
        let me = self.origin().device;
        let mut origins = Vec::new();
        for (origin, n) in lost {
            let mut nobody_has_it = true;
            for member in members.iter().filter(|member| **member != me) {
                let has_had = *member == origin.device
                    || self.confirmed(*member, collection)?.reached(origin).n >= *n;
                if has_had {
                    let compared = self.compared(collection, *member)?;
                    nobody_has_it &= compared.is_some_and(|compared| compared.asked);
                }
            }
            if nobody_has_it {
                origins.push((*origin, n - 1));
            }
        }
        if origins.is_empty() {
            return Ok(None);
        }
        let retired = self.retire(collection, &origins, now)?;
        self.note_losses(now)?;
        Ok(Some(retired))
    }
}
