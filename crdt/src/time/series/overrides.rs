//! The overrides of an item: which occurrence each is meant for, and what it says of its time.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Doubled;
use super::read::{Point, Reader, Times};
use super::set::RecurrenceSet;
use crate::item::register::Stored;
use crate::item::{Item, key};
use crate::text::line::{Line, Params};
use crate::time::civil::Local;
use crate::time::flag::{Flag, raise};
use crate::time::moment::{Basis, Extent};

/// One override.
#[derive(Clone, Debug)]
pub(super) struct Override {
    /// Its recurrence id as it stands in keys.
    pub(super) rid: Arc<str>,
    /// The same as a time, where it is one.
    pub(super) id: Option<Point>,
    /// RANGE=THISANDFUTURE.
    pub(super) is_future: bool,
    pub(super) start: Option<Point>,
    pub(super) extent: Option<Extent>,
    pub(super) cancelled: bool,
    /// SEQUENCE and DTSTAMP: of two for one occurrence, the higher is shown.
    rank: (i64, String),
}

/// All overrides of an item, in the order of their keys.
pub(super) fn all(reader: &mut Reader<'_>) -> Vec<Override> {
    let item = reader.item;
    let rids = item.overrides();
    rids.into_iter().map(|rid| one(reader, item, rid)).collect()
}

fn one<'a>(reader: &mut Reader<'a>, item: &'a Item, rid: &'a str) -> Override {
    let at = |name| item.value(&key::in_override(rid, name));
    let stored = at(key::RECURRENCE_ID).map(Stored::read);
    let (params, value) = stored.map_or(("", ""), |stored| (stored.params, stored.value));
    let id = reader.point(Some(rid), key::RECURRENCE_ID, params, value);
    let range = Params::new(params).value_of("RANGE").unwrap_or("");
    let is_future = range.eq_ignore_ascii_case("THISANDFUTURE");
    if !range.is_empty() && !is_future {
        raise(&mut reader.flags, Flag::OtherRange { id: rid.into() });
    }
    let Times {
        start,
        extent,
        rules,
        ..
    } = reader.times(Some(rid));
    if !rules.is_empty() {
        raise(&mut reader.flags, Flag::RuleInOverride { id: rid.into() });
    }
    let value = |name| at(name).map_or("", |stored| Stored::read(stored).value);
    Override {
        rid: rid.into(),
        id,
        is_future,
        start,
        extent,
        cancelled: is_cancelled(item, Some(rid)),
        rank: (
            value("SEQUENCE").trim().parse().unwrap_or(0),
            value("DTSTAMP").trim().to_owned(),
        ),
    }
}

/// True where STATUS says that an item, or one occurrence of it, is off.
pub(super) fn is_cancelled(item: &Item, rid: Option<&str>) -> bool {
    let prefix = key::prefix(rid);
    let is_off = |value: &str| value.trim().eq_ignore_ascii_case("CANCELLED");
    let status = item.value(&format!("{prefix}STATUS"));
    let done = item.value(&format!("{prefix}{}", key::DONE)).unwrap_or("");
    status.is_some_and(|stored| is_off(Stored::read(stored).value))
        || done
            .split('\n')
            .filter_map(Line::read)
            .any(|line| line.name == "STATUS" && is_off(line.value))
}

impl Override {
    /// What it is meant for, as position and time on the clock of the series. Of another kind
    /// than DTSTART: a date is the whole day, whose time is that of the series.
    fn target(&self, set: &RecurrenceSet) -> Option<(i64, Local)> {
        let (basis, id) = (&set.basis, self.id.as_ref()?);
        let local = match (basis, &id.basis) {
            (Basis::Date, _) => id.local.midnight(),
            (_, Basis::Date) => id.local.at(set.start.second_of_day()),
            (Basis::Zoned(own), Basis::Zoned(other)) if own.tzid != other.tzid => {
                let position = other.zone.instant(id.local).0;
                return Some((position, basis.local(position)));
            }
            _ => id.local,
        };
        Some((basis.position(local), local))
    }
}

/// Overrides by what they are meant for.
pub(super) struct Overrides {
    pub(super) by_position: BTreeMap<i64, (Local, Override)>,
    pub(super) doubled: Vec<Doubled>,
    /// Those whose recurrence id is no time.
    pub(super) nowhere: Vec<Override>,
}

impl Overrides {
    pub(super) fn new(all: Vec<Override>, set: &RecurrenceSet) -> Self {
        let mut by_position: BTreeMap<i64, (Local, Override)> = BTreeMap::new();
        let (mut doubled, mut nowhere) = (Vec::new(), Vec::new());
        for one in all {
            let Some((position, local)) = one.target(set) else {
                nowhere.push(one);
                continue;
            };
            let Some((_, known)) = by_position.get(&position) else {
                by_position.insert(position, (local, one));
                continue;
            };
            let wins = (&one.rank, &one.rid) > (&known.rank, &known.rid);
            let (shown, other) = if wins { (&one, known) } else { (known, &one) };
            doubled.push(Doubled {
                shown: shown.rid.clone(),
                other: other.rid.clone(),
            });
            if wins {
                by_position.insert(position, (local, one));
            }
        }
        Self {
            by_position,
            doubled,
            nowhere,
        }
    }
}
