//! The device that types or scans: calls who shows the code, and lets itself be called.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use pimesh_crdt::DeviceId;
use pimesh_transports::mesh::{ByteStream, MeshError, Multiaddr, p2p_address};
use pimesh_transports::pair::{self, Handed, Invitation, PairError, fingerprint};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::super::network::Network;
use super::super::{Engine, EngineError};
use super::dial;
use super::plan::{self, Card};
use crate::api::{Agreement, Event, Failure, Paired};

/// How long to look for the other device in the local network.
const LOOKING: Duration = Duration::from_secs(60);
/// How long to let it call us, where the addresses that were given lead nowhere.
const CALLED: Duration = Duration::from_secs(10);
/// Conversations for one typed code: each tells whoever answers one guess at it.
const MOST_CONVERSATIONS: usize = 3;
/// Callers that wait while we speak with another.
const CALLERS: usize = 4;

/// Calls that are made at once: an announcement may be heard again before it is answered.
const MOST_DIALS: usize = 4;
/// How often one who does not answer is called, and the pause between: a connection may go because
/// both called each other, and the code may be shown a moment after it was typed.
const CALLS: (u32, Duration) = (3, Duration::from_millis(700));

type Caller = (DeviceId, ByteStream);

/// What is going on while a code is typed here, if one is.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Joining(Arc<Mutex<Option<Going>>>);

#[derive(Debug)]
struct Going {
    callers: mpsc::Sender<Caller>,
    /// Who waits for the person's word.
    agreement: Option<oneshot::Sender<bool>>,
}

impl Joining {
    fn with<T>(&self, act: impl FnOnce(&mut Option<Going>) -> T) -> T {
        // Nothing that can panic happens under the lock.
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(in crate::engine) fn is_some(&self) -> bool {
        self.with(|going| going.is_some())
    }

    /// Takes somebody who calls, if a code is being typed here; else gives them back.
    pub(in crate::engine) fn take(&self, device: DeviceId, stream: ByteStream) -> Option<Caller> {
        let callers = self.with(|going| going.as_ref().map(|going| going.callers.clone()));
        match callers {
            None => Some((device, stream)),
            Some(callers) => {
                // one too many is hung up on
                let _ = callers.try_send((device, stream));
                None
            }
        }
    }

    /// The person's word on what pairing will do.
    pub(in crate::engine) fn decide(&self, agrees: bool) -> Result<(), Failure> {
        let waiting = self.with(|going| going.as_mut().and_then(|going| going.agreement.take()));
        let nobody = || Failure::failed("no pairing waits for an answer");
        waiting
            .ok_or_else(nobody)?
            .send(agrees)
            .map_err(|_| nobody())
    }
}

/// A call that nobody answered: why, where, and which one it was.
struct Unanswered(MeshError, Vec<Multiaddr>, u32);

/// Ends it when the one who asked for it is gone.
struct UntilDropped(Network);

impl Drop for UntilDropped {
    fn drop(&mut self) {
        self.0.joining.with(|going| *going = None);
        self.0.discovery.set_joining(None);
        self.0.settle_door();
    }
}

/// What was typed, and where else to look.
struct Search {
    network: Network,
    invitation: Invitation,
    callers: mpsc::Receiver<Caller>,
    /// Those of them who wait until it is their turn.
    others: Vec<Caller>,
    offers: broadcast::Receiver<Vec<Multiaddr>>,
    until: Instant,
    /// Where somebody was last called.
    called: Vec<Multiaddr>,
    /// Calls that are being made.
    dials: FuturesUnordered<BoxFuture<'static, Result<Caller, Unanswered>>>,
    /// The last reason why somebody was not reached.
    failed: Option<EngineError>,
}

impl Engine {
    /// Types a code, or the text of a QR code, that another device shows.
    pub(in crate::engine) async fn pair_join(
        &self,
        typed: &str,
        addresses: &[String],
        agreement: Agreement,
        events: &mpsc::Sender<Event>,
    ) -> Result<Paired, EngineError> {
        let invitation =
            Invitation::parse(typed).map_err(|error| Failure::usage(error.to_string()))?;
        let mut given = addresses
            .iter()
            .map(|text| address(text))
            .collect::<Result<Vec<_>, _>>()?;
        if let Invitation::Ticket(ticket) = &invitation {
            given.extend(ticket.addresses.iter().cloned());
            given = given
                .iter()
                .filter_map(|address| p2p_address(address, &ticket.device))
                .collect();
        }
        self.inner.require_not_removed().await?;
        let network = self.running().await?;
        let (callers, receiver) = mpsc::channel(CALLERS);
        let going = Going {
            callers,
            agreement: None,
        };
        if network.joining.with(|now| now.replace(going)).is_some() {
            tracing::info!("a code that was typed before is given up");
        }
        let _until_dropped = UntilDropped(network.clone());
        let mut search = Search {
            callers: receiver,
            others: Vec::new(),
            offers: network.offers.subscribe(),
            until: Instant::now() + if given.is_empty() { LOOKING } else { CALLED },
            called: Vec::new(),
            dials: FuturesUnordered::new(),
            failed: None,
            network,
            invitation,
        };
        search.network.mesh.open_for_pairing(true).await?;
        let invitation = Some(&search.invitation);
        search.network.discovery.set_joining(invitation);
        if !given.is_empty() {
            search.dial(given, 1);
        }
        for _ in 0..MOST_CONVERSATIONS {
            let Some(caller) = search.next().await else {
                break;
            };
            if let Some(paired) = self
                .converse(&mut search, caller, agreement, events)
                .await?
            {
                return Ok(paired);
            }
        }
        Err(search.failed.unwrap_or_else(|| {
            Failure::failed("no device in the local network shows this code")
                .hint("check the code, or give the address that the other device shows: --addr")
                .into()
        }))
    }

