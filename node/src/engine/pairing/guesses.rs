//! How many wrong codes a device takes in an hour, over all codes that it shows: an app that
//! shows a new one each time must not give a guesser as many tries as it likes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::api::Failure;

/// Wrong codes in [`WINDOW`] before no new one is shown. Ten codes with their three tries; of
/// the 2^44 codes, somebody who guesses for a year tries fewer than 2^19.
const MOST: usize = 30;
const WINDOW: Duration = Duration::from_secs(3_600);

/// The wrong codes of the last hour. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Guesses(Arc<Mutex<VecDeque<Instant>>>);

impl Guesses {
    pub(super) fn count(&self, now: Instant) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push_back(now);
        if all.len() > MOST {
            all.pop_front();
        }
    }

    /// Fails while so many were wrong in the last hour that somebody may be guessing.
    pub(super) fn allow(&self, now: Instant) -> Result<(), Failure> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(oldest) = all.front().filter(|_| all.len() >= MOST) else {
            return Ok(());
        };
        let wait = WINDOW.saturating_sub(now.saturating_duration_since(*oldest));
        if wait.is_zero() {
            return Ok(());
        }
        let minutes = wait.as_secs().div_ceil(60);
        let message = format!(
            "{MOST} wrong codes were typed within an hour: somebody may be guessing, and no code is shown for now"
        );
        Err(Failure::failed(message).hint(format!(
            "try again in {minutes} minutes, or in another network"
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_code_is_shown_after_thirty_wrong_ones_until_an_hour_has_passed() {
        let (guesses, start) = (Guesses::default(), Instant::now());
        let after = |minutes: u64| start + Duration::from_secs(60 * minutes);
        for minute in 0..MOST as u64 {
            assert!(guesses.allow(after(minute)).is_ok());
            guesses.count(after(minute));
        }
        let refused = guesses.allow(after(30)).unwrap_err();
        assert!(refused.message.contains("guessing"), "{}", refused.message);
        assert!(guesses.allow(after(59)).is_err());
        assert!(guesses.allow(after(60)).is_ok());
        guesses.count(after(60));
        assert!(
            guesses.allow(after(60)).is_err(),
            "the first is forgotten, not all"
        );
        assert!(guesses.allow(after(61)).is_ok());
    }
}
