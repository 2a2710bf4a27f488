//! One connection to a mail server: TCP or TLS, with a limit to how long it may be
//! silent and how much one answer may have.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::client::TlsStream;

use super::LARGEST_MAIL;
use super::error::SourceError;
use super::tls;
use super::url::Server;

/// How long connecting and the TLS handshake may take, each.
pub(super) const CONNECT_PATIENCE: Duration = Duration::from_secs(20);
/// How long a server may be silent while we wait for it. Searching a large mailbox for
/// the first time takes some servers a minute.
pub(super) const SILENCE_PATIENCE: Duration = Duration::from_secs(120);
/// How much a server may send in answer to one command.
pub(super) const LARGEST_ANSWER: u64 = LARGEST_MAIL + (14 << 20);

/// A connection that gives up on a silent or flooding server.
#[derive(Debug)]
pub(super) struct Link {
    stream: Stream,
    silence: Pin<Box<Sleep>>,
    allowed: u64,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// The server sent more than one answer may have.
#[derive(Debug, thiserror::Error)]
#[error("over {LARGEST_ANSWER} bytes in one answer")]
struct Flooded;

impl Link {
    /// Connects without encryption; `encrypt` comes next, unless a person wants none.
    pub(super) async fn connect(server: &Server) -> Result<Self, SourceError> {
        let host = server.host.trim_start_matches('[').trim_end_matches(']');
        let unreachable = |source| SourceError::Unreachable {
            server: server.address(),
            source,
        };
        let connecting = TcpStream::connect((host, server.port));
        let stream = match timeout(CONNECT_PATIENCE, connecting).await {
            Ok(stream) => stream.map_err(unreachable)?,
            Err(_) => return Err(unreachable(io::ErrorKind::TimedOut.into())),
        };
        stream.set_nodelay(true).map_err(unreachable)?;
        Ok(Self::over(Stream::Plain(stream)))
    }

    /// Begins TLS. What the server sent before is gone with the plain connection, so
    /// nobody on the way can slip in commands.
    pub(super) async fn encrypt(self, server: &Server) -> Result<Self, SourceError> {
        let Stream::Plain(stream) = self.stream else {
            return Ok(self);
        };
        match timeout(CONNECT_PATIENCE, tls::encrypt(server, stream)).await {
            Ok(stream) => Ok(Self::over(Stream::Tls(Box::new(stream?)))),
            Err(_) => Err(SourceError::Broken {
                server: server.address(),
                source: io::ErrorKind::TimedOut.into(),
            }),
        }
    }

    fn over(stream: Stream) -> Self {
        Self {
            stream,
            silence: Box::pin(sleep(SILENCE_PATIENCE)),
            allowed: LARGEST_ANSWER,
        }
    }

    /// Starts counting anew: called with every command.
    pub(super) fn next_answer(&mut self) {
        self.allowed = LARGEST_ANSWER;
        self.silence
            .as_mut()
            .reset(Instant::now() + SILENCE_PATIENCE);
    }
}

/// Tells apart what an IO error on a [`Link`] means.
pub(super) fn io_error(server: &Server, source: io::Error) -> SourceError {
    let server = server.address();
    if source.get_ref().is_some_and(|it| it.is::<Flooded>()) {
        return SourceError::TooMuch {
            server,
            limit: LARGEST_ANSWER,
        };
    }
    SourceError::Broken { server, source }
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Stream::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        };
        if polled.is_pending() {
            ready!(self.silence.as_mut().poll(cx));
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let read = (buf.filled().len() - before) as u64;
        let Some(allowed) = self.allowed.checked_sub(read) else {
            return Poll::Ready(Err(io::Error::other(Flooded)));
        };
        self.allowed = allowed;
        self.silence
            .as_mut()
            .reset(Instant::now() + SILENCE_PATIENCE);
        polled
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
