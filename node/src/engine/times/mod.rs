//! The times of items, for people: what takes place when, what to know about it, and what
//! devices made of one occurrence.
//!
//! ```text
//!   import, export, show ─► [Examiner] ─► flags          list ─► [agenda] ─► occurrences
//!   conflicts ─► [occurrences] ─► in question ─► [decide] ─► edits
//! ```
//!
//! Nothing here changes what is kept, but for what a person decides; nothing that comes in is
//! refused because of its times, only what is typed; work is bounded per item and per command.

mod agenda;
mod decide;
mod examiner;
mod occurrences;
mod reread;
mod sense;
mod words;

pub(super) use agenda::{Days, agenda, next};
pub(super) use decide::decide;
pub(super) use examiner::{Examiner, has_times};
pub(super) use occurrences::{InQuestion, all_in_question};
pub(super) use reread::of_times;
pub(super) use sense::makes_sense;
pub(super) use words::not_examined;
