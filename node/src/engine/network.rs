//! A running node: listens, finds the devices it is paired with, keeps a session with each.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use pimesh_crdt::DeviceId;
use pimesh_crdt::store::Store;
use pimesh_crdt::sync::membership::Members;
use pimesh_transports::discover::{
    Discovered, Discovery, DiscoveryConfig, DiscoveryHandle, Interfaces,
};
use pimesh_transports::mesh::{
    self, FrameStream, Mesh, MeshConfig, MeshError, MeshEvent, MeshHandle, Multiaddr, is_loopback,
};
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use zeroize::Zeroizing;

use super::{Engine, EngineError, Inner, addresses, collections, pairing, peers, tidy};
use crate::api::{Discovery as Find, Event, Failure, Polling, Relaying, RunOptions};

/// How long a shutdown waits for sessions and farewells.
const DEADLINE: Duration = Duration::from_secs(5);

/// How long a port that is still in use is waited for.
const PORT: Duration = Duration::from_secs(3);

/// How often a running node reads its sources.
const POLL: Duration = Duration::from_secs(300);

/// What commands need of the running node.
#[derive(Clone, Debug)]
pub(super) struct Network {
    pub(super) mesh: MeshHandle,
    pub(super) discovery: DiscoveryHandle,
    /// Offers found in the local network while somebody looks for one.
    pub(super) offers: broadcast::Sender<Vec<Multiaddr>>,
    /// The code that is shown.
    pub(super) shown: pairing::Shown,
    /// The code that is typed.
    pub(super) joining: pairing::Joining,
    /// Whether devices find each other in the local network.
    pub(super) finds: bool,
    /// Whether this device relays.
    pub(super) relaying: Relaying,
}

impl Network {
    /// Says who need not be looked for.
    fn connected(&self, sessions: &BTreeMap<DeviceId, CancellationToken>) {
        let connected = sessions.keys().copied().collect();
        self.discovery.set_connected(connected);
    }

    /// Lets strangers in while a code is shown or typed here, to pair and nothing else.
    pub(super) fn settle_door(&self) {
        let network = self.clone();
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let open = network.shown.is_some() || network.joining.is_some();
                network.mesh.open_for_pairing(open).await
            });
        }
    }
}

/// Runs until `stop` is cancelled.
pub(super) async fn run(
    inner: Arc<Inner>,
    options: RunOptions,
    stop: CancellationToken,
) -> Result<(), EngineError> {
    inner.store.with(collections::settle).await?;
    let tasks = TaskTracker::new();
    let mut config = MeshConfig::everywhere(Zeroizing::new(inner.key.to_bytes()), 0);
    if !options.listen.is_empty() {
        config.listen = all_addresses(&options.listen)?;
    }
    config.external = all_addresses(&options.external)?;
    config.relaying = match options.relaying {
        Relaying::No => mesh::Relaying::No,
        Relaying::ForMembers => mesh::Relaying::ForMembers,
    };
    let is_loopback = config.listen.iter().all(is_loopback);
    let members = inner.members().await?;
    config.members = others(&members, inner.me.device);
    let ended = CancellationToken::new();
    let (mesh, mesh_events) = start(config, &tasks, &ended).await?;
    let interfaces = match options.discovery {
        Find::KnownAddresses => Interfaces::Nowhere,
        Find::Mdns if is_loopback => Interfaces::Loopback,
        Find::Mdns => Interfaces::All,
    };
    let device = inner.me.device;
    let (discovery, found) = Discovery::start(
        DiscoveryConfig { device, interfaces },
        &tasks,
        ended.clone(),
    );
    discovery.set_members(others(&members, inner.me.device));
    let network = Network {
        mesh,
        discovery,
        offers: broadcast::channel(16).0,
        shown: pairing::Shown::default(),
        joining: pairing::Joining::default(),
        finds: interfaces != Interfaces::Nowhere,
        relaying: options.relaying,
    };
    *inner.network() = Some(network.clone());
    let node = Node {
        inner: Arc::clone(&inner),
        network,
        tasks: tasks.clone(),
        stop: stop.clone(),
    };
    if options.polling == Polling::Sources {
        tasks.spawn(poll(Arc::clone(&inner), stop.clone()));
    }
    tasks.spawn(tidy::while_quiet(inner.store.clone(), stop.clone()));
    inner.tell_relays(&node.network).await?;
    node.dial_known().await?;
    let result = node.serve(mesh_events, found).await;
    *inner.network() = None;
    let _ = inner.events.send(Event::Stopping);
    ended.cancel();
    tasks.close();
    let _ = tokio::time::timeout(DEADLINE, tasks.wait()).await;
    result
}

