//! Which components make one item: a master with its overrides, told by UID.

use std::collections::{HashMap, HashSet};

use super::Problem;
use crate::canon;
use crate::item::kind;
use crate::text::escape;
use crate::text::line::Line;
use crate::text::lines::Lines;
use crate::text::tree::{DEEPEST, Ending, Tree};

/// How many problems of one text are told; further ones are only counted.
const MOST_PROBLEMS: usize = 1000;

/// The longest VTIMEZONE that travels with items, in bytes: ten times the longest one seen.
const LONGEST_ZONE: usize = 64 << 10;

/// One item to be made.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) kind: String,
    pub(super) nodes: Vec<usize>,
    /// The VCALENDAR around it.
    pub(super) calendar: Option<usize>,
}

/// What was found in a text.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Components begun at the level of items: cards, and what stands right in a VCALENDAR.
    pub begun: usize,
    /// VTIMEZONEs that items use; they travel with those.
    pub zones: usize,
    /// Components refused before any item was made.
    pub refused: Vec<Problem>,
    /// What was mended or passed over, and nothing lost by it.
    pub noted: Vec<Problem>,
    /// Problems beyond those told.
    pub untold: usize,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Plan {
    pub(super) groups: Vec<Group>,
    /// (calendar, TZID) to the VTIMEZONE.
    pub(super) zones: HashMap<(usize, String), usize>,
    /// The lines of a VCALENDAR that are its own. Every item of it needs them.
    pub(super) around: HashMap<usize, Vec<usize>>,
    pub(super) counts: Counts,
    pub(super) method: Option<String>,
}

impl Plan {
    pub(super) fn of(lines: &Lines, tree: &Tree) -> Self {
        let mut plan = Self::default();
        for index in &tree.stray {
            plan.note(
                lines.number(*index),
                "TEXT",
                "stands outside every component",
            );
        }
        let mut zones: Vec<usize> = Vec::new();
        let mut used: HashSet<(usize, String)> = HashSet::new();
        for root in &tree.roots {
            if tree.nodes[*root].name != "VCALENDAR" {
                plan.place(lines, tree, *root, None, &mut HashMap::new());
                continue;
            }
            if plan.method.is_none() {
                plan.method = own_value(lines, tree, *root, "METHOD");
            }
            plan.around.insert(*root, tree.own_lines(*root).collect());
            plan.without_items(lines, tree, *root);
            let mut by_uid = HashMap::new();
            for child in &tree.nodes[*root].children {
                if tree.nodes[*child].name == "VTIMEZONE" {
                    zones.push(*child);
                    if let Some(tzid) = own_value(lines, tree, *child, "TZID")
                        && is_short(lines, tree, *child)
                        && !tree.nodes[*child].too_deep
                    {
                        for tzid in names_of(tzid) {
                            plan.zones.entry((*root, tzid)).or_insert(*child);
                        }
                    }
                } else {
                    plan.place(lines, tree, *child, Some(*root), &mut by_uid);
                    used.extend(tzids(lines, tree, *child).map(|tzid| (*root, tzid)));
                }
            }
        }
        plan.keep_unused_zones(lines, tree, &zones, &used);
        plan
    }

    /// Puts a component into the group it belongs to, or refuses it.
    fn place(
        &mut self,
        lines: &Lines,
        tree: &Tree,
        node: usize,
        calendar: Option<usize>,
        by_uid: &mut HashMap<(String, String), (usize, HashSet<String>)>,
    ) {
        self.counts.begun += 1;
        let this = &tree.nodes[node];
        let line = lines.number(this.begin);
        if this.too_deep {
            let reason = format!("components nested deeper than {DEEPEST}");
            return self.refuse(line, &this.name, reason);
        }
        match this.ending {
            Ending::CutOff => {
                let reason = format!("cut off: the text ends before END:{}", this.name);
                return self.refuse(line, &this.name, reason);
            }
            Ending::Implied => {
                self.note(
                    line,
                    &this.name,
                    "has no END of its own; read up to the next BEGIN of its kind, or the END around it",
                );
            }
            Ending::Proper => {}
        }
        let kind = this.name.to_ascii_lowercase();
        let uid = own_value(lines, tree, node, "UID").map(|uid| canon::uid(&uid));
        let fresh = Group {
            kind: kind.clone(),
            nodes: vec![node],
            calendar,
        };
        let Some(uid) = uid.filter(|uid| !uid.is_empty() && kind != kind::VCARD) else {
            self.groups.push(fresh);
            return;
        };
        let rid = own_value(lines, tree, node, "RECURRENCE-ID").unwrap_or_default();
        let next = self.groups.len();
        let (at, seen) = by_uid.entry((kind, uid)).or_insert((next, HashSet::new()));
        if *at == next {
            self.groups.push(fresh);
        } else if seen.contains(&rid) {
            // the same thing twice: a second text of the item, from here on
            *at = next;
            seen.clear();
            self.groups.push(fresh);
        } else if rid.is_empty() {
            self.groups[*at].nodes.insert(0, node);
        } else {
            self.groups[*at].nodes.push(node);
        }
        seen.insert(rid);
    }

