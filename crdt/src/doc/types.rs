//! The TYPE of a property: a set, in which the types of two sides are united.

use crate::canon;
use crate::item::key;
use crate::item::register::{Stored, outside_hash};
use crate::text::line::param_values;

/// The form of a property without its TYPE; nothing for registers that have none.
pub(super) fn without(name: &str, stored: &str) -> Option<String> {
    let is_register = matches!(name, key::WHEN | key::DONE | key::NAME | "ALARM")
        || name.starts_with("C/")
        || name.starts_with('~');
    if is_register || outside_hash(stored).is_some() {
        return None;
    }
    let read = Stored::read(stored);
    let kept: Vec<String> = read
        .parameters()
        .filter(|(name, _)| !is_type(name))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let bare = Stored {
        params: &kept.join(";"),
        ..read
    };
    Some(canon::form(name, &bare.write()))
}

/// The winner, with the types of all that agree with it but for these. Which of them is
/// preferred is for the winner to say.
pub(super) fn united<'a>(winner: &str, agreeing: impl Iterator<Item = &'a str>) -> String {
    let own = of(winner);
    let mut missing: Vec<String> = agreeing
        .flat_map(of)
        .filter(|t| !t.eq_ignore_ascii_case("pref"))
        .filter(|t| !own.iter().any(|own| own.eq_ignore_ascii_case(t)))
        .collect();
    missing.sort_by_key(|t| t.to_ascii_lowercase());
    missing.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
    if missing.is_empty() {
        return winner.to_owned();
    }
    let read = Stored::read(winner);
    let addition = format!("TYPE={}", missing.join(","));
    let params = if read.params.is_empty() {
        addition
    } else {
        format!("{};{addition}", read.params)
    };
    Stored {
        params: &params,
        ..read
    }
    .write()
}

fn of(stored: &str) -> Vec<String> {
    Stored::read(stored)
        .parameters()
        .filter(|(name, _)| is_type(name))
        .flat_map(|(_, value)| param_values(value))
        .flat_map(|value| value.split(','))
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A bare parameter is a type of vCard 2.1.
fn is_type(name: &str) -> bool {
    name.is_empty() || name.eq_ignore_ascii_case("TYPE")
}
