//! What stands between this device and each connected one: connections and the session.
//!
//! Pure book-keeping; the actor does what it says.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use libp2p::{Multiaddr, PeerId, swarm::ConnectionId};
use tokio_util::sync::CancellationToken;

use super::{
    config::{FIRST_REOPEN, LAST_REOPEN, SIMULTANEOUS, STABLE},
    dialer::backoff,
};

/// Everybody connected, guests included; bounded by the swarm's limits on connections.
#[derive(Default)]
pub(super) struct Links {
    peers: HashMap<PeerId, Link>,
    sessions: u64,
}

/// What stands between this device and one other.
#[derive(Default)]
pub(super) struct Link {
    /// The newest last.
    connections: Vec<Connection>,
    session: Session,
    attempt: u32,
}

struct Connection {
    id: ConnectionId,
    address: Multiaddr,
    direction: Direction,
    path: Path,
    since: Instant,
}

/// How a connection goes; of two the greater is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Path {
    /// Through a relay.
    Relayed,
    /// From device to device, begun when one of them was a guest: what is for members only does
    /// not run on it.
    AsGuest,
    /// From device to device.
    Direct,
}

/// One end of a connection, as seen from here.
pub(super) struct End {
    pub(super) direction: Direction,
    pub(super) path: Path,
    pub(super) address: Multiaddr,
}

/// Who began a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// This device, so the address can be dialled again.
    Dialled,
    /// The other device, maybe from a port of the moment.
    CameIn,
}

#[derive(Default)]
enum Session {
    #[default]
    None,
    Waiting {
        due: Instant,
    },
    Opening,
    Open {
        number: u64,
        since: Instant,
        ended: CancellationToken,
    },
}

impl Links {
    pub(super) fn established(&mut self, peer: PeerId, id: ConnectionId, end: End, now: Instant) {
        let link = self.peers.entry(peer).or_default();
        link.connections.push(Connection {
            id,
            address: end.address,
            direction: end.direction,
            path: end.path,
            since: now,
        });
    }

    /// The connection of a pair that should go, if there is one.
    ///
    /// Only the device with the smaller id asks, so two devices never close one each. The
    /// newer connection stays, since a device dials again when it lost the older one before
    /// we noticed; unless each began one at the same moment, when the older carries the session.
    /// One by a better [`Path`] stays in any case.
    pub(super) fn surplus(&self, peer: &PeerId) -> Option<ConnectionId> {
        let [.., older, newer] = self.peers.get(peer)?.connections.as_slice() else {
            return None;
        };
        if older.path < newer.path {
            return Some(older.id);
        }
        let together = newer.since - older.since < SIMULTANEOUS;
        let crossed = together && newer.direction != older.direction;
        Some(if crossed { newer.id } else { older.id })
    }

    /// The oldest connection, where there are more than the two of a meeting: a device that died
    /// and came back leaves one each time, and has no use for them.
    pub(super) fn left_over(&self, peer: &PeerId) -> Option<ConnectionId> {
        match self.peers.get(peer)?.connections.as_slice() {
            [oldest, _, _, ..] => Some(oldest.id),
            _ => None,
        }
    }

    /// True when it was the last one: the session is over, and the peer forgotten.
    pub(super) fn closed(&mut self, peer: &PeerId, id: ConnectionId) -> bool {
        let Some(link) = self.peers.get_mut(peer) else {
            return false;
        };
        link.connections.retain(|connection| connection.id != id);
        if !link.connections.is_empty() {
            return false;
        }
        link.end();
        self.peers.remove(peer);
        true
    }

    /// Ends the session; the connections are the swarm's to close.
    pub(super) fn end_session(&mut self, peer: &PeerId) {
        if let Some(link) = self.peers.get_mut(peer) {
            link.end();
        }
    }

    pub(super) fn is_connected(&self, peer: &PeerId) -> bool {
        self.peers.contains_key(peer)
    }

    pub(super) fn connected(&self) -> impl Iterator<Item = (&PeerId, &Multiaddr)> {
        self.peers
            .iter()
            .filter_map(|(peer, link)| Some((peer, &link.best()?.address)))
    }

    pub(super) fn address(&self, peer: &PeerId) -> Option<&Multiaddr> {
        let best = self.peers.get(peer)?.best()?;
        Some(&best.address)
    }

