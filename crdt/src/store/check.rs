//! Is everything that is stored what it should be? Reads all of it, and derives again what is
//! derived.
//!
//! What is derived (rows of documents, references to blobs) can be mended from the changes; a
//! blob that is not what its name says is dropped, and then asked for like any that is missing.
//! Changes and their names are the truth itself: what is wrong with them is told. Documents of
//! which changes can not be read are taken out where another device may give them back.

use std::collections::HashSet;

use rusqlite::params;

use super::batch::Batch;
use super::items::{join_hashes, kind_value};
use super::log::{PART, reached};
use super::names;
use super::{Store, StoreError};
use crate::doc::{self, Document, Summary};
use crate::id::{BlobHash, ChangeHash, DocId, Timestamp};
use crate::sync::Reached;

/// Findings of one kind that are told in words; all are counted.
const MOST_TOLD: usize = 20;

/// What a look at one part of the store has found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// How much was looked at.
    pub looked_at: u64,
    /// How much of it is wrong.
    pub wrong: u64,
    /// What, in words: the first of them.
    pub told: Vec<String>,
}

impl Findings {
    fn tell(&mut self, what: String) {
        self.wrong += 1;
        if self.told.len() < MOST_TOLD {
            self.told.push(what);
        }
    }
}

/// What all documents together say.
#[derive(Clone, Debug, Default)]
pub struct Documents {
    /// Changes that can not be read, or are not what their name says.
    pub changes: Findings,
    /// Rows that are not what the changes say.
    pub rows: Findings,
    /// The numbers of those rows, to be mended.
    stale: Vec<(i64, DocId)>,
    /// The numbers of documents of which changes can not be read.
    pub(super) damaged: Vec<(i64, DocId)>,
    /// The latest moment that a writer's clock showed.
    pub latest: Timestamp,
}

/// Whether the bytes of a change have the hash that it is kept under.
pub(super) fn says_its_name(change: &doc::Parts) -> bool {
    doc::decode(&change.bytes()).is_ok_and(|read| read.hash == change.hash)
}

