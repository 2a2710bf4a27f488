//! What changed between the item a writer saw and the item they sent.
//!
//! ```text
//!  normalise ──Item──► [diff] ──Vec<Edit>──► doc
//!                        ▲
//!         store ──Item──┘   as it was when that writer last read, not as it is now
//! ```
//!
//! Invariants: pure; only registers whose comparison forms differ are written; what a writer
//! cannot show they cannot delete; `apply(before, diff(before, after))` says the same as `after`.

mod elements;
#[cfg(test)]
mod tests;

pub(crate) use elements::put_in_order;

use std::collections::{BTreeMap, BTreeSet};

use crate::canon;
use crate::item::register::Stored;
use crate::item::{Item, key, names};

/// One register changed, or an item or override brought to life or ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Edit {
    /// Writes a register.
    Set {
        /// Its whole key.
        key: String,
        /// What it holds from now on.
        value: String,
    },
    /// Removes a register.
    Clear {
        /// Its whole key.
        key: String,
    },
    /// Ends an override, or the item itself.
    Delete {
        /// Which override; none for the item.
        rid: Option<String>,
    },
    /// Brings an override, or the item itself, to life.
    Revive {
        /// Which override; none for the item.
        rid: Option<String>,
    },
}

/// What the absence of a property in a writer's text means.
#[derive(Clone, Copy, Debug)]
pub enum Absence<'a> {
    /// The writer shows everything: what is absent was removed.
    Deletes,
    /// The writer was seen to show these names only; what else is absent it may not know.
    DeletesOnly(&'a BTreeSet<String>),
    /// All that there was is known, be it occurrences without their series: an earlier state
    /// of the item, no text that somebody wrote.
    IsExact,
    /// The writer shows an extract: nothing absent was removed.
    Keeps,
}

impl Absence<'_> {
    fn deletes(self, name: &str) -> bool {
        #[cfg(feature = "mutants")]
        if crate::mutants::is(crate::mutants::Mutant::AbsenceDeletes) {
            return !matches!(self, Self::Keeps);
        }
        match self {
            Self::Deletes | Self::IsExact => true,
            Self::DeletesOnly(shown) => shown.contains(name),
            Self::Keeps => false,
        }
    }
}

/// The edits that turn `before` into `after`. None where both say the same.
pub fn diff(before: &Item, after: &Item, absence: Absence<'_>) -> Vec<Edit> {
    let mut edits = Vec::new();
    let mut kept = Vec::new();
    let overrides: BTreeSet<&str> = before
        .overrides()
        .into_iter()
        .chain(after.overrides())
        .collect();
    let is_whole =
        after.has_master() || after.overrides().is_empty() || matches!(absence, Absence::IsExact);
    if is_whole {
        component(before, after, None, absence, &mut edits, &mut kept);
    }
    for rid in overrides {
        let (was, is) = (has(before, rid), has(after, rid));
        if was && is {
            component(before, after, Some(rid), absence, &mut edits, &mut kept);
        } else if is {
            edits.push(Edit::Revive {
                rid: Some(rid.to_owned()),
            });
            edits.extend(after.component(Some(rid)).map(|(rest, value)| Edit::Set {
                key: key::in_override(rid, rest),
                value: value.to_owned(),
            }));
        } else if absence.deletes(key::RECURRENCE_ID) && is_whole {
            edits.push(Edit::Delete {
                rid: Some(rid.to_owned()),
            });
        }
    }
    // what machines keep is worth a write only beside something that a person sees
    if !edits.is_empty() {
        edits.append(&mut kept);
    }
    edits.sort();
    edits
}

/// What an item is after edits. The edits of life are told by the overrides that remain.
pub fn apply(before: &Item, edits: &[Edit]) -> Item {
    let mut after = before.clone();
    for edit in edits {
        match edit {
            Edit::Set { key, value } => {
                after.values.insert(key.clone(), value.clone());
            }
            Edit::Clear { key } => {
                after.values.remove(key);
            }
            Edit::Delete { rid: Some(rid) } => {
                after
                    .values
                    .retain(|at, _| key::split_override(at).0 != Some(rid));
            }
            Edit::Delete { rid: None } | Edit::Revive { .. } => {}
        }
    }
    after
}

fn has(item: &Item, rid: &str) -> bool {
    item.component(Some(rid)).next().is_some()
}

