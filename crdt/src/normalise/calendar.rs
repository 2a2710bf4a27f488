//! A VEVENT, VTODO, VJOURNAL or other calendar component (RFC 5545), with its overrides, into
//! an item.

use std::collections::{BTreeSet, HashMap};

use super::builder::Builder;
use super::card::{list, mended, with_semicolon};
use super::modern::Modern;
use super::plan::Group;
use super::{Parsed, Problem, Text, zones};
use crate::canon;
use crate::item::key;
use crate::item::names::{self, Place};
use crate::item::register::Stored;
use crate::text::escape;
use crate::text::line::Line;
use crate::text::tree::Ending;

pub(super) fn item(text: &Text, group: &Group) -> Result<Parsed, Problem> {
    let first = text.tree.nodes[group.nodes[0]].begin;
    let mut builder = Builder::new(&group.kind, text.lines.number(first));
    let old = group
        .calendar
        .is_some_and(|calendar| is_old(text, calendar));
    if let Some(calendar) = group.calendar {
        around(text, calendar, old, &mut builder);
    }
    for node in &group.nodes {
        component(text, *node, &group.kind, old, &mut builder);
        if let Some(calendar) = group.calendar.filter(|_| group.kind != "vtimezone") {
            zones::keep(text, calendar, *node, &mut builder);
        }
        children(text, *node, &[], &mut builder);
    }
    builder.enter(None);
    builder.finish()
}

/// True for vCalendar 1.0.
fn is_old(text: &Text, calendar: usize) -> bool {
    let around = text.plan.around.get(&calendar).into_iter().flatten();
    around
        .filter_map(|index| Line::read(text.lines.line(*index)))
        .find(|line| line.name.eq_ignore_ascii_case("VERSION"))
        .is_some_and(|line| line.value.trim_ascii() == "1.0")
}

/// What the VCALENDAR says of all its components, but for what every program writes anew.
fn around(text: &Text, calendar: usize, old: bool, builder: &mut Builder) {
    for index in text.plan.around.get(&calendar).into_iter().flatten() {
        let raw = text.lines.line(*index);
        let Some(line) = Line::property(raw) else {
            builder.single(
                "CAL/X-PIMESH-UNREADABLE",
                format!(":{}", escape::escape(raw)),
            );
            continue;
        };
        let name = names::stored(line.name.to_ascii_uppercase());
        let value = line.value.trim_ascii();
        let is_written_anew = match name.as_str() {
            "PRODID" => true,
            "VERSION" => value == "2.0" || old, // its values are kept in the words of 2.0
            "CALSCALE" => value.eq_ignore_ascii_case("GREGORIAN"),
            _ => false,
        };
        if !is_written_anew {
            let Modern { params, value } = mended(line, &name, old);
            let stored = Stored {
                group: line.group,
                params: &params,
                value: &value,
                companions: "",
            };
            builder.single(&format!("CAL/{name}"), stored.write());
        }
    }
}

/// The properties of one component.
fn component(text: &Text, node: usize, kind: &str, old: bool, builder: &mut Builder) {
    let name_of_component = text.tree.nodes[node].name.clone();
    builder.enter(None);
    if let Some((rid, stored)) = recurrence_id(text, node) {
        builder.enter(Some(&rid));
        builder.set(key::RECURRENCE_ID, stored);
    }
    let mut seen_rid = false;
    let mut after: Option<String> = None;
    for index in text.tree.own_lines(node) {
        let Some(line) = Line::property(text.lines.line(index)) else {
            let number = text.lines.number(index);
            builder.unreadable(
                number,
                &name_of_component,
                text.lines.line(index),
                after.as_deref(),
            );
            continue;
        };
        let name = names::stored(line.name.to_ascii_uppercase());
        if name == "RECURRENCE-ID" && !std::mem::replace(&mut seen_rid, true) {
            continue;
        }
        let Modern { params, value } = mended(line, &name, old);
        let value = builder.without_bytes(&params, &value);
        let stored = |value| {
            Stored {
                group: line.group,
                params: &params,
                value,
                companions: "",
            }
            .write()
        };
        match names::in_calendar(kind, &name) {
            Place::Uid => builder.uid(&stored(&value)),
            Place::Part(register) => {
                let group = line
                    .group
                    .map_or_else(String::new, |group| format!("{group}."));
                let params = with_semicolon(&params);
                builder.part(register, &format!("{group}{name}{params}:{value}"));
            }
            Place::List => {
                for part in list(&value) {
                    builder.element(&name, stored(part));
                }
            }
            Place::Single => builder.single(&name, stored(&value)),
            Place::Element => {
                builder.element(&name, stored(&value));
            }
        }
        after = Some(name);
    }
}

