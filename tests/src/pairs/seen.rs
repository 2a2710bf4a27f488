//! What a device shows of the items, in facts that can be compared.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pimesh::api::{Collections, ExportTo, Kind, Past, Reply, Request};

use super::Operation;
use super::grid::{Cell, Theme};
use crate::device::Device;

/// What a person finds of one item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Each line of what is exported, with its collection and occurrence; whom it is one with.
    pub(super) shown: BTreeSet<String>,
    /// By property: the values to choose from, where there is more than one.
    pub(super) choices: BTreeMap<String, BTreeSet<String>>,
    /// The occurrences that the person is asked about.
    pub(super) asked: BTreeSet<String>,
    /// What is said of its times.
    pub(super) doubts: BTreeSet<String>,
    /// It is in the trash.
    pub(super) trashed: bool,
}

/// What a device shows, by UID.
pub(super) async fn seen(device: &Device, cells: &[Cell]) -> BTreeMap<String, Seen> {
    let mut out: BTreeMap<String, Seen> = cells
        .iter()
        .map(|cell| (cell.uid(), Seen::default()))
        .collect();
    for (collection, text) in exported(device).await {
        for (uid, lines) in components(&text) {
            if let Some(seen) = out.get_mut(&uid) {
                seen.shown
                    .extend(lines.into_iter().map(|line| format!("{collection}{line}")));
            }
        }
    }
    for cell in cells.iter().filter(|cell| is_to_be_opened(cell)) {
        opened(device, cell, &mut out).await;
    }
    conflicts(device, &mut out).await;
    if cells[0].theme == Theme::Events {
        on_the_day(device, cells, &mut out).await;
    }
    if let Reply::Trash(trash) = device.ask(Request::Past(Past::Trash)).await {
        for trashed in trash.items {
            if let Some(seen) = out.get_mut(&trashed.item.uid) {
                seen.trashed = true;
            }
        }
    }
    out
}

async fn exported(device: &Device) -> Vec<(String, String)> {
    let Reply::Collections(Collections { collections }) = device.ask(Request::Collections).await
    else {
        panic!("not collections")
    };
    let mut out = Vec::new();
    for collection in collections {
        let path = device.folder().join("seen");
        let request = Request::Export {
            collection: collection.id,
            to: ExportTo::File(path.clone()),
        };
        device.ask(request).await;
        let text = std::fs::read_to_string(path).unwrap();
        out.push((collection.name, text.replace("\r\n ", "")));
    }
    out
}

/// The lines of each component of a file, with its UID.
fn components(text: &str) -> Vec<(String, Vec<String>)> {
    let mut out = Vec::new();
    let (mut path, mut lines, mut uid, mut day): (Vec<&str>, Vec<String>, String, String) =
        Default::default();
    for line in text.lines() {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        let is_item = |path: &[&str]| matches!(path, ["VCARD"] | ["VCALENDAR", "VEVENT"]);
        match name {
            "BEGIN" => path.push(value),
            "END" => {
                if is_item(&path) {
                    let said = std::mem::take(&mut lines);
                    let day = std::mem::take(&mut day);
                    let said = said.into_iter().map(|line| format!("{day}|{line}"));
                    out.push((std::mem::take(&mut uid), said.collect()));
                }
                path.pop();
            }
            "UID" if is_item(&path) => value.clone_into(&mut uid),
            "DTSTAMP" | "VERSION" | "PRODID" | "REV" | "LAST-MODIFIED" => {}
            _ if path.len() > 1 || path == ["VCARD"] => {
                if name.starts_with("RECURRENCE-ID") {
                    day = format!("|{line}");
                }
                let within = if is_item(&path) { "" } else { "alarm: " };
                lines.extend(
                    facts(line)
                        .into_iter()
                        .map(|fact| format!("{within}{fact}")),
                );
            }
            _ => {}
        }
    }
    out
}

