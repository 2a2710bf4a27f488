//! What the changes of a document say of the past of a key. Made once for a view, and only
//! where something clashes.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet, VecDeque};

use super::change::{Action, Value};
use super::{OpId, Parts, View};
use crate::ChangeHash;
use crate::canon;
use crate::item::register::Stored;

/// The operations on every key, superseded ones included, and the time stamps of texts.
pub(super) struct History<'v, 'a> {
    view: &'v View<'a>,
    operations: OnceCell<HashMap<&'a str, Operations<'a>>>,
    stamps: OnceCell<HashMap<ChangeHash, Stamps<'a>>>,
}

/// What each operation on one key wrote, and what it superseded.
type Operations<'a> = HashMap<OpId, (Option<&'a str>, &'a [OpId])>;

/// By the prefix of a component: the digits of its REV or LAST-MODIFIED.
type Stamps<'a> = HashMap<&'a str, String>;

impl<'v, 'a> History<'v, 'a> {
    pub(super) fn new(view: &'v View<'a>) -> Self {
        Self {
            view,
            operations: OnceCell::new(),
            stamps: OnceCell::new(),
        }
    }

    /// The forms of all values that this operation replaced, directly or through others.
    pub(super) fn replaced_by(&self, at: &str, id: &OpId, name: &str) -> HashSet<String> {
        self.ancestors(at, id)
            .into_iter()
            .map(|value| canon::form(name, value))
            .collect()
    }

    /// All values that this operation replaced, directly or through others, the nearest first.
    pub(super) fn ancestors(&self, at: &str, id: &OpId) -> Vec<&'a str> {
        let mut out = Vec::new();
        let all = self
            .operations
            .get_or_init(|| operations(&self.view.changes));
        let Some(ops) = all.get(at) else {
            return out;
        };
        let direct = ops.get(id).map_or(&[][..], |(_, pred)| pred);
        let mut open: VecDeque<&OpId> = direct.iter().collect();
        let mut seen: HashSet<&OpId> = HashSet::new();
        while let Some(id) = open.pop_front() {
            if !seen.insert(id) {
                continue;
            }
            if let Some((value, pred)) = ops.get(id) {
                out.extend(*value);
                open.extend(pred.iter());
            }
        }
        out
    }

    /// When the component behind a prefix was last changed, by the account of this change.
    pub(super) fn stamp(&self, change: &Parts, prefix: &str) -> Option<&str> {
        let stamps = self.stamps.get_or_init(|| stamps(&self.view.changes));
        stamps.get(&change.hash)?.get(prefix).map(String::as_str)
    }
}

fn operations<'a>(changes: &[&'a Parts]) -> HashMap<&'a str, Operations<'a>> {
    let mut out: HashMap<&str, Operations<'_>> = HashMap::new();
    for change in changes {
        for (index, op) in change.ops.iter().enumerate() {
            let value = match &op.action {
                Action::Put(value) => value.text(),
                Action::Delete => None,
            };
            out.entry(&op.key)
                .or_default()
                .insert(change.op_id(index), (value, op.pred.as_slice()));
        }
    }
    out
}

fn stamps<'a>(changes: &[&'a Parts]) -> HashMap<ChangeHash, Stamps<'a>> {
    let mut out: HashMap<ChangeHash, Stamps<'_>> = HashMap::new();
    for change in changes {
        for op in &change.ops {
            let Some(prefix) = op
                .key
                .strip_suffix("LAST-MODIFIED")
                .or_else(|| op.key.strip_suffix("REV"))
                .filter(|prefix| prefix.is_empty() || prefix.ends_with('/'))
            else {
                continue;
            };
            let Action::Put(Value::Text(text)) = &op.action else {
                continue;
            };
            if let Some(digits) = digits(Stored::read(text).value) {
                out.entry(change.hash)
                    .or_default()
                    .entry(prefix)
                    .or_insert(digits);
            }
        }
    }
    out
}

/// The digits of a moment, to the second; nothing where there is not even a day.
fn digits(moment: &str) -> Option<String> {
    let digits: String = moment
        .chars()
        .filter(char::is_ascii_digit)
        .take(14)
        .collect();
    (digits.len() >= 8).then_some(digits)
}

/// Orders what merges by maximum: moments by their digits, however they are written, and
/// counts by size.
pub(super) fn by_size(name: &str, stored: &str) -> (u64, String) {
    let value = Stored::read(stored).value.trim_ascii();
    let number = match name {
        "SEQUENCE" | "X-MOZ-GENERATION" => value.parse().unwrap_or(0),
        _ => digits(value).map_or(0, |digits| format!("{digits:0<14}").parse().unwrap_or(0)),
    };
    (number, value.to_owned())
}
