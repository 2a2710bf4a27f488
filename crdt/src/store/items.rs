//! Reading items for people: lists, search, conflicts, short ids. No document is decoded.

use std::fmt;

use rusqlite::types::{FromSqlError, Value, ValueRef};
use rusqlite::{OptionalExtension, Row, params, params_from_iter};

use super::{Store, StoreError};
use crate::doc::Summary;
use crate::id::{ChangeHash, CollectionId, DocId};

/// The shortest short id.
const SHORTEST: usize = 7;
/// A prefix that more items share than this is not an answer.
const MOST_FOUND: usize = 20;

/// Stands for one state of one document; also its ETag.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(pub [u8; 16]);

impl Fingerprint {
    /// The mark of the state with these heads, in any order.
    pub fn of(doc: DocId, heads: &[ChangeHash]) -> Self {
        let mut heads = heads.to_vec();
        heads.sort_unstable();
        let mut hasher = blake3::Hasher::new_derive_key("pimesh fingerprint v1");
        hasher.update(&doc.0);
        heads.iter().for_each(|head| {
            hasher.update(&head.0);
        });
        let mut out = [0; 16];
        out.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self(out)
    }

    /// Reads what `Display` writes.
    pub fn from_hex(text: &str) -> Option<Self> {
        DocId::from_hex(text).map(|id| Self(id.0))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        DocId(self.0).fmt(f)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({self})")
    }
}

/// What lists show of an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemRow {
    /// The class it is in.
    pub collection: CollectionId,
    /// Its document.
    pub doc: DocId,
    /// Its state, also its ETag.
    pub state: Fingerprint,
    /// The class's token when it last changed.
    pub token: u64,
    /// `vcard`, `vevent`, …
    pub kind: String,
    /// The UID as written.
    pub uid: String,
    /// False when it was deleted.
    pub live: bool,
    /// A name or a summary.
    pub name: String,
    /// Start as written, or empty.
    pub start: String,
    /// End as written, or empty.
    pub end: String,
    /// Whether it repeats.
    pub recurring: bool,
    /// Whether it was called off as a whole.
    pub cancelled: bool,
    /// How many keys have more than one value to choose from.
    pub conflicts: u32,
}

/// Which items: the living, the deleted, or both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Life {
    /// Not deleted.
    #[default]
    Alive,
    /// Deleted: the trash.
    Deleted,
    /// Both.
    Any,
}

/// Which items to list. The default is every living one.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Only of this class. Any collection of it will do.
    pub collection: Option<CollectionId>,
    /// Only of these kinds; empty for all.
    pub kinds: Vec<String>,
    /// Alive or not.
    pub life: Life,
    /// Only those whose name or search text has all these words.
    pub text: String,
    /// Only those with conflicts.
    pub conflicts: bool,
    /// Only those that changed after this token.
    pub after: Option<u64>,
}

/// In which order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By name.
    #[default]
    Name,
    /// By start.
    Start,
    /// By document id.
    Id,
    /// Last changed first.
    Newest,
}

/// Which part of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Page {
    /// So many are left out first.
    pub offset: usize,
    /// No more than so many.
    pub limit: usize,
}

impl Page {
    /// The whole list.
    pub const ALL: Self = Self {
        offset: 0,
        limit: u32::MAX as usize,
    };
}

/// In the column `course`: it repeats.
const REPEATS: u8 = 1;
/// In the column `course`: it was called off.
const CALLED_OFF: u8 = 2;

impl Summary {
    /// What the column `course` holds.
    pub(super) fn course(&self) -> u8 {
        let mut course = 0;
        if self.recurring {
            course |= REPEATS;
        }
        if self.cancelled {
            course |= CALLED_OFF;
        }
        course
    }
}

const SELECT: &str = "SELECT k.id, d.id, d.heads, d.token, d.kind, d.uid, d.live, d.name, d.start,
                             d.end, d.course, d.conflicts
                      FROM doc d JOIN collection k ON k.nr = d.class";