    /// The best path to a peer.
    pub(super) fn path(&self, peer: &PeerId) -> Option<Path> {
        Some(self.peers.get(peer)?.best()?.path)
    }

    /// Where a connected peer was dialled with success.
    pub(super) fn dialled(&self, peer: &PeerId) -> Option<&Multiaddr> {
        let connections = &self.peers.get(peer)?.connections;
        let dialled = connections
            .iter()
            .rfind(|one| one.direction == Direction::Dialled);
        dialled.map(|connection| &connection.address)
    }

    /// True when a session should be opened now; it then counts as being opened.
    pub(super) fn wants_session(&mut self, peer: &PeerId, now: Instant) -> bool {
        let Some(link) = self.peers.get_mut(peer) else {
            return false;
        };
        let wants = match link.session {
            Session::None => true,
            Session::Waiting { due } => due <= now,
            Session::Opening | Session::Open { .. } => false,
        };
        if wants {
            link.session = Session::Opening;
        }
        wants
    }

    /// A stream was opened; the one before it ends. Gives the number of the new one.
    pub(super) fn opened(
        &mut self,
        peer: &PeerId,
        ended: CancellationToken,
        now: Instant,
    ) -> Option<u64> {
        let link = self.peers.get_mut(peer)?;
        link.end();
        self.sessions += 1;
        link.session = Session::Open {
            number: self.sessions,
            since: now,
            ended,
        };
        Some(self.sessions)
    }

    /// No stream could be opened.
    pub(super) fn not_opened(&mut self, peer: &PeerId, now: Instant, jitter: f64) {
        if let Some(link) = self.peers.get_mut(peer)
            && matches!(link.session, Session::Opening)
        {
            link.wait(now, jitter);
        }
    }

    /// A session's stream was dropped or ended; an older one's end changes nothing.
    pub(super) fn session_ended(&mut self, peer: &PeerId, which: u64, now: Instant, jitter: f64) {
        let Some(link) = self.peers.get_mut(peer) else {
            return;
        };
        let Session::Open { number, since, .. } = link.session else {
            return;
        };
        if number != which {
            return;
        }
        if now - since >= STABLE {
            link.attempt = 0;
        }
        link.wait(now, jitter);
    }

    /// Waits for the other side to open the session, which is theirs to open.
    pub(super) fn leave_to_them(&mut self, peer: &PeerId) {
        if let Some(link) = self.peers.get_mut(peer)
            && matches!(link.session, Session::Waiting { .. })
        {
            link.session = Session::None;
        }
    }

    /// Those whose session should be opened again now.
    pub(super) fn due(&self, now: Instant) -> Vec<PeerId> {
        let waiting = self
            .peers
            .iter()
            .filter(|(_, link)| link.due().is_some_and(|due| due <= now));
        waiting.map(|(peer, _)| *peer).collect()
    }

    /// When [`Links::due`] should be asked next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.peers.values().filter_map(Link::due).min()
    }
}

impl Link {
    /// The newest with the best path.
    fn best(&self) -> Option<&Connection> {
        self.connections.iter().max_by_key(|one| one.path)
    }

    fn due(&self) -> Option<Instant> {
        match self.session {
            Session::Waiting { due } => Some(due),
            Session::None | Session::Opening | Session::Open { .. } => None,
        }
    }

    fn wait(&mut self, now: Instant, jitter: f64) {
        let wait: Duration = backoff(FIRST_REOPEN, LAST_REOPEN, self.attempt, jitter);
        self.attempt = self.attempt.saturating_add(1);
        self.session = Session::Waiting { due: now + wait };
    }

