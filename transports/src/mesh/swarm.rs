//! The libp2p swarm: transports below, behaviours above.

use std::{collections::HashSet, time::Duration};

use libp2p::{
    PeerId, StreamProtocol, Swarm, SwarmBuilder, connection_limits, identity::Keypair, noise, ping,
    quic, swarm, swarm::NetworkBehaviour, tcp, yamux,
};

use super::{config, error::MeshError, gate::Gate};

/// What members speak: frames, see [`super::frames`].
pub(super) const SYNC: StreamProtocol = StreamProtocol::new("/pimesh/sync/1");
/// What a stranger may speak while a code is shown: see [`crate::pair`].
pub(super) const PAIR: StreamProtocol = StreamProtocol::new("/pimesh/pair/1");

/// The behaviours, asked in this order: the gate before anything that keeps state.
/// There is no identify: it would tell strangers names, versions and addresses.
#[derive(NetworkBehaviour)]
pub(super) struct Behaviour {
    pub(super) gate: Gate,
    limits: connection_limits::Behaviour,
    ping: ping::Behaviour,
    pub(super) streams: libp2p_stream::Behaviour,
}

impl Behaviour {
    fn new(members: HashSet<PeerId>) -> Self {
        let limits = connection_limits::ConnectionLimits::default()
            .with_max_pending_incoming(Some(config::MAX_PENDING_INCOMING))
            .with_max_pending_outgoing(Some(config::MAX_PENDING_OUTGOING))
            .with_max_established(Some(config::MAX_CONNECTIONS))
            .with_max_established_per_peer(Some(config::MAX_CONNECTIONS_PER_DEVICE));
        let ping = ping::Config::new()
            .with_interval(config::PING_EVERY)
            .with_timeout(config::PING_PATIENCE);
        Self {
            gate: Gate::new(members),
            limits: connection_limits::Behaviour::new(limits),
            ping: ping::Behaviour::new(ping),
            streams: libp2p_stream::Behaviour::new(),
        }
    }
}

/// A swarm that listens nowhere yet.
pub(super) fn build(
    key: &Keypair,
    members: HashSet<PeerId>,
) -> Result<Swarm<Behaviour>, MeshError> {
    // The builder's type differs with and without names, hence a macro and no function.
    macro_rules! finish {
        ($builder:expr) => {
            $builder
                .with_behaviour(|_| Behaviour::new(members))
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
        Ok::<_, MeshError>(tcp.with_quic_config(quic_config))
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

fn quic_config(mut quic: quic::Config) -> quic::Config {
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
