//! What the actor does so that devices meet that cannot call each other: places with relays, and
//! direct ways instead of relayed ones.

use std::{collections::BTreeMap, time::Instant};

use libp2p::{
    Multiaddr, PeerId,
    core::transport::ListenerId,
    dcutr, relay,
    swarm::dial_opts::{DialOpts, PeerCondition},
};
use pimesh_crdt::DeviceId;

use super::{
    actor::{Actor, jitter},
    config::Relaying,
    links::Path,
    peer::{device_of, is_link_local, is_loopback, without_peer},
    relays::{is_relayed, relay_of},
    swarm::ReachEvent,
};

impl Actor {
    /// These devices relay. One that relays itself can be reached, and needs none.
    pub(super) fn set_relays(&mut self, relays: BTreeMap<DeviceId, Multiaddr>) {
        let relays = match self.relaying {
            Relaying::No => relays,
            Relaying::ForMembers => BTreeMap::new(),
        };
        self.relays.set(relays, Instant::now());
    }

    /// Where this device listens.
    pub(super) fn listen_addrs(&self) -> Vec<Multiaddr> {
        let all = self.swarm.listeners().cloned();
        all.filter(|address| !is_relayed(address)).collect()
    }

    /// Where else it is reached: by what a router passes on, and through relays.
    pub(super) fn further_addrs(&self) -> Vec<Multiaddr> {
        let relayed = self
            .swarm
            .listeners()
            .filter(|address| is_relayed(address))
            .map(|address| without_peer(address.clone()));
        self.external.iter().cloned().chain(relayed).collect()
    }

    /// As a relay: says that it is reached here, and on loopback only where there is nothing else.
    pub(super) fn offer(&mut self, address: &Multiaddr) {
        if self.relaying == Relaying::No || is_link_local(address) || is_relayed(address) {
            return;
        }
        let listening = self.listen_addrs().into_iter();
        let (loopback, others): (Vec<_>, Vec<_>) = listening.partition(is_loopback);
        if others.is_empty() || !is_loopback(address) {
            self.swarm.add_external_address(address.clone());
        }
        if !others.is_empty() {
            loopback
                .iter()
                .for_each(|address| self.swarm.remove_external_address(address));
        }
    }

    /// An own address is gone: what went by it is dead, as silence would show after a minute.
    /// Everybody is called anew, since nobody can say what did.
    pub(super) fn leave_network(&mut self, address: &Multiaddr) {
        if is_relayed(address) || is_loopback(address) || is_link_local(address) {
            return;
        }
        let connected: Vec<PeerId> = self.links.connected().map(|(peer, _)| *peer).collect();
        for peer in connected {
            if self.is_member(&peer) {
                self.hang_up(&peer);
            }
        }
    }

    /// The addresses at which to call a device: not through itself, nor through this one.
    pub(super) fn ways_to(&self, device: &DeviceId, addresses: Vec<Multiaddr>) -> Vec<Multiaddr> {
        let ways = addresses.into_iter().map(without_peer);
        ways.filter(|address| {
            let relay = relay_of(address);
            !is_relayed(address) || relay.is_some_and(|it| it != *device && it != self.me)
        })
        .collect()
    }

    /// Tries addresses beside what is going on: direct ones where the device is connected through
    /// a relay only, new ones while others are tried.
    pub(super) fn dial_besides(
        &mut self,
        device: &DeviceId,
        peer: PeerId,
        addresses: &[Multiaddr],
    ) {
        let wanted = |address: &&Multiaddr| match self.links.path(&peer) {
            Some(Path::Relayed) => !is_relayed(address),
            Some(Path::AsGuest | Path::Direct) => false,
            None => self.dialer.is_trying_others(device, address),
        };
        let wanted: Vec<Multiaddr> = addresses.iter().filter(wanted).cloned().collect();
        if !wanted.is_empty() {
            self.dial_once_more(peer, wanted);
        }
    }

    fn dial_once_more(&mut self, peer: PeerId, addresses: Vec<Multiaddr>) {
        let dial = DialOpts::peer_id(peer)
            .condition(PeerCondition::Always)
            .addresses(addresses)
            .build();
        if let Err(error) = self.swarm.dial(dial) {
            tracing::debug!(%peer, %error, "not dialled once more");
        }
    }

    /// Asks the relays that are connected for a place, where none is held.
    pub(super) fn ask_for_places(&mut self, now: Instant) {
        for (peer, through) in self.relays.due(now) {
            match self.links.path(&peer) {
                Some(Path::Direct) => self.ask_for_place(peer, through, now),
                // Paired a moment ago: what comes after it has its time, then a new connection is
                // made.
                Some(Path::AsGuest) => {
                    if !self.relays.put_off(&peer, now, jitter())
                        && let Some(device) = device_of(&peer)
                    {
                        self.dial_once_more(peer, self.dialer.addresses(&device));
                    }
                }
                // Once it is connected.
                Some(Path::Relayed) | None => {}
            }
        }
    }

    fn ask_for_place(&mut self, peer: PeerId, through: Multiaddr, now: Instant) {
        match self.swarm.listen_on(through) {
            Ok(listener) => self.relays.asked(&peer, listener),
            Err(error) => {
                tracing::debug!(%peer, %error, "no place with a relay");
                self.relays.put_off(&peer, now, jitter());
            }
        }
    }

    /// True if what ended was a place with a relay.
    pub(super) fn lost_place(&mut self, listener: ListenerId) -> bool {
        self.relays.lost(listener, Instant::now(), jitter())
    }

    pub(super) fn on_reach(&mut self, event: ReachEvent) {
        match event {
            ReachEvent::Way(relay::client::Event::ReservationReqAccepted {
                relay_peer_id, ..
            }) => {
                tracing::info!(relay = %relay_peer_id, "reached through a relay");
                self.relays.given(&relay_peer_id);
            }
            ReachEvent::Punch(dcutr::Event {
                remote_peer_id,
                result,
            }) => match result {
                Ok(_) => tracing::info!(peer = %remote_peer_id, "connected directly"),
                Err(error) => {
                    tracing::info!(peer = %remote_peer_id, %error, "not connected directly");
                }
            },
            ReachEvent::Relay(event) => tracing::debug!(?event, "relaying"),
            ReachEvent::Way(_) | ReachEvent::Identify(_) => {}
        }
    }
}
