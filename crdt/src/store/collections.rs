//! Collections, and which of them are one.
//!
//! A *class* is a set of collections that are one; its number and id are those of the
//! collection with the smallest id. Documents belong to the class, logs to the collection.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Row, params};

use super::batch::Batch;
use super::{Store, StoreError};
use crate::id::{CollectionId, DocId};

/// An address book or a calendar.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collection {
    /// Its own id: the one its log travels under.
    pub id: CollectionId,
    /// The id for computing: the smallest of those that are one with it.
    pub class: CollectionId,
    /// `contacts`, `calendar`, `mesh`; empty until it is known.
    pub kind: String,
    /// What people call it.
    pub name: String,
    /// Its colour as clients write it, or empty.
    pub colour: String,
    /// Rises with every change of the class.
    pub token: u64,
}

/// The numbers of a collection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) nr: i64,
    pub(super) class: i64,
}

const SELECT: &str = "SELECT c.id, k.id, c.kind, c.name, c.colour, k.token
                      FROM collection c JOIN collection k ON k.nr = c.class";

fn read(row: &Row<'_>) -> rusqlite::Result<Collection> {
    Ok(Collection {
        id: CollectionId(row.get(0)?),
        class: CollectionId(row.get(1)?),
        kind: row.get(2)?,
        name: row.get(3)?,
        colour: row.get(4)?,
        token: row.get(5)?,
    })
}

impl Store {
    /// Every collection, also those that are one with another.
    pub fn collections(&self) -> Result<Vec<Collection>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached(&format!("{SELECT} ORDER BY c.name, c.id"))?;
        let all = statement.query_map((), read)?.collect::<Result<_, _>>()?;
        Ok(all)
    }

    /// One collection.
    pub fn collection(&self, id: CollectionId) -> Result<Option<Collection>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached(&format!("{SELECT} WHERE c.id = ?1"))?;
        Ok(statement.query_row([&id.0[..]], read).optional()?)
    }

    /// The id for computing of a collection and all that are one with it.
    pub fn class_of(&self, id: CollectionId) -> Result<Option<CollectionId>, StoreError> {
        Ok(self.collection(id)?.map(|collection| collection.class))
    }

    pub(super) fn place(&self, id: CollectionId) -> Result<Option<Place>, StoreError> {
        Ok(self
            .conn
            .prepare_cached("SELECT nr, class FROM collection WHERE id = ?1")?
            .query_row([&id.0[..]], |row| {
                Ok(Place {
                    nr: row.get(0)?,
                    class: row.get(1)?,
                })
            })
            .optional()?)
    }
}

