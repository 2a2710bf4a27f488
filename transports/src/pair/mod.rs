//! How two devices become members of one mesh: one shows a short code and a QR code, the other
//! types or scans it.
//!
//! ```text
//!  joiner                                             offerer
//!    │ Hello   version, number of the code, PAKE ──────► │   an offer is open, not used up
//!    │ ◄────────────────────────────── Pake       PAKE   │
//!    │ Confirm MAC over all of the above ──────────────► │   wrong: one try less
//!    │ ◄────────────────────────────── Confirm    MAC    │   right: the offer is used
//!    │ ◄────────────────────────────── Sealed     name, payload
//!    │   (the person here reads what will happen, and agrees)
//!    │ Sealed  name, payload ──────────────────────────► │
//!    │ ◄────────────────────────────── Done       MAC    │
//!    │ Done    MAC ────────────────────────────────────► │
//! ```
//!
//! Either may have called the other. The code goes through SPAKE2, so who listens or sits in between learns nothing to try
//! codes against at leisure: each try costs a conversation with the offerer, and there are
//! three ([`offer::TRIES`]). Both ids, as the transport's handshake proved them, are part
//! of what is confirmed; a device in the middle has another id and fails. The joiner
//! confirms first, so a stranger gets nothing out of the offerer but "wrong".
//!
//! [`state`] holds the rules and no IO, [`driver`] moves its messages over a stream.
//!
//! One gap remains that no protocol closes: if the last `Done` is lost, the joiner knows
//! that both are paired and the offerer reports [`PairError::Unfinished`].

pub mod code;
pub mod driver;
pub mod error;
pub mod fingerprint;
pub mod invitation;
mod keys;
mod message;
pub mod offer;
pub mod qr;
pub mod state;
#[cfg(test)]
mod tests;
pub mod ticket;

pub use code::{Code, CodeError, Nameplate};
pub use driver::{PairIdentity, Paired, join, offer};
pub use error::PairError;
pub use fingerprint::{Fingerprint, fingerprint};
pub use invitation::{Beacon, Invitation, InvitationError};
pub use message::{MAX_NAME, MAX_PAYLOAD, MalformedMessage};
pub use offer::Offer;
pub use state::Handed;
pub use ticket::{Ticket, TicketError, TicketSecret};
