//! Bytes of any origin into logical lines of UTF-8.
//!
//! Unfolds on bytes, since many writers fold inside UTF-8 sequences; joins the soft line
//! breaks of quoted-printable and unindented base64 of vCard 2.1; takes CRLF, LF and CR;
//! honours byte order marks and CHARSET; what is neither UTF-8 nor declared is read as
//! windows-1252, which loses no byte.

use encoding_rs::{Encoding, ISO_2022_JP, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// A text as logical lines.
#[derive(Clone, Debug, Default)]
pub struct Lines {
    text: String,
    spans: Vec<Span>,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    number: u32,
    start: u32,
    end: u32,
}

/// The longest text that is read at once, in bytes.
pub const LONGEST_TEXT: usize = 1 << 30;

impl Lines {
    /// Reads a text. What lies past [`LONGEST_TEXT`] is not read; the caller refuses such a text.
    pub fn read(bytes: &[u8]) -> Self {
        let bytes = &bytes[..bytes.len().min(LONGEST_TEXT)];
        match bytes {
            [0xff, 0xfe, rest @ ..] => Self::read_utf8(UTF_16LE.decode(rest).0.as_bytes()),
            [0xfe, 0xff, rest @ ..] => Self::read_utf8(UTF_16BE.decode(rest).0.as_bytes()),
            // "BEGIN" in UTF-16 without a mark
            [b'B', 0, b'E', 0, ..] => Self::read_utf8(UTF_16LE.decode(bytes).0.as_bytes()),
            [0, b'B', 0, b'E', ..] => Self::read_utf8(UTF_16BE.decode(bytes).0.as_bytes()),
            [0xef, 0xbb, 0xbf, rest @ ..] => Self::read_utf8(rest),
            _ => Self::read_utf8(bytes),
        }
    }

    fn read_utf8(bytes: &[u8]) -> Self {
        let mut lines = Self {
            text: String::with_capacity(bytes.len()),
            spans: Vec::new(),
        };
        let mut logical: Vec<u8> = Vec::new();
        let mut number = 0;
        let mut kind = Coding::Plain;
        for (index, physical) in (Physical { rest: bytes }).enumerate() {
            let at = u32::try_from(index + 1).unwrap_or(u32::MAX);
            if index == 0 {
                (number, kind) = (at, Coding::of(physical));
                logical.extend_from_slice(physical);
                continue;
            }
            if kind == Coding::QuotedPrintable && logical.ends_with(b"=") {
                logical.pop();
                logical.extend_from_slice(physical);
            } else if physical.is_empty() {
                kind = Coding::Plain; // ends the base64 of vCard 2.1, means nothing elsewhere
            } else if let [b' ' | b'\t', rest @ ..] = physical {
                logical.extend_from_slice(rest);
                if kind == Coding::Plain && logical.len() < 512 {
                    kind = Coding::of(&logical);
                }
            } else if kind == Coding::Base64 && is_base64(physical) {
                logical.extend_from_slice(physical);
            } else {
                lines.push(&logical, number);
                logical.clear();
                (number, kind) = (at, Coding::of(physical));
                logical.extend_from_slice(physical);
            }
        }
        lines.push(&logical, number);
        lines
    }

    fn push(&mut self, mut logical: &[u8], number: u32) {
        // a soft line break that joins nothing would join the next line once this is written
        while logical.ends_with(b"=") && Coding::of(logical) == Coding::QuotedPrintable {
            logical = &logical[..logical.len() - 1];
        }
        if logical.iter().all(|byte| matches!(byte, b' ' | b'\t' | 0)) {
            return;
        }
        let start = self.text.len();
        let escapes = logical.contains(&0x1b); // ISO-2022-JP is ASCII to the eye
        match std::str::from_utf8(logical) {
            Ok(text) if !escapes || declared(logical) != ISO_2022_JP => self.text.push_str(text),
            _ => self
                .text
                .push_str(&declared(logical).decode_without_bom_handling(logical).0),
        }
        // one line is one line: what a charset turned into a line feed stays a blank
        if self.text[start..].contains('\n') {
            let mended = self.text[start..].replace('\n', " ");
            self.text.truncate(start);
            self.text.push_str(&mended);
        }
        let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(self.text.len())) else {
            return;
        };
        self.spans.push(Span { number, start, end });
    }

    /// How many logical lines there are; blank ones do not count.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// True where there is no line.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The logical line at `index`, from 0; empty past the end.
    pub fn line(&self, index: usize) -> &str {
        self.spans.get(index).map_or("", |span| {
            &self.text[span.start as usize..span.end as usize]
        })
    }

    /// Where it begins in the source: the number of its first physical line, from 1.
    pub fn number(&self, index: usize) -> u32 {
        self.spans.get(index).map_or(0, |span| span.number)
    }
}

