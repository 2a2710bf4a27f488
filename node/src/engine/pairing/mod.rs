//! Pairing two devices: a code shown here or typed here, then a signed statement each.
//!
//! The conversation proves that both know the code and binds it to both devices' keys
//! (`pimesh_transports::pair`). What follows is membership: each device states, signed, that
//! the other belongs to the mesh, and lets it in.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pimesh_crdt::DeviceId;
use pimesh_crdt::sync::membership::{Action, Statement, newest};
use pimesh_transports::mesh::{ByteStream, Multiaddr};
use pimesh_transports::pair::{
    self, Code, Offer, PairError, PairIdentity, Paired as Conversed, fingerprint,
};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::network::Network;
use super::who::now;
use super::{Engine, EngineError, Inner, collections, status};
use crate::api::{Event, Failure, Moment, Paired, United};

/// How long to look for the other device in the local network.
const LOOKING: Duration = Duration::from_secs(60);

/// How often a node that has just been started is asked for, and for how long.
const STARTING: (Duration, u32) = (Duration::from_millis(50), 200);

/// What an attempt at the code that is shown came to.
#[derive(Clone, Debug)]
enum Attempt {
    Waiting,
    Refused(u32),
    Done(Paired),
    Over(String),
}

/// The code that this device shows, if it does.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown(Arc<Mutex<Option<Showing>>>);

#[derive(Clone, Debug)]
struct Showing {
    offer: Offer,
    attempts: watch::Sender<Attempt>,
    cancel: CancellationToken,
}

impl Shown {
    fn set(&self, showing: Option<Showing>) -> Option<Showing> {
        std::mem::replace(
            &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner),
            showing,
        )
    }

    fn get(&self) -> Option<Showing> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Takes the code away when the one who asked for it is gone.
struct UntilDropped(Network);

impl Drop for UntilDropped {
    fn drop(&mut self) {
        if let Some(showing) = self.0.shown.set(None) {
            showing.offer.withdraw();
            showing.cancel.cancel();
        }
        self.0.discovery.set_offer(None);
        let mesh = self.0.mesh.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { mesh.open_for_pairing(false).await });
        }
    }
}

/// What both devices hand over once both have shown that they know the code.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Card {
    addresses: Vec<String>,
    /// (kind, name) of the collections, to say which become one.
    collections: Vec<(String, String)>,
}

impl Engine {
    /// Shows a code and waits until another device has typed it.
    pub(super) async fn pair_offer(
        &self,
        events: &mpsc::Sender<Event>,
    ) -> Result<Paired, EngineError> {
        let network = self.running().await?;
        let offer = Offer::new(&mut rand::rng(), Instant::now());
        let (attempts, mut outcome) = watch::channel(Attempt::Waiting);
        let showing = Showing {
            offer: offer.clone(),
            attempts,
            cancel: CancellationToken::new(),
        };
        if let Some(other) = network.shown.set(Some(showing)) {
            other.offer.withdraw();
            let _ = other
                .attempts
                .send(Attempt::Over("another code is shown now".into()));
        }
        let shown = UntilDropped(network.clone());
        network.mesh.open_for_pairing(true).await?;
        network.discovery.set_offer(Some(offer.code().nameplate()));
        let left = offer.until().saturating_duration_since(Instant::now());
        let expires = pimesh_crdt::Timestamp(now().0 + left.as_millis() as u64);
        let _ = events
            .send(Event::PairOffer {
                code: offer.code().text().to_owned(),
                expires: Moment(expires),
                fingerprint: self.inner.this_device()?.fingerprint,
                addresses: self.reachable(&network).await?,
            })
            .await;
        let end = tokio::time::sleep(left);
        tokio::pin!(end);
        loop {
            tokio::select! {
                () = &mut end => return Err(PairError::Expired.into()),
                changed = outcome.changed() => {
                    if changed.is_err() {
                        return Err(PairError::Cancelled.into());
                    }
                    let attempt = outcome.borrow_and_update().clone();
                    match attempt {
                        Attempt::Waiting => {}
                        Attempt::Refused(tries_left) => {
                            let _ = events.send(Event::PairRefused { tries_left }).await;
                            if tries_left == 0 {
                                let message = "three wrong codes were typed; nobody was let in";
                                return Err(Failure::failed(message)
                                    .hint("show a new code: pimesh pair offer")
                                    .into());
                            }
                        }
                        Attempt::Done(paired) => {
                            drop(shown);
                            return Ok(paired);
                        }
                        Attempt::Over(reason) => return Err(Failure::failed(reason).into()),
                    }
                }
            }
        }
    }

    /// Types a code that another device shows.
    pub(super) async fn pair_join(
        &self,
        code: &str,
        addresses: &[String],
    ) -> Result<Paired, EngineError> {
        let code = Code::parse(code).map_err(|error| Failure::usage(error.to_string()))?;
        let network = self.running().await?;
        let device = if addresses.is_empty() {
            self.look_for(&network, &code).await?
        } else {
            self.reach(&network, addresses).await?
        };
        let stream = network.mesh.open_pair_stream(device).await?;
        let me = self.inner.identity()?;
        let card = self.inner.card(&network).await?;
        let cancel = CancellationToken::new();
        let conversed = pair::join(stream.into_inner(), &code, me, device, |_| card, &cancel).await;
        match conversed {
            Ok(conversed) => self.inner.admit(&network, conversed).await,
            Err(error) => {
                network.mesh.close(device).await?;
                Err(error.into())
            }
        }
    }

