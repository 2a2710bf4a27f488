//! The comparison form of parameters.

use crate::text::line::{Params, param_values};

/// Parameters that carry no meaning of their own in `canon-1`: how a value was coded, and
/// preference, which is order.
fn is_left_out(name: &str, property: &str) -> bool {
    match name {
        "ENCODING" | "CHARSET" | "PREF" => true,
        "X-APPLE-OMIT-YEAR" => matches!(property, "BDAY" | "ANNIVERSARY"),
        _ => false,
    }
}

/// True where the values are words of the RFCs, that mean the same in any case.
fn is_word(name: &str) -> bool {
    matches!(
        name,
        "PARTSTAT"
            | "ROLE"
            | "RSVP"
            | "CUTYPE"
            | "VALUE"
            | "RELTYPE"
            | "RELATED"
            | "FBTYPE"
            | "RANGE"
    )
}

/// The defaults of RFC 5545 §3.2, left out when written.
fn is_default(property: &str, name: &str, value: &str) -> bool {
    match name {
        "PARTSTAT" => value == "NEEDS-ACTION",
        "ROLE" => value == "REQ-PARTICIPANT",
        "RSVP" => value == "FALSE",
        "CUTYPE" => value == "INDIVIDUAL",
        "RELTYPE" => value == "PARENT",
        "RELATED" => value == "START",
        "FBTYPE" => value == "BUSY",
        "VALUE" => match property {
            "BDAY" | "ANNIVERSARY" => matches!(value, "DATE" | "DATE-AND-OR-TIME"),
            "DTSTART" | "DTEND" | "DUE" | "EXDATE" | "RDATE" | "RECURRENCE-ID" | "COMPLETED" => {
                value == "DATE-TIME"
            }
            "TRIGGER" | "DURATION" => value == "DURATION",
            "URL" | "ATTACH" | "IMPP" | "TZURL" | "FBURL" | "CALURI" | "CALADRURI" => {
                value == "URI"
            }
            "ATTENDEE" | "ORGANIZER" => value == "CAL-ADDRESS",
            "RRULE" | "EXRULE" => value == "RECUR",
            _ => value == "TEXT",
        },
        _ => false,
    }
}

/// Parameters sorted by name; TYPE as a set without VOICE, INTERNET and PREF; defaults absent.
/// Quotes stand where a value would be misread without them, and nowhere else.
pub(super) fn of(property: &str, params: &str) -> String {
    let mut types: Vec<String> = Vec::new();
    let mut rest: Vec<(String, String)> = Vec::new();
    for (name, value) in Params::new(params) {
        let name = if name.is_empty() {
            "TYPE".to_owned()
        } else {
            name.to_ascii_uppercase()
        };
        if is_left_out(&name, property) {
            continue;
        }
        if name == "TYPE" {
            types.extend(
                param_values(value)
                    .into_iter()
                    .flat_map(|value| value.split(','))
                    .map(|value| value.trim_ascii().to_ascii_lowercase())
                    .filter(|v| !matches!(v.as_str(), "" | "voice" | "internet" | "pref"))
                    .map(|value| quoted(&value)),
            );
            continue;
        }
        let values: Vec<String> = param_values(value).into_iter().map(quoted).collect();
        let mut value = values.join(",");
        if is_word(&name) {
            value.make_ascii_uppercase();
        }
        if !is_default(property, &name, &value) {
            rest.push((name, value));
        }
    }
    types.sort_unstable();
    types.dedup();
    if !types.is_empty() {
        rest.push(("TYPE".to_owned(), types.join(",")));
    }
    // stable: a parameter given twice is a list, and lists keep their order
    rest.sort_by(|a, b| a.0.cmp(&b.0));
    let parts: Vec<String> = rest.into_iter().map(|(n, v)| format!("{n}={v}")).collect();
    parts.join(";")
}

fn quoted(value: &str) -> String {
    if value.contains([',', ';', ':', '"']) {
        format!("\"{value}\"")
    } else {
        value.to_owned()
    }
}
