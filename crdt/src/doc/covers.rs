//! Whether one value says everything that another says: no reason to ask a person.
//!
//! Serves values that were read from texts, which nobody has edited: two programs write one
//! contact with more and with less of it. What is covered stays in the document's history.
//! Looser than `canon-1`, on purpose: it makes no keys, so it may become better with time.

use std::collections::BTreeSet;

use crate::canon;
use crate::item::register::{Stored, bytes_of, outside_hash};
use crate::item::{key, names};
use crate::text::escape;
use crate::text::line::Line;

/// True where `greater` says all that `lesser` says, and perhaps more. `name` is
/// [`key::name`] of the key of both.
pub(super) fn covers(name: &str, greater: &str, lesser: &str) -> bool {
    if outside_hash(greater).is_some() || outside_hash(lesser).is_some() {
        return false;
    }
    let is_opaque = matches!(
        name,
        key::WHEN | key::DONE | key::RECURRENCE_ID | "ALARM" | "ATTENDEE" | "ORGANIZER"
    ) || name.starts_with("C/")
        || name.starts_with('~');
    if is_opaque {
        return false;
    }
    if name == key::NAME {
        return lines_cover(greater, lesser);
    }
    let (g, l) = (Stored::read(greater), Stored::read(lesser));
    g.group == l.group
        && parameters(name, l).is_subset(&parameters(name, g))
        && lines_cover(g.companions, l.companions)
        && value_covers(name, g, l)
}

/// Every line of the one is covered by a line of the other.
fn lines_cover(greater: &str, lesser: &str) -> bool {
    let lines = |text| str::split(text, '\n').filter(|line| !line.is_empty());
    lines(lesser).all(|less| lines(greater).any(|more| more == less || line_covers(more, less)))
}

fn line_covers(greater: &str, lesser: &str) -> bool {
    let (Some(g), Some(l)) = (Line::read(greater), Line::read(lesser)) else {
        return false;
    };
    if !g.name.eq_ignore_ascii_case(l.name) {
        return false;
    }
    let name = g.name.to_ascii_uppercase();
    let stored = |line: Line<'_>| format!("{}:{}", line.params, line.value);
    let (g, l) = (stored(g), stored(l));
    match name.as_str() {
        "FN" => words(&l).is_subset(&words(&g)),
        _ => covers(&name, &g, &l),
    }
}

/// Parameters that say something: not how the value is written, nor what is united anyway.
fn parameters(property: &str, stored: Stored<'_>) -> BTreeSet<(String, String)> {
    stored
        .parameters()
        .map(|(name, value)| (name.to_ascii_uppercase(), value.to_ascii_lowercase()))
        .filter(|(name, _)| match name.as_str() {
            "" | "TYPE" | "PREF" | "LANGUAGE" | "CHARSET" | "ENCODING" | "VALUE" => false,
            "X-APPLE-OMIT-YEAR" => !is_day(property),
            "MEDIATYPE" => property != "PHOTO",
            _ => true,
        })
        .collect()
}

fn is_day(property: &str) -> bool {
    matches!(property, "BDAY" | "ANNIVERSARY")
}

fn value_covers(name: &str, g: Stored<'_>, l: Stored<'_>) -> bool {
    let form = |s: Stored<'_>| {
        canon::identity(
            name,
            &Stored {
                companions: "",
                ..s
            }
            .write(),
        )
    };
    let (more, less) = (form(g), form(l));
    if more == less || less.is_empty() {
        return true;
    }
    match name {
        // whole words of it, one after the other
        "NOTE" => format!(" {} ", plain(&more)).contains(&format!(" {} ", plain(&less))),
        "PHOTO" | "LOGO" => has_bytes(g) && is_link(&less),
        "URL" => escape::unescape(&more) == escape::unescape(&less),
        _ if is_day(name) => day(&more).ends_with(&day(&less)),
        _ if names::is_structured(name) => parts_cover(&more, &less),
        _ if names::is_text(name) => plain(&more) == plain(&less),
        _ => false,
    }
}

/// Part by part the same, or left out.
fn parts_cover(greater: &str, lesser: &str) -> bool {
    let (more, less) = (escape::split(greater, ';'), escape::split(lesser, ';'));
    let part =
        |parts: &[&str], at: usize| parts.get(at).map(|part| plain(part)).unwrap_or_default();
    (0..less.len()).all(|at| {
        let wanted = part(&less, at);
        wanted.is_empty() || wanted == part(&more, at)
    })
}

