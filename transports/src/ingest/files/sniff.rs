//! What a file is, by its first bytes.

use super::FileKind;

/// Header fields with which mails begin.
const MAIL_FIELDS: [&str; 8] = [
    "return-path:",
    "received:",
    "delivered-to:",
    "from:",
    "message-id:",
    "mime-version:",
    "date:",
    "x-mozilla-status:",
];

/// What these first bytes of a file are, if they are anything that pimesh reads.
pub fn sniff(begin: &[u8]) -> Option<FileKind> {
    let text = ascii(begin);
    let text = text.trim_start().to_ascii_lowercase();
    if text.starts_with("begin:vcard") {
        Some(FileKind::Vcf)
    } else if text.starts_with("begin:vcalendar") {
        Some(FileKind::Ics)
    } else if text.starts_with("from ") {
        Some(FileKind::Mbox)
    } else if MAIL_FIELDS.iter().any(|field| text.starts_with(field)) {
        Some(FileKind::Eml)
    } else {
        None
    }
}

/// The text's ASCII letters, whether it is UTF-8 or UTF-16, marked or not: what we look
/// for is ASCII, so in UTF-16 every other byte is zero.
fn ascii(begin: &[u8]) -> String {
    let begin = [b"\xef\xbb\xbf".as_slice(), b"\xff\xfe", b"\xfe\xff"]
        .iter()
        .find_map(|mark| begin.strip_prefix(*mark))
        .unwrap_or(begin);
    begin
        .iter()
        .filter(|byte| **byte != 0)
        .map(|byte| char::from(*byte))
        .collect()
}
