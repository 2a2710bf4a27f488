//! Writing what a batch holds: new changes, derived rows, names, version vectors.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rusqlite::{CachedStatement, OptionalExtension, Transaction, params};

use super::batch::{Batch, Waiting};
use super::blocks::{self, ENOUGH, Filling};
use super::chunks::AT_ONCE;
use super::items::{join_hashes, kind_value};
use super::log::PART;
use super::names::Name;
use super::{Store, StoreError};
use crate::doc::{Document, Sealed, Summary};
use crate::id::{CollectionId, DocId};
use crate::sync::Reached;

/// So often, by names, it is looked whether many documents have loose edits.
pub(super) const SWEEP_EVERY: i64 = 1_024;
/// Documents that may have loose edits: of many, several lie in one block, which is read once.
const MOST_LOOSE: usize = 4_096;
/// Documents whose edits are packed in one transaction: the person waits for it.
const SWEPT_AT_ONCE: usize = 512;

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
                "INSERT INTO doc (nr, class, id, heads, token, live, course, conflicts,
                                  kind, uid, name, start, end, search, first, single)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
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
        let is_new = |doc: &&Waiting| doc.nr.is_none() && !doc.changes.is_empty();
        let mut filling = match waiting.values().filter(is_new).nth(ENOUGH - 1) {
            Some(_) => Some(self.fill()?),
            None => None,
        };
        let (mut comes_alone, mut edits, mut crowded) = (false, false, Vec::new());
        let mut numbers = HashMap::with_capacity(waiting.len());
        let mut classes: HashMap<i64, CollectionId> = HashMap::new();
        let mut inserts = Inserts::prepare(&self.tx)?;
        // new ones in the order of the index, then known ones as they lie: several in a block
        let (mut known, mut all): (Vec<_>, Vec<_>) =
            (waiting.into_iter()).partition(|(_, waiting)| waiting.nr.is_some());
        known.sort_unstable_by_key(|(_, waiting)| waiting.nr);
        all.append(&mut known);
        for (key, waiting) in all {
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
                    comes_alone |= nr.is_none();
                    edits |= nr.is_some() || waiting.changes.len() > 1;
                    let lived = nr.map(|nr| self.lives(nr)).transpose()? == Some(true);
                    let nr = self.settle_document(
                        key,
                        nr,
                        &waiting.changes,
                        &mut inserts,
                        &mut filling,
                        &mut crowded,
                    )?;
                    if lived && !self.lives(nr)? {
                        self.done.died.insert((class, key.1));
                    }
                    nr
                }
            };
            numbers.insert(key, nr);
        }
        if let Some(filling) = &mut filling {
            self.write_block(filling)?;
        }
        // what lies in blocks is read by these, so they come after
        for nr in crowded {
            self.pack_edits(nr, AT_ONCE)?;
        }
        if filling.is_none() && comes_alone {
            self.gather()?;
        }
        if edits && self.seq / SWEEP_EVERY != self.swept {
            self.swept = self.seq / SWEEP_EVERY;
            self.sweep(MOST_LOOSE, SWEPT_AT_ONCE)?;
        }
        drop(inserts);
        self.write_names(&numbers)
    }

    /// Writes the names that wait, in the order in which they were given.
    fn write_names(&mut self, numbers: &HashMap<(i64, DocId), i64>) -> Result<(), StoreError> {
        let mut logs: BTreeMap<(i64, i64), Vec<Name>> = BTreeMap::new();
        for row in std::mem::take(&mut self.rows) {
            let Reached { n, chain } = row.reached;
            let mut part = [0; PART];
            part.copy_from_slice(&row.hash.0[..PART]);
            let unknown = || StoreError::Corrupt("a name without its document".to_owned());
            logs.entry((row.coll, row.origin)).or_default().push(Name {
                n,
                seq: row.seq,
                doc: numbers.get(&row.doc).copied().ok_or_else(unknown)?,
                part,
                chain,
            });
        }
        for ((coll, origin), names) in logs {
            self.append(coll, origin, &names)?;
        }
        Ok(())
    }

    fn settle_document(
        &self,
        key: (i64, DocId),
        nr: Option<i64>,
        changes: &[Box<Sealed>],
        inserts: &mut Inserts<'_>,
        filling: &mut Option<Filling>,
        crowded: &mut Vec<i64>,
    ) -> Result<i64, StoreError> {
        let is_new = nr.is_none();
        // of a new document, the place of the change that goes into a block
        let first = match filling {
            Some(_) if is_new => changes.iter().position(|it| blocks::fits(&it.at_rest)),
            _ => None,
        };
        let block = first.and(filling.as_ref()).map(Filling::nr);
        let nr = self.write_document(key, nr, changes, block, inserts)?;
        for (place, change) in changes.iter().enumerate() {
            if let Some(filling) = filling.as_mut().filter(|_| first == Some(place)) {
                filling.add(nr, &change.at_rest);
                if filling.is_full() {
                    self.write_block(filling)?;
                }
            } else {
                let mut packer = self.store.packer.borrow_mut();
                let packed = packer.pack(&change.at_rest)?;
                let row = params![nr, &change.hash.0[..], packed.dict, packed.body];
                inserts.change.execute(row)?;
            }
            for blob in &change.blobs {
                inserts.blob_ref.execute(params![&blob.0[..], nr])?;
            }
        }
        if changes.len() == 1 && is_new {
            return Ok(nr);
        }
        let loose: i64 = inserts.loose.query_row([nr], |row| row.get(0))?;
        if loose >= AT_ONCE as i64 {
            crowded.push(nr);
        }
        Ok(nr)
    }

    /// Writes the derived row of a document that gets these changes.
    fn write_document(
        &self,
        key: (i64, DocId),
        nr: Option<i64>,
        fresh: &[Box<Sealed>],
        block: Option<i64>,
        inserts: &mut Inserts<'_>,
    ) -> Result<i64, StoreError> {
        let single = fresh.len() == 1;
        if let (None, [change]) = (nr, fresh)
            && let Some(summary) = &change.first
        {
            return self.insert_document(key, summary, single, block, inserts);
        }
        let wrong = |source| StoreError::Change { doc: key.1, source };
        let fresh = fresh.iter().map(|change| change.parts().map(Arc::new));
        let fresh = fresh.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        let mut all = match nr {
            Some(nr) => self.store.parts_of(nr)?,
            None => Vec::new(),
        };
        all.extend(fresh);
        let document = Document::of(all).map_err(wrong)?;
        let summary = document.summary();
        let nr = match nr {
            Some(nr) => {
                self.update_document(nr, &summary, false)?;
                nr
            }
            None => self.insert_document(key, &summary, single, block, inserts)?,
        };
        let mut recent = self.store.recent.borrow_mut();
        recent.put(nr, &summary.heads, document.changes());
        Ok(nr)
    }

    fn insert_document(
        &self,
        key: (i64, DocId),
        s: &Summary,
        single: bool,
        block: Option<i64>,
        inserts: &mut Inserts<'_>,
    ) -> Result<i64, StoreError> {
        let nr = self.next_document();
        inserts.doc.execute(params![
            nr,
            key.0,
            &key.1.0[..],
            join_hashes(&s.heads),
            self.token,
            s.live,
            s.course(),
            s.conflicts,
            kind_value(&s.kind),
            s.uid,
            s.name,
            s.start,
            s.end,
            s.search,
            block,
            single
        ])?;
        self.store.is_present(key.1);
        self.adds_up(key.0, key.1, &s.heads);
        Ok(nr)
    }

    /// Gives a document its new derived row. The state it had stays known under its mark: one
    /// of several heads gets a row, one of a single head is that change.
    pub(super) fn update_document(
        &self,
        nr: i64,
        s: &Summary,
        single: bool,
    ) -> Result<(), StoreError> {
        let heads = join_hashes(&s.heads);
        self.adds_up_anew(nr, &s.heads)?;
        self.tx
            .prepare_cached(
                "INSERT OR IGNORE INTO version (doc, fp, heads)
                 SELECT nr, fingerprint(id, heads), heads FROM doc
                 WHERE nr = ?1 AND heads <> ?2 AND length(heads) > 32",
            )?
            .execute(params![nr, heads])?;
        self.tx
            .prepare_cached(
                "UPDATE doc SET heads = ?2, token = ?3, live = ?4, course = ?5, conflicts = ?6,
                   kind = ?7, uid = ?8, name = ?9, start = ?10, end = ?11, search = ?12,
                   single = ?13
                 WHERE nr = ?1",
            )?
            .execute(params![
                nr,
                heads,
                self.token,
                s.live,
                s.course(),
                s.conflicts,
                kind_value(&s.kind),
                s.uid,
                s.name,
                s.start,
                s.end,
                s.search,
                single
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
}

impl Store {
    /// Derives the row of a document again from its stored changes; says with it whether there
    /// is but one.
    pub(super) fn summary_of(&self, nr: i64, id: DocId) -> Result<(Summary, bool), StoreError> {
        let document = Document::of(self.parts_as_stored(nr)?);
        let document = document.map_err(|source| StoreError::Change { doc: id, source })?;
        Ok((document.summary(), document.changes().len() == 1))
    }
}
