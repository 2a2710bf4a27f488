//! Finding the other devices on the local network, by mDNS.
//!
//! ```text
//!  mesh ──where we listen──► [discover] ══ _pimesh._udp.local. ══► the others
//!  node ◄──Discovered───────     ▲
//!                                └── whom to look for: members, or a code's number
//! ```
//!
//! What is announced names nobody ([`announce`]): an instance and a host name drawn at
//! random, a salt, and a tag that only who already knows a device's id can recognise. All
//! of it is drawn anew every [`ROTATION`](actor::ROTATION) and at every start.
//!
//! Devices that are connected are silent (`ear.rs`): the network is asked only for who is missed,
//! and for a while; who comes to it says so, and is heard.
//!
//! Limits, as facts: whoever knows a device's id (every member, every former member)
//! recognises it; who watches one network for a while can follow an address and a port
//! across rotations; a tag can be copied by others, who then fail the handshake. A network
//! without multicast is no error: devices then meet by the addresses members tell each other.

pub mod actor;
pub mod announce;
mod ear;
mod wish;

pub use actor::Discovery;
pub use wish::{Discovered, DiscoveryConfig, DiscoveryHandle, Interfaces};
