//! Content lines: bytes of any origin into lines, lines into name, parameters and value,
//! lines into components. Nothing here knows what a property means.
//!
//! ```text
//!   bytes ──lines──► logical lines ──tree──► components ──line──► name, parameters, value
//! ```
//!
//! Invariants: no recursion over input; nothing that was read is dropped in silence; memory
//! is the text itself and a dozen bytes for each line.

pub mod escape;
pub mod line;
pub mod lines;
pub mod tree;
