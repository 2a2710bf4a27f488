//! The same person in several items.

use super::count;
use super::table::one_line;
use crate::api::{Duplicates, ItemSummary, Linked, Unlinked};

pub(super) fn duplicates(found: &Duplicates) -> String {
    if found.people.is_empty() {
        return "Nobody seems to be here twice.\n".into();
    }
    let mut text = String::new();
    for person in &found.people {
        text += &format!("{}\n", one_line(&person.name));
        for item in &person.items {
            text += &line(item);
        }
        for reason in &person.because {
            let value = one_line(&reason.value);
            text += &format!(
                "    {} {value}  in {}\n",
                reason.property,
                reason.items.join(", ")
            );
        }
    }
    text += "\nThe name alone does not count. If they are one person: pimesh link ID ID\n";
    text
}

pub(super) fn linked(linked: &Linked) -> String {
    let first = linked.items.first();
    let name = first.map_or_else(String::new, |item| one_line(&item.name));
    let items = count(linked.items.len(), "item");
    let mut text = match linked.changed {
        true => format!("{name} is one person now, from {items}, none of which was changed.\n"),
        false => format!("{name} is one person already, from {items}.\n"),
    };
    for item in &linked.items {
        text += &line(item);
    }
    text
}

pub(super) fn unlinked(unlinked: &Unlinked) -> String {
    let mut text = format!(
        "{} on its own again.\n",
        count(unlinked.items.len(), "item")
    );
    for item in &unlinked.items {
        text += &line(item);
    }
    if unlinked.others.len() > 1 {
        text += "Still one person:\n";
        for item in &unlinked.others {
            text += &line(item);
        }
    }
    text
}

fn line(item: &ItemSummary) -> String {
    let (name, collection) = (one_line(&item.name), one_line(&item.collection));
    format!("  {}  {name}  ({collection})\n", item.id)
}