/// A line as facts: a list by its members, a photo by the hash of its bytes, as conflicts tell it.
fn facts(line: &str) -> Vec<String> {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    match name {
        "CATEGORIES" => value
            .split(',')
            .map(|one| format!("CATEGORIES:{one}"))
            .collect(),
        _ if name.starts_with("PHOTO") => vec![format!("PHOTO:{}", hashed(value))],
        _ => vec![line.to_owned()],
    }
}

fn hashed(value: &str) -> String {
    match STANDARD.decode(value) {
        Ok(bytes) => format!("@{}", blake3::hash(&bytes)),
        Err(_) => value.to_owned(),
    }
}

/// A value in conflict, without its parameters.
fn plain(value: &str) -> String {
    match value.split_once(":@") {
        Some((_, hash)) => format!("@{hash}"),
        None => value.to_owned(),
    }
}

/// What lists do not tell: whom a contact is one with, and doubts about times.
fn is_to_be_opened(cell: &Cell) -> bool {
    use Operation::{Exclude, Following, ImportOther, Link, Occurrence, Unlink, Update, When};
    let of_times = |op| {
        matches!(
            op,
            When | Occurrence | Exclude | Following | Update | ImportOther
        )
    };
    cell.has(|op| matches!(op, Link | Unlink)) || (of_times(cell.laptop) && of_times(cell.phone))
}

async fn opened(device: &Device, cell: &Cell, out: &mut BTreeMap<String, Seen>) {
    let shown = device.try_ask(Request::Show { item: cell.doc() }).await;
    if let (Ok(Reply::Item(item)), Some(seen)) = (shown, out.get_mut(&cell.uid())) {
        let with = item
            .linked
            .iter()
            .map(|other| format!("one with {}", other.uid));
        seen.shown.extend(with);
        let doubts = item.flags.iter().map(|flag| flag.reason.word().to_owned());
        seen.doubts.extend(doubts);
    }
}

/// Whether it takes place on the day that several operations are about.
async fn on_the_day(device: &Device, cells: &[Cell], out: &mut BTreeMap<String, Seen>) {
    let day = || "2027-01-18".to_owned();
    let request = Request::Agenda {
        collection: None,
        kind: Kind::Events,
        from: day(),
        to: day(),
        zone: Some("UTC".to_owned()),
        limit: None,
    };
    let Reply::Agenda(agenda) = device.ask(request).await else {
        panic!("no agenda")
    };
    assert!(!agenda.cut, "{} and more", agenda.total);
    let uids: BTreeMap<String, String> =
        cells.iter().map(|cell| (cell.doc(), cell.uid())).collect();
    for entry in agenda.occurrences {
        if let Some(seen) = uids.get(&entry.doc).and_then(|uid| out.get_mut(uid)) {
            seen.shown
                .insert(format!("{}||takes place that day", entry.collection));
        }
    }
}

/// What the person is asked to decide.
async fn conflicts(device: &Device, out: &mut BTreeMap<String, Seen>) {
    let Reply::Conflicts(all) = device.ask(Request::Conflicts).await else {
        panic!("not conflicts")
    };
    let mut uids = BTreeMap::new();
    for (doc, item) in ids(device).await {
        uids.insert(doc, item);
    }
    for conflict in all.conflicts {
        if let Some(seen) = uids.get(&conflict.item).and_then(|uid| out.get_mut(uid)) {
            let all = std::iter::once(conflict.shown).chain(conflict.others);
            let values = all.map(|version| plain(&version.value)).collect();
            seen.choices
                .insert(format!("{} {}", conflict.collection, conflict.key), values);
        }
    }
    for question in all.occurrences {
        if let Some(seen) = uids.get(&question.item).and_then(|uid| out.get_mut(uid)) {
            let reason = format!("{:?} {}", question.reason, question.occurrence);
            seen.asked.insert(reason);
        }
    }
}

/// The UID of each short id.
async fn ids(device: &Device) -> BTreeMap<String, String> {
    let Reply::Items(items) = device.ask(crate::device::everything()).await else {
        panic!("not a list")
    };
    items
        .items
        .into_iter()
        .map(|item| (item.id, item.uid))
        .collect()
}