/// How the value of a line is coded, as far as joining its physical lines goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    Plain,
    QuotedPrintable,
    Base64,
}

impl Coding {
    fn of(line: &[u8]) -> Self {
        let head = head(line);
        let has = |wanted: &[u8]| {
            head.windows(wanted.len())
                .any(|w| w.eq_ignore_ascii_case(wanted))
        };
        if has(b"QUOTED-PRINTABLE") {
            Self::QuotedPrintable
        } else if has(b"BASE64") || has(b"ENCODING=B") {
            Self::Base64
        } else {
            Self::Plain
        }
    }
}

/// The name and parameters of a line: what stands before its first `:`.
fn head(line: &[u8]) -> &[u8] {
    let end = line.iter().position(|byte| *byte == b':').unwrap_or(0);
    &line[..end]
}

fn is_base64(line: &[u8]) -> bool {
    !line.is_empty()
        && line
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
}

/// The charset that a line declares, else windows-1252.
fn declared(line: &[u8]) -> &'static Encoding {
    let head = head(line);
    let wanted = b"CHARSET=";
    head.windows(wanted.len())
        .position(|w| w.eq_ignore_ascii_case(wanted))
        .and_then(|at| {
            let label = &head[at + wanted.len()..];
            let end = label
                .iter()
                .position(|b| matches!(b, b';' | b':'))
                .unwrap_or(label.len());
            Encoding::for_label(&label[..end])
        })
        .filter(|encoding| *encoding != encoding_rs::UTF_8)
        .unwrap_or(WINDOWS_1252)
}

/// Physical lines: ended by CRLF, LF or CR.
struct Physical<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Physical<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.iter().position(|b| matches!(b, b'\r' | b'\n'));
        let Some(end) = end else {
            return Some(std::mem::take(&mut self.rest));
        };
        let line = &self.rest[..end];
        let skip = if self.rest[end..].starts_with(b"\r\n") {
            2
        } else {
            1
        };
        self.rest = &self.rest[end + skip..];
        Some(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(bytes: &[u8]) -> Vec<String> {
        let lines = Lines::read(bytes);
        (0..lines.len()).map(|i| lines.line(i).to_owned()).collect()
    }

    #[test]
    fn a_fold_inside_a_utf8_sequence_is_mended() {
        assert_eq!(all(b"FN:J\xc3\r\n \xb6rg\r\nN:x"), ["FN:Jörg", "N:x"]);
    }

    #[test]
    fn every_kind_of_line_end_and_byte_order_mark_is_read() {
        for text in [
            &b"A:1\r\nB:2\r\n"[..],
            b"A:1\nB:2",
            b"A:1\rB:2\r",
            b"\xef\xbb\xbfA:1\n\nB:2",
        ] {
            assert_eq!(all(text), ["A:1", "B:2"]);
        }
        let utf16: Vec<u8> = "\u{feff}A:1\r\nB:ö"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        assert_eq!(all(&utf16), ["A:1", "B:ö"]);
    }

    #[test]
    fn soft_line_breaks_of_quoted_printable_are_joined() {
        assert_eq!(
            all(b"N;ENCODING=QUOTED-PRINTABLE:a=\r\nb=\r\n=3D\r\nFN:x=\r\ny"),
            ["N;ENCODING=QUOTED-PRINTABLE:ab=3D", "FN:x=", "y"]
        );
    }

    #[test]
    fn a_soft_line_break_that_joins_nothing_means_nothing() {
        assert_eq!(
            all(b"FN:x=\r\nN;QUOTED-PRINTABLE:c=="),
            ["FN:x=", "N;QUOTED-PRINTABLE:c"]
        );
    }

    #[test]
    fn a_declared_charset_is_honoured_and_an_undeclared_byte_is_kept() {
        assert_eq!(
            all(b"N;CHARSET=ISO-8859-2:\xb1"),
            ["N;CHARSET=ISO-8859-2:ą"]
        );
        assert_eq!(all(b"FN:J\xf6rg"), ["FN:Jörg"]);
    }

    #[test]
    fn a_line_knows_where_it_began() {
        let lines = Lines::read(b"A:1\n\n 2\nB:3");
        assert_eq!((lines.number(0), lines.number(1)), (1, 4));
    }
}
