//! Paired devices: the signed statements of membership, and what is known of each device.

use rusqlite::{OptionalExtension, params};

use super::batch::Batch;
use super::{Store, StoreError};
use crate::id::{DeviceId, Timestamp};

/// What is known of a device. Whether it is a member follows from the statements alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its key.
    pub id: DeviceId,
    /// What people call it, or empty.
    pub name: String,
    /// When it was last connected.
    pub seen: Option<Timestamp>,
    /// Where it was reached or said it can be.
    pub addresses: Vec<String>,
    /// How many attachments of what it holds it has last said that it lacks.
    pub lacking: u64,
}

impl Device {
    /// A device of which nothing is known yet but its key.
    pub fn new(id: DeviceId) -> Self {
        Self {
            id,
            name: String::new(),
            seen: None,
            addresses: Vec::new(),
            lacking: 0,
        }
    }
}

impl Store {
    /// Every stored statement of membership, encoded, in no order.
    pub fn membership(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut statement = self.conn.prepare_cached("SELECT body FROM membership")?;
        let rows = statement.query_map((), |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Every device something is known of.
    pub fn devices(&self) -> Result<Vec<Device>, StoreError> {
        let mut statement = self.conn.prepare_cached(
            "SELECT id, name, seen, addresses, lacking FROM device ORDER BY name, id",
        )?;
        let rows = statement.query_map((), |row| {
            Ok(Device {
                id: DeviceId(row.get(0)?),
                name: row.get(1)?,
                seen: row.get::<_, Option<u64>>(2)?.map(Timestamp),
                addresses: row
                    .get::<_, String>(3)?
                    .lines()
                    .map(str::to_owned)
                    .collect(),
                lacking: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Where devices say that they listen, each in its own signed words.
    pub fn records(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut statement = self
            .conn
            .prepare_cached("SELECT record FROM device WHERE record IS NOT NULL ORDER BY nr")?;
        let rows = statement.query_map((), |row| row.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(super) fn device_nr(&self, id: DeviceId) -> Result<Option<i64>, StoreError> {
        Ok(self
            .conn
            .prepare_cached("SELECT nr FROM device WHERE id = ?1")?
            .query_row([&id.0[..]], |row| row.get(0))
            .optional()?)
    }
}

impl Batch<'_> {
    /// Stores a statement of membership, encoded, under its hash. Known ones are kept once.
    pub fn add_membership(&mut self, hash: [u8; 32], body: &[u8]) -> Result<(), StoreError> {
        self.tx
            .prepare_cached("INSERT OR IGNORE INTO membership (hash, body) VALUES (?1, ?2)")?
            .execute(params![&hash[..], body])?;
        Ok(())
    }

    /// Records what is known of a device, but for what it says that it lacks.
    pub fn set_device(&mut self, device: &Device) -> Result<(), StoreError> {
        let nr = self.ensure_device(device.id)?;
        self.tx
            .prepare_cached("UPDATE device SET name = ?2, seen = ?3, addresses = ?4 WHERE nr = ?1")?
            .execute(params![
                nr,
                device.name,
                device.seen.map(|seen| seen.0),
                device.addresses.join("\n")
            ])?;
        Ok(())
    }

    /// Records that a device is connected now.
    pub fn saw_device(&mut self, id: DeviceId) -> Result<(), StoreError> {
        let nr = self.ensure_device(id)?;
        self.tx
            .prepare_cached("UPDATE device SET seen = ?2 WHERE nr = ?1")?
            .execute(params![nr, self.now.0])?;
        Ok(())
    }

    /// Keeps where a device says it listens, in its own signed words.
    pub fn set_record(&mut self, id: DeviceId, record: &[u8]) -> Result<(), StoreError> {
        let nr = self.ensure_device(id)?;
        self.tx
            .prepare_cached("UPDATE device SET record = ?2 WHERE nr = ?1")?
            .execute(params![nr, record])?;
        Ok(())
    }

    /// Records how many attachments a device says that it lacks.
    pub fn set_lacking(&mut self, id: DeviceId, lacking: u64) -> Result<(), StoreError> {
        let nr = self.ensure_device(id)?;
        self.tx
            .prepare_cached("UPDATE device SET lacking = ?2 WHERE nr = ?1")?
            .execute(params![nr, lacking])?;
        Ok(())
    }

    pub(super) fn ensure_device(&self, id: DeviceId) -> Result<i64, StoreError> {
        if let Some(nr) = self.store.device_nr(id)? {
            return Ok(nr);
        }
        self.tx
            .execute("INSERT INTO device (id) VALUES (?1)", [&id.0[..]])?;
        Ok(self.tx.last_insert_rowid())
    }
}
