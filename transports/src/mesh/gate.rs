//! Who may connect: the first behaviour of the swarm, asked before any other.
//!
//! ```text
//!  handshake ──peer──► [gate] ── member ──────────────► in
//!                         ├───── stranger, code shown ─► in as a guest: pairing only
//!                         ├───── stranger we dialled ──► out as a guest: pairing only
//!                         └───── anybody else ─────────► closed, with the reason
//! ```

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    net::IpAddr,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{ConnectedPoint, Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, DialFailure, FromSwarm, NetworkBehaviour, THandler,
        THandlerInEvent, THandlerOutEvent, ToSwarm,
        behaviour::{ConnectionClosed, ConnectionEstablished, ListenFailure},
        dummy,
    },
};

use super::{
    config::{MAX_GUESTS, MAX_PENDING_PER_ADDRESS},
    event::Refusal,
    peer::{device_of, host_of},
};

/// Whether strangers may come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// A code is shown: a stranger may come in, to pair.
    OpenForPairing,
    /// Members only.
    Closed,
}

/// Who may connect.
pub(super) struct Gate {
    members: HashSet<PeerId>,
    door: Door,
    /// Dials to strangers that a person asked for.
    invited: HashSet<ConnectionId>,
    guests: HashMap<ConnectionId, Guest>,
    /// Handshakes from outside that have not come to an end.
    pending: HashMap<ConnectionId, IpAddr>,
}

struct Guest {
    peer: PeerId,
    came_in: bool,
}

impl Gate {
    pub(super) fn new(members: HashSet<PeerId>) -> Self {
        Self {
            members,
            door: Door::Closed,
            invited: HashSet::new(),
            guests: HashMap::new(),
            pending: HashMap::new(),
        }
    }

    pub(super) fn is_member(&self, peer: &PeerId) -> bool {
        self.members.contains(peer)
    }

    pub(super) fn door(&self) -> Door {
        self.door
    }

    /// Returns those who were members and are no longer: their connections must go.
    pub(super) fn set_members(&mut self, members: HashSet<PeerId>) -> Vec<PeerId> {
        self.guests
            .retain(|_, guest| !members.contains(&guest.peer));
        let before = std::mem::replace(&mut self.members, members);
        before.difference(&self.members).copied().collect()
    }

    /// Returns the guests who must go: those who came in by a door that is now closed.
    pub(super) fn set_door(&mut self, door: Door) -> Vec<ConnectionId> {
        self.door = door;
        match door {
            Door::OpenForPairing => Vec::new(),
            Door::Closed => {
                let came_in = self.guests.iter().filter(|(_, guest)| guest.came_in);
                came_in.map(|(connection, _)| *connection).collect()
            }
        }
    }

    /// Lets one dial to a stranger through.
    pub(super) fn invite(&mut self, connection: ConnectionId) {
        self.invited.insert(connection);
    }

    pub(super) fn invited(&self) -> usize {
        self.invited.len()
    }

    /// Asked before anybody has proved who they are.
    fn admit_handshake(
        &mut self,
        connection: ConnectionId,
        host: Option<IpAddr>,
    ) -> Result<(), Refusal> {
        let Some(host) = host else { return Ok(()) };
        let limit = MAX_PENDING_PER_ADDRESS;
        if self
            .pending
            .values()
            .filter(|other| **other == host)
            .count()
            >= limit
        {
            return Err(Refusal::TooManyHandshakes { limit });
        }
        self.pending.insert(connection, host);
        Ok(())
    }

    fn admit_inbound(&self, peer: &PeerId) -> Result<(), Refusal> {
        if self.is_member(peer) {
            return Ok(());
        }
        if device_of(peer).is_none() {
            return Err(Refusal::NotADeviceKey);
        }
        match self.door {
            Door::Closed => Err(Refusal::NotPaired),
            Door::OpenForPairing if self.guests.len() >= MAX_GUESTS => {
                Err(Refusal::TooManyGuests { limit: MAX_GUESTS })
            }
            Door::OpenForPairing => Ok(()),
        }
    }