/// Without what only lays a text out.
fn plain(text: &str) -> String {
    let words: Vec<String> = escape::unescape(text)
        .split_whitespace()
        .map(str::to_owned)
        .collect();
    words.join(" ")
}

fn words(stored: &str) -> BTreeSet<String> {
    let plain = escape::unescape(Stored::read(stored).value);
    let words = plain.split(|c: char| c.is_whitespace() || c == ',');
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A day without midnight, the year last to go: `19850412` ends with `0412`.
fn day(form: &str) -> String {
    let date = match form.split_once('T') {
        Some((date, time))
            if time
                .trim_end_matches('Z')
                .bytes()
                .all(|b| b == b'0' || b == b':') =>
        {
            date
        }
        _ => form,
    };
    date.replace('-', "")
}

fn has_bytes(stored: Stored<'_>) -> bool {
    bytes_of(stored.params, stored.value).is_some()
}

fn is_link(value: &str) -> bool {
    let plain = escape::unescape(value).to_ascii_lowercase();
    plain.starts_with("https://") || plain.starts_with("http://")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_covers_what_says_less_of_the_same_and_nothing_else() {
        let bytes = format!("ENCODING=b;TYPE=JPEG:@{}", "ab".repeat(32));
        let covering = [
            (
                "NAME",
                "FN:Dr. Ann Lambert\nN:Lambert;Ann;;Dr.;",
                "FN:Lambert, Ann\nN;LANGUAGE=en:Lambert;Ann",
            ),
            ("NAME", "FN:Ann\nN:;Ann", "FN:Ann"),
            ("ORG", ":Acme;Sales", ":Acme"),
            (
                "ADR",
                "TYPE=HOME:;;Street 1;Kiel;;24103;Germany\nX-ABADR:de",
                "TYPE=WORK:;;Street 1;Kiel",
            ),
            ("NOTE", ":one\\ntwo", ":one\\n\\n two "),
            ("NOTE", ":one\\ntwo and more", ":one\\ntwo"),
            ("BDAY", ":1985-04-12", "VALUE=date:--0412"),
            ("BDAY", ":19850412", ":1985-04-12T00:00:00Z"),
            ("TEL", ":+49 1\nX-ABLabel:Boat", "TYPE=VOICE:+491"),
            (
                "URL",
                "TYPE=HOME:https://a.example/b",
                ":https\\://a.example/b",
            ),
            ("PHOTO", &bytes, ":https://example.com/photo"),
        ];
        for (name, greater, lesser) in covering {
            assert!(covers(name, greater, lesser), "{name} {greater} {lesser}");
        }
        let clashing = [
            (
                "NAME",
                "FN:Ann Lambert\nN:Lambert;Ann",
                "FN:Ann Berg\nN:Berg;Ann",
            ),
            ("NAME", "FN:Ann", "FN:Ann\nN:;Ann"),
            ("ORG", ":Acme;Sales", ":Acme;Support"),
            ("ORG", ":Acme", ":;Sales"),
            ("ADR", ":;;Street 1;Kiel", ":;;Street 2;Kiel"),
            ("NOTE", ":one", ":two"),
            ("NOTE", ":room 12", ":room 1"),
            ("TITLE", ":Sales Manager", ":Manager"),
            ("BDAY", ":1985-04-12", ":1985-04-13"),
            ("BDAY", ":19850412", ":19850412T120000Z"),
            ("TEL", ":1\nX-ABLabel:Boat", ":1\nX-ABLabel:Home"),
            ("TEL", ":12", ":1"),
            ("PHOTO", ":https://example.com/photo", &bytes),
            ("PHOTO", &bytes, &bytes.replace("ab", "cd")),
            ("X-FOO", ":a b", ":a  b"),
            ("WHEN", "DTSTART:1\nDTEND:2", "DTSTART:1"),
            ("RECURRENCE-ID", "RANGE=THISANDFUTURE:1", ":1"),
        ];
        for (name, greater, lesser) in clashing {
            assert!(!covers(name, greater, lesser), "{name} {greater} {lesser}");
        }
    }
}
