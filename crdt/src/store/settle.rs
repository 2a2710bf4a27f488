//! Writing what a batch holds: new changes, derived rows, names, version vectors.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{CachedStatement, OptionalExtension, Transaction, params};

use super::batch::{Batch, Waiting};
use super::chunks::AT_ONCE;
use super::items::{join_hashes, kind_value};
use super::log::PART;
use super::{Store, StoreError};
use crate::doc::{Document, Parts, Sealed, Summary};
use crate::id::{CollectionId, DocId, Origin};
use crate::sync::Reached;

/// What is written for every new document, prepared once for many.
struct Inserts<'t> {
    doc: CachedStatement<'t>,
    change: CachedStatement<'t>,
    blob_ref: CachedStatement<'t>,
    loose: CachedStatement<'t>,
}

impl<'t> Inserts<'t> {
    fn prepare(tx: &'t Transaction<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            doc: tx.prepare_cached(
                "INSERT INTO doc (class, id, heads, token, live, recurring, conflicts,
                                  kind, uid, name, start, end, search)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?,
            change: tx.prepare_cached(
                "INSERT INTO change (doc, hash, dict, body) VALUES (?1, ?2, ?3, ?4)",
            )?,
            blob_ref: tx
                .prepare_cached("INSERT OR IGNORE INTO blob_ref (hash, doc) VALUES (?1, ?2)")?,
            loose: tx.prepare_cached("SELECT count(*) FROM change WHERE doc = ?1")?,
        })
    }
}