    /// A calendar that says something of items and has none: nothing could carry what it says.
    fn without_items(&mut self, lines: &Lines, tree: &Tree, root: usize) {
        let is_said_anew = |line: Line<'_>| {
            ["PRODID", "VERSION", "CALSCALE", "METHOD"]
                .iter()
                .any(|name| line.name.eq_ignore_ascii_case(name))
        };
        let says_more = tree
            .own_lines(root)
            .any(|index| Line::property(lines.line(index)).is_none_or(|line| !is_said_anew(line)));
        if tree.nodes[root].children.is_empty() && says_more {
            self.counts.begun += 1;
            let line = lines.number(tree.nodes[root].begin);
            self.refuse(
                line,
                "VCALENDAR",
                "holds no event, task or other component".into(),
            );
        }
    }

    /// A VTIMEZONE that no item uses is kept as an item of its own kind.
    fn keep_unused_zones(
        &mut self,
        lines: &Lines,
        tree: &Tree,
        zones: &[usize],
        used: &HashSet<(usize, String)>,
    ) {
        for zone in zones {
            let parent = tree.nodes[*zone].parent;
            let tzid = own_value(lines, tree, *zone, "TZID");
            let is_used = match (parent, tzid) {
                (Some(parent), Some(tzid)) => names_of(tzid).into_iter().any(|tzid| {
                    let key = (parent, tzid);
                    used.contains(&key) && self.zones.get(&key) == Some(zone)
                }),
                _ => false,
            };
            if is_used {
                self.counts.begun += 1;
                self.counts.zones += 1;
            } else {
                self.place(lines, tree, *zone, parent, &mut HashMap::new());
            }
        }
    }

    fn refuse(&mut self, line: u32, component: &str, reason: String) {
        self.counts
            .refused
            .push(Problem::new(line, component, reason));
    }

    fn note(&mut self, line: u32, component: &str, reason: &str) {
        if self.counts.noted.len() < MOST_PROBLEMS {
            self.counts
                .noted
                .push(Problem::new(line, component, reason));
        } else {
            self.counts.untold += 1;
        }
    }
}

/// A definition travels with every item that uses it. One that is absurdly long is an item of
/// its own.
fn is_short(lines: &Lines, tree: &Tree, zone: usize) -> bool {
    let node = &tree.nodes[zone];
    let length = |index| lines.line(index).len() + 1;
    (node.begin..node.end).map(length).sum::<usize>() <= LONGEST_ZONE
}

/// The value of the first property of this name right in a component.
pub(super) fn own_value(lines: &Lines, tree: &Tree, node: usize, name: &str) -> Option<String> {
    tree.own_lines(node).find_map(|index| {
        let text = lines.line(index);
        if !text.get(..name.len())?.eq_ignore_ascii_case(name) {
            return None;
        }
        let line = Line::read(text)?;
        line.name
            .eq_ignore_ascii_case(name)
            .then(|| line.value.trim_ascii().to_owned())
    })
}

/// What a zone may be named by: its TZID is a text with escapes, a parameter has none.
fn names_of(tzid: String) -> Vec<String> {
    let plain = escape::unescape(&tzid);
    if plain == tzid {
        vec![tzid]
    } else {
        vec![tzid, plain]
    }
}

/// The TZIDs that the lines of a component name, those of components within it included.
pub(super) fn tzids(lines: &Lines, tree: &Tree, node: usize) -> impl Iterator<Item = String> {
    let this = &tree.nodes[node];
    (this.begin..this.end).filter_map(|index| {
        let text = lines.line(index);
        let head = text.get(..text.find(':')?).unwrap_or(text);
        if !head.to_ascii_uppercase().contains("TZID=") {
            return None;
        }
        Line::read(text)?
            .parameters()
            .value_of("TZID")
            .map(|tzid| tzid.trim_ascii().to_owned())
    })
}
