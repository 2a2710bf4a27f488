//! Whether an item's occurrences kept their instants on the way in or out.
//!
//! What a text said is compared with what is rendered of it: five years to both sides, once as
//! programs see it that go by the names of zones, and once as those see it that go by their
//! definitions.

use super::{Expansion, Occurrence, expand_in};
use crate::item::{Item, key};
use crate::render::Blobs;
use crate::text::line::Line;
use crate::time::bounds::Allowance;
use crate::time::civil::{DAY, Local};
use crate::time::flag::{Flag, raise};
use crate::time::moment::{Moment, Window};
use crate::time::value::Stamp;
use crate::time::zone::{Prefer, Zone, Zones};

/// Five years, in days.
pub(super) const REACH: i64 = 5 * 365 + 2;

/// How many changed occurrences are told of: it is one too many that matters.
pub(super) const MOST_TOLD: usize = 16;

/// What became of an item's occurrences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    /// How many occurrences there were, orphaned overrides included.
    pub occurrences: usize,
    /// Occurrences that are there before or after only, at most the first few.
    pub changed: Vec<Change>,
    /// What a person should know of the item's times, whether they changed or not.
    pub flags: Vec<Flag>,
}

/// An occurrence that is not the same before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is there before and not after.
    Lost {
        /// Its start.
        start: Moment,
        /// Its end.
        end: Moment,
    },
    /// It is there after and was not before.
    Gained {
        /// Its start.
        start: Moment,
        /// Its end.
        end: Moment,
    },
}

impl Kept {
    /// True where every occurrence is proven to be where and as long as it was.
    pub fn is_proven(&self) -> bool {
        self.changed.is_empty() && !self.flags.iter().any(Flag::hides_occurrences)
    }
}

/// What was found out about an item's times before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// All occurrences are where they were.
    Kept,
    /// These are not; at most the first few.
    Changed(Vec<Change>),
    /// It took too much work to find out.
    NotExamined,
}

/// Compares all occurrences within five years of `around`, or of the item's own first start
/// where that is absent. Each item comes with the blobs that it names.
pub fn instants_kept(
    before: (&Item, &dyn Blobs),
    after: (&Item, &dyn Blobs),
    around: Option<Local>,
) -> Kept {
    compared(before, after, around, &mut Allowance::new(u64::MAX))
}

/// Whether all occurrences within five years kept their instants, in as much work as is left.
/// Where both say the same of their times, to the letter, nothing has to be computed.
pub fn times_kept(
    before: (&Item, &dyn Blobs),
    after: (&Item, &dyn Blobs),
    allowance: &mut Allowance,
) -> Proof {
    if same_times(before.0, after.0) {
        return Proof::Kept;
    }
    if allowance.is_spent() {
        return Proof::NotExamined;
    }
    let kept = compared(before, after, None, allowance);
    if !kept.changed.is_empty() {
        Proof::Changed(kept.changed)
    } else if kept.flags.iter().any(Flag::hides_occurrences) {
        Proof::NotExamined
    } else {
        Proof::Kept
    }
}

/// True where everything that times are computed from is the same: WHEN with the hashes of its
/// definitions, dates, overrides, and what cancels.
pub(super) fn same_times(one: &Item, other: &Item) -> bool {
    let times = |item| of_times(item).collect::<Vec<_>>();
    times(one) == times(other)
}

/// Stands for everything that an item's times are computed from: two items with the same one
/// have the same occurrences, where the definitions they name are here.
pub fn times_mark(item: &Item) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new_derive_key("pimesh times v1");
    for (at, stored) in of_times(item) {
        for part in [at, stored] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
    }
    *hasher.finalize().as_bytes()
}

fn of_times(item: &Item) -> impl Iterator<Item = (&str, &str)> {
    let is_time = |at: &str| {
        let name = key::name(at);
        let decides_times = matches!(
            name,
            key::WHEN | key::RECURRENCE_ID | key::DONE | "EXDATE" | "RDATE" | "STATUS"
        );
        // which of two overrides of one occurrence is shown
        let ranks = matches!(name, "SEQUENCE" | "DTSTAMP");
        decides_times || (ranks && key::split_override(at).0.is_some())
    };
    let all = item.values.iter();
    all.map(|(at, stored)| (at.as_str(), stored.as_str()))
        .filter(move |(at, _)| is_time(at))
}

