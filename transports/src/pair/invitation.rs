//! What a person types, pastes or scans to join: a code of words, or the text of a QR code.

use zeroize::Zeroizing;

use super::{
    code::{Code, CodeError, Nameplate},
    ticket::{Ticket, TicketError},
};

/// What a person was shown on the other device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Invitation {
    /// A number and words.
    Code(Code),
    /// A QR code.
    Ticket(Ticket),
}

/// By what a device that joins is recognised in the local network, by the device that shows what
/// it joins by. That of a code comes from its number, so it hides nothing; that of a QR code is
/// as secret as the code.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Beacon(pub(crate) [u8; 32]);

impl std::fmt::Debug for Beacon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Beacon(…)")
    }
}

/// Why a text is neither.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvitationError {
    /// Not a code.
    #[error(transparent)]
    Code(#[from] CodeError),
    /// Not a QR code's text.
    #[error(transparent)]
    Ticket(#[from] TicketError),
}

impl Invitation {
    /// Reads either.
    pub fn parse(typed: &str) -> Result<Self, InvitationError> {
        if Ticket::is_meant(typed) {
            return Ok(Self::Ticket(Ticket::parse(typed)?));
        }
        Ok(Self::Code(Code::parse(typed)?))
    }

    /// What to announce while joining.
    pub fn beacon(&self) -> Beacon {
        match self {
            Self::Code(code) => code.nameplate().beacon(),
            Self::Ticket(ticket) => ticket.secret.beacon(),
        }
    }

    /// The number that says which code is meant; that of tickets is one no code has.
    pub(super) fn nameplate(&self) -> Nameplate {
        match self {
            Self::Code(code) => code.nameplate(),
            Self::Ticket(_) => Nameplate::TICKET,
        }
    }

    pub(super) fn password(&self) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Code(code) => code.password(),
            Self::Ticket(ticket) => ticket.secret.password(),
        }
    }
}

impl From<Code> for Invitation {
    fn from(code: Code) -> Self {
        Self::Code(code)
    }
}
