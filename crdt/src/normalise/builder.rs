//! Puts registers together into an item.

use std::collections::{BTreeMap, HashMap, HashSet};

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Parsed, Problem};
use crate::BlobHash;
use crate::canon;
use crate::item::register::{self, Stored};
use crate::item::{Blob, Item, key, names};

/// The most that the registers of one item may hold together, in bytes, blobs not counted.
/// Leaves a change within [`crate::doc::LONGEST_CHANGE`].
pub const LARGEST_ITEM: usize = 3 << 20;

/// The longest UID, in bytes.
pub const LONGEST_UID: usize = 4096;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An item in the making.
#[derive(Debug)]
pub(super) struct Builder {
    item: Item,
    blobs: Vec<Blob>,
    prefix: String,
    order: BTreeMap<String, Vec<String>>,
    repeats: HashMap<String, usize>,
    parts: HashSet<String>,
    named: HashSet<BlobHash>,
    /// The definitions of zones that this item names already, by their node.
    pub(super) zones: HashMap<usize, BlobHash>,
    pub(super) problems: Vec<Problem>,
    line: u32,
}

impl Builder {
    pub(super) fn new(kind: &str, line: u32) -> Self {
        Self {
            item: Item::new(kind, ""),
            blobs: Vec::new(),
            prefix: String::new(),
            order: BTreeMap::new(),
            repeats: HashMap::new(),
            parts: HashSet::new(),
            named: HashSet::new(),
            zones: HashMap::new(),
            problems: Vec::new(),
            line,
        }
    }

    /// What follows belongs to this override, or to the item itself.
    pub(super) fn enter(&mut self, rid: Option<&str>) {
        self.prefix = key::prefix(rid);
    }

    /// The UID, as a stored property. Its parameters are kept beside it, and so is a second,
    /// different one.
    pub(super) fn uid(&mut self, stored: &str) {
        let read = Stored::read(stored);
        let value = read.value.trim_ascii();
        if self.item.uid.is_empty() {
            value.clone_into(&mut self.item.uid);
        } else if value != self.item.uid {
            self.element("=UID", stored.to_owned());
            return;
        }
        let is_more =
            read.group.is_some() || !read.params.is_empty() || !read.companions.is_empty();
        if is_more {
            self.set("=UID", stored.to_owned());
        }
    }

    pub(super) fn blob(&mut self, blob: Blob) {
        if self.named.insert(blob.hash) {
            self.blobs.push(blob);
        }
    }

    /// A register under exactly this key.
    pub(super) fn set(&mut self, at: &str, stored: String) {
        self.item
            .values
            .insert(format!("{}{at}", self.prefix), stored);
    }

    /// One more line of a register of several properties.
    pub(super) fn part(&mut self, register: &str, line: &str) {
        let at = format!("{}{register}", self.prefix);
        let value = self.item.values.entry(at).or_default();
        if !value.is_empty() {
            value.push('\n');
        }
        value.push_str(line);
    }

    /// True the first time that a register of several properties is to get a line of this name.
    pub(super) fn is_first_part(&mut self, register: &str, name: &str) -> bool {
        self.parts
            .insert(format!("{}{register}/{name}", self.prefix))
    }

    /// A property that should occur once; a further one becomes an element.
    pub(super) fn single(&mut self, name: &str, stored: String) {
        if self
            .item
            .values
            .contains_key(&format!("{}{name}", self.prefix))
        {
            self.element(name, stored);
        } else {
            self.set(name, stored);
        }
    }

    /// One more element of a repeated property; gives its key.
    pub(super) fn element(&mut self, name: &str, stored: String) -> String {
        let birth = key::element(name, &stored);
        self.keyed(name, &birth, stored)
    }

    /// One more element whose key is known but for repeats.
    pub(super) fn keyed(&mut self, name: &str, birth: &str, stored: String) -> String {
        let count = self
            .repeats
            .entry(format!("{}{birth}", self.prefix))
            .or_insert(0);
        let at = key::repeat(birth, *count);
        *count += 1;
        if names::keeps_order(name)
            && let Some((_, id)) = at.split_once('#')
        {
            let at = format!("{}~order/{name}", self.prefix);
            self.order.entry(at).or_default().push(id.to_owned());
        }
        self.set(&at, stored);
        at
    }

