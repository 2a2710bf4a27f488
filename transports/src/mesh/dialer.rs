//! Whom to dial, where, and when: pure, so that waiting can be tested without waiting.
//!
//! A member is dialled at once when an address is learnt or it is heard of, then after growing
//! waits with jitter, for ever: how long it may stay unmet grows with how long it was away.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use libp2p::Multiaddr;
use pimesh_crdt::DeviceId;

use super::config::{FIRST_REDIAL, LAST_REDIAL, LAST_REDIAL_WHEN_HEARD, MAX_ADDRESSES, STABLE};

/// `first · 2^attempt`, at most `last`, of which `jitter` (0 to 1) picks the upper half.
pub(super) fn backoff(first: Duration, last: Duration, attempt: u32, jitter: f64) -> Duration {
    let whole = first.saturating_mul(1 << attempt.min(16)).min(last);
    whole.mul_f64(0.5 + jitter.clamp(0.0, 1.0) / 2.0)
}

/// Whom to dial, where, and when.
#[derive(Default)]
pub(super) struct Dialer {
    known: HashMap<DeviceId, Known>,
}

struct Known {
    /// The newest first.
    addresses: VecDeque<Multiaddr>,
    attempt: u32,
    /// How often it was dialled since it last stayed because it was heard of.
    heard: u32,
    is_heard_of: bool,
    /// When a dial last came to nothing, or a connection went.
    ended: Option<Instant>,
    state: State,
}

enum State {
    Waiting { due: Instant },
    Dialling,
    Connected { since: Instant },
}

impl Dialer {
    /// Adds addresses of a member and makes it due at once, unless it is connected or
    /// being dialled; after growing waits where that leads to nothing again and again: one that
    /// turns us away is heard of whenever it is missed.
    pub(super) fn learn(&mut self, device: DeviceId, addresses: Vec<Multiaddr>, now: Instant) {
        let known = self.known.entry(device).or_insert_with(|| Known {
            addresses: VecDeque::new(),
            attempt: 0,
            heard: 0,
            is_heard_of: false,
            ended: None,
            state: State::Waiting { due: now },
        });
        for address in addresses.into_iter().rev() {
            known.addresses.retain(|old| *old != address);
            known.addresses.push_front(address);
        }
        known.addresses.truncate(MAX_ADDRESSES);
        let since = known.ended.map(|ended| now - ended);
        if since.is_some_and(|since| since >= LAST_REDIAL_WHEN_HEARD) {
            known.heard = 0;
        }
        let pause = match known.heard {
            0 => Duration::ZERO,
            heard => backoff(FIRST_REDIAL, LAST_REDIAL_WHEN_HEARD, heard - 1, 1.0),
        };
        if let State::Waiting { due } = &mut known.state {
            let soon = known.ended.map_or(now, |ended| now.max(ended + pause));
            *due = soon.min(*due);
            known.attempt = known.attempt.min(known.heard);
            known.is_heard_of = true;
        }
    }

    /// Where a device is looked for.
    pub(super) fn addresses(&self, device: &DeviceId) -> Vec<Multiaddr> {
        let known = self.known.get(device);
        known.map_or_else(Vec::new, |known| known.addresses.iter().cloned().collect())
    }

    /// Whether a dial is under way to other addresses than this one.
    pub(super) fn is_trying_others(&self, device: &DeviceId, address: &Multiaddr) -> bool {
        self.known.get(device).is_some_and(|known| {
            matches!(known.state, State::Dialling) && !known.addresses.contains(address)
        })
    }

    /// Forgets a device, so that it is not dialled again.
    pub(super) fn forget(&mut self, device: &DeviceId) {
        self.known.remove(device);
    }

    /// Forgets an address at which somebody else answered.
    pub(super) fn forget_address(&mut self, device: &DeviceId, address: &Multiaddr) {
        if let Some(known) = self.known.get_mut(device) {
            known.addresses.retain(|old| old != address);
        }
    }

    /// A connection stands.
    pub(super) fn connected(&mut self, device: &DeviceId, now: Instant) {
        if let Some(known) = self.known.get_mut(device)
            && !matches!(known.state, State::Connected { .. })
        {
            known.state = State::Connected { since: now };
        }
    }

    /// The last connection is gone.
    pub(super) fn lost(&mut self, device: &DeviceId, now: Instant, jitter: f64) {
        let Some(known) = self.known.get_mut(device) else {
            return;
        };
        if matches!(known.state, State::Connected { since } if now - since >= STABLE) {
            (known.attempt, known.heard) = (0, 0);
        }
        known.wait(now, jitter);
    }

    /// A dial came to nothing. True for the first one since the device was connected.
    pub(super) fn failed(&mut self, device: &DeviceId, now: Instant, jitter: f64) -> bool {
        match self.known.get_mut(device) {
            Some(known) if matches!(known.state, State::Dialling) => {
                known.wait(now, jitter);
                known.attempt == 1
            }
            Some(_) | None => false,
        }
    }

