//! The comparison form of values.

use super::date;
use crate::item::names;
use crate::text::escape;
use crate::text::line::Params;

/// The form of the value of a property. Extension values (`X-`) are never touched.
pub(super) fn of(name: &str, value: &str, params: &str) -> String {
    match name {
        "UID" => super::uid(value),
        "TEL" => telephone(value),
        "EMAIL" | "ATTENDEE" | "ORGANIZER" => value.trim_ascii().to_ascii_lowercase(),
        "N" | "ADR" | "ORG" => structured(value),
        "BDAY" | "ANNIVERSARY" => {
            let omitted = Params::new(params).value_of("X-APPLE-OMIT-YEAR");
            date::of_year_day(value, omitted)
        }
        "RRULE" | "EXRULE" => rule(value),
        "DURATION" | "TRIGGER" => {
            date::of_duration(value).unwrap_or_else(|| value.trim_ascii().into())
        }
        "DTSTART" | "DTEND" | "DUE" | "EXDATE" | "RDATE" | "RECURRENCE-ID" | "COMPLETED" => {
            value.trim_ascii().to_owned()
        }
        _ if names::is_text(names::written(name)) => text(value),
        _ => value.to_owned(),
    }
}

/// Digits where nothing else remains; never a guess at countries or extensions. The zero of
/// `(0)` stays: whether it is dialled depends on where one stands.
fn telephone(value: &str) -> String {
    let trimmed = value.trim_ascii();
    let bare = match trimmed.get(..4) {
        Some(scheme) if scheme.eq_ignore_ascii_case("tel:") => &trimmed[4..],
        _ => trimmed,
    };
    let digits: String = bare
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')'))
        .collect();
    let number = digits.strip_prefix('+').unwrap_or(&digits);
    if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) {
        digits
    } else {
        trimmed.to_owned()
    }
}

/// Parts without trailing empty ones, each as text.
fn structured(value: &str) -> String {
    let mut parts: Vec<String> = escape::split(value, ';')
        .into_iter()
        .map(|part| text(part).replace('\\', "\\\\").replace(';', "\\;"))
        .collect();
    while parts.last().is_some_and(String::is_empty) {
        parts.pop();
    }
    parts.join(";")
}

/// Unescaped, without trailing white space.
fn text(value: &str) -> String {
    let plain = escape::unescape(value);
    plain.trim_end_matches([' ', '\t', '\n', '\r']).to_owned()
}

/// Upper case, parts sorted, without INTERVAL=1 and WKST=MO. UNTIL stays as written.
fn rule(value: &str) -> String {
    let upper = value.trim_ascii().to_ascii_uppercase();
    let mut parts: Vec<&str> = upper
        .split(';')
        .filter(|part| !matches!(*part, "" | "INTERVAL=1" | "WKST=MO"))
        .collect();
    parts.sort_unstable();
    parts.join(";")
}

/// True for eight, four, four, four and twelve hexadecimal digits.
pub fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}
