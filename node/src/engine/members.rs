//! Who belongs to the mesh, and where each device was reached.

use std::sync::Arc;

use pimesh_crdt::DeviceId;
use pimesh_crdt::store::Device;
use pimesh_crdt::sync::membership::{Members, Statement};
use pimesh_transports::mesh::Multiaddr;

use super::network::others;
use super::who::now;
use super::{EngineError, Inner, Notice, status};

/// Addresses kept of one device.
const MOST_ADDRESSES: usize = 8;

impl Inner {
    /// The members of the mesh, as this device sees it.
    pub(super) async fn members(&self) -> Result<Members, EngineError> {
        let me = self.me.device;
        self.store
            .with(move |store| Ok::<_, EngineError>(Members::of(me, &status::statements(store)?)))
            .await
    }

    /// What people call a device.
    pub(super) async fn name_of(&self, device: DeviceId) -> Result<String, EngineError> {
        let members = self.members().await?;
        Ok(members
            .name(device)
            .filter(|name| !name.is_empty())
            .map_or_else(|| device.to_string()[..8].to_owned(), str::to_owned))
    }

    /// Keeps statements of membership, and lets their members in and the others out at once.
    pub(super) async fn keep_statements(
        &self,
        statements: Vec<Statement>,
    ) -> Result<(), EngineError> {
        let kept = statements.clone();
        self.store
            .with(move |store| {
                let mut batch = store.batch(now())?;
                for statement in &kept {
                    batch.add_membership(statement.hash().0, &statement.to_bytes())?;
                }
                batch.commit()
            })
            .await?;
        let members = self.members().await?;
        let named: Vec<(DeviceId, String)> = members
            .iter()
            .map(|(device, name)| (device, name.to_owned()))
            .collect();
        self.store
            .with(move |store| {
                let known = store.devices()?;
                let mut batch = store.batch(now())?;
                for (id, name) in named {
                    let mut device = known
                        .iter()
                        .find(|d| d.id == id)
                        .cloned()
                        .unwrap_or_else(|| Device::new(id));
                    device.name = name;
                    batch.set_device(&device)?;
                }
                batch.commit()
            })
            .await?;
        let network = self.network().clone();
        if let Some(network) = network {
            let others = others(&members, self.me.device);
            network.mesh.set_members(others.clone()).await?;
            network.discovery.set_members(others);
        }
        let _ = self.notices.send(Notice::Membership(Arc::new(statements)));
        Ok(())
    }

    /// Remembers where a device was reached, newest first.
    pub(super) async fn remember(
        &self,
        device: DeviceId,
        address: &Multiaddr,
    ) -> Result<(), EngineError> {
        let address = address.to_string();
        self.store
            .with(move |store| {
                let mut known = store
                    .devices()?
                    .into_iter()
                    .find(|known| known.id == device)
                    .unwrap_or_else(|| Device::new(device));
                known.addresses.retain(|other| *other != address);
                known.addresses.insert(0, address);
                known.addresses.truncate(MOST_ADDRESSES);
                known.seen = Some(now());
                let mut batch = store.batch(now())?;
                batch.set_device(&known)?;
                batch.commit().map(|_| ())
            })
            .await
    }
}
