//! A VCARD of version 2.1 (versit), 3.0 (RFC 2426) or 4.0 (RFC 6350) into an item.

use std::collections::HashMap;

use super::builder::Builder;
use super::modern::{Modern, has_bare, modern};
use super::plan::{Group, own_value};
use super::{Parsed, Problem, Text};
use crate::item::kind;
use crate::item::names::{self, Place};
use crate::item::register::Stored;
use crate::text::escape;
use crate::text::line::Line;
use crate::text::tree::Ending;

/// A list with more elements than this stays one register, as written.
const MOST_LIST_ELEMENTS: usize = 1000;

pub(super) fn item(text: &Text, group: &Group) -> Result<Parsed, Problem> {
    let node = group.nodes[0];
    let mut builder = Builder::new(kind::VCARD, text.lines.number(text.tree.nodes[node].begin));
    let old = is_old(text, node);
    let groups = Groups::of(text, node, old);
    let mut after: Option<String> = None;
    let mut agents = Vec::new();
    for index in text.tree.own_lines(node) {
        let Some(line) = Line::property(text.lines.line(index)) else {
            let number = text.lines.number(index);
            builder.unreadable(number, "VCARD", text.lines.line(index), after.as_deref());
            continue;
        };
        let name = names::stored(line.name.to_ascii_uppercase());
        if groups.is_label(line, &name) {
            continue;
        }
        let Modern { params, value } = mended(line, &name, old);
        let value = match name.as_str() {
            "VERSION" if old => "3.0".to_owned(),
            "AGENT" if value.trim_ascii().is_empty() => {
                agent(text, node, index, &mut agents).unwrap_or(value)
            }
            _ => builder.without_bytes(&params, &value),
        };
        let (kept, labels) = groups.of_line(line);
        let stored = Stored {
            group: kept,
            params: &params,
            value: &value,
            companions: &labels,
        };
        match names::in_card(&name) {
            Place::Uid => builder.uid(&stored.write()),
            Place::Part(register)
                if kept.is_none()
                    && labels.is_empty()
                    && builder.is_first_part(register, &name) =>
            {
                builder.part(
                    register,
                    &format!("{name}{}:{value}", with_semicolon(&params)),
                );
            }
            Place::List if labels.is_empty() => {
                for value in list(&value) {
                    builder.element(&name, Stored { value, ..stored }.write());
                }
            }
            Place::Single => builder.single(&name, stored.write()),
            Place::Element | Place::Part(_) | Place::List => {
                builder.element(&name, stored.write());
            }
        }
        after = Some(name);
    }
    super::calendar::children(text, node, &agents, &mut builder);
    builder.finish()
}

/// The card within a card that stands after AGENT in version 2.1, as the one text that it is in
/// 3.0 (RFC 2426 §3.5.4). Nothing where it holds more than lines.
fn agent(text: &Text, node: usize, index: usize, read: &mut Vec<usize>) -> Option<String> {
    let mut children = text.tree.nodes[node].children.iter();
    let child = *children.find(|child| text.tree.nodes[**child].begin == index + 1)?;
    let this = &text.tree.nodes[child];
    if this.name != "VCARD" || this.ending != Ending::Proper || !this.children.is_empty() {
        return None;
    }
    let old = is_old(text, child);
    let mut card = String::from("BEGIN:VCARD\n");
    for index in this.begin + 1..this.end - 1 {
        let line = Line::property(text.lines.line(index))?;
        let Modern { params, value } = mended(line, &line.name.to_ascii_uppercase(), old);
        let group = line
            .group
            .map_or_else(String::new, |group| format!("{group}."));
        let value = match line.name.eq_ignore_ascii_case("VERSION") && old {
            true => "3.0",
            false => &value,
        };
        let params = with_semicolon(&params);
        card.push_str(&format!("{group}{}{params}:{value}\n", line.name));
    }
    card.push_str("END:VCARD\n");
    read.push(child);
    Some(escape::escape(&card))
}

