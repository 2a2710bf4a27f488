//! What pairing will make one: said before it is done.

use pimesh_crdt::DeviceId;
use pimesh_crdt::store::Store;
use pimesh_transports::mesh::Multiaddr;
use serde::{Deserialize, Serialize};

use super::super::network::Network;
use super::super::{EngineError, Inner, collections, status};
use crate::api::{PlannedCollection, PlannedUnion};

/// Removed devices that are named, so that they learn why they are not let in.
const MOST_REMOVED: usize = 256;

/// What both devices hand over once both have shown that they know the code.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Card {
    addresses: Vec<String>,
    collections: Vec<PlannedCollection>,
    /// Ids of devices that were removed: they come back only as new ones.
    #[serde(default)]
    removed: Vec<String>,
}

impl Card {
    /// Reads what the other device handed over; what cannot be read says nothing.
    pub(super) fn read(payload: &[u8]) -> Self {
        serde_json::from_slice(payload).unwrap_or_default()
    }

    /// Whether the mesh of the other device has removed this one.
    pub(super) fn has_removed(&self, device: DeviceId) -> bool {
        self.removed.contains(&device.to_string())
    }

    /// Where the other device listens.
    pub(super) fn addresses(&self) -> Vec<Multiaddr> {
        let addresses = self.addresses.iter();
        addresses.filter_map(|text| text.parse().ok()).collect()
    }
}

impl Inner {
    /// What this device hands over.
    pub(super) async fn card(&self, network: &Network) -> Result<Vec<u8>, EngineError> {
        let addresses = network.mesh.listen_addrs().await?;
        let members = self.members().await?;
        let removed = members.removed().map(|device| device.to_string());
        let card = Card {
            addresses: addresses.iter().map(ToString::to_string).collect(),
            collections: self.store.with(collections).await?,
            removed: removed.take(MOST_REMOVED).collect(),
        };
        Ok(serde_json::to_vec(&card).unwrap_or_default())
    }
}

/// What the collections of two devices will be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// In both, of one kind and name: one collection.
    pub(super) united: Vec<PlannedUnion>,
    /// New here.
    pub(super) theirs: Vec<PlannedCollection>,
    /// New there.
    pub(super) ours: Vec<PlannedCollection>,
}

/// The collections of this device, as another one is told.
pub(super) fn collections(store: &mut Store) -> Result<Vec<PlannedCollection>, EngineError> {
    collections::settle_once(store)?;
    let infos = status::collection_infos(store)?;
    let planned = infos.into_iter().map(|info| PlannedCollection {
        kind: info.kind,
        name: info.name,
        items: info.items,
    });
    Ok(planned.collect())
}

/// Collections of one kind and name become one, the others are new on the other device.
pub(super) fn between(ours: &[PlannedCollection], card: &Card) -> Plan {
    let is_same =
        |a: &PlannedCollection, b: &PlannedCollection| a.kind == b.kind && a.name == b.name;
    let theirs = &card.collections;
    let mut plan = Plan::default();
    for here in ours {
        match theirs.iter().find(|there| is_same(here, there)) {
            Some(there) => plan.united.push(PlannedUnion {
                kind: here.kind.clone(),
                name: here.name.clone(),
                items_here: here.items,
                items_there: there.items,
            }),
            None => plan.ours.push(here.clone()),
        }
    }
    let is_new = |there: &&PlannedCollection| !ours.iter().any(|here| is_same(here, there));
    plan.theirs = theirs.iter().filter(is_new).cloned().collect();
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collection(kind: &str, name: &str, items: u64) -> PlannedCollection {
        PlannedCollection {
            kind: kind.into(),
            name: name.into(),
            items,
        }
    }

    #[test]
    fn namesakes_of_one_kind_become_one_and_the_others_travel() {
        let ours = [
            collection("addressbook", "Contacts", 800),
            collection("calendar", "Work", 3),
        ];
        let card = Card {
            addresses: Vec::new(),
            removed: Vec::new(),
            collections: vec![
                collection("addressbook", "Contacts", 790),
                collection("addressbook", "Work", 5),
            ],
        };
        let plan = between(&ours, &card);
        assert_eq!(
            plan.united,
            [PlannedUnion {
                kind: "addressbook".into(),
                name: "Contacts".into(),
                items_here: 800,
                items_there: 790,
            }]
        );
        assert_eq!(plan.ours, ours[1..]);
        assert_eq!(plan.theirs, card.collections[1..]);
    }

    #[test]
    fn a_card_that_cannot_be_read_says_nothing() {
        for bytes in [&b"{"[..], b"", b"\xff", b"[1]"] {
            assert!(Card::read(bytes).collections.is_empty());
        }
    }
}
