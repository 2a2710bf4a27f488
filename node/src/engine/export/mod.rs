//! `export`: a collection as standard files.

mod folder;
mod fresh;
mod names;

use std::collections::HashMap;
use std::io::Write as _;
use std::path::Path;

use pimesh_crdt::item::{Item, register};
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
use folder::{Folder, LABEL};
use fresh::{Fresh, sync_folder};

/// Writes a collection; names also what could not be written whole.
pub(super) fn export(
    store: &Store,
    collection: &str,
    to: &ExportTo,
) -> Result<Exported, EngineError> {
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
    let mut exported = Exported {
        collection: collection.name,
        path: String::new(),
        items: rows.len() as u64,
        bytes: 0,
        removed: 0,
        kept: 0,
        held: Vec::new(),
        incomplete: 0,
        without_attachments: Vec::new(),
        flagged: Vec::new(),
    };
    let path = match to {
        ExportTo::File(path) => {
            export.file(path, &rows, is_contacts)?;
            path
        }
        ExportTo::Folder { path, over } => {
            let mut folder = Folder::open(path, *over)?;
            let wrote = export
                .folder(&mut folder, &rows, is_contacts)
                .and_then(|items| {
                    // a vdir knows its name, so that it goes back where it came from
                    folder.put(LABEL, exported.collection.as_bytes(), collection.class)?;
                    let class = collection.class;
                    let is_this = |id| store.class_of(id).is_ok_and(|of| of == Some(class));
                    folder.sweep(is_this)?;
                    Ok(items)
                });
            let folder = folder.remember()?;
            exported.items = wrote?;
            (exported.removed, exported.kept) = (folder.removed, folder.kept);
            exported.held = folder.held;
            path
        }
    };
    exported.path = path.display().to_string();
    exported.bytes = export.bytes;
    exported.flagged = export.flagged;
    exported.incomplete = export.incomplete.len() as u64;
    export.incomplete.truncate(MOST_FLAGGED);
    exported.without_attachments = export.incomplete;
    Ok(exported)
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
        // an export that fails leaves the old file whole
        let fresh = Fresh::beside(path).map_err(failed)?;
        let mut out = std::io::BufWriter::new(fresh.file());
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
                let mut blobs_of = item
                    .values
                    .values()
                    .flat_map(|value| register::blobs(value));
                if blobs_of.any(|hash| !store.has_blob(hash).unwrap_or(false)) {
                    self.incomplete.push(row.name.clone());
                }
                calendars.add(&item, &blobs);
            }
            let rendered = calendars.finish();
            self.prove(&rendered.text, marks)?;
            self.bytes += rendered.text.len() as u64;
            out.write_all(rendered.text.as_bytes()).map_err(failed)?;
        }
        out.flush().map_err(failed)?;
        drop(out);
        fresh.take_place(path).map_err(failed)?;
        sync_folder(path.parent().unwrap_or(path)).map_err(failed)
    }

    /// Writes a file per item; gives how many are there as they are now.
    fn folder(
        &mut self,
        folder: &mut Folder,
        rows: &[ItemRow],
        is_contacts: bool,
    ) -> Result<u64, EngineError> {
        let ending = if is_contacts { "vcf" } else { "ics" };
        let mut items = 0;
        for row in rows {
            let before = self.bytes;
            let text = self.text(row)?;
            let name = format!("{}.{ending}", names::stem(&row.kind, &row.uid, row.doc));
            match folder.put(&name, text.as_bytes(), row.collection)? {
                true => items += 1,
                false => self.bytes = before,
            }
        }
        Ok(items)
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

/// Items of one export that are named with what to know about them.
const MOST_FLAGGED: usize = 1000;
