//! `search`: items that say some words, in whichever property.
//!
//! Nothing of it is stored: each document is read and looked through, one at a time, a thousand
//! in a turn, so that others get theirs. What the row of an item says is enough for a hit.

use std::collections::HashSet;

use pimesh_crdt::item::register::{Stored, bytes_of, is_base64, outside_hash};
use pimesh_crdt::item::{Item, key, names};
use pimesh_crdt::store::{Filter, ItemRow, Order, Page, Store};
use pimesh_crdt::text::escape;
use pimesh_crdt::text::line::Line;
use pimesh_crdt::{BlobHash, CollectionId, DocId};
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

use super::items::{shown, told};
use super::{Engine, EngineError};
use crate::api::Items;

/// Documents that are read in one turn.
const DOCUMENTS_AT_ONCE: usize = 1000;
/// More words than these are not looked for.
const MOST_WORDS: usize = 64;
/// What stands in numbers and dates for the eye alone.
const MARKS: [char; 8] = ['-', '.', '(', ')', '/', '+', ' ', '\u{a0}'];

impl Engine {
    pub(super) async fn search(
        &self,
        text: String,
        limit: Option<usize>,
    ) -> Result<Items, EngineError> {
        let store = &self.inner.store;
        let begin = store.with(move |store| Searching::begin(store, &text));
        let mut searching = begin.await?;
        while !searching.left.is_empty() {
            let step = store.with(move |store| searching.step(store));
            searching = step.await?;
        }
        let (rows, found) = (searching.rows, searching.found);
        let done = store.with(move |store| {
            let rows = rows.into_iter().zip(found).filter(|(_, found)| *found);
            told(store, rows.map(|(row, _)| row).collect(), limit, |_| true)
        });
        done.await
    }
}

/// A search under way.
struct Searching {
    words: Vec<Word>,
    /// All that lives, in the order of a list.
    rows: Vec<ItemRow>,
    /// Which of them are found.
    found: Vec<bool>,
    /// Places of rows whose documents are not looked through yet, the last one next.
    left: Vec<usize>,
}

impl Searching {
    fn begin(store: &Store, text: &str) -> Result<Self, EngineError> {
        let mut rows = store.list(&Filter::default(), Order::Name, Page::ALL)?;
        rows.retain(|row| row.collection != CollectionId::MESH);
        let of_rows = Filter {
            text: text.to_owned(),
            ..Filter::default()
        };
        let hits = store.list(&of_rows, Order::Id, Page::ALL)?.into_iter();
        let hits: HashSet<(CollectionId, DocId)> =
            hits.map(|row| (row.collection, row.doc)).collect();
        let is_hit = |row: &ItemRow| hits.contains(&(row.collection, row.doc));
        let found: Vec<bool> = rows.iter().map(is_hit).collect();
        let mut left: Vec<usize> = (0..rows.len()).filter(|i| !found[*i]).collect();
        // what lies together is read together
        left.sort_unstable_by_key(|i| std::cmp::Reverse(rows[*i].doc));
        let words = text.split_whitespace().take(MOST_WORDS);
        Ok(Self {
            words: words.map(Word::of).collect(),
            rows,
            found,
            left,
        })
    }

    fn step(mut self, store: &Store) -> Result<Self, EngineError> {
        for _ in 0..DOCUMENTS_AT_ONCE {
            let Some(at) = self.left.pop() else {
                break;
            };
            let item = shown(store, &self.rows[at])?.item;
            let blobs = |hash| store.blob(hash).ok().flatten();
            let text = said(&item, &blobs);
            self.found[at] = self.words.iter().all(|word| word.is_in(&text));
        }
        Ok(self)
    }
}

/// A word to look for, folded; and without marks where it is a number.
struct Word {
    folded: String,
    digits: Option<String>,
}

impl Word {
    fn of(written: &str) -> Self {
        let is_number = written.contains(|c: char| c.is_ascii_digit())
            && written
                .chars()
                .all(|c| c.is_ascii_digit() || MARKS.contains(&c));
        Self {
            folded: folded(written),
            digits: is_number.then(|| written.replace(MARKS, "")),
        }
    }

