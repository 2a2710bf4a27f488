//! A home: the folder that is one device.
//!
//! ```text
//!  config.json   the device's name          device.key   the key, 0600: this *is* the device
//!  pimesh.db     everything stored          secrets/     passwords, sealed (see `secrets`)
//!  lock          held by the one process that uses the store; its process id
//!  node.sock     where a running node answers (or node.sock.path, where the path is too long)
//!  notices.json  what its person has not acknowledged yet
//!  store.life    there was a store once, and the life it must be in at least (see `life`)
//!  spool/        what passes between a command and the node, removed after use
//! ```
//!
//! Invariants: a home without `device.key` is not initialised; the key is written once
//! and never replaced; whoever holds the [`HomeLock`] is alone with the store and the socket.

mod life;
mod notices;
mod place;

pub(crate) use notices::CAME_BACK;

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use ed25519_dalek::SigningKey;
use pimesh_crdt::DeviceId;
use rand::TryRngCore;
use rand::rngs::OsRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::api::{Failure, FailureKind};
pub use life::StoreBefore;
pub use place::{Elsewhere, Place};

/// The folder of one device, by its absolute path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home(PathBuf);

/// What `config.json` holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Config {
    /// What the device is called, on its own screen and at first on the others'.
    pub name: String,
}

/// Held as long as a process uses a home. Released by the system when the process ends,
/// however it ends.
#[derive(Debug)]
pub struct HomeLock {
    _file: File,
}

