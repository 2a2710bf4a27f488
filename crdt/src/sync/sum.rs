//! What the states of all documents of a collection add up to.
//!
//! A vector says by names what a device should hold; the sum says by content what is there. It
//! is kept up by each change of a state, and made anew from all of them.

use serde::{Deserialize, Serialize};

/// The sum of the marks of documents' states, in any order. Equal on two devices that hold the
/// same, whatever their vectors say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sum(pub [u8; 16]);

impl Sum {
    /// With the state of one document more.
    #[must_use]
    pub fn with(self, state: [u8; 16]) -> Self {
        let sum = u128::from_le_bytes(self.0).wrapping_add(u128::from_le_bytes(state));
        Self(sum.to_le_bytes())
    }

    /// With the state of one document less.
    #[must_use]
    pub fn without(self, state: [u8; 16]) -> Self {
        let sum = u128::from_le_bytes(self.0).wrapping_sub(u128::from_le_bytes(state));
        Self(sum.to_le_bytes())
    }
}
