//! The times of one component of an item, out of its registers.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::BlobHash;
use crate::item::register::{self, Stored};
use crate::item::{Item, key};
use crate::text::line::Line;
use crate::time::civil::Local;
use crate::time::flag::{Flag, quote, raise};
use crate::time::moment::{Basis, Extent, Place};
use crate::time::value::{Clock, Duration, Stamp};
use crate::time::zone::{Zone, Zones};

/// Reads the components of one item, and raises its flags.
pub(super) struct Reader<'a> {
    pub(super) item: &'a Item,
    pub(super) flags: Vec<Flag>,
    zones: &'a Zones<'a>,
    years: (i64, i64),
    /// The definitions that the item's components name, by override and TZID.
    definitions: BTreeMap<(Option<&'a str>, String), BlobHash>,
    whens: BTreeMap<Option<&'a str>, String>,
    places: BTreeMap<(String, Option<BlobHash>), Option<Arc<Place>>>,
}

/// A time on its clock.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) local: Local,
    pub(super) basis: Basis,
}

/// The times of one component.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    /// DTSTART, or DUE of a task that has no start.
    pub(super) start: Option<Point>,
    pub(super) extent: Option<Extent>,
    pub(super) rules: Vec<String>,
    pub(super) exrules: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(item: &'a Item, zones: &'a Zones<'a>, years: (i64, i64)) -> Self {
        let mut reader = Self {
            item,
            flags: Vec::new(),
            zones,
            years,
            definitions: BTreeMap::new(),
            whens: BTreeMap::new(),
            places: BTreeMap::new(),
        };
        for (at, stored) in &item.values {
            let (rid, rest) = key::split_override(at);
            if rest != key::WHEN {
                continue;
            }
            let whole = match register::outside_hash(stored) {
                None => Some(stored.clone()),
                Some(hash) => zones.text(hash),
            };
            match whole {
                Some(whole) => reader.when(rid, whole),
                None => raise(&mut reader.flags, Flag::NotHere),
            }
        }
        reader
    }

    fn when(&mut self, rid: Option<&'a str>, whole: String) {
        for (tzid, hash) in whole.split('\n').filter_map(register::zone_of) {
            let definition = (rid, tzid.to_owned());
            self.definitions.entry(definition).or_insert(hash);
        }
        let start = whole.split('\n').filter_map(Line::read);
        for line in start.filter(|line| line.name == "DTSTART") {
            if let Some(stamp) = Stamp::read(line.params, line.value) {
                let (year, _, _) = stamp.local.ymd();
                self.years = (self.years.0.min(year - 1), self.years.1.max(year + 1));
            }
        }
        self.whens.insert(rid, whole);
    }

    /// The times of the item itself, or of an override.
    pub(super) fn times(&mut self, rid: Option<&'a str>) -> Times {
        let Some(whole) = self.whens.remove(&rid) else {
            return Times::default();
        };
        let mut times = Times::default();
        let mut dates: BTreeMap<&'static str, Line<'_>> = BTreeMap::new();
        for line in whole.split('\n').filter_map(Line::read) {
            match line.name.to_ascii_uppercase().as_str() {
                "RRULE" => times.rules.push(line.value.to_owned()),
                "EXRULE" => times.exrules.push(line.value.to_owned()),
                name => {
                    let known = ["DTSTART", "DTEND", "DUE", "DURATION"];
                    let Some(name) = known.into_iter().find(|known| *known == name) else {
                        continue;
                    };
                    if dates.contains_key(name) {
                        raise(&mut self.flags, Flag::Repeated { property: name });
                    } else {
                        dates.insert(name, line);
                    }
                }
            }
        }
        let mut point = |name| {
            let line: &Line<'_> = dates.get(name)?;
            self.point(rid, name, line.params, line.value)
        };
        let (start, end) = (point("DTSTART"), point("DTEND"));
        let due = point("DUE");
        let duration = dates.get("DURATION").map(|line| line.value);
        times.extent = self.extent(start.as_ref(), end.or(due.clone()), duration);
        times.start = start.or(due);
        times
    }

    /// A time as written in the item itself or an override.
    pub(super) fn point(
        &mut self,
        rid: Option<&str>,
        property: &'static str,
        params: &str,
        value: &str,
    ) -> Option<Point> {
        let Some(stamp) = Stamp::read(params, value) else {
            let value = quote(value);
            raise(&mut self.flags, Flag::Unreadable { property, value });
            return None;
        };
        let basis = self.basis(rid, stamp.clock);
        Some(Point {
            local: stamp.local,
            basis,
        })
    }

    /// The clock that is meant; of an unknown zone, the one on the wall.
    pub(super) fn basis(&mut self, rid: Option<&str>, clock: Clock<'_>) -> Basis {
        let tzid = match clock {
            Clock::Date => return Basis::Date,
            Clock::Floating => return Basis::Floating,
            Clock::Utc => {
                return Basis::Zoned(Arc::new(Place {
                    tzid: "UTC".into(),
                    zone: Zone::UTC,
                    other: None,
                    differences: Arc::default(),
                }));
            }
            Clock::Zone(tzid) => tzid,
        };
        let definition = self.definition(rid, tzid);
        let at = (tzid.to_owned(), definition);
        if let Some(place) = self.places.get(&at) {
            return place.clone().map_or(Basis::Floating, Basis::Zoned);
        }
        let resolved = self.zones.resolve(tzid, definition, self.years);
        let tzid = quote(tzid);
        if let Some(problem) = resolved.problem {
            let tzid = tzid.clone();
            raise(&mut self.flags, Flag::BadDefinition { tzid, problem });
        }
        let place = resolved.zone.map(|zone| {
            Arc::new(Place {
                tzid: at.0.as_str().into(),
                zone,
                other: resolved.other.zip(resolved.name),
                differences: resolved.differences,
            })
        });
        if place.is_none() {
            raise(&mut self.flags, Flag::UnknownZone { tzid });
        }
        self.places.insert(at, place.clone());
        place.map_or(Basis::Floating, Basis::Zoned)
    }

    /// The component's own definition of a TZID, else the item's, else any override's.
    fn definition(&self, rid: Option<&str>, tzid: &str) -> Option<BlobHash> {
        let of = |wanted: Option<&str>| {
            self.definitions
                .iter()
                .find(|((rid, known), _)| *rid == wanted && known == tzid)
        };
        let any = || {
            self.definitions
                .iter()
                .find(|((_, known), _)| known == tzid)
        };
        let found = of(rid).or_else(|| of(None)).or_else(any);
        found.map(|(_, hash)| *hash)
    }

    fn extent(
        &mut self,
        start: Option<&Point>,
        end: Option<Point>,
        duration: Option<&str>,
    ) -> Option<Extent> {
        let start = start?;
        let extent = match (end, duration) {
            (Some(end), _) => {
                if start.basis.is_date() != end.basis.is_date() {
                    let property = "DTEND";
                    let value = end.local.to_string();
                    raise(&mut self.flags, Flag::OtherKind { property, value });
                }
                Extent::Exact(distance(start, &end))
            }
            (None, Some(value)) => match Duration::read(value) {
                Some(duration) => Extent::Nominal(duration),
                None => {
                    let (property, value) = ("DURATION", quote(value));
                    raise(&mut self.flags, Flag::Unreadable { property, value });
                    return None;
                }
            },
            (None, None) => return None,
        };
        if extent.seconds() < 0 {
            raise(&mut self.flags, Flag::EndsBeforeItStarts);
            return None;
        }
        Some(extent)
    }

    /// Zones are to hold for so many more years to both sides.
    pub(super) fn widen(&mut self, years: i64) {
        self.years = (self.years.0 - years, self.years.1 + years);
    }

    /// The values of EXDATE or RDATE, with their keys and parameters. A list that is kept outside
    /// for its length has all its values in one.
    pub(super) fn list(&mut self, name: &str) -> Vec<(&'a str, String, String)> {
        let prefix = format!("{name}#");
        let item = self.item;
        let of_name = item.values.range(prefix.clone()..);
        let mut out = Vec::new();
        for (at, stored) in of_name.take_while(|(at, _)| at.starts_with(&prefix)) {
            let whole = match register::outside_hash(stored) {
                None => Some(stored.clone()),
                Some(hash) => self.zones.text(hash),
            };
            let Some(whole) = whole else {
                raise(&mut self.flags, Flag::NotHere);
                continue;
            };
            let stored = Stored::read(&whole);
            for value in stored.value.split(',') {
                if !value.trim_ascii().is_empty() {
                    out.push((at.as_str(), stored.params.to_owned(), value.to_owned()));
                }
            }
        }
        out
    }
}

/// Seconds from one time to another: of instants where both are some, else of the clocks.
pub(super) fn distance(from: &Point, to: &Point) -> i64 {
    match (&from.basis, &to.basis) {
        (Basis::Zoned(a), Basis::Zoned(b)) => {
            b.zone.instant(to.local).0 - a.zone.instant(from.local).0
        }
        // a floating end of a zoned start is on the clock of the start
        (Basis::Zoned(a), Basis::Floating) => {
            a.zone.instant(to.local).0 - a.zone.instant(from.local).0
        }
        _ => to.local.0 - from.local.0,
    }
}
