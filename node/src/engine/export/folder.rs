//! A folder with a file per item, exported into again and again.
//!
//! A small file in it remembers what was written (`.pimesh-export.json`). Invariants: nothing
//! is replaced or removed but what pimesh wrote and nobody changed since, unless the person
//! said so; nothing is written through a symbolic link; each file is whole or not there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use pimesh_crdt::{BlobHash, CollectionId};
use serde::{Deserialize, Serialize};

use super::fresh::{Fresh, sync_folder};
use crate::api::{Failure, HeldFile, Over};
use crate::engine::EngineError;

/// The file of a vdir that says its collection's name.
pub(super) const LABEL: &str = "displayname";
/// The file that remembers what was written.
const MANIFEST: &str = ".pimesh-export.json";
/// A larger one is not ours. (100,000 files need some 15 MB.)
const LARGEST_MANIFEST: u64 = 256 << 20;
/// Files of one export that are named as held back.
const MOST_HELD: usize = 1000;

#[derive(Debug, Default, Serialize, Deserialize)]
struct Manifest {
    files: BTreeMap<String, Written>,
}

/// A file as it was written.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Written {
    collection: String,
    /// BLAKE3 of its bytes.
    hash: String,
}

/// What is at a path.
enum There {
    Nothing,
    File(String),
    Link,
    Other,
}

/// A folder while it is exported into.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    over: Over,
    before: Manifest,
    now: BTreeMap<String, Written>,
    /// What was left as it is: the first of them.
    pub(super) held: Vec<HeldFile>,
    /// How many were left as they are.
    pub(super) kept: u64,
    /// Files removed, whose items are gone.
    pub(super) removed: u64,
}

impl Folder {
    /// Makes it where it is not there, and remembers what was written to it before.
    pub(super) fn open(path: &Path, over: Over) -> Result<Self, EngineError> {
        fs::create_dir_all(path).map_err(failed(path))?;
        Ok(Self {
            before: Manifest::read(&path.join(MANIFEST))?,
            path: path.to_owned(),
            over,
            now: BTreeMap::new(),
            held: Vec::new(),
            kept: 0,
            removed: 0,
        })
    }

    /// Writes a file, or holds it back; true where it says this now.
    pub(super) fn put(
        &mut self,
        name: &str,
        bytes: &[u8],
        collection: CollectionId,
    ) -> Result<bool, EngineError> {
        let path = self.path.join(name);
        let written = Written {
            collection: collection.to_string(),
            hash: BlobHash::of(bytes).to_string(),
        };
        let old = self.before.files.get(name);
        let reason = match (look(&path).map_err(failed(&path))?, self.over) {
            (There::Nothing, _) | (There::File(_) | There::Link, Over::Anything) => None,
            (There::File(hash), _) if hash == written.hash => {
                self.now.insert(name.to_owned(), written);
                return Ok(true);
            }
            (There::File(hash), _) if old.is_some_and(|old| old.hash == hash) => None,
            (There::File(_), _) if old.is_some() => Some("it was changed since pimesh wrote it"),
            (There::File(_), _) => Some("a file that pimesh did not write is there"),
            (There::Link, _) => Some("a symbolic link is there"),
            (There::Other, _) => Some("something that is no file is there"),
        };
        if let Some(reason) = reason {
            if let Some(old) = old.cloned() {
                self.now.insert(name.to_owned(), old);
            }
            self.hold(name, reason);
            return Ok(false);
        }
        let write = || {
            let fresh = Fresh::beside(&path)?;
            fresh.file().write_all(bytes)?;
            fresh.take_place(&path)
        };
        write().map_err(failed(&path))?;
        self.now.insert(name.to_owned(), written);
        Ok(true)
    }

    /// Removes the files of items that were in this collection and are gone; `is_this` says
    /// which collections are this one.
    pub(super) fn sweep(
        &mut self,
        is_this: impl Fn(CollectionId) -> bool,
    ) -> Result<(), EngineError> {
        let already: BTreeSet<String> = self.now.keys().cloned().collect();
        for (name, old) in std::mem::take(&mut self.before.files) {
            if already.contains(&name) {
                continue;
            }
            let is_ours = CollectionId::from_hex(&old.collection).is_some_and(&is_this);
            let path = self.path.join(&name);
            // a hand that wrote the manifest must not lead out of the folder
            let is_inside = Path::new(&name)
                .file_name()
                .is_some_and(|last| *last == *name);
            match is_ours && is_inside {
                false => {}
                true => match look(&path).map_err(failed(&path))? {
                    There::Nothing => continue,
                    There::File(hash) if hash == old.hash => {
                        fs::remove_file(&path).map_err(failed(&path))?;
                        self.removed += 1;
                        continue;
                    }
                    There::File(_) | There::Link | There::Other => {
                        let reason = "its item is gone, but it was changed since pimesh wrote it";
                        self.hold(&name, reason);
                    }
                },
            }
            self.now.insert(name, old);
        }
        Ok(())
    }

    /// Remembers what was written, for the next export; also where this one failed.
    pub(super) fn remember(mut self) -> Result<Self, EngineError> {
        let mut files = std::mem::take(&mut self.before.files);
        files.extend(std::mem::take(&mut self.now));
        let path = self.path.join(MANIFEST);
        let write = || {
            let text = serde_json::to_vec(&Manifest { files })?;
            let fresh = Fresh::beside(&path)?;
            fresh.file().write_all(&text)?;
            fresh.take_place(&path)?;
            sync_folder(&self.path)
        };
        write().map_err(failed(&path))?;
        Ok(self)
    }

    fn hold(&mut self, name: &str, reason: &str) {
        self.kept += 1;
        if self.held.len() < MOST_HELD {
            self.held.push(HeldFile {
                file: name.to_owned(),
                reason: reason.to_owned(),
            });
        }
    }
}

impl Manifest {
    fn read(path: &Path) -> Result<Self, EngineError> {
        let about = match fs::symlink_metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            about => about.map_err(failed(path))?,
        };
        let read = match about.is_file() && about.len() <= LARGEST_MANIFEST {
            true => serde_json::from_slice(&fs::read(path).map_err(failed(path))?).ok(),
            false => None,
        };
        read.ok_or_else(|| {
            let message = format!("{} is not what pimesh wrote", path.display());
            let hint = "move it away, or export to another folder";
            Failure::failed(message).hint(hint).into()
        })
    }
}

/// What is at a path, without following a link. The hash is of the very file that was seen.
fn look(path: &Path) -> io::Result<There> {
    let seen = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(There::Nothing),
        seen => seen?,
    };
    if seen.is_symlink() {
        return Ok(There::Link);
    }
    if !seen.is_file() {
        return Ok(There::Other);
    }
    let mut file = File::open(path)?;
    let opened = file.metadata()?;
    if (opened.dev(), opened.ino()) != (seen.dev(), seen.ino()) {
        return Ok(There::Other);
    }
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(There::File(hasher.finalize().to_hex().to_string())),
            read => hasher.update(&buffer[..read]),
        };
    }
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> EngineError {
    let path = path.to_owned();
    move |source| EngineError::File { path, source }
}
