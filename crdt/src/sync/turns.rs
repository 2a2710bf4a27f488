//! Who brings what: of several peers that have the same news, one is asked, and the others when
//! it is done. A device that joins nine others would get everything nine times.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use crate::id::{CollectionId, DeviceId, Timestamp};

/// For how long one peer alone brings a collection, in milliseconds. After each such while one
/// more is asked: the first one may be at the end of a slow line.
const ALONE: u64 = 10_000;

/// Who is asked for a blob that `after` can not give: they are asked in the order of their ids,
/// and nobody twice, so it ends when all were asked.
pub fn next_peer(peers: &BTreeSet<DeviceId>, after: DeviceId) -> Option<DeviceId> {
    let beyond = peers
        .range((Bound::Excluded(after), Bound::Unbounded))
        .next();
    let next = beyond.or_else(|| peers.first()).copied();
    next.filter(|next| *next != after)
}

/// What the sessions of a device wait for and get, and from whom.
#[derive(Debug, Default)]
pub struct Turns(BTreeMap<CollectionId, BTreeMap<DeviceId, Timestamp>>);

impl Turns {
    /// Notes what the session with a peer has asked for or is getting, and what it would like to
    /// ask for. Gives what it must not ask for yet; what it may ask for is its turn from now on.
    pub fn take(
        &mut self,
        peer: DeviceId,
        now: Timestamp,
        asked: &BTreeSet<CollectionId>,
        wanted: &BTreeSet<CollectionId>,
    ) -> BTreeSet<CollectionId> {
        self.keep(peer, |id| asked.contains(&id) || wanted.contains(&id));
        for id in asked {
            self.0.entry(*id).or_default().entry(peer).or_insert(now);
        }
        for id in wanted {
            self.0.entry(*id).or_default();
        }
        let mut elsewhere = BTreeSet::new();
        for (id, bring) in &mut self.0 {
            for since in bring.values_mut() {
                *since = now.min(*since); // the clock may have been set back
            }
            let first = bring.values().min().copied().unwrap_or(now);
            let others = now.0.saturating_sub(first.0) / ALONE;
            let is_its_turn = bring.contains_key(&peer) || bring.len() as u64 <= others;
            if !is_its_turn {
                elsewhere.insert(*id);
            } else if wanted.contains(id) {
                bring.entry(peer).or_insert(now);
            }
        }
        elsewhere
    }

    /// The session with a peer is over.
    pub fn leave(&mut self, peer: DeviceId) {
        self.keep(peer, |_| false);
    }

    /// Only the sessions with these peers go on.
    pub fn only(&mut self, peers: &BTreeSet<DeviceId>) {
        for bring in self.0.values_mut() {
            bring.retain(|peer, _| peers.contains(peer));
        }
    }

    fn keep(&mut self, peer: DeviceId, goes_on: impl Fn(CollectionId) -> bool) {
        self.0.retain(|id, bring| {
            if !goes_on(*id) {
                bring.remove(&peer);
            }
            !bring.is_empty()
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOOK: CollectionId = CollectionId([1; 16]);
    const OTHER: CollectionId = CollectionId([2; 16]);

    fn peer(number: u8) -> DeviceId {
        DeviceId([number; 32])
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp(1_000_000 + seconds * 1_000)
    }

    fn some(all: &[CollectionId]) -> BTreeSet<CollectionId> {
        all.iter().copied().collect()
    }

    #[test]
    fn of_three_peers_one_is_asked_and_the_next_when_it_is_done() {
        let mut turns = Turns::default();
        let (none, book, other) = (some(&[]), some(&[BOOK]), some(&[OTHER]));
        assert_eq!(turns.take(peer(1), at(0), &book, &none), none);
        assert_eq!(turns.take(peer(2), at(1), &none, &book), book);
        assert_eq!(turns.take(peer(3), at(1), &none, &other), book);
        assert_eq!(turns.take(peer(1), at(2), &none, &none), other);
        assert_eq!(turns.take(peer(2), at(2), &none, &book), other);
        assert_eq!(turns.take(peer(3), at(2), &none, &book), book);
        turns.leave(peer(2));
        assert_eq!(turns.take(peer(3), at(3), &none, &book), none);
    }

    #[test]
    fn where_the_first_is_slow_one_more_is_asked_after_each_while() {
        let mut turns = Turns::default();
        let (none, book) = (some(&[]), some(&[BOOK]));
        turns.take(peer(1), at(0), &book, &none);
        let mut let_in = |now| -> Vec<u8> {
            let each = 2..6;
            each.filter(|n| turns.take(peer(*n), at(now), &none, &book).is_empty())
                .collect()
        };
        assert_eq!(let_in(9), []);
        assert_eq!(let_in(10), [2]);
        assert_eq!(let_in(19), [2]);
        assert_eq!(let_in(20), [2, 3]);
        assert_eq!(let_in(60), [2, 3, 4, 5]);
    }

    #[test]
    fn peers_are_asked_in_turn_and_a_single_one_not_by_itself() {
        let peers = BTreeSet::from([peer(1), peer(3), peer(5)]);
        let next = |after| next_peer(&peers, peer(after));
        let all = [1, 2, 3, 4, 5, 6].map(next);
        assert_eq!(all, [3, 3, 5, 5, 1, 1].map(|n| Some(peer(n))));
        assert_eq!(next_peer(&BTreeSet::from([peer(1)]), peer(1)), None);
        assert_eq!(next_peer(&BTreeSet::new(), peer(1)), None);
    }

    #[test]
    fn a_clock_that_is_set_back_puts_nobody_off_for_ever() {
        let mut turns = Turns::default();
        let (none, book) = (some(&[]), some(&[BOOK]));
        turns.take(peer(1), at(900), &book, &none);
        assert_eq!(turns.take(peer(2), at(0), &none, &book), book);
        assert_eq!(turns.take(peer(1), at(1), &book, &none), none);
        assert_eq!(turns.take(peer(2), at(12), &none, &book), none);
    }
}
