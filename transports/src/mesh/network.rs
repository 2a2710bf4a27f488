//! What the swarm reports, and what the actor makes of it.

use std::time::Instant;

use libp2p::{
    Multiaddr, PeerId,
    connection_limits::Exceeded,
    core::ConnectedPoint,
    ping,
    swarm::{ConnectionDenied, ConnectionId, DialError, ListenError, SwarmEvent},
};

use super::{
    actor::{Actor, jitter},
    error::MeshError,
    event::{MeshEvent, Refusal},
    links::{Direction, End, Path},
    peer::{device_of, without_peer},
    swarm::BehaviourEvent,
};

impl Actor {
    pub(super) fn on_swarm(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                ..
            } => {
                let is_members = self.swarm.behaviour().reach.knows(&connection_id);
                let end = end(&endpoint, is_members);
                self.on_established(peer_id, connection_id, end);
            }
            SwarmEvent::ConnectionClosed {
                peer_id,
                connection_id,
                cause,
                ..
            } => {
                tracing::debug!(peer = %peer_id, ?cause, "connection closed");
                self.on_closed(peer_id, connection_id);
            }
            SwarmEvent::IncomingConnectionError {
                peer_id,
                send_back_addr,
                error,
                ..
            } => {
                self.on_incoming_error(peer_id, send_back_addr, error);
            }
            SwarmEvent::OutgoingConnectionError {
                peer_id,
                connection_id,
                error,
            } => {
                self.on_dial_error(peer_id, connection_id, error);
            }
            SwarmEvent::NewListenAddr { address, .. } => {
                tracing::info!(%address, "listening");
                self.offer(&address);
                self.tell(MeshEvent::Listening(address));
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                self.swarm.remove_external_address(&address);
                self.leave_network(&address);
                self.tell(MeshEvent::NotListening(address));
            }
            SwarmEvent::ListenerClosed {
                listener_id,
                addresses,
                reason,
            } => {
                if !self.lost_place(listener_id) {
                    tracing::warn!(?addresses, ?reason, "no longer listening");
                }
                addresses
                    .into_iter()
                    .for_each(|address| self.tell(MeshEvent::NotListening(address)));
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "listening"),
            SwarmEvent::Behaviour(BehaviourEvent::Ping(ping::Event {
                peer,
                connection,
                result: Err(ping::Failure::Timeout),
            })) => {
                tracing::debug!(%peer, "no answer to a ping");
                self.swarm.close_connection(connection);
            }
            SwarmEvent::Behaviour(BehaviourEvent::Reach(event)) => self.on_reach(event),
            _ => {}
        }
    }

    fn on_established(&mut self, peer: PeerId, connection: ConnectionId, end: End) {
        let now = Instant::now();
        let device = device_of(&peer);
        if let Some(reply) = self.unknown_dials.remove(&connection) {
            // Whoever asked may have gone; the connection then idles out.
            drop(reply.send(device.ok_or(MeshError::NotADevice)));
        }
        self.links.established(peer, connection, end, now);
        let Some(device) = device.filter(|_| self.is_member(&peer)) else {
            return;
        };
        self.remember(device, &peer, now);
        self.relays.connected(&peer, now);
        self.dial_besides(&device, peer, &self.dialer.addresses(&device));
        let goes = match self.me < device {
            true => self.links.surplus(&peer),
            false => self.links.left_over(&peer),
        };
        if let Some(goes) = goes {
            self.swarm.close_connection(goes);
        }
        self.ensure_session(peer);
    }

    fn on_closed(&mut self, peer: PeerId, connection: ConnectionId) {
        let was_last = self.links.closed(&peer, connection);
        let Some(device) = device_of(&peer).filter(|_| was_last && self.is_member(&peer)) else {
            return;
        };
        self.dialer.lost(&device, Instant::now(), jitter());
        self.tell(MeshEvent::Disconnected { device });
    }

    fn on_incoming_error(&mut self, peer: Option<PeerId>, address: Multiaddr, error: ListenError) {
        match error {
            ListenError::Denied { cause } => self.refuse(peer, Some(address), refusal(&cause)),
            error => tracing::debug!(%address, %error, "no handshake"),
        }
    }

    fn on_dial_error(&mut self, peer: Option<PeerId>, connection: ConnectionId, error: DialError) {
        let device = peer.as_ref().and_then(device_of);
        if let Some(reply) = self.unknown_dials.remove(&connection) {
            drop(reply.send(Err(MeshError::Unreachable(error.into()))));
            return;
        }
        let Some(device) = device else { return };
        if let DialError::WrongPeerId { address, .. } = &error {
            self.dialer
                .forget_address(&device, &without_peer(address.clone()));
        }
        if self.dialer.failed(&device, Instant::now(), jitter()) {
            self.tell(MeshEvent::Unreachable {
                device,
                reason: error.to_string(),
            });
        }
    }
}

/// Through a relay, who called is known by where the relay is.
fn end(endpoint: &ConnectedPoint, is_members: bool) -> End {
    let address = match endpoint {
        ConnectedPoint::Listener { local_addr, .. } if endpoint.is_relayed() => local_addr,
        ConnectedPoint::Listener { .. } | ConnectedPoint::Dialer { .. } => {
            endpoint.get_remote_address()
        }
    };
    End {
        direction: match endpoint {
            ConnectedPoint::Dialer { .. } => Direction::Dialled,
            ConnectedPoint::Listener { .. } => Direction::CameIn,
        },
        path: match (endpoint.is_relayed(), is_members) {
            (true, _) => Path::Relayed,
            (false, true) => Path::Direct,
            (false, false) => Path::AsGuest,
        },
        address: without_peer(address.clone()),
    }
}

fn refusal(cause: &ConnectionDenied) -> Refusal {
    match cause.downcast_ref::<Refusal>() {
        Some(refusal) => refusal.clone(),
        None => Refusal::Limit(
            cause
                .downcast_ref::<Exceeded>()
                .map_or_else(|| cause.to_string(), ToString::to_string),
        ),
    }
}
