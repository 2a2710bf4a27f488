//! Registers into content lines.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Blobs;
use crate::BlobHash;
use crate::diff::put_in_order;
use crate::item::register::{self, Stored};
use crate::item::{Item, key, names};
use crate::normalise::encode_base64;
use crate::text::escape;

/// The lines of one component in the making.
pub(super) struct Lines<'a> {
    blobs: &'a dyn Blobs,
    pub(super) lines: Vec<String>,
    pub(super) missing: Vec<BlobHash>,
    groups: usize,
    taken: HashSet<String>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(blobs: &'a dyn Blobs) -> Self {
        Self {
            blobs,
            lines: Vec::new(),
            missing: Vec::new(),
            groups: 0,
            taken: HashSet::new(),
        }
    }

    /// All registers of an item or override, but for those that the caller writes itself.
    pub(super) fn component(&mut self, item: &Item, rid: Option<&str>, skip: &[&str]) {
        let of_item: Vec<(&str, &str)> = item.component(rid).collect();
        self.taken = of_item
            .iter()
            .filter_map(|(_, stored)| Stored::read(stored).group.map(str::to_ascii_lowercase))
            .collect();
        let mut families: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
        for (rest, stored) in of_item {
            let is_own = !rest.starts_with('~')
                && !rest.starts_with("CAL/")
                && !rest.ends_with("/ack")
                && !skip.contains(&rest);
            if is_own {
                families
                    .entry(key::family(rest))
                    .or_default()
                    .push((rest, stored));
            }
        }
        // components stand after all properties (RFC 5545 §3.6)
        let is_component = |family: &str| family == "ALARM" || family.starts_with("C/");
        let (nested, properties): (Vec<_>, Vec<_>) =
            (families.into_iter()).partition(|(family, _)| is_component(family));
        for (family, mut elements) in properties.into_iter().chain(nested) {
            elements.sort_by_key(|(rest, _)| key::by_repeat(rest));
            let order = format!("{}~order/{family}", key::prefix(rid));
            if let Some(order) = item.value(&order) {
                put_in_order(&mut elements, order);
            }
            self.family(item, rid, family, &elements);
        }
    }

    fn family(&mut self, item: &Item, rid: Option<&str>, family: &str, elements: &[(&str, &str)]) {
        if family == "ALARM" || family.starts_with("C/") {
            for (rest, stored) in elements {
                let name = match family.strip_prefix("C/") {
                    Some(name) => name.split('/').next().unwrap_or(name),
                    None => "VALARM",
                };
                let ack = format!("{}{rest}/ack", key::prefix(rid));
                self.nested(name, stored, item.value(&ack));
            }
            return;
        }
        let is_list = matches!(
            if item.kind == crate::item::kind::VCARD {
                names::in_card(family)
            } else {
                names::in_calendar(&item.kind, family)
            },
            names::Place::List
        );
        if is_list {
            self.joined(family, elements);
        } else {
            for (_, stored) in elements {
                self.property(family, stored);
            }
        }
    }

    /// Elements of a list with the same parameters on one line, as long as that stays short.
    fn joined(&mut self, name: &str, elements: &[(&str, &str)]) {
        const LONGEST_LINE: usize = 2000;
        let mut open: Vec<String> = Vec::new();
        let mut latest: HashMap<String, usize> = HashMap::new();
        for (rest, stored) in elements {
            if key::by_repeat(rest).1 > 0 {
                latest.clear(); // equal elements stay in their order
            }
            let whole = self.whole(stored);
            let Some(whole) = whole else { continue };
            let read = Stored::read(&whole);
            let head = Stored {
                value: "",
                companions: "",
                ..read
            }
            .write();
            if !can_share(read) {
                open.push(whole.clone());
                continue;
            }
            let fits = |at: &usize| open[*at].len() + read.value.len() < LONGEST_LINE;
            match latest.get(&head).copied().filter(fits) {
                Some(at) => {
                    open[at].push(',');
                    open[at].push_str(read.value);
                }
                None => {
                    latest.insert(head, open.len());
                    open.push(whole.clone());
                }
            }
        }
        for stored in open {
            self.property(name, &stored);
        }
    }

    /// The UID, with what was written beside it.
    pub(super) fn uid(&mut self, item: &Item, rid: Option<&str>) {
        match item.value(&format!("{}=UID", key::prefix(rid))) {
            Some(stored) => self.property("=UID", stored),
            None => self.lines.push(format!("UID:{}", item.uid)),
        }
    }

    /// A register of several properties, without the definitions of its zones.
    pub(super) fn parts(&mut self, stored: &str) {
        let Some(whole) = self.whole(stored) else {
            return;
        };
        for line in whole
            .split('\n')
            .filter(|line| register::zone_of(line).is_none())
        {
            self.lines.push(line.to_owned());
        }
    }

    /// One simple property, with its labels in a group of their own.
    pub(super) fn property(&mut self, name: &str, stored: &str) {
        let Some(whole) = self.whole(stored) else {
            return;
        };
        if matches!(name, key::WHEN | key::DONE | key::NAME) {
            return self.parts(&whole);
        }
        let read = Stored::read(&whole);
        let Some(value) = self.with_bytes(read.params, read.value) else {
            return;
        };
        let group = match read.group {
            Some(group) => Some(group.to_owned()),
            None if !read.companions.is_empty() => Some(self.fresh_group()),
            None => None,
        };
        let dotted = group.map_or_else(String::new, |group| format!("{group}."));
        let params = if read.params.is_empty() {
            String::new()
        } else {
            format!(";{}", read.params)
        };
        let name = names::written(name);
        self.lines.push(format!("{dotted}{name}{params}:{value}"));
        for companion in read.companions.split('\n').filter(|line| !line.is_empty()) {
            self.lines.push(format!("{dotted}{companion}"));
        }
    }

    /// An alarm or an unknown component.
    fn nested(&mut self, name: &str, stored: &str, acknowledged: Option<&str>) {
        let Some(whole) = self.whole(stored) else {
            return;
        };
        self.lines.push(format!("BEGIN:{name}"));
        if let Some(acknowledged) = acknowledged {
            let separator = if acknowledged.starts_with(':') {
                ""
            } else {
                ";"
            };
            self.lines
                .push(format!("ACKNOWLEDGED{separator}{acknowledged}"));
        }
        self.lines.extend(
            whole
                .split('\n')
                .filter(|line| !line.is_empty())
                .map(str::to_owned),
        );
        self.lines.push(format!("END:{name}"));
    }

    fn fresh_group(&mut self) -> String {
        loop {
            self.groups += 1;
            #[cfg(feature = "mutants")]
            if crate::mutants::is(crate::mutants::Mutant::SameGroup) {
                return "item1".into();
            }
            let name = format!("item{}", self.groups);
            if !self.taken.contains(&name) {
                return name;
            }
        }
    }

    /// A register, fetched where it is kept outside.
    fn whole(&mut self, stored: &str) -> Option<String> {
        let Some(hash) = register::outside_hash(stored) else {
            return Some(stored.to_owned());
        };
        let bytes = self.fetch(hash)?;
        String::from_utf8(bytes).ok()
    }

    /// A value with the base64 of the bytes that are kept outside of it.
    fn with_bytes(&mut self, params: &str, value: &str) -> Option<String> {
        let Some((before, hash)) = register::bytes_of(params, value) else {
            return Some(value.to_owned());
        };
        let bytes = self.fetch(hash)?;
        Some(format!("{before}{}", encode_base64(&bytes)))
    }

    fn fetch(&mut self, hash: BlobHash) -> Option<Vec<u8>> {
        let bytes = self.blobs.bytes(hash);
        if bytes.is_none() && !self.missing.contains(&hash) {
            self.missing.push(hash);
        }
        bytes
    }
}

/// True where an element of a list is still itself beside others on one line: it has no label
/// or group of its own, is not empty, and neither separates nor swallows the next.
fn can_share(element: Stored<'_>) -> bool {
    let backslashes = element.value.bytes().rev().take_while(|b| *b == b'\\');
    element.companions.is_empty()
        && element.group.is_none()
        && !element.value.trim_ascii().is_empty()
        && backslashes.count() % 2 == 0
        && escape::split(element.value, ',').len() == 1
}
