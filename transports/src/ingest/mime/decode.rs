//! One body: from its transfer encoding to bytes, from its charset to UTF-8.

use encoding_rs::{Encoding, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE};
use mail_parser::decoders::charsets::map::charset_decoder;

use crate::ingest::base64;

/// A body without its transfer encoding.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) bytes: Vec<u8>,
    /// True where bytes were left out because they do not belong to the encoding.
    pub(super) is_damaged: bool,
}

/// A transfer encoding that nobody but its sender knows.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the transfer encoding {0:?} is not known, skipped")]
pub(super) struct UnknownEncoding(String);

/// Undoes Content-Transfer-Encoding (in lower case; empty where absent).
pub(super) fn transfer(body: &[u8], encoding: &str) -> Result<Decoded, UnknownEncoding> {
    match encoding {
        "base64" => {
            let (bytes, is_damaged) = base64::decode_lenient(body);
            Ok(Decoded { bytes, is_damaged })
        }
        "quoted-printable" => Ok(quoted_printable(body)),
        "" | "7bit" | "8bit" | "binary" => Ok(Decoded {
            bytes: body.to_vec(),
            is_damaged: false,
        }),
        other => Err(UnknownEncoding(other.chars().take(40).collect())),
    }
}

/// RFC 2045 §6.7. An `=` that begins no escape is kept as it is: senders who do not
/// encode it are more common than damage.
fn quoted_printable(body: &[u8]) -> Decoded {
    let mut bytes = Vec::with_capacity(body.len());
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii_end();
        let line_end = match line {
            [.., b'\r', b'\n'] => b"\r\n".as_slice(),
            [.., b'\n'] => b"\n",
            _ => b"",
        };
        let (text, line_end) = match text.strip_suffix(b"=") {
            Some(text) => (text, b"".as_slice()),
            None => (text, line_end),
        };
        let mut at = 0;
        while at < text.len() {
            let escape = (text[at] == b'=')
                .then(|| text.get(at + 1..at + 3))
                .flatten();
            match escape.and_then(hex_pair) {
                Some(byte) => {
                    bytes.push(byte);
                    at += 3;
                }
                None => {
                    bytes.push(text[at]);
                    at += 1;
                }
            }
        }
        bytes.extend_from_slice(line_end);
    }
    Decoded {
        bytes,
        is_damaged: false,
    }
}

fn hex_pair(pair: &[u8]) -> Option<u8> {
    let digit = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|it| u8::try_from(it).ok())
    };
    Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?)
}

/// Converts to UTF-8 where the charset is declared and the bytes fit it. Bytes that do
/// not fit stay as they came, so that nothing is lost; the text says what is wrong.
pub(super) fn to_utf8(bytes: Vec<u8>, charset: Option<&str>) -> (Vec<u8>, Option<String>) {
    let Some(label) = charset.map(|it| it.trim_matches(['"', '\'', ' '])) else {
        return (bytes, None);
    };
    // Writers that say us-ascii and send something else send UTF-8 or do not know.
    if bytes.is_ascii() && !is_shifted(label) || label.is_empty() || is_ascii_label(label) {
        return (bytes, None);
    }
    let known = Encoding::for_label(label.as_bytes()).filter(|it| *it != REPLACEMENT);
    let Some(declared) = known else {
        return by_mail_parser(bytes, label);
    };
    let encoding = match declared {
        it if it == UTF_16LE && label.eq_ignore_ascii_case("utf-16") => byte_order(&bytes),
        it => it,
    };
    if encoding == UTF_8 {
        let trouble = std::str::from_utf8(&bytes)
            .is_err()
            .then(|| "not the UTF-8 that it claims to be, kept as it came".to_owned());
        return (bytes, trouble);
    }
    let (text, _, has_errors) = encoding.decode(&bytes);
    if !has_errors {
        return (text.into_owned().into_bytes(), None);
    }
    if encoding.is_ascii_compatible() {
        let trouble = format!("not the {label} that it claims to be, kept as it came");
        return (bytes, Some(trouble));
    }
    let trouble = format!("some characters are not the {label} that it claims to be");
    (text.into_owned().into_bytes(), Some(trouble))
}

/// Charsets that the web forgot: UTF-7, IBM 850 and others.
fn by_mail_parser(bytes: Vec<u8>, label: &str) -> (Vec<u8>, Option<String>) {
    match charset_decoder(label.as_bytes()) {
        Some(decoder) if !is_refused(label) => {
            let text = decoder(&bytes);
            if text.contains('\u{fffd}') {
                let trouble = format!("not the {label} that it claims to be, kept as it came");
                return (bytes, Some(trouble));
            }
            (text.into_bytes(), None)
        }
        _ => {
            let label: String = label.chars().take(40).collect();
            (
                bytes,
                Some(format!(
                    "the charset {label:?} is not known, kept as it came"
                )),
            )
        }
    }
}

/// Charsets of which ASCII bytes alone can mean something else.
fn is_shifted(label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    [
        "utf-16",
        "utf-7",
        "utf7",
        "unicode-1-1-utf-7",
        "iso-2022",
        "csiso2022",
        "hz-",
        "unicode",
        "ucs-2",
    ]
    .iter()
    .any(|prefix| label.starts_with(prefix))
}

fn is_ascii_label(label: &str) -> bool {
    [
        "us-ascii",
        "ascii",
        "ansi_x3.4-1968",
        "x-unknown",
        "unknown-8bit",
        "default",
    ]
    .iter()
    .any(|it| label.eq_ignore_ascii_case(it))
}

/// Charsets that encoding_rs refuses because they hide markup from filters.
fn is_refused(label: &str) -> bool {
    Encoding::for_label(label.as_bytes()) == Some(REPLACEMENT)
}

/// UTF-16 without a mark: calendars and cards begin with an ASCII letter.
fn byte_order(bytes: &[u8]) -> &'static Encoding {
    match bytes {
        [0, low, ..] if *low != 0 => UTF_16BE,
        _ => UTF_16LE,
    }
}
