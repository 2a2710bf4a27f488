//! One device: the real store, a clock that may be wrong, what its clients have read, and a
//! disk that can be copied, put back, and die under a write.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use pimesh_crdt::item::Item;
use pimesh_crdt::store::{Fingerprint, Store, StoreError};
use pimesh_crdt::{ChangeHash, CollectionId, DeviceId, DocId, Timestamp};
use rusqlite::Connection;

use crate::seed::Chance;

/// A day, in milliseconds.
pub const DAY: i64 = 86_400_000;

/// What a client has read and may write over, however long after.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Where.
    pub collection: CollectionId,
    /// Which document.
    pub doc: DocId,
    /// Its state.
    pub state: Fingerprint,
    /// What was shown.
    pub item: Item,
    /// The names of the writes behind that.
    pub knew: BTreeSet<ChangeHash>,
    /// Whether it was alive.
    pub live: bool,
    /// The collections that were one with that collection.
    pub class: Vec<CollectionId>,
    /// The place in the order of receipt at that time.
    pub reached: u64,
    /// Which life of the disk it was read from.
    pub life: u32,
}

/// When a device dies.
#[derive(Clone, Copy, Debug)]
struct Death {
    /// After so many more writes.
    after: usize,
    /// Where in the write: decides how much of it is on the disk.
    number: u64,
}

/// Where the database is.
#[derive(Debug)]
enum Disk {
    Memory,
    /// Each life of the device has a file of its own here.
    Folder(PathBuf),
}

/// A copy of a database, kept from going away.
#[derive(Debug)]
enum Backup {
    Memory(Connection),
    File(PathBuf),
}

/// What came of a write.
#[derive(Debug)]
pub enum Written<T> {
    /// It is on the disk, and this is what it gave.
    Done(T),
    /// The device died; all, a part or nothing of it is on the disk, and nobody was told.
    Died,
}

/// A device.
#[derive(Debug)]
pub struct Device {
    /// Its key.
    pub id: DeviceId,
    /// Its database.
    pub store: Store,
    /// How wrong its clock is, in milliseconds.
    pub clock: i64,
    /// What its clients have read.
    pub clients: Vec<Seen>,
    /// Rises when the disk is put back.
    pub life: u32,
    /// It was put back and has not heard yet what it forgot.
    pub forgetful: bool,
    disk: Disk,
    files: u32,
    backup: Option<Backup>,
    death: Option<Death>,
}

impl Device {
    /// A new device with an empty store, in memory or in a folder.
    pub fn new(id: DeviceId, folder: Option<&Path>) -> Result<Self, StoreError> {
        let (disk, store) = match folder {
            None => (Disk::Memory, Store::open_in_memory(id)?),
            Some(folder) => (
                Disk::Folder(folder.to_path_buf()),
                Store::open(&folder.join("0.db"), id)?,
            ),
        };
        Ok(Self {
            id,
            store,
            clock: 0,
            clients: Vec::new(),
            life: 0,
            forgetful: false,
            disk,
            files: 0,
            backup: None,
            death: None,
        })
    }

    /// The device's clock.
    pub fn now(&self, time: u64) -> Timestamp {
        Timestamp(time.saturating_add_signed(self.clock))
    }

    /// Lets it die at one of its next writes.
    pub fn doom(&mut self, chance: &mut Chance) {
        let (after, number) = (chance.below(4), chance.number());
        self.death = Some(Death { after, number });
    }

    /// Nothing happens to it any more.
    pub fn spare(&mut self) {
        self.death = None;
    }

    /// Does one transaction, and dies at it if its time has come.
    pub fn write<T>(
        &mut self,
        act: impl FnOnce(&mut Store) -> Result<T, StoreError>,
    ) -> Result<Written<T>, StoreError> {
        match &mut self.death {
            None => act(&mut self.store).map(Written::Done),
            Some(death) if death.after > 0 => {
                death.after -= 1;
                act(&mut self.store).map(Written::Done)
            }
            Some(death) => {
                let number = death.number;
                self.death = None;
                self.die(number, act)?;
                Ok(Written::Died)
            }
        }
    }