/// Starts the mesh; a port that the node before this one has not quite left is waited for.
async fn start(
    config: MeshConfig,
    tasks: &TaskTracker,
    ended: &CancellationToken,
) -> Result<(MeshHandle, mpsc::Receiver<MeshEvent>), MeshError> {
    let give_up = Instant::now() + PORT;
    loop {
        match Mesh::start(config.clone(), tasks, ended.clone()) {
            Err(MeshError::Listen { .. }) if Instant::now() < give_up => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            started => return started,
        }
    }
}

fn all_addresses(texts: &[String]) -> Result<Vec<Multiaddr>, EngineError> {
    let read = |text: &String| {
        text.parse().map_err(|_| {
            Failure::usage(format!("{text:?} is not an address"))
                .hint("write it like /ip4/0.0.0.0/udp/4001/quic-v1 or /ip4/0.0.0.0/tcp/4001")
                .into()
        })
    };
    texts.iter().map(read).collect()
}

/// Every member but this device.
pub(super) fn others(members: &Members, me: DeviceId) -> HashSet<DeviceId> {
    members
        .iter()
        .map(|(device, _)| device)
        .filter(|device| *device != me)
        .collect()
}

struct Node {
    inner: Arc<Inner>,
    network: Network,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Node {
    async fn serve(
        &self,
        mut mesh: mpsc::Receiver<MeshEvent>,
        mut found: mpsc::Receiver<Discovered>,
    ) -> Result<(), EngineError> {
        let mut is_ready = false;
        let mut sessions: BTreeMap<DeviceId, CancellationToken> = BTreeMap::new();
        let mut finds = true;
        let ready = tokio::time::sleep(Duration::from_millis(300));
        tokio::pin!(ready);
        loop {
            tokio::select! {
                () = self.stop.cancelled() => return Ok(()),
                () = &mut ready, if !is_ready => {
                    is_ready = true;
                    self.ready().await?;
                }
                event = mesh.recv() => match event {
                    Some(event) => self.mesh_event(event, is_ready, &mut sessions).await?,
                    None => return Err(Failure::failed("the network stopped").into()),
                },
                discovered = found.recv(), if finds => match discovered {
                    Some(discovered) => self.discovered(discovered).await?,
                    None => finds = false,
                },
            }
        }
    }

    async fn ready(&self) -> Result<(), EngineError> {
        let addresses = self.network.mesh.listen_addrs().await?;
        let this = self.inner.this_device()?;
        let _ = self.inner.events.send(Event::Ready {
            name: this.name,
            device: this.id,
            addresses: addresses.iter().map(ToString::to_string).collect(),
        });
        Ok(())
    }

    async fn mesh_event(
        &self,
        event: MeshEvent,
        is_ready: bool,
        sessions: &mut BTreeMap<DeviceId, CancellationToken>,
    ) -> Result<(), EngineError> {
        match event {
            MeshEvent::Session {
                device,
                stream,
                address,
            } => {
                let stop = self.stop.child_token();
                if let Some(old) = sessions.insert(device, stop.clone()) {
                    old.cancel();
                }
                self.network.connected(sessions);
                self.inner.remember(device, &address).await?;
                self.session(device, stream, stop).await?;
            }
            MeshEvent::Disconnected { device } => {
                if let Some(session) = sessions.remove(&device) {
                    session.cancel();
                }
                self.network.connected(sessions);
                let name = self.inner.name_of(device).await?;
                let device = device.to_string();
                let _ = self.inner.events.send(Event::Disconnected {
                    name,
                    device,
                    reason: None,
                });
            }
            MeshEvent::Unreachable { device, reason } => {
                tracing::info!(%device, reason, "not reachable");
            }
            MeshEvent::Listening(address) => {
                self.announce().await?;
                if is_ready {
                    let address = address.to_string();
                    let _ = self.inner.events.send(Event::Listening { address });
                }
            }
            MeshEvent::NotListening(_) => self.announce().await?,
            MeshEvent::PairRequest { device, stream } => {
                let Some((device, stream)) = self.network.joining.take(device, stream) else {
                    return Ok(());
                };
                let (inner, network) = (Arc::clone(&self.inner), self.network.clone());
                self.tasks.spawn(async move {
                    pairing::answer(&inner, &network, device, stream).await;
                });
            }
            MeshEvent::Refused {
                device,
                address,
                reason,
            } => {
                let device = device.map(|device| device.to_string());
                let address = address.map(|address| address.to_string());
                tracing::info!(device, address, %reason, "turned away");
            }
        }
        Ok(())
    }

    async fn announce(&self) -> Result<(), EngineError> {
        self.network
            .discovery
            .announce(self.network.mesh.listen_addrs().await?);
        self.inner.say_where_we_listen(&self.network).await
    }

    async fn session(
        &self,
        device: DeviceId,
        stream: FrameStream,
        stop: CancellationToken,
    ) -> Result<(), EngineError> {
        let inner = Arc::clone(&self.inner);
        let name = inner.name_of(device).await?;
        let id = device.to_string();
        let _ = inner.events.send(Event::Connected { name, device: id });
        self.tasks.spawn(async move {
            let reason = peers::converse(inner, device, stream, stop).await;
            tracing::info!(%device, reason, "session ended");
        });
        Ok(())
    }

    async fn discovered(&self, discovered: Discovered) -> Result<(), EngineError> {
        match discovered {
            Discovered::Member { device, addresses } => {
                self.network.mesh.dial(device, addresses).await?;
            }
            Discovered::Joiner { addresses } => {
                let (inner, network) = (Arc::clone(&self.inner), self.network.clone());
                self.tasks.spawn(async move {
                    pairing::call(&inner, &network, addresses).await;
                });
            }
            Discovered::Offer { addresses } => {
                // nobody may be looking any more
                let _ = self.network.offers.send(addresses);
            }
        }
        Ok(())
    }

    async fn dial_known(&self) -> Result<(), EngineError> {
        let members = self.inner.members().await?;
        let records = self
            .inner
            .store
            .with(|store| addresses::records(store))
            .await?;
        for known in self.inner.store.read(Store::devices).await? {
            let mut addresses: Vec<Multiaddr> = known
                .addresses
                .iter()
                .filter_map(|text| text.parse().ok())
                .collect();
            if let Some(record) = records.get(&known.id) {
                addresses.extend_from_slice(record.addresses());
            }
            let is_other = known.id != self.inner.me.device && members.contains(known.id);
            if is_other && !addresses.is_empty() {
                self.network.mesh.dial(known.id, addresses).await?;
            }
        }
        Ok(())
    }
}

/// Reads the sources from time to time.
async fn poll(inner: Arc<Inner>, stop: CancellationToken) {
    let engine = Engine { inner };
    let mut ticks = tokio::time::interval(POLL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let (events, _unwatched) = mpsc::channel(1);
        tokio::select! {
            () = stop.cancelled() => return,
            report = engine.source_sync(None, &events) => match report {
                Ok(report) => {
                    for source in report.sources {
                        let _ = engine.inner.events.send(Event::Synced(source));
                    }
                }
                Err(error) => {
                    let reason = Failure::from(error).message;
                    tracing::warn!(reason, "the sources could not be read");
                }
            }
        }
    }
}
