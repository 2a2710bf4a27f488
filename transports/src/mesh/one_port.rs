//! QUIC dials go out from the port that the device listens on.
//!
//! A dial from a port of its own takes 3 MB for as long as it waits for an answer: the socket's buffer
//! in quinn holds 32 times 64 packets. A laptop away from nine others held 100 MB that way. From one
//! port, routers keep one mapping, and peers see where the device may be called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::pin::Pin;
use std::task::{Context, Poll};

use libp2p::Multiaddr;
use libp2p::core::Endpoint;
use libp2p::core::transport::{
    DialOpts, ListenerId, PortUse, Transport, TransportError, TransportEvent,
};
use libp2p::multiaddr::Protocol;

/// A transport whose dials use the listener's port, whatever port the dial asks for.
#[derive(Debug)]
pub(super) struct OnePort<T> {
    inner: T,
    /// Whether what the device listens on can reach every address of its family.
    is_everywhere: bool,
}

impl<T> OnePort<T> {
    /// `listen` is where the device listens: a socket bound to one address reaches only what
    /// that address does, so dials stay apart from it.
    pub(super) fn new(inner: T, listen: &[Multiaddr]) -> Self {
        Self {
            inner,
            is_everywhere: listen.iter().all(is_everywhere),
        }
    }
}

fn is_everywhere(address: &Multiaddr) -> bool {
    match address.iter().next() {
        Some(Protocol::Ip4(ip)) => IpAddr::V4(ip) == Ipv4Addr::UNSPECIFIED,
        Some(Protocol::Ip6(ip)) => IpAddr::V6(ip) == Ipv6Addr::UNSPECIFIED,
        _ => false,
    }
}

impl<T: Transport + Unpin> Transport for OnePort<T> {
    type Output = T::Output;
    type Error = T::Error;
    type ListenerUpgrade = T::ListenerUpgrade;
    type Dial = T::Dial;

    fn listen_on(
        &mut self,
        id: ListenerId,
        address: Multiaddr,
    ) -> Result<(), TransportError<Self::Error>> {
        self.inner.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        mut how: DialOpts,
    ) -> Result<Self::Dial, TransportError<Self::Error>> {
        // the other role is that of punching a hole, which knows its port
        if self.is_everywhere && how.role == Endpoint::Dialer {
            how.port_use = PortUse::Reuse;
        }
        self.inner.dial(address, how)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, Self::Error>> {
        Pin::new(&mut self.inner).poll(context)
    }
}
