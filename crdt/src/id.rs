//! The names of things: devices, collections, documents, changes, blobs, and moments.
//!
//! Everything else in the crate takes these instead of strings and byte arrays, so
//! that two ids of different things cannot be swapped.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! bytes_id {
    ($(#[$doc:meta])* $name:ident, $len:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub [u8; $len]);

        impl $name {
            /// Takes exactly the right number of bytes, else nothing.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// Reads what `Display` writes: lower-case hexadecimal.
            pub fn from_hex(text: &str) -> Option<Self> {
                let mut out = [0; $len];
                if text.len() != 2 * $len || !text.is_ascii() {
                    return None;
                }
                for (byte, pair) in out.iter_mut().zip(text.as_bytes().chunks(2)) {
                    *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
                }
                Some(Self(out))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

bytes_id!(
    /// A device: its ed25519 public key, which is also its libp2p identity.
    DeviceId, 32
);
bytes_id!(
    /// One address book or calendar. Random, but for the mesh's own collection.
    CollectionId, 16
);
bytes_id!(
    /// One contact, or one event or task with its overrides, on every device of the mesh.
    ///
    /// Made from kind and UID by [`DocId::of`], never from a file name or an address.
    DocId, 16
);
bytes_id!(
    /// The SHA-256 that Automerge gives a change.
    ChangeHash, 32
);
bytes_id!(
    /// BLAKE3 of a photo, an attachment, a long text or a time zone kept outside its document.
    BlobHash, 32
);
bytes_id!(
    /// `chain_n = H(chain_{n-1}, hash)[..8]`: tells two histories with one name apart.
    Chain, 8
);

impl DocId {
    /// The document of an item. `uid` is the comparison form of the UID
    /// ([`crate::canon::uid`]); the collection is not part of it, so the same
    /// address book on two devices gives the same documents.
    pub fn of(kind: &str, uid: &str) -> Self {
        let mut material = Vec::with_capacity(kind.len() + uid.len() + 1);
        material.extend_from_slice(kind.as_bytes());
        material.push(0);
        material.extend_from_slice(uid.as_bytes());
        let key = blake3::derive_key("pimesh docid v1", &material);
        let mut id = [0; 16];
        id.copy_from_slice(&key[..16]);
        Self(id)
    }
}

impl CollectionId {
    /// The collection that every device has: the names, the unions and the settings of
    /// the mesh itself. It is synchronised before all others.
    pub const MESH: Self = Self([0; 16]);
}

impl BlobHash {
    /// The name of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(*blake3::hash(bytes).as_bytes())
    }

    /// Takes bytes piece by piece; what it comes to is their name.
    #[cfg(feature = "store")]
    pub(crate) fn hasher() -> blake3::Hasher {
        blake3::Hasher::new()
    }
}

impl Chain {
    /// The chain before the first change.
    pub const START: Self = Self([0; 8]);

    /// The chain after one more change.
    #[must_use]
    pub fn then(self, hash: ChangeHash) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key("pimesh chain v1");
        hasher.update(&self.0);
        hasher.update(&hash.0);
        let mut out = [0; 8];
        out.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
        Self(out)
    }
}

/// Who numbered a change: a device, in one of its lives. A device whose disk was
/// restored or cloned takes the next incarnation, so its numbers never repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// The device.
    pub device: DeviceId,
    /// Which of its lives, from 0.
    pub incarnation: u32,
}

/// Milliseconds since 1970-01-01T00:00:00Z, from the device's own clock.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Timestamp(pub u64);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_id_depends_on_kind_and_uid_only_and_never_changes() {
        assert_eq!(
            DocId::of("vcard", "a").to_string(),
            DocId::of("vcard", "a").to_string()
        );
        assert_ne!(DocId::of("vcard", "a"), DocId::of("vevent", "a"));
        assert_ne!(DocId::of("vcard", "a"), DocId::of("vcar", "da"));
    }

    #[test]
    fn hexadecimal_is_read_back() {
        let id = DocId::of("vcard", "a");
        assert_eq!(DocId::from_hex(&id.to_string()), Some(id));
        assert_eq!(DocId::from_hex("zz"), None);
        assert_eq!(DocId::from_hex(&"é".repeat(16)), None);
    }
}
