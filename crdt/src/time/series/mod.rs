//! An item's occurrences within a window.
//!
//! ```text
//!   Item ──read──► times of the item, of its overrides
//!                     │ set: rules, RDATE, EXDATE ─► originals
//!                     └─ expand: overrides, windows ─► Expansion
//! ```

mod attach;
mod examine;
mod expand;
mod having;
mod kept;
mod merged;
mod overrides;
mod read;
mod set;
#[cfg(test)]
mod tests;

pub use attach::attached;
pub use examine::{Clash, Examined, examine};
pub use expand::{expand, expand_in};
pub use kept::{Change, Kept, Proof, first_start, instants_kept, times_kept, times_mark};
pub use merged::merge_kept;

use std::sync::Arc;

use super::civil::Local;
use super::flag::Flag;
use super::moment::Moment;

/// One time that an item takes place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Occurrence {
    /// When it begins.
    pub start: Moment,
    /// When it ends; its start where it has no length.
    pub end: Moment,
    /// What the clock of its own zone shows when it begins.
    pub local: Local,
    /// Its own zone as written; nothing for dates and floating times.
    pub tzid: Option<Arc<str>>,
    /// What the clock of the series shows when it was to begin by the rule: the digits of its
    /// RECURRENCE-ID. Nothing for an item that does not recur.
    pub original: Option<Local>,
    /// The override that it comes from, by its recurrence id as it stands in keys; also for
    /// those that follow an override with RANGE=THISANDFUTURE.
    pub by: Option<Arc<str>>,
    /// True where it was called off.
    pub cancelled: bool,
}

/// Two overrides of one occurrence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubled {
    /// The recurrence id, as it stands in keys, of the one that is shown: the higher SEQUENCE,
    /// then the later DTSTAMP.
    pub shown: Arc<str>,
    /// The other's.
    pub other: Arc<str>,
}

/// An occurrence that has an override and was called off all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalledOff {
    /// The override, by its recurrence id as it stands in keys.
    pub id: Arc<str>,
    /// The keys of the EXDATEs; none where another rule or a whole day calls it off.
    pub by: Vec<String>,
}

/// What an item is within a window.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expansion {
    /// In order of their start; dates, floating times and instants each for themselves.
    pub occurrences: Vec<Occurrence>,
    /// Overrides whose occurrence the rule does not have (any more), wherever they are in
    /// time. They are kept and shown, as nobody can say that they are not meant.
    pub orphans: Vec<Occurrence>,
    /// Overrides that are meant for the same occurrence.
    pub doubled: Vec<Doubled>,
    /// Overrides of occurrences that were called off. They take place: a change beats a
    /// call-off.
    pub called_off: Vec<CalledOff>,
    /// What a person should know.
    pub flags: Vec<Flag>,
    /// How much work it was, in steps; at most [`super::MOST_STEPS`].
    pub steps: u64,
}