fn compared(
    before: (&Item, &dyn Blobs),
    after: (&Item, &dyn Blobs),
    around: Option<Local>,
    allowance: &mut Allowance,
) -> Kept {
    let mut kept = Kept::default();
    let Some(around) = around.or_else(|| first_start(before.0, before.1)) else {
        return kept;
    };
    let window = reach(around);
    for prefer in [Prefer::Names, Prefer::Definitions] {
        let mut expanded = |(item, blobs): (&Item, &dyn Blobs)| {
            let zones = Zones::preferring(prefer, blobs);
            let expansion = expand_in(item, &zones, window, allowance.of_one());
            allowance.spend(expansion.steps);
            allowance.spend_on_zones(zones.steps());
            expansion
        };
        let (old, new) = (expanded(before), expanded(after));
        kept.occurrences = kept
            .occurrences
            .max(old.occurrences.len() + old.orphans.len());
        for flag in old.flags.iter().chain(&new.flags) {
            // both ways round it is the same disagreement
            let is_told = matches!(flag, Flag::ZonesDisagree { .. }) && prefer != Prefer::Names;
            if !is_told {
                raise(&mut kept.flags, flag.clone());
            }
        }
        compare(&old, &new, &mut kept.changed);
    }
    kept
}

/// Five years to both sides.
pub(super) fn reach(around: Local) -> Window {
    Window::new(
        Local(around.0 - REACH * DAY),
        Local(around.0 + REACH * DAY),
        &Zone::UTC,
    )
}

/// What the clock shows at an item's DTSTART (or DUE), else at its first override's.
pub fn first_start(item: &Item, blobs: &dyn Blobs) -> Option<Local> {
    let of = |stored: &str| {
        let whole = match crate::item::register::outside_hash(stored) {
            None => stored.to_owned(),
            Some(hash) => String::from_utf8(blobs.bytes(hash)?).ok()?,
        };
        let lines = whole.split('\n').filter_map(Line::read);
        let mut starts = lines.filter(|line| matches!(line.name, "DTSTART" | "DUE"));
        starts.find_map(|line| Stamp::read(line.params, line.value).map(|stamp| stamp.local))
    };
    let own = item.value(key::WHEN).and_then(of);
    own.or_else(|| {
        let of_override = |rid| item.value(&key::in_override(rid, key::WHEN)).and_then(of);
        item.overrides().into_iter().find_map(of_override)
    })
}

fn compare(old: &Expansion, new: &Expansion, changed: &mut Vec<Change>) {
    let (old, new) = (told(old), told(new));
    let mut add = |change| {
        if changed.len() < MOST_TOLD && !changed.contains(&change) {
            changed.push(change);
        }
    };
    let (mut old, mut new) = (old.iter().peekable(), new.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(a), Some(b)) => a.cmp(b),
        };
        if order.is_le()
            && let Some((start, end, _)) = old.next()
            && order.is_lt()
        {
            add(Change::Lost {
                start: *start,
                end: *end,
            });
        }
        if order.is_ge()
            && let Some((start, end, _)) = new.next()
            && order.is_gt()
        {
            add(Change::Gained {
                start: *start,
                end: *end,
            });
        }
    }
}

/// Start, end, and whether it was called off.
pub(super) type Told = (Moment, Moment, bool);

/// What must stay of each occurrence, in order.
pub(super) fn told(expansion: &Expansion) -> Vec<Told> {
    let all = expansion.occurrences.iter().chain(&expansion.orphans);
    let mut out: Vec<_> = all
        .map(
            |Occurrence {
                 start,
                 end,
                 cancelled,
                 ..
             }| (*start, *end, *cancelled),
        )
        .collect();
    out.sort_unstable();
    out
}
