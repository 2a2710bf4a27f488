//! The connections between paired devices.
//!
//! ```text
//!  node ──Command──► handle ──► [actor] ──► libp2p swarm: gate, limits, ping, streams
//!    ▲                             │              over QUIC, and TCP + Noise + Yamux
//!    └───────── MeshEvent ◄────────┘
//! ```
//!
//! A device's ed25519 key is its libp2p identity, so "who is this" is answered by the
//! handshake and by nothing else. Invariants:
//! - devices that cannot call each other meet through one of the mesh that relays (`relays.rs`),
//!   which reads nothing, and then try to meet directly; only members are told anything by that;
//! - only members connect; while a code is shown, a stranger may connect and gets the
//!   pairing protocol and nothing else (`gate.rs`);
//! - between two connected members there is one session stream, opened by the one whose
//!   [`DeviceId`](pimesh_crdt::DeviceId) is smaller, opened again when it ends;
//! - a frame's length is checked before memory is taken for it ([`frames`]);
//! - every table and queue here has a bound, named in [`config`].

mod actor;
pub mod config;
mod dialer;
pub mod error;
pub mod event;
pub mod frames;
mod gate;
mod handle;
mod links;
mod members_only;
mod network;
mod one_port;
mod peer;
mod reach;
pub mod record;
mod relays;
mod sessions;
mod swarm;
#[cfg(test)]
mod tests;

pub use config::{MeshConfig, Relaying};
pub use error::MeshError;
pub use event::{MeshEvent, Refusal};
pub use frames::{
    ByteStream, FrameCodec, FrameError, FrameReceiver, FrameSender, FrameStream, Io, MAX_FRAME,
};
pub use handle::{Mesh, MeshHandle};
pub use libp2p::Multiaddr;
pub use peer::{device_of, is_link_local, is_loopback, p2p_address};
pub use record::AddressRecord;
pub use relays::{is_relayed, through};
