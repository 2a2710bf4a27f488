//! What vCard 2.1 and vCalendar 1.0 write, as vCard 3.0 and iCalendar write it.
//!
//! Bare parameters get their names, quoted-printable and charsets are resolved, and what
//! separates in 3.0 but not in 2.1 is escaped. Nothing else changes.

use encoding_rs::{Encoding, WINDOWS_1252};

use crate::item::names;
use crate::text::escape;
use crate::text::line::{Line, Params};

/// Parameters and value of a line, free of version 2.1.
pub(super) struct Modern {
    pub(super) params: String,
    pub(super) value: String,
}

/// Reads a line of a text of version 2.1 (`old`) or of a later one that borrows from it.
pub(super) fn modern(line: Line<'_>, name: &str, old: bool) -> Modern {
    if line.params.matches('"').count() % 2 == 1 {
        // where a quote does not close, parameters in another order mean something else
        return Modern {
            params: line.params.to_owned(),
            value: line.value.to_owned(),
        };
    }
    let mut types: Vec<&str> = Vec::new();
    let mut rest: Vec<String> = Vec::new();
    let (mut quoted_printable, mut charset, mut changed) = (false, None, false);
    for (param, value) in line.parameters() {
        let upper = value.to_ascii_uppercase();
        match param.to_ascii_uppercase().as_str() {
            "" => {
                changed = true;
                match upper.as_str() {
                    "QUOTED-PRINTABLE" => quoted_printable = true,
                    "BASE64" | "B" => rest.push("ENCODING=b".into()),
                    "8BIT" | "7BIT" => {}
                    "INLINE" | "URL" | "URI" | "CONTENT-ID" | "CID" => {
                        rest.push(format!("VALUE={value}"));
                    }
                    _ => types.push(value),
                }
            }
            "ENCODING" if upper == "QUOTED-PRINTABLE" => (quoted_printable, changed) = (true, true),
            "ENCODING" if upper == "8BIT" || upper == "7BIT" => changed = true,
            "ENCODING" if upper == "BASE64" && old => {
                changed = true;
                rest.push("ENCODING=b".into());
            }
            "CHARSET" => {
                changed = true;
                charset = Encoding::for_label(value.trim_matches('"').as_bytes());
            }
            "TYPE" if old => types.extend(value.split(',').filter(|v| !v.is_empty())),
            _ => rest.push(format!("{param}={value}")),
        }
    }
    let value = match (quoted_printable, old) {
        (true, _) => {
            let decoded = decode(&escape::quoted_printable(line.value), charset);
            in_3_0(name, &decoded, old)
        }
        (false, true) => in_3_0(name, line.value, true),
        (false, false) => line.value.to_owned(),
    };
    if !changed && types.is_empty() {
        return Modern {
            params: line.params.to_owned(),
            value,
        };
    }
    if !types.is_empty() {
        rest.insert(0, format!("TYPE={}", types.join(",")));
    }
    Modern {
        params: rest.join(";"),
        value,
    }
}

fn decode(bytes: &[u8], charset: Option<&'static Encoding>) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if charset.is_none_or(|c| c == encoding_rs::UTF_8) => text.to_owned(),
        _ => {
            let encoding = charset
                .filter(|c| *c != encoding_rs::UTF_8)
                .unwrap_or(WINDOWS_1252);
            encoding.decode_without_bom_handling(bytes).0.into_owned()
        }
    }
}

fn in_3_0(name: &str, value: &str, old: bool) -> String {
    if matches!(name, "CATEGORIES" | "NICKNAME" | "RESOURCES") || !old {
        escape::from_2_1(value, &[])
    } else if names::is_structured(name) {
        escape::from_2_1(value, &[','])
    } else if names::is_text(name) {
        escape::from_2_1(value, &[',', ';'])
    } else {
        value.replace("\r\n", "\\n").replace(['\r', '\n'], "\\n")
    }
}

/// The parameters of any version: bare ones named. Nothing where there are none of those.
pub(super) fn has_bare(params: &str) -> bool {
    Params::new(params).any(|(name, _)| name.is_empty())
}
