//! A peer that does not keep to the rules: plain libp2p, no engine, any bytes.
//!
//! What it says is written by hand from `docs/wire.md`, so that the page is tested as well.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use ed25519_dalek::SigningKey;
use futures::StreamExt;
use libp2p::multiaddr::Protocol;
use libp2p::swarm::{Stream, SwarmEvent};
use libp2p::{Multiaddr, PeerId, StreamProtocol, SwarmBuilder, identity};
use pimesh_crdt::sync::{Frame, Hello, VERSION, codec};
use pimesh_crdt::{CollectionId, DeviceId, DocId};
use pimesh_transports::mesh::{FrameStream, p2p_address};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::{mpsc, watch};
use tokio_util::compat::{Compat, FuturesAsyncReadCompatExt};

use crate::wait::in_time;

/// What members speak.
pub const SYNC: StreamProtocol = StreamProtocol::new("/pimesh/sync/1");
/// What strangers may speak while a code is shown.
pub const PAIR: StreamProtocol = StreamProtocol::new("/pimesh/pair/1");

/// A stream of bytes to the victim.
pub type Wire = Compat<Stream>;

/// A peer with a key and no manners.
pub struct Cheat {
    /// Whom it claims to be, and can prove.
    pub device: DeviceId,
    /// What it proves it with.
    pub key: SigningKey,
    /// Whom it cheats.
    pub them: DeviceId,
    victim: PeerId,
    address: Multiaddr,
    streams: libp2p_stream::Control,
    dials: mpsc::Sender<Multiaddr>,
    link: watch::Receiver<Link>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Link {
    None,
    Up,
    Gone(String),
}

impl Cheat {
    /// Knows the address and the id of its victim. Its own id is the smaller one, so it is
    /// the one to open sessions.
    pub fn of(address: &str, them: DeviceId, number: u64) -> Self {
        let address = p2p_address(&address.parse().unwrap(), &them).unwrap();
        let Some(Protocol::P2p(victim)) = address.iter().last() else {
            panic!("{address} does not say who answers")
        };
        let (seed, device) = (0_u64..)
            .map(|attempt| {
                let mut seed = [0; 32];
                seed[..8].copy_from_slice(&number.to_le_bytes());
                seed[8..16].copy_from_slice(&attempt.to_le_bytes());
                let key = SigningKey::from_bytes(&seed);
                (seed, DeviceId(key.verifying_key().to_bytes()))
            })
            .find(|(_, device)| *device < them)
            .unwrap();
        let key = identity::Keypair::ed25519_from_bytes(seed).unwrap();
        let mut swarm = SwarmBuilder::with_existing_identity(key)
            .with_tokio()
            .with_quic()
            .with_behaviour(|_| libp2p_stream::Behaviour::new())
            .unwrap()
            .with_swarm_config(|config| {
                config.with_idle_connection_timeout(Duration::from_secs(600))
            })
            .build();
        let streams = swarm.behaviour().new_control();
        let (dials, mut wanted) = mpsc::channel::<Multiaddr>(4);
        let (state, link) = watch::channel(Link::None);
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    address = wanted.recv() => match address {
                        Some(address) => swarm.dial(address).unwrap(),
                        None => return,
                    },
                    event = swarm.select_next_some() => match event {
                        SwarmEvent::ConnectionEstablished { .. } => drop(state.send(Link::Up)),
                        SwarmEvent::ConnectionClosed { cause, .. } => {
                            drop(state.send(Link::Gone(format!("{cause:?}"))));
                        }
                        SwarmEvent::OutgoingConnectionError { error, .. } => {
                            drop(state.send(Link::Gone(error.to_string())));
                        }
                        _ => {}
                    },
                }
            }
        });
        Self {
            device,
            key: SigningKey::from_bytes(&seed),
            them,
            victim,
            address,
            streams,
            dials,
            link,
        }
    }

    /// Opens a stream, connecting first where needed. QUIC may say "connected" to somebody
    /// who is turned away a moment later, so the stream is what counts.
    pub async fn open(&mut self, protocol: StreamProtocol) -> Result<Wire, String> {
        if *self.link.borrow() != Link::Up {
            self.link.mark_unchanged();
            self.dials.send(self.address.clone()).await.unwrap();
            in_time("an answer to the dial", self.link.changed())
                .await
                .unwrap();
        }
        if let Link::Gone(reason) = self.link.borrow().clone() {
            return Err(reason);
        }
        let opening = self.streams.open_stream(self.victim, protocol);
        match in_time("an answer to the stream", opening).await {
            Ok(stream) => Ok(stream.compat()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Opens a session and says hello, as a member would; the victim says hello as well.
    pub async fn session(&mut self) -> FrameStream {
        let stream = self.open(SYNC).await.expect("a member may open a session");
        let mut frames = FrameStream::over(stream);
        self.hello(&mut frames).await;
        frames
    }

    async fn hello(&self, frames: &mut FrameStream) {
        let hello = Hello {
            version: VERSION,
            device: self.device,
            incarnation: 0,
            membership: [0; 16],
            collections: Vec::new(),
            lacking: 0,
        };
        say(frames, &Frame::Hello(hello)).await;
        say(frames, &Frame::Membership(Vec::new())).await;
        // the mesh's own collection comes first: it is claimed to be known, or the victim
        // would wait for it before anything else
        let have = heard(frames, |frame| matches!(frame, Frame::Have(_))).await;
        say(frames, &have).await;
    }
}

impl std::fmt::Debug for Cheat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Cheat").field(&self.device).finish()
    }
}

