//! Which mails of a source were read before: 8 bytes each, whatever the length of their
//! names, so that the cursor of a mailbox with 50,000 mails stays near half a megabyte.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::base64;

/// Eight bytes of the BLAKE3 of a mail's name within its source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Mark(u64);

impl Mark {
    pub(super) fn of(name: &[u8]) -> Self {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&blake3::hash(name).as_bytes()[..8]);
        Self(u64::from_be_bytes(bytes))
    }

    /// For keys that a person may see.
    pub(super) fn to_hex(self) -> String {
        format!("{:016x}", self.0)
    }
}

/// A set of marks; as text one Base64 string of the sorted marks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen(BTreeSet<Mark>);

impl Seen {
    pub(super) fn contains(&self, mark: Mark) -> bool {
        self.0.contains(&mark)
    }

    pub(super) fn insert(&mut self, mark: Mark) {
        self.0.insert(mark);
    }

    /// Forgets what the source no longer lists.
    pub(super) fn keep_only(&mut self, listed: &BTreeSet<Mark>) {
        self.0.retain(|mark| listed.contains(mark));
    }
}

impl FromIterator<Mark> for Seen {
    fn from_iter<I: IntoIterator<Item = Mark>>(marks: I) -> Self {
        Self(marks.into_iter().collect())
    }
}

impl Serialize for Seen {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes: Vec<u8> = self
            .0
            .iter()
            .flat_map(|mark| mark.0.to_be_bytes())
            .collect();
        serializer.serialize_str(&base64::encode(&bytes))
    }
}

impl<'de> Deserialize<'de> for Seen {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let (bytes, _) = base64::decode_lenient(text.as_bytes());
        let (marks, rest) = bytes.as_chunks::<8>();
        if !rest.is_empty() || base64::encode(&bytes) != text {
            return Err(D::Error::custom("the marks of seen mails are damaged"));
        }
        Ok(marks
            .iter()
            .map(|mark| Mark(u64::from_be_bytes(*mark)))
            .collect())
    }
}
