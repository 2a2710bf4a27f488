//! Why the mesh could not do what it was asked.

use libp2p::Multiaddr;
use pimesh_crdt::DeviceId;

/// Why the mesh could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum MeshError {
    /// The seed is no ed25519 key.
    #[error("the device key is not usable")]
    Key(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A transport could not be set up.
    #[error("a transport could not be set up")]
    Transport(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// No address of those asked for could be listened on.
    #[error("could not listen on {address}")]
    Listen {
        /// The last of them.
        address: Multiaddr,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Only members are dialled by name.
    #[error("device {0} is not a member")]
    NotAMember(DeviceId),
    /// The device id is not a point on the curve, so nobody can have it.
    #[error("device id {0} is no public key")]
    NoSuchKey(DeviceId),
    /// The other side did not answer, or is not what we expected.
    #[error("could not connect")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The other side answers but closed the connection: it shows no code, or does not
    /// know us.
    #[error("the other device closed the connection: it shows no pairing code now")]
    TurnedAway,
    /// The answer came from something that is no pimesh device.
    #[error("what answers there is not a pimesh device")]
    NotADevice,
    /// Too many at once.
    #[error("more than {limit} dials at once")]
    Busy {
        /// The bound.
        limit: usize,
    },
    /// It took too long.
    #[error("no answer in time")]
    TimedOut,
    /// The mesh has been shut down.
    #[error("the mesh has been shut down")]
    Gone,
}

impl MeshError {
    /// True when the same call may succeed later without anything being changed here.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::TurnedAway | Self::Busy { .. } | Self::TimedOut => true,
            Self::Key(_)
            | Self::Transport(_)
            | Self::Listen { .. }
            | Self::NotAMember(_)
            | Self::NoSuchKey(_)
            | Self::NotADevice
            | Self::Gone => false,
        }
    }
}
