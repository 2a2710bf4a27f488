//! Whoever carries out requests: the engine, and in tests of the edges a small stand-in.

use std::future::Future;

use tokio::sync::{broadcast, mpsc};

use super::{Event, Failure, Reply, Request};

/// Carries out requests.
pub trait Service: Send + Sync + 'static {
    /// Does what is asked. Progress goes to `events`, which may be full or closed: sending
    /// is tried, never awaited. The future may be dropped half-way only where
    /// [`Request::ends_with_its_caller`].
    fn execute(
        &self,
        request: Request,
        events: &mpsc::Sender<Event>,
    ) -> impl Future<Output = Result<Reply, Failure>> + Send;

    /// Everything that happens from now on.
    fn events(&self) -> broadcast::Receiver<Event>;
}

/// How a node runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOptions {
    /// Where to listen, as multiaddresses; none: QUIC and TCP on every address, any port.
    pub listen: Vec<String>,
    /// How to find paired devices nearby.
    pub discovery: Discovery,
    /// Whether to read the sources when their time has come.
    pub polling: Polling,
    /// Whether to pass on what devices say that cannot reach each other.
    pub relaying: Relaying,
    /// Where else it is reached, as multiaddresses: what a router passes on to it.
    pub external: Vec<String>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            listen: Vec::new(),
            discovery: Discovery::Mdns,
            polling: Polling::Sources,
            relaying: Relaying::No,
            external: Vec::new(),
        }
    }
}

/// Whether a device passes on, for the devices of its mesh, what it cannot read itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relaying {
    /// No.
    No,
    /// For those that are paired, and nobody else.
    ForMembers,
}

/// How to find paired devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// By multicast DNS in the local network, and by known addresses.
    Mdns,
    /// By known addresses only.
    KnownAddresses,
}

/// Whether a running node reads its sources by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polling {
    /// Each when its time has come.
    Sources,
    /// Only when asked.
    Off,
}