/// The recurrence id of a component as it stands in keys, and as it is stored.
fn recurrence_id(text: &Text, node: usize) -> Option<(String, String)> {
    text.tree.own_lines(node).find_map(|index| {
        let line = Line::read(text.lines.line(index))?;
        if !line.name.eq_ignore_ascii_case("RECURRENCE-ID") || line.value.trim_ascii().is_empty() {
            return None;
        }
        let rid = key::recurrence_id(line.parameters().value_of("TZID"), line.value);
        Some((rid, format!("{}:{}", line.params, line.value)))
    })
}

/// Alarms and unknown components within a component: one register each, as written but for
/// what is no content line. Without those that were `read` already.
pub(super) fn children(text: &Text, node: usize, read: &[usize], builder: &mut Builder) {
    let children = text.tree.nodes[node].children.iter();
    for child in children.filter(|child| !read.contains(child)) {
        let this = &text.tree.nodes[*child];
        let last = if this.ending == Ending::Proper {
            this.end - 1
        } else {
            this.end
        };
        let mut acknowledged = None;
        let mut lines: Vec<String> = Vec::new();
        let own: BTreeSet<usize> = match this.name.as_str() {
            "VALARM" => text.tree.own_lines(*child).collect(),
            _ => BTreeSet::new(),
        };
        let unended = unended(text, *child);
        for index in this.begin + 1..=last {
            for name in unended.get(&index).into_iter().flatten() {
                lines.push(format!("END:{name}"));
            }
            if index == last {
                break;
            }
            let raw = text.lines.line(index);
            if text.tree.is_stray(index) {
                lines.push(format!("X-PIMESH-UNREADABLE:{}", escape::escape(raw)));
                continue;
            }
            match Line::read(raw) {
                Some(line)
                    if own.contains(&index)
                        && line.name.eq_ignore_ascii_case("ACKNOWLEDGED")
                        && line.group.is_none()
                        && acknowledged.is_none() =>
                {
                    acknowledged = Some(format!("{}:{}", line.params, line.value));
                }
                Some(_) => lines.push(raw.to_owned()),
                None => lines.push(format!("X-PIMESH-UNREADABLE:{}", escape::escape(raw))),
            }
        }
        let stored = lines.join("\n");
        if this.name == "VALARM" {
            let birth = format!("ALARM#{}", key::digest(&alarm_identity(&stored)));
            let at = builder.keyed("ALARM", &birth, stored);
            if let Some(acknowledged) = acknowledged {
                builder.set(&format!("{at}/ack"), acknowledged);
            }
        } else {
            let birth = format!("C/{}/{}", this.name, key::digest(&property(&stored, "UID")));
            builder.keyed("C", &birth, stored);
        }
    }
}

/// By the line before which they end: the components below one that have no END, the innermost
/// first. An END that was meant for what is around them would end them instead.
fn unended(text: &Text, node: usize) -> HashMap<usize, Vec<&str>> {
    let end = text.tree.nodes[node].end;
    let mut out: HashMap<usize, Vec<&str>> = HashMap::new();
    let after = text.tree.nodes[node + 1..].iter();
    let below: Vec<_> = after.take_while(|below| below.begin < end).collect();
    for below in below.into_iter().rev() {
        if below.ending != Ending::Proper {
            out.entry(below.end).or_default().push(&below.name);
        }
    }
    out
}

/// What an alarm is known by: its UID, else its action and trigger.
pub(crate) fn alarm_identity(stored: &str) -> String {
    let uid = property(stored, "UID");
    if !uid.is_empty() {
        return canon::uid(&uid);
    }
    let trigger = property(stored, "TRIGGER");
    let action = property(stored, "ACTION").to_ascii_uppercase();
    if action.is_empty() && trigger.is_empty() {
        return String::new();
    }
    format!(
        "{action}:{}",
        canon::form("TRIGGER", &format!(":{trigger}"))
    )
}

/// The value of the first property of this name in a register of content lines; empty where
/// there is none.
fn property(stored: &str, name: &str) -> String {
    stored
        .split('\n')
        .find_map(|text| Line::read(text).filter(|line| line.name.eq_ignore_ascii_case(name)))
        .map_or_else(String::new, |line| line.value.trim_ascii().to_owned())
}
