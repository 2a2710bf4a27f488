//! One device: open it, ask it, let it take part in the mesh.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pimesh::api::{Agreement, EditBy, Event, Failure, ImportPath, Reply, Request, Service, Write};
use pimesh::engine::Engine;
use pimesh::home::Home;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::agenda::{Agenda, Days};
use crate::error::PimeshError;
use crate::events::{EventListener, Subscription};
use crate::pairing::PairingOffer;
use crate::records::{Filter, Item, Items, Patch, StartOptions};
use crate::reports::{Edited, Imported, Paired};
use crate::{runtime, spool};

/// Events of one command; an app hears the node's own by subscribing.
const EVENTS: usize = 64;

/// A node that has not started by then will not.
const START: Duration = Duration::from_secs(20);

/// A device, open for this process alone until the last reference is gone.
#[derive(Debug, uniffi::Object)]
pub struct Node {
    engine: Arc<Engine>,
    home: Home,
    running: Mutex<Option<Running>>,
}

/// The node's part of the mesh.
#[derive(Clone, Debug)]
struct Running {
    stop: CancellationToken,
    /// How it ended, once it has.
    outcome: watch::Receiver<Option<Result<(), Failure>>>,
}

#[uniffi::export]
impl Node {
    /// Opens the device in this folder; makes one of this name where there is none.
    #[uniffi::constructor]
    pub async fn open(folder: String, name: String) -> Result<Arc<Self>, PimeshError> {
        if folder.is_empty() {
            return Err(PimeshError::invalid("no folder was given"));
        }
        runtime::blocking(move || {
            let home = Home::at(&folder)?;
            if home.require_initialised().is_err() {
                home.init(&name)?;
            }
            Ok(Arc::new(Self {
                engine: Arc::new(Engine::open(home.clone())?),
                home,
                running: Mutex::new(None),
            }))
        })
        .await
    }

    /// The name of this device.
    pub fn name(&self) -> Result<String, PimeshError> {
        Ok(self.home.config()?.name)
    }

    /// The items that fit.
    pub async fn list(&self, filter: Filter) -> Result<Items, PimeshError> {
        match self.ask(filter.into()).await? {
            Reply::Items(items) => Ok(items.into()),
            other => Err(PimeshError::unexpected(&other)),
        }
    }

    /// What takes place in some days, in order.
    pub async fn agenda(&self, days: Days) -> Result<Agenda, PimeshError> {
        match self.ask(days.into()).await? {
            Reply::Agenda(agenda) => Ok(agenda.into()),
            other => Err(PimeshError::unexpected(&other)),
        }
    }

    /// The items that contain all these words.
    pub async fn search(&self, text: String, limit: Option<u32>) -> Result<Items, PimeshError> {
        let limit = limit.map(|limit| limit as usize);
        match self.ask(Request::Search { text, limit }).await? {
            Reply::Items(items) => Ok(items.into()),
            other => Err(PimeshError::unexpected(&other)),
        }
    }

    /// One item with all that it says. `id` is any id that a list shows.
    pub async fn show(&self, id: String) -> Result<Item, PimeshError> {
        match self.ask(Request::Show { item: id }).await? {
            Reply::Item(item) => Ok(item.into()),
            other => Err(PimeshError::unexpected(&other)),
        }
    }

    /// Changes an item, property by property, as one change.
    pub async fn edit(&self, id: String, patches: Vec<Patch>) -> Result<Edited, PimeshError> {
        let patches = patches.into_iter().map(Into::into).collect();
        let by = EditBy::Patches(patches);
        match self.ask(Request::Edit { item: id, by }).await? {
            Reply::Edited(edited) => Ok(edited.into()),
            other => Err(PimeshError::unexpected(&other)),
        }
    }

    /// Takes in vCards or a calendar, into this collection or by kind.
    pub async fn import_text(
        &self,
        text: String,
        into: Option<String>,
    ) -> Result<Imported, PimeshError> {
        let home = self.home.clone();
        let kept = runtime::blocking(move || spool::keep(&home, &text)).await?;
        let request = Request::Import {
            paths: vec![ImportPath {
                path: kept.path().to_owned(),
                shown: "-".to_owned(),
            }],
            into,
            write: Write::Really,
        };
        let engine = Arc::clone(&self.engine);
        runtime::finish(async move {
            let reply = ask(&engine, request).await;
            drop(kept);
            match reply? {
                Reply::Imported(report) => match report.skipped.first() {
                    Some(skipped) => Err(PimeshError::invalid(skipped.reason.clone())),
                    None => Ok(report.into()),
                },
                other => Err(PimeshError::unexpected(&other)),
            }
        })
        .await
    }

