//! What was changed differently on two devices, and what was decided.

use super::local;
use super::table::one_line;
use super::times::occurrences;
use crate::api::{Conflict, Conflicts, Resolved, Version};

pub(super) fn all(all: &Conflicts) -> String {
    if all.conflicts.is_empty() && all.occurrences.is_empty() {
        return "Nothing was changed differently on two devices.\n".into();
    }
    let mut parts = Vec::new();
    if !all.conflicts.is_empty() {
        parts.push(conflicts(&all.conflicts));
    }
    if !all.occurrences.is_empty() {
        parts.push(occurrences(&all.occurrences));
    }
    parts.join("\n")
}

pub(super) fn conflicts(conflicts: &[Conflict]) -> String {
    let mut text = String::new();
    let mut last = "";
    for conflict in conflicts {
        if last != conflict.item {
            let name = one_line(&conflict.name);
            text += &format!("{}  {name}  ({})\n", conflict.item, conflict.collection);
            last = &conflict.item;
        }
        text += &match conflict.key == conflict.property {
            true => format!("  {}\n", conflict.property),
            false => format!("  {}  (\"{}\")\n", conflict.property, conflict.key),
        };
        text += &format!("    1  this  {}\n", version(&conflict.shown));
        let word = match conflict.others.len() {
            1 => "that",
            _ => "    ",
        };
        for (at, other) in conflict.others.iter().enumerate() {
            text += &format!("    {}  {word}  {}\n", at + 2, version(other));
        }
    }
    text += "\n\"this\" is shown everywhere. Decide with:\n  \
             pimesh conflicts resolve ITEM PROPERTY --keep this|that|NUMBER|both\n  \
             pimesh conflicts resolve ITEM PROPERTY --value TEXT, or --merge for notes\n";
    text
}

pub(super) fn resolved(resolved: &Resolved) -> String {
    let (id, name) = (&resolved.item.id, one_line(&resolved.item.name));
    let mut text = format!("{id}  {name}: {} is decided.\n", resolved.property);
    for value in &resolved.values {
        text += &format!("  now:    {}\n", one_line(value));
    }
    let gone = resolved.superseded.iter();
    for before in gone.filter(|before| !resolved.values.contains(&before.value)) {
        text += &format!("  before: {}\n", version(before));
    }
    text
}

/// `value   phone (cli), 2026-11-22 14:55   [3fa2b1c]`
fn version(version: &Version) -> String {
    let whence = match (&version.by, &version.source) {
        (Some(by), _) => by.clone(),
        (None, Some(source)) => format!("from a text of {source}"),
        (None, None) if version.devices.is_empty() => "from a text".into(),
        (None, None) => format!("from a text taken in on {}", version.devices.join(", ")),
    };
    let at = version
        .at
        .map_or_else(String::new, |at| format!(", {}", local(at)));
    format!(
        "{}   {whence}{at}   [{}]",
        one_line(&version.value),
        version.id
    )
}
