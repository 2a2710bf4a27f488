//! Set reconciliation: what differs between two sets, for about as many bytes as differ.
//!
//! ```text
//!   theirs ──► [Sketch] ──symbols──► [Decoder] ◄── ours       Difference { theirs, ours }
//! ```
//!
//! A rateless invertible Bloom lookup table. Each key goes into the first symbol and, ever more
//! rarely, into later ones; where, follows from a hash of the key under the salt of the session,
//! so nobody can prepare keys that get in each other's way. The symbols of one set less those of
//! the other are the symbols of what differs: one that holds a single key gives it away, and
//! once it is taken out others hold a single one.
//!
//! Invariants: pure, no clock and no randomness; the same set and salt give the same symbols
//! everywhere (the only numbers with fractions are products, quotients and roots, which IEEE 754
//! rounds in one way). A decoder holds no more symbols than the two sets can need, takes out no
//! more keys than it has symbols, and ends: with the difference or with a reason.

mod decode;
mod sketch;
mod symbol;
#[cfg(test)]
mod tests;

pub use decode::{Decoder, Difference, Progress};
pub use sketch::Sketch;
pub use symbol::{MOST_AT_ONCE, Symbol};

/// What is compared: a document and the mark of its state.
pub type Key = [u8; 32];

/// Makes the courses of keys unforeseeable. A new one for each reconciliation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Salt(pub [u8; 16]);

/// Symbols that one reconciliation may take: enough for 190,000 differences, in 13 MB of memory.
pub const MOST_SYMBOLS: u64 = 1 << 18;

/// Why a reconciliation can not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReconError {
    /// As many symbols as any two sets of these sizes need have come.
    #[error("a reconciliation without an end")]
    Endless,
    /// The symbols are not those of any set.
    #[error("symbols that no set has")]
    Contradiction,
    /// Symbols that can not be read, or that are not the next ones.
    #[error("symbols that can not be read")]
    Malformed,
}