impl Store {
    /// The names of changes: without holes, each with its change, as the version vector says.
    pub fn look_at_log(&self) -> Result<Findings, StoreError> {
        let mut out = Findings::default();
        let mut named: HashSet<(i64, [u8; PART])> = HashSet::new();
        let mut ends: Vec<((i64, i64), Reached)> = Vec::new();
        let mut statement = self
            .conn
            .prepare("SELECT n, body, coll, origin FROM log ORDER BY coll, origin, n")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let n = row.get(0)?;
            let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            let key: (i64, i64) = (row.get(2)?, row.get(3)?);
            let Some(names) = names::read(n, body) else {
                out.tell(format!("the names from {n} on can not be read"));
                continue;
            };
            for name in names {
                out.looked_at += 1;
                let before = match ends.last() {
                    Some((last, reached)) if *last == key => *reached,
                    _ => {
                        ends.push((key, Reached::NOTHING));
                        Reached::NOTHING
                    }
                };
                let found = self.beginning(name.doc, &name.part);
                match found.ok().and_then(|found| found.first().copied()) {
                    None => out.tell(format!("name {} has no change", name.n)),
                    Some(hash) if before.then(hash) != name.reached() => {
                        out.tell(format!("name {} does not follow {}", name.n, before.n));
                    }
                    Some(_) => {}
                }
                named.insert((name.doc, name.part));
                if let Some((_, end)) = ends.last_mut() {
                    *end = name.reached();
                }
            }
        }
        self.look_at_vectors(&ends, &mut out)?;
        self.look_for_names(&named, &mut out)?;
        Ok(out)
    }

    /// Whether every change has a name.
    fn look_for_names(
        &self,
        named: &HashSet<(i64, [u8; PART])>,
        out: &mut Findings,
    ) -> Result<(), StoreError> {
        let mut look = |doc: i64, part: &[u8]| {
            let part: Option<[u8; PART]> = part.try_into().ok();
            if part.is_none_or(|part| !named.contains(&(doc, part))) {
                out.tell("a change has no name, so no other device hears of it".to_owned());
            }
        };
        let mut statement = self.conn.prepare(
            "SELECT doc, substr(hash, 1, 8) FROM change UNION ALL SELECT nr >> 16, hashes FROM chunk",
        )?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let (doc, parts): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
            parts.chunks(PART).for_each(|part| look(doc, part));
        }
        let mut statement = self
            .conn
            .prepare("SELECT nr FROM doc WHERE first IS NOT NULL ORDER BY first")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let doc = row.get(0)?;
            let Some(kept) = self.kept(doc)? else {
                continue;
            };
            // one that can not be read is told where changes are looked at
            let first = match kept.only() {
                Some(only) => Some(only),
                None => self.first(doc, &kept).ok().flatten().map(|it| it.hash),
            };
            if let Some(first) = first {
                look(doc, &first.0[..PART]);
            }
        }
        Ok(())
    }

    fn look_at_vectors(
        &self,
        ends: &[((i64, i64), Reached)],
        out: &mut Findings,
    ) -> Result<(), StoreError> {
        let mut statement = self
            .conn
            .prepare("SELECT n, chain, coll, origin FROM vv WHERE peer = 0")?;
        let mut rows = statement.query(())?;
        let mut claimed = HashSet::new();
        while let Some(row) = rows.next()? {
            let claim = reached(row)?;
            let key: (i64, i64) = (row.get(2)?, row.get(3)?);
            claimed.insert(key);
            let end = ends.iter().find(|(known, _)| *known == key);
            let end = end.map_or(Reached::NOTHING, |(_, end)| *end);
            if claim != end {
                out.tell(format!(
                    "the version vector says {}, the log reaches {}",
                    claim.n, end.n
                ));
            }
        }
        for _ in ends.iter().filter(|(key, _)| !claimed.contains(key)) {
            out.tell("the version vector leaves a log out".to_owned());
        }
        Ok(())
    }

    /// Every change and every row derived from changes.
    pub fn look_at_documents(&self) -> Result<Documents, StoreError> {
        let mut out = Documents::default();
        let mut statement = self.conn.prepare("SELECT nr, id FROM doc ORDER BY nr")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            let (nr, id) = (row.get(0)?, DocId(row.get(1)?));
            let Some(parts) = self.look_at_changes(nr, id, &mut out)? else {
                out.damaged.push((nr, id));
                continue;
            };
            out.rows.looked_at += 1;
            let blobs: HashSet<BlobHash> = parts.iter().flat_map(doc::Parts::blobs).collect();
            match Document::of(parts) {
                Err(error) => {
                    out.damaged.push((nr, id));
                    out.changes.tell(format!("item {id}: {error}"));
                }
                Ok(document) => {
                    let is_right =
                        self.has_row(nr, &document.summary())? && self.has_refs(nr, &blobs)?;
                    if !is_right {
                        out.rows
                            .tell(format!("item {id}: its row is not what its changes say"));
                        out.stale.push((nr, id));
                    }
                }
            }
        }
        Ok(out)
    }

    /// The changes of one document; nothing where one of them can not be read.
    fn look_at_changes(
        &self,
        nr: i64,
        id: DocId,
        out: &mut Documents,
    ) -> Result<Option<Vec<doc::Parts>>, StoreError> {
        let loose = self
            .conn
            .prepare_cached("SELECT hash FROM change WHERE doc = ?1");
        let hashes: Vec<ChangeHash> = loose?
            .query_map([nr], |row| row.get(0).map(ChangeHash))?
            .collect::<Result<_, _>>()?;
        let mut all: Vec<Result<doc::Parts, String>> = (hashes.iter())
            .map(|hash| self.loose_one(nr, hash).map_err(|error| error.to_string()))
            .collect();
        let first = match self.kept(nr)? {
            Some(kept) => self.first(nr, &kept),
            None => Ok(None),
        };
        match first.and_then(|first| Ok((self.packed(nr, first.as_ref())?, first))) {
            Ok((packed, first)) => all.extend(packed.into_iter().chain(first).map(Ok)),
            Err(error) => all.push(Err(error.to_string())),
        }
        let (mut parts, mut whole) = (Vec::new(), true);
        for change in all {
            out.changes.looked_at += 1;
            match change {
                Ok(change) if says_its_name(&change) => {
                    let time = u64::try_from(change.time).unwrap_or(0);
                    out.latest = out.latest.max(Timestamp(time));
                    parts.push(change);
                }
                Ok(_) => {
                    whole = false;
                    out.changes
                        .tell(format!("item {id}: a change is not what its name says"));
                }
                Err(error) => {
                    whole = false;
                    out.changes.tell(format!("item {id}: {error}"));
                }
            }
        }
        if whole && parts.is_empty() {
            out.changes.tell(format!("item {id}: it has no change"));
        }
        Ok((whole && !parts.is_empty()).then_some(parts))
    }

    /// A change that has a row of its own.
    pub(super) fn loose_one(&self, nr: i64, hash: &ChangeHash) -> Result<doc::Parts, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT dict, body FROM change WHERE doc = ?1 AND hash = ?2")?;
        let mut rows = statement.query(params![nr, &hash.0[..]])?;
        let Some(row) = rows.next()? else {
            return Err(StoreError::Corrupt("a change that is gone".to_owned()));
        };
        let body = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
        let mut packer = self.packer.borrow_mut();
        let at_rest = packer.unpack(row.get(0)?, body)?;
        doc::Parts::of_rest(&at_rest, *hash).map_err(|error| StoreError::Corrupt(error.to_string()))
    }

    fn has_row(&self, nr: i64, s: &Summary) -> Result<bool, StoreError> {
        let heads = join_hashes(&s.heads);
        Ok(self
            .conn
            .prepare_cached(
                "SELECT 1 FROM doc WHERE nr = ?1 AND heads = ?2
                   AND live = ?3 AND course = ?4 AND conflicts = ?5 AND kind = ?6 AND uid = ?7
                   AND name = ?8 AND start = ?9 AND end = ?10 AND search = ?11",
            )?
            .exists(params![
                nr,
                heads,
                s.live,
                s.course(),
                s.conflicts,
                kind_value(&s.kind),
                s.uid,
                s.name,
                s.start,
                s.end,
                s.search
            ])?)
    }

    fn has_refs(&self, nr: i64, blobs: &HashSet<BlobHash>) -> Result<bool, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT 1 FROM blob_ref WHERE hash = ?1 AND doc = ?2")?;
        for blob in blobs {
            if !statement.exists(params![&blob.0[..], nr])? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Writes rows anew that are not what their changes say; gives how many.
    pub fn mend_rows(&mut self, found: &Documents, now: Timestamp) -> Result<u64, StoreError> {
        let batch = self.batch(now)?;
        batch.mend(found)?;
        batch.commit()?;
        Ok(found.stale.len() as u64)
    }

    /// Blobs that are not what their names say; their hashes with it.
    pub fn look_at_blobs(&self) -> Result<(Findings, Vec<BlobHash>), StoreError> {
        let (mut out, mut damaged) = (Findings::default(), Vec::new());
        let mut statement = self.conn.prepare("SELECT hash FROM blob")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            out.looked_at += 1;
            let hash = BlobHash(row.get(0)?);
            if !self.is_what_its_name_says(hash)? {
                out.tell(format!("attachment {hash} is not what its name says"));
                damaged.push(hash);
            }
        }
        Ok((out, damaged))
    }

    /// Drops blobs that are damaged, so that other devices are asked for them.
    pub fn drop_blobs(&mut self, damaged: &[BlobHash], now: Timestamp) -> Result<(), StoreError> {
        let batch = self.batch(now)?;
        for hash in damaged {
            batch.drop_blob(*hash)?;
        }
        batch.commit()?;
        Ok(())
    }

    /// Makes all indexes anew.
    pub fn reindex(&mut self) -> Result<(), StoreError> {
        self.conn.execute_batch("REINDEX")?;
        Ok(())
    }

    /// The latest moment that this device's own clock has shown.
    pub fn latest_moment(&self) -> Result<Option<Timestamp>, StoreError> {
        let latest: Option<u64> = self
            .conn
            .query_row("SELECT max(at) FROM moment", (), |row| row.get(0))?;
        Ok(latest.map(Timestamp))
    }
}

impl Batch<'_> {
    /// Writes rows anew that are not what their changes say.
    pub(super) fn mend(&self, found: &Documents) -> Result<(), StoreError> {
        for (nr, id) in &found.stale {
            let (summary, single) = self.store.summary_of(*nr, *id)?;
            self.update_document(*nr, &summary, single)?;
            for parts in self.store.parts_as_stored(*nr)? {
                for blob in parts.blobs() {
                    self.tx
                        .prepare_cached(
                            "INSERT OR IGNORE INTO blob_ref (hash, doc) VALUES (?1, ?2)",
                        )?
                        .execute(params![&blob.0[..], nr])?;
                }
            }
        }
        Ok(())
    }
}
