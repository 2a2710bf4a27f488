//! Which members relay for the others, and where this device has a place: pure.
//!
//! A relay is a device of the mesh that all can reach. Behind a router that lets nobody in, a
//! device keeps a place with each relay that it is connected to, and says so in its record of
//! addresses; others then call it through there.

use std::{
    collections::{BTreeMap, HashMap},
    time::Instant,
};

use libp2p::{Multiaddr, PeerId, core::transport::ListenerId, multiaddr::Protocol};
use pimesh_crdt::DeviceId;

use super::{
    config::{FIRST_RESERVE, LAST_RESERVE, MAX_RELAYS},
    dialer::backoff,
    peer::{device_of, peer_of},
};

/// Whether an address leads through a relay.
pub fn is_relayed(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::P2pCircuit)
}

/// The device that relays, in an address that leads through one.
pub(super) fn relay_of(address: &Multiaddr) -> Option<DeviceId> {
    let parts: Vec<Protocol<'_>> = address.iter().collect();
    let circuit = parts
        .iter()
        .position(|part| *part == Protocol::P2pCircuit)?;
    match parts.get(circuit.checked_sub(1)?)? {
        Protocol::P2p(relay) => device_of(relay),
        _ => None,
    }
}

/// The way through a device that can be reached at `address`.
pub fn through(address: &Multiaddr, relay: &DeviceId) -> Option<Multiaddr> {
    let reached = address.clone().with_p2p(peer_of(relay)?).ok()?;
    Some(reached.with(Protocol::P2pCircuit))
}

/// The relays of the mesh.
#[derive(Default)]
pub(super) struct Relays {
    known: HashMap<PeerId, Relay>,
}

struct Relay {
    /// `…/p2p/RELAY/p2p-circuit`
    through: Multiaddr,
    attempt: u32,
    place: Place,
}

enum Place {
    None { due: Instant },
    Asked(ListenerId),
}

impl Relays {
    /// These relay, at most [`MAX_RELAYS`] of them, and no others. A place with one that does not
    /// any more is not given up: that device has been started anew, and the place is gone with it.
    pub(super) fn set(&mut self, relays: BTreeMap<DeviceId, Multiaddr>, now: Instant) {
        let named = relays
            .into_iter()
            .filter_map(|(device, through)| Some((peer_of(&device)?, through)));
        let named: HashMap<PeerId, Multiaddr> = named.take(MAX_RELAYS).collect();
        self.known.retain(|peer, _| named.contains_key(peer));
        for (peer, through) in named {
            let place = Place::None { due: now };
            let relay = self.known.entry(peer).or_insert(Relay {
                through: through.clone(),
                attempt: 0,
                place,
            });
            relay.through = through;
        }
    }

    /// Whether a peer relays for others.
    pub(super) fn is_relay(&self, peer: &PeerId) -> bool {
        self.known.contains_key(peer)
    }

    /// The relays at which a place is to be asked for now, with the way through each.
    pub(super) fn due(&self, now: Instant) -> Vec<(PeerId, Multiaddr)> {
        let due = self
            .known
            .iter()
            .filter(|(_, relay)| matches!(relay.place, Place::None { due } if due <= now));
        due.map(|(peer, relay)| (*peer, relay.through.clone()))
            .collect()
    }

    /// When [`Relays::due`] will say more than now.
    pub(super) fn next_due(&self, now: Instant) -> Option<Instant> {
        let waiting = self.known.values().filter_map(|relay| match relay.place {
            Place::None { due } if due > now => Some(due),
            Place::None { .. } | Place::Asked(_) => None,
        });
        waiting.min()
    }

    /// A new connection with a relay: whatever was in the way before may not be any more.
    pub(super) fn connected(&mut self, peer: &PeerId, now: Instant) {
        if let Some(relay) = self.known.get_mut(peer)
            && let Place::None { due } = &mut relay.place
        {
            *due = now;
        }
    }

