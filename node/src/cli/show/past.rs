//! What was: logs, the trash, and what was brought back.

use super::table::{one_line, table};
use super::{count, local};
use crate::api::{
    ItemLog, LoggedChange, OperationInfo, Restored, Revived, TakenBack, TrashedItem, Undone,
};

/// So many items are listed one by one; `--json` has them all.
const ITEMS: usize = 20;

pub(super) fn log(log: &ItemLog) -> String {
    let state = match log.deleted {
        true => ", deleted",
        false => "",
    };
    let (id, name) = (&log.item.id, one_line(&log.item.name));
    let mut text = format!("{id}  {name}  ({}{state})\n", log.item.collection);
    for change in &log.changes {
        text += &format!("\n{}\n", headline(change));
        for life in &change.lives {
            let what = match &life.occurrence {
                Some(occurrence) => format!("the occurrence {occurrence}"),
                None => "the item".to_owned(),
            };
            text += &format!("  {what} was {}\n", life.life);
        }
        for property in &change.properties {
            let on = property.occurrence.as_deref();
            let on = on.map_or_else(String::new, |on| format!(" (on {on})"));
            let value = |value: &Option<String>| match value {
                Some(value) => format!("\"{}\"", one_line(value)),
                None => "nothing".to_owned(),
            };
            text += &match (&property.old, &property.new) {
                (None, new) => format!("  {}{on}: {}\n", property.property, value(new)),
                (old, new) => {
                    let (old, new) = (value(old), value(new));
                    format!("  {}{on}: {old} → {new}\n", property.property)
                }
            };
        }
    }
    text
}

/// `2026-11-22 14:55  phone (cli)  [3fa2b1c]`
fn headline(change: &LoggedChange) -> String {
    let devices = change.devices.join(", ");
    let source = change.source.as_deref();
    let id = &change.id;
    if change.from_text {
        let of = source.map_or_else(String::new, |source| format!(" of {source}"));
        return format!("from a text{of}, taken in on {devices}  [{id}]");
    }
    let at = change.at.map_or_else(String::new, local);
    let with = source.map_or_else(String::new, |source| format!(" ({source})"));
    format!("{at}  {devices}{with}  [{id}]")
}

pub(super) fn trash(items: &[TrashedItem]) -> String {
    if items.is_empty() {
        return "The trash is empty.\n".into();
    }
    let rows = items.iter().map(|trashed| {
        let by = match (&trashed.device, &trashed.source) {
            (Some(device), Some(source)) => format!("{device} ({source})"),
            (Some(device), None) => device.clone(),
            (None, _) => "its organizer".into(),
        };
        vec![
            trashed.item.id.clone(),
            trashed.item.name.clone(),
            trashed.item.collection.clone(),
            trashed.at.map_or_else(String::new, local),
            by,
        ]
    });
    table(&["ID", "NAME", "COLLECTION", "DELETED", "BY"], rows)
        + "\nBring one back with: pimesh trash restore ID\n"
}

pub(super) fn revived(revived: &Revived) -> String {
    let mut text = format!("Brought back {}.\n", count(revived.items.len(), "item"));
    for item in &revived.items {
        text += &format!("  {}  {}\n", item.id, one_line(&item.name));
    }
    text
}

pub(super) fn operations(operations: &[OperationInfo]) -> String {
    if operations.is_empty() {
        return "Nothing was done on this device yet.\n".into();
    }
    let rows = operations.iter().map(|operation| {
        let state = match operation.undone {
            true => "undone",
            false => "",
        };
        vec![
            operation.number.to_string(),
            local(operation.at),
            operation.kind.clone(),
            operation.what.clone(),
            operation.changes.to_string(),
            state.to_owned(),
        ]
    });
    table(&["NUMBER#", "WHEN", "WHAT", "OF", "CHANGES#", ""], rows)
}

pub(super) fn undone(undone: &Undone) -> String {
    let operation = &undone.operation;
    let what = format!(
        "{} ({} {})",
        operation.number,
        operation.kind,
        one_line(&operation.what)
    );
    let changed = count(undone.changed, "item");
    let mut text = match (undone.dry_run, undone.changed) {
        (_, 0) => format!("Nothing is left to take back of operation {what}.\n"),
        (true, _) => format!("Undoing operation {what} would change {changed}.\n"),
        (false, _) => format!("Took back operation {what}: {changed} changed.\n"),
    };
    text += &items(&undone.items);
    if undone.kept > 0 {
        let kept = count(undone.kept, "item");
        text += &format!("{kept} changed again since: the newer values stay.\n");
    }
    if let Some(number) = undone.undo {
        text += &format!("To have it after all: pimesh undo {number}\n");
    }
    text
}

pub(super) fn restored(restored: &Restored) -> String {
    let (target, at) = (one_line(&restored.target), local(restored.at));
    let changed = count(restored.changed, "item");
    let mut text = match (restored.dry_run, restored.changed) {
        (_, 0) => format!("{target} is as it was at {at}.\n"),
        (true, _) => format!("Bringing {target} back to {at} would change {changed}.\n"),
        (false, _) => format!("{target} is as it was at {at}: {changed} changed.\n"),
    };
    text += &items(&restored.items);
    if restored.newer > 0 {
        let newer = count(restored.newer, "item");
        text += &format!("{newer} came in since, and stay.\n");
    }
    text
}

fn items(items: &[TakenBack]) -> String {
    let mut text = String::new();
    for taken in items.iter().take(ITEMS) {
        let (id, name) = (&taken.item.id, one_line(&taken.item.name));
        let mut parts: Vec<String> = taken.life.clone().into_iter().collect();
        if taken.life.as_deref() != Some("deleted") {
            parts.extend(taken.properties.iter().cloned());
        }
        if !taken.kept.is_empty() {
            parts.push(format!("kept {}", taken.kept.join(", ")));
        }
        text += &format!("  {id}  {name}: {}\n", parts.join(", "));
    }
    if items.len() > ITEMS {
        text += &format!("  … and {} more\n", items.len() - ITEMS);
    }
    text
}
