//! What the two devices say, as bytes: one byte of kind, then fields of fixed length.

use super::{code::Nameplate, error::PairError, keys::Tag};

/// The version of the pairing protocol.
pub(super) const VERSION: u8 = 1;
/// A SPAKE2 message: one byte for the side, and a point.
pub(super) const PAKE: usize = 33;
/// The longest device name.
pub const MAX_NAME: usize = 200;
/// The largest payload: some hundred signed membership statements and collections.
pub const MAX_PAYLOAD: usize = 64 << 10;
/// The longest message before the code is confirmed: strangers get no more memory.
pub(super) const MAX_UNCONFIRMED: usize = 64;
/// The longest message after it: kind, name with its length, payload, authentication tag.
pub(super) const MAX_CONFIRMED: usize = 1 + 2 + MAX_NAME + MAX_PAYLOAD + 16;

/// What one device says to the other.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    Refused(Refused),
    Hello {
        version: u8,
        nameplate: Nameplate,
        pake: [u8; PAKE],
    },
    Pake {
        pake: [u8; PAKE],
    },
    Confirm(Tag),
    Sealed(Vec<u8>),
    Done(Tag),
}

/// The reasons a device gives when it ends the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    WrongCode { tries_left: u8 },
    Expired,
    AlreadyUsed,
    NoOffer,
    Busy,
    Version(u8),
    Cancelled,
    TimedOut,
    Protocol,
}

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MalformedMessage {
    /// No message begins with this byte.
    #[error("no message of kind {0}")]
    Kind(u8),
    /// The message has the wrong length for its kind, or none.
    #[error("a message of {0} bytes")]
    Length(usize),
    /// A message that does not belong here.
    #[error("a message out of turn")]
    OutOfTurn,
    /// Not a point that SPAKE2 can use.
    #[error("not a PAKE message")]
    Pake,
    /// A name that is too long or not UTF-8.
    #[error("not a device name")]
    Name,
    /// The other device took ours for malformed.
    #[error("the other device did not understand this one")]
    Ours,
}

impl Message {
    pub(super) fn encode(&self) -> Vec<u8> {
        match self {
            Self::Refused(reason) => {
                let (code, detail) = reason.code();
                vec![0, code, detail]
            }
            Self::Hello {
                version,
                nameplate,
                pake,
            } => [&[1, *version][..], &nameplate.0.to_be_bytes(), pake].concat(),
            Self::Pake { pake } => [&[2][..], pake].concat(),
            Self::Confirm(tag) => [&[3][..], tag].concat(),
            Self::Sealed(text) => [&[4][..], text].concat(),
            Self::Done(tag) => [&[5][..], tag].concat(),
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, MalformedMessage> {
        let length = || MalformedMessage::Length(bytes.len());
        let (kind, rest) = bytes.split_first().ok_or_else(length)?;
        match kind {
            0 => match rest {
                [code, detail] => Ok(Self::Refused(Refused::from_code(*code, *detail))),
                _ => Err(length()),
            },
            // The version is read from a Hello of any length: a later one may be longer.
            1 => match rest.split_first().ok_or_else(length)? {
                (&VERSION, rest) => {
                    let (number, pake) = rest.split_first_chunk::<2>().ok_or_else(length)?;
                    let nameplate = Nameplate(u16::from_be_bytes(*number));
                    let pake = pake.try_into().map_err(|_| length())?;
                    Ok(Self::Hello {
                        version: VERSION,
                        nameplate,
                        pake,
                    })
                }
                (&version, _) => Ok(Self::Hello {
                    version,
                    nameplate: Nameplate(0),
                    pake: [0; PAKE],
                }),
            },
            2 => Ok(Self::Pake {
                pake: rest.try_into().map_err(|_| length())?,
            }),
            3 => Ok(Self::Confirm(rest.try_into().map_err(|_| length())?)),
            4 => Ok(Self::Sealed(rest.to_vec())),
            5 => Ok(Self::Done(rest.try_into().map_err(|_| length())?)),
            kind => Err(MalformedMessage::Kind(*kind)),
        }
    }
}

impl Refused {
    fn code(self) -> (u8, u8) {
        match self {
            Self::WrongCode { tries_left } => (1, tries_left),
            Self::Expired => (2, 0),
            Self::AlreadyUsed => (3, 0),
            Self::NoOffer => (4, 0),
            Self::Busy => (5, 0),
            Self::Version(ours) => (6, ours),
            Self::Cancelled => (7, 0),
            Self::TimedOut => (8, 0),
            Self::Protocol => (9, 0),
        }
    }

    /// A reason of a later version is at least a refusal.
    fn from_code(code: u8, detail: u8) -> Self {
        match code {
            1 => Self::WrongCode { tries_left: detail },
            2 => Self::Expired,
            3 => Self::AlreadyUsed,
            4 => Self::NoOffer,
            5 => Self::Busy,
            6 => Self::Version(detail),
            7 => Self::Cancelled,
            8 => Self::TimedOut,
            _ => Self::Protocol,
        }
    }

    /// What to say to the other side; nothing if it will not hear, or said it itself.
    pub(super) fn because_of(error: &PairError) -> Option<Self> {
        match error {
            PairError::WrongCode { tries_left } => Some(Self::WrongCode {
                tries_left: *tries_left,
            }),
            PairError::Expired => Some(Self::Expired),
            PairError::AlreadyUsed => Some(Self::AlreadyUsed),
            PairError::NoOffer => Some(Self::NoOffer),
            PairError::Busy => Some(Self::Busy),
            PairError::Version { ours, .. } => Some(Self::Version(*ours)),
            PairError::Cancelled => Some(Self::Cancelled),
            PairError::TimedOut => Some(Self::TimedOut),
            PairError::Impostor
            | PairError::Malformed(_)
            | PairError::Forged
            | PairError::PayloadTooLarge { .. } => Some(Self::Protocol),
            PairError::Stream(_) => Some(Self::Protocol),
            PairError::CancelledThere | PairError::HungUp | PairError::Unfinished => None,
        }
    }
}

impl From<Refused> for PairError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::WrongCode { tries_left } => Self::WrongCode { tries_left },
            Refused::Expired => Self::Expired,
            Refused::AlreadyUsed => Self::AlreadyUsed,
            Refused::NoOffer => Self::NoOffer,
            Refused::Busy => Self::Busy,
            Refused::Version(theirs) => Self::Version {
                ours: VERSION,
                theirs,
            },
            Refused::Cancelled => Self::CancelledThere,
            Refused::TimedOut => Self::TimedOut,
            Refused::Protocol => Self::Malformed(MalformedMessage::Ours),
        }
    }
}
