//! One content line: `[group.]NAME[;PARAM=value]*:value` (RFC 6350 §3.3, RFC 5545 §3.1).

/// A content line, taken apart; all parts as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The vCard group, without its dot.
    pub group: Option<&'a str>,
    /// The property's name.
    pub name: &'a str,
    /// The parameters, without the first `;`.
    pub params: &'a str,
    /// The value.
    pub value: &'a str,
}

impl<'a> Line<'a> {
    /// Takes a line apart; nothing where it is not `NAME:value`.
    pub fn read(text: &'a str) -> Option<Self> {
        let end = text.find([';', ':'])?;
        // the last dot: no name has one, so what is written is read as it was
        let (group, name) = match text[..end].rsplit_once('.') {
            Some((group, name)) => (Some(group), name),
            None => (None, &text[..end]),
        };
        let fits = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b > b' ' && b != 0x7f && !b"\"=,#/~".contains(&b))
        };
        if !fits(name) || group.is_some_and(|group| !fits(group)) {
            return None;
        }
        let rest = text[end..].strip_prefix(';').unwrap_or(&text[end..]);
        let (params, value) = if text[end..].starts_with(';') {
            split_params(rest)?
        } else {
            ("", &rest[1..])
        };
        Some(Self {
            group,
            name,
            params,
            value,
        })
    }

    /// Takes the line of a property apart; nothing for what begins or ends a component.
    pub fn property(text: &'a str) -> Option<Self> {
        let is_mark =
            |name: &str| name.eq_ignore_ascii_case("BEGIN") || name.eq_ignore_ascii_case("END");
        Self::read(text).filter(|line| !is_mark(line.name))
    }

    /// Its parameters, one by one.
    pub fn parameters(self) -> Params<'a> {
        Params::new(self.params)
    }
}

/// Splits `PARAMS:value` at the first `:` outside quotes. A quote that never closes quotes
/// nothing (seen from several clients): the first `:` then ends the parameters.
pub fn split_params(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b':' if !quoted => return Some((&text[..at], &text[at + 1..])),
            _ => {}
        }
    }
    text.split_once(':')
}

/// Parameters, one by one, in order: name and value as written. A parameter without `=` is a
/// bare value of vCard 2.1 (`TEL;HOME;VOICE:`) and has an empty name.
#[derive(Clone, Debug)]
pub struct Params<'a> {
    rest: &'a str,
}

impl<'a> Params<'a> {
    /// Over the text between the first `;` and the `:`.
    pub fn new(text: &'a str) -> Self {
        Self { rest: text }
    }

    /// The value of the first parameter of this name (any case), without quotes.
    pub fn value_of(self, name: &str) -> Option<&'a str> {
        self.into_iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| unquote(value))
    }
}

impl<'a> Iterator for Params<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        while !self.rest.is_empty() {
            let end = outside_quotes(self.rest, b';').unwrap_or(self.rest.len());
            let part = &self.rest[..end];
            self.rest = self.rest.get(end + 1..).unwrap_or("");
            if !part.is_empty() {
                return Some(part.split_once('=').unwrap_or(("", part)));
            }
        }
        None
    }
}

/// Where this byte first stands outside quotes.
pub fn outside_quotes(text: &str, wanted: u8) -> Option<usize> {
    let mut quoted = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            _ if byte == wanted && !quoted => return Some(at),
            _ => {}
        }
    }
    None
}

/// The values of one parameter: split at commas outside quotes, without their quotes.
pub fn param_values(value: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut rest = value;
    while let Some(at) = outside_quotes(rest, b',') {
        out.push(unquote(&rest[..at]));
        rest = &rest[at + 1..];
    }
    out.push(unquote(rest));
    out
}

fn unquote(value: &str) -> &str {
    value
        .strip_prefix('"')
        .and_then(|v| v.strip_suffix('"'))
        .unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart_as_written() {
        let line = Line::read("item1.TEL;TYPE=\"a;b:c\",d;X=1:+43 1:2").unwrap();
        assert_eq!(line.group, Some("item1"));
        assert_eq!(
            (line.name, line.params, line.value),
            ("TEL", "TYPE=\"a;b:c\",d;X=1", "+43 1:2")
        );
        assert_eq!(
            line.parameters().collect::<Vec<_>>(),
            [("TYPE", "\"a;b:c\",d"), ("X", "1")]
        );
        assert_eq!(param_values("\"a;b:c\",d"), ["a;b:c", "d"]);
    }

    #[test]
    fn a_quote_that_never_closes_quotes_nothing() {
        let line = Line::read("ATTENDEE;CN=\"open:mailto:a@example.org").unwrap();
        assert_eq!(
            (line.params, line.value),
            ("CN=\"open", "mailto:a@example.org")
        );
    }

    #[test]
    fn what_is_not_a_content_line_is_not_read_as_one() {
        for text in ["JUSTTEXT", ";=;=", ":::", "", "a b:c", "\u{1}:x"] {
            assert_eq!(Line::read(text), None, "{text}");
        }
    }

    #[test]
    fn the_last_dot_ends_the_group() {
        let line = Line::read("item1.b.TEL:1").unwrap();
        assert_eq!((line.group, line.name), (Some("item1.b"), "TEL"));
    }

    #[test]
    fn a_bare_parameter_of_vcard_2_1_has_no_name() {
        let line = Line::read("TEL;HOME;VOICE:1").unwrap();
        assert_eq!(
            line.parameters().collect::<Vec<_>>(),
            [("", "HOME"), ("", "VOICE")]
        );
    }
}
