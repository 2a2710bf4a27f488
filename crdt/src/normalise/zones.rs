//! The definitions of time zones that an item's values use.
//!
//! The text of a VTIMEZONE travels with the value that names it: the definitions behind one
//! TZID differ between programs.

use super::plan::tzids;
use super::{Text, builder::Builder};
use crate::item::{Blob, key, register};
use crate::text::tree::Ending;

/// Adds, to the `WHEN` of one component, the definitions of all zones that it names.
pub(super) fn keep(text: &Text, calendar: usize, node: usize, builder: &mut Builder) {
    let mut named: Vec<String> = tzids(&text.lines, &text.tree, node).collect();
    named.sort_unstable();
    named.dedup();
    for tzid in named {
        if let Some(zone) = text.plan.zones.get(&(calendar, tzid.clone())) {
            let hash = match builder.zones.get(zone) {
                Some(hash) => *hash,
                None => {
                    let blob = Blob::new(definition(text, *zone).into_bytes());
                    let hash = blob.hash;
                    builder.zones.insert(*zone, hash);
                    builder.blob(blob);
                    hash
                }
            };
            builder.part(key::WHEN, &register::zone_line(&tzid, hash));
        }
    }
}

/// The VTIMEZONE as written, unfolded, lines ended by LF, without the last. An END that is
/// missing is supplied, or it would swallow what follows it in another text.
fn definition(text: &Text, zone: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    write(text, zone, &mut lines);
    lines.join("\n")
}

/// No deeper than [`crate::text::tree::DEEPEST`].
fn write(text: &Text, node: usize, lines: &mut Vec<String>) {
    let this = &text.tree.nodes[node];
    lines.push(text.lines.line(this.begin).to_owned());
    let mut children = this.children.iter().peekable();
    for index in text.tree.own_lines(node) {
        while let Some(child) = children.next_if(|c| text.tree.nodes[**c].begin < index) {
            write(text, *child, lines);
        }
        if !text.tree.is_stray(index) {
            lines.push(text.lines.line(index).to_owned());
        }
    }
    for child in children {
        write(text, *child, lines);
    }
    lines.push(match this.ending {
        Ending::Proper => text.lines.line(this.end - 1).to_owned(),
        Ending::Implied | Ending::CutOff => format!("END:{}", this.name),
    });
}
