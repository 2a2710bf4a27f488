//! `export`: a collection as standard files.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use pimesh_crdt::item::Item;
use pimesh_crdt::normalise::Text;
use pimesh_crdt::render::{Calendars, render};
use pimesh_crdt::store::{Filter, ItemRow, Order, Page, Store};
use pimesh_crdt::time::times_mark;
use pimesh_crdt::{BlobHash, DocId};

use super::collections::{Holds, named};
use super::items::{Words, shown};
use super::times::{Examiner, has_times};
use super::{EngineError, times};
use crate::api::{ExportTo, Exported, FlaggedItem, TimeFlag};

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
        examiner: Examiner::default(),
        words: Words::of(store)?,
        flagged: Vec::new(),
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
        flagged: export.flagged,
    };
    Ok((exported, export.incomplete))
}

struct Export<'s> {
    store: &'s Store,
    bytes: u64,
    /// Items some bytes of which have not arrived from another device yet.
    incomplete: Vec<String>,
    examiner: Examiner,
    words: Words,
    flagged: Vec<FlaggedItem>,
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
            let mut marks = HashMap::with_capacity(rows.len());
            for row in rows {
                let item = shown(store, row)?.item;
                let flags = self.flags(&item);
                marks.insert(row.doc, (times_mark(&item), row, flags));
                calendars.add(&item, &blobs);
            }
            let rendered = calendars.finish();
            self.prove(&rendered.text, marks)?;
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
        let item = shown(store, row)?.item;
        let rendered = render(&item, &blobs);
        if has_times(&item) {
            let flags = self.flags(&item);
            let marks = HashMap::from([(row.doc, (times_mark(&item), row, flags))]);
            self.prove(&rendered.text, marks)?;
        }
        if !rendered.missing.is_empty() {
            self.incomplete.push(row.name.clone());
        }
        self.bytes += rendered.text.len() as u64;
        Ok(rendered.text)
    }

    /// What to know about an item's times, whatever becomes of it.
    fn flags(&mut self, item: &Item) -> Vec<TimeFlag> {
        let store = self.store;
        let blobs = |hash: BlobHash| store.blob(hash).ok().flatten();
        match has_times(item) {
            true => self.examiner.told(item, &blobs),
            false => Vec::new(),
        }
    }

    /// Reads what was written as another program would, and proves that every item takes place
    /// when it did. What does not is told, and written all the same.
    fn prove(&mut self, text: &str, mut marks: Marks<'_>) -> Result<(), EngineError> {
        let store = self.store;
        let blobs = |hash: BlobHash| store.blob(hash).ok().flatten();
        if let Ok(text) = Text::read(times::of_times(text).as_bytes()) {
            for written in text.items().filter_map(Result::ok) {
                let Some((mark, row, mut flags)) = marks.remove(&written.item.doc_id()) else {
                    continue;
                };
                if times_mark(&written.item) != mark {
                    let item = shown(store, row)?.item;
                    let proof = self.examiner.written_as_shown((&item, &blobs), &written);
                    flags.extend(proof);
                }
                self.flag(row, flags);
            }
        }
        // what cannot be read again is proven by nothing
        for (_, row, mut flags) in marks.into_values() {
            if has_times(&shown(store, row)?.item) {
                flags.push(times::not_examined());
            }
            self.flag(row, flags);
        }
        Ok(())
    }

    fn flag(&mut self, row: &ItemRow, flags: Vec<TimeFlag>) {
        if !flags.is_empty() && self.flagged.len() < MOST_FLAGGED {
            self.flagged.push(FlaggedItem {
                item: self.words.short(row.doc),
                name: row.name.clone(),
                uid: row.uid.clone(),
                flags,
            });
        }
    }
}

/// By item: what stands for its times, and what is to be known of them.
type Marks<'r> = HashMap<DocId, ([u8; 32], &'r ItemRow, Vec<TimeFlag>)>;

/// Items of one export that are named with what to know about their times.
const MOST_FLAGGED: usize = 1000;

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
