//! Length-delimited frames on a stream: four bytes of big-endian length, then the bytes.
//!
//! A claimed length is judged before memory is taken for it, and memory then follows what
//! has arrived, not what was promised. Writing waits for the network, so a slow peer slows
//! its sender and nobody else.

use std::{io, sync::Arc};

use bytes::{Buf, BufMut, BytesMut};
use futures::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadHalf, WriteHalf};
use tokio_util::{
    codec::{Decoder, Encoder, FramedRead, FramedWrite},
    sync::{CancellationToken, DropGuard},
};

/// The largest frame between members: four times the largest photo that is sent whole.
pub const MAX_FRAME: usize = 4 << 20;
/// A read buffer larger than this is given back once empty; most frames are edits.
const KEPT_BUFFER: usize = 64 << 10;
const HEADER: usize = 4;

/// Anything bytes can be read from and written to.
pub trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A stream of bytes to one device.
pub struct ByteStream(Box<dyn Io>);

impl ByteStream {
    /// Over any stream: a libp2p one here, one in memory in tests.
    pub fn new(io: impl Io + 'static) -> Self {
        Self(Box::new(io))
    }

    /// The stream itself.
    pub fn into_inner(self) -> Box<dyn Io> {
        self.0
    }
}

impl std::fmt::Debug for ByteStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ByteStream")
    }
}

/// Why a frame could not be sent or received.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// Refused before any memory was taken.
    #[error("a frame of {bytes} bytes is over the limit of {limit}")]
    TooLarge {
        /// What the frame claims, or has.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// The stream ended in the middle of a frame.
    #[error("the stream ended inside a frame")]
    Cut,
    /// This side ended it: a newer session replaced it, or the device is no longer a member.
    #[error("the session was ended on this side")]
    Ended,
    /// The network failed.
    #[error("the stream failed")]
    Io(#[from] io::Error),
}

/// Frames of at most `limit` bytes.
#[derive(Clone, Copy, Debug)]
pub struct FrameCodec {
    /// May be raised while a conversation goes on, as trust grows.
    pub limit: usize,
}

impl Decoder for FrameCodec {
    type Item = Vec<u8>;
    type Error = FrameError;

    fn decode(&mut self, source: &mut BytesMut) -> Result<Option<Vec<u8>>, FrameError> {
        let Some(header) = source.first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let bytes = u32::from_be_bytes(*header) as usize;
        if bytes > self.limit {
            return Err(FrameError::TooLarge {
                bytes,
                limit: self.limit,
            });
        }
        if source.len() < HEADER + bytes {
            return Ok(None);
        }
        source.advance(HEADER);
        let frame = source.split_to(bytes).to_vec();
        if source.is_empty() && bytes > KEPT_BUFFER {
            *source = BytesMut::new();
        }
        Ok(Some(frame))
    }

    fn decode_eof(&mut self, source: &mut BytesMut) -> Result<Option<Vec<u8>>, FrameError> {
        match self.decode(source)? {
            Some(frame) => Ok(Some(frame)),
            None if source.is_empty() => Ok(None),
            None => Err(FrameError::Cut),
        }
    }
}

impl Encoder<Vec<u8>> for FrameCodec {
    type Error = FrameError;

    fn encode(&mut self, frame: Vec<u8>, into: &mut BytesMut) -> Result<(), FrameError> {
        let bytes = frame.len();
        let too_large = FrameError::TooLarge {
            bytes,
            limit: self.limit,
        };
        let length = u32::try_from(bytes)
            .ok()
            .filter(|_| bytes <= self.limit)
            .ok_or(too_large)?;
        into.reserve(HEADER + bytes);
        into.put_u32(length);
        into.extend_from_slice(&frame);
        Ok(())
    }
}

/// A session with one device: frames both ways.
#[derive(Debug)]
pub struct FrameStream {
    sender: FrameSender,
    receiver: FrameReceiver,
}

/// The half of a session that sends.
pub struct FrameSender {
    sink: FramedWrite<WriteHalf<Box<dyn Io>>, FrameCodec>,
    ended: CancellationToken,
    _last: Arc<DropGuard>,
}

/// The half of a session that receives.
pub struct FrameReceiver {
    source: FramedRead<ReadHalf<Box<dyn Io>>, FrameCodec>,
    ended: CancellationToken,
    _last: Arc<DropGuard>,
}

impl FrameStream {
    /// Frames over any stream.
    pub fn over(io: impl Io + 'static) -> Self {
        Self::until(ByteStream::new(io), CancellationToken::new())
    }

    /// Frames until `ended`, which is also cancelled when both halves have been dropped.
    pub(super) fn until(stream: ByteStream, ended: CancellationToken) -> Self {
        let (reader, writer) = tokio::io::split(stream.into_inner());
        let codec = FrameCodec { limit: MAX_FRAME };
        let last = Arc::new(ended.clone().drop_guard());
        Self {
            sender: FrameSender {
                sink: FramedWrite::new(writer, codec),
                ended: ended.clone(),
                _last: Arc::clone(&last),
            },
            receiver: FrameReceiver {
                source: FramedRead::new(reader, codec),
                ended,
                _last: last,
            },
        }
    }

    /// See [`FrameSender::send`].
    pub async fn send(&mut self, frame: Vec<u8>) -> Result<(), FrameError> {
        self.sender.send(frame).await
    }

    /// See [`FrameReceiver::recv`].
    pub async fn recv(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        self.receiver.recv().await
    }

    /// One half for each task. The session ends when both are dropped.
    pub fn split(self) -> (FrameSender, FrameReceiver) {
        (self.sender, self.receiver)
    }
}

impl FrameSender {
    /// Returns when the frame has been handed to the network, which may have to wait for
    /// the other side to read. Dropped half-way, the frame may or may not be sent, but
    /// never in part as long as the sender is used again.
    pub async fn send(&mut self, frame: Vec<u8>) -> Result<(), FrameError> {
        tokio::select! {
            biased;
            () = self.ended.cancelled() => Err(FrameError::Ended),
            sent = self.sink.send(frame) => sent,
        }
    }

    /// Writes bytes that need not be a frame.
    #[cfg(test)]
    pub(super) async fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        use tokio::io::AsyncWriteExt;
        self.sink.get_mut().write_all(bytes).await?;
        self.sink.get_mut().flush().await
    }

    /// Says that no more will come; the other side's `recv` then gives `None`.
    pub async fn finish(&mut self) -> Result<(), FrameError> {
        SinkExt::<Vec<u8>>::close(&mut self.sink).await
    }
}

