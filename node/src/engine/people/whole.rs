//! A linked person as a whole: everything that their items say, and where an edit goes.

use std::collections::BTreeSet;

use pimesh_crdt::canon;
use pimesh_crdt::item::{Item, key, names};

use crate::api::{Patch, Property};
use crate::engine::EngineError;
use crate::engine::edit;
use crate::engine::items::properties;

/// What several items say, in their order; what more than one says is told once, with all of
/// them. Each item comes with its short id.
pub(in crate::engine) fn properties_of(items: &[(String, Item)]) -> Vec<Property> {
    let mut out: Vec<(String, Property)> = Vec::new();
    for (id, item) in items {
        let first_of_item = out.len();
        for property in properties(item) {
            let form = form(&property);
            let known = out[..first_of_item].iter_mut().find(|(known, other)| {
                *known == form
                    && other.name == property.name
                    && other.occurrence == property.occurrence
                    && !other.items.contains(id)
            });
            match known {
                Some((_, other)) => other.items.push(id.clone()),
                None => {
                    let items = vec![id.clone()];
                    out.push((form, Property { items, ..property }));
                }
            }
        }
    }
    out.into_iter().map(|(_, property)| property).collect()
}

fn form(property: &Property) -> String {
    let stored = format!("{}:{}", property.params, property.value);
    let name = names::stored(property.name.clone());
    match property.key.contains("ALARM") || property.key.contains("C/") {
        true => property.value.clone(),
        false => canon::form(&name, &stored),
    }
}

/// Makes one patch in a person's items: where the value is, else in the first.
pub(in crate::engine) fn apply(items: &mut [Item], patch: &Patch) -> Result<(), EngineError> {
    if items.len() < 2 {
        return items
            .iter_mut()
            .try_for_each(|item| edit::apply(item, patch));
    }
    match patch {
        Patch::Add { .. } => items
            .iter_mut()
            .take(1)
            .try_for_each(|item| edit::apply(item, patch)),
        Patch::Set { name, .. } => {
            let said: Vec<BTreeSet<String>> = items.iter().map(|item| says(item, name)).collect();
            let holder = said.iter().position(|said| !said.is_empty()).unwrap_or(0);
            for (item, says) in items.iter_mut().zip(&said) {
                // what was told once, because both said it, is one value to whoever edits it
                if *says == said[holder] && !says.is_empty() {
                    edit::apply(item, patch)?;
                }
            }
            match said[holder].is_empty() {
                true => edit::apply(&mut items[0], patch),
                false => Ok(()),
            }
        }
        Patch::Remove { .. } => {
            let mut refused = None;
            let mut done = false;
            for item in items.iter_mut() {
                let mut after = item.clone();
                match edit::apply(&mut after, patch) {
                    Ok(()) if after != *item => {
                        *item = after;
                        done = true;
                    }
                    Ok(()) => {}
                    Err(error) => refused = refused.or(Some(error)),
                }
            }
            match refused {
                Some(error) if !done => Err(error),
                _ => Ok(()),
            }
        }
    }
}

/// The comparison forms of what an item itself says under a name.
fn says(item: &Item, name: &str) -> BTreeSet<String> {
    let name = name.to_ascii_uppercase();
    properties(item)
        .iter()
        .filter(|property| property.name == name && property.occurrence.is_none())
        .filter(|property| !key::split_override(&property.key).1.starts_with("CAL/"))
        .map(form)
        .collect()
}
