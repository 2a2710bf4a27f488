//! Pairing two devices: a code or QR code shown here, typed or scanned there, then a signed
//! statement each.
//!
//! ```text
//!  pair offer ─► [offer] ── announces, listens, calls who joins ──┐
//!                                                                 ├─► conversation ─► admit
//!  pair join ──► [join] ─── announces, listens, calls who offers ─┘        │
//!                                                 [plan] ◄── what will be one, before it is
//! ```
//!
//! The conversation proves that both know the code and binds it to both devices' keys
//! (`pimesh_transports::pair`). What follows is membership: each device states, signed, that
//! the other belongs to the mesh, and lets it in.

mod guesses;
mod join;
mod offer;
mod plan;

use std::time::Duration;

use futures::future::select_ok;
use pimesh_crdt::DeviceId;
use pimesh_crdt::sync::membership::{Action, state};
use pimesh_transports::mesh::{ByteStream, MeshError, Multiaddr};
use pimesh_transports::pair::{PairIdentity, Paired as Conversed};

use super::members::RENEW;
use super::network::Network;
use super::who::now;
use super::{Engine, EngineError, Inner, status};
use crate::api::{Event, Failure, Paired};
use plan::Card;

pub(super) use join::Joining;
pub(super) use offer::{Shown, answer, call};

/// How often a node that has just been started is asked for, and for how long.
const STARTING: (Duration, u32) = (Duration::from_millis(50), 200);

/// Connects to whoever answers first at one of these addresses, to pair with it.
async fn dial(
    network: &Network,
    addresses: Vec<Multiaddr>,
) -> Result<(DeviceId, ByteStream), MeshError> {
    if addresses.is_empty() {
        return Err(MeshError::Unreachable("no address is known".into()));
    }
    let dials = addresses
        .into_iter()
        .map(|address| Box::pin(network.mesh.dial_unknown(address)));
    let (device, _) = select_ok(dials).await?;
    let stream = network.mesh.open_pair_stream(device).await?;
    Ok((device, stream))
}

impl Engine {
    /// The network of the running node, which may be starting.
    pub(super) async fn running(&self) -> Result<Network, EngineError> {
        for _ in 0..STARTING.1 {
            let network = self.inner.network().clone();
            if let Some(network) = network {
                return Ok(network);
            }
            tokio::time::sleep(STARTING.0).await;
        }
        Err(Failure::failed("the node of this device does not run")
            .hint("run: pimesh run")
            .into())
    }
}

impl Inner {
    fn identity(&self) -> Result<PairIdentity, EngineError> {
        Ok(PairIdentity {
            device: self.me.device,
            name: self.home.config()?.name,
        })
    }

    /// Fails on a device that knows that it was removed.
    async fn require_not_removed(&self) -> Result<(), EngineError> {
        match self.members().await?.was_removed(self.me.device) {
            true => Err(Failure::failed("this device was removed from its mesh")
                .hint(RENEW)
                .into()),
            false => Ok(()),
        }
    }

    /// A device that was removed never comes back with the key it has.
    async fn refuse_the_removed(&self, other: DeviceId, card: &Card) -> Result<(), EngineError> {
        if card.has_removed(self.me.device) {
            let message = "this device was removed from the mesh of the other one";
            return Err(Failure::failed(message).hint(RENEW).into());
        }
        if self.members().await?.was_removed(other) {
            let message = "the other device was removed from the mesh of this one";
            return Err(Failure::failed(message)
                .hint(format!("on the other device, {RENEW}"))
                .into());
        }
        Ok(())
    }

    /// States that the other device belongs to the mesh, and lets it in.
    async fn admit(&self, network: &Network, conversed: Conversed) -> Result<Paired, EngineError> {
        let card = Card::read(&conversed.payload);
        self.refuse_the_removed(conversed.device, &card).await?;
        let known = self.store.with(|store| status::statements(store)).await?;
        let action = Action::Add {
            name: conversed.name.clone(),
        };
        let statements = state(&self.key, conversed.device, action, &known, now())
            .map_err(|error| Failure::caused_by("the other device's name", &error))?;
        self.keep_statements(statements).await?;
        let addresses = card.addresses();
        for address in addresses.iter().rev() {
            self.remember(conversed.device, address).await?;
        }
        network.mesh.dial(conversed.device, addresses).await?;
        let ours = self.store.with(plan::collections).await?;
        let plan = plan::between(&ours, &card);
        let paired = Paired {
            device: conversed.device.to_string(),
            name: conversed.name,
            fingerprint: conversed.fingerprint.to_string(),
            united: plan.united.into_iter().map(|one| one.name).collect(),
        };
        let _ = self.events.send(Event::Paired(paired.clone()));
        Ok(paired)
    }
}