impl Batch<'_> {
    /// Writes all that waits to the transaction, documents in the order of their ids.
    pub(super) fn settle(&mut self) -> Result<(), StoreError> {
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        self.train(&waiting)?;
        let mut numbers = HashMap::with_capacity(waiting.len());
        let mut classes: HashMap<i64, CollectionId> = HashMap::new();
        let mut inserts = Inserts::prepare(&self.tx)?;
        for (key, waiting) in waiting {
            let nr = match (waiting.nr, waiting.changes.is_empty()) {
                (Some(nr), true) => nr,
                (None, true) => continue,
                (nr, false) => {
                    let class = match classes.get(&key.0) {
                        Some(class) => *class,
                        None => self.class_id(key.0)?,
                    };
                    classes.insert(key.0, class);
                    self.done.docs.insert((class, key.1));
                    self.settle_document(key, nr, &waiting.changes, &mut inserts)?
                }
            };
            numbers.insert(key, nr);
        }
        let mut insert = self.tx.prepare_cached(
            "INSERT INTO log (coll, origin, n, seq, doc, chain, hash)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        for row in std::mem::take(&mut self.rows) {
            let nr = numbers.get(&row.doc).copied();
            let Reached { n, chain } = row.reached;
            let (chain, hash) = (&chain.0[..], &row.hash.0[..PART]);
            insert.execute(params![row.coll, row.origin, n, row.seq, nr, chain, hash])?;
        }
        Ok(())
    }

    fn train(&mut self, waiting: &BTreeMap<(i64, DocId), Waiting>) -> Result<(), StoreError> {
        let mut by_class: BTreeMap<i64, Vec<&[u8]>> = BTreeMap::new();
        for ((class, _), doc) in waiting {
            let changes = doc.changes.iter().map(|fresh| &fresh.at_rest[..]);
            by_class.entry(*class).or_default().extend(changes);
        }
        let mut packer = self.store.packer.borrow_mut();
        for (class, all) in by_class {
            if packer.wants_training(class, all.len()) {
                packer.train(&self.tx, class, &all)?;
            }
        }
        Ok(())
    }

    fn settle_document(
        &self,
        key: (i64, DocId),
        nr: Option<i64>,
        changes: &[Box<Sealed>],
        inserts: &mut Inserts<'_>,
    ) -> Result<i64, StoreError> {
        let is_new = nr.is_none();
        let nr = self.write_document(key, nr, changes, inserts)?;
        let mut packer = self.store.packer.borrow_mut();
        for change in changes {
            let packed = packer.pack(key.0, &change.at_rest)?;
            let row = params![nr, &change.hash.0[..], packed.dict, packed.body];
            inserts.change.execute(row)?;
            for blob in &change.blobs {
                inserts.blob_ref.execute(params![&blob.0[..], nr])?;
            }
        }
        drop(packer);
        if changes.len() == 1 && is_new {
            return Ok(nr);
        }
        let loose: i64 = inserts.loose.query_row([nr], |row| row.get(0))?;
        if loose >= AT_ONCE as i64 {
            self.pack_edits(nr, key.1)?;
        }
        Ok(nr)
    }

    /// Writes the derived row of a document that gets these changes.
    fn write_document(
        &self,
        key: (i64, DocId),
        nr: Option<i64>,
        fresh: &[Box<Sealed>],
        inserts: &mut Inserts<'_>,
    ) -> Result<i64, StoreError> {
        if let (None, [change]) = (nr, fresh)
            && let Some(summary) = &change.first
        {
            return self.insert_document(key, summary, true, inserts);
        }
        let wrong = |source| StoreError::Change { doc: key.1, source };
        let all: Result<Vec<Parts>, _> = fresh.iter().map(|change| change.parts()).collect();
        let mut all = all.map_err(wrong)?;
        if let Some(nr) = nr {
            all.extend(self.store.parts_of(nr)?);
        }
        let summary = Document::of(all).map_err(wrong)?.summary();
        match nr {
            Some(nr) => {
                self.update_document(nr, &summary)?;
                Ok(nr)
            }
            None => self.insert_document(key, &summary, fresh.len() == 1, inserts),
        }
    }

    fn insert_document(
        &self,
        key: (i64, DocId),
        s: &Summary,
        single: bool,
        inserts: &mut Inserts<'_>,
    ) -> Result<i64, StoreError> {
        let heads = (!single).then(|| join_hashes(&s.heads));
        inserts.doc.execute(params![
            key.0,
            &key.1.0[..],
            heads,
            self.token,
            s.live,
            s.recurring,
            s.conflicts,
            kind_value(&s.kind),
            s.uid,
            s.name,
            s.start,
            s.end,
            s.search
        ])?;
        Ok(self.tx.last_insert_rowid())
    }

    /// Gives a document its new derived row. The state it had stays known under its mark: one
    /// of several heads gets a row, one of a single head is that change.
    pub(super) fn update_document(&self, nr: i64, s: &Summary) -> Result<(), StoreError> {
        let heads = join_hashes(&s.heads);
        // A single change has no heads in its row: it is the head.
        self.tx
            .prepare_cached(
                "INSERT OR IGNORE INTO version (doc, fp, heads)
                 SELECT ?1, fingerprint(id, before), before FROM (
                   SELECT id, coalesce(heads, (SELECT hash FROM change WHERE doc = nr)) AS before
                   FROM doc WHERE nr = ?1)
                 WHERE before <> ?2 AND length(before) > 32",
            )?
            .execute(params![nr, heads])?;
        self.tx
            .prepare_cached(
                "UPDATE doc SET heads = ?2, token = ?3, live = ?4, recurring = ?5, conflicts = ?6,
                   kind = ?7, uid = ?8, name = ?9, start = ?10, end = ?11, search = ?12
                 WHERE nr = ?1",
            )?
            .execute(params![
                nr,
                heads,
                self.token,
                s.live,
                s.recurring,
                s.conflicts,
                kind_value(&s.kind),
                s.uid,
                s.name,
                s.start,
                s.end,
                s.search
            ])?;
        Ok(())
    }

    /// How far a log goes, rows of this batch included.
    pub(super) fn log_end(&mut self, coll: i64, origin: i64) -> Result<Reached, StoreError> {
        if let Some(end) = self.logs.get(&(coll, origin)) {
            return Ok(end.reached);
        }
        let reached = self
            .tx
            .prepare_cached("SELECT n, chain FROM vv WHERE coll = ?1 AND peer = 0 AND origin = ?2")?
            .query_row([coll, origin], super::log::reached)
            .optional()?
            .unwrap_or(Reached::NOTHING);
        self.logs.insert(
            (coll, origin),
            super::batch::LogEnd {
                reached,
                grew: false,
            },
        );
        Ok(reached)
    }

    /// Writes the version vectors and counters that this batch has moved.
    pub(super) fn write_vectors(&mut self) -> Result<(), StoreError> {
        let mut upsert = self.tx.prepare_cached(
            "INSERT INTO vv (coll, peer, origin, n, chain) VALUES (?1, 0, ?2, ?3, ?4)
             ON CONFLICT DO UPDATE SET n = excluded.n, chain = excluded.chain",
        )?;
        let mut grown = std::collections::BTreeSet::new();
        for ((coll, origin), end) in self.logs.iter().filter(|(_, end)| end.grew) {
            upsert.execute(params![
                coll,
                origin,
                end.reached.n,
                &end.reached.chain.0[..]
            ])?;
            grown.insert(*coll);
        }
        drop(upsert);
        for (collection, place) in &self.places {
            if grown.contains(&place.nr) {
                self.done
                    .vectors
                    .insert(*collection, self.store.vector(place.nr, 0)?);
            }
        }
        if grown.is_empty() && self.done.docs.is_empty() {
            return Ok(());
        }
        let mut count = self.tx.prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET value = excluded.value",
        )?;
        count.execute(params!["seq", self.seq])?;
        count.execute(params!["token", self.token])?;
        drop(count);
        self.mark_moment()?;
        for (class, _) in &self.done.docs {
            self.tx
                .prepare_cached("UPDATE collection SET token = ?2 WHERE id = ?1 AND token <> ?2")?
                .execute(params![&class.0[..], self.token])?;
        }
        Ok(())
    }

    /// Takes another life: nothing that is named from now on can meet what was named before,
    /// here or by a copy of this device, which takes another one than this.
    pub(super) fn begin_incarnation(&mut self) -> Result<(), StoreError> {
        let Origin {
            device,
            incarnation,
        } = self.own.origin;
        let mut hasher = blake3::Hasher::new_derive_key("pimesh incarnation v1");
        hasher.update(&device.0);
        hasher.update(&incarnation.to_le_bytes());
        hasher.update(&self.now.0.to_le_bytes());
        hasher.update(&self.seq.to_le_bytes());
        let mut vectors = self
            .tx
            .prepare_cached("SELECT chain FROM vv WHERE peer = 0")?;
        let mut rows = vectors.query(())?;
        while let Some(row) = rows.next()? {
            hasher.update(row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?);
        }
        let mut bytes = [0; 4];
        hasher.finalize_xof().fill(&mut bytes);
        let incarnation = u32::from_le_bytes(bytes).max(1);
        self.own = super::open::own(
            &self.tx,
            Origin {
                device,
                incarnation,
            },
        )?;
        Ok(())
    }
}

impl Store {
    /// Derives the row of a document again from its stored changes.
    pub(super) fn summary_of(&self, nr: i64, id: DocId) -> Result<Summary, StoreError> {
        let document = Document::of(self.parts_of(nr)?);
        let document = document.map_err(|source| StoreError::Change { doc: id, source })?;
        Ok(document.summary())
    }
}
