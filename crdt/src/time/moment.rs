//! A time that is meant on a certain clock, or on none: what is compared with a window.

use std::sync::Arc;

use super::civil::{DAY, Instant, Local};
use super::value::Duration;
use super::zone::Zone;

/// When something begins or ends. A date and a floating time are no instants: they are what
/// the clock on the wall shows, wherever one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// A whole day, by its midnight.
    Date(Local),
    /// What the clock on the wall shows.
    Floating(Local),
    /// A point in time.
    At(Instant),
}

/// From when until when occurrences are wanted; the end is not included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub(super) local: (Local, Local),
    pub(super) instants: (Instant, Instant),
}

impl Window {
    /// What the clock of the one who looks shows at both ends. Dates and floating times are
    /// compared with these, instants with what they are in the zone of the one who looks.
    pub fn new(from: Local, to: Local, viewer: &Zone) -> Self {
        Self {
            local: (from, to),
            instants: (viewer.instant(from), viewer.instant(to)),
        }
    }

    /// True where something with this start and end has a part in it; what has no length, by
    /// its start.
    pub fn holds(&self, start: Moment, end: Moment) -> bool {
        let (start, (from, to)) = self.place(start);
        let (end, _) = self.place(end);
        start < to && (end > from || start >= from)
    }

    /// A moment and the window in the same seconds.
    fn place(&self, moment: Moment) -> (i64, (i64, i64)) {
        let (local, instants) = (self.local, self.instants);
        match moment {
            Moment::Date(at) | Moment::Floating(at) => (at.0, (local.0.0, local.1.0)),
            Moment::At(at) => (at.0, (instants.0.0, instants.1.0)),
        }
    }

    /// The first and last year that it touches on any clock.
    pub(super) fn years(&self) -> (i64, i64) {
        let year = |at: i64| Local(at).ymd().0;
        let from = self.local.0.0.min(self.instants.0.0) - DAY;
        let to = self.local.1.0.max(self.instants.1.0) + DAY;
        (year(from), year(to))
    }
}

/// Which clock a series is meant on.
#[derive(Clone, Debug)]
pub(super) enum Basis {
    Date,
    Floating,
    Zoned(Arc<Place>),
}

/// A zone in use.
#[derive(Debug)]
pub(super) struct Place {
    /// As written; `UTC` for what ends in Z.
    pub(super) tzid: Arc<str>,
    pub(super) zone: Zone,
    /// What the other of name and definition says, and the name.
    pub(super) other: Option<(Zone, String)>,
    /// When, on the clock, the two mean different instants.
    pub(super) differences: Arc<[(Local, Local)]>,
}

impl Place {
    /// True where name and definition mean different instants at some time of this range.
    pub(super) fn differs(&self, from: Local, to: Local) -> bool {
        let mut ranges = self.differences.iter();
        ranges.any(|(begin, end)| *begin <= to && from < *end)
    }
}

/// How long something takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// The same number of seconds each time (DTEND, DUE; §3.8.5.3).
    Exact(i64),
    /// Days of whatever length, then seconds (DURATION).
    Nominal(Duration),
}

impl Basis {
    /// Where a time stands in the order of this series: seconds of instants, or of the clock.
    pub(super) fn position(&self, local: Local) -> i64 {
        match self {
            Self::Date | Self::Floating => local.0,
            Self::Zoned(place) => place.zone.instant(local).0,
        }
    }

    /// What the clock shows at a position.
    pub(super) fn local(&self, position: i64) -> Local {
        match self {
            Self::Date | Self::Floating => Local(position),
            Self::Zoned(place) => place.zone.local(Instant(position)),
        }
    }

    pub(super) fn moment(&self, local: Local) -> Moment {
        match self {
            Self::Date => Moment::Date(local.midnight()),
            Self::Floating => Moment::Floating(local),
            Self::Zoned(place) => Moment::At(place.zone.instant(local)),
        }
    }

    pub(super) fn tzid(&self) -> Option<Arc<str>> {
        match self {
            Self::Date | Self::Floating => None,
            Self::Zoned(place) => Some(place.tzid.clone()),
        }
    }

    pub(super) fn is_date(&self) -> bool {
        matches!(self, Self::Date)
    }

    /// When something ends that starts at this time and takes so long.
    pub(super) fn end(&self, start: Local, extent: Extent) -> Moment {
        let (days, seconds) = match extent {
            Extent::Exact(seconds) => (0, seconds),
            Extent::Nominal(duration) => (duration.days, duration.seconds),
        };
        let later = Local(start.0 + days * DAY);
        match self {
            Self::Date => Moment::Date(Local(later.0 + seconds).midnight()),
            Self::Floating => Moment::Floating(Local(later.0 + seconds)),
            Self::Zoned(place) => Moment::At(Instant(place.zone.instant(later).0 + seconds)),
        }
    }
}

impl Extent {
    /// About how long it is, in seconds.
    pub(super) fn seconds(self) -> i64 {
        match self {
            Self::Exact(seconds) => seconds,
            Self::Nominal(duration) => duration.days * DAY + duration.seconds,
        }
    }
}
