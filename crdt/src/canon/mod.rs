//! `canon-1`: when two values are the same.
//!
//! Serves three questions only: which element is this ([`identity`]), is this a conflict, did
//! this change ([`form`]). What is stored stays as written. Frozen: ASCII only, no Unicode, time
//! zone or locale tables, so that it gives the same answer for ever; `vectors.tsv` pins it. A
//! better one would change keys of data already stored and double people's phone numbers.

mod date;
mod params;
mod value;

#[cfg(test)]
mod tests;

use crate::item::register::{Stored, outside_hash, zone_of};
use crate::item::{Item, key, names};
use crate::text::line::Line;

pub use value::is_uuid;

/// The comparison form of a UID: trimmed; `urn:uuid:` stripped and lower-cased where a UUID.
pub fn uid(written: &str) -> String {
    let trimmed = written.trim_ascii();
    let bare = match trimmed.get(..9) {
        Some(urn) if urn.eq_ignore_ascii_case("urn:uuid:") => &trimmed[9..],
        _ => trimmed,
    };
    if is_uuid(bare) {
        bare.to_ascii_lowercase()
    } else {
        trimmed.to_owned()
    }
}

/// The comparison form of a register; empty where the register says nothing.
///
/// `name` is [`key::name`] of its key.
pub fn form(name: &str, stored: &str) -> String {
    if outside_hash(stored).is_some() {
        return stored.to_owned();
    }
    match name {
        key::WHEN | key::DONE | key::NAME | "ALARM" => of_lines(stored),
        _ if name.starts_with("C/") => of_lines(stored),
        _ if name.starts_with('~') => stored.to_owned(),
        _ => of_property(name, stored),
    }
}

/// True where both registers say the same.
pub fn same(name: &str, a: &str, b: &str) -> bool {
    a == b || form(name, a) == form(name, b)
}

/// What an element of a repeated property is known by: its value alone, with the zone where
/// the value is a time.
pub fn identity(name: &str, stored: &str) -> String {
    if outside_hash(stored).is_some() || name.starts_with("C/") || name == "ALARM" {
        return form(name, stored);
    }
    let read = Stored::read(stored);
    let value = value::of(name, read.value, read.params);
    match name {
        "EXDATE" | "RDATE" => {
            let zone = read.parameters().value_of("TZID").unwrap_or("");
            format!("{zone}:{value}")
        }
        _ => value,
    }
}

/// What an item without UID is known by: everything it says itself, without book-keeping and
/// acknowledgements; not what the calendar around it says.
pub fn derived_uid(item: &Item) -> String {
    let mut said: Vec<(String, String)> = item
        .values
        .iter()
        .filter(|(k, _)| {
            let (name, rest) = (key::name(k), key::split_override(k).1);
            !names::is_book_keeping(name)
                && !name.starts_with('~')
                && !rest.starts_with("CAL/")
                && !rest.ends_with("/ack")
        })
        .map(|(k, v)| {
            let (rid, rest) = key::split_override(k);
            (
                format!("{}{}", key::prefix(rid), key::family(rest)),
                form(key::name(k), v),
            )
        })
        .filter(|(_, form)| !form.is_empty())
        .collect();
    said.sort_unstable();
    let mut hasher = blake3::Hasher::new_derive_key("pimesh derived uid v1");
    for part in [&item.kind]
        .into_iter()
        .chain(said.iter().flat_map(|(k, v)| [k, v]))
    {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let hex: String = hasher.finalize().as_bytes()[..16]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("pimesh-{hex}")
}

fn of_property(name: &str, stored: &str) -> String {
    let read = Stored::read(stored);
    let value = value::of(name, read.value, read.params);
    if value.is_empty() {
        return String::new();
    }
    let mut out = params::of(name, read.params);
    out.push(':');
    out.push_str(&value);
    if !read.companions.is_empty() {
        out.push('\n');
        out.push_str(&of_lines(read.companions));
    }
    out
}

/// The form of several content lines: each of them, sorted, without those that say nothing.
fn of_lines(stored: &str) -> String {
    let mut forms: Vec<String> = stored
        .split('\n')
        .filter(|line| zone_of(line).is_none())
        .filter_map(|text| match Line::read(text) {
            Some(line) => {
                let name = line.name.to_ascii_uppercase();
                if names::is_book_keeping(&name) {
                    return None;
                }
                let value = value::of(&name, line.value, line.params);
                (!value.is_empty())
                    .then(|| format!("{name};{}:{value}", params::of(&name, line.params)))
            }
            None => (!text.is_empty()).then(|| text.to_owned()),
        })
        .collect();
    forms.sort_unstable();
    forms.join("\n")
}