    /// Speaks with one who may show the code. Nothing: it was another one, look further.
    async fn converse(
        &self,
        search: &mut Search,
        (device, stream): Caller,
        agreement: Agreement,
        events: &mpsc::Sender<Event>,
    ) -> Result<Option<Paired>, EngineError> {
        let network = &search.network;
        let me = self.inner.identity()?;
        let card = self.inner.card(network).await?;
        let mut refused = None;
        let agree = async |theirs: &Handed| {
            let card = Card::read(&theirs.payload);
            refused = self.inner.refuse_the_removed(device, &card).await.err();
            refused.is_none() && self.agree(network, device, theirs, agreement, events).await
        };
        let never = CancellationToken::new();
        let conversed = pair::join(
            stream.into_inner(),
            &search.invitation,
            me,
            device,
            (|_| card, agree),
            &never,
        );
        match conversed.await {
            Ok(conversed) => Ok(Some(self.inner.admit(network, conversed).await?)),
            Err(error) => {
                tracing::debug!(%device, %error, "a conversation came to nothing");
                network.mesh.close(device).await?;
                if let Some(reason) = refused {
                    return Err(reason);
                }
                if is_of_link(&error) {
                    search.call_again(device);
                }
                if is_of_link(&error) || is_of_another(&error) {
                    search.failed = Some(error.into());
                    return Ok(None);
                }
                Err(error.into())
            }
        }
    }

