//! Does an edit by hand leave something that can take place?
//!
//! What came in from elsewhere is kept however it is written. What is typed here is refused
//! while somebody is there to correct it; what was wrong before the edit does not hinder it.

use pimesh_crdt::BlobHash;
use pimesh_crdt::item::{Blob, Item, key, kind};

use pimesh_crdt::store::Store;
use pimesh_crdt::text::line::Line;
use pimesh_crdt::time::{Flag, RuleError};

use super::examiner::{Examiner, has_times};
use crate::api::Failure;
use crate::engine::EngineError;

/// Refuses an edit after which the item cannot take place as it says, and names the property.
/// `fresh` are blobs that are not stored yet.
pub(in crate::engine) fn makes_sense(
    store: &Store,
    before: &Item,
    after: &Item,
    fresh: &[Blob],
) -> Result<(), EngineError> {
    if before == after || !(has_times(before) || has_times(after)) {
        return Ok(());
    }
    let blobs = |hash: BlobHash| match fresh.iter().find(|blob| blob.hash == hash) {
        Some(blob) => Some(blob.bytes.clone()),
        None => store.blob(hash).ok().flatten(),
    };
    let flags = |item: &Item| Examiner::default().examined(item, &blobs).flags;
    let known = flags(before);
    let is_task = after.kind == kind::VTODO;
    let wrong = flags(after)
        .into_iter()
        .filter(|flag| !known.contains(flag))
        .find_map(|flag| refusal(&flag, is_task));
    match wrong.or_else(|| without_start(before, after)) {
        Some(failure) => Err(failure.into()),
        None => Ok(()),
    }
}

fn refusal(flag: &Flag, is_task: bool) -> Option<Failure> {
    let end = if is_task { "DUE" } else { "DTEND" };
    match flag {
        Flag::EndsBeforeItStarts => {
            let message = format!("{end} would be before DTSTART");
            let hint = format!("change both in one command: --set DTSTART=… --set {end}=…");
            Some(Failure::usage(message).hint(hint))
        }
        Flag::RuleNotUnderstood {
            reason: RuleError::OtherCalendar { .. },
            ..
        } => None,
        Flag::RuleNotUnderstood { rule, reason } => Some(
            Failure::usage(format!("RRULE {rule:?} is not understood: {reason}"))
                .hint("write it as in FREQ=WEEKLY;BYDAY=MO,WE;COUNT=10"),
        ),
        Flag::Unreadable { property, value } => Some(
            Failure::usage(format!("{property} would be no time: {value:?}"))
                .hint("write 20261122, 20261122T100000 or 20261122T090000Z"),
        ),
        Flag::OtherKind { property, value } => Some(
            Failure::usage(format!(
                "{property} {value:?} and DTSTART must both be days, or both times"
            ))
            .hint("change both in one command"),
        ),
        Flag::Repeated { property } => Some(Failure::usage(format!(
            "{property} would be there more than once"
        ))),
        Flag::UnknownZone { .. }
        | Flag::BadDefinition { .. }
        | Flag::ZonesDisagree { .. }
        | Flag::OtherRange { .. }
        | Flag::RuleInOverride { .. }
        | Flag::TooManyOccurrences { .. }
        | Flag::TooMuchWork { .. }
        | Flag::NotExamined
        | Flag::NotHere => None,
    }
}

/// An event that had a start must have one (RFC 5545 §3.6.1), and each changed occurrence.
fn without_start(before: &Item, after: &Item) -> Option<Failure> {
    let overrides = before.overrides().into_iter().map(Some);
    let mut parts = std::iter::once(None).chain(overrides);
    let lost = parts.any(|rid| {
        let is_there = after.component(rid).next().is_some();
        is_there && has_start(before, rid) && !has_start(after, rid)
    });
    (lost && after.kind == kind::VEVENT).then(|| {
        Failure::usage("DTSTART cannot be removed: an event begins at some time")
            .hint("set another one, or delete the event with: pimesh delete")
    })
}

fn has_start(item: &Item, rid: Option<&str>) -> bool {
    let when = item.value(&format!("{}{}", key::prefix(rid), key::WHEN));
    let mut lines = when.into_iter().flat_map(|when| when.split('\n'));
    lines.any(|line| Line::read(line).is_some_and(|line| line.name == "DTSTART"))
}
