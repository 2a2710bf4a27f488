//! Keys of registers: `NAME`, `NAME#id`, `ALARM#id/ack`, `C/NAME/id`, `CAL/NAME`,
//! `~order/NAME`, and each of them under `R/<recurrence id>/` for an overridden occurrence.

use crate::canon;

/// Start and end, and the rule: DTSTART, DTEND, DURATION, DUE, RRULE, EXRULE and the zones.
pub const WHEN: &str = "WHEN";
/// STATUS, COMPLETED and PERCENT-COMPLETE of a task.
pub const DONE: &str = "DONE";
/// N and FN of a contact.
pub const NAME: &str = "NAME";
/// Present = alive.
pub const LIVE: &str = "~live";
/// The value of RECURRENCE-ID as written, with its RANGE: there in every override.
pub const RECURRENCE_ID: &str = "RECURRENCE-ID";

/// The key of an element of a property that may occur often: `NAME#` and ten hexadecimal
/// digits of BLAKE3 of the comparison form it had at birth.
pub fn element(name: &str, stored: &str) -> String {
    format!("{name}#{}", digest(&canon::identity(name, stored)))
}

/// Ten hexadecimal digits of BLAKE3.
pub fn digest(text: &str) -> String {
    blake3::hash(text.as_bytes()).as_bytes()[..5]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The `n`-th key for the same digest: `key` itself, then `key~1`, `key~2` …
pub fn repeat(key: &str, n: usize) -> String {
    if n == 0 {
        key.to_owned()
    } else {
        format!("{key}~{n}")
    }
}

/// What elements of one kind share: the key without their id, `TEL` or `C/X-NOTE`.
pub fn family(key: &str) -> &str {
    if key.starts_with("C/") {
        return key.rsplit_once('/').map_or(key, |(family, _)| family);
    }
    key.split('#').next().unwrap_or(key)
}

/// Keys in the order of their digests and, of equal ones, of their repeats.
pub fn by_repeat(key: &str) -> (&str, usize) {
    match key.rsplit_once('~') {
        Some((birth, n)) => (birth, n.parse().unwrap_or(0)),
        None => (key, 0),
    }
}

/// Splits `R/<recurrence id>/<key>` into both parts; other keys have no recurrence id.
pub fn split_override(key: &str) -> (Option<&str>, &str) {
    match key.strip_prefix("R/").and_then(|rest| rest.split_once('/')) {
        Some((rid, rest)) => (Some(rid), rest),
        None => (None, key),
    }
}

/// The key of a register of an override.
pub fn in_override(rid: &str, key: &str) -> String {
    format!("R/{rid}/{key}")
}

/// The prefix of the keys of an override, or nothing for the item itself.
pub fn prefix(rid: Option<&str>) -> String {
    rid.map_or_else(String::new, |rid| format!("R/{rid}/"))
}

/// A recurrence id as it stands in keys: TZID and digits as written, `/` and `%` escaped.
pub fn recurrence_id(tzid: Option<&str>, value: &str) -> String {
    let raw = match tzid {
        Some(tzid) => format!("{tzid}:{}", value.trim_ascii()),
        None => format!(":{}", value.trim_ascii()),
    };
    raw.replace('%', "%25").replace('/', "%2F")
}

/// The property or register that a key belongs to, without override and id: `TEL#ab` is `TEL`.
pub fn name(key: &str) -> &str {
    let (_, rest) = split_override(key);
    let rest = rest.strip_prefix("CAL/").unwrap_or(rest);
    if rest.starts_with("C/") || rest.starts_with('~') {
        return rest;
    }
    rest.split('#').next().unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_with_a_slash_does_not_end_the_recurrence_id() {
        let rid = recurrence_id(Some("Europe/Berlin"), "20250101T100000");
        let key = in_override(&rid, "C/X-A/1");
        assert_eq!(split_override(&key), (Some(rid.as_str()), "C/X-A/1"));
    }

    #[test]
    fn a_key_knows_its_property() {
        assert_eq!(name("TEL#0123456789~1"), "TEL");
        assert_eq!(name("R/:2025/SUMMARY"), "SUMMARY");
        assert_eq!(name("CAL/METHOD"), "METHOD");
        assert_eq!(name("ALARM#x/ack"), "ALARM");
    }
}
