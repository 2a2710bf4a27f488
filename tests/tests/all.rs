//! All tests across crates, in one program: linking is most of the time.

#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "what goes wrong in a test fails it, and some stories are long"
)]

mod attachments;
mod attack;
mod backup;
mod copied;
mod couple;
mod crash;
mod decide;
mod doctor;
mod exports;
mod find;
mod flood;
mod folders;
mod gone;
mod homes;
mod honest;
mod hostile;
mod invitations;
mod joined;
mod lost;
mod mail;
mod members;
mod membership;
mod pairs;
mod past;
mod people;
mod program;
mod read_again;
mod regained;
mod sense;
mod session;
mod set_back;
mod shell;
mod simulation;
mod tidy;
mod times;
mod two_devices;
mod undo;
