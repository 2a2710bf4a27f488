//! The items of an import, taken in a transaction at a time.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use pimesh_crdt::doc::display_name;
use pimesh_crdt::normalise::{Parsed, Problem};
use pimesh_crdt::store::{Batch, Committed, ImportPlace, Store};
use pimesh_crdt::{CollectionId, DocId};

use super::matching::{Matching, Unknown, is_candidate};
use crate::api::{Counts, FlaggedItem, LostItem, Refused, TimeFlag, Write};
use crate::engine::EngineError;
use crate::engine::absent::{Lost, Shows};
use crate::engine::collections::{self, Holds};
use crate::engine::inbound::{By, Reading, Taken, take_in, take_in_from};
use crate::engine::times::{Examiner, has_times};
use crate::engine::who::{Me, now};

/// Cards that wait to be matched; when there are more, they are matched with what is known.
const MOST_HELD_BACK: usize = 4096;

/// An item that waits for its transaction.
pub(super) struct Waiting {
    /// Which of the files of the report it came from.
    pub(super) file: usize,
    /// Where it lies; none for what came by a pipe.
    pub(super) place: Option<ImportPlace>,
    pub(super) target: Target,
    pub(super) components: usize,
    pub(super) parsed: Result<Parsed, Problem>,
    /// What the text that it came from shows.
    pub(super) shows: Arc<Shows>,
    /// What to know about its times.
    pub(super) flags: Vec<TimeFlag>,
}

/// Where the items of one file go.
#[derive(Clone, Debug, Default)]
pub(super) struct Target {
    pub(super) name: Option<String>,
    pub(super) colour: String,
}

impl Target {
    fn name(&self, holds: Holds) -> &str {
        self.name.as_deref().unwrap_or(holds.default_name())
    }
}

/// What one transaction did, by file.
#[derive(Default)]
pub(super) struct Done {
    pub(super) files: BTreeMap<usize, DoneInFile>,
    pub(super) committed: Committed,
}

#[derive(Default)]
pub(super) struct DoneInFile {
    pub(super) counts: Counts,
    pub(super) refused: Vec<Refused>,
    pub(super) flagged: Vec<FlaggedItem>,
    pub(super) lost: Vec<LostItem>,
    pub(super) names: Vec<String>,
}

/// What an import remembers from one transaction to the next.
#[derive(Default)]
pub(super) struct Taking {
    /// What the person named, and the operation that all its transactions belong to.
    what: String,
    operation: Option<i64>,
    matching: Matching,
    /// How often each item came at each place.
    turns: HashMap<(ImportPlace, DocId), u32>,
    /// Cards that may be one that was here before, and their collection.
    held: Vec<(Waiting, CollectionId)>,
    examiner: Examiner,
}

impl Taking {
    /// Of an import of what a person named so.
    pub(super) fn new(what: String) -> Self {
        Self {
            what,
            ..Self::default()
        }
    }

    /// Takes in some items in one transaction; in a dry run it is undone. After the last items
    /// comes a call without any, for those that were held back.
    pub(super) fn one_batch(
        &mut self,
        store: &mut Store,
        waiting: Vec<Waiting>,
        write: Write,
        me: Me,
    ) -> Result<Done, EngineError> {
        let mut known = collections::by_name(store)?;
        let mut parsed = waiting.iter().filter_map(|one| one.parsed.as_ref().ok());
        if parsed.any(is_candidate) {
            self.matching.look_up(store, &known)?;
        }
        let is_last = waiting.is_empty();
        let mut batch = store.batch(now())?;
        let mut done = Done::default();
        for waiting in waiting {
            let into = done.files.entry(waiting.file).or_default();
            let parsed = match &waiting.parsed {
                Ok(parsed) => parsed,
                Err(problem) => {
                    into.counts.refused += waiting.components as u64;
                    into.refused.push(refusal(problem));
                    continue;
                }
            };
            let holds = Holds::of(&parsed.item);
            let name = waiting.target.name(holds);
            let colour = &waiting.target.colour;
            let id = collections::ensure(&mut batch, &mut known, holds, name, colour)?;
            if !into.names.iter().any(|known| known == name) {
                into.names.push(name.to_owned());
            }
            into.counts.overrides += waiting.components as u64 - 1;
            if self.matching.holds_back(&mut batch, id, parsed)? {
                self.held.push((waiting, id));
                continue;
            }
            let taken = self.take(&mut batch, id, &waiting, parsed, me, into)?;
            let mut flags = waiting.flags.clone();
            flags.extend(self.kept(&mut batch, id, parsed, taken)?);
            if !flags.is_empty() {
                into.flagged.push(FlaggedItem {
                    item: parsed.item.doc_id().to_string(),
                    name: display_name(&parsed.item),
                    uid: parsed.item.uid.clone(),
                    flags,
                });
            }
        }
        if is_last || self.held.len() > MOST_HELD_BACK {
            self.held_back(&mut batch, me, &mut done)?;
        }
        if write == Write::Really {
            (done.committed, self.operation) =
                batch.commit_as("import", &self.what, self.operation)?;
        }
        Ok(done)
    }

