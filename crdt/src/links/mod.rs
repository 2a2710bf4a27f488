//! Which contacts are one person's: links between items of different UIDs.
//!
//! ```text
//!  person ──link A B──► [Links] ──Edits──► document of a collection ──► every device
//!                          ▲                        │
//!  list, show, edit ◄──────┴───────Item as shown────┘
//! ```
//!
//! A link is a register of a collection's document, `LINK#<lesser id>+<greater id>`; the items
//! themselves are never touched, so taking a link away leaves them as they were, to the byte.
//! Invariants: who is one person with whom depends on the set of changes alone; every two items
//! of a person are linked directly, as far as whoever linked them knew, so that taking one out
//! leaves the others together. Whoever writes these edits decides (`Document::resolve`): two
//! devices may have named a pair in either order, and taking the link away ends both.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::DocId;
use crate::diff::Edit;
use crate::item::register::Stored;
use crate::item::{Item, key};

/// The property of a collection's document that links two items.
pub const LINK: &str = "LINK";

/// The most items that are linked as one person: each is linked to each.
pub const MOST_LINKED: usize = 24;

/// Two items, the lesser id first.
type Pair = (DocId, DocId);

/// All links there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// Which of the two was named first.
    first: BTreeMap<Pair, DocId>,
    others: BTreeMap<DocId, BTreeSet<DocId>>,
}

impl Links {
    /// The links that these documents of collections say.
    pub fn of<'i>(collections: impl IntoIterator<Item = &'i Item>) -> Self {
        let mut out = Self::default();
        for item in collections {
            for (at, value) in &item.values {
                if let Some((pair, first)) = pair_of(at, value) {
                    // where two documents disagree, the lesser id is as good as any
                    let known = out.first.entry(pair).or_insert(first);
                    *known = first.min(*known);
                    out.others.entry(pair.0).or_default().insert(pair.1);
                    out.others.entry(pair.1).or_default().insert(pair.0);
                }
            }
        }
        out
    }

    /// True where nothing is linked.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Every item that is linked with another.
    pub fn items(&self) -> impl Iterator<Item = DocId> {
        self.others.keys().copied()
    }

    /// Whether these two are linked directly.
    pub fn has(&self, a: DocId, b: DocId) -> bool {
        self.first.contains_key(&pair(a, b))
    }

    /// All items of the person that an item belongs to, that one included, in the order in
    /// which they were named; the item alone where it is not linked.
    pub fn person(&self, doc: DocId) -> Vec<DocId> {
        let mut out: Vec<DocId> = self.reached(doc, &[]).into_iter().collect();
        out.sort_by_cached_key(|doc| (self.times_second(*doc), *doc));
        out
    }

    /// What hangs together with an item, not by way of some others.
    fn reached(&self, doc: DocId, without: &[DocId]) -> BTreeSet<DocId> {
        let mut members = BTreeSet::from([doc]);
        let mut open = vec![doc];
        while let Some(next) = open.pop() {
            for other in self.others.get(&next).into_iter().flatten() {
                if !without.contains(other) && members.insert(*other) {
                    open.push(*other);
                }
            }
        }
        members
    }

    /// How often an item was named after the other.
    fn times_second(&self, doc: DocId) -> usize {
        let others = self.others.get(&doc).into_iter().flatten();
        others
            .filter(|other| self.first.get(&pair(doc, **other)) == Some(*other))
            .count()
    }

    /// The edits that make these items one person, with all that were one with any of them.
    pub fn link(&self, docs: &[DocId]) -> Vec<Edit> {
        let mut all: Vec<DocId> = Vec::new();
        for doc in docs.iter().flat_map(|doc| self.person(*doc)) {
            if !all.contains(&doc) {
                all.push(doc);
            }
        }
        self.join(&all)
    }

    /// The edits that make each of these items stand alone again. What else belonged to a
    /// person stays together.
    pub fn unlink(&self, docs: &[DocId]) -> Vec<Edit> {
        let mut edits: Vec<Edit> = self
            .first
            .keys()
            .filter(|(a, b)| docs.contains(a) || docs.contains(b))
            .map(|pair| Edit::Clear { key: key_of(*pair) })
            .collect();
        let mut seen = BTreeSet::new();
        for doc in docs {
            let mut rest = self.person(*doc);
            rest.retain(|member| !docs.contains(member));
            if rest.first().is_some_and(|first| seen.insert(*first)) {
                edits.extend(self.bridge(&rest, docs));
            }
        }
        edits
    }

    /// Those of the edits that one document of a collection takes: new links go into the
    /// document at home, what is taken away goes from every one that says it.
    pub fn edits_in(edits: &[Edit], shown: &Item, is_home: bool) -> Vec<Edit> {
        let mut of_this = edits.to_vec();
        of_this.retain(|edit| match edit {
            Edit::Set { .. } => is_home,
            Edit::Clear { key } => shown.value(key).is_some(),
            Edit::Delete { .. } | Edit::Revive { .. } => false,
        });
        of_this
    }

    /// The edits that keep together those that only these others had held together. What hangs
    /// together by itself is left alone: another device may be taking it apart.
    fn bridge(&self, rest: &[DocId], without: &[DocId]) -> Vec<Edit> {
        let mut parts: BTreeMap<DocId, usize> = BTreeMap::new();
        for (part, doc) in rest.iter().enumerate() {
            for member in self.reached(*doc, without) {
                parts.entry(member).or_insert(part);
            }
        }
        let mut edits = self.join(rest);
        edits.retain(|edit| match edit {
            Edit::Set { key, value } => {
                pair_of(key, value).is_some_and(|((a, b), _)| parts.get(&a) != parts.get(&b))
            }
            Edit::Clear { .. } | Edit::Delete { .. } | Edit::Revive { .. } => true,
        });
        edits
    }

    /// The edits that link each to each, the earlier first.
    fn join(&self, all: &[DocId]) -> Vec<Edit> {
        let mut edits = Vec::new();
        for (place, first) in all.iter().enumerate() {
            for second in &all[place + 1..] {
                if !self.has(*first, *second) {
                    edits.push(Edit::Set {
                        key: key_of(pair(*first, *second)),
                        value: format!(":{first}+{second}"),
                    });
                }
            }
        }
        edits
    }
}

fn pair(a: DocId, b: DocId) -> Pair {
    (a.min(b), a.max(b))
}

fn key_of((a, b): Pair) -> String {
    format!("{LINK}#{a}+{b}")
}

/// The two items that a register links, and which was named first; nothing where it is no
/// link, or one that this program would not have written.
pub fn pair_of(at: &str, value: &str) -> Option<(Pair, DocId)> {
    if key::name(at) != LINK {
        return None;
    }
    let (first, second) = Stored::read(value).value.split_once('+')?;
    let (first, second) = (DocId::from_hex(first)?, DocId::from_hex(second)?);
    let pair = pair(first, second);
    (first != second && at == key_of(pair)).then_some((pair, first))
}
