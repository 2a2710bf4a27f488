//! Phones, addresses, alarms, attendees: which element of one list is which of another.
//!
//! Matched by value, then by what they are known by, then by kind and place, so that a
//! corrected phone number keeps its key and a concurrent correction of it is seen as a clash.

use std::collections::{HashMap, HashSet, VecDeque};

use super::Edit;
use crate::canon;
use crate::item::register::Stored;
use crate::item::{key, names};

/// The edits of one family of elements, and the ids in the order of the new list.
pub(super) struct Matched {
    pub(super) edits: Vec<Edit>,
    pub(super) order: Vec<String>,
}

/// What an element is looked for by, in one pass; nothing where that pass is not for it.
type Mark<'m> = &'m dyn Fn(&str) -> Option<String>;

/// Matches the old elements of a family to the new ones. Keys are without override.
pub(super) fn matched(family: &str, old: &[(&str, &str)], new: &[(&str, &str)]) -> Matched {
    let name = key::name(family);
    let used: HashSet<&str> = old.iter().map(|(at, _)| *at).collect();
    let says_something = |(_, value): &&(&str, &str)| !canon::form(name, value).is_empty();
    let old: Vec<_> = old.iter().filter(says_something).copied().collect();
    let new: Vec<_> = new.iter().filter(says_something).copied().collect();
    let mut partner: Vec<Option<usize>> = vec![None; new.len()];
    let mut taken = vec![false; old.len()];
    let mut sorted: Vec<usize> = (0..old.len()).collect();
    sorted.sort_by_key(|i| key::by_repeat(old[*i].0)); // of equal repeats the highest is left over
    let by_key: HashMap<&str, usize> = old.iter().enumerate().map(|(i, (k, _))| (*k, i)).collect();
    let in_place = names::is_edited_in_place(name) && !family.starts_with("C/");
    let by_form = |value: &str| Some(canon::form(name, value));
    let by_identity = |value: &str| Some(canon::identity(name, value));
    let by_kind = |value: &str| in_place.then(|| kind(name, value));
    let passes: [Mark<'_>; 3] = [&by_form, &by_identity, &by_kind];
    for (pass, mark) in passes.into_iter().enumerate() {
        if partner.iter().all(Option::is_some) || taken.iter().all(|taken| *taken) {
            break;
        }
        let mut open: HashMap<String, VecDeque<usize>> = HashMap::new();
        for i in sorted.iter().filter(|i| !taken[**i]) {
            if let Some(mark) = mark(old[*i].1) {
                open.entry(mark).or_default().push_back(*i);
            }
        }
        for (j, (at, value)) in new.iter().enumerate() {
            if partner[j].is_some() {
                continue;
            }
            let same_key = (name == "ALARM" || name.starts_with("C/")) && pass == 1;
            let found = match mark(value) {
                _ if same_key => by_key.get(at).copied().filter(|i| !taken[*i]),
                Some(mark) => open.get_mut(&mark).and_then(VecDeque::pop_front),
                None => None,
            };
            if let Some(i) = found {
                partner[j] = Some(i);
                taken[i] = true;
            }
        }
    }
    written(family, (&old, used), &new, &partner, &taken)
}

fn written(
    family: &str,
    (old, used): (&[(&str, &str)], HashSet<&str>),
    new: &[(&str, &str)],
    partner: &[Option<usize>],
    taken: &[bool],
) -> Matched {
    let name = key::name(family);
    let mut out = Matched {
        edits: Vec::new(),
        order: Vec::new(),
    };
    let mut next: HashMap<&str, usize> = HashMap::new();
    for ((at, value), partner) in new.iter().zip(partner) {
        let at = match partner {
            Some(i) => {
                if !is_unchanged(name, old[*i].1, value) {
                    out.edits.push(Edit::Set {
                        key: old[*i].0.into(),
                        value: (*value).into(),
                    });
                }
                old[*i].0.to_owned()
            }
            None => {
                let birth = at.split('~').next().unwrap_or(at);
                let n = next.entry(birth).or_insert(0);
                while used.contains(key::repeat(birth, *n).as_str()) {
                    *n += 1;
                }
                let at = key::repeat(birth, *n);
                *n += 1;
                out.edits.push(Edit::Set {
                    key: at.clone(),
                    value: (*value).to_owned(),
                });
                at
            }
        };
        if let Some((_, id)) = at.split_once('#') {
            out.order.push(id.to_owned());
        }
    }
    for ((at, _), taken) in old.iter().zip(taken) {
        if !taken {
            out.edits.push(Edit::Clear {
                key: (*at).to_owned(),
            });
        }
    }
    out
}

/// True where a writer changed nothing. Which of several is preferred never clashes, but a
/// writer who changes it means it.
pub(super) fn is_unchanged(name: &str, was: &str, is: &str) -> bool {
    was == is || (canon::same(name, was, is) && preference(name, was) == preference(name, is))
}

/// How much an element is preferred, where it says so: PREF of vCard 4.0, the type of 3.0.
fn preference<'a>(name: &str, stored: &'a str) -> Option<&'a str> {
    if !names::keeps_order(name) {
        return None;
    }
    let read = Stored::read(stored);
    read.parameters().value_of("PREF").or_else(|| {
        let is_pref = |(param, value): (&str, &str)| {
            (param.is_empty() || param.eq_ignore_ascii_case("TYPE"))
                && value
                    .split(',')
                    .any(|t| t.trim_matches('"').eq_ignore_ascii_case("pref"))
        };
        read.parameters().any(is_pref).then_some("1")
    })
}

/// What an element is besides its value: a home phone, a work address.
fn kind(name: &str, stored: &str) -> String {
    let read = Stored::read(stored);
    let bare = Stored {
        value: "x",
        companions: "",
        ..read
    }
    .write();
    canon::form(if name.starts_with("C/") { "X" } else { name }, &bare)
}

/// Sorts elements by an order register; those it does not name follow, by key.
pub(crate) fn put_in_order(elements: &mut [(&str, &str)], order: &str) {
    let place: HashMap<&str, usize> = order
        .split(' ')
        .enumerate()
        .map(|(at, id)| (id, at))
        .collect();
    elements.sort_by_key(|(at, _)| match at.split_once('#') {
        Some((_, id)) => place.get(id).map_or(usize::MAX, |at| at + 1),
        None => 0, // the first instance of what should occur once
    });
}

/// True where the order register already puts these ids in this order.
pub(super) fn is_order_of(order: &str, ids: &[String]) -> bool {
    let wanted: HashSet<&str> = ids.iter().map(String::as_str).collect();
    let present: Vec<&str> = order.split(' ').filter(|id| wanted.contains(id)).collect();
    if present.is_empty() {
        return ids.is_sorted_by_key(|id| key::by_repeat(id));
    }
    present.len() == ids.len() && present.iter().zip(ids).all(|(a, b)| a == b)
}
