//! The device that shows the code: waits to be called, and calls those who join by it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use pimesh_crdt::DeviceId;
use pimesh_transports::mesh::{ByteStream, Multiaddr, is_loopback};
use pimesh_transports::pair::{self, Offer, PairError, qr};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::super::network::Network;
use super::super::who::now;
use super::super::{Engine, EngineError, Inner};
use super::dial;
use super::guesses::Guesses;
use crate::api::{Event, Failure, Moment, Paired};

/// How long one who joins is given to call us, before we call it.
const COURTESY: Duration = Duration::from_secs(1);

/// Calls to those who say they join, for one code: anybody in the local network can say so.
const MOST_CALLS: usize = 16;

/// What an attempt at the code that is shown came to.
#[derive(Clone, Debug)]
enum Attempt {
    Waiting,
    Refused(u32),
    Done(Paired),
    Over(Failure),
}

/// The code that this device shows, if it does.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Shown {
    showing: Arc<Mutex<Option<Showing>>>,
    guesses: Guesses,
}

#[derive(Clone, Debug)]
struct Showing {
    offer: Offer,
    attempts: watch::Sender<Attempt>,
    cancel: CancellationToken,
    calls: Arc<AtomicUsize>,
}

impl Shown {
    fn set(&self, showing: Option<Showing>) -> Option<Showing> {
        std::mem::replace(
            &mut *self.showing.lock().unwrap_or_else(PoisonError::into_inner),
            showing,
        )
    }

    pub(in crate::engine) fn is_some(&self) -> bool {
        self.get().is_some()
    }

    fn get(&self) -> Option<Showing> {
        self.showing
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
        self.0.settle_door();
    }
}

impl Engine {
    /// Shows a code and waits until another device has typed it.
    pub(in crate::engine) async fn pair_offer(
        &self,
        events: &mpsc::Sender<Event>,
    ) -> Result<Paired, EngineError> {
        self.inner.require_not_removed().await?;
        let network = self.running().await?;
        network.shown.guesses.allow(Instant::now())?;
        let offer = Offer::new(&mut rand::rng(), Instant::now());
        let (attempts, mut outcome) = watch::channel(Attempt::Waiting);
        let showing = Showing {
            offer: offer.clone(),
            attempts,
            cancel: CancellationToken::new(),
            calls: Arc::default(),
        };
        if let Some(other) = network.shown.set(Some(showing)) {
            other.offer.withdraw();
            let _ = other
                .attempts
                .send(Attempt::Over(Failure::failed("another code is shown now")));
        }
        let shown = UntilDropped(network.clone());
        network.mesh.open_for_pairing(true).await?;
        network.discovery.set_offer(Some(&offer));
        let left = offer.until().saturating_duration_since(Instant::now());
        let expires = pimesh_crdt::Timestamp(now().0 + left.as_millis() as u64);
        let addresses = self.reachable(&network).await?;
        let ticket = offer
            .ticket(self.inner.me.device, from_afar(&addresses))
            .text();
        let _ = events
            .send(Event::PairOffer {
                code: offer.code().text().to_owned(),
                ticket: ticket.to_string(),
                qr: qr::svg(&ticket),
                expires: Moment(expires),
                fingerprint: self.inner.this_device()?.fingerprint,
                addresses: addresses.iter().map(ToString::to_string).collect(),
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
                        Attempt::Over(reason) => return Err(reason.into()),
                    }
                }
            }
        }
    }

    /// Waits until the node listens somewhere, and says where.
    async fn reachable(&self, network: &Network) -> Result<Vec<Multiaddr>, EngineError> {
        for _ in 0..super::STARTING.1 {
            let addresses = network.mesh.listen_addrs().await?;
            if !addresses.is_empty() {
                return Ok(addresses);
            }
            tokio::time::sleep(super::STARTING.0).await;
        }
        Ok(Vec::new())
    }
}

/// Those by which another device may reach this one: a QR code has room for a few.
fn from_afar(addresses: &[Multiaddr]) -> Vec<Multiaddr> {
    let is_link_local = |address: &Multiaddr| address.to_string().starts_with("/ip6/fe80:");
    let mut usable: Vec<Multiaddr> = addresses.to_vec();
    usable.retain(|address| !is_link_local(address));
    usable.sort_by_key(is_loopback);
    usable
}

/// Calls a device in the local network that says it joins by the code shown here: it may be
/// one that cannot call us, behind a firewall of ours.
pub(in crate::engine) async fn call(inner: &Inner, network: &Network, addresses: Vec<Multiaddr>) {
    let Some(showing) = network.shown.get() else {
        return;
    };
    if showing.calls.fetch_add(1, Ordering::Relaxed) >= MOST_CALLS {
        return;
    }
    tokio::time::sleep(COURTESY).await;
    if network.shown.is_some() && showing.offer.check(Instant::now()).is_ok() {
        match dial(network, addresses).await {
            Ok((device, stream)) => answer(inner, network, device, stream).await,
            Err(error) => tracing::debug!(%error, "who wants to join was not reached"),
        }
    }
}

/// Answers somebody who wants to pair, while a code is shown.
pub(in crate::engine) async fn answer(
    inner: &Inner,
    network: &Network,
    device: DeviceId,
    stream: ByteStream,
) {
    let Some(showing) = network.shown.get() else {
        return;
    };
    let attempt = match try_answer(inner, network, &showing, device, stream).await {
        Ok(paired) => Attempt::Done(paired),
        Err(EngineError::Pair(PairError::WrongCode { tries_left })) => {
            network.shown.guesses.count(Instant::now());
            tracing::warn!(%device, tries_left, "a wrong pairing code was typed");
            Attempt::Refused(u32::from(tries_left))
        }
        Err(EngineError::Told(reason)) => Attempt::Over(reason),
        // both called each other, and the first conversation has paired them
        Err(_)
            if matches!(
                showing.offer.check(Instant::now()),
                Err(PairError::AlreadyUsed)
            ) =>
        {
            return;
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
