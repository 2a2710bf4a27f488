//! What both sides derive from the PAKE's key, and what they bind it to.

use chacha20poly1305::{
    ChaCha20Poly1305, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use pimesh_crdt::DeviceId;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{code::Nameplate, message::VERSION};

/// Which of the two a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Shows the code.
    Offerer,
    /// Types the code.
    Joiner,
}

impl Role {
    /// The other one.
    pub(super) fn other(self) -> Self {
        match self {
            Self::Offerer => Self::Joiner,
            Self::Joiner => Self::Offerer,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Offerer => "offerer",
            Self::Joiner => "joiner",
        }
    }

    /// What the PAKE knows a device by: its role and the id its handshake proved.
    pub(super) fn identity(self, device: &DeviceId) -> Vec<u8> {
        [
            b"pimesh pair v1 ",
            self.name().as_bytes(),
            b" ",
            &device.0[..],
        ]
        .concat()
    }
}

/// Everything two devices have said and are, before the first confirmation.
pub(super) struct Transcript<'a> {
    pub(super) offerer: &'a DeviceId,
    pub(super) joiner: &'a DeviceId,
    pub(super) nameplate: Nameplate,
    pub(super) offerer_pake: &'a [u8],
    pub(super) joiner_pake: &'a [u8],
}

/// The keys of one conversation.
pub(super) struct Keys {
    transcript: [u8; 32],
    expand: Hkdf<Sha256>,
}

pub(super) type Tag = [u8; 32];

impl Keys {
    pub(super) fn new(transcript: &Transcript<'_>, pake: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"pimesh pair transcript v1");
        hash.update([VERSION]);
        hash.update(transcript.nameplate.0.to_be_bytes());
        for part in [
            &transcript.offerer.0[..],
            &transcript.joiner.0[..],
            transcript.offerer_pake,
            transcript.joiner_pake,
        ] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let transcript: [u8; 32] = hash.finalize().into();
        Self {
            transcript,
            expand: Hkdf::new(Some(&transcript), pake),
        }
    }

    /// Proves that `who` has the same key and has seen the same conversation.
    pub(super) fn confirmation(&self, who: Role) -> Tag {
        self.mac("confirm", who).finalize().into_bytes().into()
    }

    /// Compares in constant time.
    pub(super) fn is_confirmation(&self, who: Role, tag: &Tag) -> bool {
        self.mac("confirm", who).verify_slice(tag).is_ok()
    }

    /// Says that `who` has everything.
    pub(super) fn done(&self, who: Role) -> Tag {
        self.mac("done", who).finalize().into_bytes().into()
    }

    /// Compares in constant time.
    pub(super) fn is_done(&self, who: Role, tag: &Tag) -> bool {
        self.mac("done", who).verify_slice(tag).is_ok()
    }

    /// Encrypts the one text that `who` hands over. Each side has a key of its own and uses
    /// it once, so the nonce may be constant.
    pub(super) fn seal(&self, who: Role, text: &[u8]) -> Option<Vec<u8>> {
        let payload = Payload {
            msg: text,
            aad: &self.transcript,
        };
        self.cipher(who).encrypt(&Nonce::default(), payload).ok()
    }

    pub(super) fn unseal(&self, who: Role, sealed: &[u8]) -> Option<Vec<u8>> {
        let payload = Payload {
            msg: sealed,
            aad: &self.transcript,
        };
        self.cipher(who).decrypt(&Nonce::default(), payload).ok()
    }

    fn cipher(&self, who: Role) -> ChaCha20Poly1305 {
        ChaCha20Poly1305::new((&*self.key("seal", who)).into())
    }

    fn mac(&self, purpose: &str, who: Role) -> Hmac<Sha256> {
        let key = self.key(purpose, who);
        let mut mac =
            <Hmac<Sha256> as Mac>::new_from_slice(&*key).expect("HMAC takes keys of any length");
        mac.update(&self.transcript);
        mac
    }

    fn key(&self, purpose: &str, who: Role) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0; 32]);
        let info = [
            b"pimesh pair v1 ",
            purpose.as_bytes(),
            b" ",
            who.name().as_bytes(),
        ];
        self.expand
            .expand_multi_info(&info, &mut *key)
            .expect("32 bytes is within what HKDF-SHA256 can give");
        key
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys")
    }
}
