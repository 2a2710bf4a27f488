//! One signed statement about a device, and its one and only encoding.

use std::fmt;

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use crate::id::{DeviceId, Timestamp};

/// The longest name of a device, in bytes.
const LONGEST_NAME: usize = 128;
/// A statement names no more others than this.
pub(super) const MOST_KNOWN: usize = 64;
/// Signed in front of every statement, so that no other signature can pass for one.
const CONTEXT: &[u8] = b"pimesh membership v1\0";
/// Everything but the name and the known statements.
const SIGNATURE: usize = 64;

/// The name of a statement: the hash of what was signed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatementHash(pub [u8; 32]);

impl fmt::Debug for StatementHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StatementHash({})", crate::ChangeHash(self.0))
    }
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// The device belongs to the mesh.
    Add {
        /// What people call it.
        name: String,
    },
    /// The device is out, for ever.
    Remove,
    /// The device has another name.
    Rename {
        /// What people call it from now on.
        name: String,
    },
}

/// Why bytes are not a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// Not of the form, or over a limit.
    #[error("not a statement of membership")]
    Malformed,
    /// The author has not signed this.
    #[error("a statement of membership whose signature is wrong")]
    BadSignature,
    /// The others would not keep it: see [`super::MOST_BY_ONE`].
    #[error(
        "this device has said so much about devices that the others keep no more of it: let another device do this"
    )]
    NoRoom,
}

/// A statement whose signature has been verified: there is no other way to have one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    author: DeviceId,
    subject: DeviceId,
    action: Action,
    knows: Vec<StatementHash>,
    time: Timestamp,
    signature: [u8; SIGNATURE],
}

impl Statement {
    /// Says something about a device. `knows` are the newest statements the author knew.
    pub fn sign(
        key: &SigningKey,
        subject: DeviceId,
        action: Action,
        knows: &[StatementHash],
        time: Timestamp,
    ) -> Result<Self, StatementError> {
        let mut knows = knows.to_vec();
        knows.sort_unstable();
        knows.dedup();
        let author = DeviceId(key.verifying_key().to_bytes());
        let signature = [0; SIGNATURE];
        let mut statement = Self {
            author,
            subject,
            action,
            knows,
            time,
            signature,
        };
        if !statement.is_within_limits() {
            return Err(StatementError::Malformed);
        }
        statement.signature = key.sign(&[CONTEXT, &statement.said()].concat()).to_bytes();
        Ok(statement)
    }

    /// Who says it.
    pub fn author(&self) -> DeviceId {
        self.author
    }

    /// About whom.
    pub fn subject(&self) -> DeviceId {
        self.subject
    }

    /// What.
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// The newest statements that the author knew, sorted.
    pub fn knows(&self) -> &[StatementHash] {
        &self.knows
    }

    /// When, by the author's clock.
    pub fn time(&self) -> Timestamp {
        self.time
    }

    /// Its name.
    pub fn hash(&self) -> StatementHash {
        StatementHash(*blake3::hash(&[CONTEXT, &self.said()].concat()).as_bytes())
    }

    /// For the wire and the store.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&self.said()[..], &self.signature].concat()
    }

    /// Reads [`Self::to_bytes`] and verifies the signature.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StatementError> {
        let statement = Self::read(bytes).ok_or(StatementError::Malformed)?;
        let key = VerifyingKey::from_bytes(&statement.author.0)
            .map_err(|_| StatementError::BadSignature)?;
        key.verify_strict(
            &[CONTEXT, &statement.said()].concat(),
            &Signature::from_bytes(&statement.signature),
        )
        .map_err(|_| StatementError::BadSignature)?;
        Ok(statement)
    }

    /// What is signed: author, subject, time, action, length and text of the name, number
    /// and hashes of the known statements. Each value has exactly one encoding.
    fn said(&self) -> Vec<u8> {
        let (action, name) = match &self.action {
            Action::Add { name } => (0, name.as_str()),
            Action::Remove => (1, ""),
            Action::Rename { name } => (2, name.as_str()),
        };
        let mut out = [
            &self.author.0[..],
            &self.subject.0,
            &self.time.0.to_be_bytes(),
        ]
        .concat();
        // Both lengths are within limits that fit a byte.
        out.extend([action, name.len() as u8]);
        out.extend_from_slice(name.as_bytes());
        out.push(self.knows.len() as u8);
        self.knows
            .iter()
            .for_each(|hash| out.extend_from_slice(&hash.0));
        out
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (author, rest) = bytes.split_first_chunk::<32>()?;
        let (subject, rest) = rest.split_first_chunk::<32>()?;
        let (time, rest) = rest.split_first_chunk::<8>()?;
        let ([action, length], rest) = rest.split_first_chunk::<2>()?;
        let (name, rest) = rest.split_at_checked(usize::from(*length))?;
        let name = std::str::from_utf8(name).ok()?.to_owned();
        let ([count], rest) = rest.split_first_chunk::<1>()?;
        let (knows, signature) = rest.split_at_checked(32 * usize::from(*count))?;
        let knows = knows
            .as_chunks::<32>()
            .0
            .iter()
            .map(|hash| StatementHash(*hash))
            .collect();
        let action = match (action, name.is_empty()) {
            (0, _) => Action::Add { name },
            (1, true) => Action::Remove,
            (2, _) => Action::Rename { name },
            _ => return None,
        };
        let statement = Self {
            author: DeviceId(*author),
            subject: DeviceId(*subject),
            action,
            knows,
            time: Timestamp(u64::from_be_bytes(*time)),
            signature: signature.try_into().ok()?,
        };
        statement.is_within_limits().then_some(statement)
    }

    fn is_within_limits(&self) -> bool {
        let name = match &self.action {
            Action::Add { name } | Action::Rename { name } => name.as_str(),
            Action::Remove => "",
        };
        name.len() <= LONGEST_NAME
            && !name.chars().any(char::is_control)
            && self.knows.len() <= MOST_KNOWN
            && self.knows.is_sorted_by(|a, b| a < b)
    }
}
