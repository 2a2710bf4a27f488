//! Behaviours that only members meet: on a guest's connection they neither speak nor listen.
//!
//! A connection is a member's or a guest's from its beginning to its end: a guest that was paired
//! meets them on its next connection.

use std::{
    collections::{HashMap, HashSet},
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, NotifyHandler, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm, derive_prelude::Either, dummy,
    },
};

/// `B`, for members alone.
pub(super) struct MembersOnly<B> {
    members: HashSet<PeerId>,
    /// The connections that `B` knows of.
    connections: HashMap<ConnectionId, PeerId>,
    pub(super) inner: B,
}

type Handler<B> = Either<THandler<B>, dummy::ConnectionHandler>;

impl<B: NetworkBehaviour> MembersOnly<B> {
    pub(super) fn new(members: HashSet<PeerId>, inner: B) -> Self {
        Self {
            members,
            connections: HashMap::new(),
            inner,
        }
    }

    /// For connections from now on.
    pub(super) fn set_members(&mut self, members: HashSet<PeerId>) {
        self.members = members;
    }

    /// Whether a connection is one of those that `B` knows of.
    pub(super) fn knows(&self, connection: &ConnectionId) -> bool {
        self.connections.contains_key(connection)
    }

    fn handler(
        &mut self,
        peer: &PeerId,
        inner: impl FnOnce(&mut B) -> Result<THandler<B>, ConnectionDenied>,
    ) -> Result<Handler<B>, ConnectionDenied> {
        if self.members.contains(peer) {
            inner(&mut self.inner).map(Either::Left)
        } else {
            Ok(Either::Right(dummy::ConnectionHandler))
        }
    }

    /// "Any connection" must be one of those that `B` knows of.
    fn any(&self, peer: &PeerId) -> Option<ConnectionId> {
        let theirs = self.connections.iter().find(|(_, of)| *of == peer);
        theirs.map(|(connection, _)| *connection)
    }
}

impl<B: NetworkBehaviour> NetworkBehaviour for MembersOnly<B> {
    type ConnectionHandler = Handler<B>;
    type ToSwarm = B::ToSwarm;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        here: &Multiaddr,
        there: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(&peer, |inner| {
            inner.handle_established_inbound_connection(connection, peer, here, there)
        })
    }

    fn handle_pending_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.inner
            .handle_pending_outbound_connection(connection, peer, addresses, role)
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.handler(&peer, |inner| {
            inner.handle_established_outbound_connection(connection, peer, address, role, port)
        })
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        let is_known = match &event {
            FromSwarm::ConnectionEstablished(established) => {
                let is_member = self.members.contains(&established.peer_id);
                if is_member {
                    self.connections
                        .insert(established.connection_id, established.peer_id);
                }
                is_member
            }
            FromSwarm::ConnectionClosed(closed) => {
                self.connections.remove(&closed.connection_id).is_some()
            }
            FromSwarm::AddressChange(change) => self.knows(&change.connection_id),
            _ => true,
        };
        if is_known {
            self.inner.on_swarm_event(event);
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {
            Either::Left(event) => self
                .inner
                .on_connection_handler_event(peer, connection, event),
            Either::Right(never) => match never {},
        }
    }

    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        loop {
            let Poll::Ready(wanted) = self.inner.poll(context) else {
                return Poll::Pending;
            };
            let ToSwarm::NotifyHandler {
                peer_id,
                handler,
                event,
            } = wanted
            else {
                return Poll::Ready(wanted.map_in(Either::Left));
            };
            let known = match handler {
                NotifyHandler::One(connection) => Some(connection).filter(|one| self.knows(one)),
                NotifyHandler::Any => self.any(&peer_id),
            };
            // Where there is none, nobody is left to be told.
            if let Some(connection) = known {
                return Poll::Ready(ToSwarm::NotifyHandler {
                    peer_id,
                    handler: NotifyHandler::One(connection),
                    event: Either::Left(event),
                });
            }
        }
    }
}