fn read(row: &Row<'_>) -> rusqlite::Result<ItemRow> {
    let doc = DocId(row.get(1)?);
    let heads = split_hashes(row.get_ref(2)?.as_blob()?);
    let course: u8 = row.get(10)?;
    Ok(ItemRow {
        collection: CollectionId(row.get(0)?),
        doc,
        state: Fingerprint::of(doc, &heads),
        token: row.get(3)?,
        kind: kind_name(row.get_ref(4)?)?,
        uid: row.get(5)?,
        live: row.get(6)?,
        name: row.get(7)?,
        start: row.get(8)?,
        end: row.get(9)?,
        recurring: course & REPEATS != 0,
        cancelled: course & CALLED_OFF != 0,
        conflicts: row.get(11)?,
    })
}

impl Store {
    /// One item's row.
    pub fn item(
        &self,
        collection: CollectionId,
        doc: DocId,
    ) -> Result<Option<ItemRow>, StoreError> {
        let Some(place) = self.place(collection)? else {
            return Ok(None);
        };
        Ok(self
            .conn
            .prepare_cached(&format!("{SELECT} WHERE d.class = ?1 AND d.id = ?2"))?
            .query_row(params![place.class, &doc.0[..]], read)
            .optional()?)
    }

    /// A list of items.
    pub fn list(
        &self,
        filter: &Filter,
        order: Order,
        page: Page,
    ) -> Result<Vec<ItemRow>, StoreError> {
        let Some((condition, mut values)) = self.condition(filter)? else {
            return Ok(Vec::new());
        };
        let order = match order {
            Order::Name => "d.name COLLATE NOCASE, d.id",
            Order::Start => "d.start, d.name, d.id",
            Order::Id => "d.id",
            Order::Newest => "d.token DESC, d.nr DESC",
        };
        values.push(Value::Integer(
            i64::try_from(page.limit).unwrap_or(i64::MAX),
        ));
        values.push(Value::Integer(
            i64::try_from(page.offset).unwrap_or(i64::MAX),
        ));
        let sql = format!("{SELECT} WHERE {condition} ORDER BY {order} LIMIT ? OFFSET ?");
        let mut statement = self.conn.prepare_cached(&sql)?;
        let rows = statement.query_map(params_from_iter(values), read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// How many items a list would have.
    pub fn count(&self, filter: &Filter) -> Result<u64, StoreError> {
        let Some((condition, values)) = self.condition(filter)? else {
            return Ok(0);
        };
        let sql = format!("SELECT count(*) FROM doc d WHERE {condition}");
        let mut statement = self.conn.prepare_cached(&sql)?;
        Ok(statement.query_row(params_from_iter(values), |row| row.get(0))?)
    }

    /// The SQL of a filter; nothing when it names a collection that is not there.
    fn condition(&self, filter: &Filter) -> Result<Option<(String, Vec<Value>)>, StoreError> {
        let (mut sql, mut values) = (String::from("1"), Vec::new());
        if let Some(collection) = filter.collection {
            let Some(place) = self.place(collection)? else {
                return Ok(None);
            };
            sql.push_str(" AND d.class = ?");
            values.push(Value::Integer(place.class));
        }
        if !filter.kinds.is_empty() {
            let marks = vec!["?"; filter.kinds.len()].join(", ");
            sql.push_str(&format!(" AND d.kind IN ({marks})"));
            values.extend(filter.kinds.iter().map(|kind| kind_value(kind)));
        }
        match filter.life {
            Life::Alive => sql.push_str(" AND d.live"),
            Life::Deleted => sql.push_str(" AND NOT d.live"),
            Life::Any => {}
        }
        for word in filter.text.to_lowercase().split_whitespace() {
            sql.push_str(" AND instr(fold(d.name) || ' ' || d.search, ?) > 0");
            values.push(Value::Text(word.to_owned()));
        }
        if filter.conflicts {
            sql.push_str(" AND d.conflicts > 0");
        }
        if let Some(after) = filter.after {
            sql.push_str(" AND d.token > ?");
            values.push(Value::Integer(i64::try_from(after).unwrap_or(i64::MAX)));
        }
        Ok(Some((sql, values)))
    }

    /// Items whose document id begins so, in any collection, the living first. Nothing when
    /// the prefix is not hexadecimal.
    pub fn find(&self, prefix: &str) -> Result<Vec<ItemRow>, StoreError> {
        let missing = 32_usize.saturating_sub(prefix.len());
        let bound = |fill: &str| DocId::from_hex(&(prefix.to_owned() + &fill.repeat(missing)));
        let (Some(low), Some(high)) = (bound("0"), bound("f")) else {
            return Ok(Vec::new());
        };
        let mut statement = self.conn.prepare_cached(&format!(
            "{SELECT} WHERE d.class IN (SELECT class FROM collection)
             AND d.id BETWEEN ?1 AND ?2 ORDER BY d.live DESC, d.id LIMIT ?3"
        ))?;
        let rows = statement.query_map(params![&low.0[..], &high.0[..], MOST_FOUND], read)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The short ids of this moment.
    pub fn short_ids(&self) -> Result<ShortIds, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT id FROM doc")?;
        let rows = statement.query_map((), |row| Ok(DocId(row.get(0)?)))?;
        let mut sorted = rows.collect::<Result<Vec<_>, _>>()?;
        sorted.sort_unstable();
        sorted.dedup();
        Ok(ShortIds(sorted))
    }
}

/// Knows how much of a document id is enough to name it.
#[derive(Clone, Debug)]
pub struct ShortIds(Vec<DocId>);

impl ShortIds {
    /// The shortest prefix, of at least 7 digits, that no other document has.
    pub fn of(&self, doc: DocId) -> String {
        let place = self.0.partition_point(|other| *other < doc);
        let after = place + usize::from(self.0.get(place) == Some(&doc));
        let before = place.checked_sub(1).and_then(|place| self.0.get(place));
        let shared = [before, self.0.get(after)]
            .into_iter()
            .flatten()
            .map(|other| same(doc, *other));
        let length = shared
            .max()
            .map_or(SHORTEST, |shared| SHORTEST.max(shared + 1));
        let mut text = doc.to_string();
        text.truncate(length);
        text
    }
}

/// Kinds that are stored as their place in this list. Only ever appended to.
const KINDS: [&str; 7] = [
    "vcard",
    "vevent",
    "vtodo",
    "vjournal",
    "vfreebusy",
    "mesh",
    "collection",
];

/// How a kind is stored.
pub(super) fn kind_value(kind: &str) -> Value {
    match KINDS.iter().position(|known| *known == kind) {
        Some(place) => Value::Integer(place as i64),
        None => Value::Text(kind.to_owned()),
    }
}

fn kind_name(stored: ValueRef<'_>) -> rusqlite::Result<String> {
    match stored {
        ValueRef::Integer(place) => usize::try_from(place)
            .ok()
            .and_then(|place| KINDS.get(place))
            .map(|kind| (*kind).to_owned())
            .ok_or(FromSqlError::OutOfRange(place).into()),
        other => Ok(other.as_str()?.to_owned()),
    }
}

/// How many hexadecimal digits two ids begin with in common.
fn same(a: DocId, b: DocId) -> usize {
    let bytes = a.0.iter().zip(b.0).take_while(|(a, b)| **a == *b).count();
    let half = bytes < 16 && a.0[bytes] >> 4 == b.0[bytes] >> 4;
    2 * bytes + usize::from(half)
}

pub(super) fn join_hashes(hashes: &[ChangeHash]) -> Vec<u8> {
    let mut hashes = hashes.to_vec();
    hashes.sort_unstable();
    hashes.iter().flat_map(|hash| hash.0).collect()
}

pub(super) fn split_hashes(bytes: &[u8]) -> Vec<ChangeHash> {
    bytes
        .chunks_exact(32)
        .filter_map(ChangeHash::from_slice)
        .collect()
}
