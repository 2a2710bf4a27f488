//! Why two devices did not become paired.

use std::io;

use super::message::MalformedMessage;
use crate::mesh::FrameError;

/// Why two devices did not become paired.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// The code typed is not the one shown.
    #[error("the code is wrong; {tries_left} tries left")]
    WrongCode {
        /// With this offer. At zero it is dead.
        tries_left: u8,
    },
    /// The offer's time has passed.
    #[error("the code has expired; show a new one")]
    Expired,
    /// Somebody has paired with this code.
    #[error("the code has been used; show a new one")]
    AlreadyUsed,
    /// The other device shows no code, or one with another number.
    #[error("the other device shows no such code")]
    NoOffer,
    /// Too many try at once.
    #[error("the other device is busy with other attempts to pair")]
    Busy,
    /// The other device does not know the code that was typed here.
    #[error("the other device does not know the code")]
    Impostor,
    /// One of the two is too old.
    #[error("the other device speaks version {theirs} of the pairing protocol, this one {ours}")]
    Version {
        /// This device's.
        ours: u8,
        /// The other's.
        theirs: u8,
    },
    /// Somebody pressed "cancel" on the other device.
    #[error("cancelled on the other device")]
    CancelledThere,
    /// Somebody pressed "cancel" on this device.
    #[error("cancelled")]
    Cancelled,
    /// The other device stopped answering.
    #[error("the other device did not answer in time")]
    TimedOut,
    /// The other device hung up before the end.
    #[error("the other device hung up")]
    HungUp,
    /// Everything was exchanged but the other's last word did not come: it may take us for paired.
    #[error("the last confirmation did not arrive; the other device may already list this one")]
    Unfinished,
    /// Something that is not the protocol.
    #[error("the other device does not follow the pairing protocol")]
    Malformed(#[from] MalformedMessage),
    /// A message that cannot be undone with the agreed key.
    #[error("a message was changed on its way")]
    Forged,
    /// What this device wanted to hand over is too large.
    #[error("{bytes} bytes to hand over is more than {limit}")]
    PayloadTooLarge {
        /// How large it is.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// The stream failed.
    #[error("the connection failed")]
    Stream(#[source] FrameError),
}

impl PairError {
    /// True when the same code can be typed again.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::WrongCode { tries_left } => *tries_left > 0,
            Self::Busy | Self::TimedOut | Self::HungUp | Self::CancelledThere | Self::Cancelled => {
                true
            }
            Self::Stream(_) => true,
            Self::Expired
            | Self::AlreadyUsed
            | Self::NoOffer
            | Self::Impostor
            | Self::Version { .. }
            | Self::Unfinished
            | Self::Malformed(_)
            | Self::Forged
            | Self::PayloadTooLarge { .. } => false,
        }
    }
}

impl From<FrameError> for PairError {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => Self::HungUp,
            FrameError::Cut => Self::HungUp,
            error @ (FrameError::TooLarge { .. } | FrameError::Ended | FrameError::Io(_)) => {
                Self::Stream(error)
            }
        }
    }
}
