//! The one owner of the swarm, and the one loop that moves it.
//!
//! Commands and network events come in, [`MeshEvent`]s go out through an outbox: while the
//! node is slow to take them the network waits, and nothing is thrown away but notices of
//! refusals.

use std::{
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use futures::{StreamExt, future::BoxFuture, stream::FuturesUnordered};
use libp2p::{
    Multiaddr, PeerId, Swarm,
    swarm::{ConnectionId, Stream, dial_opts::DialOpts},
};
use libp2p_stream::IncomingStreams;
use pimesh_crdt::DeviceId;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{
    config::{FAREWELL, MAX_UNKNOWN_DIALS, OUTBOX, Relaying, WARNING_WINDOW, WARNINGS},
    dialer::Dialer,
    error::MeshError,
    event::{MeshEvent, Refusal},
    gate::Door,
    links::Links,
    peer::{device_of, peer_of},
    relays::Relays,
    swarm::{Behaviour, PAIR, SYNC},
};

/// What a handle asks.
pub(super) enum Command {
    SetMembers(HashSet<DeviceId>),
    SetDoor(Door),
    SetRelays(BTreeMap<DeviceId, Multiaddr>),
    Dial {
        device: DeviceId,
        addresses: Vec<Multiaddr>,
        reply: oneshot::Sender<Result<(), MeshError>>,
    },
    DialUnknown {
        address: Multiaddr,
        reply: DialReply,
    },
    ListenAddrs(oneshot::Sender<Vec<Multiaddr>>),
    FurtherAddrs(oneshot::Sender<Vec<Multiaddr>>),
    Connected(oneshot::Sender<Vec<(DeviceId, Multiaddr)>>),
    Close(DeviceId),
}

pub(super) type DialReply = oneshot::Sender<Result<DeviceId, MeshError>>;

/// The one owner of the swarm.
pub(super) struct Actor {
    pub(super) me: DeviceId,
    pub(super) swarm: Swarm<Behaviour>,
    pub(super) links: Links,
    pub(super) dialer: Dialer,
    pub(super) relays: Relays,
    pub(super) relaying: Relaying,
    /// Where a router passes on to this device.
    pub(super) external: Vec<Multiaddr>,
    /// Who waits for which dial to a stranger; at most [`MAX_UNKNOWN_DIALS`].
    pub(super) unknown_dials: HashMap<ConnectionId, DialReply>,
    commands: mpsc::Receiver<Command>,
    events: mpsc::Sender<MeshEvent>,
    outbox: VecDeque<MeshEvent>,
    pub(super) streams: libp2p_stream::Control,
    sync_in: IncomingStreams,
    pair_in: IncomingStreams,
    /// Session streams being opened: at most one per connected member.
    pub(super) opening: FuturesUnordered<BoxFuture<'static, (PeerId, Option<Stream>)>>,
    /// Give the number of each session when it ends.
    pub(super) ends: FuturesUnordered<BoxFuture<'static, (PeerId, u64)>>,
    refused: Arc<AtomicU64>,
    warned: (Instant, u32),
}

impl Actor {
    pub(super) fn new(
        me: DeviceId,
        swarm: Swarm<Behaviour>,
        commands: mpsc::Receiver<Command>,
        events: mpsc::Sender<MeshEvent>,
        refused: Arc<AtomicU64>,
        (relaying, external): (Relaying, Vec<Multiaddr>),
    ) -> Result<Self, MeshError> {
        let mut streams = swarm.behaviour().streams.new_control();
        let twice = |_| MeshError::Transport("a protocol was registered twice".into());
        Ok(Self {
            me,
            sync_in: streams.accept(SYNC).map_err(twice)?,
            pair_in: streams.accept(PAIR).map_err(twice)?,
            swarm,
            links: Links::default(),
            dialer: Dialer::default(),
            relays: Relays::default(),
            relaying,
            external,
            unknown_dials: HashMap::new(),
            commands,
            events,
            outbox: VecDeque::new(),
            streams,
            opening: FuturesUnordered::new(),
            ends: FuturesUnordered::new(),
            refused,
            warned: (Instant::now(), 0),
        })
    }

    /// Runs until cancelled, or until nobody listens or speaks to it any more.
    pub(super) async fn run(mut self, token: CancellationToken) {
        let events = self.events.clone();
        loop {
            let room = self.outbox.len() < OUTBOX;
            let wake = self
                .dialer
                .next_due()
                .into_iter()
                .chain(self.links.next_due())
                .chain(self.relays.next_due(Instant::now()))
                .min();
            let until = tokio::time::Instant::from_std(wake.unwrap_or_else(Instant::now));
            tokio::select! {
                () = token.cancelled() => break,
                permit = events.reserve(), if !self.outbox.is_empty() => match permit {
                    Ok(permit) => if let Some(event) = self.outbox.pop_front() { permit.send(event) },
                    Err(_) => break,
                },
                command = self.commands.recv() => match command {
                    Some(command) => self.on_command(command),
                    None => break,
                },
                event = self.swarm.select_next_some(), if room => self.on_swarm(event),
                Some((peer, stream)) = self.sync_in.next(), if room => self.on_sync(peer, stream),
                Some((peer, stream)) = self.pair_in.next(), if room => self.on_pair(peer, stream),
                Some((peer, stream)) = self.opening.next(), if room => self.on_opened(peer, stream),
                Some((peer, number)) = self.ends.next() => {
                    self.links.session_ended(&peer, number, Instant::now(), jitter());
                }
                () = tokio::time::sleep_until(until), if wake.is_some() => {}
            }
            self.do_what_is_due(Instant::now());
        }
        self.farewell().await;
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::SetMembers(members) => self.set_members(&members),
            Command::SetDoor(door) => {
                for connection in self.swarm.behaviour_mut().gate.set_door(door) {
                    self.swarm.close_connection(connection);
                }
            }
            // A reply that nobody waits for any more is no loss.
            Command::Dial {
                device,
                addresses,
                reply,
            } => drop(reply.send(self.dial(device, addresses))),
            Command::DialUnknown { address, reply } => self.dial_unknown(address, reply),
            Command::SetRelays(relays) => self.set_relays(relays),
            Command::ListenAddrs(reply) => drop(reply.send(self.listen_addrs())),
            Command::FurtherAddrs(reply) => drop(reply.send(self.further_addrs())),
            Command::Connected(reply) => {
                let members = self
                    .links
                    .connected()
                    .filter(|(peer, _)| self.is_member(peer));
                let named = members.filter_map(|(peer, at)| Some((device_of(peer)?, at.clone())));
                drop(reply.send(named.collect()));
            }
            Command::Close(device) => {
                self.dialer.forget(&device);
                if let Some(peer) = peer_of(&device) {
                    self.hang_up(&peer);
                }
            }
        }
    }

    fn set_members(&mut self, members: &HashSet<DeviceId>) {
        let peers: HashSet<PeerId> = members
            .iter()
            .filter(|member| **member != self.me)
            .filter_map(peer_of)
            .collect();
        for removed in self.swarm.behaviour_mut().set_members(peers.clone()) {
            let Some(device) = device_of(&removed) else {
                continue;
            };
            self.dialer.forget(&device);
            if self.links.is_connected(&removed) {
                self.hang_up(&removed);
                self.tell(MeshEvent::Disconnected { device });
            }
        }
        for peer in peers {
            if let Some(device) = device_of(&peer).filter(|_| self.links.is_connected(&peer)) {
                self.remember(device, &peer, Instant::now());
            }
            self.ensure_session(peer);
        }
    }

    /// A member is connected; where it was dialled with success is where to dial it again.
    pub(super) fn remember(&mut self, device: DeviceId, peer: &PeerId, now: Instant) {
        if let Some(address) = self.links.dialled(peer) {
            self.dialer.learn(device, vec![address.clone()], now);
        }
        self.dialer.connected(&device, now);
    }

    fn dial(&mut self, device: DeviceId, addresses: Vec<Multiaddr>) -> Result<(), MeshError> {
        let peer = peer_of(&device).ok_or(MeshError::NoSuchKey(device))?;
        if !self.is_member(&peer) {
            return Err(MeshError::NotAMember(device));
        }
        let now = Instant::now();
        let addresses = self.ways_to(&device, addresses);
        self.dial_besides(&device, peer, &addresses);
        self.dialer.learn(device, addresses, now);
        if self.links.is_connected(&peer) {
            self.dialer.connected(&device, now);
        }
        Ok(())
    }

    fn dial_unknown(&mut self, address: Multiaddr, reply: DialReply) {
        let limit = MAX_UNKNOWN_DIALS;
        self.unknown_dials.retain(|_, reply| !reply.is_closed());
        if self
            .unknown_dials
            .len()
            .max(self.swarm.behaviour().gate.invited())
            >= limit
        {
            drop(reply.send(Err(MeshError::Busy { limit })));
            return;
        }
        let dial = DialOpts::unknown_peer_id()
            .address(address)
            .allocate_new_port()
            .build();
        let connection = dial.connection_id();
        self.swarm.behaviour_mut().gate.invite(connection);
        match self.swarm.dial(dial) {
            Ok(()) => drop(self.unknown_dials.insert(connection, reply)),
            Err(error) => drop(reply.send(Err(MeshError::Unreachable(error.into())))),
        }
    }

    /// Dials and reopens what has waited long enough.
    fn do_what_is_due(&mut self, now: Instant) {
        for (device, addresses) in self.dialer.due(now) {
            let Some(peer) = peer_of(&device) else {
                continue;
            };
            let dial = DialOpts::peer_id(peer).addresses(addresses);
            // Over TCP not from the port we listen on: that fails now and then, when the port is
            // shared or has just been used towards the same address. A relay must see that port,
            // to tell others where they may try to meet us. QUIC has one port for all: `one_port`.
            let dial = match self.relays.is_relay(&peer) {
                true => dial.build(),
                false => dial.allocate_new_port().build(),
            };
            if let Err(error) = self.swarm.dial(dial) {
                tracing::debug!(%device, %error, "not dialled");
                self.dialer.failed(&device, now, jitter());
            }
        }
        for peer in self.links.due(now) {
            self.ensure_session(peer);
        }
        self.ask_for_places(now);
    }

    /// Ends session and connections; what closes is told by whoever asked.
    pub(super) fn hang_up(&mut self, peer: &PeerId) {
        self.links.end_session(peer);
        // An error means that there was no connection, which is what we want.
        let _already_gone = self.swarm.disconnect_peer_id(*peer);
    }

    pub(super) fn is_member(&self, peer: &PeerId) -> bool {
        self.swarm.behaviour().gate.is_member(peer)
    }

    pub(super) fn tell(&mut self, event: MeshEvent) {
        self.outbox.push_back(event);
    }

    /// Counts, logs within bounds, and tells the node if it keeps up.
    pub(super) fn refuse(
        &mut self,
        peer: Option<PeerId>,
        address: Option<Multiaddr>,
        reason: Refusal,
    ) {
        self.refused.fetch_add(1, Ordering::Relaxed);
        if self.warned.0.elapsed() >= WARNING_WINDOW {
            self.warned = (Instant::now(), 0);
        }
        self.warned.1 = self.warned.1.saturating_add(1);
        if self.warned.1 <= WARNINGS {
            let from = address
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            let who = peer.map(|peer| peer.to_string()).unwrap_or_default();
            // a guest that pairs may ask for this a moment before it is a member
            if reason == Refusal::SyncForMembers {
                tracing::info!(peer = %who, address = %from, %reason, "refused");
            } else {
                tracing::warn!(peer = %who, address = %from, %reason, "refused");
            }
        }
        if self.outbox.len() < OUTBOX / 2 {
            let device = peer.as_ref().and_then(device_of);
            self.tell(MeshEvent::Refused {
                device,
                address,
                reason,
            });
        }
    }

    /// Closes every connection, so that the others need not wait to notice.
    async fn farewell(mut self) {
        let peers: Vec<PeerId> = self.links.connected().map(|(peer, _)| *peer).collect();
        peers.iter().for_each(|peer| self.hang_up(peer));
        let leaving = async {
            while self.swarm.connected_peers().next().is_some() {
                self.swarm.select_next_some().await;
            }
        };
        // Whoever is still connected then will notice by silence.
        let _in_time = tokio::time::timeout(FAREWELL, leaving).await;
    }
}

/// Spreads waits, so that devices that lost each other do not dial at the same moment.
pub(super) fn jitter() -> f64 {
    rand::random()
}
