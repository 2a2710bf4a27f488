//! Invitations by mail: which message of an organiser is in force (RFC 5546).
//!
//! Every message is a change of its own, made from its text alone, that marks the components
//! it speaks of with `~itip` = `SEQUENCE DTSTAMP METHOD`. For each of them the organiser's
//! properties of the greatest pair are shown as a unit, absences included; those of lower ones
//! are history. A cancellation keeps what the invitation said and ends it. What the person
//! wrote themselves (alarms, categories, anything) merges as everything else.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::change::{Action, Value};
use super::{Candidate, View};
use crate::item::register::{Stored, zone_of};
use crate::item::{Item, key, kind};
use crate::text::line::Line;
use crate::{ChangeHash, canon};

/// `SEQUENCE DTSTAMP METHOD` of one message for one component.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark {
    pub(crate) sequence: u64,
    pub(crate) stamp: String,
    pub(crate) method: String,
}

impl Mark {
    /// The key of a mark, without override.
    pub(crate) const KEY: &'static str = "~itip";

    pub(crate) fn write(&self) -> String {
        // padded, so that text order is number order
        format!("{:010} {} {}", self.sequence, self.stamp, self.method)
    }

    fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ' ');
        Some(Self {
            sequence: parts.next()?.parse().ok()?,
            stamp: parts.next()?.to_owned(),
            method: parts.next()?.to_owned(),
        })
    }

    fn pair(&self) -> (u64, &str) {
        (self.sequence, &self.stamp)
    }
}

/// An answer: `SEQUENCE DTSTAMP PARTSTAT`, under `REPLY#` and the id of the attendee.
pub(crate) const REPLY: &str = "REPLY#";

#[derive(Debug, Default)]
struct Component {
    marks: HashMap<ChangeHash, Mark>,
    /// The message whose properties are shown.
    unit: Option<(Mark, ChangeHash)>,
    /// The greatest cancellation.
    cancel: Option<Mark>,
    /// Messages of somebody who is not the organiser: never in force, whenever they come.
    refused: HashSet<ChangeHash>,
}

impl Component {
    /// The first message, cancellations last.
    fn first(&self) -> Option<&ChangeHash> {
        let all = self.marks.iter();
        all.min_by_key(|(hash, mark)| (mark.method == "CANCEL", *mark, *hash))
            .map(|(hash, _)| hash)
    }

    /// Chooses among the messages of the organiser.
    fn choose(&mut self, organisers: &HashMap<ChangeHash, String>, organiser: Option<&String>) {
        let is_cancel = |mark: &Mark| mark.method == "CANCEL";
        let mut all: Vec<(&Mark, &ChangeHash)> =
            self.marks.iter().map(|(hash, mark)| (mark, hash)).collect();
        all.sort();
        all.retain(|(_, hash)| {
            let is_organisers = organisers.get(hash) == organiser;
            if !is_organisers {
                self.refused.insert(**hash);
            }
            is_organisers
        });
        let cancel = all.iter().rev().find(|(mark, _)| is_cancel(mark));
        let unit = all.iter().rev().find(|(mark, _)| !is_cancel(mark));
        let unit = unit
            .or(cancel)
            .map(|(mark, hash)| ((*mark).clone(), **hash));
        let cancel = cancel.map(|(mark, _)| (*mark).clone());
        (self.unit, self.cancel) = (unit, cancel);
    }
}

/// The messages of a document, by the prefix of the component they speak of.
#[derive(Debug, Default)]
pub(super) struct Invitations {
    by_prefix: BTreeMap<String, Component>,
}

impl Invitations {
    pub(super) fn of(view: &View<'_>) -> Self {
        let mut out = Self::default();
        let mut organisers: HashMap<ChangeHash, String> = HashMap::new();
        for change in view.changes.iter().filter(|change| change.is_from_text()) {
            for op in &change.ops {
                let Action::Put(Value::Text(text)) = &op.action else {
                    continue;
                };
                if key::name(&op.key) == "ORGANIZER" {
                    let address = canon::identity("ORGANIZER", text);
                    let bare = address.strip_prefix("mailto:").unwrap_or(&address);
                    organisers.entry(change.hash).or_insert(bare.to_owned());
                    continue;
                }
                let Some(prefix) = op.key.strip_suffix(Mark::KEY) else {
                    continue;
                };
                let Some(mark) = Mark::read(text) else {
                    continue;
                };
                let component = out.by_prefix.entry(prefix.to_owned()).or_default();
                component.marks.insert(change.hash, mark);
            }
        }
        let series = out.by_prefix.get("").and_then(Component::first).copied();
        for component in out.by_prefix.values_mut() {
            let first = series.or(component.first().copied());
            let organiser = first.and_then(|first| organisers.get(&first));
            component.choose(&organisers, organiser);
        }
        out
    }

