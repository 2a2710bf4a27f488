//! One device of a pimesh.
//!
//! ```text
//!  cli ──► api::Request ──► rpc (node.sock) or directly ──► engine ──► store, mesh, sources
//! ```
//!
//! `api` is the seam; `home` and `secrets` are the device's folder; `rpc` carries
//! requests to a running node; `cli` turns words into requests and replies into words.

#![cfg(unix)]

pub mod api;
#[cfg(feature = "cli")]
pub mod cli;
pub mod engine;
pub mod home;
pub mod rpc;
pub mod secrets;
