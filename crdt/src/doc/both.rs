//! Keeping all values of a conflict: elements beside each other, or the texts of a note one
//! below the other.

use super::Conflict;
use crate::canon;
use crate::diff::Edit;
use crate::item::register::{Stored, outside_hash};
use crate::item::{Item, key, names};

/// Why one value must be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotBoth {
    /// Texts that are kept outside of the document are not joined.
    #[error("they are too long")]
    TooLong,
    /// The property is there once.
    #[error("it has only one")]
    Single,
    /// Two elements of one identity, an address with other parameters, would be one again.
    #[error("they speak of the same")]
    Same,
}

impl Conflict {
    /// A property that is one value, not a register of several nor a whole component.
    pub fn is_simple(&self) -> bool {
        let name = key::name(&self.key);
        !matches!(name, key::WHEN | key::DONE | key::NAME | "ALARM") && !name.starts_with("C/")
    }

    /// The edits that keep all values, for [`super::Document::resolve`]. `item` is what is
    /// shown.
    pub fn both(&self, item: &Item) -> Result<Vec<Edit>, NotBoth> {
        let name = key::name(&self.key);
        let set = |key: &str, value: &str| Edit::Set {
            key: key.to_owned(),
            value: value.to_owned(),
        };
        let others = self.others.iter().map(|other| other.value.as_str());
        let all: Vec<&str> = std::iter::once(self.shown.as_str()).chain(others).collect();
        if matches!(name, "NOTE" | "DESCRIPTION" | "COMMENT") && !self.key.contains('#') {
            if all.iter().any(|value| outside_hash(value).is_some()) {
                return Err(NotBoth::TooLong);
            }
            let texts: Vec<&str> = all.iter().map(|v| Stored::read(v).value).collect();
            let value = texts.join("\\n\\n");
            let joined = Stored {
                value: &value,
                ..Stored::read(&self.shown)
            };
            return Ok(vec![set(&self.key, &joined.write())]);
        }
        if !self.is_simple() || !self.key.contains('#') {
            return Err(NotBoth::Single);
        }
        let identities: Vec<String> = all.iter().map(|v| canon::identity(name, v)).collect();
        for (at, identity) in identities.iter().enumerate() {
            if identities[..at].contains(identity) {
                return Err(NotBoth::Same);
            }
        }
        let (rid, rest) = key::split_override(&self.key);
        let prefix = key::prefix(rid);
        let order_key = format!("{prefix}~order/{name}");
        let mut edits = vec![set(&self.key, &self.shown)];
        let mut taken = item.clone();
        let mut order = item.value(&order_key).map(str::to_owned);
        for value in &all[1..] {
            let birth = format!("{prefix}{}", key::element(name, value));
            let free = (0..)
                .map(|n| key::repeat(&birth, n))
                .find(|at| !taken.values.contains_key(at));
            let Some(at) = free else { continue };
            if let (Some(order), Some((_, id))) = (&mut order, at.rsplit_once('#')) {
                order.push(' ');
                order.push_str(id);
            }
            taken.values.insert(at.clone(), (*value).to_owned());
            edits.push(set(&at, value));
        }
        if let (Some(order), true) = (order, names::keeps_order(key::family(rest))) {
            edits.push(set(&order_key, &order));
        }
        Ok(edits)
    }
}
