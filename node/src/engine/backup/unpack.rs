//! Reading a backup file, and making a device of one.
//!
//! Everything is unpacked beside the home and takes its place in one step, after the database
//! was looked through: a restore that fails leaves nothing.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use age::DecryptError;
use age::secrecy::SecretString;
use pimesh_crdt::store::Store;
use pimesh_crdt::{DeviceId, Timestamp};

use super::pack::{Hashing, Parts};
use super::{
    BackupError, CONFIG, DATABASE, FORMAT, KEY, MANIFEST, MOST_WORK, Manifest, file_error,
    make_folder,
};
use crate::api::Moment;
use crate::engine::sources::certificates_moved;
use crate::home::{Home, create_private};
use crate::secrets::Secret;

/// No part but the database is larger than this.
const LARGEST_SMALL: u64 = 1 << 20;

/// Who the restored device is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The one that was backed up: its key, and its place in the mesh.
    Same,
    /// A new one of this name, to be paired like any other.
    New(String),
}

/// A device that was made from a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RestoredDevice {
    /// Its name.
    pub name: String,
    /// Its id.
    pub device: DeviceId,
    /// When the backup was made.
    pub at: Moment,
    /// The living items in it.
    pub items: u64,
}

/// Makes a device of a backup, in a home that must be empty or not there yet.
pub fn restore_backup(
    path: &Path,
    passphrase: &Secret,
    home: &Home,
    identity: &Identity,
    now: Timestamp,
) -> Result<RestoredDevice, BackupError> {
    require_empty(home)?;
    let folder = home.folder();
    let beside = folder.parent().unwrap_or(Path::new("/"));
    make_parents(beside)?;
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(format!(".restoring-{}", std::process::id()));
    let fresh = Home::at(beside.join(name))?;
    let cleanup = Fresh(fresh.folder().to_owned());
    if let Identity::New(name) = identity {
        fresh.init(name)?;
        let _ = fs::remove_file(fresh.folder().join("lock"));
    } else {
        make_folder(fresh.folder())?;
    }
    let manifest = unpack(path, passphrase, fresh.folder(), identity)?;
    let device = DeviceId(fresh.device_key()?.verifying_key().to_bytes());
    let problems = Store::look_through(&fresh.database())?;
    if let Some(problem) = problems.first() {
        return Err(BackupError::Damaged(problem.clone()));
    }
    let mut store = Store::open(&fresh.database(), device)?;
    store.begin_life(now)?;
    store.forget_whereabouts()?;
    certificates_moved(&mut store, folder)?;
    drop(store);
    require_empty(home)?;
    fs::rename(fresh.folder(), folder).map_err(file_error(folder))?;
    std::mem::forget(cleanup);
    Ok(RestoredDevice {
        name: home.config()?.name,
        device,
        at: manifest.at,
        items: manifest.items,
    })
}

/// A half-made home, removed unless it took its place.
struct Fresh(PathBuf);

