//! Cards without a UID that have changed since they were imported: which known card each is.
//!
//! A UID derived from what a card says changes with it. So a card that is nowhere known is
//! held back until all is read, where a card of its name was here before; then, one to one,
//! it is the card that says most of the same. What the file itself held comes first.

use std::collections::{BTreeMap, HashMap, HashSet};

use pimesh_crdt::doc::{Base, display_name, likeness};
use pimesh_crdt::item::{Item, kind};
use pimesh_crdt::normalise::Parsed;
use pimesh_crdt::store::{Batch, Filter, ImportPlace, Life, Order, Page, Store};
use pimesh_crdt::{CollectionId, DocId};

use crate::engine::EngineError;
use crate::engine::collections::Holds;

/// More cards of one name are nobody's in particular: each that is not known is a new one.
const MOST_NAMESAKES: usize = 16;

/// How derived UIDs begin.
const DERIVED: &str = "pimesh-";

/// A card that was here before this import.
#[derive(Clone, Debug)]
struct Known {
    doc: DocId,
    uid: String,
    live: bool,
}

/// The cards that may be meant by one that is not known.
#[derive(Debug, Default)]
pub(super) struct Matching {
    is_ready: bool,
    /// Cards with derived UIDs that were here before, by collection and name.
    known: HashMap<CollectionId, HashMap<String, Vec<Known>>>,
    /// Those that this import has met as they are: they are no other card.
    met: HashSet<DocId>,
}

/// A card that waits to be matched.
pub(super) struct Unknown<'a> {
    pub(super) into: CollectionId,
    pub(super) place: Option<ImportPlace>,
    pub(super) parsed: &'a mut Parsed,
}

/// One card that may be another; the likeliest pair is the least.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    is_elsewhere: bool,
    unlike: usize,
    text: DocId,
    known: DocId,
}

impl Matching {
    /// Reads which cards were here before, the first time that it is called: nothing that
    /// needs it may have been added by then.
    pub(super) fn look_up(
        &mut self,
        store: &Store,
        collections: &BTreeMap<(Holds, String), CollectionId>,
    ) -> Result<(), EngineError> {
        if self.is_ready {
            return Ok(());
        }
        self.is_ready = true;
        let contacts = collections
            .iter()
            .filter(|((holds, _), _)| *holds == Holds::Contacts);
        for (_, id) in contacts {
            let filter = Filter {
                collection: Some(*id),
                kinds: vec![kind::VCARD.to_owned()],
                life: Life::Any,
                ..Filter::default()
            };
            let mut names: HashMap<String, Vec<Known>> = HashMap::new();
            for row in store.list(&filter, Order::Id, Page::ALL)? {
                if row.uid.starts_with(DERIVED) {
                    names.entry(row.name).or_default().push(Known {
                        doc: row.doc,
                        uid: row.uid,
                        live: row.live,
                    });
                }
            }
            self.known.insert(*id, names);
        }
        Ok(())
    }

    /// Whether a card must wait until all is read.
    pub(super) fn holds_back(
        &mut self,
        batch: &mut Batch<'_>,
        into: CollectionId,
        parsed: &Parsed,
    ) -> Result<bool, EngineError> {
        if !is_candidate(parsed) {
            return Ok(false);
        }
        let doc = parsed.item.doc_id();
        if batch.has(into, doc)? {
            self.met.insert(doc);
            return Ok(false);
        }
        Ok(!self.of_name(into, &display_name(&parsed.item)).is_empty())
    }

    fn of_name(&self, into: CollectionId, name: &str) -> &[Known] {
        let names = self.known.get(&into);
        names
            .and_then(|names| names.get(name))
            .map_or(&[], Vec::as_slice)
    }

