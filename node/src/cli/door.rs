//! The way to the device: through its running node, or by opening its store here.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use super::args::Common;
use super::node::Here;
use super::output::Output;
use super::progress::Progress;
use crate::api::{
    Discovery, Event, Failure, FailureKind, Polling, Reply, Request, RunOptions, Service,
};
use crate::engine::Engine;
use crate::home::Home;
use crate::rpc::Node;

/// How long another command may keep the home to itself before we say so.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(100);
/// Events on their way to the screen.
const EVENTS: usize = 64;

/// The way to one device.
#[derive(Debug)]
pub(super) struct Door {
    home: Home,
}

enum Open {
    Node(Node),
    Here(Engine),
}

/// The home that the words name.
pub(super) fn home(common: &Common) -> Result<Home, Failure> {
    Ok(match &common.home {
        Some(folder) => Home::at(folder)?,
        None => Home::of_the_platform()?,
    })
}

impl Door {
    /// To the device that the words name, which must exist.
    pub(super) fn to(common: &Common) -> Result<Self, Failure> {
        let home = home(common)?;
        home.require_initialised()?;
        Ok(Self { home })
    }

    pub(super) fn home(&self) -> &Home {
        &self.home
    }

    /// Asks and prints: what most commands are.
    pub(super) async fn answer(&self, request: Request, output: &Output) -> Result<u8, Failure> {
        output.reply(&self.ask(request).await?)
    }

    /// Asks; progress is shown where somebody can see it.
    pub(super) async fn ask(&self, request: Request) -> Result<Reply, Failure> {
        let mut progress = Progress::new();
        self.ask_with(request, |event| progress.show(event)).await
    }

    /// Asks; every event is given to `on_event`.
    pub(super) async fn ask_with(
        &self,
        request: Request,
        mut on_event: impl FnMut(Event),
    ) -> Result<Reply, Failure> {
        let (sender, mut events) = mpsc::channel(EVENTS);
        let work = self.send(request, &sender);
        tokio::pin!(work);
        let answer = loop {
            tokio::select! {
                biased;
                Some(event) = events.recv() => on_event(event),
                answer = &mut work => break answer,
            }
        };
        while let Ok(event) = events.try_recv() {
            on_event(event);
        }
        answer
    }

    async fn send(&self, request: Request, events: &mpsc::Sender<Event>) -> Result<Reply, Failure> {
        match self.open().await? {
            Open::Node(node) => node.ask(&request, events).await,
            Open::Here(engine) if request.needs_the_mesh() => {
                let options = RunOptions {
                    listen: Vec::new(),
                    discovery: Discovery::Mdns,
                    polling: Polling::Off,
                    ..RunOptions::default()
                };
                let here = Here::start(&self.home, Arc::new(engine), options)?;
                let answer = here.engine.execute(request, events).await;
                if let Err(failure) = here.stop().await {
                    // What was asked is answered; the store is safe at any moment.
                    tracing::warn!(%failure, "the node in this process did not end in order");
                }
                answer
            }
            Open::Here(engine) => engine.execute(request, events).await,
        }
    }

    /// The node if one runs, else the store itself. A node may be starting or ending and
    /// another command may be at work, so a locked home is tried again for a while.
    async fn open(&self) -> Result<Open, Failure> {
        let begun = Instant::now();
        loop {
            if let Some(node) = Node::find(&self.home).await? {
                return Ok(Open::Node(node));
            }
            match Engine::open(self.home.clone()) {
                Ok(engine) => return Ok(Open::Here(engine)),
                Err(failure)
                    if failure.kind == FailureKind::Locked && begun.elapsed() < PATIENCE => {}
                Err(failure) => return Err(failure),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
