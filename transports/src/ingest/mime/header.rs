//! The header of a mail or of one of its parts: found here line by line, so that a
//! header of any size costs one pass, and read by mail-parser once it is small.

use std::borrow::Cow;

use mail_parser::{Address, ContentType, MessageParser, MimeHeaders};
use pimesh_crdt::Timestamp;

use super::LARGEST_HEADER;
use super::split::line_at;

/// The fields that are read; all others are skipped without a copy.
const WANTED: [&str; 7] = [
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
    "from",
    "subject",
    "message-id",
    "date",
];
/// How many addresses of From are looked at. Real mails have one.
const MOST_SENDERS: usize = 20;

/// One entity's header: what it says about the body, and the raw fields of the envelope.
#[derive(Debug, Default)]
pub(super) struct Header {
    fields: Vec<u8>,
    /// What the body is.
    pub(super) content: Content,
    /// True where fields were left out because of [`LARGEST_HEADER`].
    pub(super) is_cut: bool,
}

/// What a header says about the body below it.
#[derive(Debug, Default)]
pub(super) struct Content {
    /// `type/subtype` in lower case; empty where the header does not say.
    pub(super) media_type: String,
    pub(super) boundary: Option<String>,
    pub(super) charset: Option<String>,
    pub(super) method: Option<String>,
    pub(super) profile: Option<String>,
    /// Content-Transfer-Encoding in lower case; empty where absent.
    pub(super) encoding: String,
    pub(super) name: Option<String>,
}

/// Who sent a mail, and when.
#[derive(Debug, Default)]
pub(super) struct Envelope {
    pub(super) from: Vec<String>,
    pub(super) subject: Option<String>,
    pub(super) message_id: Option<String>,
    pub(super) date: Option<Timestamp>,
}

impl Header {
    /// Reads the header that begins at `start`; `is_end` knows the boundary lines, which
    /// end a header that lacks its empty line. Returns it and where the body begins.
    pub(super) fn read(
        bytes: &[u8],
        start: usize,
        is_end: impl Fn(&[u8]) -> bool,
    ) -> (Self, usize) {
        let mut header = Self::default();
        let (mut at, mut keeping) = (start, false);
        while at < bytes.len() {
            let (line, next) = line_at(bytes, at);
            if is_end(line) {
                break;
            }
            at = next;
            if line.is_empty() {
                break;
            }
            if !line.starts_with(b" ") && !line.starts_with(b"\t") {
                keeping = is_wanted(line);
            }
            if keeping && header.fields.len() + line.len() > LARGEST_HEADER {
                header.is_cut = true;
            } else if keeping {
                header.fields.extend_from_slice(line);
                header.fields.extend_from_slice(b"\r\n");
            }
        }
        header.fields.extend_from_slice(b"\r\n");
        header.content = Content::of(&header.fields);
        (header, at)
    }

    /// How often a field of this name stands in the header.
    fn count(&self, name: &str) -> usize {
        let lines = self.fields.split(|byte| *byte == b'\n');
        let fields = lines.filter(|line| !line.starts_with(b" ") && !line.starts_with(b"\t"));
        let names = fields.filter_map(|line| line.split(|byte| *byte == b':').next());
        names
            .filter(|found| found.trim_ascii().eq_ignore_ascii_case(name.as_bytes()))
            .count()
    }

    /// The fields that only the outermost header is asked for.
    pub(super) fn envelope(&self) -> Envelope {
        let Some(message) = MessageParser::default().parse_headers(&self.fields) else {
            return Envelope::default();
        };
        // Who a mail is from is what mail systems vouch for (DMARC, RFC 7489 §3.1): one From field
        // with one address. Sender is not looked at by them, and of several addresses only one.
        let mut from = Vec::new();
        if self.count("from") == 1
            && let Some(address) = message.from()
        {
            collect(address, &mut from);
        }
        if from.len() > 1 {
            from.clear();
        }
        Envelope {
            from,
            subject: message.subject().map(str::to_owned),
            message_id: message.message_id().map(str::to_owned),
            date: message.date().and_then(milliseconds),
        }
    }
}

impl Content {
    fn of(fields: &[u8]) -> Self {
        let Some(message) = MessageParser::default().parse_headers(fields) else {
            return Self::default();
        };
        let mut content = Self {
            encoding: message
                .content_transfer_encoding()
                .map(|encoding| encoding.trim().to_ascii_lowercase())
                .unwrap_or_default(),
            name: message.attachment_name().map(str::to_owned),
            ..Self::default()
        };
        if let Some(declared) = message.content_type() {
            content.media_type = media_type(declared);
            let attribute = |name: &str| declared.attribute(name).map(str::trim);
            content.boundary = attribute("boundary")
                .filter(|it| !it.is_empty())
                .map(str::to_owned);
            content.charset = attribute("charset").map(str::to_owned);
            content.method = attribute("method").map(str::to_ascii_uppercase);
            content.profile = attribute("profile").map(str::to_ascii_lowercase);
        }
        content
    }

    /// True for a mail inside the mail.
    pub(super) fn is_message(&self) -> bool {
        matches!(
            self.media_type.as_str(),
            "message/rfc822" | "message/global"
        )
    }

    /// What to call the part when something is wrong with it.
    pub(super) fn place(&self) -> String {
        match &self.name {
            Some(name) => format!("part {} {name:?}", self.media_type),
            None => format!("part {}", self.media_type),
        }
    }
}

fn is_wanted(line: &[u8]) -> bool {
    let Some(colon) = line.iter().take(80).position(|byte| *byte == b':') else {
        return false;
    };
    let name = line[..colon].trim_ascii();
    WANTED
        .iter()
        .any(|wanted| name.eq_ignore_ascii_case(wanted.as_bytes()))
}

fn media_type(declared: &ContentType<'_>) -> String {
    let subtype = declared.subtype().unwrap_or_default();
    format!("{}/{subtype}", declared.ctype()).to_ascii_lowercase()
}

fn collect(address: &Address<'_>, into: &mut Vec<String>) {
    let room = MOST_SENDERS.saturating_sub(into.len());
    for text in address
        .iter()
        .filter_map(|one| one.address.as_ref())
        .take(room)
    {
        let text = Cow::as_ref(text).trim().to_ascii_lowercase();
        if !text.is_empty() && !into.contains(&text) {
            into.push(text);
        }
    }
}

fn milliseconds(date: &mail_parser::DateTime) -> Option<Timestamp> {
    let seconds = date.is_valid().then(|| date.to_timestamp())?;
    u64::try_from(seconds)
        .ok()?
        .checked_mul(1000)
        .map(Timestamp)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_mail_is_from_one_address_in_one_field_or_from_nobody() {
        let from = |head: &str| {
            crate::ingest::read_mail(format!("{head}\r\nSubject: x\r\n\r\n").as_bytes()).from
        };
        assert_eq!(from("From: Org <Org@x.org>"), ["org@x.org"]);
        assert_eq!(
            from("From: evil@y.org\r\nSender: org@x.org"),
            ["evil@y.org"]
        );
        assert_eq!(from("Subject: a\r\n from: b\r\nFrom: a@x.org"), ["a@x.org"]);
        assert!(from("From: evil@y.org, org@x.org").is_empty());
        assert!(from("From: evil@y.org\r\nFROM : org@x.org").is_empty());
        assert!(from("Sender: org@x.org").is_empty());
    }
}
