//! Where members listen: said by each in a signed record, kept, and passed on, so that devices
//! meet that never heard each other in one local network.

use std::collections::BTreeMap;
use std::sync::Arc;

use pimesh_crdt::DeviceId;
use pimesh_crdt::store::Store;
use pimesh_transports::mesh::record::MOST_ADDRESSES;
use pimesh_transports::mesh::{
    AddressRecord, Multiaddr, is_link_local, is_loopback, is_relayed, through,
};

use super::network::Network;
use super::who::now;
use super::{EngineError, Inner, Notice};
use crate::api::Relaying;

/// The records that are stored, by device.
pub(super) fn records(store: &Store) -> Result<BTreeMap<DeviceId, AddressRecord>, EngineError> {
    let stored = store.records()?;
    let records = stored
        .iter()
        .filter_map(|bytes| AddressRecord::verify(bytes).ok());
    Ok(records.map(|record| (record.device(), record)).collect())
}

/// Those at which another machine may reach this one. A device that listens on loopback alone
/// says so: the others are on the same machine.
fn of_use(mut addresses: Vec<Multiaddr>) -> Vec<Multiaddr> {
    if !addresses.iter().all(is_loopback) {
        addresses.retain(|address| !is_loopback(address));
        addresses.retain(|address| !is_link_local(address));
    }
    addresses.sort();
    addresses.dedup();
    addresses
}

/// What a device says of itself, the best first: only so many count.
fn said(
    me: &DeviceId,
    mut listening: Vec<Multiaddr>,
    further: Vec<Multiaddr>,
    relaying: Relaying,
) -> Vec<Multiaddr> {
    let (relayed, external): (Vec<_>, Vec<_>) = further.into_iter().partition(is_relayed);
    listening.extend(external.iter().cloned());
    // through itself: that is how it says that it relays
    let reached = external.first().or(listening.first());
    let itself = match relaying {
        Relaying::No => None,
        Relaying::ForMembers => reached.and_then(|at| through(at, me)),
    };
    let mut all: Vec<Multiaddr> = itself.into_iter().chain(listening).collect();
    all.extend(relayed);
    all.truncate(MOST_ADDRESSES);
    all
}

impl Inner {
    /// Tells the mesh which members relay.
    pub(super) async fn tell_relays(&self, network: &Network) -> Result<(), EngineError> {
        let members = self.members().await?;
        let records = self.store.with(|store| records(store)).await?;
        let others = records
            .iter()
            .filter(|(device, _)| **device != self.me.device && members.contains(**device));
        let relays = others.filter_map(|(device, said)| Some((*device, said.relays()?.clone())));
        Ok(network.mesh.set_relays(relays.collect()).await?)
    }

    /// Signs where this device listens, where that is not what it last said, and passes it on.
    pub(super) async fn say_where_we_listen(&self, network: &Network) -> Result<(), EngineError> {
        let me = self.me.device;
        let listening = of_use(network.mesh.listen_addrs().await?);
        let further = network.mesh.further_addrs().await?;
        let addresses = said(&me, listening, further, network.relaying);
        let last = self
            .store
            .with(move |store| Ok::<_, EngineError>(records(store)?.remove(&me)))
            .await?;
        if last
            .as_ref()
            .is_some_and(|last| last.addresses() == addresses)
        {
            return Ok(());
        }
        // a clock that was set back must not make this look older than the last
        let number = last.map_or(0, |last| last.number() + 1).max(now().0);
        let record = AddressRecord::sign(&self.key, number, &addresses);
        self.keep_and_pass_on(vec![(me, record)]).await
    }

    /// Keeps what is newer of what a peer told, passes it on, and calls who is named there.
    pub(super) async fn hear_addresses(&self, told: Vec<Vec<u8>>) -> Result<(), EngineError> {
        let members = self.members().await?;
        let known = self.store.with(|store| records(store)).await?;
        let mut newer: BTreeMap<DeviceId, (AddressRecord, Vec<u8>)> = BTreeMap::new();
        for bytes in told {
            let record = match AddressRecord::verify(&bytes) {
                Ok(record) => record,
                Err(error) => {
                    tracing::warn!(%error, "a record of addresses is not taken");
                    continue;
                }
            };
            let device = record.device();
            let is_newer = |than: Option<&AddressRecord>| {
                than.is_none_or(|than| than.number() < record.number())
            };
            let is_other = device != self.me.device && members.contains(device);
            let waiting = newer.get(&device).map(|(record, _)| record);
            if is_other && is_newer(known.get(&device)) && is_newer(waiting) {
                newer.insert(device, (record, bytes));
            }
        }
        if newer.is_empty() {
            return Ok(());
        }
        let network = self.network().clone();
        if let Some(network) = &network {
            for (device, (record, _)) in &newer {
                let addresses = record.addresses().to_vec();
                network.mesh.dial(*device, addresses).await?;
            }
        }
        let newer = newer
            .into_iter()
            .map(|(device, (_, bytes))| (device, bytes));
        self.keep_and_pass_on(newer.collect()).await?;
        match network {
            Some(network) => self.tell_relays(&network).await,
            None => Ok(()),
        }
    }

    async fn keep_and_pass_on(&self, new: Vec<(DeviceId, Vec<u8>)>) -> Result<(), EngineError> {
        let told = new.iter().map(|(_, bytes)| bytes.clone()).collect();
        self.store
            .with(move |store| {
                let mut batch = store.batch(now())?;
                for (device, record) in &new {
                    batch.set_record(*device, record)?;
                }
                batch.commit()
            })
            .await?;
        // nobody may be listening
        let _ = self.notices.send(Notice::Addresses(Arc::new(told)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_says_first_that_it_relays_then_where_it_listens_then_through_whom_it_is_reached() {
        let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
        let me = DeviceId(key.verifying_key().to_bytes());
        let at = |text: &str| -> Multiaddr { text.parse().unwrap() };
        let (here, router) = (at("/ip4/10.0.0.2/tcp/1"), at("/ip4/192.0.2.1/tcp/2"));
        let other = through(&router, &me).unwrap();
        let plain = said(&me, vec![here.clone()], vec![other.clone()], Relaying::No);
        assert_eq!(plain, [here.clone(), other]);
        let further = vec![router.clone()];
        let relays = said(&me, vec![here.clone()], further, Relaying::ForMembers);
        let itself = through(&router, &me).unwrap();
        assert_eq!(relays, [itself, here.clone(), router]);
        let many = said(&me, vec![here; 99], Vec::new(), Relaying::ForMembers);
        assert_eq!(many.len(), MOST_ADDRESSES);
    }

    #[test]
    fn loopback_is_said_only_where_there_is_nothing_else() {
        let all = |texts: &[&str]| -> Vec<Multiaddr> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let loopback = ["/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1"];
        assert_eq!(of_use(all(&loopback)), all(&loopback));
        let mixed = all(&[
            "/ip4/127.0.0.1/tcp/1",
            "/ip6/fe80::1/tcp/1",
            "/ip4/10.0.0.2/tcp/1",
        ]);
        assert_eq!(of_use(mixed), all(&["/ip4/10.0.0.2/tcp/1"]));
    }
}
