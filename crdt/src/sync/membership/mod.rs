//! Who belongs to the mesh: a set of signed statements, and the members that follow from it.
//!
//! Invariants: the members are a function of the set of statements, whatever their order;
//! a removal is never void; a removed key never returns; one device can not use up the room.

mod let_in;
mod members;
mod room;
mod statement;

pub use let_in::let_in_by;
pub use members::{Members, head, newest, state};
pub use room::{MOST, MOST_BY_ONE, Room};
pub use statement::{Action, Statement, StatementError, StatementHash};