impl FrameReceiver {
    /// The next frame, or `None` when the other side has finished. May be dropped
    /// half-way without losing anything.
    pub async fn recv(&mut self) -> Result<Option<Vec<u8>>, FrameError> {
        tokio::select! {
            biased;
            () = self.ended.cancelled() => Err(FrameError::Ended),
            frame = self.source.next() => frame.transpose(),
        }
    }
}

impl std::fmt::Debug for FrameSender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FrameSender")
    }
}

impl std::fmt::Debug for FrameReceiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FrameReceiver")
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    #[tokio::test]
    async fn a_gigabyte_that_is_only_claimed_is_refused_by_its_size() {
        let (mut liar, ours) = tokio::io::duplex(64);
        liar.write_all(&(1_u32 << 30).to_be_bytes()).await.unwrap();
        let mut frames = FrameStream::over(ours);
        let error = frames.recv().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "a frame of 1073741824 bytes is over the limit of 4194304"
        );
        assert!(frames.receiver.source.read_buffer().capacity() < 1 << 20);
    }

    #[tokio::test]
    async fn memory_follows_what_has_arrived_not_what_was_promised() {
        let (mut slow, ours) = tokio::io::duplex(64);
        slow.write_all(&(MAX_FRAME as u32).to_be_bytes())
            .await
            .unwrap();
        slow.write_all(&[1; 16]).await.unwrap();
        drop(slow);
        let mut frames = FrameStream::over(ours);
        assert!(matches!(frames.recv().await, Err(FrameError::Cut)));
        assert!(frames.receiver.source.read_buffer().capacity() < 1 << 20);
    }

    #[tokio::test]
    async fn frames_of_every_size_arrive_whole_and_in_order() {
        let (a, b) = tokio::io::duplex(100);
        let (mut sender, _keep) = FrameStream::over(a).split();
        let mut receiver = FrameStream::over(b);
        let sizes = [0, 1, 99, 100_000, MAX_FRAME];
        let sending = tokio::spawn(async move {
            for size in sizes {
                sender.send(vec![size as u8; size]).await.unwrap();
            }
            sender.finish().await.unwrap();
        });
        for size in sizes {
            assert_eq!(receiver.recv().await.unwrap(), Some(vec![size as u8; size]));
        }
        assert_eq!(receiver.recv().await.unwrap(), None);
        sending.await.unwrap();
    }

    #[tokio::test]
    async fn a_frame_over_the_limit_is_not_sent() {
        let (a, _b) = tokio::io::duplex(64);
        let error = FrameStream::over(a)
            .send(vec![0; MAX_FRAME + 1])
            .await
            .unwrap_err();
        assert!(matches!(
            error,
            FrameError::TooLarge {
                bytes: 4_194_305,
                ..
            }
        ));
    }

    proptest::proptest! {
        #[test]
        fn frames_survive_any_cutting_of_the_stream(frames: Vec<Vec<u8>>, piece in 1..50_usize) {
            let mut codec = FrameCodec { limit: MAX_FRAME };
            let mut wire = BytesMut::new();
            frames.iter().for_each(|frame| codec.encode(frame.clone(), &mut wire).unwrap());
            let (mut read, mut buffer) = (Vec::new(), BytesMut::new());
            for piece in wire.chunks(piece) {
                buffer.extend_from_slice(piece);
                while let Some(frame) = codec.decode(&mut buffer).unwrap() {
                    read.push(frame);
                }
            }
            proptest::prop_assert_eq!(read, frames);
            proptest::prop_assert!(codec.decode_eof(&mut buffer).unwrap().is_none());
        }
    }
}
