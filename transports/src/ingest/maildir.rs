//! A maildir on this device: `cur` and `new`, and the subfolders `.Name` beside them.
//!
//! A mail is known by its base name, which it keeps when its flags change and when it
//! moves from `new` to `cur`. Directories that did not change are not listed again.

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::cursor::{Cursor, Directory, Place};
use super::error::SourceError;
use super::imap::has_unwanted_name;
use super::seen::Mark;
use super::source::{Batch, RawMail};
use super::{BATCH_BYTES, BATCH_MAILS, LARGEST_MAIL, Problem};

/// A directory may change twice within one tick of its clock; its time counts only once
/// it is this old. FAT has the longest tick, two seconds.
const SETTLED: Duration = Duration::from_secs(3);

/// One maildir.
#[derive(Debug)]
pub(super) struct Maildir {
    path: PathBuf,
    pass: Option<Pass>,
}

/// One look at all directories.
#[derive(Debug, Default)]
struct Pass {
    directories: Directories,
    waiting: VecDeque<Waiting>,
    /// The times to note once a directory has been read whole.
    modified: BTreeMap<String, u64>,
    /// What was returned last. A caller who comes with another cursor gets a new pass.
    returned: Option<Cursor>,
}

#[derive(Debug)]
struct Waiting {
    directory: String,
    path: PathBuf,
    base: String,
    mark: Mark,
}

type Directories = BTreeMap<String, Directory>;

impl Maildir {
    pub(super) fn open(path: &Path) -> Result<Self, SourceError> {
        fs::read_dir(path).map_err(file_error(path))?;
        if !is_maildir(path) {
            let expected = "a maildir (it has neither `cur` nor `new` in it)";
            return Err(SourceError::NotThat {
                path: path.to_owned(),
                expected,
            });
        }
        Ok(Self {
            path: path.to_owned(),
            pass: None,
        })
    }

    pub(super) fn next_batch(&mut self, cursor: &Cursor) -> Result<Option<Batch>, SourceError> {
        let kept = self
            .pass
            .take()
            .filter(|it| it.returned.as_ref() == Some(cursor));
        let mut pass = match kept {
            Some(pass) => pass,
            None => self.look(cursor)?,
        };
        let mut batch = Batch::default();
        pass.read(&mut batch);
        let batch = batch.unless_idle(Place::Maildir(pass.directories.clone()), cursor);
        if let Some(batch) = &batch {
            pass.returned = Some(batch.cursor.clone());
            self.pass = Some(pass);
        }
        Ok(batch)
    }

    fn look(&self, cursor: &Cursor) -> Result<Pass, SourceError> {
        let empty = Directories::new();
        let before = match &cursor.0 {
            Place::Maildir(directories) => directories,
            _ => &empty,
        };
        let mut pass = Pass::default();
        for name in directory_names(&self.path)? {
            let path = self.path.join(&name);
            let modified = modified(&path).map_err(file_error(&path))?;
            match before.get(&name) {
                Some(known) if known.modified == modified && modified != 0 => {
                    pass.directories.insert(name, known.clone());
                }
                _ => pass.list(name, &path, modified, before)?,
            }
        }
        Ok(pass)
    }
}

impl Pass {
    fn list(
        &mut self,
        name: String,
        path: &Path,
        modified: u64,
        before: &Directories,
    ) -> Result<(), SourceError> {
        let directory = self.directories.entry(name.clone()).or_default();
        for entry in fs::read_dir(path).map_err(file_error(path))? {
            let entry = entry.map_err(file_error(path))?;
            let file = entry.file_name();
            let base = base_name(&file.to_string_lossy()).to_owned();
            if base.starts_with('.') || !is_file(&entry) {
                continue;
            }
            let mark = Mark::of(base.as_bytes());
            if before.values().any(|known| known.seen.contains(mark)) {
                directory.seen.insert(mark);
            } else {
                let directory = name.clone();
                self.waiting.push_back(Waiting {
                    directory,
                    path: entry.path(),
                    base,
                    mark,
                });
            }
        }
        self.waiting
            .make_contiguous()
            .sort_by(|a, b| (&a.directory, &a.base).cmp(&(&b.directory, &b.base)));
        self.modified.insert(name, settled(modified));
        Ok(())
    }

