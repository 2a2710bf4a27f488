//! A code that is being shown, as words and as a QR code: how often it may be tried, how long, and that it is used once.
//!
//! One offer is shared by every attempt at it, so tries are counted across strangers and
//! conversations. It lives in memory only: a restart ends it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use libp2p::Multiaddr;
use pimesh_crdt::DeviceId;
use rand::Rng;
use zeroize::Zeroizing;

use super::{
    code::{Code, Nameplate},
    error::PairError,
    invitation::Beacon,
    ticket::{Ticket, TicketSecret},
};

/// Wrong codes after which an offer is dead.
pub const TRIES: u8 = 3;
/// How long an offer stands.
pub const LIFETIME: Duration = Duration::from_secs(600);
/// Conversations about one offer that may go on at once; each holds a few hundred bytes.
pub const MAX_ATTEMPTS: usize = 4;

/// A code that is being shown. Clones are the same offer.
#[derive(Clone, Debug)]
pub struct Offer {
    code: Code,
    secret: TicketSecret,
    until: Instant,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    tries_left: u8,
    used: bool,
    attempts: usize,
}

/// One conversation about an offer; makes room for another when dropped.
#[derive(Debug)]
pub(super) struct Attempt(Offer);

impl Offer {
    /// A new offer with a new code.
    pub fn new(rng: &mut impl Rng, now: Instant) -> Self {
        Self::with(Code::random(rng), TicketSecret::random(rng), now)
    }

    /// A new offer of this code, and of a QR code with this secret.
    pub fn with(code: Code, secret: TicketSecret, now: Instant) -> Self {
        let state = State {
            tries_left: TRIES,
            used: false,
            attempts: 0,
        };
        Self {
            code,
            secret,
            until: now + LIFETIME,
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// What to show.
    pub fn code(&self) -> &Code {
        &self.code
    }

    /// What to show as a QR code: `device` is this one, which listens at `addresses`.
    pub fn ticket(&self, device: DeviceId, addresses: Vec<Multiaddr>) -> Ticket {
        Ticket {
            device,
            secret: self.secret.clone(),
            addresses,
        }
    }

    /// By what to recognise those who join by the code or the QR code.
    pub fn beacons(&self) -> [Beacon; 2] {
        [self.code.nameplate().beacon(), self.secret.beacon()]
    }

    /// When it ends by itself.
    pub fn until(&self) -> Instant {
        self.until
    }

    /// Whether somebody may still try it, else why not.
    pub fn check(&self, now: Instant) -> Result<(), PairError> {
        self.state().check(now, self.until)
    }

    /// Ends it, as the person asked.
    pub fn withdraw(&self) {
        self.state().tries_left = 0;
    }

    pub(super) fn begin(&self, now: Instant) -> Result<Attempt, PairError> {
        let mut state = self.state();
        state.check(now, self.until)?;
        if state.attempts >= MAX_ATTEMPTS {
            return Err(PairError::Busy);
        }
        state.attempts += 1;
        Ok(Attempt(self.clone()))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic happens under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn check(&self, now: Instant, until: Instant) -> Result<(), PairError> {
        if self.used {
            Err(PairError::AlreadyUsed)
        } else if self.tries_left == 0 {
            Err(PairError::NoOffer)
        } else if now >= until {
            Err(PairError::Expired)
        } else {
            Ok(())
        }
    }
}

impl Attempt {
    /// Judges one confirmation. The offer is looked at and changed in one step, so that
    /// attempts made at once cannot have more tries than attempts made in a row.
    pub(super) fn judge(
        &self,
        now: Instant,
        is_right: impl FnOnce() -> bool,
    ) -> Result<(), PairError> {
        let mut state = self.0.state();
        state.check(now, self.0.until)?;
        if is_right() {
            state.used = true;
            return Ok(());
        }
        state.tries_left -= 1;
        Err(PairError::WrongCode {
            tries_left: state.tries_left,
        })
    }

    /// What the other side must know who means this number; nothing if it is not this offer's.
    pub(super) fn password(&self, nameplate: Nameplate) -> Option<Zeroizing<Vec<u8>>> {
        match nameplate {
            Nameplate::TICKET => Some(self.0.secret.password()),
            nameplate if nameplate == self.0.code.nameplate() => Some(self.0.code.password()),
            _ => None,
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.0.state().attempts -= 1;
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn an_offer() -> (Offer, Instant) {
        let now = Instant::now();
        (Offer::new(&mut StdRng::seed_from_u64(1), now), now)
    }

    #[test]
    fn attempts_made_at_once_share_the_three_tries() {
        let (offer, now) = an_offer();
        let attempts: Vec<_> = (0..MAX_ATTEMPTS)
            .map(|_| offer.begin(now).unwrap())
            .collect();
        assert!(matches!(offer.begin(now), Err(PairError::Busy)));
        for left in [2, 1, 0] {
            let wrong = attempts[0].judge(now, || false).unwrap_err();
            assert!(matches!(wrong, PairError::WrongCode { tries_left } if tries_left == left));
        }
        let unread = attempts[1].judge(now, || panic!("a dead offer judges nothing"));
        assert!(matches!(unread, Err(PairError::NoOffer)));
    }

    #[test]
    fn a_right_code_uses_the_offer_up() {
        let (offer, now) = an_offer();
        let (first, second) = (offer.begin(now).unwrap(), offer.begin(now).unwrap());
        first.judge(now, || true).unwrap();
        assert!(matches!(
            second.judge(now, || true),
            Err(PairError::AlreadyUsed)
        ));
        assert!(matches!(offer.begin(now), Err(PairError::AlreadyUsed)));
    }

    #[test]
    fn an_offer_ends_after_ten_minutes_also_for_who_began_before() {
        let (offer, now) = an_offer();
        let attempt = offer
            .begin(now + LIFETIME - Duration::from_millis(1))
            .unwrap();
        assert!(matches!(
            attempt.judge(now + LIFETIME, || true),
            Err(PairError::Expired)
        ));
        assert!(matches!(
            offer.check(now + LIFETIME),
            Err(PairError::Expired)
        ));
    }
}