/// `;PARAMS`, or nothing.
pub(super) fn with_semicolon(params: &str) -> String {
    if params.is_empty() {
        String::new()
    } else {
        format!(";{params}")
    }
}

/// The elements of a comma-separated value, without empty ones; all of it where there are too
/// many or none.
pub(super) fn list(value: &str) -> Vec<&str> {
    let parts: Vec<&str> = escape::split(value, ',')
        .into_iter()
        .filter(|part| !part.trim_ascii().is_empty())
        .collect();
    if parts.is_empty() || parts.len() > MOST_LIST_ELEMENTS {
        vec![value]
    } else {
        parts
    }
}

/// Parameters and value, free of what only version 2.1 writes.
pub(super) fn mended(line: Line<'_>, name: &str, old: bool) -> Modern {
    let upper = || line.params.to_ascii_uppercase();
    let borrowed = |params: &str| {
        has_bare(params) || params.contains("QUOTED-PRINTABLE") || params.contains("CHARSET")
    };
    if old || (!line.params.is_empty() && borrowed(&upper())) {
        modern(line, name, old)
    } else {
        Modern {
            params: line.params.to_owned(),
            value: line.value.to_owned(),
        }
    }
}

/// True for version 2.1, and for a card without version that writes bare parameters.
fn is_old(text: &Text, node: usize) -> bool {
    match own_value(&text.lines, &text.tree, node, "VERSION") {
        Some(version) => version == "2.1",
        None => text.tree.own_lines(node).any(|index| {
            Line::read(text.lines.line(index)).is_some_and(|line| has_bare(line.params))
        }),
    }
}

/// The groups of one card: which are local names (`item1`) that tie a label to one property,
/// and which mean something of their own.
struct Groups {
    /// By lower-case name: the labels, where the group is such a tie.
    ties: HashMap<String, Vec<String>>,
}

impl Groups {
    fn of(text: &Text, node: usize, old: bool) -> Self {
        let mut principals: HashMap<String, usize> = HashMap::new();
        let mut labels: HashMap<String, Vec<String>> = HashMap::new();
        for index in text.tree.own_lines(node) {
            let raw = text.lines.line(index);
            let Some(line) = Line::property(raw) else {
                continue;
            };
            let Some(group) = line.group.map(str::to_ascii_lowercase) else {
                continue;
            };
            if is_label(line.name) {
                let Modern { params, value } = mended(line, &line.name.to_ascii_uppercase(), old);
                labels.entry(group.clone()).or_default().push(format!(
                    "{}{}:{value}",
                    line.name,
                    with_semicolon(&params)
                ));
                principals.entry(group).or_insert(0);
            } else {
                *principals.entry(group).or_insert(0) += 1;
            }
        }
        let ties = principals
            .into_iter()
            .filter(|(group, count)| *count == 1 && is_local(group))
            .map(|(group, _)| {
                let labels = labels.remove(&group).unwrap_or_default();
                (group, labels)
            })
            .collect();
        Self { ties }
    }

    fn tie(&self, line: Line<'_>) -> Option<&Vec<String>> {
        self.ties.get(&line.group?.to_ascii_lowercase())
    }

    /// True where this line is stored with the property it labels.
    fn is_label(&self, line: Line<'_>, name: &str) -> bool {
        is_label(name) && self.tie(line).is_some()
    }

    /// The group that is kept by name, and the labels that go with the line.
    fn of_line<'a>(&self, line: Line<'a>) -> (Option<&'a str>, String) {
        match self.tie(line) {
            Some(labels) => (None, labels.join("\n")),
            None => (line.group, String::new()),
        }
    }
}

/// What Apple's programs tie to a property by a group.
fn is_label(name: &str) -> bool {
    name.eq_ignore_ascii_case("X-ABLABEL") || name.eq_ignore_ascii_case("X-ABADR")
}

/// `item1`, `item2` …: numbered anew by every program that writes them.
fn is_local(group: &str) -> bool {
    group
        .strip_prefix("item")
        .is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}