    /// Gives each card that is a known one that card's UID.
    pub(super) fn resolve(
        &self,
        batch: &mut Batch<'_>,
        cards: &mut [Unknown<'_>],
    ) -> Result<(), EngineError> {
        let mut namesakes: BTreeMap<(CollectionId, String), Vec<usize>> = BTreeMap::new();
        for (at, card) in cards.iter().enumerate() {
            let name = display_name(&card.parsed.item);
            namesakes.entry((card.into, name)).or_default().push(at);
        }
        for ((into, name), texts) in namesakes {
            let known: Vec<&Known> = self
                .of_name(into, &name)
                .iter()
                .filter(|known| !self.met.contains(&known.doc))
                .collect();
            if known.len() > MOST_NAMESAKES || texts.len() > MOST_NAMESAKES {
                continue;
            }
            let mut pairs = Vec::new();
            for at in &texts {
                for known in &known {
                    pairs.extend(pair(batch, &cards[*at], known)?);
                }
            }
            let matched = one_to_one(pairs);
            for at in texts {
                let parsed = &mut *cards[at].parsed;
                let doc = matched.get(&parsed.item.doc_id());
                if let Some(known) = known.iter().find(|known| Some(&known.doc) == doc) {
                    parsed.item.uid.clone_from(&known.uid);
                }
            }
        }
        Ok(())
    }
}

/// Whether a text has to be told from others by what it says.
pub(super) fn is_candidate(parsed: &Parsed) -> bool {
    parsed.is_unnamed && parsed.item.kind == kind::VCARD
}

/// The pair of a text and a known card, where they may be one.
fn pair(
    batch: &mut Batch<'_>,
    card: &Unknown<'_>,
    known: &Known,
) -> Result<Option<Pair>, EngineError> {
    let text = &card.parsed.item;
    let own = match card.place {
        Some(place) => last_text(batch, card.into, place, known.doc, text)?,
        None => None,
    };
    let is_elsewhere = own.is_none();
    let item = match own {
        Some(item) => item,
        None if !known.live => return Ok(None),
        None => batch.document(card.into, known.doc)?.view().shown().item,
    };
    Ok(likeness(&item, text).map(|alike| Pair {
        is_elsewhere,
        unlike: usize::MAX - alike,
        text: text.doc_id(),
        known: known.doc,
    }))
}

/// What a place said of a card when it was last imported from there, if it was.
fn last_text(
    batch: &mut Batch<'_>,
    into: CollectionId,
    place: ImportPlace,
    doc: DocId,
    text: &Item,
) -> Result<Option<Item>, EngineError> {
    let states = batch.imported(place, doc)?;
    if states.is_empty() {
        return Ok(None);
    }
    let document = batch.document(into, doc)?;
    for (_, state) in states {
        if let Some(mut base) = Base::from_bytes(&state, &document) {
            return Ok(Some(base.against(&document, text)?));
        }
    }
    Ok(None)
}

/// Which text is which known card. Of those that the file itself held the likest wins; a card
/// from elsewhere must be the only one that fits, on both sides.
fn one_to_one(mut pairs: Vec<Pair>) -> HashMap<DocId, DocId> {
    pairs.sort_unstable();
    pairs.dedup();
    let (mut matched, mut taken) = (HashMap::new(), HashSet::new());
    for pair in &pairs {
        let is_open = |pair: &Pair, matched: &HashMap<DocId, DocId>, taken: &HashSet<DocId>| {
            !matched.contains_key(&pair.text) && !taken.contains(&pair.known)
        };
        let is_rival = |other: &&Pair| (other.text == pair.text) != (other.known == pair.known);
        if !is_open(pair, &matched, &taken) {
            continue;
        }
        let mut rivals = pairs.iter().filter(is_rival);
        if pair.is_elsewhere && rivals.any(|rival| is_open(rival, &matched, &taken)) {
            continue;
        }
        matched.insert(pair.text, pair.known);
        taken.insert(pair.known);
    }
    matched
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(text: u8, known: u8, alike: usize, is_elsewhere: bool) -> Pair {
        Pair {
            is_elsewhere,
            unlike: usize::MAX - alike,
            text: DocId([text; 16]),
            known: DocId([known; 16]),
        }
    }

    fn found(pairs: Vec<Pair>) -> Vec<(u8, u8)> {
        let mut found: Vec<(u8, u8)> = one_to_one(pairs)
            .into_iter()
            .map(|(text, known)| (text.0[0], known.0[0]))
            .collect();
        found.sort_unstable();
        found
    }

    #[test]
    fn of_the_cards_that_a_file_held_the_likest_is_meant() {
        let pairs = vec![
            pair(1, 7, 3, false),
            pair(1, 8, 5, false),
            pair(2, 8, 4, false),
        ];
        assert_eq!(found(pairs), [(1, 8)], "2 fits 8 only, which is 1");
        let pairs = vec![
            pair(1, 7, 3, false),
            pair(1, 8, 3, false),
            pair(2, 7, 3, false),
            pair(2, 8, 3, false),
        ];
        assert_eq!(found(pairs), [(1, 7), (2, 8)], "as many as there were");
    }

    #[test]
    fn a_card_from_elsewhere_is_meant_only_where_no_other_fits() {
        assert_eq!(found(vec![pair(1, 7, 3, true)]), [(1, 7)]);
        assert_eq!(found(vec![pair(1, 7, 3, true), pair(1, 8, 2, true)]), []);
        assert_eq!(found(vec![pair(1, 7, 3, true), pair(2, 7, 2, true)]), []);
        let own_first = vec![
            pair(1, 7, 1, false),
            pair(2, 7, 9, true),
            pair(2, 8, 9, true),
        ];
        assert_eq!(
            found(own_first),
            [(1, 7), (2, 8)],
            "7 is taken: 8 alone is left"
        );
    }
}
