//! Backups: one encrypted file that holds all of a device, and a device made from one.
//!
//! ```text
//!  store ─copy─► pimesh.db ─┐
//!  config.json, device.key, ├─► tar ─► zstd ─► age (passphrase) ─► FILE ─► read back, compared
//!  secrets/, ca-*.pem ──────┘
//! ```
//!
//! Standard formats in a row: `age -d FILE | zstd -d | tar x` opens a backup without pimesh.
//! Invariants: a file that is there is never replaced; what was written is read back before it
//! is called a backup; a restored device begins a new life, so it gives no name twice.

mod pack;
mod unpack;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use pimesh_crdt::store::{Filter, Store, StoreError};
use serde::{Deserialize, Serialize};

use super::import::blocking;
use super::status::collection_infos;
use super::{Engine, EngineError};
use crate::api::{BackedUp, Failure, FailureKind, Moment};
use crate::home::HomeError;
use crate::secrets::Secret;

pub use unpack::{Identity, RestoredDevice, restore_backup};

/// The form of backups that this program writes, and the newest it reads.
const FORMAT: u32 = 1;
/// scrypt's work factor: 2^17, 128 MiB and about half a second.
const WORK: u8 = 17;
/// A backup that asks for more work than this is not one of ours.
const MOST_WORK: u8 = 20;

const MANIFEST: &str = "manifest.json";
const DATABASE: &str = "pimesh.db";
const CONFIG: &str = "config.json";
const KEY: &str = "device.key";

/// What a backup says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Manifest {
    format: u32,
    name: String,
    device: String,
    at: Moment,
    items: u64,
    changes: u64,
}

/// Why a backup can not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file of that name is there.
    #[error("{} is there already", .0.display())]
    Exists(PathBuf),
    /// Some other file.
    #[error("{} is not a pimesh backup", .0.display())]
    NotABackup(PathBuf),
    /// It does not open with this passphrase.
    #[error("the passphrase is wrong")]
    WrongPassphrase,
    /// Part of it is missing or changed.
    #[error("the backup is damaged: {0}")]
    Damaged(String),
    /// Written by a newer program.
    #[error("the backup has form {0}: use a newer pimesh")]
    Newer(u32),
    /// What was read back is not what was written.
    #[error("the backup could not be read back as it was written: {0}")]
    NotVerified(String),
    /// The folder holds something.
    #[error("{} is not empty; nothing was changed", .0.display())]
    NotEmpty(PathBuf),
    /// A file.
    #[error("cannot use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The new home.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The database in it.
    #[error("the database of the backup")]
    Store(#[from] StoreError),
}

impl From<BackupError> for Failure {
    fn from(error: BackupError) -> Self {
        let failure = Self::caused_by("no backup", &error);
        let plain = Self::failed(error.to_string());
        match error {
            BackupError::Exists(_) => plain.hint("give another name: backups are never replaced"),
            BackupError::NotEmpty(_) => plain.hint("give a new folder with --home"),
            BackupError::WrongPassphrase => plain.hint("nothing was changed; try again"),
            BackupError::Damaged(_) | BackupError::NotABackup(_) => {
                plain.hint("nothing was changed; use an older backup")
            }
            BackupError::File { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Self::new(FailureKind::NotFound, failure.message)
            }
            BackupError::Home(error) => error.into(),
            BackupError::Newer(_) | BackupError::NotVerified(_) => plain,
            BackupError::File { .. } | BackupError::Store(_) => failure,
        }
    }
}

impl From<BackupError> for EngineError {
    fn from(error: BackupError) -> Self {
        Self::Told(error.into())
    }
}

/// A file error with its path.
fn file_error(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |source| BackupError::File { path, source }
}

/// A file that is removed when this is dropped.
struct Passing(PathBuf);

impl Drop for Passing {
    fn drop(&mut self) {
        // it may never have been made
        let _ = fs::remove_file(&self.0);
    }
}

impl Engine {
    /// Writes a backup of this device as it is now, while it goes on working.
    pub(super) async fn backup(
        &self,
        path: PathBuf,
        passphrase: Secret,
    ) -> Result<BackedUp, EngineError> {
        if passphrase.reveal().is_empty() {
            return Err(Failure::usage("a backup needs a passphrase").into());
        }
        if path.symlink_metadata().is_ok() {
            return Err(BackupError::Exists(path).into());
        }
        let home = self.inner.home.clone();
        let folder = home.folder().join("spool");
        make_folder(&folder)?;
        let name = format!("backup-{}-{}.db", std::process::id(), super::who::now().0);
        let copy = Passing(folder.join(name));
        let target = copy.0.clone();
        let (items, changes) = self
            .inner
            .store
            .with(move |store| {
                store.copy_to(&target)?;
                let changes = collection_infos(store)?.iter().map(|c| c.changes).sum();
                Ok::<_, EngineError>((items(store)?, changes))
            })
            .await?;
        let manifest = Manifest {
            format: FORMAT,
            name: home.config()?.name,
            device: self.me().device.to_string(),
            at: Moment::now(),
            items,
            changes,
        };
        let told = manifest.clone();
        let target = path.clone();
        let bytes = blocking(move || {
            let problems = Store::look_through(&copy.0)?;
            if let Some(problem) = problems.first() {
                return Err(BackupError::Damaged(problem.clone()));
            }
            pack::write(&home, &copy.0, &manifest, &target, &passphrase)
        })
        .await??;
        Ok(BackedUp {
            path: path.display().to_string(),
            bytes,
            device: told.device,
            name: told.name,
            at: told.at,
            items: told.items,
            changes: told.changes,
        })
    }
}

/// The living items, those of the mesh itself left out.
fn items(store: &Store) -> Result<u64, EngineError> {
    let all = store.count(&Filter::default())?;
    let own = store.count(&Filter {
        collection: Some(pimesh_crdt::CollectionId::MESH),
        ..Filter::default()
    })?;
    Ok(all - own)
}

fn make_folder(folder: &Path) -> Result<(), BackupError> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(file_error(folder))
}

/// What was written is on the disk, its name included.
fn settle(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()?;
    match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => File::open(".")?.sync_all(),
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
