//! Mails, and the messages of calendars in them.

use pimesh_crdt::doc::Document;
use pimesh_crdt::itip::{Message, messages};
use pimesh_crdt::normalise::Text;
use pimesh_transports::ingest::mime::{MOST_DECODED, read_mail};

use super::texts::round_trip;

/// A whole mail, and the same bytes as the body of one.
pub(super) fn mail(bytes: &[u8]) {
    parts_of(bytes);
    let head = b"From: a@x.org\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n";
    parts_of(&[head, bytes, b"\r\n--b--\r\n"].concat());
}

/// Bytes in quoted-printable: in a mail, and in a value of an old contact.
pub(super) fn quoted_printable(bytes: &[u8]) {
    let head = b"From: a@x.org\r\nContent-Type: text/calendar; charset=utf-8\r\n\
        Content-Transfer-Encoding: quoted-printable\r\n\r\n";
    parts_of(&[head, bytes].concat());
    for charset in ["UTF-8", "ISO-8859-1", "SHIFT_JIS"] {
        let head = format!(
            "BEGIN:VCARD\r\nVERSION:2.1\r\nN:A\r\n\
             NOTE;ENCODING=QUOTED-PRINTABLE;CHARSET={charset}:"
        );
        round_trip(&[head.as_bytes(), bytes, b"\r\nEND:VCARD\r\n"].concat());
    }
}

fn parts_of(bytes: &[u8]) {
    let mail = read_mail(bytes);
    let decoded: usize = mail.parts.iter().map(|part| part.bytes.len()).sum();
    assert!(decoded <= MOST_DECODED);
    for part in &mail.parts {
        round_trip(&part.bytes);
    }
}

fn changes(frame: &str, method: &str, bytes: &[u8]) -> Vec<Vec<u8>> {
    let head = format!("BEGIN:VCALENDAR\r\nMETHOD:{method}\r\n{frame}");
    let whole = [
        head.as_bytes(),
        bytes,
        b"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    ]
    .concat();
    let text = Text::read(&whole).expect("far below the limit");
    let senders = ["a@x.org".to_owned(), "b@x.org".to_owned()];
    messages(&text, None, &senders)
        .into_iter()
        .flatten()
        .filter_map(|message| match message {
            Message::Change { change, .. } => Some(change.bytes),
            Message::Proposal(_) => None,
        })
        .collect()
}

/// Messages of organisers and attendees: what they make is read, and the same in every order.
pub(super) fn itip(bytes: &[u8]) {
    let frame = "BEGIN:VEVENT\r\nUID:e\r\nORGANIZER:mailto:a@x.org\r\n\
        ATTENDEE:mailto:b@x.org\r\n";
    let mut all = Vec::new();
    for part in bytes.split(|byte| *byte == 0).take(4) {
        for method in ["REQUEST", "CANCEL", "REPLY"] {
            all.extend(changes(frame, method, part));
        }
    }
    let mut shown = Document::load(all.iter().map(Vec::as_slice))
        .expect("no deps")
        .view()
        .shown();
    all.reverse();
    let other = Document::load(all.iter().map(Vec::as_slice))
        .expect("no deps")
        .view()
        .shown();
    assert_eq!(shown.item, other.item);
    assert_eq!(shown.live, other.live);
    shown.conflicts.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(shown.conflicts, other.conflicts);
}
