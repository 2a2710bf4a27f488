//! Taking back what some changes did, as new edits on what is there now.
//!
//! Nothing is ever removed from a document's past. What was before is put back only where
//! nobody has written since: the newer value stays, and is told.

use std::collections::{BTreeMap, BTreeSet};

use super::{Author, DocError, Document, NewChange, OpId, Other, Shown, View, Writer, decode};
use crate::ChangeHash;
use crate::canon;
use crate::diff::Edit;
use crate::item::{key, kind, names};

/// How often an author is drawn for a value that shall stand beside another, until it does.
const DRAWS: usize = 64;
/// How often an author is drawn for the value that shall be shown.
const DRAWS_OF_FIRST: usize = 8;

/// How to take some changes back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Back {
    /// What to write on the current version.
    pub edits: Vec<Edit>,
    /// Values that stood beside the shown one and were decided against: written apart from the
    /// edits, on the same base, they are in conflict again.
    pub beside: Vec<Edit>,
    /// Keys that were written since and are left alone.
    pub kept: Vec<String>,
    /// What the changes wrote, by key: that alone is superseded, not what stood beside it.
    written: BTreeMap<String, Vec<OpId>>,
}

impl Document {
    /// A change with some of the edits of a [`Back`], on the version it was made for.
    pub fn put_back(
        &self,
        base: &[ChangeHash],
        edits: &[Edit],
        back: &Back,
        author: &Author,
    ) -> Result<Option<NewChange>, DocError> {
        let written = |_: &Shown, at: &str| back.written.get(at).cloned().unwrap_or_default();
        self.written(base, edits, author, &written)
    }

    /// The changes that take something back: one, and one more for each value that stood
    /// beside. `draw` makes an author with randomness of its own whenever it is asked.
    pub fn take_back(
        &self,
        back: &Back,
        draw: &mut dyn FnMut(Writer) -> Author,
    ) -> Result<Vec<NewChange>, DocError> {
        let heads = self.heads();
        // what is deleted now stays so, unless this is what brings it back
        let revives = back.edits.contains(&Edit::Revive { rid: None });
        let shown = self.view().shown();
        let is_of_mesh = shown.item.kind == kind::COLLECTION;
        let writer = match revives || (shown.live && !is_of_mesh) {
            true => Writer::Person,
            false => Writer::Machine,
        };
        let mut first = self.put_back(&heads, &back.edits, back, &draw(writer))?;
        if !back.beside.is_empty() {
            // the greatest of some, so that one below it is soon found
            for _ in 0..DRAWS_OF_FIRST {
                let drawn = self.put_back(&heads, &back.edits, back, &draw(writer))?;
                if stands_beside(first.as_ref(), drawn.as_ref())? {
                    first = drawn;
                }
            }
        }
        let mut out: Vec<NewChange> = Vec::new();
        for beside in &back.beside {
            let mut change = None;
            for _ in 0..DRAWS {
                let beside = std::slice::from_ref(beside);
                change = self.put_back(&heads, beside, back, &draw(Writer::Machine))?;
                if stands_beside(change.as_ref(), first.as_ref())? {
                    break;
                }
            }
            out.extend(change);
        }
        out.splice(0..0, first);
        Ok(out)
    }
}

/// Of two values written apart the one with the greater actor is shown: it must be the first.
fn stands_beside(beside: Option<&NewChange>, first: Option<&NewChange>) -> Result<bool, DocError> {
    let (Some(beside), Some(first)) = (beside, first) else {
        return Ok(true);
    };
    Ok(decode(&beside.bytes)?.actor < decode(&first.bytes)?.actor)
}

impl Back {
    /// Compares the state before some changes, the one right after them, and the current one.
    pub fn to(before: &View<'_>, after: &View<'_>, now: &View<'_>) -> Self {
        let (was, became, is) = (before.shown(), after.shown(), now.shown());
        let mut out = Self::default();
        for at in touched(before, after) {
            let (rid, rest) = key::split_override(at);
            let since = operations(now, at) != operations(after, at);
            if rest == key::LIVE {
                let life = (lives(&was, rid), lives(&became, rid), lives(&is, rid));
                let rid = rid.map(str::to_owned);
                match life {
                    (false, true, true) if !since => out.edits.push(Edit::Delete { rid }),
                    (true, false, false) if !since => out.edits.push(Edit::Revive { rid }),
                    (false, true, true) => out.kept.push(at.to_owned()),
                    _ => {}
                }
            } else if !matches!(rest, "UID" | "~kind" | "~v" | "~itip") {
                out.register(at, since, [&was, &is], [before, after]);
            }
        }
        out.without_the_dead(&was, &became)
    }