    /// Whether an item or override is alive. A message gives life only where no message's life
    /// was ended before: an update does not bring back what a person deleted.
    pub(super) fn is_live(&self, view: &View<'_>, rid: Option<&str>) -> bool {
        let prefix = key::prefix(rid);
        let at = format!("{prefix}{}", key::LIVE);
        let candidates = view.candidates(&at);
        #[cfg(feature = "mutants")]
        if crate::mutants::is(crate::mutants::Mutant::DeleteWins) && is_deleted(view, &at) {
            return false;
        }
        // also a message that speaks of one occurrence gives the item life
        let is_message =
            |hash: &ChangeHash| self.by_prefix.values().any(|c| c.marks.contains_key(hash));
        if candidates.iter().any(|c| !is_message(&c.change.hash)) {
            return true;
        }
        let component = self.by_prefix.get(&prefix);
        if rid.is_some() && component.is_some_and(|component| self.is_superseded(component)) {
            return false;
        }
        let is_refused =
            |hash: &ChangeHash| self.by_prefix.values().any(|c| c.refused.contains(hash));
        let is_in_force = |hash: &ChangeHash| is_message(hash) && !is_refused(hash);
        let left = candidates.iter().filter(|c| is_in_force(&c.change.hash));
        let left = left.count();
        let given = view.changes.iter().filter(|change| {
            is_in_force(&change.hash)
                && change
                    .ops
                    .binary_search_by(|op| op.key.as_str().cmp(&at))
                    .is_ok()
        });
        left > 0 && given.count() == left
    }

    /// True for an occurrence that a later message about the whole series no longer speaks of
    /// (RFC 5546 §3.2.2: a REQUEST of a series replaces what was said of its occurrences).
    fn is_superseded(&self, occurrence: &Component) -> bool {
        let Some((series, hash)) = self.by_prefix.get("").and_then(|c| c.unit.as_ref()) else {
            return false;
        };
        let all = occurrence
            .unit
            .iter()
            .map(|(mark, _)| mark)
            .chain(&occurrence.cancel);
        series.method != "CANCEL"
            && !occurrence.marks.contains_key(hash)
            && all
                .max_by_key(|mark| mark.pair())
                .is_some_and(|mark| mark.pair() < series.pair())
    }

    /// Whether a change is a message about the component that a key belongs to.
    pub(super) fn speaks(&self, at: &str, change: &ChangeHash) -> bool {
        let component = self.by_prefix.get(&key::prefix(key::split_override(at).0));
        component.is_some_and(|component| component.marks.contains_key(change))
    }

    /// The candidates of a key, without what lower messages of an organiser wrote.
    pub(super) fn of_interest<'c, 'a>(
        &self,
        at: &str,
        candidates: &'c [Candidate<'a>],
    ) -> Vec<&'c Candidate<'a>> {
        let (rid, rest) = key::split_override(at);
        let component = self.by_prefix.get(&key::prefix(rid));
        let Some(component) = component else {
            return candidates.iter().collect();
        };
        let unit = component.unit.as_ref().map(|(_, hash)| *hash);
        let is_shown = |hash: &ChangeHash| {
            if is_organisers(rest) {
                !component.marks.contains_key(hash) || Some(*hash) == unit
            } else {
                rest == "UID" || rest.starts_with('~') || !component.refused.contains(hash)
            }
        };
        candidates
            .iter()
            .filter(|c| is_shown(&c.change.hash))
            .collect()
    }

    /// Writes what cancellations and answers change into what is shown.
    pub(super) fn overlay(&self, item: &mut Item) {
        let whole = self.by_prefix.get("").and_then(|c| c.cancel.as_ref());
        let overrides: Vec<String> = item.overrides().into_iter().map(str::to_owned).collect();
        for rid in std::iter::once(None).chain(overrides.iter().map(|rid| Some(rid.as_str()))) {
            let prefix = key::prefix(rid);
            let component = self.by_prefix.get(&prefix);
            let unit = component
                .and_then(|c| c.unit.as_ref())
                .map(|(unit, _)| unit);
            let own = component.and_then(|c| c.cancel.as_ref());
            // the end of a series is the end of its occurrences
            let cancel = own.into_iter().chain(whole).max_by_key(|mark| mark.pair());
            if rid.is_none() && unit.is_none() {
                continue;
            }
            let Some(cancel) = cancel else { continue };
            if unit.is_none_or(|unit| cancel.pair() >= unit.pair()) {
                if let Some(rid) = rid
                    && unit.is_some_and(|unit| unit.method == "CANCEL")
                {
                    fill(item, rid);
                }
                set_status(item, &prefix, "CANCELLED");
                let sequence = format!(":{}", cancel.sequence);
                item.values.insert(format!("{prefix}SEQUENCE"), sequence);
            }
        }
        self.answers(item);
    }

    /// Counts the answers of attendees that are as new as the invitation.
    fn answers(&self, item: &mut Item) {
        let replies: Vec<(String, String)> = item
            .values
            .iter()
            .filter(|(at, _)| key::split_override(at).1.starts_with(REPLY))
            .map(|(at, value)| (at.clone(), value.clone()))
            .collect();
        if replies.is_empty() {
            return;
        }
        let attendees: HashMap<String, String> = item
            .values
            .iter()
            .filter(|(at, _)| key::name(at) == "ATTENDEE")
            .map(|(at, stored)| {
                let (rid, _) = key::split_override(at);
                let birth = key::element("ATTENDEE", stored);
                (format!("{}{birth}", key::prefix(rid)), at.clone())
            })
            .collect();
        for (at, value) in replies {
            item.values.remove(&at);
            let (rid, rest) = key::split_override(&at);
            let prefix = key::prefix(rid);
            let Some(reply) = Mark::read(&value) else {
                continue;
            };
            let birth = format!("{prefix}ATTENDEE#{}", &rest[REPLY.len()..]);
            let Some(attendee) = attendees.get(&birth) else {
                continue;
            };
            let stored = item.values.get(attendee).cloned().unwrap_or_default();
            let says = Stored::read(&stored)
                .parameters()
                .value_of("PARTSTAT")
                .unwrap_or("");
            let open = says.is_empty() || says.eq_ignore_ascii_case("NEEDS-ACTION");
            let unit = self.by_prefix.get(&prefix).and_then(|c| c.unit.as_ref());
            let is_newer = match unit {
                Some((unit, _)) => {
                    reply.sequence >= unit.sequence && (open || reply.stamp >= unit.stamp)
                }
                None => reply.sequence >= sequence(item, &prefix),
            };
            if is_newer {
                let answered = with_partstat(&stored, &reply.method);
                item.values.insert(attendee.clone(), answered);
            }
        }
    }
}

