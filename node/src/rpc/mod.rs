//! Requests to a running node, over a Unix socket in its home.
//!
//! ```text
//!  client                                    node
//!    │ ◄── {"hello":{"version":…,"pid":…}} ── │  at once: a node that is stuck says nothing
//!    │ ── {"cmd":"import", …} ──────────────► │  one request per connection
//!    │ ◄── {"event":{"event":"progress",…}} ─ │  any number
//!    │ ◄── {"reply":{…}} | {"failure":{…}} ── │  the last line; `watch` has none
//! ```
//!
//! One JSON document per line; both sides check that the other belongs to the home's
//! owner. Invariants: every line and the number of connections are bounded; a client that
//! goes away (closes either direction) ends `wait`, `watch` and `pair`, and nothing else.

mod client;
mod error;
mod line;
mod server;
mod socket;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::api::{Event, Failure, Reply};

pub use client::Node;
pub use error::RpcError;
pub use server::serve;
pub use socket::Listener;

/// What a node sends, one per line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Hello(Hello),
    Event(Event),
    Reply(Box<Reply>),
    Failure(Failure),
}

/// The first line of a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The node's version.
    pub version: String,
    /// The node's process id.
    pub pid: u32,
}
