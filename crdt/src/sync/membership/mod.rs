//! Who belongs to the mesh: a set of signed statements, and the members that follow from it.
//!
//! Invariants: the members are a function of the set of statements, whatever their order;
//! a removal is never void; a removed key never returns.

mod members;
mod statement;

pub use members::{Members, head, newest, state};
pub use statement::{Action, Statement, StatementError, StatementHash};
