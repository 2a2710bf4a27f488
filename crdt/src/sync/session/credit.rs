//! How much a peer may make us do for nothing: what brings no change costs it credit, which
//! comes back with time. What is new is never held back, at whatever rate it comes.

use super::{CloseReason, Session};
use crate::id::Timestamp;
use crate::sync::message::{Frame, Recon};

/// Credit at the start, and at most: sixteen megabytes of changes that are known already, as
/// when several devices send the same first sync, or 16,384 questions.
const MOST: u64 = 16_384;
/// Credit that comes back, a second: a question takes some tens of microseconds to answer, so
/// a peer that does nothing but ask has a hundredth of one core.
const PER_SECOND: u64 = 256;
/// Bytes of changes, or of statements, that cost as much as a question.
const BYTES: usize = 1 << 10;

/// What beginning a session costs: what both hold is read and said.
const SESSION: u64 = 64;

/// What a peer may still ask for. It outlives a session, or a new one would be a new credit.
#[derive(Clone, Copy, Debug)]
pub struct Credit {
    /// In thousandths.
    left: u64,
    since: Timestamp,
}

impl Default for Credit {
    fn default() -> Self {
        Self {
            left: MOST * 1_000,
            since: Timestamp::default(),
        }
    }
}

impl Credit {
    /// Takes the price of a session, or says that the peer began too many.
    pub fn begin(&mut self, now: Timestamp) -> Result<(), CloseReason> {
        self.charge(now, SESSION)
    }

    /// Takes the price of something, or says that the peer asks for too much.
    pub(super) fn charge(&mut self, now: Timestamp, price: u64) -> Result<(), CloseReason> {
        let passed = now.0.saturating_sub(self.since.0);
        self.since = now;
        let back = passed.saturating_mul(PER_SECOND);
        self.left = self.left.saturating_add(back).min(MOST * 1_000);
        self.left = self
            .left
            .checked_sub(price.saturating_mul(1_000))
            .ok_or(CloseReason::TooMuch)?;
        Ok(())
    }
}

impl Session {
    /// The frame, once its price is taken.
    pub(super) fn paid(&mut self, now: Timestamp, frame: Frame) -> Result<Frame, CloseReason> {
        self.credit.charge(now, price(&frame))?;
        Ok(frame)
    }
}

/// The price of a frame when it comes. Changes are paid for only when they were known already,
/// and an answer to what we sent not at all.
fn price(frame: &Frame) -> u64 {
    match frame {
        Frame::Changes(_) | Frame::Ack { .. } | Frame::Blob { .. } => 0,
        Frame::Membership(all) => price_of(all.iter().map(|one| one.0.len()).sum()),
        Frame::Addresses(records) => price_of(records.iter().map(|one| one.0.len()).sum()),
        Frame::Have(have) => 1 + have.vector.len() as u64 / 64,
        // the first symbol is made of all documents
        Frame::Recon(Recon::Ask { from: 0, .. }) => SESSION,
        Frame::Recon(Recon::Ask { count, .. }) => 1 + u64::from(*count) / 64,
        Frame::Recon(Recon::Want { docs, .. }) => 1 + docs.len() as u64 / 16,
        Frame::Beacon(hashes) => 1 + hashes.len() as u64 / 64,
        _ => 1,
    }
}

/// The price of so many bytes that brought nothing.
pub(super) fn price_of(bytes: usize) -> u64 {
    1 + (bytes / BYTES) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credit_is_used_up_comes_back_with_time_and_is_never_more_than_at_the_start() {
        let mut credit = Credit::default();
        let start = Timestamp(1_000_000);
        assert!(credit.charge(start, MOST).is_ok());
        assert!(credit.charge(start, 1).is_err());
        let later = Timestamp(start.0 + 1_000);
        assert!(credit.charge(later, PER_SECOND).is_ok());
        assert!(credit.charge(later, 1).is_err());
        let days_later = Timestamp(later.0 + 1_000_000_000);
        assert!(credit.charge(days_later, MOST).is_ok());
        assert!(credit.charge(days_later, 1).is_err());
    }

    #[test]
    fn a_clock_that_is_set_back_takes_no_credit_away() {
        let mut credit = Credit::default();
        assert!(credit.charge(Timestamp(5_000), MOST).is_ok());
        assert!(credit.charge(Timestamp(0), 1).is_err());
        assert!(credit.charge(Timestamp(1_000), PER_SECOND).is_ok());
    }
}