    /// Says what pairing will do, and asks the person where one wants to be asked.
    async fn agree(
        &self,
        network: &Network,
        device: DeviceId,
        theirs: &Handed,
        agreement: Agreement,
        events: &mpsc::Sender<Event>,
    ) -> bool {
        let (sender, word) = oneshot::channel();
        network.joining.with(|going| {
            if let Some(going) = going {
                going.agreement = Some(sender);
            }
        });
        let ours = match self.inner.store.with(plan::collections).await {
            Ok(ours) => ours,
            Err(error) => {
                tracing::warn!(%error, "the collections could not be listed");
                return false;
            }
        };
        let plan = plan::between(&ours, &Card::read(&theirs.payload));
        let _ = events
            .send(Event::PairPlan {
                device: device.to_string(),
                name: theirs.name.clone(),
                fingerprint: fingerprint(&self.inner.me.device, &device).to_string(),
                united: plan.united,
                from_there: plan.theirs,
                from_here: plan.ours,
            })
            .await;
        match agreement {
            Agreement::Given => true,
            Agreement::Asked => word.await.unwrap_or(false),
        }
    }
}

impl Search {
    /// The next one to speak with, who called, or was heard of in the local network and called.
    async fn next(&mut self) -> Option<Caller> {
        if let Some(other) = self.others.pop() {
            return Some(other);
        }
        loop {
            if !self.network.finds && self.dials.is_empty() {
                return None; // nobody can be heard of
            }
            tokio::select! {
                () = sleep_until(self.until) => return None,
                Some((device, stream)) = self.callers.recv() => {
                    if self.may_be(device) {
                        return Some((device, stream));
                    }
                }
                Some(dialled) = self.dials.next() => match dialled {
                    Ok(caller) => return Some(caller),
                    Err(Unanswered(error, addresses, call)) => {
                        if error.is_retryable() && call < CALLS.0 {
                            self.dial(addresses, call + 1);
                        }
                        self.failed = Some(error.into());
                    }
                },
                offer = self.offers.recv() => match offer {
                    Ok(addresses) => self.dial(self.meant(addresses), 1),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                },
            }
        }
    }

    /// Calls once more who was called last: the conversation broke, and took with it all that
    /// went on with this device.
    fn call_again(&mut self, device: DeviceId) {
        let mut others = Vec::new();
        while let Ok(caller) = self.callers.try_recv() {
            others.extend(Some(caller).filter(|(caller, _)| *caller != device));
        }
        self.others.extend(others);
        self.dials = FuturesUnordered::new();
        self.dial(self.called.clone(), 2);
    }

    /// Calls whoever is there, while others may call us.
    fn dial(&mut self, addresses: Vec<Multiaddr>, call: u32) {
        if self.dials.len() < MOST_DIALS {
            self.called.clone_from(&addresses);
            let network = self.network.clone();
            self.dials.push(Box::pin(async move {
                tokio::time::sleep(CALLS.1 * (call - 1)).await;
                let dialled = dial(&network, addresses.clone()).await;
                dialled.map_err(|error| Unanswered(error, addresses, call))
            }));
        }
    }

    /// A QR code says which device shows it.
    fn may_be(&self, device: DeviceId) -> bool {
        match &self.invitation {
            Invitation::Code(_) => true,
            Invitation::Ticket(ticket) => ticket.device == device,
        }
    }

    fn meant(&self, addresses: Vec<Multiaddr>) -> Vec<Multiaddr> {
        match &self.invitation {
            Invitation::Code(_) => addresses,
            Invitation::Ticket(ticket) => addresses
                .iter()
                .filter_map(|address| p2p_address(address, &ticket.device))
                .collect(),
        }
    }
}

/// Whether this tells of a link that broke, or was one of too many at once: the same device may
/// answer yet.
fn is_of_link(error: &PairError) -> bool {
    matches!(
        error,
        PairError::Busy | PairError::HungUp | PairError::TimedOut | PairError::Stream(_)
    )
}

/// Whether this tells of somebody else than the device that shows the code: then another may
/// answer.
fn is_of_another(error: &PairError) -> bool {
    matches!(
        error,
        PairError::NoOffer | PairError::Impostor | PairError::Malformed(_) | PairError::Forged
    )
}

fn address(text: &str) -> Result<Multiaddr, EngineError> {
    text.parse().map_err(|_| {
        Failure::usage(format!("{text:?} is not an address"))
            .hint("copy the address that the other device shows, like /ip4/192.168.1.5/udp/4001/quic-v1")
            .into()
    })
}