    /// Those to dial now; they count as being dialled from here on.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(DeviceId, Vec<Multiaddr>)> {
        let mut due = Vec::new();
        for (device, known) in &mut self.known {
            let is_due = matches!(known.state, State::Waiting { due } if due <= now);
            if is_due && !known.addresses.is_empty() {
                known.state = State::Dialling;
                known.heard += u32::from(std::mem::take(&mut known.is_heard_of));
                due.push((*device, known.addresses.iter().cloned().collect()));
            }
        }
        due
    }

    /// When [`Dialer::due`] should be asked next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let reachable = self
            .known
            .values()
            .filter(|known| !known.addresses.is_empty());
        reachable
            .filter_map(|known| match known.state {
                State::Waiting { due } => Some(due),
                State::Dialling | State::Connected { .. } => None,
            })
            .min()
    }
}

impl Known {
    fn wait(&mut self, now: Instant, jitter: f64) {
        let wait = backoff(FIRST_REDIAL, LAST_REDIAL, self.attempt, jitter);
        self.attempt = self.attempt.saturating_add(1);
        self.ended = Some(now);
        self.state = State::Waiting { due: now + wait };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAPTOP: DeviceId = DeviceId([1; 32]);

    fn address(port: u16) -> Multiaddr {
        format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap()
    }

    #[test]
    fn waits_grow_to_a_quarter_of_an_hour_and_a_new_address_is_dialled_at_once() {
        let mut now = Instant::now();
        let mut dialer = Dialer::default();
        dialer.learn(LAPTOP, vec![address(1)], now);
        let (first, mut waits) = (now, Vec::new());
        for _ in 0..13 {
            assert_eq!(dialer.due(now).len(), 1);
            dialer.failed(&LAPTOP, now, 1.0);
            let due = dialer.next_due().unwrap();
            // who comes back unheard is met before it was away twice as long
            assert!(due - now <= now - first + FIRST_REDIAL);
            waits.push(due - now);
            now = due;
        }
        assert_eq!(waits[0], FIRST_REDIAL);
        assert_eq!(waits[12], LAST_REDIAL);
        assert!(waits.is_sorted());

        dialer.failed(&LAPTOP, now, 1.0);
        dialer.learn(LAPTOP, vec![address(2)], now);
        assert_eq!(dialer.due(now), [(LAPTOP, vec![address(2), address(1)])]);
        assert!(dialer.due(now).is_empty(), "one dial at a time");
    }

    #[test]
    fn being_turned_away_after_each_handshake_is_not_taken_for_success() {
        let mut now = Instant::now();
        let mut dialer = Dialer::default();
        dialer.learn(LAPTOP, vec![address(1)], now);
        for _ in 0..13 {
            assert_eq!(dialer.due(now).len(), 1);
            dialer.connected(&LAPTOP, now);
            dialer.lost(&LAPTOP, now, 1.0);
            now = dialer.next_due().unwrap();
        }
        dialer.due(now);
        dialer.connected(&LAPTOP, now);
        dialer.lost(&LAPTOP, now, 1.0);
        assert_eq!(dialer.next_due(), Some(now + LAST_REDIAL));
        dialer.due(now + LAST_REDIAL);
        dialer.connected(&LAPTOP, now);
        dialer.lost(&LAPTOP, now + STABLE, 1.0);
        assert_eq!(dialer.next_due(), Some(now + STABLE + FIRST_REDIAL));
    }

    #[test]
    fn who_turns_us_away_and_is_heard_of_each_time_is_dialled_ever_more_rarely() {
        let mut now = Instant::now();
        let mut dialer = Dialer::default();
        dialer.learn(LAPTOP, vec![address(1)], now);
        let mut waits = Vec::new();
        for _ in 0..10 {
            assert_eq!(dialer.due(now).len(), 1);
            dialer.connected(&LAPTOP, now);
            dialer.lost(&LAPTOP, now, 1.0);
            for _ in 0..3 {
                dialer.learn(LAPTOP, vec![address(1)], now + Duration::from_millis(30));
            }
            let due = dialer.next_due().unwrap();
            waits.push(due - now);
            now = due;
        }
        assert!(
            waits.is_sorted() && waits[9] >= LAST_REDIAL_WHEN_HEARD,
            "{waits:?}"
        );
        // after a minute of silence it is news again
        dialer.due(now);
        dialer.failed(&LAPTOP, now, 1.0);
        let later = now + LAST_REDIAL_WHEN_HEARD - Duration::from_millis(1);
        dialer.learn(LAPTOP, vec![address(1)], later);
        assert!(dialer.due(later).is_empty());
        let later = now + LAST_REDIAL_WHEN_HEARD;
        dialer.learn(LAPTOP, vec![address(1)], later);
        assert_eq!(dialer.due(later).len(), 1);
    }

    #[test]
    fn addresses_are_bounded_and_the_newest_stay() {
        let now = Instant::now();
        let mut dialer = Dialer::default();
        for port in 0..100 {
            dialer.learn(LAPTOP, vec![address(port)], now);
        }
        let due = dialer.due(now);
        assert_eq!(due[0].1.len(), MAX_ADDRESSES);
        assert_eq!(due[0].1[0], address(99));
    }

    #[test]
    fn only_the_first_failure_is_news() {
        let now = Instant::now();
        let mut dialer = Dialer::default();
        dialer.learn(LAPTOP, vec![address(1)], now);
        dialer.due(now);
        assert!(dialer.failed(&LAPTOP, now, 0.0));
        dialer.due(now + LAST_REDIAL);
        assert!(!dialer.failed(&LAPTOP, now, 0.0));
    }
}
