//! Backslash escapes, quoted-printable, and splitting what they protect.

/// Splits at a separator that no backslash escapes; parts as written.
pub fn split(value: &str, separator: char) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    let mut escaped = false;
    for (at, c) in value.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == separator {
            out.push(&value[start..at]);
            start = at + c.len_utf8();
        }
    }
    out.push(&value[start..]);
    out
}

/// The text that an escaped value stands for (RFC 5545 §3.3.11, RFC 6350 §3.4). A backslash
/// before anything else stands for itself.
pub fn unescape(value: &str) -> String {
    if !value.contains('\\') {
        return value.to_owned();
    }
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n' | 'N') => out.push('\n'),
            Some(c @ (',' | ';' | '\\' | ':' | '"')) => out.push(c),
            Some(c) => {
                out.push('\\');
                out.push(c);
            }
            None => out.push('\\'),
        }
    }
    out
}

/// Escapes a plain text for a value.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            ',' => out.push_str("\\,"),
            ';' => out.push_str("\\;"),
            '\n' => out.push_str("\\n"),
            '\r' => {}
            c => out.push(c),
        }
    }
    out
}

/// What a value of vCard 2.1 is in vCard 3.0: 2.1 knows only `\;`, but most of its writers
/// escape as in 3.0, so what already is an escape stays one. `protect` are the characters
/// that mean themselves in 2.1 and would separate in 3.0.
pub fn from_2_1(value: &str, protect: &[char]) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.peek() {
                Some('n' | 'N' | ',' | ';' | '\\') => {
                    out.push('\\');
                    out.extend(chars.next());
                }
                _ => out.push_str("\\\\"),
            },
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push_str("\\n");
                }
            }
            '\n' => out.push_str("\\n"),
            c if protect.contains(&c) => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

/// Decodes quoted-printable; what is no escape stands for itself.
pub fn quoted_printable(value: &str) -> Vec<u8> {
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let pair = bytes
            .get(at + 1..at + 3)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        let decoded = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (bytes[at], decoded) {
            (b'=', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_escaped_separator_does_not_separate() {
        assert_eq!(split("a\\,b,c\\\\,d", ','), ["a\\,b", "c\\\\", "d"]);
        assert_eq!(split("", ','), [""]);
    }

    #[test]
    fn escaping_is_undone() {
        let text = "a,b;c\\d\ne \\n";
        assert_eq!(unescape(&escape(text)), text);
        assert_eq!(unescape("C:\\temp\\"), "C:\\temp\\");
    }

    #[test]
    fn quoted_printable_keeps_what_is_no_escape() {
        assert_eq!(quoted_printable("J=C3=B6rg=ZZ=4="), b"J\xc3\xb6rg=ZZ=4=");
    }

    #[test]
    fn a_value_of_2_1_keeps_its_meaning_in_3_0() {
        assert_eq!(
            from_2_1("a, b\\;c\r\nC:\\x", &[',']),
            "a\\, b\\;c\\nC:\\\\x"
        );
    }
}
