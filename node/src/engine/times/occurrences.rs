//! Occurrences that devices made different things of: which there are, and what can be decided.
//!
//! What one text says by itself is no conflict of devices, and only flagged: old calendars are
//! full of it. It is one where different changes wrote the two sides.

use std::collections::BTreeSet;

use pimesh_crdt::doc::{Document, View};
use pimesh_crdt::item::register::Stored;
use pimesh_crdt::item::{Item, key, kind};
use pimesh_crdt::store::{Filter, ItemRow, Order, Page, Store};
use pimesh_crdt::text::line::Line;
use pimesh_crdt::time::{Clash, Zones, attached};
use pimesh_crdt::{BlobHash, ChangeHash, CollectionId};

use super::examiner::Examiner;
use super::{agenda, words};
use crate::api::{FlagReason, OccurrenceChoice, OccurrenceConflict, TimeFlag};
use crate::engine::EngineError;
use crate::engine::items::{Words, document, moment};

/// What is in question in one item, and what only has to be known.
#[derive(Debug, Default)]
pub(in crate::engine) struct InQuestion {
    /// For a person to decide, with what it is about.
    pub(in crate::engine) conflicts: Vec<(Clash, OccurrenceConflict)>,
    pub(in crate::engine) flags: Vec<TimeFlag>,
}

impl InQuestion {
    /// Looks at one item.
    pub(in crate::engine) fn of(
        store: &Store,
        words: &Words,
        row: &ItemRow,
        document: &Document,
        item: &Item,
        examiner: &mut Examiner,
    ) -> Result<Self, EngineError> {
        let blobs = |hash: BlobHash| store.blob(hash).ok().flatten();
        let found = examiner.examined(item, &blobs);
        let mut out = Self {
            flags: found.flags.iter().map(words::flag).collect(),
            ..Self::default()
        };
        out.flags.extend(examiner.merged(document, item, &blobs)?);
        let view = document.view();
        for clash in found.clashes {
            if is_of_one_text(&view, &clash) {
                out.flags.push(words::clash(&clash));
            } else {
                let zones = Zones::new(&blobs);
                let told = conflict(words, row, item, &clash, &zones);
                out.conflicts.push((clash, told));
            }
        }
        Ok(out)
    }
}

/// All occurrences in question, by item.
pub(in crate::engine) fn all_in_question(
    store: &Store,
    words: &Words,
) -> Result<Vec<OccurrenceConflict>, EngineError> {
    let filter = Filter {
        kinds: vec![kind::VEVENT.into(), kind::VTODO.into()],
        ..Filter::default()
    };
    let mut examiner = Examiner::default();
    let mut out = Vec::new();
    for row in store.list(&filter, Order::Name, Page::ALL)? {
        if row.collection == CollectionId::MESH || !row.recurring {
            continue;
        }
        let document = document(store, &row)?;
        let item = document.view().shown().item;
        if !item.overrides().is_empty() && item.has_master() {
            let found = InQuestion::of(store, words, &row, &document, &item, &mut examiner)?;
            out.extend(found.conflicts.into_iter().map(|(_, told)| told));
        }
    }
    Ok(out)
}

/// True where one change wrote both sides.
fn is_of_one_text(view: &View<'_>, clash: &Clash) -> bool {
    let writers = |at: &str| -> BTreeSet<ChangeHash> {
        let candidates = view.candidates(at).iter();
        candidates.map(|candidate| candidate.change.hash).collect()
    };
    let id = |rid: &str| writers(&key::in_override(rid, key::RECURRENCE_ID));
    let (own, others) = match clash {
        Clash::Gone { id: rid } => (id(rid), vec![writers(key::WHEN)]),
        // an EXRULE or a whole day that is off cannot be taken back for one occurrence
        Clash::CalledOff(off) if off.by.is_empty() => return true,
        Clash::CalledOff(off) => (id(&off.id), off.by.iter().map(|at| writers(at)).collect()),
        Clash::Twice(two) => (id(&two.shown), vec![id(&two.other)]),
    };
    others.iter().all(|other| !own.is_disjoint(other))
}

fn conflict(
    words: &Words,
    row: &ItemRow,
    item: &Item,
    clash: &Clash,
    zones: &Zones<'_>,
) -> OccurrenceConflict {
    use OccurrenceChoice::{Day, Delete, Keep, Series};
    let flag = words::clash(clash);
    let (id, other, choices) = match clash {
        Clash::Gone { id } => {
            let mut choices = vec![Keep, Series, Delete];
            if attached(item, zones, id).is_some() {
                choices.insert(1, Day);
            }
            (id, None, choices)
        }
        Clash::CalledOff(off) => (&off.id, None, vec![Keep, Delete]),
        Clash::Twice(two) => {
            let other = words::occurrence(&two.other);
            (&two.shown, Some(other), vec![Keep, Delete])
        }
    };
    OccurrenceConflict {
        item: words.short(row.doc),
        name: row.name.clone(),
        collection: words.collection(row.collection),
        occurrence: words::occurrence(id),
        reason: flag.reason,
        words: said(flag.reason, flag.words),
        title: agenda::title(item, id),
        start: start(item, id),
        other,
        choices,
    }
}

/// What happened, where it was on different devices.
fn said(reason: FlagReason, otherwise: String) -> String {
    match reason {
        FlagReason::OccurrenceGone => "one side changed this occurrence, the other moved or \
             shortened the series, which does not take place then any more; both are shown"
            .into(),
        FlagReason::ChangedAndCalledOff => {
            "one side changed this occurrence, the other called it off; it is shown".into()
        }
        _ => otherwise,
    }
}

/// When an override begins, as written.
fn start(item: &Item, rid: &str) -> Option<String> {
    let when = item.value(&key::in_override(rid, key::WHEN));
    let lines = when.unwrap_or("").split('\n').filter_map(Line::read);
    let own = lines
        .filter(|line| line.name == "DTSTART")
        .map(|line| (line.value, line.parameters().value_of("TZID")))
        .next();
    let id = item
        .value(&key::in_override(rid, key::RECURRENCE_ID))
        .map(Stored::read)
        .map(|stored| (stored.value, stored.parameters().value_of("TZID")));
    let (value, tzid) = own.or(id)?;
    let zone = tzid.map_or_else(String::new, |tzid| format!("[{tzid}]"));
    moment(&format!("{}{zone}", value.trim()))
}