    /// Tells a listener everything that happens from now on, until the subscription is
    /// cancelled or let go of.
    pub fn subscribe(&self, listener: Arc<dyn EventListener>) -> Arc<Subscription> {
        Arc::new(Subscription::new(self.engine.events(), listener))
    }

    /// Takes part in the mesh until `stop`, also where the caller does not wait for this to
    /// return. Returns where other devices reach this one.
    pub async fn start(&self, options: StartOptions) -> Result<Vec<String>, PimeshError> {
        let events = self.engine.events();
        let running = self.begin(options)?;
        runtime::while_wanted(ready(events, running.outcome)).await
    }

    /// Leaves the mesh; returns once that is done. Does nothing where the node does not run.
    pub async fn stop(&self) -> Result<(), PimeshError> {
        let Some(mut running) = self.running().clone() else {
            return Ok(());
        };
        running.stop.cancel();
        runtime::finish(async move {
            match running.outcome.wait_for(Option::is_some).await.as_deref() {
                Ok(Some(Err(failure))) => Err(failure.clone().into()),
                Ok(_) | Err(_) => Ok(()),
            }
        })
        .await
    }

    /// It takes part in the mesh.
    pub fn is_running(&self) -> bool {
        self.running().as_ref().is_some_and(Running::goes_on)
    }

    /// Makes a code that another device can type. The node must run.
    pub async fn pair_offer(&self) -> Result<Arc<PairingOffer>, PimeshError> {
        self.require_running()?;
        let engine = Arc::clone(&self.engine);
        runtime::while_wanted(async move { PairingOffer::make(engine).await.map(Arc::new) }).await
    }

    /// Types a code that another device shows, or takes the text of its QR code. `addresses` are those it shows beside it;
    /// none: it is looked for in the local network. The node must run.
    pub async fn pair_join(
        &self,
        code: String,
        addresses: Vec<String>,
    ) -> Result<Paired, PimeshError> {
        self.require_running()?;
        let join = Request::PairJoin {
            code,
            addresses,
            agreement: Agreement::Given,
        };
        match self.ask(join).await? {
            Reply::Paired(paired) => Ok(paired.into()),
            other => Err(PimeshError::unexpected(&other)),
        }
    }
}

impl Node {
    pub(crate) async fn ask(&self, request: Request) -> Result<Reply, PimeshError> {
        let engine = Arc::clone(&self.engine);
        let ends_with_its_caller = request.ends_with_its_caller();
        let work = async move { ask(&engine, request).await };
        match ends_with_its_caller {
            true => runtime::while_wanted(work).await,
            false => runtime::finish(work).await,
        }
    }

    fn begin(&self, options: StartOptions) -> Result<Running, PimeshError> {
        let mut running = self.running();
        if running.as_ref().is_some_and(Running::goes_on) {
            return Err(PimeshError::invalid("this node runs already"));
        }
        let (ended, outcome) = watch::channel(None);
        let stop = CancellationToken::new();
        let (engine, until) = (Arc::clone(&self.engine), stop.clone());
        runtime::spawn(async move {
            let result = engine.run(options.into(), until).await;
            ended.send_replace(Some(result));
        });
        Ok(running.insert(Running { stop, outcome }).clone())
    }

    fn require_running(&self) -> Result<(), PimeshError> {
        match self.is_running() {
            true => Ok(()),
            false => Err(Failure::failed("this node does not run")
                .hint("start it first")
                .into()),
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if let Some(running) = self.running().take() {
            running.stop.cancel();
        }
    }
}

impl Running {
    fn goes_on(&self) -> bool {
        // A task that panicked has dropped its end without a word.
        self.outcome.has_changed().is_ok() && self.outcome.borrow().is_none()
    }
}

async fn ask(engine: &Engine, request: Request) -> Result<Reply, PimeshError> {
    let (events, _unheard) = mpsc::channel(EVENTS);
    Ok(engine.execute(request, &events).await?)
}

/// Waits until the node listens; says why, if it ends instead.
async fn ready(
    mut events: Receiver<Event>,
    mut outcome: watch::Receiver<Option<Result<(), Failure>>>,
) -> Result<Vec<String>, PimeshError> {
    let listens = async {
        loop {
            match events.recv().await {
                Ok(Event::Ready { addresses, .. }) => return Some(addresses),
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    };
    tokio::select! {
        addresses = tokio::time::timeout(START, listens) => match addresses {
            Ok(Some(addresses)) => Ok(addresses),
            Ok(None) => Err(PimeshError::Cancelled),
            Err(_) => Err(Failure::failed("the node did not start in time").into()),
        },
        ended = outcome.wait_for(Option::is_some) => match ended.as_deref() {
            Ok(Some(Err(failure))) => Err(failure.clone().into()),
            Ok(_) | Err(_) => Err(PimeshError::Cancelled),
        },
    }
}