    fn held_back(
        &mut self,
        batch: &mut Batch<'_>,
        me: Me,
        done: &mut Done,
    ) -> Result<(), EngineError> {
        let mut held = std::mem::take(&mut self.held);
        let mut cards: Vec<Unknown<'_>> = held
            .iter_mut()
            .filter_map(|(waiting, into)| {
                let (into, place) = (*into, waiting.place);
                let parsed = waiting.parsed.as_mut().ok()?;
                Some(Unknown {
                    into,
                    place,
                    parsed,
                })
            })
            .collect();
        self.matching.resolve(batch, &mut cards)?;
        for (waiting, into) in &held {
            if let Ok(parsed) = &waiting.parsed {
                let done = done.files.entry(waiting.file).or_default();
                self.take(batch, *into, waiting, parsed, me, done)?;
            }
        }
        Ok(())
    }

    fn take(
        &mut self,
        batch: &mut Batch<'_>,
        into: CollectionId,
        waiting: &Waiting,
        parsed: &Parsed,
        me: Me,
        done: &mut DoneInFile,
    ) -> Result<Taken, EngineError> {
        let taken = match waiting.place {
            Some(place) => {
                let next = self.turns.entry((place, parsed.item.doc_id())).or_default();
                let turn = *next;
                *next += 1;
                let shows = &waiting.shows;
                let at = Reading { place, turn, shows };
                let (taken, lost) = take_in_from(batch, into, parsed, at, me)?;
                if lost != Lost::default() {
                    done.lost.push(LostItem {
                        item: parsed.item.doc_id().to_string(),
                        name: display_name(&parsed.item),
                        removed: lost.removed.into_iter().collect(),
                        held: lost.held.into_iter().collect(),
                    });
                }
                taken
            }
            None => take_in(batch, into, parsed, By::Person, me)?,
        };
        let counts = &mut done.counts;
        match taken {
            Taken::Added => counts.added += 1,
            Taken::Changed => counts.changed += 1,
            Taken::Restored => counts.restored += 1,
            Taken::Same => counts.same += 1,
        }
        Ok(taken)
    }

    /// Proves that what is shown now takes place when the text said; says so where it does not,
    /// which is where another device or an earlier text says something else.
    fn kept(
        &mut self,
        batch: &mut Batch<'_>,
        into: CollectionId,
        parsed: &Parsed,
        taken: Taken,
    ) -> Result<Option<TimeFlag>, EngineError> {
        // what is new is stored as the one change that holds what was read
        if matches!(taken, Taken::Added | Taken::Same) || !has_times(&parsed.item) {
            return Ok(None);
        }
        let item = &parsed.item;
        let shown = batch.document(into, item.doc_id())?.view().shown().item;
        Ok(self.examiner.shown_as_read(parsed, &shown))
    }
}

pub(super) fn refusal(problem: &Problem) -> Refused {
    Refused {
        line: u64::from(problem.line),
        component: problem.component.clone(),
        reason: problem.reason.clone(),
    }
}