/// Sends a frame.
pub async fn say(frames: &mut FrameStream, frame: &Frame) {
    frames.send(codec::encode(frame).unwrap()).await.unwrap();
}

/// The next frame that is wanted; the others are passed over.
pub async fn heard(frames: &mut FrameStream, wanted: impl Fn(&Frame) -> bool) -> Frame {
    loop {
        let bytes = in_time("a frame", frames.recv()).await.unwrap();
        let frame = codec::decode(&bytes.expect("the session goes on")).unwrap();
        if wanted(&frame) {
            return frame;
        }
    }
}

/// Reads until the victim ends the session; the reason it gives, if it gives one.
pub async fn ending(frames: &mut FrameStream) -> Option<String> {
    loop {
        match in_time("the end of the session", frames.recv()).await {
            Ok(Some(bytes)) => {
                if let Ok(Frame::Close { reason }) = codec::decode(&bytes) {
                    return Some(reason);
                }
            }
            Ok(None) | Err(_) => return None,
        }
    }
}

/// Writes bytes that need not be a frame.
pub async fn throw(stream: &mut Wire, bytes: &[u8]) {
    // the victim may have hung up already
    let _ = stream.write_all(bytes).await;
    let _ = stream.flush().await;
}

/// The inside of a `Changes` frame by `docs/wire.md`: entries `(n, document, change)` of one
/// origin, which is the device's first incarnation.
pub fn changes(
    collection: CollectionId,
    origin: DeviceId,
    entries: &[(u64, DocId, &[u8])],
) -> Vec<u8> {
    let mut out = vec![0]; // as it is
    varint(&mut out, 2); // two names are explained
    varint(&mut out, 0);
    out.push(0);
    out.extend_from_slice(&collection.0);
    varint(&mut out, 1);
    out.push(1);
    out.extend_from_slice(&origin.0);
    varint(&mut out, 0);
    varint(&mut out, 0); // the collection
    varint(&mut out, entries.len() as u64);
    let mut last = 0_u64;
    for (n, doc, bytes) in entries {
        varint(&mut out, 1); // the origin
        let step = n.wrapping_sub(last).wrapping_sub(1) as i64;
        varint(&mut out, ((step << 1) ^ (step >> 63)) as u64);
        out.extend_from_slice(&doc.0);
        varint(&mut out, bytes.len() as u64);
        out.extend_from_slice(bytes);
        last = *n;
    }
    out
}

fn varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// A stream that remembers what was written to it.
#[derive(Debug)]
pub struct Tape<S> {
    stream: S,
    written: Arc<Mutex<Vec<u8>>>,
}

impl<S> Tape<S> {
    /// The stream, and what will have been written.
    pub fn of(stream: S) -> (Self, Arc<Mutex<Vec<u8>>>) {
        let written = Arc::<Mutex<Vec<u8>>>::default();
        let copy = Arc::clone(&written);
        (Self { stream, written }, copy)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Tape<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Tape<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = &written {
            let mut tape = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            tape.extend_from_slice(&bytes[..*count]);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
