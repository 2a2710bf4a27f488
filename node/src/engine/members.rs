//! Who belongs to the mesh, and where each device was reached.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pimesh_crdt::DeviceId;
use pimesh_crdt::store::Device;
use pimesh_crdt::sync::membership::{Members, Room, Statement};
use pimesh_transports::mesh::{Multiaddr, is_relayed};

use super::network::others;
use super::who::now;
use super::{EngineError, Inner, Notice, status};
use crate::api::{Event, Moment, Notice as Told, Path};

/// How long a session with a device that was removed has to say so.
const FAREWELL: Duration = Duration::from_millis(800);

/// What the person of a removed device reads.
const REMOVED: &str = "this device was removed from its mesh: what it holds stays here, and \
    nothing comes or goes any more";

/// And what they can do.
pub(super) const RENEW: &str =
    "to pair it again, make it a new device that holds the same: pimesh init --new-key";

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

    /// Keeps statements of membership that there is room for, and lets their members in and the
    /// others out at once.
    pub(super) async fn keep_statements(
        &self,
        statements: Vec<Statement>,
    ) -> Result<(), EngineError> {
        let (before, me) = (self.members().await?, self.me.device);
        // several peers may bring some at once, and each knows only what it brought
        let statements = self
            .store
            .with(move |store| {
                let known = status::statements(store)?;
                let mut room = Room::beside(me, &known);
                let known: BTreeSet<_> = known.iter().map(Statement::hash).collect();
                let kept: Vec<Statement> = (statements.into_iter())
                    .filter(|one| !known.contains(&one.hash()) && room.take(one))
                    .collect();
                let mut batch = store.batch(now())?;
                for statement in &kept {
                    batch.add_membership(statement.hash().0, &statement.to_bytes())?;
                }
                batch.commit()?;
                Ok::<_, EngineError>(kept)
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
        self.notice_of_this_device(&before, &members)?;
        let network = self.network().clone();
        let Some(network) = network else {
            return Ok(());
        };
        let now_out = before.iter().filter(|(id, _)| !members.contains(*id));
        let now_out: BTreeSet<DeviceId> = now_out.map(|(id, _)| id).collect();
        let others = others(&members, self.me.device);
        if now_out.is_empty() {
            network.mesh.set_members(others.clone()).await?;
        }
        // sessions pass them on; one with a device that is out says so, and ends
        let _ = self.notices.send(Notice::Membership(Arc::new(statements)));
        if !now_out.is_empty() {
            self.farewell(&now_out).await?;
            network.mesh.set_members(others.clone()).await?;
        }
        network.discovery.set_members(others);
        Ok(())
    }

    /// Gives the sessions with these devices a moment to say why they end.
    async fn farewell(&self, out: &BTreeSet<DeviceId>) -> Result<(), EngineError> {
        let give_up = Instant::now() + FAREWELL;
        while Instant::now() < give_up {
            if !self.sessions().iter().any(|peer| out.contains(peer)) {
                break;
            }
            tokio::time::sleep(FAREWELL / 40).await;
        }
        Ok(())
    }

    /// What statements say of this device itself: another name, or that it is out.
    fn notice_of_this_device(&self, before: &Members, after: &Members) -> Result<(), EngineError> {
        let me = self.me.device;
        if after.was_removed(me) && !before.was_removed(me) {
            let notice = Told {
                at: Moment::now(),
                kind: "removed".into(),
                incarnation: 0,
                message: REMOVED.into(),
            };
            self.home.note(notice)?;
            let _ = self.events.send(Event::Warning {
                message: REMOVED.into(),
                hint: Some(RENEW.into()),
            });
        }
        match after.name(me) {
            Some(name) if !name.is_empty() => Ok(self.home.rename(name)?),
            _ => Ok(()),
        }
    }

    /// The devices that are connected now.
    pub(super) async fn connected(&self) -> Result<BTreeSet<DeviceId>, EngineError> {
        Ok(self.paths().await?.into_keys().collect())
    }

    /// The devices that are connected now, and how.
    pub(super) async fn paths(&self) -> Result<BTreeMap<DeviceId, Path>, EngineError> {
        let mesh = self.network().as_ref().map(|network| network.mesh.clone());
        let Some(mesh) = mesh else {
            return Ok(BTreeMap::new());
        };
        let path = |at: &Multiaddr| match is_relayed(at) {
            true => Path::Relayed,
            false => Path::Direct,
        };
        let connected = mesh.connected().await?.into_iter();
        Ok(connected.map(|(id, at)| (id, path(&at))).collect())
    }

    /// Remembers where a device was reached, newest first; the way through a relay is for its
    /// record of addresses to say.
    pub(super) async fn remember(
        &self,
        device: DeviceId,
        address: &Multiaddr,
    ) -> Result<(), EngineError> {
        let direct = (!is_relayed(address)).then(|| address.to_string());
        self.store
            .with(move |store| {
                let mut known = store
                    .devices()?
                    .into_iter()
                    .find(|known| known.id == device)
                    .unwrap_or_else(|| Device::new(device));
                if let Some(address) = direct {
                    known.addresses.retain(|other| *other != address);
                    known.addresses.insert(0, address);
                    known.addresses.truncate(MOST_ADDRESSES);
                }
                known.seen = Some(now());
                let mut batch = store.batch(now())?;
                batch.set_device(&known)?;
                batch.commit().map(|_| ())
            })
            .await
    }
}
