//! Items: contacts, events and tasks.

use super::count;
use super::decide::conflicts;
use super::table::{one_line, table};
use super::times;
use crate::api::{Deleted, Edited, Item, ItemSummary, Items};

/// Longer names are cut in a list; `show` has them whole.
const LONGEST_NAME: usize = 60;

pub(super) fn items(items: &Items) -> String {
    if items.items.is_empty() && items.total > 0 {
        return format!("{}, none of them shown.\n", count(items.total, "item"));
    }
    if items.items.is_empty() {
        return "Nothing.\n".into();
    }
    let rows = items.items.iter().map(|item| {
        vec![
            item.id.clone(),
            item.kind.clone(),
            when(item),
            marked(item),
            item.collection.clone(),
        ]
    });
    let mut text = table(&["ID", "KIND", "WHEN", "NAME", "COLLECTION"], rows);
    let shown = u64::try_from(items.items.len()).unwrap_or(u64::MAX);
    if items.total > shown {
        text += &format!("… and {} more.\n", items.total - shown);
    }
    text
}

fn marked(item: &ItemSummary) -> String {
    let mut text = shortened(&item.name);
    if !item.linked.is_empty() {
        text += &format!("  (with {})", item.linked.join(", "));
    }
    if item.cancelled {
        text += "  (cancelled)";
    }
    if item.conflicts > 0 {
        text += "  (in conflict)";
    }
    text
}

/// A name that leaves room for the columns after it.
fn shortened(name: &str) -> String {
    match name.char_indices().nth(LONGEST_NAME) {
        Some((end, _)) => format!("{}…", name[..end].trim_end()),
        None => name.to_owned(),
    }
}

fn when(item: &ItemSummary) -> String {
    let mut text = match (&item.start, &item.end) {
        (Some(start), _) => plain_time(start),
        (None, Some(end)) => format!("until {}", plain_time(end)),
        (None, None) => String::new(),
    };
    if item.recurring {
        text += " ↻";
    }
    text
}

/// `2026-11-22T10:00:00[Europe/Berlin]` as `2026-11-22 10:00 Europe/Berlin`.
pub(super) fn plain_time(text: &str) -> String {
    let (time, zone) = match text.split_once('[') {
        Some((time, zone)) => (time, zone.trim_end_matches(']')),
        None => match text.strip_suffix('Z') {
            Some(time) => (time, "UTC"),
            None => (text, ""),
        },
    };
    let time = time.strip_suffix(":00").unwrap_or(time).replace('T', " ");
    format!("{time} {zone}").trim_end().to_owned()
}

pub(super) fn item(item: &Item) -> String {
    let summary = &item.summary;
    let off = if summary.cancelled {
        "  (cancelled)"
    } else {
        ""
    };
    let mut text = format!(
        "{}{off}\n{} in {}, id {}\n",
        one_line(&summary.name),
        summary.kind,
        summary.collection,
        summary.id
    );
    let when = when(summary);
    if !when.is_empty() {
        let end = summary.end.as_deref().map(plain_time);
        let until = end.map_or_else(String::new, |end| format!(" – {end}"));
        text += &format!("{when}{until}\n");
    }
    if let Some(next) = item.next.as_ref().filter(|next| next.recurring) {
        text += &times::next(next);
    }
    for other in &item.linked {
        let (name, collection) = (one_line(&other.name), one_line(&other.collection));
        text += &format!("one person with {}  {name}, in {collection}\n", other.id);
    }
    text.push('\n');
    let is_linked = !item.linked.is_empty();
    let rows = item.properties.iter().map(|property| {
        let occurrence = property.occurrence.as_deref();
        let of = occurrence.map_or_else(String::new, |id| format!(" (on {id})"));
        let mut row = vec![
            format!("{}{of}", property.name),
            property.value.clone(),
            property.params.clone(),
        ];
        row.extend(is_linked.then(|| property.items.join(", ")));
        row
    });
    let headings = ["PROPERTY", "VALUE", "PARAMETERS", "FROM"];
    text += &table(&headings[..3 + usize::from(is_linked)], rows);
    if !item.flags.is_empty() {
        text += &format!("\nAbout its times:\n{}", times::flags(&item.flags));
    }
    if !item.conflicts.is_empty() {
        text.push('\n');
        text += &conflicts(&item.conflicts);
    }
    if !item.occurrences.is_empty() {
        text.push('\n');
        text += &times::occurrences(&item.occurrences);
    }
    text
}

pub(super) fn edited(edited: &Edited) -> String {
    let (id, name) = (&edited.item.id, &edited.item.name);
    match edited.properties.is_empty() {
        true => format!("{id}  {name}: it already was so, nothing changed.\n"),
        false => {
            let properties = edited.properties.join(", ");
            let elsewhere = edited.items.iter().any(|item| item != id);
            let items = match elsewhere {
                true => format!(" in {}", edited.items.join(", ")),
                false => String::new(),
            };
            format!("{id}  {name}: changed {properties}{items}.\n")
        }
    }
}

pub(super) fn deleted(deleted: &Deleted) -> String {
    let mut text = format!("Deleted {}.\n", count(deleted.items.len(), "item"));
    for item in &deleted.items {
        text += &format!("  {}  {}\n", item.id, one_line(&item.name));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::plain_time;

    #[test]
    fn times_are_shown_without_what_nobody_reads() {
        assert_eq!(plain_time("2026-11-22"), "2026-11-22");
        assert_eq!(plain_time("2026-11-22T10:00:00Z"), "2026-11-22 10:00 UTC");
        assert_eq!(
            plain_time("2026-11-22T10:00:00[Europe/Berlin]"),
            "2026-11-22 10:00 Europe/Berlin"
        );
    }
}
