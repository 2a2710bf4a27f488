//! When things are: from the times that an item holds as written to its occurrences.
//!
//! ```text
//!                     zone: TZID, VTIMEZONE ─► Zone ─┐
//!   Item ──series──► times, rules, overrides ────────┴─► Expansion (occurrences, orphans, flags)
//!                     rule: RRULE ─► times on a clock
//! ```
//!
//! What always holds: nothing here changes what is stored, zones and all stay as they came;
//! dates and floating times stay what they are; work is bounded in steps whatever a text says;
//! what is not understood is flagged, and the item is shown by what is.

mod bounds;
mod civil;
mod flag;
mod moment;
mod rule;
mod series;
mod value;
mod zone;

pub use bounds::{
    Allowance, FREE_STEPS, LONGEST_DEFINITION, LONGEST_RULE, MOST_OCCURRENCES, MOST_ONSETS,
    MOST_SHARED_STEPS, MOST_STEPS, MOST_ZONE_STEPS,
};
pub use civil::{Instant, Local};
pub use flag::Flag;
pub use moment::{Moment, Window};
pub use rule::RuleError;
pub use series::{
    CalledOff, Change, Clash, Doubled, Examined, Expansion, Kept, Occurrence, Proof, attached,
    examine, expand, expand_in, first_start, instants_kept, merge_kept, times_kept, times_mark,
};
pub use zone::{DefinitionError, KnownZones, Prefer, Resolved, Zone, Zones};