    fn end(&mut self) {
        if let Session::Open { ended, .. } = std::mem::take(&mut self.session) {
            ended.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(starts: &[u64]) -> (Links, PeerId, Instant) {
        let (mut links, peer, now) = (Links::default(), PeerId::random(), Instant::now());
        for (number, start) in starts.iter().enumerate() {
            let address = format!("/ip4/127.0.0.1/tcp/{number}").parse().unwrap();
            let since = now + Duration::from_secs(*start);
            let directions = [Direction::CameIn, Direction::Dialled];
            let end = End {
                direction: directions[number % 2],
                path: Path::Direct,
                address,
            };
            links.established(peer, ConnectionId::new_unchecked(number), end, since);
        }
        (links, peer, now)
    }

    #[test]
    fn of_two_connections_that_crossed_the_older_stays() {
        let (links, peer, _) = link(&[0, 1]);
        assert_eq!(links.surplus(&peer), Some(ConnectionId::new_unchecked(1)));
        let (links, peer, _) = link(&[0]);
        assert_eq!(links.surplus(&peer), None);
    }

    #[test]
    fn a_device_that_dials_twice_in_a_moment_was_started_anew() {
        let (mut links, peer, _) = link(&[0, 1]);
        links.peers.get_mut(&peer).unwrap().connections[1].direction = Direction::CameIn;
        assert_eq!(links.surplus(&peer), Some(ConnectionId::new_unchecked(0)));
    }

    #[test]
    fn what_a_device_that_died_left_makes_room_for_its_next_connection() {
        let (links, peer, _) = link(&[0, 20]);
        assert_eq!(links.left_over(&peer), None);
        let (links, peer, _) = link(&[0, 20, 40]);
        assert_eq!(links.left_over(&peer), Some(ConnectionId::new_unchecked(0)));
    }

    #[test]
    fn a_device_that_dials_again_much_later_has_lost_the_older_connection() {
        let (links, peer, _) = link(&[0, 60]);
        assert_eq!(links.surplus(&peer), Some(ConnectionId::new_unchecked(0)));
    }

    #[test]
    fn a_direct_connection_stays_rather_than_one_through_a_relay() {
        for relayed in [0, 1] {
            let (mut links, peer, _) = link(&[0, 1]);
            links.peers.get_mut(&peer).unwrap().connections[relayed].path = Path::Relayed;
            let surplus = ConnectionId::new_unchecked(relayed);
            assert_eq!(links.surplus(&peer), Some(surplus));
            let direct = format!("/ip4/127.0.0.1/tcp/{}", 1 - relayed);
            assert_eq!(links.address(&peer).unwrap().to_string(), direct);
            assert_eq!(links.path(&peer), Some(Path::Direct));
        }
    }

    #[test]
    fn a_device_that_calls_through_a_relay_much_later_has_lost_the_direct_connection() {
        let (mut links, peer, _) = link(&[0, 60]);
        links.peers.get_mut(&peer).unwrap().connections[1].path = Path::Relayed;
        assert_eq!(links.surplus(&peer), Some(ConnectionId::new_unchecked(0)));
    }

    #[test]
    fn a_new_session_ends_the_older_one_and_only_the_newest_is_reopened() {
        let (mut links, peer, now) = link(&[0]);
        let (first, second) = (CancellationToken::new(), CancellationToken::new());
        assert!(links.wants_session(&peer, now));
        assert!(!links.wants_session(&peer, now));
        let number = links.opened(&peer, first.clone(), now).unwrap();
        links.opened(&peer, second.clone(), now);
        assert!(first.is_cancelled() && !second.is_cancelled());
        links.session_ended(&peer, number, now, 1.0);
        assert_eq!(links.next_due(), None);
        links.session_ended(&peer, number + 1, now, 1.0);
        assert_eq!(links.next_due(), Some(now + FIRST_REOPEN));
        assert_eq!(links.due(now + FIRST_REOPEN), [peer]);
    }

    #[test]
    fn a_session_that_is_theirs_to_open_wakes_nobody_here() {
        let (mut links, peer, now) = link(&[0]);
        let number = links.opened(&peer, CancellationToken::new(), now).unwrap();
        links.session_ended(&peer, number, now, 1.0);
        links.leave_to_them(&peer);
        assert_eq!(links.next_due(), None);
    }

    #[test]
    fn the_last_connection_takes_the_session_with_it() {
        let (mut links, peer, now) = link(&[0, 1]);
        let ended = CancellationToken::new();
        links.opened(&peer, ended.clone(), now);
        assert!(!links.closed(&peer, ConnectionId::new_unchecked(0)));
        assert!(!ended.is_cancelled());
        assert!(links.closed(&peer, ConnectionId::new_unchecked(1)));
        assert!(ended.is_cancelled() && !links.is_connected(&peer));
    }
}
