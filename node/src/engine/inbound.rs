//! The way in: from a text that was taken in to changes in the store.
//!
//! ```text
//!  import, mailbox ──Parsed──► [take_in, take_in_from] ──► diff ──► genesis or edit ──► store
//! ```
//!
//! Invariants: the same text taken in again changes nothing, on whichever device; a text seen
//! for the first time is added beside what is known, never over it; the next text of the same
//! place is compared with its last one; only a person's explicit import raises what was deleted.

use pimesh_crdt::diff::{Absence, Edit, diff};
use pimesh_crdt::doc::{Base, Document, Writer, genesis};
use pimesh_crdt::normalise::Parsed;
use pimesh_crdt::store::{Batch, ImportPlace};
use pimesh_crdt::{CollectionId, DocId};

use super::EngineError;
use super::absent::{Lost, Shows};
use super::who::Me;

/// What an import is called where it says who wrote.
const IMPORT: &str = "import";

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

/// Where an item was read, and which time it came there: a file may hold an item twice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading<'s> {
    pub(super) place: ImportPlace,
    pub(super) turn: u32,
    pub(super) shows: &'s Shows,
}

/// Takes in one item that was read from a text, into the open transaction.
pub(super) fn take_in(
    batch: &mut Batch<'_>,
    into: CollectionId,
    parsed: &Parsed,
    by: By,
    me: Me,
) -> Result<Taken, EngineError> {
    bring_what_is_missing(batch, parsed)?;
    let document = stored(batch, into, parsed.item.doc_id())?;
    Ok(first_sight(batch, into, parsed, by, me, document.as_ref())?.0)
}

/// The same for a place that a person may have imported before: what is new since then is an
/// edit of what the place said then, and what is absent now was removed there.
pub(super) fn take_in_from(
    batch: &mut Batch<'_>,
    into: CollectionId,
    parsed: &Parsed,
    at: Reading<'_>,
    me: Me,
) -> Result<(Taken, Lost), EngineError> {
    let doc = parsed.item.doc_id();
    bring_what_is_missing(batch, parsed)?;
    let document = stored(batch, into, doc)?;
    let known = batch.imported(at.place, doc)?;
    let mut of_this_turn = None;
    for (turn, state) in &known {
        let read = document
            .as_ref()
            .and_then(|d| Base::from_bytes(state, d).map(|b| (d, b)));
        let Some((document, mut base)) = read else {
            continue;
        };
        let before = base.against(document, &parsed.item)?;
        let edits = diff(&before, &parsed.item, Absence::Deletes);
        if edits.is_empty() {
            let taken = raised(batch, into, doc, me)?;
            return Ok((taken, Lost::default()));
        }
        if *turn == at.turn {
            let (lost, held, edits) = at.shows.lost(&before, &parsed.item, edits);
            of_this_turn = Some((document, base.hiding(&held), edits, lost));
        }
    }
    let mut lost = Lost::default();
    let (taken, base) = match of_this_turn {
        Some((_, base, edits, of_text)) if edits.is_empty() => {
            lost = of_text;
            (raised(batch, into, doc, me)?, base)
        }
        Some((document, base, edits, of_text)) => {
            lost = of_text;
            keep_blobs(batch, parsed)?;
            let author = me.author(IMPORT, Writer::Person);
            let Some(change) = document.edit(base.heads(), &edits, &author)? else {
                return Ok((Taken::Same, lost));
            };
            let was_live = document.view().shown().live;
            let base = base.moved_on(change.hash);
            batch.add_new(into, doc, change)?;
            let taken = if was_live {
                Taken::Changed
            } else {
                Taken::Restored
            };
            (taken, base)
        }
        None => first_sight(batch, into, parsed, By::Person, me, document.as_ref())?,
    };
    let state = base.to_bytes();
    if !known
        .iter()
        .any(|(turn, was)| *turn == at.turn && *was == state)
    {
        batch.set_imported(at.place, doc, at.turn, &state)?;
    }
    Ok((taken, lost))
}

/// A text that is seen for the first time goes beside what is known, never over it. Tells also
/// what version of the item it stands for.
fn first_sight(
    batch: &mut Batch<'_>,
    into: CollectionId,
    parsed: &Parsed,
    by: By,
    me: Me,
    document: Option<&Document>,
) -> Result<(Taken, Base), EngineError> {
    let doc = parsed.item.doc_id();
    let first = genesis(&parsed.item);
    let whole = Base::of_change(first.hash);
    let Some(document) = document else {
        keep_blobs(batch, parsed)?;
        batch.add_new(into, doc, first)?;
        return Ok((Taken::Added, whole));
    };
    let shown = document.view().shown();
    if !shown.live && by == By::Source {
        return Ok((Taken::Same, whole));
    }
    // what the text does not mention it may not know
    let says_more = !diff(&shown.item, &parsed.item, Absence::Keeps).is_empty();
    let is_known = document.contains(&first.hash);
    let base = match says_more || is_known {
        true => whole,
        false => Base::of_extract(document, &parsed.item),
    };
    if says_more && !is_known {
        keep_blobs(batch, parsed)?;
        batch.add_new(into, doc, first)?;
    }
    if !shown.live {
        revive(batch, into, doc, me)?;
        return Ok((Taken::Restored, base));
    }
    let taken = match says_more && !is_known {
        true => Taken::Changed,
        false => Taken::Same,
    };
    Ok((taken, base))
}

/// The document as the batch leaves it, where there is one.
fn stored(
    batch: &mut Batch<'_>,
    into: CollectionId,
    doc: DocId,
) -> Result<Option<Document>, EngineError> {
    let document = batch.document(into, doc)?;
    Ok((!document.is_empty()).then_some(document))
}

fn keep_blobs(batch: &mut Batch<'_>, parsed: &Parsed) -> Result<(), EngineError> {
    for blob in &parsed.blobs {
        batch.put_blob(&blob.bytes)?;
    }
    Ok(())
}

/// A photo that is lacking here comes with a text that holds it, also where nothing is new.
fn bring_what_is_missing(batch: &mut Batch<'_>, parsed: &Parsed) -> Result<(), EngineError> {
    for blob in &parsed.blobs {
        batch.put_missing_blob(blob)?;
    }
    Ok(())
}

/// What becomes of an item of which a text says nothing new.
fn raised(
    batch: &mut Batch<'_>,
    into: CollectionId,
    doc: DocId,
    me: Me,
) -> Result<Taken, EngineError> {
    Ok(match revive(batch, into, doc, me)? {
        true => Taken::Restored,
        false => Taken::Same,
    })
}

/// Brings an item back to life where it is deleted; says whether it was.
fn revive(
    batch: &mut Batch<'_>,
    into: CollectionId,
    doc: DocId,
    me: Me,
) -> Result<bool, EngineError> {
    let Some(document) = stored(batch, into, doc)? else {
        return Ok(false);
    };
    if document.view().shown().live {
        return Ok(false);
    }
    let author = me.author(IMPORT, Writer::Person);
    let edits = [Edit::Revive { rid: None }];
    if let Some(change) = document.edit(&document.heads(), &edits, &author)? {
        batch.add_new(into, doc, change)?;
    }
    Ok(true)
}
