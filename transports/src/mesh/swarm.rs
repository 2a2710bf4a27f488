//! The libp2p swarm: transports below, behaviours above.

use std::{collections::HashSet, time::Duration};

use libp2p::{
    Multiaddr, PeerId, StreamProtocol, Swarm, SwarmBuilder, connection_limits, dcutr, identify,
    identity::Keypair,
    noise, ping, quic, relay, swarm,
    swarm::{NetworkBehaviour, behaviour::toggle::Toggle},
    tcp, yamux,
};

use super::{
    config::{self, Relaying},
    error::MeshError,
    gate::Gate,
    members_only::MembersOnly,
    one_port::OnePort,
};

/// What members speak: frames, see [`super::frames`].
pub(super) const SYNC: StreamProtocol = StreamProtocol::new("/pimesh/sync/1");
/// What a stranger may speak while a code is shown: see [`crate::pair`].
pub(super) const PAIR: StreamProtocol = StreamProtocol::new("/pimesh/pair/1");

/// What members say to each other about themselves. No version of the program, nobody's name.
const IDENTITY: &str = "pimesh/1";

/// The behaviours, asked in this order: the gate before anything that keeps state.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) gate: Gate,
    limits: connection_limits::Behaviour,
    ping: ping::Behaviour,
    pub(super) streams: libp2p_stream::Behaviour,
    pub(super) reach: MembersOnly<Reach>,
}

/// How devices meet that cannot call each other. Identify tells members, and nobody else, where
/// they seem to be; hole punching needs it.
#[derive(NetworkBehaviour)]
pub(super) struct Reach {
    identify: identify::Behaviour,
    /// A way through the relays of others.
    way: relay::client::Behaviour,
    /// Being one.
    relay: Toggle<relay::Behaviour>,
    punch: dcutr::Behaviour,
}

impl Reach {
    fn new(key: &Keypair, way: relay::client::Behaviour, relaying: Relaying) -> Self {
        let me = key.public().to_peer_id();
        let identity = identify::Config::new(IDENTITY.to_owned(), key.public())
            .with_agent_version(IDENTITY.to_owned())
            .with_interval(config::IDENTIFY_EVERY)
            .with_hide_listen_addrs(true)
            .with_cache_size(0);
        let relay = match relaying {
            Relaying::No => None,
            Relaying::ForMembers => {
                let mut relay = relay::Behaviour::new(me, relay_config());
                relay.set_status(Some(relay::Status::Enable));
                Some(relay)
            }
        };
        Self {
            identify: identify::Behaviour::new(identity),
            way,
            relay: relay.into(),
            punch: dcutr::Behaviour::new(me),
        }
    }
}

fn relay_config() -> relay::Config {
    relay::Config {
        max_reservations: config::MAX_PLACES,
        max_reservations_per_peer: config::MAX_PLACES_PER_DEVICE,
        reservation_duration: config::PLACE,
        max_circuits: config::MAX_CIRCUITS,
        max_circuits_per_peer: config::MAX_CIRCUITS_PER_DEVICE,
        max_circuit_duration: config::CIRCUIT,
        max_circuit_bytes: config::CIRCUIT_BYTES,
        // how often one device or address may ask: libp2p's own, 30 and 60 at once
        ..relay::Config::default()
    }
}

impl Behaviour {
    fn new(
        key: &Keypair,
        members: HashSet<PeerId>,
        way: relay::client::Behaviour,
        relaying: Relaying,
    ) -> Self {
        let limits = connection_limits::ConnectionLimits::default()
            .with_max_pending_incoming(Some(config::MAX_PENDING_INCOMING))
            .with_max_pending_outgoing(Some(config::MAX_PENDING_OUTGOING))
            .with_max_established(Some(config::MAX_CONNECTIONS))
            .with_max_established_per_peer(Some(config::MAX_CONNECTIONS_PER_DEVICE));
        let ping = ping::Config::new()
            .with_interval(config::PING_EVERY)
            .with_timeout(config::PING_PATIENCE);
        Self {
            gate: Gate::new(members.clone()),
            limits: connection_limits::Behaviour::new(limits),
            ping: ping::Behaviour::new(ping),
            streams: libp2p_stream::Behaviour::new(),
            reach: MembersOnly::new(members, Reach::new(key, way, relaying)),
        }
    }

    /// Returns those who were members and are no longer: their connections must go.
    pub(super) fn set_members(&mut self, members: HashSet<PeerId>) -> Vec<PeerId> {
        self.reach.set_members(members.clone());
        self.gate.set_members(members)
    }
}

/// A swarm that listens nowhere yet; `listen` is where it will.
pub(super) fn build(
    key: &Keypair,
    members: HashSet<PeerId>,
    listen: &[Multiaddr],
    relaying: Relaying,
) -> Result<Swarm<Behaviour>, MeshError> {
    // The builder's type differs with and without names, hence a macro and no function.
    macro_rules! finish {
        ($builder:expr) => {
            $builder
                .with_relay_client(noise::Config::new, yamux_config)
                .map_err(|error| MeshError::Transport(error.into()))?
                .with_behaviour(|key, way| Behaviour::new(key, members, way, relaying))
                .map_err(|never| MeshError::Transport(never.into()))?
                .with_swarm_config(swarm_config)
                .with_connection_timeout(config::HANDSHAKE)
                .build()
        };
    }
    let transports = || {
        let tcp = SwarmBuilder::with_existing_identity(key.clone())
            .with_tokio()
            .with_tcp(tcp::Config::default(), noise::Config::new, yamux_config)
            .map_err(|error| MeshError::Transport(error.into()))?;
        tcp.with_other_transport(|key| {
            OnePort::new(quic::tokio::Transport::new(quic_config(key)), listen)
        })
        .map_err(|never| MeshError::Transport(never.into()))
    };
    Ok(match transports()?.with_dns() {
        Ok(builder) => finish!(builder),
        Err(error) => {
            // Phones have no /etc/resolv.conf; a home network needs no names either.
            tracing::warn!(%error, "the system's name servers are unknown: /dns addresses will not work");
            finish!(transports()?)
        }
    })
}

fn yamux_config() -> yamux::Config {
    let mut yamux = yamux::Config::default();
    yamux.set_max_num_streams(config::MAX_STREAMS as usize);
    yamux
}

fn quic_config(key: &Keypair) -> quic::Config {
    let mut quic = quic::Config::new(key);
    quic.handshake_timeout = config::HANDSHAKE;
    quic.max_idle_timeout = millis(config::QUIC_SILENCE);
    quic.keep_alive_interval = config::QUIC_KEEP_ALIVE;
    quic.max_stream_data = config::QUIC_STREAM_WINDOW;
    quic.max_connection_data = config::QUIC_CONNECTION_WINDOW;
    quic.max_concurrent_stream_limit = config::MAX_STREAMS;
    quic
}

fn swarm_config(swarm: swarm::Config) -> swarm::Config {
    swarm
        .with_idle_connection_timeout(config::IDLE)
        .with_max_negotiating_inbound_streams(config::MAX_NEGOTIATING)
        // QUIC first, TCP a moment later, so that one device is not met twice.
        .with_smart_dial()
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
