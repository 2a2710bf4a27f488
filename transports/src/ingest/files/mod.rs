//! The files below the paths that a person gives to `import`.
//!
//! Invariants: the order depends on names only; one directory's names are in memory at a
//! time, never the files; a symbolic link never leads round in a circle; what is not read
//! is named with a reason.

mod hint;
mod sniff;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{LARGEST_MAIL, Problem, maildir};
pub use hint::CollectionHint;
pub use sniff::sniff;

/// A file of contacts or calendars may have this many bytes. (A person's whole address
/// book with photos has some 50 MB.) Mbox files may be larger: they are read mail by mail.
pub const LARGEST_FILE: u64 = 256 << 20;
/// Folders deeper than this are not walked into.
pub const DEEPEST_FOLDER: usize = 40;

/// A file that can be taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    /// Where it lies; for a maildir the folder.
    pub path: PathBuf,
    /// What it is.
    pub kind: FileKind,
    /// The collection that its folder stands for; absent for a file given by itself.
    pub collection: Option<CollectionHint>,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// vCard.
    Vcf,
    /// iCalendar, or vCalendar 1.0.
    Ics,
    /// One mail.
    Eml,
    /// Many mails: read it as the source `mbox:PATH`.
    Mbox,
    /// A folder of mails: read it as the source `maildir:PATH`.
    Maildir,
}

/// A step of the walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A file to take in.
    File(FoundFile),
    /// Something that is not taken in.
    Problem(Problem),
}

/// Walks files and folders in the order given, inside folders in the order of names.
pub fn walk<P: Into<PathBuf>>(paths: impl IntoIterator<Item = P>) -> Walk {
    let mut waiting: Vec<Waiting> = paths
        .into_iter()
        .map(|path| Waiting {
            path: path.into(),
            inside: None,
        })
        .collect();
    waiting.reverse();
    Walk {
        waiting,
        entered: HashSet::new(),
    }
}

/// The iterator of [`walk`].
#[derive(Debug)]
pub struct Walk {
    /// The last one is next.
    waiting: Vec<Waiting>,
    /// The folders walked so far by their real paths: links cannot lead round.
    entered: HashSet<PathBuf>,
}

#[derive(Debug)]
struct Waiting {
    path: PathBuf,
    inside: Option<Inside>,
}

/// What is known of something inside a folder of the walk.
#[derive(Clone, Debug)]
struct Inside {
    collection: CollectionHint,
    depth: usize,
}

impl Iterator for Walk {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            let next = self.waiting.pop()?;
            let path = next.path.clone();
            match self.visit(next) {
                Ok(Some(file)) => return Some(Found::File(file)),
                Ok(None) => {}
                Err(reason) => {
                    return Some(Found::Problem(Problem::new(
                        path.display().to_string(),
                        reason,
                    )));
                }
            }
        }
    }
}

impl Walk {
    fn visit(&mut self, next: Waiting) -> Result<Option<FoundFile>, String> {
        let Waiting { path, inside } = next;
        let about = fs::metadata(&path).map_err(|error| unreadable(&error))?;
        if about.is_dir() && maildir::is_maildir(&path) {
            let collection = inside.map(|it| it.collection);
            return Ok(Some(FoundFile {
                path,
                kind: FileKind::Maildir,
                collection,
            }));
        }
        if about.is_dir() {
            self.enter(path, inside.map_or(0, |it| it.depth + 1))?;
            return Ok(None);
        }
        if !about.is_file() {
            return Err("neither a file nor a folder".to_owned());
        }
        if about.len() == 0 {
            return Err("empty".to_owned());
        }
        let kind = kind(&path)?;
        let limit = limit(kind);
        if about.len() > limit {
            return Err(format!(
                "{} bytes is over the limit of {limit}",
                about.len()
            ));
        }
        Ok(Some(FoundFile {
            path,
            kind,
            collection: inside.map(|it| it.collection),
        }))
    }

    fn enter(&mut self, folder: PathBuf, depth: usize) -> Result<(), String> {
        if depth > DEEPEST_FOLDER {
            return Err(format!(
                "deeper than {DEEPEST_FOLDER} folders, not walked into"
            ));
        }
        let real = fs::canonicalize(&folder).map_err(|error| unreadable(&error))?;
        if !self.entered.insert(real) {
            return Err("already walked, by this name or another".to_owned());
        }
        let mut names = Vec::new();
        for entry in fs::read_dir(&folder).map_err(|error| unreadable(&error))? {
            let name = entry.map_err(|error| unreadable(&error))?.file_name();
            if !hint::is_hidden_or_hint(&name) {
                names.push(name);
            }
        }
        names.sort();
        let collection = CollectionHint::of(&folder);
        for name in names.into_iter().rev() {
            let inside = Some(Inside {
                collection: collection.clone(),
                depth,
            });
            self.waiting.push(Waiting {
                path: folder.join(name),
                inside,
            });
        }
        Ok(())
    }
}

impl FoundFile {
    /// The file's bytes; for an mbox and a maildir, which are read as sources, nothing.
    pub fn read(&self) -> Result<Vec<u8>, Problem> {
        let problem = |reason: String| Problem::new(self.path.display().to_string(), reason);
        match self.kind {
            FileKind::Mbox | FileKind::Maildir => {
                return Err(problem("holds many mails, read it as a source".to_owned()));
            }
            FileKind::Vcf | FileKind::Ics | FileKind::Eml => {}
        }
        let limit = limit(self.kind);
        let mut bytes = Vec::new();
        let read = fs::File::open(&self.path).and_then(|file| {
            std::io::Read::read_to_end(&mut std::io::Read::take(file, limit + 1), &mut bytes)
        });
        read.map_err(|error| problem(unreadable(&error)))?;
        if bytes.len() as u64 > limit {
            return Err(problem(format!("over the limit of {limit} bytes")));
        }
        Ok(bytes)
    }
}

/// By the ending of the name, else by what the file begins with.
fn kind(path: &Path) -> Result<FileKind, String> {
    let ending = path
        .extension()
        .map(|it| it.to_string_lossy().to_ascii_lowercase());
    match ending.as_deref().unwrap_or_default() {
        "vcf" | "vcard" => return Ok(FileKind::Vcf),
        "ics" | "ical" | "icalendar" | "ifb" | "vcs" => return Ok(FileKind::Ics),
        "eml" => return Ok(FileKind::Eml),
        "mbox" => return Ok(FileKind::Mbox),
        "ost" => {
            return Err("Outlook's OST files cannot be read; export a PST or a .vcf".to_owned());
        }
        _ => {}
    }
    let mut begin = Vec::new();
    let read = fs::File::open(path).and_then(|file| {
        std::io::Read::read_to_end(&mut std::io::Read::take(file, 4096), &mut begin)
    });
    read.map_err(|error| unreadable(&error))?;
    sniff(&begin).ok_or_else(|| "no contacts, calendar or mail that pimesh can read".to_owned())
}

fn limit(kind: FileKind) -> u64 {
    match kind {
        FileKind::Vcf | FileKind::Ics => LARGEST_FILE,
        FileKind::Eml => LARGEST_MAIL,
        FileKind::Mbox | FileKind::Maildir => u64::MAX,
    }
}

fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "not there".to_owned(),
        std::io::ErrorKind::PermissionDenied => "you may not read it".to_owned(),
        _ => format!("cannot be read ({error})"),
    }
}
