//! `pimesh run`: a node, until it is told to stop.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::broadcast::error::RecvError;

use super::args::{Common, Run};
use super::door;
use super::node::Here;
use super::output::Output;
use crate::api::{Discovery, Event, Failure, FailureKind, Polling, Relaying, RunOptions, Service};
use crate::engine::Engine;
use crate::home::Home;
use crate::rpc::Node;

/// Runs until SIGINT or SIGTERM, printing what happens. A second signal ends at once.
pub(super) async fn run(common: &Common, words: Run, output: &Output) -> Result<u8, Failure> {
    let home = door::home(common)?;
    home.require_initialised()?;
    let mut signals = Signals::new()?;
    let engine = Arc::new(open(&home).await?);
    // Before the node starts, so that its first events are seen.
    let mut events = engine.events();
    let options = RunOptions {
        listen: words.listen,
        discovery: match words.no_mdns {
            true => Discovery::KnownAddresses,
            false => Discovery::Mdns,
        },
        polling: Polling::Sources,
        relaying: match words.relay {
            true => Relaying::ForMembers,
            false => Relaying::No,
        },
        external: words.external,
    };
    let mut here = Here::start(&home, engine, options)?;
    loop {
        let event = tokio::select! {
            () = signals.next() => break,
            failure = here.ended() => {
                return here.stop().await.and(Err(failure));
            }
            event = events.recv() => event,
        };
        match event {
            Ok(event) => output.event(&event)?,
            Err(RecvError::Lagged(events)) => output.event(&Event::Missed { events })?,
            Err(RecvError::Closed) => break,
        }
    }
    output.event(&Event::Stopping)?;
    tokio::select! {
        stopped = here.stop() => stopped.map(|()| 0),
        () = signals.next() => Err(Failure::failed("stopped before everything had ended")),
    }
}

/// Opens the store for the node. Says so when one runs already.
async fn open(home: &Home) -> Result<Engine, Failure> {
    match Engine::open(home.clone()) {
        Err(failure) if failure.kind == FailureKind::Locked => match Node::find(home).await? {
            Some(node) => Err(Failure::failed(format!(
                "a node runs in this home already (pid {})",
                node.hello().pid
            ))
            .hint("see what it does with: pimesh watch")),
            None => Err(failure),
        },
        opened => opened,
    }
}

/// Ctrl-C, and what service managers send.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let on = |kind| {
            signal(kind).map_err(|error| Failure::caused_by("cannot listen to signals", &error))
        };
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
        tracing::info!("told to stop");
    }
}