    /// In memory the write is there or not; on a disk its pages are cut anywhere.
    fn die<T>(
        &mut self,
        number: u64,
        act: impl FnOnce(&mut Store) -> Result<T, StoreError>,
    ) -> Result<(), StoreError> {
        let Disk::Folder(folder) = &self.disk else {
            if number.is_multiple_of(2) {
                act(&mut self.store)?;
            }
            return Ok(());
        };
        let (old, new) = (self.files, self.files + 1);
        let name = |file: u32, ending: &str| folder.join(format!("{file}.{ending}"));
        let before = fs::read(name(old, "db-wal")).unwrap_or_default();
        fs::copy(name(old, "db"), name(new, "db")).expect("the folder can be written");
        act(&mut self.store)?;
        let after = fs::read(name(old, "db-wal")).unwrap_or_default();
        // pages are appended, or written over an old log from its beginning
        let same = before.iter().zip(&after).take_while(|(a, b)| a == b);
        let same = same.count();
        let cut = match number % 4 {
            0 => after.len(),
            _ => same + (number >> 8) as usize % (after.len() - same + 1),
        };
        let mut torn = after[..cut].to_vec();
        torn.extend(before.iter().skip(cut));
        fs::write(name(new, "db-wal"), torn).expect("the folder can be written");
        self.files = new;
        self.store = Store::open(&name(new, "db"), self.id)?;
        for ending in ["db", "db-wal", "db-shm"] {
            _ = fs::remove_file(name(old, ending));
        }
        Ok(())
    }

    /// Copies the disk.
    pub fn back_up(&mut self) -> Result<(), StoreError> {
        self.backup = Some(match &self.disk {
            Disk::Memory => {
                let name = memory();
                let keeper = Connection::open(&name)?;
                self.store.copy_to(Path::new(&name))?;
                Backup::Memory(keeper)
            }
            Disk::Folder(folder) => {
                let path = folder.join(format!("backup-{}.db", memory_number()));
                self.store.copy_to(&path)?;
                Backup::File(path)
            }
        });
        Ok(())
    }

    /// Puts the disk back as it was copied. False where it never was.
    pub fn put_back(&mut self) -> Result<bool, StoreError> {
        let file = format!("{}.db", self.files + 1);
        let Some(store) = self.copy(&file)? else {
            return Ok(false);
        };
        self.files += 1;
        self.store = store;
        self.life += 1;
        Ok(true)
    }

    /// Changes what is on the disk behind the program's back. The copy that was made stays.
    pub fn damage(
        &mut self,
        act: impl FnOnce(&Connection) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        let (kept, life) = (self.backup.take(), self.life);
        self.back_up()?;
        match &self.backup {
            Some(Backup::Memory(keeper)) => act(keeper)?,
            Some(Backup::File(path)) => act(&Connection::open(path)?)?,
            None => {}
        }
        self.put_back()?;
        (self.backup, self.life) = (kept, life);
        Ok(())
    }

    /// The copied disk in a second device under the same key. Nothing where it never was copied.
    pub fn clone_of_backup(&self) -> Result<Option<Self>, StoreError> {
        let file = format!("copy-{}.db", memory_number());
        let Some(store) = self.copy(&file)? else {
            return Ok(None);
        };
        let device = Self::new(self.id, None)?;
        let forgetful = self.forgetful;
        Ok(Some(Self {
            store,
            forgetful,
            ..device
        }))
    }

    /// The copied disk, opened once more; on a disk as a file of this name.
    fn copy(&self, file: &str) -> Result<Option<Store>, StoreError> {
        let id = self.id;
        Ok(match &self.backup {
            None => None,
            Some(Backup::Memory(keeper)) => {
                let name = memory();
                let _until_opened = Connection::open(&name)?;
                keeper.execute("VACUUM INTO ?1", [&name])?;
                Some(Store::open(Path::new(&name), id)?)
            }
            Some(Backup::File(path)) => {
                let file = path.with_file_name(file);
                fs::copy(path, &file).expect("the folder can be written");
                Some(Store::open(&file, id)?)
            }
        })
    }
}

fn memory_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A database in memory that several connections can open.
fn memory() -> String {
    let number = memory_number();
    format!("file:simulated-{number}?mode=memory&cache=shared")
}
