//! What a mesh is started with, and every bound it keeps.

use std::{collections::HashSet, fmt, time::Duration};

use libp2p::Multiaddr;
use pimesh_crdt::DeviceId;
use zeroize::Zeroizing;

/// Handshakes from outside that may run at once. A stranger costs us one until
/// [`HANDSHAKE`] passes, whoever they are, since only the end of it tells.
pub const MAX_PENDING_INCOMING: u32 = 64;
/// The same from one address, so that one silent machine cannot keep the others out. The
/// devices behind one router share an address, and rarely begin at the same moment.
pub const MAX_PENDING_PER_ADDRESS: usize = 8;
/// Dials that may run at once: one per device of a large household.
pub const MAX_PENDING_OUTGOING: u32 = 32;
/// Connections in all: more devices than anybody pairs, and small enough for a NAS.
pub const MAX_CONNECTIONS: u32 = 64;
/// Connections with one device: one in use, one that its network lost and that we have
/// not yet noticed, one that both began at the same moment, one that is being closed.
pub const MAX_CONNECTIONS_PER_DEVICE: u32 = 4;
/// Strangers that may be connected while a code is shown. A code has three tries, so
/// more guests only serve to keep the right one out of the way for longer.
pub const MAX_GUESTS: usize = 4;
/// Streams one device may hold open with us: a session, its successor, a pairing, pings.
pub const MAX_STREAMS: u32 = 16;
/// Streams of one connection that may be choosing their protocol at once.
pub const MAX_NEGOTIATING: usize = 8;
/// Addresses kept per device; a laptop with v4, v6, VPN and two transports has eight.
pub const MAX_ADDRESSES: usize = 16;
/// Relays of the mesh that a device keeps a place with: a NAS, a rented host and their successors.
pub const MAX_RELAYS: usize = 4;
/// Places that a relay gives: one for each device that may be connected.
pub const MAX_PLACES: usize = MAX_CONNECTIONS as usize;
/// The same for one device: each connection with it may have one.
pub const MAX_PLACES_PER_DEVICE: usize = MAX_CONNECTIONS_PER_DEVICE as usize;
/// Circuits through a relay at once: each device of a large household with a few others.
pub const MAX_CIRCUITS: usize = 64;
/// The same for one device. Each takes one of the [`MAX_STREAMS`] on the way to the relay.
pub const MAX_CIRCUITS_PER_DEVICE: usize = 8;
/// Dials to strangers that may run at once: a person types one code at a time.
pub const MAX_UNKNOWN_DIALS: usize = 4;
/// Commands waiting for the actor; senders wait beyond it.
pub const COMMANDS: usize = 64;
/// Events on their way to the node.
pub const EVENTS: usize = 64;
/// Events the actor holds while the node is busy; beyond it the network waits.
pub const OUTBOX: usize = 256;
/// Lines of log about refused peers in [`WARNING_WINDOW`]; the rest is only counted, so
/// that a stranger cannot fill a disk.
pub const WARNINGS: u32 = 30;
/// See [`WARNINGS`].
pub const WARNING_WINDOW: Duration = Duration::from_secs(60);

