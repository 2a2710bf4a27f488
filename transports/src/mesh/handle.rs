//! The node's side of the mesh: start it, and speak to it.

use std::{
    collections::{BTreeMap, HashSet},
    io,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use libp2p::{Multiaddr, identity::Keypair, multiaddr::Protocol};
use pimesh_crdt::DeviceId;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::{compat::FuturesAsyncReadCompatExt, sync::CancellationToken, task::TaskTracker};

use super::{
    actor::{Actor, Command},
    config::{COMMANDS, EVENTS, HANDSHAKE, MeshConfig, OPEN_STREAM, Relaying},
    error::MeshError,
    event::MeshEvent,
    frames::ByteStream,
    gate::Door,
    peer::{device_of, host_of, peer_of},
    swarm::{self, PAIR},
};

/// The mesh, before it runs.
#[derive(Debug)]
pub struct Mesh;

impl Mesh {
    /// Listens and runs until `token` is cancelled or the last handle is dropped. `tasks`
    /// waits until the farewells have left. Fails if it can listen nowhere of where it should.
    ///
    /// Must be called within a tokio runtime.
    pub fn start(
        config: MeshConfig,
        tasks: &TaskTracker,
        token: CancellationToken,
    ) -> Result<(MeshHandle, mpsc::Receiver<MeshEvent>), MeshError> {
        let key = Keypair::ed25519_from_bytes(*config.key)
            .map_err(|error| MeshError::Key(error.into()))?;
        let me = device_of(&key.public().to_peer_id()).ok_or(MeshError::NotADevice)?;
        let others = config.members.iter().filter(|member| **member != me);
        let members = others.filter_map(peer_of).collect();
        let mut swarm = swarm::build(&key, members, &config.listen, config.relaying)?;
        if config.relaying == Relaying::ForMembers {
            let external = config.external.iter();
            external.for_each(|address| swarm.add_external_address(address.clone()));
        }
        listen(&mut swarm, config.listen)?;
        let (inbox, commands) = mpsc::channel(COMMANDS);
        let (events, receiver) = mpsc::channel(EVENTS);
        let refused = Arc::new(AtomicU64::new(0));
        let streams = swarm.behaviour().streams.new_control();
        let reached = (config.relaying, config.external);
        let actor = Actor::new(me, swarm, commands, events, Arc::clone(&refused), reached)?;
        tasks.spawn(actor.run(token));
        Ok((
            MeshHandle {
                me,
                inbox,
                streams,
                refused,
            },
            receiver,
        ))
    }
}

fn listen(
    swarm: &mut libp2p::Swarm<swarm::Behaviour>,
    addresses: Vec<Multiaddr>,
) -> Result<(), MeshError> {
    let (mut listening, mut failed) = (addresses.is_empty(), None);
    // All are claimed before the first is used: ours must not stand in each other's way.
    let claimed: Vec<_> = addresses
        .into_iter()
        .map(|address| (claim(&address), address))
        .collect();
    for (claimed, address) in claimed {
        let result = match claimed {
            Ok(address) => swarm.listen_on(address).map(drop).map_err(Into::into),
            Err(error) => Err(error.into()),
        };
        match result {
            Ok(()) => listening = true,
            // A machine without IPv6 is no reason to stop.
            Err(source) => {
                let source: Box<dyn std::error::Error + Send + Sync> = source;
                tracing::warn!(%address, error = %source, "cannot listen here");
                failed = Some(MeshError::Listen { address, source });
            }
        }
    }
    match failed {
        Some(error) if !listening => Err(error),
        Some(_) | None => Ok(()),
    }
}

/// A TCP address that nobody listens on. libp2p shares ports (`SO_REUSEPORT`), so two
/// devices on one machine could be given one port, and each get half of the other's calls.
fn claim(address: &Multiaddr) -> io::Result<Multiaddr> {
    let (Some(ip), Some(Protocol::Tcp(port))) = (host_of(address), address.iter().nth(1)) else {
        return Ok(address.clone());
    };
    let free = TcpListener::bind((ip, port))?.local_addr()?;
    Ok(Multiaddr::from(ip).with(Protocol::Tcp(free.port())))
}

/// Speaks to a running mesh. Cheap to clone.
#[derive(Clone)]
pub struct MeshHandle {
    me: DeviceId,
    inbox: mpsc::Sender<Command>,
    streams: libp2p_stream::Control,
    refused: Arc<AtomicU64>,
}

impl MeshHandle {
    /// This device.
    pub fn device(&self) -> DeviceId {
        self.me
    }

    /// How many connections and streams have been refused since the start.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// From now on, these may connect and nobody else; a removed device is cut off at once.
    pub async fn set_members(&self, members: HashSet<DeviceId>) -> Result<(), MeshError> {
        self.tell(Command::SetMembers(members)).await
    }

    /// Whether a code is shown, so that strangers may connect to pair. Closing sends those
    /// away who came in and have not become members.
    pub async fn open_for_pairing(&self, open: bool) -> Result<(), MeshError> {
        self.tell(Command::SetDoor(if open {
            Door::OpenForPairing
        } else {
            Door::Closed
        }))
        .await
    }

    /// Remembers where a member may be, and dials it at once if it is not connected; it is
    /// then dialled again and again until it answers. The outcome comes as an event.
    pub async fn dial(&self, device: DeviceId, addresses: Vec<Multiaddr>) -> Result<(), MeshError> {
        self.ask(|reply| Command::Dial {
            device,
            addresses,
            reply,
        })
        .await?
    }

    /// Dials whoever is at this address, to pair with them. If the address ends in
    /// `/p2p/…`, nobody else may answer.
    pub async fn dial_unknown(&self, address: Multiaddr) -> Result<DeviceId, MeshError> {
        let asked = self.ask(|reply| Command::DialUnknown { address, reply });
        timeout(2 * HANDSHAKE, asked)
            .await
            .map_err(|_| MeshError::TimedOut)??
    }

    /// Opens a stream for pairing with a connected device.
    pub async fn open_pair_stream(&self, device: DeviceId) -> Result<ByteStream, MeshError> {
        let peer = peer_of(&device).ok_or(MeshError::NoSuchKey(device))?;
        let mut streams = self.streams.clone();
        match timeout(OPEN_STREAM, streams.open_stream(peer, PAIR)).await {
            Ok(Ok(stream)) => Ok(ByteStream::new(stream.compat())),
            Ok(Err(error)) => {
                tracing::debug!(%device, %error, "no stream for pairing");
                Err(MeshError::TurnedAway)
            }
            Err(_) => Err(MeshError::TimedOut),
        }
    }

    /// Where this device listens.
    pub async fn listen_addrs(&self) -> Result<Vec<Multiaddr>, MeshError> {
        self.ask(Command::ListenAddrs).await
    }

    /// Where else this device is reached: by what its router passes on, and through relays.
    pub async fn further_addrs(&self) -> Result<Vec<Multiaddr>, MeshError> {
        self.ask(Command::FurtherAddrs).await
    }

    /// The members that relay, each with the way through it
    /// ([`AddressRecord::relays`](super::AddressRecord::relays)). This device keeps a place with
    /// each that it is connected to, so that others can call it there.
    pub async fn set_relays(&self, relays: BTreeMap<DeviceId, Multiaddr>) -> Result<(), MeshError> {
        self.tell(Command::SetRelays(relays)).await
    }

    /// The members that are connected, and where from.
    pub async fn connected(&self) -> Result<Vec<(DeviceId, Multiaddr)>, MeshError> {
        self.ask(Command::Connected).await
    }

    /// Hangs up, and does not dial until [`MeshHandle::dial`] names the device again. It
    /// may still dial us.
    pub async fn close(&self, device: DeviceId) -> Result<(), MeshError> {
        self.tell(Command::Close(device)).await
    }

    async fn tell(&self, command: Command) -> Result<(), MeshError> {
        self.inbox.send(command).await.map_err(|_| MeshError::Gone)
    }

    async fn ask<T>(
        &self,
        ask: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Result<T, MeshError> {
        let (reply, answer) = oneshot::channel();
        self.tell(ask(reply)).await?;
        answer.await.map_err(|_| MeshError::Gone)
    }
}

impl std::fmt::Debug for MeshHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MeshHandle")
            .field("me", &self.me)
            .finish_non_exhaustive()
    }
}
