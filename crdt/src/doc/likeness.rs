//! Whether two cards without a UID of their own are the same person's.

use std::collections::BTreeSet;

use super::display_name;
use crate::canon;
use crate::item::{Item, key, kind};

/// How alike two cards are: how many of their values are equal. Nothing where they are not
/// taken for one: that needs the same name and an e-mail address or a phone number that both
/// have. A name alone is never enough.
pub fn likeness(a: &Item, b: &Item) -> Option<usize> {
    let is_named_card = |item: &Item| item.kind == kind::VCARD && item.value(key::NAME).is_some();
    if !is_named_card(a) || !is_named_card(b) || display_name(a) != display_name(b) {
        return None;
    }
    let (a, b) = (identities(a), identities(b));
    let shared: Vec<_> = a.intersection(&b).collect();
    shared
        .iter()
        .any(|(name, _)| matches!(*name, "EMAIL" | "TEL"))
        .then_some(shared.len())
}

/// What a card says, without how it says it.
fn identities(item: &Item) -> BTreeSet<(&str, String)> {
    item.values
        .iter()
        .filter(|(at, _)| !at.starts_with('~'))
        .map(|(at, value)| (key::name(at), canon::identity(key::name(at), value)))
        .filter(|(_, value)| !value.is_empty())
        .collect()
}
