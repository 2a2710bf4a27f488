//! Which file of a folder an item is written to.
//!
//! Invariants: the name depends on the item's kind and UID alone, never on what else is in the
//! folder, so it is the same in every export and on every device; no two items share one, also
//! where upper and lower case are the same and on Windows; it never leads out of the folder.

use pimesh_crdt::DocId;
use pimesh_crdt::canon;

/// A longer UID is no name for a file.
const LONGEST: usize = 100;

/// What Windows takes for a device, whatever the ending.
const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];

/// The name, without its ending: the UID where that can be one, else the document's id.
///
/// Only events and contacts are named by their UIDs, so that a task with the UID of an event
/// is another file.
pub(super) fn stem(kind: &str, uid: &str, doc: DocId) -> String {
    let uid = canon::uid(uid);
    match matches!(kind, "vcard" | "vevent") && is_name(&uid) {
        true => uid,
        false => doc.to_string(),
    }
}

fn is_name(uid: &str) -> bool {
    let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let first = uid.split('.').next().unwrap_or_default();
    let is_device = DEVICES.iter().any(|device| {
        first
            .strip_prefix(device)
            .is_some_and(|rest| rest.is_empty() || rest.parse::<u8>().is_ok())
    });
    let is_id = uid.len() == 32 && uid.bytes().all(|b| b.is_ascii_hexdigit());
    (1..=LONGEST).contains(&uid.len())
        && uid.bytes().next().is_some_and(letters)
        && !uid.ends_with('.')
        && uid.bytes().all(|b| letters(b) || b"-_.@".contains(&b))
        && !is_device
        // the name of an item whose UID is no name must stay free
        && !is_id
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(uid: &str) -> String {
        let doc = DocId::of("vevent", &canon::uid(uid));
        let name = stem("vevent", uid, doc);
        assert!(name == canon::uid(uid) || name == doc.to_string());
        name
    }

    #[test]
    fn a_uid_names_a_file_only_where_every_file_system_takes_it() {
        for uid in ["event-1@example.org", "040000008200e0.x_1"] {
            assert_eq!(of(uid), uid);
        }
        let uuid = "550e8400-e29b-41d4-a716-446655440000";
        assert_eq!(of(&format!("urn:uuid:{}", uuid.to_uppercase())), uuid);
        for uid in [
            "../../../../etc/passwd",
            "a\0b",
            "a/b",
            "a\\b",
            "a:b",
            ".hidden",
            "-rf",
            "a.",
            "Abc",
            "con",
            "nul.txt",
            "com1",
            "lpt9.x",
            "ü",
            "",
            " ",
            "a b",
        ] {
            assert_ne!(of(uid), uid);
            assert_eq!(of(uid).len(), 32, "{uid:?}");
        }
        assert_eq!(of(&"a".repeat(101)).len(), 32);
    }

    #[test]
    fn no_uid_takes_the_name_of_another_item() {
        let upper = of("Abc");
        assert_ne!(of(&upper), upper);
        let (event, task) = (DocId::of("vevent", "a"), DocId::of("vtodo", "a"));
        assert_ne!(stem("vevent", "a", event), stem("vtodo", "a", task));
    }
}
