//! Lines over a [`Link`]: what IMAP says before the login, and all of POP3.

use std::io;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};

use super::error::SourceError;
use super::link::{Link, io_error};
use super::url::Server;

/// A line of a server's own words. Longer ones end the connection.
pub(super) const LONGEST_LINE: u64 = 64 << 10;

/// A connection that is read line by line.
#[derive(Debug)]
pub(super) struct Lines {
    server: Server,
    reader: BufReader<Link>,
}

impl Lines {
    pub(super) fn new(server: &Server, link: Link) -> Self {
        Self {
            server: server.clone(),
            reader: BufReader::new(link),
        }
    }

    /// Sends, and begins to count the answer.
    pub(super) async fn send(&mut self, bytes: &[u8]) -> Result<(), SourceError> {
        let link = self.reader.get_mut();
        link.next_answer();
        let sent = async {
            link.write_all(bytes).await?;
            link.flush().await
        };
        sent.await.map_err(|error| io_error(&self.server, error))
    }

    /// The next line as text, without its end.
    pub(super) async fn text(&mut self) -> Result<String, SourceError> {
        let mut line = Vec::new();
        self.line(&mut line, LONGEST_LINE).await?;
        Ok(String::from_utf8_lossy(&line).trim_end().to_owned())
    }

    /// Appends the next line with its end; fails where it has more than `limit` bytes.
    pub(super) async fn line(
        &mut self,
        into: &mut Vec<u8>,
        limit: u64,
    ) -> Result<usize, SourceError> {
        let read = (&mut self.reader).take(limit).read_until(b'\n', into).await;
        let read = read.map_err(|error| io_error(&self.server, error))?;
        if into.last() == Some(&b'\n') {
            return Ok(read);
        }
        if read as u64 == limit {
            return Err(SourceError::TooMuch {
                server: self.server.address(),
                limit,
            });
        }
        Err(io_error(&self.server, io::ErrorKind::UnexpectedEof.into()))
    }

    /// Begins TLS; what was received in the clear beyond the last line is dropped.
    pub(super) async fn encrypt(self) -> Result<Self, SourceError> {
        let link = self.reader.into_inner().encrypt(&self.server).await?;
        Ok(Self::new(&self.server, link))
    }

    pub(super) fn into_link(self) -> Link {
        self.reader.into_inner()
    }
}

/// A server's words for a person: one line, not too long, nothing that moves the cursor.
pub(super) fn words(text: &str) -> String {
    let plain = |it: char| if it.is_control() { ' ' } else { it };
    let text: String = text.trim().chars().take(200).map(plain).collect();
    if text.is_empty() {
        "no reason given".to_owned()
    } else {
        text
    }
}

/// Servers that want us back later say so in words more reliably than in codes.
pub(super) fn is_busy(answer: &str) -> bool {
    let answer = answer.to_ascii_lowercase();
    [
        "unavailable",
        "temporar",
        "try again",
        "too many",
        "in-use",
        "inuse",
        "sys/temp",
        "login-delay",
        "throttl",
        "shutting down",
    ]
    .iter()
    .any(|sign| answer.contains(sign))
}
