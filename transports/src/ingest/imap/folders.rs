//! Which folders of a mailbox are read, and how their names are written on the wire
//! (modified UTF-7, RFC 3501 §5.1.3).

use std::collections::VecDeque;

use super::super::base64;
use super::super::error::SourceError;
use super::session::{Listed, Session};

/// Names of unwanted folders on servers that do not tell special uses.
const UNWANTED: [&str; 10] = [
    "trash",
    "deleted items",
    "deleted messages",
    "deleted",
    "junk",
    "junk e-mail",
    "spam",
    "bulk mail",
    "drafts",
    "draft",
];

/// Every folder that can be opened, without drafts, spam and deleted mails.
pub(super) async fn readable(session: &mut Session) -> Result<VecDeque<String>, SourceError> {
    let listed = session.list().await?;
    let tells_use = listed.iter().any(|folder| folder.has_use);
    let is_unwanted =
        |folder: &Listed| folder.is_unwanted || !tells_use && has_unwanted_name(&folder.name);
    let mut names: Vec<String> = listed
        .into_iter()
        .filter(|folder| folder.can_open && !is_unwanted(folder))
        .map(|folder| folder.name)
        .collect();
    names.sort_by_key(|name| !name.eq_ignore_ascii_case("INBOX")); // stable: the inbox first
    names.dedup();
    Ok(names.into())
}

pub(in crate::ingest) fn has_unwanted_name(name: &str) -> bool {
    let last = name.rsplit(['/', '.']).next().unwrap_or(name);
    UNWANTED
        .iter()
        .any(|unwanted| last.eq_ignore_ascii_case(unwanted))
}

/// A folder's name as a person writes it, for the wire.
pub(super) fn encode(name: &str) -> String {
    let is_plain = |it: char| matches!(it, ' '..='~');
    let mut wire = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let end = rest
            .find(|it| is_plain(it) != is_plain(first))
            .unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        if is_plain(first) {
            wire.push_str(&run.replace('&', "&-"));
        } else {
            let units: Vec<u8> = run.encode_utf16().flat_map(u16::to_be_bytes).collect();
            let digits = base64::encode(&units);
            wire.push('&');
            wire.push_str(&digits.trim_end_matches('=').replace('/', ","));
            wire.push('-');
        }
        rest = after;
    }
    wire
}

/// A folder's name for a person; what is not modified UTF-7 stays as it is.
pub(super) fn decode(wire: &str) -> String {
    let mut name = String::with_capacity(wire.len());
    let mut rest = wire;
    while let Some((plain, shifted)) = rest.split_once('&') {
        let Some((digits, after)) = shifted.split_once('-') else {
            return wire.to_owned();
        };
        name.push_str(plain);
        if digits.is_empty() {
            name.push('&');
        }
        let (bytes, _) = base64::decode_lenient(digits.replace(',', "/").as_bytes());
        let (units, _) = bytes.as_chunks::<2>();
        let units: Vec<u16> = units.iter().map(|it| u16::from_be_bytes(*it)).collect();
        name.push_str(&String::from_utf16_lossy(&units));
        rest = after;
    }
    name + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_are_written_in_modified_utf7() {
        for (name, wire) in [
            ("INBOX", "INBOX"),
            ("Entwürfe", "Entw&APw-rfe"),
            ("A & B", "A &- B"),
            ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
            ("ok 👍", "ok &2D3cTQ-"),
        ] {
            assert_eq!(encode(name), wire);
            assert_eq!(decode(wire), name);
        }
        assert_eq!(decode("broken &APw"), "broken &APw");
    }

    #[test]
    fn a_spam_folder_is_known_by_its_name_where_the_server_tells_no_use() {
        assert!(has_unwanted_name("INBOX.Trash") && has_unwanted_name("[Mail]/Spam"));
        assert!(!has_unwanted_name("Spammers I like"));
    }
}
