//! The one text a register holds.
//!
//! A simple property is stored as `PARAMS:value`, as written. A named vCard group that is
//! not merely local stands before it as `.GROUP;`. What belongs to it (the label of an Apple
//! group) follows, one content line each, after a line feed: no content line can hold one.
//! Registers of several properties (`WHEN`, `NAME`, alarms, unknown components) are content
//! lines, each with its name. Bytes kept outside stand as `@` and the hash.

use crate::BlobHash;
use crate::text::line::{Params, split_params};

/// A register longer than this is kept outside its document, whole.
pub const LONGEST_INLINE: usize = 16 << 10;

/// Decoded bytes of a photo or attachment over this are kept outside their register.
pub const LONGEST_INLINE_BYTES: usize = 1 << 10;

/// A stored simple property, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored<'a> {
    /// The group's name, where it means something beyond one text.
    pub group: Option<&'a str>,
    /// The parameters as written, without the first `;`.
    pub params: &'a str,
    /// The value as written.
    pub value: &'a str,
    /// Content lines that belong to it.
    pub companions: &'a str,
}

impl<'a> Stored<'a> {
    /// Takes a stored property apart. Never fails: what has no `:` is all value.
    pub fn read(text: &'a str) -> Self {
        let (first, companions) = text.split_once('\n').unwrap_or((text, ""));
        let (group, rest) = match first.strip_prefix('.') {
            Some(named) => {
                let end = named.find([';', ':']).unwrap_or(named.len());
                let rest = &named[end..];
                (Some(&named[..end]), rest.strip_prefix(';').unwrap_or(rest))
            }
            None if looks_like_group(first.strip_prefix(';')) => (None, &first[1..]),
            None => (None, first),
        };
        let (params, value) = split_params(rest).unwrap_or(("", rest));
        Self {
            group,
            params,
            value,
            companions,
        }
    }

    /// Puts a stored property together.
    pub fn write(self) -> String {
        let mut out = String::with_capacity(self.params.len() + self.value.len() + 2);
        if let Some(group) = self.group {
            out.push('.');
            out.push_str(group);
            if !self.params.is_empty() {
                out.push(';');
            }
        } else if looks_like_group(Some(self.params)) {
            out.push(';'); // else it would be read as a group
        }
        out.push_str(self.params);
        out.push(':');
        out.push_str(self.value);
        if !self.companions.is_empty() {
            out.push('\n');
            out.push_str(self.companions);
        }
        out
    }

    /// Its parameters, one by one.
    pub fn parameters(self) -> Params<'a> {
        Params::new(self.params)
    }
}

/// Whether these parameters would be read as a group, or as such with a `;` set before them.
fn looks_like_group(params: Option<&str>) -> bool {
    params.is_some_and(|params| params.trim_start_matches(';').starts_with('.'))
}

/// What stands for a whole register that is kept outside.
pub fn outside(hash: BlobHash) -> String {
    format!("@@{hash}")
}

/// The blob that holds this register whole, where it is kept outside.
pub fn outside_hash(stored: &str) -> Option<BlobHash> {
    stored.strip_prefix("@@").and_then(BlobHash::from_hex)
}

/// What stands for decoded bytes within a value.
pub fn bytes_mark(hash: BlobHash) -> String {
    format!("@{hash}")
}

/// The blob in the place of base64 text, where there is one.
pub fn bytes_hash(base64: &str) -> Option<BlobHash> {
    base64.strip_prefix('@').and_then(BlobHash::from_hex)
}

/// The blob whose base64 ends the value of a property, and what stands before it.
pub fn bytes_of<'a>(params: &str, value: &'a str) -> Option<(&'a str, BlobHash)> {
    let at = value.len().checked_sub(65)?;
    let hash = bytes_hash(value.get(at..)?)?;
    let before = &value[..at];
    let is_data = || {
        value
            .get(..5)
            .is_some_and(|s| s.eq_ignore_ascii_case("data:"))
            && before.ends_with(";base64,")
    };
    let is_meant = if before.is_empty() {
        is_base64(params)
    } else {
        is_data()
    };
    is_meant.then_some((before, hash))
}

/// True where these parameters say that the value is base64.
pub fn is_base64(params: &str) -> bool {
    Params::new(params)
        .value_of("ENCODING")
        .is_some_and(|encoding| {
            encoding.eq_ignore_ascii_case("b") || encoding.eq_ignore_ascii_case("base64")
        })
}

/// The content line of a `WHEN` register that names the definition of one of its zones.
pub fn zone_line(tzid: &str, hash: BlobHash) -> String {
    format!("~TZ:{hash}{tzid}")
}

/// Reads [`zone_line`]: the TZID and the blob with the text of the VTIMEZONE.
pub fn zone_of(line: &str) -> Option<(&str, BlobHash)> {
    let rest = line.strip_prefix("~TZ:")?;
    let hash = BlobHash::from_hex(rest.get(..64)?)?;
    Some((&rest[64..], hash))
}

/// All blobs that a register names.
pub fn blobs(stored: &str) -> Vec<BlobHash> {
    let mut out = Vec::new();
    let bytes = stored.as_bytes();
    // a name of a blob is 64 digits and a mark
    if bytes.len() <= 64 {
        return out;
    }
    let names_a_zone = || bytes.contains(&b'~') && stored.contains("~TZ:");
    if !bytes.contains(&b'@') && !names_a_zone() {
        return out;
    }
    if let Some(hash) = outside_hash(stored) {
        return vec![hash];
    }
    let read = Stored::read(stored);
    out.extend(bytes_of(read.params, read.value).map(|(_, hash)| hash));
    out.extend(stored.split('\n').filter_map(zone_of).map(|(_, hash)| hash));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_property_is_read_as_it_was_written() {
        for text in [
            "TYPE=cell:+43 1",
            ":x",
            ".HOME;TYPE=a:v",
            ".HOME:v",
            "TYPE=cell:+43 1\nX-ABLabel:_$!<Other>!$_",
            "CN=\"a:b;c\":mailto:x@example.org",
        ] {
            assert_eq!(Stored::read(text).write(), text);
        }
        let stored = Stored::read("CN=\"a:b\":mailto:x");
        assert_eq!((stored.params, stored.value), ("CN=\"a:b\"", "mailto:x"));
    }

    #[test]
    fn a_parameter_that_begins_like_a_group_is_none() {
        for params in [".A=1", ";.A=1", ";;.A=1", ";A=1", "."] {
            let stored = Stored {
                group: None,
                params,
                value: "v",
                companions: "",
            };
            assert_eq!(Stored::read(&stored.write()), stored);
        }
    }

    #[test]
    fn blobs_are_found_wherever_they_stand() {
        let hash = BlobHash::of(b"x");
        assert_eq!(blobs(&outside(hash)), [hash]);
        assert_eq!(blobs(&format!("ENCODING=b:{}", bytes_mark(hash))), [hash]);
        assert_eq!(
            blobs(&format!("DTSTART;TZID=a:1\n{}", zone_line("a", hash))),
            [hash]
        );
        assert_eq!(
            blobs(&format!(":data:image/png;base64,{}", bytes_mark(hash))),
            [hash]
        );
        assert!(blobs(":mail me @ home").is_empty());
        assert!(blobs(&format!(":{}", bytes_mark(hash))).is_empty());
    }
}
