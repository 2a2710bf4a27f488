//! How a session stands, for the caller to ask: what it waits for, and whether it does.

use std::collections::BTreeSet;

use super::side::Side;
use super::{Credit, Phase, Session};
use crate::id::CollectionId;

impl Session {
    /// What the peer was asked for, or is bringing.
    pub fn bringing(&self) -> BTreeSet<CollectionId> {
        let all = self.sides.iter();
        let bringing = all.filter(|(id, side)| {
            **id != CollectionId::MESH && side.retry.is_some() && side.lacks()
        });
        bringing.map(|(id, _)| *id).collect()
    }

    /// What it waits for its turn to ask for.
    pub fn waiting_to_ask(&self) -> BTreeSet<CollectionId> {
        let all = self.sides.iter();
        let wanted = all.filter(|(_, side)| side.wants_to_ask && !side.stopped && !side.parked);
        match (self.phase, self.mesh_first_until) {
            (Phase::Open, None) => wanted.map(|(id, _)| *id).collect(),
            _ => BTreeSet::new(),
        }
    }

    /// What the peer may still ask for.
    pub fn credit(&self) -> Credit {
        self.credit
    }

    /// True when the caller should not read from the link: what came before is not stored.
    pub fn is_busy(&self) -> bool {
        self.sides.values().any(|side| side.storing.len() > 1)
            || self.blobs.is_busy()
            || self.comparing.is_busy()
    }

    /// True when both hold the same and nothing is under way: only what happens every few minutes
    /// needs an [`Input::Tick`](super::Input::Tick).
    pub fn is_at_rest(&self) -> bool {
        let rests = |side: &Side| side.in_sync == Some(true) && side.retry.is_none();
        self.phase == Phase::Open
            && self.waiting_since.is_none()
            && self.beacon_soon.is_none()
            && self.mesh_first_until.is_none()
            && self.sides.values().all(rests)
    }
}
