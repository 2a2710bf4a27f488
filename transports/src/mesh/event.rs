//! What the mesh tells the node.

use libp2p::Multiaddr;
use pimesh_crdt::DeviceId;

use super::frames::{ByteStream, FrameStream};

/// What the mesh tells the node.
#[derive(Debug)]
pub enum MeshEvent {
    /// A stream for synchronising with a member. It replaces the one before: that one
    /// now fails with [`FrameError::Ended`](super::FrameError::Ended). Dropping it asks for
    /// another. Somebody must keep receiving: that the other side has left is learnt by it.
    Session {
        /// The member.
        device: DeviceId,
        /// Where the frames go.
        stream: FrameStream,
        /// Where the device is connected from.
        address: Multiaddr,
    },
    /// The last connection with a member is gone, or it is no longer a member.
    Disconnected {
        /// The member.
        device: DeviceId,
    },
    /// The first failed dial of a member since it was last connected. Dialling goes on.
    Unreachable {
        /// The member.
        device: DeviceId,
        /// What the network said.
        reason: String,
    },
    /// The mesh can be reached here.
    Listening(Multiaddr),
    /// The mesh can no longer be reached here.
    NotListening(Multiaddr),
    /// Somebody wants to pair, while a code is shown.
    PairRequest {
        /// Whom the handshake proved them to be.
        device: DeviceId,
        /// Where they speak `/pimesh/pair/1`.
        stream: ByteStream,
    },
    /// Somebody was turned away. Dropped, not queued, when the node is behind; always
    /// counted in [`MeshHandle::refused`](super::MeshHandle::refused).
    Refused {
        /// Who, if they came far enough to prove it.
        device: Option<DeviceId>,
        /// From where.
        address: Option<Multiaddr>,
        /// Why.
        reason: Refusal,
    },
}

/// Why somebody was turned away.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a member, and no code is shown.
    #[error("not paired with this device")]
    NotPaired,
    /// Their identity is not an ed25519 key, so no pimesh device.
    #[error("not a device key")]
    NotADeviceKey,
    /// Enough strangers are connected while a code is shown.
    #[error("more than {limit} unpaired devices at once")]
    TooManyGuests {
        /// The bound.
        limit: usize,
    },
    /// One address begins more handshakes than it finishes.
    #[error("more than {limit} unfinished handshakes from one address")]
    TooManyHandshakes {
        /// The bound.
        limit: usize,
    },
    /// A bound on connections.
    #[error("{0}")]
    Limit(String),
    /// A stranger asked for the synchronising protocol.
    #[error("synchronising is for paired devices")]
    SyncForMembers,
    /// It is the device with the smaller id that opens the session.
    #[error("opened a session that is ours to open")]
    NotTheirTurn,
    /// Asked to pair while no code is shown.
    #[error("no pairing code is shown")]
    NoOffer,
}