    fn is_in(&self, text: &str) -> bool {
        text.contains(&self.folded)
            || self
                .digits
                .as_ref()
                .is_some_and(|digits| text.contains(digits))
    }
}

/// Without capital letters and accents.
fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut out = String::with_capacity(text.len());
    let bare = text.nfkd().filter(|c| !is_combining_mark(*c));
    for letter in bare.flat_map(char::to_lowercase) {
        match letter {
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'ø' => out.push('o'),
            'ł' => out.push('l'),
            'đ' | 'ð' => out.push('d'),
            'ı' => out.push('i'),
            'ς' => out.push('σ'),
            letter => out.push(letter),
        }
    }
    out
}

/// Everything of an item that a person reads, folded; numbers also without their marks.
fn said(item: &Item, blobs: &dyn Fn(BlobHash) -> Option<Vec<u8>>) -> String {
    let mut out = String::new();
    for (at, stored) in &item.values {
        let rest = key::split_override(at).1;
        let name = key::name(at);
        if rest.starts_with('~') || names::is_book_keeping(name) || is_of_bytes(name) {
            continue;
        }
        let kept;
        let stored = match outside_hash(stored) {
            None => stored,
            Some(hash) => {
                kept = blobs(hash).and_then(|bytes| String::from_utf8(bytes).ok());
                match &kept {
                    Some(text) => text,
                    None => continue,
                }
            }
        };
        if matches!(name, key::WHEN | key::DONE | key::NAME | "ALARM") || name.starts_with("C/") {
            for line in stored.split('\n').filter_map(Line::read) {
                if is_read(line.name) {
                    say(line.params, line.value, &mut out);
                }
            }
            continue;
        }
        let read = Stored::read(stored);
        if is_base64(read.params) || bytes_of(read.params, read.value).is_some() {
            continue;
        }
        say(read.params, read.value, &mut out);
        for label in read.companions.split('\n').filter_map(Line::read) {
            say(label.params, label.value, &mut out);
        }
        if name == "TEL" {
            out.push_str(&read.value.replace(MARKS, ""));
            out.push('\n');
        }
        if matches!(name, "BDAY" | "ANNIVERSARY") {
            out.push_str(&read.value.replace('-', ""));
            out.push('\n');
        }
    }
    out
}

/// A value, and the names that stand in its parameters.
fn say(params: &str, value: &str, out: &mut String) {
    for named in ["CN", "LABEL"] {
        let params = pimesh_crdt::text::line::Params::new(params);
        if let Some(name) = params.value_of(named) {
            out.push_str(&folded(name));
            out.push('\n');
        }
    }
    out.push_str(&folded(&escape::unescape(value)));
    out.push('\n');
}

/// Lines of registers that hold several properties.
fn is_read(name: &str) -> bool {
    matches!(
        name,
        "FN" | "N" | "SUMMARY" | "DESCRIPTION" | "COMMENT" | "LOCATION" | "ATTENDEE" | "NAME"
    )
}

fn is_of_bytes(name: &str) -> bool {
    matches!(name, "PHOTO" | "LOGO" | "SOUND" | "KEY" | "UID")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capital_letters_and_accents_make_no_difference() {
        for (written, word) in [
            ("Zoé LAMBERT", "zoe lambert"),
            ("Straße", "strasse"),
            ("Łódź", "lodz"),
            ("Ærø", "aero"),
            ("ÅNGSTRÖM", "angstrom"),
            ("ﬁne", "fine"),
            ("Ἀθήνας", "αθηνασ"),
        ] {
            assert_eq!(folded(written), word);
            assert_eq!(folded(word), word);
        }
    }

    #[test]
    fn a_number_is_found_however_it_is_written() {
        for written in ["0171-555", "0171/555", "(0171)555"] {
            assert!(Word::of(written).is_in("x\n0171555\n"), "{written}");
        }
        assert!(!Word::of("a-b").is_in("ab"));
    }
}
