//! Answering on the socket: one task per connection, one request per connection.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::line::{self, LONGEST_REQUEST};
use super::{Answer, Hello, Listener, RpcError};
use crate::api::{Event, Failure, Reply, Request, Service};

/// Scripts may run many commands at once; more than these wait their turn.
const CONNECTIONS: usize = 64;
/// Progress on its way to a client; when full, the engine skips some.
const EVENTS: usize = 64;
/// A client that has not sent its request by then is gone.
const PATIENCE: Duration = Duration::from_secs(30);
/// After a failed accept (too many open files), so as not to spin.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers until `stop`, then lets running requests finish: they are on `tasks`, which the
/// caller waits for with a deadline. The socket is removed at the end.
pub async fn serve<S: Service>(
    listener: Listener,
    service: Arc<S>,
    tasks: TaskTracker,
    stop: CancellationToken,
) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let next = async {
            let place = Arc::clone(&room).acquire_owned().await;
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            () = stop.cancelled() => return,
            next = next => next,
        };
        match accepted {
            Ok(stream) => {
                let connection = Connection {
                    service: Arc::clone(&service),
                    tasks: tasks.clone(),
                    stop: stop.clone(),
                };
                tasks.spawn(async move {
                    if let Err(error) = connection.answer(stream).await {
                        tracing::debug!(%error, "a command's connection ended early");
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the command socket was refused");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

struct Connection<S> {
    service: Arc<S>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl<S: Service> Connection<S> {
    async fn answer(self, stream: UnixStream) -> Result<(), RpcError> {
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read);
        let hello = Answer::Hello(Hello {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
        });
        send(&mut write, &hello).await?;
        let request = tokio::select! {
            () = self.stop.cancelled() => return Ok(()),
            line = tokio::time::timeout(PATIENCE, line::read(&mut read, LONGEST_REQUEST)) => line,
        };
        let line = match request {
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None)) | Err(_) => return Ok(()),
            Ok(Err(error)) => {
                let failure = Failure::usage(error.to_string());
                return send(&mut write, &Answer::Failure(failure)).await;
            }
        };
        match serde_json::from_slice(&line) {
            Ok(Request::Watch) => self.watch(read, write).await,
            Ok(request) => self.execute(request, read, write).await,
            // The request itself may hold a password, so it is not repeated.
            Err(_) => {
                let failure = Failure::usage("the running node does not know this command")
                    .hint("it may be another version: restart it with this one");
                send(&mut write, &Answer::Failure(failure)).await
            }
        }
    }

    /// Forwards what happens until the client goes away or the node stops.
    async fn watch(
        self,
        mut read: BufReader<OwnedReadHalf>,
        mut write: OwnedWriteHalf,
    ) -> Result<(), RpcError> {
        let mut events = self.service.events();
        loop {
            let event = tokio::select! {
                () = gone(&mut read) => return Ok(()),
                () = self.stop.cancelled() => {
                    return send(&mut write, &Answer::Event(Event::Stopping)).await;
                }
                event = events.recv() => match event {
                    Ok(event) => event,
                    Err(RecvError::Lagged(events)) => Event::Missed { events },
                    Err(RecvError::Closed) => return Ok(()),
                },
            };
            send(&mut write, &Answer::Event(event)).await?;
        }
    }

    /// Runs the request on a task of its own, so that a write survives its client.
    async fn execute(
        self,
        request: Request,
        mut read: BufReader<OwnedReadHalf>,
        mut write: OwnedWriteHalf,
    ) -> Result<(), RpcError> {
        let may_end = request.ends_with_its_caller();
        let (sender, mut events) = mpsc::channel(EVENTS);
        let service = self.service;
        let mut work = self
            .tasks
            .spawn(async move { service.execute(request, &sender).await });
        let _ends = may_end.then(|| EndsWithItsCaller(work.abort_handle()));
        let answer = loop {
            tokio::select! {
                biased;
                Some(event) = events.recv() => send(&mut write, &Answer::Event(event)).await?,
                done = &mut work => break answer_of(done),
                () = gone(&mut read) => return Ok(()),
                () = self.stop.cancelled(), if may_end => {
                    break Answer::Failure(Failure::failed("the node was stopped"));
                }
            }
        };
        while let Ok(event) = events.try_recv() {
            send(&mut write, &Answer::Event(event)).await?;
        }
        send(&mut write, &answer).await
    }
}

/// Drops a request's future when its connection ends, however it ends.
struct EndsWithItsCaller(AbortHandle);

impl Drop for EndsWithItsCaller {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn answer_of(done: Result<Result<Reply, Failure>, tokio::task::JoinError>) -> Answer {
    match done {
        Ok(Ok(reply)) => Answer::Reply(Box::new(reply)),
        Ok(Err(failure)) => Answer::Failure(failure),
        Err(error) => {
            tracing::error!(%error, "a command ended by a fault of pimesh");
            Answer::Failure(Failure::failed(
                "pimesh made a mistake and stopped this command",
            ))
        }
    }
}

async fn send(write: &mut OwnedWriteHalf, answer: &Answer) -> Result<(), RpcError> {
    line::write(write, answer).await.map_err(RpcError::Lost)
}

/// Returns when the client has closed its side. Whatever else it sends is ignored.
async fn gone(read: &mut BufReader<OwnedReadHalf>) {
    let mut ignored = [0; 256];
    while let Ok(1..) = read.read(&mut ignored).await {}
}
