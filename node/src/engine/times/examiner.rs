//! Looks at the times of items as they come in, go out or are shown.

use std::collections::HashMap;

use pimesh_crdt::BlobHash;
use pimesh_crdt::doc::Document;
use pimesh_crdt::item::{Item, key, kind};
use pimesh_crdt::normalise::Parsed;
use pimesh_crdt::render::Blobs;
use pimesh_crdt::time::{Allowance, Examined, KnownZones, Zones, examine, merge_kept, times_kept};

use super::words;
use crate::api::{FlagReason, TimeFlag};
use crate::engine::EngineError;

/// Examines many items: zones are worked out once, and hostile ones share what work there is.
#[derive(Debug, Default)]
pub(in crate::engine) struct Examiner {
    known: KnownZones,
    allowance: Allowance,
}

/// True for what can take place.
pub(in crate::engine) fn has_times(item: &Item) -> bool {
    let is_when = |at: &String| key::split_override(at).1 == key::WHEN;
    item.kind != kind::VCARD
        && (item.values.contains_key(key::WHEN) || item.values.keys().any(is_when))
}

impl Examiner {
    /// What a person should know about what was just read.
    pub(in crate::engine) fn parsed(&mut self, parsed: &Parsed) -> Vec<TimeFlag> {
        if !has_times(&parsed.item) {
            return Vec::new();
        }
        let blobs = |hash: BlobHash| of_text(parsed, hash);
        let found = self.examined(&parsed.item, &blobs);
        words::all(&found)
    }

    /// The same for what is stored, clashes apart.
    pub(in crate::engine) fn examined(&mut self, item: &Item, blobs: &dyn Blobs) -> Examined {
        let known = std::mem::take(&mut self.known);
        let zones = Zones::knowing(known, blobs);
        let found = examine(item, &zones, &mut self.allowance);
        self.known = zones.into_known();
        found
    }

    /// What a person should know about what is stored.
    pub(in crate::engine) fn told(&mut self, item: &Item, blobs: &dyn Blobs) -> Vec<TimeFlag> {
        words::all(&self.examined(item, blobs))
    }

    /// Whether what is shown takes place when a text said.
    pub(in crate::engine) fn shown_as_read(
        &mut self,
        parsed: &Parsed,
        shown: &Item,
    ) -> Option<TimeFlag> {
        let blobs = |hash: BlobHash| of_text(parsed, hash);
        let (before, after): ((_, &dyn Blobs), (_, &dyn Blobs)) =
            ((&parsed.item, &blobs), (shown, &blobs));
        let proof = times_kept(before, after, &mut self.allowance);
        words::proof(&proof, FlagReason::ShownOtherwise)
    }

    /// Whether what was written takes place when the item does.
    pub(in crate::engine) fn written_as_shown(
        &mut self,
        shown: (&Item, &dyn Blobs),
        written: &Parsed,
    ) -> Option<TimeFlag> {
        let blobs: HashMap<BlobHash, &[u8]> = written
            .blobs
            .iter()
            .map(|blob| (blob.hash, blob.bytes.as_slice()))
            .collect();
        let blobs = |hash: BlobHash| blobs.get(&hash).map(|bytes| bytes.to_vec());
        let proof = times_kept(shown, (&written.item, &blobs), &mut self.allowance);
        words::proof(&proof, FlagReason::WrittenOtherwise)
    }

    /// Whether what came of changes made apart takes place when one of their writers meant.
    pub(in crate::engine) fn merged(
        &mut self,
        document: &Document,
        shown: &Item,
        blobs: &dyn Blobs,
    ) -> Result<Option<TimeFlag>, EngineError> {
        let heads = document.heads();
        if heads.len() < 2 || !has_times(shown) {
            return Ok(None);
        }
        let mut sides = Vec::with_capacity(heads.len());
        for head in heads {
            let side = document.view_at(&[head])?.shown();
            // an answer or an update alone is no whole item
            if side.item.has_master() == shown.has_master() {
                sides.push(side.item);
            }
        }
        let known = std::mem::take(&mut self.known);
        let zones = Zones::knowing(known, blobs);
        let proof = merge_kept(&sides, shown, &zones, &mut self.allowance);
        self.known = zones.into_known();
        Ok(words::proof(&proof, FlagReason::MergedOtherwise))
    }
}

fn of_text(parsed: &Parsed, hash: BlobHash) -> Option<Vec<u8>> {
    let found = parsed.blobs.iter().find(|blob| blob.hash == hash);
    found.map(|blob| blob.bytes.clone())
}
