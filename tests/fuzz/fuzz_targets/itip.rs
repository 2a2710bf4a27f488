//! Messages of organisers and attendees: what they make is read, and the same in every order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pimesh_crdt::doc::Document;
use pimesh_crdt::itip::{Message, messages};
use pimesh_crdt::normalise::Text;

fn changes(frame: &str, method: &str, bytes: &[u8]) -> Vec<Vec<u8>> {
    let head = format!("BEGIN:VCALENDAR\r\nMETHOD:{method}\r\n{frame}");
    let whole = [head.as_bytes(), bytes, b"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"].concat();
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

fuzz_target!(|bytes: &[u8]| {
    let frame = "BEGIN:VEVENT\r\nUID:e\r\nORGANIZER:mailto:a@x.org\r\n\
        ATTENDEE:mailto:b@x.org\r\n";
    let mut all = Vec::new();
    for part in bytes.split(|byte| *byte == 0).take(4) {
        for method in ["REQUEST", "CANCEL", "REPLY"] {
            all.extend(changes(frame, method, part));
        }
    }
    let mut shown = Document::load(all.iter().map(Vec::as_slice)).expect("no deps").view().shown();
    all.reverse();
    let other = Document::load(all.iter().map(Vec::as_slice)).expect("no deps").view().shown();
    assert_eq!(shown.item, other.item);
    assert_eq!(shown.live, other.live);
    shown.conflicts.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(shown.conflicts, other.conflicts);
});
