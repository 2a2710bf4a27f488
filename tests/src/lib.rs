//! What the tests across crates share: devices to drive, processes to kill, data to feed
//! them, and a peer that cheats.
//!
//! ```text
//!  data ──files──► device (an engine in this process) ◄── loopback ──► device
//!                  program (a process of its own)     ◄── loopback ──► cheat
//! ```
//!
//! A harness: what goes wrong here fails the test with a sentence. Everything listens on
//! loopback only; every wait is for a condition, with a deadline.

#![allow(
    clippy::unwrap_used,
    reason = "what goes wrong in a harness fails the test"
)]

pub mod cheat;
pub mod data;
pub mod database;
pub mod device;
pub mod exports;
pub mod hostile;
pub mod mail;
pub mod membership;
pub mod pairs;
pub mod seed;
pub mod simulation;
pub mod wait;