    /// A place was asked for.
    pub(super) fn asked(&mut self, peer: &PeerId, listener: ListenerId) {
        if let Some(relay) = self.known.get_mut(peer) {
            relay.place = Place::Asked(listener);
        }
    }

    /// It was given.
    pub(super) fn given(&mut self, peer: &PeerId) {
        if let Some(relay) = self.known.get_mut(peer) {
            relay.attempt = 0;
        }
    }

    /// It was not given, or is gone. False if it is none.
    pub(super) fn lost(&mut self, listener: ListenerId, now: Instant, jitter: f64) -> bool {
        let theirs = |relay: &&mut Relay| matches!(relay.place, Place::Asked(id) if id == listener);
        let relay = self.known.values_mut().find(theirs);
        relay.map(|relay| relay.wait(now, jitter)).is_some()
    }

    /// Not now. True for the first time.
    pub(super) fn put_off(&mut self, peer: &PeerId, now: Instant, jitter: f64) -> bool {
        let Some(relay) = self.known.get_mut(peer) else {
            return false;
        };
        relay.wait(now, jitter);
        relay.attempt == 1
    }
}

impl Relay {
    fn wait(&mut self, now: Instant, jitter: f64) {
        let wait = backoff(FIRST_RESERVE, LAST_RESERVE, self.attempt, jitter);
        self.attempt = self.attempt.saturating_add(1);
        self.place = Place::None { due: now + wait };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(seed: u8) -> DeviceId {
        let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
        DeviceId(key.verifying_key().to_bytes())
    }

    fn way(seed: u8) -> Multiaddr {
        let at = "/ip4/192.0.2.1/udp/4001/quic-v1".parse().unwrap();
        through(&at, &device(seed)).unwrap()
    }

    #[test]
    fn an_address_through_a_relay_names_it() {
        assert!(is_relayed(&way(7)));
        assert_eq!(relay_of(&way(7)), Some(device(7)));
        let direct: Multiaddr = "/ip4/192.0.2.1/tcp/1".parse().unwrap();
        assert!(!is_relayed(&direct) && relay_of(&direct).is_none());
        let nobody: Multiaddr = "/ip4/192.0.2.1/tcp/1/p2p-circuit".parse().unwrap();
        assert!(is_relayed(&nobody) && relay_of(&nobody).is_none());
    }

    #[test]
    fn a_place_is_asked_for_once_and_again_at_growing_distances_when_it_is_gone() {
        let (mut relays, now) = (Relays::default(), Instant::now());
        relays.set(BTreeMap::from([(device(7), way(7))]), now);
        let [(peer, at)] = &relays.due(now)[..] else {
            panic!("one relay")
        };
        assert_eq!(*at, way(7));
        let listener = ListenerId::next();
        relays.asked(peer, listener);
        assert!(relays.due(now).is_empty() && relays.next_due(now).is_none());
        relays.lost(listener, now, 1.0);
        assert_eq!(relays.next_due(now), Some(now + FIRST_RESERVE));
        relays.asked(peer, listener);
        relays.lost(listener, now, 1.0);
        assert_eq!(relays.next_due(now), Some(now + 2 * FIRST_RESERVE));
        assert!(relays.is_relay(peer));
    }

    #[test]
    fn a_device_that_relays_no_more_is_asked_no_more_and_few_are_asked_at_once() {
        let (mut relays, now) = (Relays::default(), Instant::now());
        relays.set(BTreeMap::from([(device(7), way(7))]), now);
        let peer = peer_of(&device(7)).unwrap();
        relays.set(BTreeMap::new(), now);
        assert!(!relays.is_relay(&peer) && relays.due(now).is_empty());
        let many = (1..=20).map(|seed| (device(seed), way(seed)));
        relays.set(many.collect(), now);
        assert_eq!(relays.due(now).len(), MAX_RELAYS);
    }
}
