//! Every pair of operations, played by real devices: one does this and the other that, apart,
//! and then everybody meets.
//!
//! ```text
//!  grid ──cells──► acts, on laptop and phone ──mesh──► seen, on all four ──► outcome ──► table
//! ```
//!
//! A cell is one item that nothing else touches, so one meeting of four devices plays them all.
//! The desk hears of the laptop first, the tablet of the phone.

mod acts;
mod edits;
mod grid;
mod mesh;
mod operation;
mod outcome;
mod played;
mod seen;
mod table;
mod texts;

pub use grid::Theme;
pub use operation::Operation;
pub use outcome::Outcome;
pub use played::play;
pub use table::{Words, parse, write};