/// What is wrong with a home.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// No `pimesh init` here yet.
    #[error("there is no pimesh device in {}", .0.display())]
    NotInitialised(PathBuf),
    /// A second `pimesh init`.
    #[error("{} already holds the device \"{name}\"; nothing was changed", path.display())]
    AlreadyInitialised {
        /// The folder.
        path: PathBuf,
        /// The device's name.
        name: String,
    },
    /// `pimesh init` in a folder with other things.
    #[error("{} is not empty and not a pimesh home", .0.display())]
    NotEmpty(PathBuf),
    /// Others can read or write what must be private.
    #[error("{} can be read or changed by other users (mode {mode:03o})", path.display())]
    NotPrivate {
        /// Which file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// Another process holds the lock.
    #[error("another pimesh process (pid {pid}) uses this home")]
    Locked {
        /// Which process, as it wrote itself.
        pid: String,
    },
    /// The key file is not a key.
    #[error("{} is damaged: {bytes} bytes instead of 32", path.display())]
    BadKey {
        /// Which file.
        path: PathBuf,
        /// How long it is.
        bytes: usize,
    },
    /// `config.json` cannot be understood.
    #[error("{} is damaged", path.display())]
    BadConfig {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A file could not be read or written.
    #[error("cannot use {}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The system does not say where programs keep their data.
    #[error("this system names no folder for application data")]
    NoDataFolder,
    /// The operating system gave no randomness.
    #[error("no randomness from the operating system")]
    Random,
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        let failure = Self::caused_by("this home cannot be used", &error);
        let plain = |kind| Self::new(kind, error.to_string());
        match &error {
            HomeError::NotInitialised(path) => {
                plain(FailureKind::Failed).hint(format!("run: pimesh --home {} init", quoted(path)))
            }
            HomeError::AlreadyInitialised { .. } => plain(FailureKind::Failed)
                .hint("use it as it is, or give another folder with --home"),
            HomeError::NotEmpty(_) => {
                plain(FailureKind::Failed).hint("give a new or empty folder with --home")
            }
            HomeError::NotPrivate { path, .. } => {
                plain(FailureKind::Failed).hint(format!("run: chmod go-rwx {}", quoted(path)))
            }
            HomeError::Locked { .. } => {
                plain(FailureKind::Locked).hint("wait until it is done, or stop it")
            }
            HomeError::BadKey { .. } | HomeError::BadConfig { .. } => {
                failure.hint("put the file back from a backup; pimesh never replaces it")
            }
            HomeError::NoDataFolder => failure.hint("say where with --home"),
            HomeError::File { .. } | HomeError::Random => failure,
        }
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

fn file_error(path: &Path) -> impl FnOnce(io::Error) -> HomeError {
    let path = path.to_owned();
    move |source| HomeError::File { path, source }
}

impl Home {
    /// This folder, made absolute. Nothing is read or created.
    pub fn at(folder: impl AsRef<Path>) -> Result<Self, HomeError> {
        let folder = folder.as_ref();
        std::path::absolute(folder)
            .map(Self)
            .map_err(file_error(folder))
    }

    /// The platform's folder for application data.
    pub fn of_the_platform() -> Result<Self, HomeError> {
        Self::usual().map(Self).ok_or(HomeError::NoDataFolder)
    }

    #[cfg(feature = "cli")]
    fn usual() -> Option<PathBuf> {
        directories::ProjectDirs::from("", "", "pimesh")
            .map(|dirs| dirs.data_local_dir().to_owned())
    }

    /// An app says itself where its data is.
    #[cfg(not(feature = "cli"))]
    fn usual() -> Option<PathBuf> {
        None
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.0
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.0.join("pimesh.db")
    }

    /// Where a running node answers, if the path fits.
    pub fn socket(&self) -> PathBuf {
        self.0.join("node.sock")
    }

    /// The folder of the sealed passwords.
    pub fn secrets(&self) -> PathBuf {
        self.0.join("secrets")
    }

    /// Creates a device here: a private folder, a name, and a key from the system's
    /// randomness. Refuses a folder that holds a device or anything else.
    pub fn init(&self, name: &str) -> Result<DeviceId, HomeError> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.0)
            .map_err(file_error(&self.0))?;
        if self.key_path().exists() {
            return Err(HomeError::AlreadyInitialised {
                path: self.0.clone(),
                name: self.config().map_or_else(|_| "?".into(), |c| c.name),
            });
        }
        let ours = ["lock", "config.json", "config.json.new"];
        for entry in fs::read_dir(&self.0).map_err(file_error(&self.0))? {
            let entry = entry.map_err(file_error(&self.0))?;
            if !ours.iter().any(|name| entry.file_name() == *name) {
                return Err(HomeError::NotEmpty(self.0.clone()));
            }
        }
        fs::set_permissions(&self.0, fs::Permissions::from_mode(0o700))
            .map_err(file_error(&self.0))?;
        let _alone = self.lock_file()?;
        self.write_config(&Config { name: name.into() })?;
        let (seed, device) = new_key()?;
        let path = self.key_path();
        create_private(&path, &*seed).map_err(file_error(&path))?;
        Ok(device)
    }

    /// Calls the device something else.
    pub fn rename(&self, name: &str) -> Result<(), HomeError> {
        let mut config = self.config()?;
        if config.name != name {
            name.clone_into(&mut config.name);
            self.write_config(&config)?;
        }
        Ok(())
    }

    /// Makes the device in this home a new one, which belongs to no mesh and holds what it held:
    /// a new key in place of the old, which is gone.
    pub fn renew_key(&self) -> Result<DeviceId, HomeError> {
        let _alone = self.lock()?;
        let (seed, device) = new_key()?;
        let path = self.key_path();
        write_private(&path, &*seed).map_err(file_error(&path))?;
        Ok(device)
    }

    /// Fails unless `init` was done here.
    pub fn require_initialised(&self) -> Result<(), HomeError> {
        match self.key_path().exists() {
            true => Ok(()),
            false => Err(HomeError::NotInitialised(self.0.clone())),
        }
    }

    /// The device's key. Fails when other users can read it.
    pub fn device_key(&self) -> Result<SigningKey, HomeError> {
        self.require_initialised()?;
        let path = self.key_path();
        require_private(&path)?;
        let bytes = Zeroizing::new(fs::read(&path).map_err(file_error(&path))?);
        let seed = <[u8; 32]>::try_from(bytes.as_slice()).map_err(|_| HomeError::BadKey {
            bytes: bytes.len(),
            path,
        })?;
        Ok(SigningKey::from_bytes(&Zeroizing::new(seed)))
    }

    /// The device's settings.
    pub fn config(&self) -> Result<Config, HomeError> {
        let path = self.0.join("config.json");
        let text = fs::read(&path).map_err(file_error(&path))?;
        serde_json::from_slice(&text).map_err(|source| HomeError::BadConfig { path, source })
    }

    fn write_config(&self, config: &Config) -> Result<(), HomeError> {
        let path = self.0.join("config.json");
        let text = serde_json::to_vec_pretty(config).map_err(|source| HomeError::BadConfig {
            path: path.clone(),
            source,
        })?;
        write_private(&path, &text).map_err(file_error(&path))
    }

    /// Takes the home for this process, at once or not at all.
    pub fn lock(&self) -> Result<HomeLock, HomeError> {
        self.require_initialised()?;
        self.lock_file()
    }

    fn lock_file(&self) -> Result<HomeLock, HomeError> {
        let path = self.0.join("lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(file_error(&path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // Only for the message: the holder may be writing it right now.
                let _ = file.read_to_string(&mut pid);
                let pid = match pid.trim() {
                    "" => "unknown".to_owned(),
                    pid => pid.to_owned(),
                };
                return Err(HomeError::Locked { pid });
            }
            Err(TryLockError::Error(source)) => return Err(HomeError::File { path, source }),
        }
        let pid = format!("{}\n", std::process::id());
        file.rewind()
            .and_then(|()| file.set_len(0))
            .and_then(|()| file.write_all(pid.as_bytes()))
            .map_err(file_error(&path))?;
        Ok(HomeLock { _file: file })
    }

    /// The user whose home this is: nobody else may use its socket.
    pub fn owner(&self) -> Result<u32, HomeError> {
        fs::metadata(&self.0)
            .map(|meta| meta.uid())
            .map_err(file_error(&self.0))
    }

    fn key_path(&self) -> PathBuf {
        self.0.join("device.key")
    }
}

/// A key from the system's randomness, and whom it makes.
fn new_key() -> Result<(Zeroizing<[u8; 32]>, DeviceId), HomeError> {
    let mut seed = Zeroizing::new([0; 32]);
    OsRng
        .try_fill_bytes(&mut *seed)
        .map_err(|_| HomeError::Random)?;
    let device = DeviceId(SigningKey::from_bytes(&seed).verifying_key().to_bytes());
    Ok((seed, device))
}

/// Fails when the file can be read or written by anyone but its owner.
pub(crate) fn require_private(path: &Path) -> Result<(), HomeError> {
    let mode = fs::metadata(path).map_err(file_error(path))?.mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(HomeError::NotPrivate {
        path: path.to_owned(),
        mode,
    })
}

/// Writes a file that must not exist, readable by its owner only, and waits for the disk.
pub(crate) fn create_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Replaces a file by one that only its owner can read: all of it, or nothing.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    create_private(&new, bytes)?;
    fs::rename(&new, path)
}

#[cfg(test)]
mod tests;