fn sequence(item: &Item, prefix: &str) -> u64 {
    item.value(&format!("{prefix}SEQUENCE"))
        .and_then(|stored| Stored::read(stored).value.trim_ascii().parse().ok())
        .unwrap_or(0)
}

/// Writes STATUS where this kind of item keeps it.
fn set_status(item: &mut Item, prefix: &str, status: &str) {
    if item.kind != kind::VTODO {
        item.values
            .insert(format!("{prefix}STATUS"), format!(":{status}"));
        return;
    }
    let done = item
        .values
        .entry(format!("{prefix}{}", key::DONE))
        .or_default();
    let is_status = |line: &&str| Line::read(line).is_some_and(|line| line.name == "STATUS");
    let mut lines: Vec<String> = vec![format!("STATUS:{status}")];
    lines.extend(
        done.split('\n')
            .filter(|line| !line.is_empty() && !is_status(line))
            .map(str::to_owned),
    );
    *done = lines.join("\n");
}

/// A cancellation of one occurrence need not say when it was and what: the series does.
fn fill(item: &mut Item, rid: &str) {
    let at = |name: &str| key::in_override(rid, name);
    if item.value(&at(key::WHEN)).is_none()
        && let Some(stored) = item.value(&at(key::RECURRENCE_ID))
    {
        let read = Stored::read(stored);
        let is_range = |name: &str| name.eq_ignore_ascii_case("RANGE");
        let params: String = read
            .parameters()
            .filter(|(name, _)| !is_range(name))
            .map(|(name, value)| format!(";{name}={value}"))
            .collect();
        let mut when = format!("DTSTART{params}:{}", read.value);
        let zones = item.value(key::WHEN).unwrap_or("").split('\n');
        for line in zones.filter(|line| zone_of(line).is_some()) {
            when.push('\n');
            when.push_str(line);
        }
        item.values.insert(at(key::WHEN), when);
    }
    if item.value(&at("SUMMARY")).is_none()
        && let Some(summary) = item.value("SUMMARY").map(str::to_owned)
    {
        item.values.insert(at("SUMMARY"), summary);
    }
}

pub(super) fn with_partstat(stored: &str, partstat: &str) -> String {
    let read = Stored::read(stored);
    let mut params: Vec<String> = read
        .parameters()
        .filter(|(name, _)| !name.eq_ignore_ascii_case("PARTSTAT"))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    params.push(format!("PARTSTAT={partstat}"));
    Stored {
        params: &params.join(";"),
        ..read
    }
    .write()
}

/// True for what a message of an organiser decides. What a person wrote themselves is no
/// part of any message, and stays.
fn is_organisers(rest: &str) -> bool {
    !(rest.starts_with(REPLY) || rest.starts_with('~') || rest == "UID")
}

/// A delete and an edit took the place of the same life.
#[cfg(feature = "mutants")]
fn is_deleted(view: &View<'_>, at: &str) -> bool {
    let ops = || view.changes.iter().flat_map(|change| &change.ops);
    let ends: HashSet<_> = ops()
        .filter(|op| op.key == at && op.action == Action::Delete)
        .flat_map(|op| &op.pred)
        .collect();
    view.candidates(at).iter().any(|candidate| {
        let of_candidate = candidate.change.ops.iter().filter(|op| op.key == at);
        of_candidate
            .flat_map(|op| &op.pred)
            .any(|id| ends.contains(id))
    })
}