fn component(
    before: &Item,
    after: &Item,
    rid: Option<&str>,
    absence: Absence<'_>,
    edits: &mut Vec<Edit>,
    kept: &mut Vec<Edit>,
) {
    let whole = |rest: &str| format!("{}{rest}", key::prefix(rid));
    let (old, new) = (Registers::of(before, rid), Registers::of(after, rid));
    let singles: BTreeSet<&str> = old
        .single
        .keys()
        .chain(new.single.keys())
        .copied()
        .collect();
    for rest in singles {
        let name = key::name(rest);
        match (old.single.get(rest), new.single.get(rest)) {
            (was, Some(is)) if rest.ends_with("/ack") => {
                if was.is_none_or(|was| is_later(is, was)) {
                    edits.push(Edit::Set {
                        key: whole(rest),
                        value: (*is).to_owned(),
                    });
                }
            }
            (was, Some(is)) if is_kept_by_machines(rest, name) => {
                if was != Some(is) {
                    kept.push(Edit::Set {
                        key: whole(rest),
                        value: (*is).to_owned(),
                    });
                }
            }
            (Some(was), Some(is)) if elements::is_unchanged(name, was, is) => {}
            (None, Some(is)) if canon::form(name, is).is_empty() => {}
            (_, Some(is)) => edits.push(Edit::Set {
                key: whole(rest),
                value: (*is).to_owned(),
            }),
            (Some(was), None) => {
                let says_nothing = canon::form(name, was).is_empty();
                if absence.deletes(name) && !is_kept_by_machines(rest, name) && !says_nothing {
                    edits.push(Edit::Clear { key: whole(rest) });
                }
            }
            (None, None) => {}
        }
    }
    repeated(before, (&old, &new), rid, absence, edits, kept);
}

/// The edits of properties that may occur often.
fn repeated(
    before: &Item,
    (old, new): (&Registers<'_>, &Registers<'_>),
    rid: Option<&str>,
    absence: Absence<'_>,
    edits: &mut Vec<Edit>,
    kept: &mut Vec<Edit>,
) {
    let whole = |rest: &str| format!("{}{rest}", key::prefix(rid));
    let families: BTreeSet<&str> = old
        .elements
        .keys()
        .chain(new.elements.keys())
        .copied()
        .collect();
    for name in families {
        let none = Vec::new();
        let was = old.elements.get(name).unwrap_or(&none);
        let is = new.elements.get(name).unwrap_or(&none);
        // most families of an edited item were not touched
        if was == is {
            continue;
        }
        let matched = elements::matched(name, was, is);
        let edits = if names::is_book_keeping(key::name(name)) {
            &mut *kept
        } else {
            &mut *edits
        };
        for edit in matched.edits {
            match edit {
                Edit::Clear { .. } if !absence.deletes(key::name(name)) => {}
                Edit::Clear { key } => edits.push(Edit::Clear { key: whole(&key) }),
                Edit::Set { key, value } => edits.push(Edit::Set {
                    key: whole(&key),
                    value,
                }),
                Edit::Delete { .. } | Edit::Revive { .. } => {}
            }
        }
        if names::keeps_order(name) && matched.order.len() > 1 {
            let at = format!("~order/{name}");
            let order = matched.order.join(" ");
            let was = before.value(&whole(&at)).unwrap_or("");
            if was != order && !elements::is_order_of(was, &matched.order) {
                edits.push(Edit::Set {
                    key: whole(&at),
                    value: order,
                });
            }
        }
    }
}

/// True for registers whose change alone is nothing that a person did.
fn is_kept_by_machines(rest: &str, name: &str) -> bool {
    names::is_book_keeping(name) || rest.starts_with("CAL/") || rest.ends_with("/ack")
}

/// An alarm that was heard once has been heard, whatever an older text says.
fn is_later(is: &str, was: &str) -> bool {
    Stored::read(is).value.trim_ascii() > Stored::read(was).value.trim_ascii()
}

/// The registers of one component: single ones, and elements by the name they share.
struct Registers<'a> {
    single: BTreeMap<&'a str, &'a str>,
    elements: BTreeMap<&'a str, Vec<(&'a str, &'a str)>>,
}

impl<'a> Registers<'a> {
    fn of(item: &'a Item, rid: Option<&'a str>) -> Self {
        let mut out = Self {
            single: BTreeMap::new(),
            elements: BTreeMap::new(),
        };
        for (rest, value) in item.component(rid) {
            if rest.starts_with("~order/") {
                continue;
            }
            let family = if rest.starts_with("CAL/") || rest.ends_with("/ack") {
                None
            } else {
                Some(key::family(rest)).filter(|family| *family != rest)
            };
            match family {
                Some(family) => out.elements.entry(family).or_default().push((rest, value)),
                None => {
                    out.single.insert(rest, value);
                }
            }
        }
        for (family, elements) in &mut out.elements {
            elements.sort_by_key(|(rest, _)| key::by_repeat(rest));
            let order = item.value(&format!("{}~order/{family}", key::prefix(rid)));
            if let Some(order) = order {
                elements::put_in_order(elements, order);
            }
        }
        out
    }
}
