//! Asking a running node.

use std::time::Duration;

use tokio::io::BufReader;
use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::line::{self, LONGEST_ANSWER};
use super::{Answer, Hello, RpcError, socket};
use crate::api::{Event, Failure, Reply, Request};
use crate::home::Home;

/// A node that has not said hello by then is stopped or stuck.
const PATIENCE: Duration = Duration::from_secs(5);

/// A connection to a running node, good for one request.
#[derive(Debug)]
pub struct Node {
    stream: BufReader<UnixStream>,
    hello: Hello,
}

impl Node {
    /// The node that runs in this home, if one does.
    pub async fn find(home: &Home) -> Result<Option<Self>, RpcError> {
        let Some(stream) = socket::connect(home).await? else {
            return Ok(None);
        };
        let mut stream = BufReader::new(stream);
        let first = tokio::time::timeout(PATIENCE, line::read(&mut stream, LONGEST_ANSWER))
            .await
            .map_err(|_| RpcError::Silent)?;
        // A node that is just shutting down may close at once: then none runs.
        let Ok(Some(first)) = first else {
            return Ok(None);
        };
        match parse(&first, "unknown")? {
            Answer::Hello(hello) => Ok(Some(Self { stream, hello })),
            Answer::Event(_) | Answer::Reply(_) | Answer::Failure(_) => Err(RpcError::Silent),
        }
    }

    /// What the node said of itself.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Sends the request and waits for the answer. Events are passed on; when nobody
    /// takes them any more, the request goes on. Dropping the future goes away from the
    /// node, see [`Request::ends_with_its_caller`].
    pub async fn ask(
        mut self,
        request: &Request,
        events: &mpsc::Sender<Event>,
    ) -> Result<Reply, Failure> {
        let written = line::write(self.stream.get_mut(), request).await;
        loop {
            // A node that refuses an over-long request closes before it is all written,
            // and has said why.
            let line = line::read(&mut self.stream, LONGEST_ANSWER).await;
            let line = match (line, written.as_ref()) {
                (Ok(Some(line)), _) => line,
                (_, Err(error)) => return Err(RpcError::Lost(error.kind().into()).into()),
                (Err(error), Ok(())) => return Err(error.into()),
                (Ok(None), Ok(())) => {
                    let end = std::io::ErrorKind::UnexpectedEof.into();
                    return Err(RpcError::Lost(end).into());
                }
            };
            match parse(&line, &self.hello.version)? {
                Answer::Event(event) => {
                    // Nobody listens any more: the answer still matters.
                    let _ = events.send(event).await;
                }
                Answer::Reply(reply) => return Ok(*reply),
                Answer::Failure(failure) => return Err(failure),
                Answer::Hello(_) => {}
            }
        }
    }
}

fn parse(line: &[u8], version: &str) -> Result<Answer, RpcError> {
    serde_json::from_slice(line).map_err(|source| RpcError::Strange {
        version: version.to_owned(),
        source,
    })
}
