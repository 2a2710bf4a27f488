//! What must survive, said as simply as it can be: the only file to believe.
//!
//! A document is a set of writes. Of each it is known what its writer *knew* (every write
//! behind what they were shown, however indirectly) and what they were *shown* where they
//! wrote. Everything else follows:
//!
//! 1. A write replaces another at a key if its writer knew the other and was shown its value;
//!    who decides a conflict was shown all of its values.
//! 2. Every value that nobody has replaced is there: shown, or kept beside what is shown.
//!    Nothing else is there. (One of several, like a number, is shown once under whatever key,
//!    and a note within one that has all of it; where a person changed it there, it may be
//!    gone with it.)
//! 3. A text read from a file gives no opinion of its own where a person knew its value and
//!    replaced it: that value may stay hidden.
//! 4. An item or occurrence is alive if something gave it life that no delete knew of.
//! 5. Of an organiser's messages the newest speaks; none raises what a person has deleted.
//! 6. An attendee's newest answer stands at the newest message, unless that asks anew: its
//!    SEQUENCE is higher.
//! 7. Who takes a command back replaces what the command wrote, and nothing that others wrote.
//!
//! Shares no code with the merge: it sees keys and values, and never a change, a dependency
//! or an operation.

use std::collections::{BTreeMap, BTreeSet};

use pimesh_crdt::item::key;
use pimesh_crdt::{ChangeHash, CollectionId, DocId};

/// The item itself, or one of its occurrences.
pub type Part = Option<String>;

/// Who wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// A person, or a machine on their behalf: whether it gives life is said apart.
    Writer,
    /// A text read from a file.
    Text,
    /// An organiser's message about one part: SEQUENCE and DTSTAMP.
    Message {
        /// What it speaks of.
        part: Part,
        /// The greater one is newer.
        pair: (u64, String),
        /// It ends what it speaks of.
        cancels: bool,
    },
    /// An attendee's answer.
    Answer {
        /// To what.
        part: Part,
        /// SEQUENCE of the message it answers, and its own DTSTAMP.
        pair: (u64, String),
        /// PARTSTAT.
        says: String,
    },
}

/// One write to one document.
#[derive(Clone, Debug)]
pub struct Write {
    /// The name that the write travels under; only ever compared.
    pub name: ChangeHash,
    /// Where it was written.
    pub within: BTreeSet<CollectionId>,
    /// Who wrote.
    pub by: By,
    /// The names of the writes behind what the writer was shown.
    pub knew: BTreeSet<ChangeHash>,
    /// What it says, by key; nothing where it removes.
    pub says: BTreeMap<String, Option<String>>,
    /// What the writer was shown behind the keys they wrote.
    pub shown: BTreeMap<String, String>,
    /// What else they were shown there, kept beside it, and decided on.
    pub beside: BTreeMap<String, BTreeSet<String>>,
    /// Occurrences written as if they had never been, over what an ended one said.
    pub anew: BTreeSet<String>,
    /// What it gives life.
    pub gives: BTreeSet<Part>,
    /// What it ends.
    pub ends: BTreeSet<Part>,
    /// The writes of the command that it takes back.
    pub takes_back: Option<BTreeSet<ChangeHash>>,
}

impl Write {
    /// Every value that the writer was shown where they wrote, by key.
    fn all_shown(&self) -> impl Iterator<Item = (&str, &str)> {
        let beside = self.beside.iter();
        let beside = beside.flat_map(|(at, all)| all.iter().map(move |value| (at, value)));
        let all = self.shown.iter().chain(beside);
        all.map(|(at, value)| (at.as_str(), value.as_str()))
    }
}

/// All writes to all documents.
#[derive(Clone, Debug, Default)]
pub struct Model {
    pub(super) docs: BTreeMap<DocId, Vec<Write>>,
    one: Vec<(DocId, CollectionId, CollectionId)>,
}

/// What a document must look like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// Values that must be there, by key.
    pub must: BTreeMap<String, BTreeSet<String>>,
    /// Values that may be there, those above included.
    pub may: BTreeMap<String, BTreeSet<String>>,
    /// What must be alive; all other parts must not be.
    pub alive: BTreeSet<Part>,
    /// What an attendee has answered, where an organiser asks.
    pub answers: BTreeMap<Part, String>,
}

impl Model {
    /// Remembers a write; one that is known already counts once.
    pub fn write(&mut self, doc: DocId, write: Write) {
        let all = self.docs.entry(doc).or_default();
        match all.iter_mut().find(|known| known.name == write.name) {
            Some(known) => known.within.extend(write.within),
            None => all.push(write),
        }
    }

    /// Two collections are one from now on, by this document of the mesh.
    pub fn unite(&mut self, by: DocId, a: CollectionId, b: CollectionId) {
        self.one.push((by, a, b));
    }

