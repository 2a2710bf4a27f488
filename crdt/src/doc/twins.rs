//! Elements that came to say the same: a number that one person corrected and another added.
//!
//! What a text or a person lists twice stands under one birth id and its repeats, and stays
//! twice. The same value under different birth ids was never written twice by anybody: it is
//! shown once, and whoever changes it changes all of them. Likewise a value that one text has
//! and another text says with less: an address without its country. Of an alarm that is twice the
//! latest time at which either was heard counts.

use std::collections::{BTreeMap, BTreeSet};

use super::covers::covers;
use super::{Conflict, View};
use crate::canon;
use crate::item::{Item, key};

/// The elements of one name in one component, each with its key.
type Families<'i> = BTreeMap<(Option<&'i str>, &'i str), Vec<(&'i str, &'i str)>>;

/// By the key that is shown, the keys that are not. A key that clashes is always shown.
pub(super) fn of(
    item: &Item,
    conflicts: &[Conflict],
    view: &View<'_>,
) -> Vec<(String, Vec<String>)> {
    let open: BTreeSet<&str> = conflicts.iter().map(|c| c.key.as_str()).collect();
    let mut families: Families<'_> = BTreeMap::new();
    for (at, value) in &item.values {
        let (rid, rest) = key::split_override(at);
        let name = key::name(at);
        if is_element(rest, name) {
            families.entry((rid, name)).or_default().push((at, value));
        }
    }
    let mut out: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for ((_, name), elements) in families.iter().filter(|(_, all)| all.len() > 1) {
        let mut same: BTreeMap<String, BTreeMap<&str, Vec<&str>>> = BTreeMap::new();
        for (at, value) in elements {
            let births = same.entry(canon::form(name, value)).or_default();
            births.entry(birth(at)).or_default().push(at);
        }
        out.extend(same.values().filter_map(|births| one(births, &open)));
        let is_gone = |at: &str| out.values().flatten().any(|twin| twin == at);
        let mut left: Vec<_> = elements.clone();
        left.retain(|(at, _)| !open.contains(at) && !is_gone(at));
        for (kept, twin) in with_less(name, left, view) {
            let mut of_twin = out.remove(&twin).unwrap_or_default();
            of_twin.push(twin);
            out.entry(kept).or_default().extend(of_twin);
        }
    }
    out.into_iter().collect()
}

/// Elements that one text has and another text has with less: which is shown, which is not.
fn with_less(name: &str, mut left: Vec<(&str, &str)>, view: &View<'_>) -> Vec<(String, String)> {
    if view.changes.iter().filter(|c| c.is_from_text()).count() < 2 {
        return Vec::new();
    }
    left.retain(|(at, _)| view.candidates(at).iter().all(|c| c.change.is_from_text()));
    let in_one_text = |a: &str, b: &str| {
        let of_a = view.candidates(a);
        let mut of_b = view.candidates(b).iter();
        of_b.any(|b| of_a.iter().any(|a| a.change.hash == b.change.hash))
    };
    let mut out: Vec<(String, String)> = Vec::new();
    let mut at = 0;
    while at < left.len() {
        let (less, value) = left[at];
        let more = left.iter().find(|(more, greater)| {
            *more != less
                && covers(name, greater, value)
                && (!covers(name, value, greater) || *more < less)
                && !in_one_text(more, less)
        });
        match more {
            Some((more, _)) => {
                // what was shown for others is shown by what is greater still
                for (kept, _) in out.iter_mut().filter(|(kept, _)| kept == less) {
                    (*more).clone_into(kept);
                }
                out.push(((*more).to_owned(), less.to_owned()));
                left.remove(at);
            }
            None => at += 1,
        }
    }
    out
}

/// Of several births of one value, one that clashes is shown, else that with the most repeats,
/// else the first.
fn one(births: &BTreeMap<&str, Vec<&str>>, open: &BTreeSet<&str>) -> Option<(String, Vec<String>)> {
    let clashes = |all: &Vec<&str>| all.iter().any(|at| open.contains(at));
    let most = births.values().map(|all| (clashes(all), all.len())).max()?;
    let (kept, shown) = births
        .iter()
        .find(|(_, all)| (clashes(all), all.len()) == most)?;
    let others = births.iter().filter(|(birth, _)| *birth != kept);
    let twins: Vec<String> = others
        .flat_map(|(_, all)| all)
        .filter(|at| !open.contains(*at))
        .map(|at| (*at).to_owned())
        .collect();
    (!twins.is_empty()).then(|| Some(((*shown.last()?).to_owned(), twins)))?
}

fn birth(at: &str) -> &str {
    match at.rsplit_once('~') {
        Some((birth, _)) if birth.contains('#') => birth,
        _ => at,
    }
}

/// Unknown components have names of their own.
fn is_element(rest: &str, name: &str) -> bool {
    rest.starts_with(name)
        && rest[name.len()..].starts_with('#')
        && !rest.contains('/')
        && name != "REPLY"
}
