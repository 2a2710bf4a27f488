//! Whether an item's occurrences kept their instants on the way in or out.
//!
//! What a text said is compared with what is rendered of it: five years to both sides, once as
//! programs see it that go by the names of zones, and once as those see it that go by their
//! definitions.

use super::{Expansion, Occurrence, expand};
use crate::item::{Item, key};
use crate::render::Blobs;
use crate::text::line::Line;
use crate::time::civil::{DAY, Local};
use crate::time::flag::{Flag, raise};
use crate::time::moment::{Moment, Window};
use crate::time::value::Stamp;
use crate::time::zone::{Prefer, Zone, Zones};

/// Five years, in days.
const REACH: i64 = 5 * 365 + 2;

/// How many changed occurrences are told of: it is one too many that matters.
const MOST_TOLD: usize = 16;

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

/// Compares all occurrences within five years of `around`, or of the item's own first start
/// where that is absent. Each item comes with the blobs that it names.
pub fn instants_kept(
    before: (&Item, &dyn Blobs),
    after: (&Item, &dyn Blobs),
    around: Option<Local>,
) -> Kept {
    let mut kept = Kept::default();
    let Some(around) = around.or_else(|| first_start(before.0, before.1)) else {
        return kept;
    };
    let window = Window::new(
        Local(around.0 - REACH * DAY),
        Local(around.0 + REACH * DAY),
        &Zone::UTC,
    );
    for prefer in [Prefer::Names, Prefer::Definitions] {
        let zones = Zones::preferring(prefer, before.1);
        let old = expand(before.0, &zones, window);
        let zones = Zones::preferring(prefer, after.1);
        let new = expand(after.0, &zones, window);
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

/// What must stay of each occurrence, in order.
fn told(expansion: &Expansion) -> Vec<(Moment, Moment, bool)> {
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