    /// Forgets what nobody has any more: it was made on a device that was put back. Where the
    /// union of two collections is forgotten, what was written on top of both stays, and what it
    /// stands on with it. A device that knew of the union may have told what was written in the
    /// one collection to devices that have it in the other.
    pub fn forget(&mut self, is_held: impl Fn(DocId, CollectionId, ChangeHash) -> bool) {
        let within = self.docs.values().flatten().flat_map(|write| &write.within);
        let collections: BTreeSet<CollectionId> = within.copied().collect();
        let classes: BTreeMap<_, _> = collections
            .iter()
            .map(|id| (*id, self.class(*id)))
            .collect();
        for (doc, all) in &mut self.docs {
            for write in all.iter_mut() {
                let anywhere = write.within.iter().flat_map(|within| &classes[within]);
                write.within = anywhere.copied().collect();
            }
            let tops = all.iter().map(|top| (top.within.clone(), top.knew.clone()));
            let tops: Vec<_> = tops.collect();
            for (within, knew) in tops {
                for below in all.iter_mut().filter(|write| knew.contains(&write.name)) {
                    below.within.extend(&within);
                }
            }
            for write in all.iter_mut() {
                let name = write.name;
                write.within.retain(|within| is_held(*doc, *within, name));
            }
            all.retain(|write| !write.within.is_empty());
        }
        self.docs.retain(|_, all| !all.is_empty());
        self.one.retain(|(by, ..)| self.docs.contains_key(by));
    }

    /// All collections that are one with this one, itself included.
    pub fn class(&self, collection: CollectionId) -> BTreeSet<CollectionId> {
        let mut class = BTreeSet::from([collection]);
        loop {
            let before = class.len();
            for (_, a, b) in &self.one {
                if class.contains(a) || class.contains(b) {
                    class.extend([*a, *b]);
                }
            }
            if class.len() == before {
                return class;
            }
        }
    }

    /// The documents of a class.
    pub fn docs(&self, class: &BTreeSet<CollectionId>) -> BTreeSet<DocId> {
        let is_here = |write: &Write| !write.within.is_disjoint(class);
        self.docs
            .iter()
            .filter(|(_, all)| all.iter().any(is_here))
            .map(|(doc, _)| *doc)
            .collect()
    }

    /// A text that has become two changes.
    pub fn split_text(&self) -> Option<DocId> {
        let texts = |all: &Vec<Write>| {
            let texts = all.iter().filter(|write| write.by == By::Text);
            let says: BTreeSet<_> = texts.clone().map(|write| &write.says).collect();
            says.len() != texts.count()
        };
        let split = self.docs.iter().find(|(_, all)| texts(all));
        split.map(|(doc, _)| *doc)
    }

    /// What a document of a class must look like.
    pub fn expected(&self, class: &BTreeSet<CollectionId>, doc: DocId) -> Expected {
        let all = self.docs.get(&doc).into_iter().flatten();
        let history = History(all.filter(|w| !w.within.is_disjoint(class)).collect());
        let mut expected = Expected::default();
        for write in &history.0 {
            for part in &write.gives {
                if !expected.alive.contains(part) && history.is_alive(part) {
                    expected.alive.insert(part.clone());
                }
            }
            for (key, value) in &write.says {
                let Some(value) = value else { continue };
                if !history.speaks(write) || history.is_replaced(write, key, value) {
                    continue;
                }
                let may = expected.may.entry(key.clone()).or_default();
                may.insert(meaning(key, value));
                let is_elsewhere =
                    |later: &&Write| History::replaces_elsewhere(later, write, key, value);
                let may_be_gone = history.0.iter().any(is_elsewhere);
                if !may_be_gone && !history.is_restated(write, key, value) {
                    let must = expected.must.entry(key.clone()).or_default();
                    must.insert(meaning(key, value));
                }
            }
        }
        expected.answers = history.answers();
        expected
    }
}

/// All writes to one document.
struct History<'a>(Vec<&'a Write>);

impl<'a> History<'a> {
    /// Rule 1.
    fn replaces(later: &Write, earlier: &Write, at: &str, value: &str) -> bool {
        if !later.knew.contains(&earlier.name) {
            return false;
        }
        if let Some(command) = &later.takes_back {
            return command.contains(&earlier.name) && later.says.contains_key(at);
        }
        let over_ended = key::split_override(at).0;
        let mut shown = later.all_shown().filter(|(key, _)| *key == at);
        over_ended.is_some_and(|rid| later.anew.contains(rid))
            || shown.any(|(_, shown)| meaning(at, shown) == meaning(at, value))
    }

    /// Rule 2: the writer was shown the value under another key of the list, or in one note
    /// with others.
    fn replaces_elsewhere(later: &Write, earlier: &Write, at: &str, value: &str) -> bool {
        let of = list(at);
        let mut shown = later.all_shown().filter(|(key, _)| match of {
            Some(_) => list(key) == of,
            None => *key == at,
        });
        later.knew.contains(&earlier.name)
            && shown.any(|(_, shown)| match of {
                Some(_) => meaning(at, shown) == meaning(at, value),
                None => joins(at, shown, value),
            })
    }

