//! When to try again: later each time, and not all at the same moment.

use std::time::Duration;

/// The first pause.
const FIRST: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(300);

/// The pause before the next try, after `attempt` failures (0 for the first one): doubling
/// up to five minutes, less up to a quarter that `seed` decides.
pub fn pause(attempt: u32, seed: u64) -> Duration {
    let doubled = FIRST.saturating_mul(1 << attempt.min(16)).min(LONGEST);
    let mut hasher = blake3::Hasher::new();
    hasher
        .update(&seed.to_le_bytes())
        .update(&attempt.to_le_bytes());
    let part = u32::from(hasher.finalize().as_bytes()[0]);
    doubled - doubled * part / 1024
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_five_minutes_and_never_beyond() {
        assert!(pause(0, 1) <= FIRST && pause(0, 1) >= FIRST * 3 / 4);
        assert!(pause(4, 1) > pause(1, 1));
        for attempt in [9, 20, u32::MAX] {
            assert!(pause(attempt, 7) <= LONGEST && pause(attempt, 7) >= LONGEST * 3 / 4);
        }
    }

    #[test]
    fn two_devices_do_not_come_back_at_the_same_moment() {
        assert_ne!(pause(5, 1), pause(5, 2));
    }
}
