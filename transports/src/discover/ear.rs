//! When this device asks who is in the local network, and when it only listens.
//!
//! ```text
//!           pairing, somebody missed, another network
//!  listens ──────────────────────────────────────────► asks: after 0, 1, 3, 7 … 63 s
//!  (silent) ◄────────────────────────────────────────
//!           nobody missed any more, or asked long enough
//! ```
//!
//! Asking costs everybody in the network: each question wakes every device, and each answer too.
//! A device that comes to a network says so and asks, so the others need only listen to hear it,
//! and are asked to be found.

use std::time::{Duration, Instant};

use mdns_sd::{Error, IfKind, Receiver, ServiceDaemon, ServiceEvent};

use super::wish::{Interfaces, Wish};

pub(super) const SERVICE: &str = "_pimesh._udp.local.";

/// How long a device asks that misses another: seven times. Who comes later says so itself.
const LOOK: Duration = Duration::from_secs(70);
/// How long it still asks once it misses nobody: what is on its way may arrive.
const GLANCE: Duration = Duration::from_secs(2);
/// How long what is heard while listening is kept: `mdns-sd` asks again for what it keeps, from
/// 96 s on.
const KEEP: Duration = Duration::from_secs(60);

/// Asks or listens, on the network itself.
pub(super) struct Ear {
    daemon: ServiceDaemon,
    heard: Receiver<ServiceEvent>,
    /// When to go over to listening, and forget what was heard.
    until: Option<Instant>,
}

impl Ear {
    /// Nothing where discovery is to speak nowhere. It begins by asking.
    pub(super) fn open(interfaces: Interfaces) -> Result<Option<Self>, Error> {
        let only = match interfaces {
            Interfaces::Nowhere => return Ok(None),
            Interfaces::All => None,
            Interfaces::Loopback => Some(IfKind::LoopbackV4),
        };
        let daemon = ServiceDaemon::new()?;
        match only {
            Some(only) => {
                daemon.disable_interface(IfKind::All)?;
                daemon.enable_interface(only)?;
            }
            None => daemon.disable_interface(vec![IfKind::LoopbackV4, IfKind::LoopbackV6])?,
        }
        let heard = daemon.browse(SERVICE)?;
        Ok(Some(Self {
            daemon,
            heard,
            until: Some(Instant::now() + LOOK),
        }))
    }

    /// What announces, and answers who asks.
    pub(super) fn daemon(&self) -> &ServiceDaemon {
        &self.daemon
    }

    /// What is heard, and when [`Ear::listen`] is due.
    pub(super) fn parts(&self) -> (&Receiver<ServiceEvent>, Option<Instant>) {
        (&self.heard, self.until)
    }

    /// Asks, if there is something new to ask for; and for as long as there is.
    pub(super) fn attend(&mut self, was: &Wish, is: &Wish, now: Instant) -> Result<(), Error> {
        if asks_anew(was, is) {
            self.look(now)?;
        }
        self.until = until(self.until, is, now);
        Ok(())
    }

    /// Asks for a while.
    pub(super) fn look(&mut self, now: Instant) -> Result<(), Error> {
        self.heard = self.daemon.browse(SERVICE)?;
        self.until = Some(now + LOOK);
        Ok(())
    }

    /// Asks no more, and forgets what was heard: it would be asked for again.
    pub(super) fn listen(&mut self) -> Result<(), Error> {
        self.until = None;
        self.daemon.stop_browse(SERVICE)?;
        self.heard = self.daemon.browse_cache(SERVICE)?;
        Ok(())
    }

    /// Something was heard.
    pub(super) fn keep(&mut self, is: &Wish, now: Instant) {
        if !is.pairs() {
            self.until.get_or_insert(now + KEEP);
        }
    }
}

/// Whether there is something to ask for now that there was not before.
fn asks_anew(was: &Wish, is: &Wish) -> bool {
    let pairs = (is.offering.is_some() && is.offering != was.offering)
        || (is.joining.is_some() && is.joining != was.joining);
    pairs || is.listening != was.listening || !is.missing().is_subset(&was.missing())
}

/// Until when to ask, which was to be until `planned`; nothing: without end, or not at all.
fn until(planned: Option<Instant>, is: &Wish, now: Instant) -> Option<Instant> {
    if is.pairs() {
        None
    } else if !is.missing().is_empty() {
        // What a pairing has begun must end some time.
        Some(planned.unwrap_or(now + LOOK))
    } else {
        Some(planned.map_or(now + GLANCE, |planned| planned.min(now + GLANCE)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use pimesh_crdt::DeviceId;

    use super::*;
    use crate::pair::{Beacon, Nameplate};

    const LAPTOP: DeviceId = DeviceId([1; 32]);
    const PHONE: DeviceId = DeviceId([2; 32]);

    fn wish(members: &[DeviceId], connected: &[DeviceId]) -> Wish {
        Wish {
            members: members.iter().copied().collect(),
            connected: connected.iter().copied().collect(),
            ..Wish::default()
        }
    }

    #[test]
    fn a_device_asks_when_it_misses_another_and_no_longer_than_it_has_to() {
        let now = Instant::now();
        let (alone, both) = (wish(&[LAPTOP], &[]), wish(&[LAPTOP], &[LAPTOP]));
        assert!(asks_anew(&Wish::default(), &alone) && asks_anew(&both, &alone));
        assert!(!asks_anew(&alone, &both) && !asks_anew(&alone, &alone));
        assert!(asks_anew(&alone, &wish(&[LAPTOP, PHONE], &[LAPTOP])));

        let planned = Some(now + LOOK);
        assert_eq!(until(planned, &alone, now), planned);
        assert_eq!(until(planned, &both, now), Some(now + GLANCE));
        let soon = Some(now + GLANCE / 2);
        assert_eq!(until(soon, &both, now), soon);
    }

    #[test]
    fn a_device_in_another_network_asks_there() {
        let (here, mut there) = (Wish::default(), Wish::default());
        there.listening = vec!["/ip4/10.0.0.7/tcp/1".parse().unwrap()];
        assert!(asks_anew(&here, &there));
    }

    #[test]
    fn who_pairs_asks_until_it_is_done() {
        let now = Instant::now();
        let (idle, mut shows) = (wish(&[], &[]), wish(&[], &[]));
        shows.offering = Some((Nameplate(4821), [Beacon([5; 32]), Beacon([6; 32])]));
        assert!(asks_anew(&idle, &shows) && !asks_anew(&shows, &idle));
        assert_eq!(until(Some(now), &shows, now), None);
        assert_eq!(until(None, &idle, now), Some(now + GLANCE));
        assert_eq!(until(None, &wish(&[PHONE], &[]), now), Some(now + LOOK));
        assert!(shows.pairs() && !idle.pairs());
        assert_eq!(idle.missing(), HashSet::new());
    }
}