    fn register(
        &mut self,
        at: &str,
        since: bool,
        [was, is]: [&Shown; 2],
        [before, after]: [&View<'_>; 2],
    ) {
        let (wanted, present) = (was.item.value(at), is.item.value(at));
        if since && wanted != present && !names::is_book_keeping(key::name(at)) {
            self.kept.push(at.to_owned());
        }
        if since {
            return;
        }
        let others = |of: &Shown| {
            let mut clashes = of.conflicts.iter();
            let clash = clashes.find(|conflict| conflict.key == at);
            clash.map_or_else(Vec::new, |clash| clash.others.clone())
        };
        let (were, others) = (others(was), others(is));
        let still = operations(after, at);
        let old = operations(before, at);
        let candidates = after.candidates(at).iter();
        let ours: Vec<_> = candidates.filter(|c| !old.contains(&c.id)).collect();
        let written = ours.iter().map(|c| c.id.clone()).collect();
        self.written.insert(at.to_owned(), written);
        // where nothing was superseded, what was is there as soon as what was written is not
        let is_whole = !old.is_empty() && old.iter().all(|id| still.contains(id));
        if is_whole && !ours.is_empty() {
            if wanted != present || were != others {
                let key = at.to_owned();
                self.edits.push(Edit::Clear { key });
            }
            return;
        }
        let said_by_us = |value: &str| {
            let mut all = ours.iter().filter_map(|c| c.value.text());
            all.any(|ours| canon::same(key::name(at), ours, value))
        };
        let lost: Vec<&str> = (before.candidates(at).iter())
            .filter(|c| !still.contains(&c.id))
            .filter_map(|c| c.value.text())
            .collect();
        let written_over = |value: &str| {
            let mut all = lost.iter();
            all.any(|lost| canon::same(key::name(at), lost, value))
        };
        let gone = were.iter().filter(|other| {
            let mut wrote = before.candidates(at).iter();
            wrote.any(|c| {
                let is_it = c.change.hash == other.change;
                // a text is taken to restate what is written over, and would be hidden
                let restates = said_by_us(&other.value) || written_over(&other.value);
                let is_hidden = c.change.is_from_text() && restates;
                is_it && (is_hidden || !still.contains(&c.id))
            })
        });
        let is_ours = |other: &Other| ours.iter().any(|c| c.change.hash == other.change);
        let key = at.to_owned();
        let set = |value: &str| Edit::Set {
            key: at.to_owned(),
            value: value.to_owned(),
        };
        // what stood for this value then, as what only restates it, does so again
        let behind = was.represents(at).into_iter();
        let behind: Vec<OpId> = behind.filter(|id| still.contains(id)).collect();
        let beside = self.beside.len();
        self.beside.extend(gone.map(|other| set(&other.value)));
        // what shall stand beside another value needs that one written apart from it too
        let stands_alone = self.beside.len() == beside;
        // the value that is shown may be one of those that go
        let goes = !stands_alone || others.iter().any(is_ours);
        match wanted {
            Some(value) if wanted != present || goes => {
                self.written.entry(key).or_default().extend(behind);
                self.edits.push(set(value));
            }
            None if present.is_some() => self.edits.push(Edit::Clear { key }),
            _ => {}
        }
    }

    /// What is deleted as a whole is not emptied besides.
    fn without_the_dead(mut self, was: &Shown, became: &Shown) -> Self {
        let is_dead = |rid: Option<&str>| {
            let gone = |rid: Option<&str>| !lives(was, rid) && lives(became, rid);
            gone(None) || (rid.is_some() && gone(rid))
        };
        self.edits.retain(|edit| match edit {
            Edit::Set { key, .. } | Edit::Clear { key } => !is_dead(key::split_override(key).0),
            Edit::Delete { rid } | Edit::Revive { rid } => rid.is_none() || !is_dead(None),
        });
        self.beside.retain(|edit| match edit {
            Edit::Set { key, .. } | Edit::Clear { key } => !is_dead(key::split_override(key).0),
            Edit::Delete { .. } | Edit::Revive { .. } => false,
        });
        self
    }
}

/// The keys whose visible values differ.
fn touched<'a>(before: &View<'a>, after: &View<'a>) -> BTreeSet<&'a str> {
    let keys = before.keys.keys().chain(after.keys.keys()).copied();
    keys.filter(|at| operations(before, at) != operations(after, at))
        .collect()
}

fn operations(view: &View<'_>, at: &str) -> Vec<OpId> {
    view.candidates(at).iter().map(|c| c.id.clone()).collect()
}

fn lives(shown: &Shown, rid: Option<&str>) -> bool {
    match rid {
        None => shown.live,
        Some(rid) => shown.item.component(Some(rid)).next().is_some(),
    }
}
