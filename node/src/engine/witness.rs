//! Who wrote what, from where and when: changes into words.

use std::collections::BTreeMap;

use pimesh_crdt::doc::Other;
use pimesh_crdt::store::{Receipts, Store};
use pimesh_crdt::{ChangeHash, DeviceId, DocId, Timestamp};

use super::EngineError;
use super::items::Words;
use crate::api::{Moment, Version};

/// Digits of a change's name that name a value in a command.
pub(super) const SHORT_CHANGE: usize = 7;

/// Who wrote what: turns changes into words.
pub(super) struct Witness<'w> {
    pub(super) words: &'w Words,
    pub(super) receipts: &'w Receipts,
    /// The sources that have the item.
    pub(super) sources: &'w [String],
}

impl Witness<'_> {
    /// The devices a change came from: its writer, or those that took its text in.
    pub(super) fn devices(&self, change: &ChangeHash, by: Option<&str>) -> Vec<String> {
        match by.and_then(|by| by.split(' ').next()) {
            Some(device) => vec![self.words.device(device)],
            None => {
                let names = self.receipts.devices(change);
                let name = |device: &DeviceId| {
                    let hex = device.to_string();
                    self.words.device(&hex[..8])
                };
                names.iter().map(name).collect()
            }
        }
    }

    /// The program or source a change came from, where known.
    pub(super) fn source(&self, by: Option<&str>) -> Option<String> {
        match by {
            Some(by) => by.split_once(' ').map(|(_, source)| source.to_owned()),
            None if self.sources.is_empty() => None,
            None => Some(self.sources.join(", ")),
        }
    }

    pub(super) fn version(&self, other: &Other, value: &str) -> Version {
        let by = other.by.as_deref();
        let devices = self.devices(&other.change, by);
        let source = self.source(by);
        let at = u64::try_from(other.time).ok().filter(|time| *time > 0);
        Version {
            id: short(&other.change),
            value: value.strip_prefix(':').unwrap_or(value).to_owned(),
            by: by.map(|_| match &source {
                Some(source) => format!("{} ({source})", devices.join(", ")),
                None => devices.join(", "),
            }),
            devices,
            source,
            at: at.map(|at| Moment(Timestamp(at))),
        }
    }
}

/// The short name of a change.
pub(super) fn short(change: &ChangeHash) -> String {
    let mut text = change.to_string();
    text.truncate(SHORT_CHANGE);
    text
}

/// The sources that have each document, by name.
pub(super) fn sources_of(store: &Store) -> Result<BTreeMap<DocId, Vec<String>>, EngineError> {
    let mut out: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for source in store.sources()? {
        for doc in store
            .last_states(&source.name)?
            .into_iter()
            .filter_map(|s| s.doc)
        {
            out.entry(doc).or_default().push(source.name.clone());
        }
    }
    Ok(out)
}
