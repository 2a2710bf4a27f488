//! What a person sees of a document: one value for each key, the same on every device.
//!
//! A function of the set of changes alone. Values of one key whose comparison forms agree are
//! one value; where they differ, one is shown and the others stay beside it as a conflict.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::covers::covers;
use super::history::{History, by_size};
use super::invitation::{Invitations, REPLY};
use super::{Candidate, Conflict, OpId, Other, View, answers, twins, types};
use crate::canon;
use crate::item::{Item, key, names};

/// A document as it is shown.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// The item, without ended overrides.
    pub item: Item,
    /// Whether it is alive.
    pub live: bool,
    /// What clashes.
    pub conflicts: Vec<Conflict>,
    /// The operations behind the shown value of each key.
    represents: BTreeMap<String, Vec<OpId>>,
    /// By the key that is shown: elements that say the same and are not shown beside it.
    twins: BTreeMap<String, Vec<String>>,
}

impl View<'_> {
    /// What a person sees.
    pub fn shown(&self) -> Shown {
        Shown::of(self)
    }
}

impl Shown {
    /// Chooses among the visible values of every key.
    pub(super) fn of(view: &View<'_>) -> Self {
        let invitations = Invitations::of(view);
        let history = History::new(view);
        let mut out = Self {
            live: invitations.is_live(view, None),
            ..Self::default()
        };
        let mut ended: HashMap<&str, bool> = HashMap::new();
        let mut is_ended = |rid| {
            *ended
                .entry(rid)
                .or_insert_with(|| !invitations.is_live(view, Some(rid)))
        };
        for (at, candidates) in &view.keys {
            let (rid, rest) = key::split_override(at);
            if rid.is_some_and(&mut is_ended) || rest == key::LIVE {
                continue;
            }
            let left = invitations.of_interest(at, candidates);
            match rest {
                "~kind" => out.item.kind = greatest(&left),
                "UID" => out.item.uid = greatest(&left),
                "~v" | "~itip" => {}
                _ => match answers::answered(&invitations, view, at, &left) {
                    Some(line) => {
                        let ids = left.iter().map(|candidate| candidate.id.clone());
                        out.show(at, line, ids.collect());
                    }
                    None => out.choose(&history, at, &left),
                },
            }
        }
        for (kept, twins) in twins::of(&out.item, &out.conflicts, view) {
            let gone = twins.iter().filter_map(|twin| out.item.values.remove(twin));
            let gone: Vec<String> = gone.collect();
            out.heard(&kept, &twins);
            if let Some(value) = out.item.values.get_mut(&kept) {
                *value = types::united(value, gone.iter().map(String::as_str));
            }
            out.twins.insert(kept, twins);
        }
        invitations.overlay(&mut out.item);
        out
    }

    /// An alarm that is shown for several was heard when the latest of them was.
    fn heard(&mut self, kept: &str, twins: &[String]) {
        let heard = |at: &str| format!("{at}/ack");
        let values = &mut self.item.values;
        for twin in twins {
            let Some(of_twin) = values.remove(&heard(twin)) else {
                continue;
            };
            let of_kept = values.entry(heard(kept)).or_default();
            if by_size(key::name(kept), &of_twin) > by_size(key::name(kept), of_kept) {
                *of_kept = of_twin;
            }
        }
    }

    /// The keys of elements that an element stands for besides its own.
    pub(super) fn twins(&self, at: &str) -> &[String] {
        self.twins.get(at).map_or(&[], Vec::as_slice)
    }

    /// The operations that the shown value of a key stands for.
    pub(super) fn represents(&self, at: &str) -> Vec<OpId> {
        self.represents.get(at).cloned().unwrap_or_default()
    }

    /// The operations behind every value of a key that a person can choose from.
    pub(super) fn has_a_say(&self, at: &str) -> Vec<OpId> {
        let conflict = self.conflicts.iter().find(|conflict| conflict.key == at);
        match conflict {
            Some(conflict) => conflict.operations.clone(),
            None => self.represents(at),
        }
    }

