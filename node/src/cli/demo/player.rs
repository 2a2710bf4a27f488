//! One of the demo's two devices.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;

use super::super::node::Here;
use crate::api::{
    Discovery, Event, Failure, Items, Kind, Polling, Reply, Request, RunOptions, Service,
};
use crate::engine::Engine;
use crate::home::Home;

/// Loopback only: the demo must not be seen in anybody's network.
const LISTEN: &str = "/ip4/127.0.0.1/udp/0/quic-v1";
/// A node that has not started by then will not.
const PATIENCE: Duration = Duration::from_secs(15);
/// Events of one command.
const EVENTS: usize = 64;

/// The two of them.
#[derive(Debug)]
pub(super) struct Devices {
    pub(super) laptop: Player,
    pub(super) phone: Player,
}

/// A device that runs, or lies switched off.
#[derive(Debug)]
pub(super) struct Player {
    home: Home,
    here: Option<Here>,
    /// Where it listens: any port at first, later the same one, so that the other finds it.
    listen: String,
}

impl Player {
    /// A new device in this folder.
    pub(super) fn new(folder: &Path, name: &str) -> Result<Self, Failure> {
        let home = Home::at(folder.join(name))?;
        home.init(name)?;
        Ok(Self {
            home,
            here: None,
            listen: LISTEN.into(),
        })
    }

    /// Switches it on; returns where it listens.
    pub(super) async fn start(&mut self) -> Result<Vec<String>, Failure> {
        let engine = Arc::new(Engine::open(self.home.clone())?);
        let mut events = engine.events();
        let options = RunOptions {
            listen: vec![self.listen.clone()],
            discovery: Discovery::KnownAddresses,
            polling: Polling::Off,
            ..RunOptions::default()
        };
        let mut here = Here::start(&self.home, engine, options)?;
        let ready = async {
            loop {
                match events.recv().await {
                    Ok(Event::Ready { addresses, .. }) => return Some(addresses),
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return None,
                }
            }
        };
        let addresses = tokio::select! {
            failure = here.ended() => return Err(failure),
            ready = tokio::time::timeout(PATIENCE, ready) => ready.ok().flatten(),
        };
        self.here = Some(here);
        let addresses =
            addresses.ok_or_else(|| Failure::failed("a device of the demo did not start"))?;
        if let Some(address) = addresses.first() {
            let without_id = address.split("/p2p/").next().unwrap_or(address);
            self.listen = without_id.to_owned();
        }
        Ok(addresses)
    }

    /// Switches it off.
    pub(super) async fn stop(&mut self) -> Result<(), Failure> {
        match self.here.take() {
            Some(here) => here.stop().await,
            None => Ok(()),
        }
    }

    /// Asks it, switched on or off.
    pub(super) async fn ask(&self, request: Request) -> Result<Reply, Failure> {
        self.ask_with(request, &mpsc::channel(EVENTS).0).await
    }

    /// Asks it, with events.
    pub(super) async fn ask_with(
        &self,
        request: Request,
        events: &mpsc::Sender<Event>,
    ) -> Result<Reply, Failure> {
        match &self.here {
            Some(here) => here.engine.execute(request, events).await,
            None => {
                let engine = Engine::open(self.home.clone())?;
                engine.execute(request, events).await
            }
        }
    }

    /// Everything it holds.
    pub(super) async fn items(&self) -> Result<Items, Failure> {
        let request = Request::List {
            collection: None,
            kind: Kind::All,
            from: None,
            to: None,
            limit: None,
        };
        match self.ask(request).await? {
            Reply::Items(items) => Ok(items),
            other => Err(unexpected(&other)),
        }
    }
}

/// An engine that answers something else than was asked.
pub(super) fn unexpected(reply: &Reply) -> Failure {
    Failure::failed(format!("an answer to another question: {reply:?}"))
}
