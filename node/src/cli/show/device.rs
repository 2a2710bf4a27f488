//! Devices and collections: who is there, and who has what.

use super::table::table;
use super::{count, local, seconds};
use crate::api::{
    CollectionInfo, Confirmation, ConfirmationState, Device, Devices, Paired, Path, Status, Waited,
};

pub(super) fn status(status: &Status) -> String {
    let mut text = format!("{}\n", verdict(status));
    for notice in &status.notices {
        let (at, life) = (local(notice.at), notice.incarnation);
        text += &format!(
            "Noticed {at}: {}. Its life {life} began then.\n",
            notice.message
        );
    }
    if !status.notices.is_empty() {
        text += "Do not tell this again: pimesh status --acknowledge\n";
    }
    if status.conflicts > 0 {
        let open = count(status.conflicts, "decision");
        text += &format!("{open} to make: see `pimesh conflicts`.\n");
    }
    if !status.running {
        text += "No node runs here, so nothing travels: start one with `pimesh run`.\n";
    }
    if !status.collections.is_empty() {
        text.push('\n');
        text += &collections(&status.collections);
    }
    if !status.devices.is_empty() {
        text.push('\n');
        text += &others(&status.devices);
    }
    text
}

fn verdict(status: &Status) -> String {
    if status.devices.is_empty() {
        return format!(
            "\"{}\" is the only device: what it holds is nowhere else. Add one with `pimesh pair`.",
            status.device.name
        );
    }
    if status.in_sync {
        let since = status
            .devices
            .iter()
            .flat_map(|device| &device.collections)
            .filter_map(|held| held.confirmed_at)
            .min();
        let since = since.map_or_else(String::new, |at| format!(", since {} at least", local(at)));
        return format!("In sync: every device has confirmed that it holds everything{since}.");
    }
    let lacking = status.devices.iter().map(|one| one.attachments_missing);
    let lacking = lacking.max().unwrap_or_default();
    match status.unconfirmed {
        _ if status.documents_missing > 0 => format!(
            "Not in sync: {} lost on a device, and asked for from the others.",
            match status.documents_missing {
                1 => "1 item was".to_owned(),
                many => format!("{many} items were"),
            }
        ),
        0 if status.attachments_missing > 0 => format!(
            "Not in sync: {} not here yet.",
            attachments(status.attachments_missing)
        ),
        0 if lacking > 0 => format!(
            "Not in sync: {} not on every device yet.",
            attachments(lacking)
        ),
        0 => "Not known to be in sync: not every device has said what it holds.".into(),
        changes => format!(
            "Not in sync: {} not confirmed by every device.",
            count(changes, "change")
        ),
    }
}

fn attachments(missing: u64) -> String {
    match missing {
        1 => "1 photo or attachment is".to_owned(),
        many => format!("{many} photos and attachments are"),
    }
}

pub(super) fn collections(collections: &[CollectionInfo]) -> String {
    if collections.is_empty() {
        return "No address books or calendars yet: try `pimesh import`.\n".into();
    }
    let rows = collections.iter().map(|one| {
        vec![
            one.name.clone(),
            one.kind.clone(),
            one.items.to_string(),
            one.changes.to_string(),
        ]
    });
    table(&["COLLECTION", "KIND", "ITEMS#", "CHANGES#"], rows)
}

pub(super) fn devices(devices: &Devices) -> String {
    let this = &devices.this;
    let mut text = format!("This device: {}  {}\n", this.name, this.fingerprint);
    if devices.devices.is_empty() {
        text += "No other devices yet: add one with `pimesh pair`.\n";
    } else {
        text.push('\n');
        text += &others(&devices.devices);
    }
    text
}

fn others(devices: &[Device]) -> String {
    let rows = devices.iter().map(|device| {
        let seen = match (device.connected, device.path, device.last_seen) {
            (true, Some(Path::Relayed), _) => "connected, relayed".into(),
            (true, Some(Path::Direct) | None, _) => "connected".into(),
            (false, _, Some(at)) => local(at),
            (false, _, None) => "never".into(),
        };
        vec![
            device.name.clone(),
            seen,
            held(device),
            device.fingerprint.clone(),
        ]
    });
    table(&["DEVICE", "SEEN", "HOLDS", "FINGERPRINT"], rows)
}

/// In a few words, what a device has confirmed.
fn held(device: &Device) -> String {
    if device.has_everything() {
        return "everything".into();
    }
    if device.collections.is_empty() {
        return "unknown".into();
    }
    let open = device
        .collections
        .iter()
        .filter(|held| held.state != ConfirmationState::Confirmed);
    let mut words: Vec<String> = open.map(confirmation).collect();
    match device.attachments_missing {
        0 => {}
        missing if words.is_empty() => {
            words.push(format!("everything but {}", count(missing, "attachment")));
        }
        missing => words.push(format!("{} missing", count(missing, "attachment"))),
    }
    words.join(", ")
}

pub(super) fn confirmation(held: &Confirmation) -> String {
    match held.state {
        ConfirmationState::Confirmed => format!("{}: everything", held.collection),
        ConfirmationState::Behind => {
            format!(
                "{}: lacks {}",
                held.collection,
                count(held.behind, "change")
            )
        }
        ConfirmationState::Unknown => format!("{}: unknown", held.collection),
    }
}

pub(super) fn paired(paired: &Paired) -> String {
    let mut text = format!(
        "Paired with \"{}\".\n\n  fingerprint:  {}\n\n\
         The other device shows the same number.\n",
        paired.name, paired.fingerprint
    );
    for name in &paired.united {
        text += &format!("\"{name}\" is one on both from now on.\n");
    }
    text += "Keep `pimesh run` running on both, and everything travels by itself.\n";
    text
}

pub(super) fn waited(waited: &Waited) -> String {
    let time = seconds(waited.seconds);
    match waited.confirmed {
        true => format!("Everything is confirmed (after {time}).\n"),
        false => format!(
            "Not everything is confirmed after {time}.\n\n{}",
            others(&waited.devices)
        ),
    }
}