    fn is_replaced(&self, write: &Write, at: &str, value: &str) -> bool {
        let mut all = self.0.iter();
        all.any(|later| Self::replaces(later, write, at, value))
    }

    /// Rule 3: a person has replaced what this text says, there or among the same list.
    fn is_restated(&self, write: &Write, at: &str, value: &str) -> bool {
        let is_same = |earlier: &&&Write| {
            let said = earlier.says.get(at).and_then(Option::as_ref);
            said.is_some_and(|said| meaning(at, said) == meaning(at, value))
        };
        write.by != By::Writer
            && self.0.iter().filter(is_same).any(|earlier| {
                let mut all = self.0.iter();
                all.any(|later| {
                    Self::replaces(later, earlier, at, value)
                        || Self::replaces_elsewhere(later, earlier, at, value)
                })
            })
    }

    /// Rule 4, and rule 5 where there are messages.
    fn is_alive(&self, part: &Part) -> bool {
        let ended = |write: &Write| {
            let mut ends = self.0.iter().filter(|end| end.ends.contains(part));
            ends.any(|end| end.knew.contains(&write.name))
        };
        let gives = |write: &&&Write| write.gives.contains(part);
        let is_message = |write: &Write| matches!(write.by, By::Message { .. });
        let (messages, others): (Vec<&Write>, Vec<&Write>) =
            self.0.iter().filter(gives).partition(|w| is_message(w));
        if others.iter().any(|write| !ended(write)) {
            return true;
        }
        let is_intact = |message: &&Write| {
            let knows = |write: &&Write| write.knew.contains(&message.name);
            !ended(message) && !others.iter().any(knows)
        };
        !messages.is_empty() && messages.iter().all(is_intact) && !self.is_dropped(part)
    }

    fn about(&self, wanted: &Part) -> impl Iterator<Item = (bool, &'a (u64, String), &'a Write)> {
        self.0.iter().filter_map(move |write| match &write.by {
            By::Message {
                part,
                pair,
                cancels,
            } if part == wanted => Some((!cancels, pair, *write)),
            By::Message { .. } | By::Answer { .. } | By::Writer | By::Text => None,
        })
    }

    /// Rule 6, where nobody has written the attendees themselves.
    fn answers(&self) -> BTreeMap<Part, String> {
        let is_own = |write: &&&Write| write.by == By::Writer;
        let mut own = self.0.iter().filter(is_own).flat_map(|w| w.says.keys());
        if own.any(|at| key::name(at) == "ATTENDEE") {
            return BTreeMap::new();
        }
        let mut newest: BTreeMap<Part, (&(u64, String), &str)> = BTreeMap::new();
        for write in &self.0 {
            if let By::Answer { part, pair, says } = &write.by {
                let known = newest.entry(part.clone()).or_insert((pair, says));
                *known = (*known).max((pair, says));
            }
        }
        newest.retain(|part, (pair, _)| {
            let asked = self
                .about(part)
                .map(|(is_asked, of, _)| (is_asked, of))
                .max();
            asked.is_some_and(|(_, of)| of.0 <= pair.0)
        });
        let each = newest.into_iter();
        each.map(|(part, (_, says))| (part, says.to_owned()))
            .collect()
    }

    /// A newer message about the whole series no longer speaks of this occurrence.
    fn is_dropped(&self, part: &Part) -> bool {
        let requests = self.about(&None).filter(|(requests, ..)| *requests);
        let series = requests.map(|(_, pair, _)| pair).max();
        part.is_some() && self.about(part).map(|(_, pair, _)| pair).max() < series
    }

    /// Rule 5: of messages about one part the newest speaks, a cancellation only where there
    /// is nothing else.
    fn speaks(&self, write: &Write) -> bool {
        let By::Message { part, .. } = &write.by else {
            return true;
        };
        let newest = self
            .about(part)
            .max_by_key(|(requests, pair, _)| (*requests, *pair));
        newest.is_some_and(|(.., newest)| newest.name == write.name)
    }
}

/// What the elements of a list share: the part of the item and the name.
pub fn list(at: &str) -> Option<(Option<&str>, &str)> {
    let (rid, rest) = key::split_override(at);
    let is_element = rest.contains('#') && !rest.starts_with('~');
    is_element.then(|| (rid, key::name(at)))
}

/// Whether a note that joins several has all that another one says: of texts read from files
/// the one that says less is no conflict.
pub fn joins(at: &str, note: &str, other: &str) -> bool {
    fn parts(note: &str) -> BTreeSet<&str> {
        let note = note.strip_prefix(':').unwrap_or(note);
        note.split("\\n\\n").collect()
    }
    key::name(at) == "NOTE" && parts(other).is_subset(&parts(note))
}

/// What a value says, whatever it looks like: the few differences of form in our texts.
pub fn meaning(at: &str, value: &str) -> String {
    match key::name(at) {
        "TEL" => value.chars().filter(|c| !matches!(c, ' ' | '-')).collect(),
        "EMAIL" => value.to_ascii_lowercase(),
        _ => value.to_owned(),
    }
}
