//! `export`: a collection as standard files.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use pimesh_crdt::BlobHash;
use pimesh_crdt::render::{Calendars, render};
use pimesh_crdt::store::{Filter, ItemRow, Order, Page, Store};

use super::EngineError;
use super::collections::{Holds, named};
use super::items::shown;
use crate::api::{ExportTo, Exported};

/// Writes a collection; gives what could not be written whole as well.
pub(super) fn export(
    store: &Store,
    collection: &str,
    to: &ExportTo,
) -> Result<(Exported, Vec<String>), EngineError> {
    let collection = named(store, collection)?;
    let filter = Filter {
        collection: Some(collection.class),
        ..Filter::default()
    };
    let rows = store.list(&filter, Order::Id, Page::ALL)?;
    let is_contacts = collection.kind == Holds::Contacts.word();
    let mut export = Export {
        store,
        bytes: 0,
        incomplete: Vec::new(),
    };
    let path = match to {
        ExportTo::File(path) => {
            export.file(path, &rows, is_contacts)?;
            path
        }
        ExportTo::Folder(path) => {
            export.folder(path, &rows, is_contacts)?;
            // a vdir knows its name, so that it goes back where it came from
            let label = path.join("displayname");
            fs::write(&label, &collection.name).map_err(|source| EngineError::File {
                path: label,
                source,
            })?;
            path
        }
    };
    let exported = Exported {
        collection: collection.name,
        path: path.display().to_string(),
        items: rows.len() as u64,
        bytes: export.bytes,
    };
    Ok((exported, export.incomplete))
}

struct Export<'s> {
    store: &'s Store,
    bytes: u64,
    /// Items some bytes of which have not arrived from another device yet.
    incomplete: Vec<String>,
}

impl Export<'_> {
    fn file(
        &mut self,
        path: &Path,
        rows: &[ItemRow],
        is_contacts: bool,
    ) -> Result<(), EngineError> {
        let failed = |source| EngineError::File {
            path: path.to_owned(),
            source,
        };
        // beside the target, then renamed: an export that fails leaves the old file whole
        let fresh = beside(path);
        let mut out = std::io::BufWriter::new(fs::File::create(&fresh).map_err(failed)?);
        if is_contacts {
            for row in rows {
                let text = self.text(row)?;
                out.write_all(text.as_bytes()).map_err(failed)?;
            }
        } else {
            let store = self.store;
            let blobs = |hash: BlobHash| store.blob(hash).ok().flatten();
            let mut calendars = Calendars::default();
            for row in rows {
                calendars.add(&shown(store, row)?.item, &blobs);
            }
            let rendered = calendars.finish();
            self.bytes += rendered.text.len() as u64;
            if !rendered.missing.is_empty() {
                self.incomplete
                    .push(format!("{} attachments", rendered.missing.len()));
            }
            out.write_all(rendered.text.as_bytes()).map_err(failed)?;
        }
        let file = out
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        file.sync_all().map_err(failed)?;
        fs::rename(&fresh, path).map_err(failed)
    }

    fn folder(
        &mut self,
        path: &Path,
        rows: &[ItemRow],
        is_contacts: bool,
    ) -> Result<(), EngineError> {
        let failed = |source| EngineError::File {
            path: path.to_owned(),
            source,
        };
        fs::create_dir_all(path).map_err(failed)?;
        let ending = if is_contacts { "vcf" } else { "ics" };
        let mut taken = BTreeSet::new();
        for row in rows {
            let text = self.text(row)?;
            let mut name = file_name(&row.uid);
            if name.is_empty() || !taken.insert(name.to_lowercase()) {
                name = row.doc.to_string();
            }
            let file = path.join(format!("{name}.{ending}"));
            fs::write(&file, text).map_err(|source| EngineError::File {
                path: file.clone(),
                source,
            })?;
        }
        Ok(())
    }

    fn text(&mut self, row: &ItemRow) -> Result<String, EngineError> {
        let store = self.store;
        let blobs = |hash: BlobHash| store.blob(hash).ok().flatten();
        let rendered = render(&shown(store, row)?.item, &blobs);
        if !rendered.missing.is_empty() {
            self.incomplete.push(row.name.clone());
        }
        self.bytes += rendered.text.len() as u64;
        Ok(rendered.text)
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    path.with_file_name(name)
}

/// A UID as a file name: what every file system takes, and nothing that leads elsewhere.
fn file_name(uid: &str) -> String {
    let bare = uid.strip_prefix("urn:uuid:").unwrap_or(uid);
    let is_safe = bare.len() <= 100
        && !bare.starts_with(['.', '-'])
        && bare
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'@'));
    if is_safe {
        bare.to_owned()
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_uid_never_leads_out_of_the_folder() {
        assert_eq!(file_name("../../../../etc/passwd"), "");
        assert_eq!(file_name("a\0b"), "");
        assert_eq!(file_name("urn:uuid:550e8400"), "550e8400");
        assert_eq!(file_name("event-1@example.org"), "event-1@example.org");
    }
}
