//! Zones: which instant a clock's time is (RFC 5545 §3.3.5).
//!
//! ```text
//!   TZID ──names──► IANA zone ─────────────┐
//!   VTIMEZONE ──definition──► table ───────┼──► Zone: time on the clock ◄──► instant
//!   UTC ───────────────────────────────────┘
//! ```
//!
//! Nothing here changes what is stored: zones are kept as they came and looked up to compute
//! only.

mod definition;
mod differences;
mod names;
mod resolve;
mod table;
#[cfg(test)]
mod tests;

pub use definition::DefinitionError;
pub use resolve::{KnownZones, Prefer, Resolved, Zones};

use std::sync::Arc;

use jiff::tz::{AmbiguousOffset, TimeZone};

use super::civil::{Instant, Local};
use table::Table;

/// A zone, ready to compute with.
#[derive(Clone, Debug)]
pub struct Zone(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Utc,
    /// By the IANA database that is compiled in, the same on every device.
    Named(TimeZone),
    Defined(Arc<Table>),
}

impl Zone {
    /// UTC.
    pub const UTC: Self = Self(Kind::Utc);

    /// The zone of this IANA name, where there is one.
    pub fn named(name: &str) -> Option<Self> {
        names::iana(name).map(|(_, zone)| Self(Kind::Named(zone)))
    }

    /// The instant at which the clock shows this time. A time that the clock leaps over is
    /// read with the offset before the leap, and of one that it shows twice the first is meant
    /// (§3.3.5).
    pub fn instant(&self, local: Local) -> Instant {
        let offset = match &self.0 {
            Kind::Utc => 0,
            Kind::Named(zone) => offset_before(zone, local),
            Kind::Defined(table) => table.offset_at_local(local),
        };
        Instant(local.0 - offset)
    }

    /// What the clock shows at an instant.
    pub fn local(&self, at: Instant) -> Local {
        let offset = match &self.0 {
            Kind::Utc => 0,
            Kind::Named(zone) => jiff::Timestamp::from_second(at.0)
                .map_or(0, |at| i64::from(zone.to_offset(at).seconds())),
            Kind::Defined(table) => table.offset_at(at),
        };
        Local(at.0 + offset)
    }
}

/// The offset that holds at a time on the clock; in a gap and in a fold the one before it.
fn offset_before(zone: &TimeZone, local: Local) -> i64 {
    let Ok(utc) = jiff::Timestamp::from_second(local.0) else {
        return 0;
    };
    let civil = jiff::tz::Offset::UTC.to_datetime(utc);
    let offset = match zone.to_ambiguous_timestamp(civil).offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { before, .. } | AmbiguousOffset::Fold { before, .. } => before,
    };
    i64::from(offset.seconds())
}