    fn admit_outbound(&self, connection: ConnectionId, peer: &PeerId) -> Result<(), Refusal> {
        if self.is_member(peer) {
            return Ok(());
        }
        if device_of(peer).is_none() {
            return Err(Refusal::NotADeviceKey);
        }
        if self.invited.contains(&connection) {
            Ok(())
        } else {
            Err(Refusal::NotPaired)
        }
    }
}

impl NetworkBehaviour for Gate {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        from: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.admit_handshake(connection, host_of(from))
            .map_err(ConnectionDenied::new)
    }

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.pending.remove(&connection);
        self.admit_inbound(&peer).map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let known = peer.is_some_and(|peer| self.is_member(&peer));
        if known || self.invited.contains(&connection) {
            return Ok(Vec::new());
        }
        Err(ConnectionDenied::new(Refusal::NotPaired))
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.admit_outbound(connection, &peer)
            .map_err(ConnectionDenied::new)?;
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(ConnectionEstablished {
                peer_id: peer,
                connection_id,
                endpoint,
                ..
            }) => {
                self.invited.remove(&connection_id);
                if !self.is_member(&peer) {
                    let came_in = matches!(endpoint, ConnectedPoint::Listener { .. });
                    self.guests.insert(connection_id, Guest { peer, came_in });
                }
            }
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. }) => {
                self.guests.remove(&connection_id);
            }
            FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => {
                self.pending.remove(&connection_id);
            }
            FromSwarm::DialFailure(DialFailure { connection_id, .. }) => {
                self.invited.remove(&connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Infallible, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use libp2p::identity::Keypair;

    use super::*;

    fn peer(seed: u8) -> PeerId {
        Keypair::ed25519_from_bytes([seed; 32])
            .unwrap()
            .public()
            .to_peer_id()
    }

    #[test]
    fn a_stranger_comes_in_only_while_a_code_is_shown() {
        let mut gate = Gate::new(HashSet::from([peer(1)]));
        assert_eq!(gate.admit_inbound(&peer(1)), Ok(()));
        assert_eq!(gate.admit_inbound(&peer(2)), Err(Refusal::NotPaired));
        gate.set_door(Door::OpenForPairing);
        assert_eq!(gate.admit_inbound(&peer(2)), Ok(()));
        gate.set_door(Door::Closed);
        assert_eq!(gate.admit_inbound(&peer(2)), Err(Refusal::NotPaired));
    }

    #[test]
    fn a_crowd_of_strangers_is_bounded_and_does_not_keep_members_out() {
        let mut gate = Gate::new(HashSet::from([peer(1)]));
        gate.set_door(Door::OpenForPairing);
        for number in 0..MAX_GUESTS {
            let guest = Guest {
                peer: peer(9),
                came_in: true,
            };
            gate.guests
                .insert(ConnectionId::new_unchecked(number), guest);
        }
        let full = Err(Refusal::TooManyGuests { limit: MAX_GUESTS });
        assert_eq!(gate.admit_inbound(&peer(2)), full);
        assert_eq!(gate.admit_inbound(&peer(1)), Ok(()));
        assert_eq!(gate.set_door(Door::Closed).len(), MAX_GUESTS);
    }

    #[test]
    fn a_removed_member_is_named_so_that_it_can_be_cut_off() {
        let mut gate = Gate::new(HashSet::from([peer(1), peer(2)]));
        assert_eq!(gate.set_members(HashSet::from([peer(2)])), [peer(1)]);
        assert_eq!(gate.admit_inbound(&peer(1)), Err(Refusal::NotPaired));
    }

    #[test]
    fn a_stranger_is_dialled_only_when_a_person_asked() {
        let mut gate = Gate::new(HashSet::new());
        let dial = ConnectionId::new_unchecked(1);
        assert_eq!(gate.admit_outbound(dial, &peer(2)), Err(Refusal::NotPaired));
        gate.invite(dial);
        assert_eq!(gate.admit_outbound(dial, &peer(2)), Ok(()));
    }
}
