//! How much work one item may cause, whatever its text says.
//!
//! Work is counted in steps and never in time, so that every device stops at the same place:
//! one step is one day, hour, minute, second or occurrence that was looked at.

/// Steps that one expansion may take: about 10 ms, and 40 ms where each is in a zone. A daily
/// rule of forty years with COUNT needs 30,000.
pub const MOST_STEPS: u64 = 300_000;

/// Occurrences that one item may have in one window: an hourly one for a year has 8,784.
pub const MOST_OCCURRENCES: usize = 10_000;

/// Steps that items together may take beyond [`FREE_STEPS`] each: about a second.
pub const MOST_SHARED_STEPS: u64 = 20_000_000;

/// Steps that every item may take whatever the others took: ten years of days.
pub const FREE_STEPS: u64 = 4_000;

/// Onsets of daylight-saving or standard time that one definition of a zone may have: two a
/// year for a thousand years.
pub const MOST_ONSETS: usize = 2_000;

/// Steps that reading one definition of a zone may take. A yearly onset takes 31 at most.
pub const MOST_ZONE_STEPS: u64 = 100_000;

/// The longest definition of a zone that is read, in bytes. The longest of the IANA zones takes
/// 15,000.
pub const LONGEST_DEFINITION: usize = 256 << 10;

/// The longest rule that is read, in bytes: every second, minute, hour, day of the year and
/// week fits.
pub const LONGEST_RULE: usize = 8 << 10;

/// The steps that are left.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    limit: u64,
    left: u64,
}

/// No steps are left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Spent;

impl Budget {
    pub(crate) fn new(limit: u64) -> Self {
        Self { limit, left: limit }
    }

    /// One more thing is looked at.
    pub(crate) fn step(&mut self) -> Result<(), Spent> {
        match self.left.checked_sub(1) {
            Some(left) => self.left = left,
            None => return Err(Spent),
        }
        Ok(())
    }

    /// The steps taken so far.
    pub(crate) fn taken(&self) -> u64 {
        self.limit - self.left
    }
}

/// Work that the items of one import, export or list share: what one item takes beyond
/// [`FREE_STEPS`] is taken from it, so that hostile rules cannot hold the others up.
#[derive(Clone, Debug)]
pub struct Allowance {
    left: u64,
}

impl Default for Allowance {
    fn default() -> Self {
        Self::new(MOST_SHARED_STEPS)
    }
}

impl Allowance {
    /// So many steps.
    pub fn new(steps: u64) -> Self {
        Self { left: steps }
    }

    /// The steps that the next item may take.
    pub fn of_one(&self) -> u64 {
        MOST_STEPS.min(self.left.saturating_add(FREE_STEPS))
    }

    /// One item took so many.
    pub fn spend(&mut self, steps: u64) {
        self.left = self.left.saturating_sub(steps.saturating_sub(FREE_STEPS));
    }

    /// The look-up of zones took so many; none of them is free.
    pub fn spend_on_zones(&mut self, steps: u64) {
        self.left = self.left.saturating_sub(steps);
    }

    /// True where nothing is left that could be shared.
    pub fn is_spent(&self) -> bool {
        self.left == 0
    }
}