impl Batch<'_> {
    /// Makes a collection, or gives it another kind, name and colour.
    pub fn upsert_collection(
        &mut self,
        id: CollectionId,
        kind: &str,
        name: &str,
        colour: &str,
    ) -> Result<(), StoreError> {
        self.ensure_collection(id)?;
        self.tx
            .prepare_cached(
                "UPDATE collection SET kind = ?2, name = ?3, colour = ?4 WHERE id = ?1",
            )?
            .execute(params![&id.0[..], kind, name, colour])?;
        Ok(())
    }

    /// Makes two collections one, for ever. Documents that both have are merged; each
    /// collection keeps its own log.
    pub fn unite(&mut self, a: CollectionId, b: CollectionId) -> Result<(), StoreError> {
        self.settle()?;
        let (a, b) = (a.min(b), a.max(b));
        let (one, two) = (self.ensure_collection(a)?, self.ensure_collection(b)?);
        self.tx.execute(
            "INSERT OR IGNORE INTO collection_union (a, b) VALUES (?1, ?2)",
            [&a.0[..], &b.0[..]],
        )?;
        if one.class == two.class {
            return Ok(());
        }
        let (keep, gone) = if self.class_id(one.class)? < self.class_id(two.class)? {
            (one.class, two.class)
        } else {
            (two.class, one.class)
        };
        self.merge_documents(keep, gone)?;
        self.tx.execute(
            "UPDATE collection SET class = ?1 WHERE class = ?2",
            [keep, gone],
        )?;
        self.places.clear();
        Ok(())
    }

    /// The collection, made without a name where it is new.
    pub(super) fn ensure_collection(&mut self, id: CollectionId) -> Result<Place, StoreError> {
        if let Some(place) = self.store.place(id)? {
            return Ok(place);
        }
        self.tx.execute(
            "INSERT INTO collection (id, class, kind, name, colour) VALUES (?1, 0, '', '', '')",
            [&id.0[..]],
        )?;
        let nr = self.tx.last_insert_rowid();
        self.tx
            .execute("UPDATE collection SET class = nr WHERE nr = ?1", [nr])?;
        Ok(Place { nr, class: nr })
    }

    /// Collections, class and number, looked up once.
    pub(super) fn place(&mut self, collection: CollectionId) -> Result<Place, StoreError> {
        if let Some(place) = self.places.get(&collection) {
            return Ok(*place);
        }
        let place = self
            .store
            .place(collection)?
            .ok_or(StoreError::NoCollection(collection))?;
        self.places.insert(collection, place);
        Ok(place)
    }

    pub(super) fn class_id(&self, nr: i64) -> Result<CollectionId, StoreError> {
        Ok(self
            .tx
            .prepare_cached("SELECT id FROM collection WHERE nr = ?1")?
            .query_row([nr], |row| Ok(CollectionId(row.get(0)?)))?)
    }

    /// Moves all documents of one class into another.
    fn merge_documents(&mut self, keep: i64, gone: i64) -> Result<(), StoreError> {
        let class = self.class_id(keep)?;
        let twins = self.twins(keep, gone)?;
        for (id, kept, twin) in &twins {
            // The state that readers of either side were shown stays known as a base.
            for side in [kept, twin] {
                self.tx.execute(
                    "INSERT OR IGNORE INTO version (doc, fp, heads)
                     SELECT ?1, fingerprint(id, heads), heads FROM doc WHERE nr = ?2",
                    [kept, side],
                )?;
            }
            self.move_chunks(*twin, *kept)?;
            self.take_out(*twin, *kept)?;
            for table in ["change", "version", "blob_ref"] {
                self.tx.execute(
                    &format!("UPDATE OR IGNORE {table} SET doc = ?1 WHERE doc = ?2"),
                    [kept, twin],
                )?;
                self.tx
                    .execute(&format!("DELETE FROM {table} WHERE doc = ?1"), [twin])?;
            }
            self.tx.execute("DELETE FROM doc WHERE nr = ?1", [twin])?;
            self.drop_repeated(*kept)?;
            let (summary, single) = self.store.summary_of(*kept, *id)?;
            self.update_document(*kept, &summary, single)?;
            self.done.docs.insert((class, *id));
        }
        self.rename_in_logs(gone, &twins)?;
        self.done
            .docs
            .extend(self.moving(gone)?.into_iter().map(|id| (class, id)));
        self.tx.execute(
            "UPDATE doc SET class = ?1, token = ?3 WHERE class = ?2",
            [keep, gone, self.token],
        )?;
        self.add_up_again()
    }

    /// Documents that both classes have: id, number in the one, number in the other.
    fn twins(&self, keep: i64, gone: i64) -> Result<Vec<(DocId, i64, i64)>, StoreError> {
        let mut statement = self.tx.prepare(
            "SELECT k.id, k.nr, g.nr FROM doc g JOIN doc k ON k.id = g.id AND k.class = ?1
             WHERE g.class = ?2",
        )?;
        let rows = statement.query_map([keep, gone], |row| {
            Ok((DocId(row.get(0)?), row.get(1)?, row.get(2)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn moving(&self, class: i64) -> Result<BTreeSet<DocId>, StoreError> {
        let mut statement = self.tx.prepare("SELECT id FROM doc WHERE class = ?1")?;
        let rows = statement.query_map([class], |row| Ok(DocId(row.get(0)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn rename_in_logs(&self, class: i64, twins: &[(DocId, i64, i64)]) -> Result<(), StoreError> {
        if twins.is_empty() {
            return Ok(());
        }
        let moved = twins.iter().map(|(_, kept, twin)| (*twin, *kept)).collect();
        self.renumber(class, &moved)
    }

    /// A document that was united with another may have more than one change now; one that lies
    /// in a block needs no row beside it.
    fn drop_repeated(&self, doc: i64) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("UPDATE doc SET single = 0 WHERE nr = ?1")?
            .execute([doc])?;
        let Some(kept) = self.store.kept(doc)? else {
            return Ok(());
        };
        if let Some(first) = self.store.first(doc, &kept)? {
            self.tx
                .prepare_cached("DELETE FROM change WHERE doc = ?1 AND hash = ?2")?
                .execute(params![doc, &first.hash.0[..]])?;
        }
        Ok(())
    }
}
