//! The streams of connected devices: which are welcome, and the one session each member has.

use std::time::Instant;

use futures::FutureExt;
use libp2p::{PeerId, swarm::Stream};
use tokio_util::{compat::FuturesAsyncReadCompatExt, sync::CancellationToken};

use super::{
    actor::{Actor, jitter},
    config::OPEN_STREAM,
    event::{MeshEvent, Refusal},
    frames::{ByteStream, FrameStream},
    gate::Door,
    peer::device_of,
    swarm::SYNC,
};

impl Actor {
    /// Opens the session with a connected member, if that is ours to do and not yet done.
    pub(super) fn ensure_session(&mut self, peer: PeerId) {
        if !self.opens_session(&peer) {
            self.links.leave_to_them(&peer);
            return;
        }
        if !self.links.wants_session(&peer, Instant::now()) {
            return;
        }
        let mut streams = self.streams.clone();
        let open = async move {
            let opened = tokio::time::timeout(OPEN_STREAM, streams.open_stream(peer, SYNC)).await;
            (peer, opened.ok().and_then(Result::ok))
        };
        self.opening.push(open.boxed());
    }

    fn opens_session(&self, peer: &PeerId) -> bool {
        self.is_member(peer) && device_of(peer).is_some_and(|device| self.me < device)
    }

    pub(super) fn on_opened(&mut self, peer: PeerId, stream: Option<Stream>) {
        match stream {
            Some(stream) if self.is_member(&peer) => self.begin_session(peer, stream),
            Some(_) | None => self.links.not_opened(&peer, Instant::now(), jitter()),
        }
    }

    pub(super) fn on_sync(&mut self, peer: PeerId, stream: Stream) {
        if !self.is_member(&peer) {
            // Only the stream goes: the device may be one that has just been paired, whose
            // membership we are about to learn.
            let address = self.links.address(&peer).cloned();
            self.refuse(Some(peer), address, Refusal::SyncForMembers);
        } else if self.opens_session(&peer) {
            let address = self.links.address(&peer).cloned();
            self.refuse(Some(peer), address, Refusal::NotTheirTurn);
        } else {
            self.begin_session(peer, stream);
        }
    }

    fn begin_session(&mut self, peer: PeerId, stream: Stream) {
        let ended = CancellationToken::new();
        let address = self.links.address(&peer).cloned();
        let number = self.links.opened(&peer, ended.clone(), Instant::now());
        let (Some(device), Some(address), Some(number)) = (device_of(&peer), address, number)
        else {
            return; // the connection went while its stream was on the way to us
        };
        let stream = FrameStream::until(ByteStream::new(stream.compat()), ended.clone());
        self.ends.push(
            async move {
                ended.cancelled_owned().await;
                (peer, number)
            }
            .boxed(),
        );
        tracing::debug!(%device, %address, "session");
        self.tell(MeshEvent::Session {
            device,
            stream,
            address,
        });
    }

    pub(super) fn on_pair(&mut self, peer: PeerId, stream: Stream) {
        let address = self.links.address(&peer).cloned();
        match (self.swarm.behaviour().gate.door(), device_of(&peer)) {
            (Door::OpenForPairing, Some(device)) => {
                let stream = ByteStream::new(stream.compat());
                self.tell(MeshEvent::PairRequest { device, stream });
            }
            (Door::OpenForPairing, None) => {
                self.refuse(Some(peer), address, Refusal::NotADeviceKey)
            }
            (Door::Closed, _) => self.refuse(Some(peer), address, Refusal::NoOffer),
        }
    }
}
