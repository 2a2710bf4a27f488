//! Lines into components, without recursion and whatever is missing.

use std::collections::HashSet;

use super::line::Line;
use super::lines::Lines;

/// The deepest nesting that is read: VCALENDAR, VEVENT, VALARM and room for what clients invent.
pub const DEEPEST: usize = 16;

/// One component: from its BEGIN to its END, or to where it was cut off.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its name, in upper case.
    pub name: String,
    /// The index of its BEGIN line.
    pub begin: usize,
    /// The index after its last line.
    pub end: usize,
    /// How its end was found.
    pub ending: Ending,
    /// The nodes right below it, in order.
    pub children: Vec<usize>,
    /// The node it stands in.
    pub parent: Option<usize>,
    /// True where nesting below it was too deep to be read.
    pub too_deep: bool,
}

/// How a component ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// By its own END.
    Proper,
    /// By the END of something around it, or by the BEGIN of another of its kind.
    Implied,
    /// By the end of the text.
    CutOff,
}

/// All components of a text.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// In the order of their BEGIN.
    pub nodes: Vec<Node>,
    /// Those that stand in no other.
    pub roots: Vec<usize>,
    /// The indices of lines outside every component, and of ENDs that end nothing.
    pub stray: Vec<usize>,
}

impl Tree {
    /// Finds the components. Where ENDs are missing, a second look takes the BEGIN of the next of
    /// its kind as the end of what has none: first must be known which ones have their own.
    pub fn read(lines: &Lines) -> Self {
        let nested = Self::look(lines, |_| false);
        if nested
            .nodes
            .iter()
            .all(|node| node.ending == Ending::Proper)
        {
            return nested;
        }
        let ended: HashSet<usize> = nested
            .nodes
            .iter()
            .filter(|node| node.ending == Ending::Proper)
            .map(|node| node.begin)
            .collect();
        Self::look(lines, |begin| !ended.contains(&begin))
    }

    /// One look over all lines. `unended` tells of the index of a BEGIN whether its END is missing.
    fn look(lines: &Lines, unended: impl Fn(usize) -> bool) -> Self {
        let mut tree = Self::default();
        let mut open: Vec<usize> = Vec::new();
        let mut skipped = 0_usize; // how many BEGINs below the deepest level are open
        for index in 0..lines.len() {
            match mark(lines.line(index)) {
                Some(Mark::Begin(_)) if open.len() >= DEEPEST => {
                    skipped += 1;
                    if let Some(root) = open.get(1).or(open.first()) {
                        tree.nodes[*root].too_deep = true;
                    }
                }
                Some(Mark::Begin(name)) => {
                    let before = tree.same_kind(lines, &open, &name, index);
                    if let Some(at) = before.filter(|at| unended(tree.nodes[open[*at]].begin)) {
                        for node in open.drain(at..) {
                            tree.nodes[node].ending = Ending::Implied;
                            tree.nodes[node].end = index;
                        }
                    }
                    tree.begin(&mut open, name, index);
                }
                Some(Mark::End(_)) if skipped > 0 => skipped -= 1,
                Some(Mark::End(name)) => {
                    let found = open.iter().rposition(|node| tree.nodes[*node].name == name);
                    match found {
                        Some(at) => {
                            for (level, node) in open.drain(at..).enumerate() {
                                let ending = if level == 0 {
                                    Ending::Proper
                                } else {
                                    Ending::Implied
                                };
                                tree.nodes[node].ending = ending;
                                tree.nodes[node].end = index + usize::from(level == 0);
                            }
                        }
                        None => tree.stray.push(index),
                    }
                }
                None if open.is_empty() => tree.stray.push(index),
                None => {}
            }
        }
        for node in open {
            tree.nodes[node].end = lines.len();
        }
        tree
    }

    /// Which open component a BEGIN of the same name would end if its own END were missing. The
    /// card of an AGENT does stand within a card.
    fn same_kind(&self, lines: &Lines, open: &[usize], name: &str, index: usize) -> Option<usize> {
        let at = open
            .iter()
            .rposition(|node| self.nodes[*node].name == name)?;
        let stands_alone = match name {
            "VEVENT" | "VTODO" | "VJOURNAL" | "VFREEBUSY" => {
                let between = open[at + 1..].iter().map(|node| &self.nodes[*node].name);
                between.into_iter().all(|name| name == "VALARM")
            }
            "VCARD" => {
                let before = index
                    .checked_sub(1)
                    .and_then(|at| Line::read(lines.line(at)));
                !before.is_some_and(|line| line.name.eq_ignore_ascii_case("AGENT"))
            }
            "VCALENDAR" => true,
            _ => false,
        };
        stands_alone.then_some(at)
    }

    fn begin(&mut self, open: &mut Vec<usize>, name: String, begin: usize) {
        let parent = open.last().copied();
        let node = self.nodes.len();
        self.nodes.push(Node {
            name,
            begin,
            end: begin + 1,
            ending: Ending::CutOff,
            children: Vec::new(),
            parent,
            too_deep: false,
        });
        match parent {
            Some(parent) => self.nodes[parent].children.push(node),
            None => self.roots.push(node),
        }
        open.push(node);
    }