    fn choose(&mut self, history: &History<'_, '_>, at: &str, candidates: &[&Candidate<'_>]) {
        let (name, rest) = (key::name(at), key::split_override(at).1);
        let texts: Vec<(&Candidate<'_>, &str)> = candidates
            .iter()
            .filter_map(|c| Some((*c, c.value.text()?)))
            .collect();
        let Some((_, text)) = texts.last() else {
            return;
        };
        let all = || candidates.iter().map(|c| c.id.clone()).collect::<Vec<_>>();
        if texts.len() == 1 {
            self.show(at, (*text).to_owned(), all());
            return;
        }
        if is_kept_by_machines(rest, name) {
            let said = texts.iter().map(|(_, text)| *text);
            let value = if rest.starts_with("~order/") || rest.starts_with("CAL/") {
                Some(*text)
            } else if rest.starts_with(REPLY) {
                said.max()
            } else {
                said.max_by_key(|text| by_size(name, text))
            };
            self.show(at, value.unwrap_or(text).to_owned(), all());
            return;
        }
        let forms: Vec<String> = texts
            .iter()
            .map(|(_, text)| canon::form(name, text))
            .collect();
        let restated = restated(history, at, &texts, &forms);
        let mut open: Vec<usize> = (0..texts.len()).filter(|i| !restated.contains(i)).collect();
        let covered = covered(history, at, &texts, &open);
        open.retain(|i| !covered.contains_key(i));
        let winner = winner(history, at, &texts, &open).unwrap_or(texts.len() - 1);
        let bare = types::without(name, texts[winner].1);
        let (agreeing, differing): (Vec<usize>, Vec<usize>) = open.into_iter().partition(|i| {
            forms[*i] == forms[winner]
                || (bare.is_some() && types::without(name, texts[*i].1) == bare)
        });
        let less = covered.iter().filter(|(_, by)| agreeing.contains(by));
        let less: Vec<usize> = less.map(|(i, _)| *i).collect();
        let said = agreeing.iter().chain(&less).map(|i| texts[*i].1);
        let value = types::united(texts[winner].1, said);
        let ids = agreeing.iter().chain(&less).chain(&restated);
        let ids: Vec<OpId> = ids.map(|i| texts[*i].0.id.clone()).collect();
        let mut others: Vec<Other> = Vec::new();
        let mut told: HashSet<&str> = HashSet::new();
        for i in differing {
            if told.insert(&forms[i]) {
                others.push(Other::of(texts[i].0, texts[i].1));
            }
        }
        if !others.is_empty() {
            others.sort();
            self.conflicts.push(Conflict {
                key: at.to_owned(),
                shown: value.clone(),
                chosen: Other::of(texts[winner].0, texts[winner].1),
                others,
                operations: all(),
            });
        }
        self.show(at, value, ids);
    }

    fn show(&mut self, at: &str, value: String, ids: Vec<OpId>) {
        self.item.values.insert(at.to_owned(), value);
        self.represents.insert(at.to_owned(), ids);
    }
}

/// Candidates made from a text alone that only restate what another candidate's writer knew
/// and replaced: an old export read again is no opinion of its own.
fn restated(
    history: &History<'_, '_>,
    at: &str,
    texts: &[(&Candidate<'_>, &str)],
    forms: &[String],
) -> BTreeSet<usize> {
    let mut out = BTreeSet::new();
    if !texts.iter().any(|(c, _)| c.change.is_from_text()) {
        return out;
    }
    for (candidate, _) in texts.iter().filter(|(c, _)| !c.change.is_from_text()) {
        let replaced = history.replaced_by(at, &candidate.id, key::name(at));
        for (j, (other, _)) in texts.iter().enumerate() {
            if other.change.is_from_text() && replaced.contains(&forms[j]) {
                out.insert(j);
            }
        }
    }
    out
}

/// Values read from texts that say less than another text's value, and which that is: what two
/// programs write of one thing, with more and with less of it, is nothing to decide.
fn covered(
    history: &History<'_, '_>,
    at: &str,
    texts: &[(&Candidate<'_>, &str)],
    open: &[usize],
) -> BTreeMap<usize, usize> {
    let name = key::name(at);
    let mut left: Vec<usize> = open.to_vec();
    left.retain(|i| texts[*i].0.change.is_from_text());
    let mut out = BTreeMap::new();
    while left.len() > 1 {
        let Some(first) = winner(history, at, texts, &left) else {
            break;
        };
        // of those that cover each other, the one that would be shown anyway
        let greatest = left.iter().fold(first, |best, i| {
            let (is, was) = (texts[*i].1, texts[best].1);
            match covers(name, is, was) && !covers(name, was, is) {
                true => *i,
                false => best,
            }
        });
        left.retain(|i| *i != greatest);
        left.retain(|i| {
            let is_less = covers(name, texts[greatest].1, texts[*i].1);
            if is_less {
                out.insert(*i, greatest);
            }
            !is_less
        });
    }
    out
}

/// The later REV or LAST-MODIFIED where every side carries one, else Automerge's choice.
fn winner(
    history: &History<'_, '_>,
    at: &str,
    texts: &[(&Candidate<'_>, &str)],
    open: &[usize],
) -> Option<usize> {
    let prefix = key::prefix(key::split_override(at).0);
    let stamps: Option<Vec<&str>> = open
        .iter()
        .map(|i| history.stamp(texts[*i].0.change, &prefix))
        .collect();
    match stamps {
        Some(stamps) => open
            .iter()
            .zip(&stamps)
            .max_by(|a, b| a.1.cmp(b.1).then(a.0.cmp(b.0)))
            .map(|(i, _)| *i),
        None => open.last().copied(),
    }
}

/// What merges without ever being a conflict.
fn is_kept_by_machines(rest: &str, name: &str) -> bool {
    names::is_book_keeping(name)
        || (rest.starts_with("ALARM#") && rest.ends_with("/ack"))
        || rest.starts_with("CAL/")
        || rest.starts_with("~order/")
        || rest.starts_with(REPLY)
}

fn greatest(candidates: &[&Candidate<'_>]) -> String {
    candidates
        .iter()
        .rev()
        .find_map(|c| c.value.text())
        .unwrap_or_default()
        .to_owned()
}