/// How long a connection may take to prove who it is.
pub const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long a stream may take to open.
pub const OPEN_STREAM: Duration = Duration::from_secs(10);
/// A connection without streams is closed after this. Members always have a session, so
/// this meets guests, and members between two tries to open one.
pub const IDLE: Duration = Duration::from_secs(45);
/// A QUIC connection that hears nothing for this long is gone. A session that waits for an answer
/// gives up by itself; this is for those that have nothing to say.
pub const QUIC_SILENCE: Duration = Duration::from_secs(60);
/// What a device may send on one QUIC stream before we read it. A session that nobody
/// reads holds this much memory; at 50 ms it still lets 160 Mbit/s through.
pub const QUIC_STREAM_WINDOW: u32 = 1 << 20;
/// The same for all streams of one connection.
pub const QUIC_CONNECTION_WINDOW: u32 = 2 << 20;
/// Keeps a QUIC connection, and the router's memory of it, alive: routers forget after 30 s.
pub const QUIC_KEEP_ALIVE: Duration = Duration::from_secs(25);
/// Finds dead TCP connections, which would otherwise live for hours. Each costs some hundred bytes,
/// and a device that is idle should be silent.
pub const PING_EVERY: Duration = Duration::from_secs(300);
/// A ping unanswered for this long closes its connection.
pub const PING_PATIENCE: Duration = Duration::from_secs(15);
/// The first wait before a device is dialled again.
pub const FIRST_REDIAL: Duration = Duration::from_millis(500);
/// The longest wait before a device is dialled again that nobody has heard of. Who comes back
/// dials and announces itself; this finds it where neither gets through. Each dial of a device
/// that is off costs 30 kB at two addresses, which a device of ten must not spend every minute.
pub const LAST_REDIAL: Duration = Duration::from_secs(15 * 60);
/// The longest wait before a device is dialled again that is heard of in vain, and after how
/// long a silence hearing of it is news again.
pub const LAST_REDIAL_WHEN_HEARD: Duration = Duration::from_secs(60);
/// The first wait before a session that ended is opened again.
pub const FIRST_REOPEN: Duration = Duration::from_millis(100);
/// The longest wait before a session that ended is opened again: below [`IDLE`], or the
/// connection would go in between.
pub const LAST_REOPEN: Duration = Duration::from_secs(20);
/// What held for this long was good, and the next wait is the first one again. Short of
/// it, being refused after a handshake (QUIC says "connected" first) would look like luck.
pub const STABLE: Duration = Duration::from_secs(10);
/// Two connections begun within this time are one meeting seen from both sides.
pub const SIMULTANEOUS: Duration = Duration::from_secs(3);
/// How long a place with a relay holds; a device renews it in time.
pub const PLACE: Duration = Duration::from_secs(3600);
/// How long a circuit may last: only members have one, and those that cannot meet otherwise live on
/// it. A new one is made in a second.
pub const CIRCUIT: Duration = Duration::from_secs(24 * 3600);
/// What may flow through a circuit: a heavy user's photos, some times over.
pub const CIRCUIT_BYTES: u64 = 16 << 30;
/// The first wait before a place with a relay is asked for again.
pub const FIRST_RESERVE: Duration = Duration::from_secs(2);
/// The longest one.
pub const LAST_RESERVE: Duration = Duration::from_secs(300);
/// Who is told a device's addresses by it again, on one connection: nothing changes in between.
pub const IDENTIFY_EVERY: Duration = Duration::from_secs(24 * 3600);
/// How long a shutdown waits for the farewells to leave.
pub const FAREWELL: Duration = Duration::from_millis(500);

/// Whether a device passes on what others, who cannot reach each other, say. It cannot read it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Relaying {
    /// No.
    #[default]
    No,
    /// For the members of its mesh.
    ForMembers,
}

/// What a mesh is started with.
#[derive(Clone)]
pub struct MeshConfig {
    /// The device's ed25519 secret seed; also its libp2p identity.
    pub key: Zeroizing<[u8; 32]>,
    /// Where to listen. May be empty: such a device only dials.
    pub listen: Vec<Multiaddr>,
    /// The devices that may connect, to begin with.
    pub members: HashSet<DeviceId>,
    /// Where else it is reached, by what a router passes on to it.
    pub external: Vec<Multiaddr>,
    /// Whether it relays.
    pub relaying: Relaying,
}

impl MeshConfig {
    /// Listens on every interface, QUIC and TCP, IPv4 and IPv6. Port 0 lets the system choose.
    pub fn everywhere(key: Zeroizing<[u8; 32]>, port: u16) -> Self {
        Self::on(key, "0.0.0.0", "::", port)
    }

    /// Listens where only this machine can reach.
    pub fn loopback(key: Zeroizing<[u8; 32]>, port: u16) -> Self {
        Self::on(key, "127.0.0.1", "::1", port)
    }

    fn on(key: Zeroizing<[u8; 32]>, v4: &str, v6: &str, port: u16) -> Self {
        let listen = [
            format!("/ip4/{v4}/udp/{port}/quic-v1"),
            format!("/ip6/{v6}/udp/{port}/quic-v1"),
            format!("/ip4/{v4}/tcp/{port}"),
            format!("/ip6/{v6}/tcp/{port}"),
        ];
        let listen = listen
            .iter()
            .filter_map(|address| address.parse().ok())
            .collect();
        Self {
            key,
            listen,
            members: HashSet::new(),
            external: Vec::new(),
            relaying: Relaying::No,
        }
    }
}

impl fmt::Debug for MeshConfig {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeshConfig")
            .field("listen", &self.listen)
            .field("members", &self.members)
            .field("external", &self.external)
            .field("relaying", &self.relaying)
            .finish_non_exhaustive()
    }
}
