//! Writing a backup file, and reading it back before it gets its name.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use age::secrecy::SecretString;

use super::{
    BackupError, CONFIG, DATABASE, KEY, MANIFEST, Manifest, Passing, WORK, file_error, settle,
    unpack,
};
use crate::home::Home;
use crate::secrets::Secret;

/// zstd's default: most of a database is packed already.
const LEVEL: i32 = 3;

/// The parts of a backup by name: the hash of each.
pub(super) type Parts = BTreeMap<String, blake3::Hash>;

/// Writes a backup under a name that must be free; gives its length in bytes.
pub(super) fn write(
    home: &Home,
    database: &Path,
    manifest: &Manifest,
    path: &Path,
    passphrase: &Secret,
) -> Result<u64, BackupError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".part-{}", std::process::id()));
    let part = Passing(path.with_file_name(name));
    let cannot = |source| BackupError::File {
        path: path.to_owned(),
        source,
    };
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&part.0)
        .map_err(cannot)?;
    let manifest = serde_json::to_vec_pretty(manifest).map_err(|e| cannot(e.into()))?;
    let written = fill(home, database, &manifest, file, passphrase)?;
    settle(&part.0).map_err(cannot)?;
    let read = unpack::hashes(&part.0, passphrase)
        .map_err(|error| BackupError::NotVerified(error.to_string()))?;
    if read != written {
        let message = "its parts differ from what was written".to_owned();
        return Err(BackupError::NotVerified(message));
    }
    let bytes = fs::metadata(&part.0).map_err(cannot)?.len();
    give_name(&part.0, path)?;
    settle(path).map_err(cannot)?;
    Ok(bytes)
}

/// A link fails where the name is taken; where there are no links, a look before has to do.
fn give_name(part: &Path, path: &Path) -> Result<(), BackupError> {
    match fs::hard_link(part, path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(BackupError::Exists(path.to_owned()))
        }
        Err(_) if path.symlink_metadata().is_ok() => Err(BackupError::Exists(path.to_owned())),
        Err(_) => fs::rename(part, path).map_err(file_error(path)),
    }
}

fn fill(
    home: &Home,
    database: &Path,
    manifest: &[u8],
    file: File,
    passphrase: &Secret,
) -> Result<Parts, BackupError> {
    let cannot = |source| BackupError::File {
        path: PathBuf::from("the backup"),
        source,
    };
    let mut recipient = age::scrypt::Recipient::new(SecretString::from(passphrase.reveal()));
    recipient.set_work_factor(WORK);
    let recipients = std::iter::once(&recipient as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(recipients)
        .map_err(|error| cannot(io::Error::other(error.to_string())))?;
    let sealed = encryptor
        .wrap_output(BufWriter::new(file))
        .map_err(cannot)?;
    let packed = zstd::Encoder::new(sealed, LEVEL).map_err(cannot)?;
    let mut tar = tar::Builder::new(packed);
    let mut parts = Parts::new();
    let length = manifest.len() as u64;
    append(&mut tar, &mut parts, MANIFEST, length, manifest).map_err(cannot)?;
    let small = [CONFIG, KEY].map(|name| (name.to_owned(), home.folder().join(name)));
    let files = small.into_iter().chain(others(home)?);
    for (name, path) in files.chain([(DATABASE.to_owned(), database.to_owned())]) {
        let file = File::open(&path).map_err(file_error(&path))?;
        let length = file.metadata().map_err(file_error(&path))?.len();
        append(&mut tar, &mut parts, &name, length, BufReader::new(file)).map_err(cannot)?;
    }
    let packed = tar.into_inner().map_err(cannot)?;
    let sealed = packed.finish().map_err(cannot)?;
    let mut file = sealed.finish().map_err(cannot)?;
    file.flush().map_err(cannot)?;
    Ok(parts)
}

/// The sealed passwords with their key, and the certificates that sources trust.
fn others(home: &Home) -> Result<Vec<(String, PathBuf)>, BackupError> {
    let mut out = Vec::new();
    for (folder, prefix) in [(home.secrets(), "secrets/"), (home.folder().to_owned(), "")] {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(file_error(&folder)(error)),
        };
        for entry in entries {
            let entry = entry.map_err(file_error(&folder))?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if unpack::is_extra(&name) {
                out.push((name, entry.path()));
            }
        }
    }
    out.sort();
    Ok(out)
}

fn append<W: Write>(
    tar: &mut tar::Builder<W>,
    parts: &mut Parts,
    name: &str,
    length: u64,
    from: impl Read,
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(length);
    header.set_mode(0o600);
    let mut hashing = Hashing::of(from.take(length));
    tar.append_data(&mut header, name, &mut hashing)?;
    parts.insert(name.to_owned(), hashing.hasher.finalize());
    Ok(())
}

/// Hashes what is read through it.
pub(super) struct Hashing<R> {
    from: R,
    pub(super) hasher: blake3::Hasher,
}

impl<R> Hashing<R> {
    pub(super) fn of(from: R) -> Self {
        let hasher = blake3::Hasher::new();
        Self { from, hasher }
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.hasher.update(&into[..read]);
        Ok(read)
    }
}