    fn read(&mut self, batch: &mut Batch) {
        let mut bytes = 0;
        while bytes < BATCH_BYTES && batch.mails.len() < BATCH_MAILS {
            let Some(mail) = self.waiting.pop_front() else {
                break;
            };
            let directory = self.directories.entry(mail.directory.clone()).or_default();
            match read_file(&mail.path) {
                Ok(Ok(content)) => {
                    bytes += content.len() as u64;
                    directory.seen.insert(mail.mark);
                    batch.mails.push(RawMail {
                        key: mail.base,
                        bytes: content,
                    });
                }
                Ok(Err(problem)) => {
                    directory.seen.insert(mail.mark);
                    batch.problems.push(problem);
                }
                // Moved or deleted in the meantime: listed again, as the directory changed.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.modified.insert(mail.directory, 0);
                }
                Err(error) => {
                    let reason = format!("cannot be read ({error}); tried again later");
                    batch
                        .problems
                        .push(Problem::new(mail.path.display().to_string(), reason));
                    self.modified.insert(mail.directory, 0);
                }
            }
        }
        let next = self.waiting.front().map(|mail| mail.directory.clone());
        for (name, directory) in &mut self.directories {
            let is_read = next.as_ref().is_none_or(|next| name < next);
            if let Some(modified) = self.modified.get(name).filter(|_| is_read) {
                directory.modified = *modified;
            }
        }
    }
}

/// A mail's bytes, or why they are too many.
pub(super) fn read_file(path: &Path) -> io::Result<Result<Vec<u8>, Problem>> {
    let size = fs::metadata(path)?.len();
    if size > LARGEST_MAIL {
        let reason = format!("{size} bytes is over the limit of {LARGEST_MAIL}");
        return Ok(Err(Problem::new(path.display().to_string(), reason)));
    }
    fs::read(path).map(Ok)
}

/// True for a folder with `cur` or `new` in it.
pub(super) fn is_maildir(path: &Path) -> bool {
    path.join("cur").is_dir() || path.join("new").is_dir()
}

pub(super) fn file_error(path: &Path) -> impl FnOnce(io::Error) -> SourceError {
    let path = path.to_owned();
    move |source| SourceError::File { path, source }
}

/// `cur`, `new`, `.Name/cur` and so on, without drafts, spam and deleted mails.
fn directory_names(root: &Path) -> Result<Vec<String>, SourceError> {
    let mut folders = vec![String::new()];
    for entry in fs::read_dir(root).map_err(file_error(root))? {
        let name = entry
            .map_err(file_error(root))?
            .file_name()
            .to_string_lossy()
            .into_owned();
        if name.starts_with('.') && is_maildir(&root.join(&name)) && !has_unwanted_name(&name) {
            folders.push(format!("{name}/"));
        }
    }
    folders.sort();
    let both = folders
        .iter()
        .flat_map(|it| [format!("{it}cur"), format!("{it}new")]);
    Ok(both.filter(|name| root.join(name).is_dir()).collect())
}

/// Without the flags: `:2,S`, or `;2,S` on file systems without colons.
fn base_name(file: &str) -> &str {
    [":2,", ";2,", "!2,"]
        .iter()
        .find_map(|mark| file.rsplit_once(mark))
        .map_or(file, |(base, _)| base)
}

fn is_file(entry: &fs::DirEntry) -> bool {
    entry
        .file_type()
        .is_ok_and(|kind| kind.is_file() || kind.is_symlink())
}

fn modified(path: &Path) -> io::Result<u64> {
    let time = fs::metadata(path)?.modified()?;
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(u64::try_from(since.as_nanos()).unwrap_or(0))
}

fn settled(modified: u64) -> u64 {
    let time = UNIX_EPOCH + Duration::from_nanos(modified);
    let is_settled = SystemTime::now()
        .duration_since(time)
        .is_ok_and(|age| age > SETTLED);
    if is_settled { modified } else { 0 }
}