    /// The network of the running node, which may be starting.
    async fn running(&self) -> Result<Network, EngineError> {
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

    /// Waits until the node listens somewhere, and says where.
    async fn reachable(&self, network: &Network) -> Result<Vec<String>, EngineError> {
        for _ in 0..STARTING.1 {
            let addresses = network.mesh.listen_addrs().await?;
            if !addresses.is_empty() {
                return Ok(addresses.iter().map(ToString::to_string).collect());
            }
            tokio::time::sleep(STARTING.0).await;
        }
        Ok(Vec::new())
    }

    async fn look_for(&self, network: &Network, code: &Code) -> Result<DeviceId, EngineError> {
        let mut offers = network.offers.subscribe();
        network.discovery.look_for(Some(code.nameplate()));
        let found = tokio::time::timeout(LOOKING, async {
            loop {
                match offers.recv().await {
                    Ok(addresses) => {
                        for address in addresses {
                            if let Ok(device) = network.mesh.dial_unknown(address).await {
                                return Some(device);
                            }
                        }
                    }
                    Err(tokio::sync::broadcast::error::RecvError::Lagged(_)) => {}
                    Err(tokio::sync::broadcast::error::RecvError::Closed) => return None,
                }
            }
        })
        .await;
        network.discovery.look_for(None);
        found.ok().flatten().ok_or_else(|| {
            Failure::failed("no device in the local network shows this code")
                .hint("check the code, or give the address that the other device shows: --addr")
                .into()
        })
    }

    async fn reach(
        &self,
        network: &Network,
        addresses: &[String],
    ) -> Result<DeviceId, EngineError> {
        let mut last = None;
        for text in addresses {
            let address: Multiaddr = text.parse().map_err(|_| {
                Failure::usage(format!("{text:?} is not an address"))
                    .hint("copy the address that the other device shows, like /ip4/192.168.1.5/udp/4001/quic-v1")
            })?;
            match network.mesh.dial_unknown(address).await {
                Ok(device) => return Ok(device),
                Err(error) => last = Some(error),
            }
        }
        Err(last.map_or_else(
            || Failure::usage("no address was given").into(),
            EngineError::from,
        ))
    }
}

impl Inner {
    fn identity(&self) -> Result<PairIdentity, EngineError> {
        Ok(PairIdentity {
            device: self.me.device,
            name: self.home.config()?.name,
        })
    }

    async fn card(&self, network: &Network) -> Result<Vec<u8>, EngineError> {
        let addresses = network.mesh.listen_addrs().await?;
        let collections = self
            .store
            .with(|store| {
                collections::settle_once(store)?;
                Ok::<_, EngineError>(
                    collections::visible(store)?
                        .into_iter()
                        .map(|c| (c.kind, c.name))
                        .collect(),
                )
            })
            .await?;
        let card = Card {
            addresses: addresses.iter().map(ToString::to_string).collect(),
            collections,
        };
        Ok(serde_json::to_vec(&card).unwrap_or_default())
    }

    /// States that the other device belongs to the mesh, and lets it in.
    async fn admit(&self, network: &Network, conversed: Conversed) -> Result<Paired, EngineError> {
        let card: Card = serde_json::from_slice(&conversed.payload).unwrap_or_default();
        let known = self.store.with(|store| status::statements(store)).await?;
        let action = Action::Add {
            name: conversed.name.clone(),
        };
        let statement =
            Statement::sign(&self.key, conversed.device, action, &newest(&known), now())
                .map_err(|error| Failure::caused_by("the other device's name", &error))?;
        self.keep_statements(vec![statement]).await?;
        let addresses: Vec<Multiaddr> = card
            .addresses
            .iter()
            .filter_map(|text| text.parse().ok())
            .collect();
        for address in addresses.iter().rev() {
            self.remember(conversed.device, address).await?;
        }
        network.mesh.dial(conversed.device, addresses).await?;
        let ours = self.store.with(|store| collections::visible(store)).await?;
        let united = ours
            .into_iter()
            .filter(|c| card.collections.contains(&(c.kind.clone(), c.name.clone())))
            .map(|c| United {
                theirs: c.name.clone(),
                ours: c.name,
            })
            .collect();
        let paired = Paired {
            device: conversed.device.to_string(),
            name: conversed.name,
            fingerprint: fingerprint(&conversed.device, &conversed.device).to_string(),
            own_fingerprint: fingerprint(&self.me.device, &self.me.device).to_string(),
            united,
        };
        let _ = self.events.send(Event::Paired(paired.clone()));
        Ok(paired)
    }
}

/// Answers somebody who wants to pair, while a code is shown.
pub(super) async fn answer(inner: &Inner, network: &Network, device: DeviceId, stream: ByteStream) {
    let Some(showing) = network.shown.get() else {
        return;
    };
    let attempt = match try_answer(inner, network, &showing, device, stream).await {
        Ok(paired) => Attempt::Done(paired),
        Err(EngineError::Pair(PairError::WrongCode { tries_left })) => {
            tracing::warn!(%device, tries_left, "a wrong pairing code was typed");
            Attempt::Refused(u32::from(tries_left))
        }
        Err(error) => {
            let reason = Failure::from(error).message;
            tracing::warn!(%device, reason, "an attempt to pair failed");
            return;
        }
    };
    let _ = showing.attempts.send(attempt);
}

async fn try_answer(
    inner: &Inner,
    network: &Network,
    showing: &Showing,
    device: DeviceId,
    stream: ByteStream,
) -> Result<Paired, EngineError> {
    let me = inner.identity()?;
    let card = inner.card(network).await?;
    let conversed = pair::offer(
        stream.into_inner(),
        &showing.offer,
        me,
        device,
        |_| card,
        &showing.cancel,
    )
    .await?;
    inner.admit(network, conversed).await
}
