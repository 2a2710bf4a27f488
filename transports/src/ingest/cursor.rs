//! How far a source has been read. The engine keeps it as text, in the transaction that
//! stores what was read up to it.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::seen::Seen;

/// How far a source has been read. The default is "not at all".
///
/// As text it is one line of JSON. A cursor of another kind of source reads from the
/// beginning: repeating is harmless, skipping is not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor(pub(super) Place);

/// One variant per kind of source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Place {
    #[default]
    Start,
    /// By the folder's name as the server writes it.
    Imap(BTreeMap<String, ReadTo>),
    /// The UIDLs that were read and are still listed.
    Pop3(Seen),
    /// By the directory's path within the maildir.
    Maildir(BTreeMap<String, Directory>),
    Mbox(MboxEnd),
    /// The one mail that was read.
    Eml(String),
}

/// Up to which mail an IMAP folder was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ReadTo {
    /// While it stays the same, UIDs name the same mails.
    pub(super) uidvalidity: u32,
    /// Every mail up to this UID was read.
    pub(super) uid: u32,
}

/// One `cur` or `new` of a maildir.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Directory {
    /// Nanoseconds since 1970 when it was last listed whole; 0 lists it again.
    pub(super) modified: u64,
    /// The base names that were read and are still there.
    pub(super) seen: Seen,
}

/// Where an mbox file was left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct MboxEnd {
    /// Everything before it was read.
    pub(super) offset: u64,
    /// Where the last mail begins, which may have been read while it was being written.
    pub(super) last: u64,
    /// Of the last bytes before `offset`: tells a file that grew from one that was rewritten.
    pub(super) tail: String,
}

/// The kept text is not a cursor of this version.
#[derive(Debug, thiserror::Error)]
#[error("the kept position of the source cannot be read; reading it from the beginning is safe")]
pub struct BadCursor(#[source] serde_json::Error);

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, BadCursor> {
        serde_json::from_str(text).map_err(BadCursor)
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::seen::Mark;
    use super::*;

    fn reread(place: Place) -> usize {
        let cursor = Cursor(place);
        let text = cursor.to_string();
        assert_eq!(text.parse::<Cursor>().unwrap(), cursor);
        text.len()
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        reread(Place::Start);
        let to = ReadTo {
            uidvalidity: u32::MAX,
            uid: 7,
        };
        reread(Place::Imap(BTreeMap::from([(
            "Entw&APw-rfe \"x\"".to_owned(),
            to,
        )])));
        reread(Place::Mbox(MboxEnd {
            offset: 5,
            last: 0,
            tail: "00".into(),
        }));
        let seen: Seen = [Mark::of(b"a"), Mark::of(b"b")].into_iter().collect();
        let directory = Directory { modified: 1, seen };
        reread(Place::Maildir(BTreeMap::from([(
            "cur".to_owned(),
            directory,
        )])));
        reread(Place::Eml("00".into()));
    }

    #[test]
    fn fifty_thousand_seen_mails_take_half_a_megabyte() {
        let seen = (0..50_000_u32)
            .map(|it| Mark::of(&it.to_be_bytes()))
            .collect();
        assert!(reread(Place::Pop3(seen)) < 540_000);
    }

    #[test]
    fn a_damaged_cursor_is_an_error_that_says_what_is_safe() {
        for text in [
            "",
            "{}",
            r#"{"pop3":"A"}"#,
            r#"{"pop3":"§"}"#,
            r#"{"imap":3}"#,
        ] {
            let error = text.parse::<Cursor>().unwrap_err().to_string();
            assert!(error.contains("from the beginning is safe"), "{text}");
        }
    }
}
