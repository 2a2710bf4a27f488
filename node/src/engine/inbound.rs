//! The way in: from a text that was taken in to changes in the store.
//!
//! ```text
//!  import, mailbox ──Parsed──► [take_in] ──► diff ──► genesis or edit ──► store
//! ```
//!
//! Invariants: the same text taken in again changes nothing, on whichever device; a text seen
//! for the first time is added beside what is known, never over it; only a person's explicit
//! import raises what was deleted.

use pimesh_crdt::diff::{Absence, Edit, diff};
use pimesh_crdt::doc::{Document, Writer, genesis};
use pimesh_crdt::normalise::Parsed;
use pimesh_crdt::store::{Added, Batch};
use pimesh_crdt::{CollectionId, DocId};

use super::EngineError;
use super::who::Me;

/// What became of one item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// New here.
    Added,
    /// Here already, and something differed.
    Changed,
    /// Deleted earlier, alive again.
    Restored,
    /// Here already, nothing differed; or deleted, and nobody asked for it back.
    Same,
}

/// Who brings the item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// A person, by an explicit import: it undeletes.
    Person,
    /// A source that is read by itself: it never does.
    Source,
}

/// Takes in one item that was read from a text, into the open transaction.
pub(super) fn take_in(
    batch: &mut Batch<'_>,
    into: CollectionId,
    parsed: &Parsed,
    by: By,
    me: Me,
) -> Result<Taken, EngineError> {
    let doc = parsed.item.doc_id();
    let known = batch.changes_of(into, doc)?;
    if known.is_empty() {
        keep_blobs(batch, parsed)?;
        batch.add(into, doc, genesis(&parsed.item).bytes)?;
        return Ok(Taken::Added);
    }
    let document = Document::load(known.iter().map(Vec::as_slice))?;
    let shown = document.view().shown();
    if !shown.live && by == By::Source {
        return Ok(Taken::Same);
    }
    // what the text does not mention it may not know
    let says_more = !diff(&shown.item, &parsed.item, Absence::Keeps).is_empty();
    let added = if says_more {
        keep_blobs(batch, parsed)?;
        batch.add(into, doc, genesis(&parsed.item).bytes)?
    } else {
        Added::Known
    };
    if !shown.live {
        revive(batch, into, doc, me)?;
        return Ok(Taken::Restored);
    }
    Ok(match added {
        Added::New => Taken::Changed,
        Added::Known => Taken::Same,
    })
}

fn keep_blobs(batch: &mut Batch<'_>, parsed: &Parsed) -> Result<(), EngineError> {
    for blob in &parsed.blobs {
        batch.put_blob(&blob.bytes)?;
    }
    Ok(())
}

/// Brings a deleted item back to life, if what was just added has not done so.
fn revive(
    batch: &mut Batch<'_>,
    into: CollectionId,
    doc: DocId,
    me: Me,
) -> Result<(), EngineError> {
    let changes = batch.changes_of(into, doc)?;
    let document = Document::load(changes.iter().map(Vec::as_slice))?;
    if document.view().shown().live {
        return Ok(());
    }
    let author = me.author("import", Writer::Person);
    let edits = [Edit::Revive { rid: None }];
    if let Some(change) = document.edit(&document.heads(), &edits, &author)? {
        batch.add(into, doc, change.bytes)?;
    }
    Ok(())
}