    /// True where this line is an END that ends nothing, or stands outside every component.
    pub fn is_stray(&self, index: usize) -> bool {
        self.stray.binary_search(&index).is_ok()
    }

    /// The indices of the lines of a node that are neither its BEGIN or END nor a child's.
    pub fn own_lines(&self, node: usize) -> impl Iterator<Item = usize> {
        let this = &self.nodes[node];
        let last = if this.ending == Ending::Proper {
            this.end - 1
        } else {
            this.end
        };
        let mut children = this
            .children
            .iter()
            .map(|c| (self.nodes[*c].begin, self.nodes[*c].end));
        let mut child = children.next();
        let mut at = this.begin + 1;
        std::iter::from_fn(move || {
            while let Some((begin, end)) = child
                && at >= begin
            {
                at = at.max(end);
                child = children.next();
            }
            let index = at;
            at += 1;
            (index < last).then_some(index)
        })
    }
}

enum Mark {
    Begin(String),
    End(String),
}

fn mark(text: &str) -> Option<Mark> {
    // cheap refusal: this runs for every line
    if !matches!(text.as_bytes().first(), Some(b'B' | b'b' | b'E' | b'e')) {
        return None;
    }
    let line = Line::read(text)?;
    let name = || line.value.trim_ascii().to_ascii_uppercase();
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    if line.value.trim_ascii().is_empty() || !line.value.trim_ascii().bytes().all(fits) {
        return None;
    }
    if line.name.eq_ignore_ascii_case("BEGIN") {
        Some(Mark::Begin(name()))
    } else if line.name.eq_ignore_ascii_case("END") {
        Some(Mark::End(name()))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> (Lines, Tree) {
        let lines = Lines::read(text.as_bytes());
        let tree = Tree::read(&lines);
        (lines, tree)
    }

    #[test]
    fn the_lines_of_a_component_are_its_own_and_not_its_childrens() {
        let (lines, tree) = tree("BEGIN:A\nX:1\nBEGIN:B\nY:2\nEND:B\nZ:3\nEND:A\nW:4");
        let own: Vec<_> = tree
            .own_lines(0)
            .map(|i| lines.line(i).to_owned())
            .collect();
        assert_eq!(own, ["X:1", "Z:3"]);
        assert_eq!(tree.own_lines(1).count(), 1);
        assert_eq!(tree.stray, [7]);
    }

    #[test]
    fn a_missing_end_is_supplied_by_the_end_around_it() {
        let (lines, tree) = tree("BEGIN:A\nBEGIN:B\nY:2\nEND:C\nEND:A");
        assert_eq!(tree.nodes[1].ending, Ending::Implied);
        assert_eq!(tree.nodes[0].ending, Ending::Proper);
        let own: Vec<_> = tree
            .own_lines(1)
            .map(|i| lines.line(i).to_owned())
            .collect();
        assert_eq!(own, ["Y:2", "END:C"]);
    }

    #[test]
    fn a_missing_end_is_supplied_by_the_next_of_its_kind() {
        let begun = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:1\nBEGIN:VALARM\nBEGIN:VEVENT\nUID:2\n\
            END:VEVENT\nEND:VCALENDAR\nBEGIN:VCARD\nFN:a\nBEGIN:VCARD\nFN:b\nEND:VCARD";
        let (_, tree) = tree(begun);
        let roots: Vec<_> = tree
            .roots
            .iter()
            .map(|root| &tree.nodes[*root].name)
            .collect();
        assert_eq!(roots, ["VCALENDAR", "VCARD", "VCARD"]);
        assert_eq!(tree.nodes[0].children.len(), 2);
        let endings: Vec<_> = tree.nodes.iter().map(|node| node.ending).collect();
        let (proper, implied) = (Ending::Proper, Ending::Implied);
        assert_eq!(endings, [proper, implied, implied, proper, implied, proper]);
    }

    #[test]
    fn the_card_of_an_agent_and_what_is_unknown_stand_within() {
        let (_, agent) = tree("BEGIN:VCARD\nAGENT:\nBEGIN:VCARD\nEND:VCARD\nFN:a\nEND:VCARD");
        assert_eq!(agent.nodes[0].children, [1]);
        let (_, unknown) =
            tree("BEGIN:VEVENT\nBEGIN:X-WAS\nBEGIN:VEVENT\nEND:VEVENT\nEND:X-WAS\nEND:VEVENT");
        assert_eq!(unknown.roots.len(), 1);
    }

    #[test]
    fn what_has_its_own_end_stands_within_another_of_its_kind() {
        let cards = "BEGIN:VCARD\nBEGIN:VCARD\nEND:VCARD\nBEGIN:VCARD\nEND:VCARD\nTEL:1\nEND:VCARD";
        let (_, tree) = tree(cards);
        assert_eq!(tree.nodes[0].children, [1, 2]);
        assert!(tree.stray.is_empty());
    }

    #[test]
    fn nesting_without_end_is_bounded() {
        let (_, tree) = tree(&"BEGIN:X\n".repeat(100_000));
        assert_eq!(tree.nodes.len(), DEEPEST);
        assert!(tree.nodes[1].too_deep);
        assert!(tree.nodes.iter().all(|node| node.ending == Ending::CutOff));
    }
}