impl Drop for Fresh {
    fn drop(&mut self) {
        // it may never have been made
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn require_empty(home: &Home) -> Result<(), BackupError> {
    match fs::read_dir(home.folder()) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(BackupError::NotEmpty(home.folder().to_owned())),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(file_error(home.folder())(error)),
    }
}

fn make_parents(folder: &Path) -> Result<(), BackupError> {
    fs::create_dir_all(folder).map_err(file_error(folder))
}

/// A part that may be there besides those that every backup has: a sealed password, their key,
/// a certificate. No name leads out of the home.
pub(super) fn is_extra(name: &str) -> bool {
    let plain = |name: &str| {
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        !name.starts_with('.') && !name.is_empty() && name.chars().all(fits)
    };
    match name.strip_prefix("secrets/") {
        Some("key") => true,
        Some(sealed) => plain(sealed) && sealed.ends_with(".sealed"),
        None => plain(name) && name.starts_with("ca-") && name.ends_with(".pem"),
    }
}

fn unpack(
    path: &Path,
    passphrase: &Secret,
    folder: &Path,
    identity: &Identity,
) -> Result<Manifest, BackupError> {
    let is_new = *identity != Identity::Same;
    let mut manifest: Option<Manifest> = None;
    let mut seen = Vec::new();
    each(path, passphrase, |name, part| {
        seen.push(name.to_owned());
        match name {
            MANIFEST => {
                let read: Manifest = serde_json::from_slice(&small(part)?)
                    .map_err(|error| BackupError::Damaged(error.to_string()))?;
                if read.format > FORMAT {
                    return Err(BackupError::Newer(read.format));
                }
                manifest = Some(read);
                Ok(())
            }
            KEY | CONFIG if is_new => Ok(()),
            DATABASE => {
                let target = folder.join(DATABASE);
                create_private(&target, &[]).map_err(file_error(&target))?;
                let mut file = File::options().write(true).open(&target);
                let file = file.as_mut().map_err(|e| damaged(e))?;
                io::copy(part, file).map_err(|e| damaged(&e))?;
                file.sync_all().map_err(file_error(&target))
            }
            _ => {
                let target = folder.join(name);
                if name.contains('/') {
                    make_folder(&folder.join("secrets"))?;
                }
                create_private(&target, &small(part)?).map_err(file_error(&target))
            }
        }
    })?;
    for wanted in [CONFIG, KEY, DATABASE] {
        if !seen.iter().any(|name| name == wanted) {
            return Err(BackupError::Damaged(format!("it has no {wanted}")));
        }
    }
    manifest.ok_or_else(|| BackupError::Damaged(format!("it has no {MANIFEST}")))
}

/// The hash of every part, read to the end.
pub(super) fn hashes(path: &Path, passphrase: &Secret) -> Result<Parts, BackupError> {
    let mut out = Parts::new();
    each(path, passphrase, |name, part| {
        let mut hashing = Hashing::of(part);
        io::copy(&mut hashing, &mut io::sink()).map_err(|e| damaged(&e))?;
        out.insert(name.to_owned(), hashing.hasher.finalize());
        Ok(())
    })?;
    Ok(out)
}

/// Gives every part to `take`, in order, and reads the file to its end.
fn each(
    path: &Path,
    passphrase: &Secret,
    mut take: impl FnMut(&str, &mut dyn Read) -> Result<(), BackupError>,
) -> Result<(), BackupError> {
    let file = File::open(path).map_err(file_error(path))?;
    let sealed = age::Decryptor::new_buffered(BufReader::new(file))
        .map_err(|_| BackupError::NotABackup(path.to_owned()))?;
    if !sealed.is_scrypt() {
        return Err(BackupError::NotABackup(path.to_owned()));
    }
    let mut identity = age::scrypt::Identity::new(SecretString::from(passphrase.reveal()));
    identity.set_max_work_factor(MOST_WORK);
    let packed = sealed
        .decrypt(std::iter::once(&identity as &dyn age::Identity))
        .map_err(|error| match error {
            DecryptError::DecryptionFailed
            | DecryptError::KeyDecryptionFailed
            | DecryptError::NoMatchingKeys => BackupError::WrongPassphrase,
            other => BackupError::Damaged(other.to_string()),
        })?;
    let unpacked = zstd::Decoder::new(packed).map_err(|e| damaged(&e))?;
    let mut tar = tar::Archive::new(unpacked);
    for entry in tar.entries().map_err(|e| damaged(&e))? {
        let mut entry = entry.map_err(|e| damaged(&e))?;
        let name = entry.path_bytes().into_owned();
        let name = String::from_utf8_lossy(&name).into_owned();
        let is_known = [MANIFEST, CONFIG, KEY, DATABASE].contains(&name.as_str());
        if !is_known && !is_extra(&name) {
            return Err(BackupError::Damaged(format!("it holds {name:?}")));
        }
        take(&name, &mut entry)?;
    }
    // the end of a file that was cut is told only by reading it
    io::copy(&mut tar.into_inner(), &mut io::sink()).map_err(|e| damaged(&e))?;
    Ok(())
}

/// What stopped the copying: the backup, or the disk it is unpacked to.
fn damaged(error: &io::Error) -> BackupError {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    match error.kind() {
        kind @ (StorageFull | QuotaExceeded | FileTooLarge) => BackupError::File {
            path: PathBuf::from("the new home"),
            source: kind.into(),
        },
        _ => BackupError::Damaged(error.to_string()),
    }
}

fn small(part: &mut dyn Read) -> Result<Vec<u8>, BackupError> {
    let mut bytes = Vec::new();
    part.take(LARGEST_SMALL + 1)
        .read_to_end(&mut bytes)
        .map_err(|e| damaged(&e))?;
    match bytes.len() as u64 > LARGEST_SMALL {
        true => Err(BackupError::Damaged("a part of it is too large".into())),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::is_extra;

    #[test]
    fn no_part_of_a_backup_leads_out_of_the_home() {
        for name in ["secrets/key", "secrets/0f.sealed", "ca-mail.pem"] {
            assert!(is_extra(name), "{name}");
        }
        let bad = [
            "../device.key",
            "secrets/../x.sealed",
            "secrets/.sealed",
            "/ca-x.pem",
            "lock",
        ];
        for name in bad {
            assert!(!is_extra(name), "{name}");
        }
    }
}