    /// Moves base64 over a kilobyte out of a value.
    pub(super) fn without_bytes(&mut self, params: &str, value: &str) -> String {
        let (before, text) = match value.find(";base64,") {
            Some(at)
                if value
                    .get(..5)
                    .is_some_and(|s| s.eq_ignore_ascii_case("data:")) =>
            {
                value.split_at(at + ";base64,".len())
            }
            _ if register::is_base64(params) => ("", value),
            _ => return value.to_owned(),
        };
        let mut bare: String = text.split_ascii_whitespace().collect();
        if register::bytes_hash(&bare).is_some() {
            bare.insert(0, '='); // no base64 at all, but it would be taken for our own mark
        }
        if bare.len() <= register::LONGEST_INLINE_BYTES * 4 / 3 {
            return format!("{before}{bare}");
        }
        match BASE64.decode(&bare) {
            Ok(bytes)
                if encode_base64(&bytes).trim_end_matches('=') == bare.trim_end_matches('=') =>
            {
                let blob = Blob::new(bytes);
                let mark = register::bytes_mark(blob.hash);
                self.blob(blob);
                format!("{before}{mark}")
            }
            _ => format!("{before}{bare}"),
        }
    }

    /// A line that is no content line: kept as a further line of the text before it, or as
    /// an extension property.
    pub(super) fn unreadable(
        &mut self,
        number: u32,
        component: &str,
        text: &str,
        after: Option<&str>,
    ) {
        let escaped = crate::text::escape::escape(text);
        let at = after
            .filter(|name| names::is_text(name))
            .map(|name| format!("{}{name}", self.prefix))
            .filter(|at| self.item.values.contains_key(at));
        let reason = match at {
            Some(at) => {
                let value = self.item.values.entry(at).or_default();
                let end = value.find('\n').unwrap_or(value.len()); // before its labels
                value.insert_str(end, &format!("\\n{escaped}"));
                "not `NAME:value`; kept as a further line of the property before it"
            }
            None => {
                self.element("X-PIMESH-UNREADABLE", format!(":{escaped}"));
                "not `NAME:value`; kept as X-PIMESH-UNREADABLE"
            }
        };
        if self.problems.len() < 1000 {
            self.problems.push(Problem::new(number, component, reason));
        }
    }

    /// The item, or why it cannot be kept.
    pub(super) fn finish(mut self) -> Result<Parsed, Problem> {
        let component = self.item.kind.to_ascii_uppercase();
        let refuse = |reason| Err(Problem::new(self.line, &component, reason));
        if self.item.uid.len() > LONGEST_UID {
            let bytes = self.item.uid.len();
            return refuse(format!(
                "a UID of {bytes} bytes is over the limit of {LONGEST_UID}"
            ));
        }
        for (at, ids) in std::mem::take(&mut self.order) {
            if ids.len() > 1 {
                self.item.values.insert(at, ids.join(" "));
            }
        }
        let mut blobs = std::mem::take(&mut self.blobs);
        for (at, value) in &mut self.item.values {
            let is_order = key::split_override(at).1.starts_with('~');
            if value.len() > register::LONGEST_INLINE && !is_order {
                let blob = Blob::new(std::mem::take(value).into_bytes());
                *value = register::outside(blob.hash);
                if self.named.insert(blob.hash) {
                    blobs.push(blob);
                }
            }
        }
        let is_unnamed = self.item.uid.is_empty();
        if is_unnamed {
            self.item.uid = canon::derived_uid(&self.item);
        }
        let total: usize = self
            .item
            .values
            .iter()
            .map(|(k, v)| k.len() + v.len())
            .sum();
        if total > LARGEST_ITEM {
            return refuse(format!(
                "{total} bytes is over the limit of {LARGEST_ITEM} for one item"
            ));
        }
        Ok(Parsed {
            item: self.item,
            blobs,
            line: self.line,
            is_unnamed,
            problems: self.problems,
        })
    }
}

/// Bytes as base64, padded.
pub(crate) fn encode_base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}
