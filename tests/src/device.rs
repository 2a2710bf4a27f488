//! A device in this process: a real engine in a home of its own, listening on loopback.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pimesh::api::{
    Agreement, Collections, Conflict, Discovery, EditBy, Event, ExportTo, Failure, FailureKind,
    ImportPath, ImportReport, Item, ItemSummary, Kind, Polling, Reply, Request, RunOptions,
    Service, Write,
};
use pimesh::engine::Engine;
use pimesh::home::Home;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::wait::{DEADLINE, eventually, in_time};

/// Loopback, any port.
pub const LOOPBACK: &str = "/ip4/127.0.0.1/udp/0/quic-v1";

/// Events of one command that may wait.
const EVENTS: usize = 64;

/// A device, switched on or off.
#[derive(Debug)]
pub struct Device {
    /// Its folder.
    pub home: Home,
    folder: TempDir,
    running: Option<Running>,
    /// Where it listens: any port at first, later the same one.
    listen: String,
}

#[derive(Debug)]
struct Running {
    engine: Arc<Engine>,
    node: JoinHandle<Result<(), Failure>>,
    stop: CancellationToken,
}

impl Device {
    /// A new one, switched off.
    pub fn new(name: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let home = Home::at(folder.path().join("home")).unwrap();
        home.init(name).unwrap();
        Self {
            home,
            folder,
            running: None,
            listen: LOOPBACK.into(),
        }
    }

    /// Listens for TCP instead of QUIC.
    #[must_use]
    pub fn over_tcp(mut self) -> Self {
        "/ip4/127.0.0.1/tcp/0".clone_into(&mut self.listen);
        self
    }

    /// A folder beside the home, for files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Switches it on; gives where it listens.
    pub async fn start(&mut self) -> Vec<String> {
        assert!(self.running.is_none(), "it is on already");
        // the port that it had may be free a moment after it was switched off
        let (running, addresses) =
            eventually("its port is free", async || self.try_start().await).await;
        self.listen = addresses[0].split("/p2p/").next().unwrap().to_owned();
        self.running = Some(running);
        addresses
    }

    async fn try_start(&self) -> Option<(Running, Vec<String>)> {
        let engine = Arc::new(self.open().await.unwrap());
        let mut events = engine.events();
        let stop = CancellationToken::new();
        let options = RunOptions {
            listen: vec![self.listen.clone()],
            discovery: Discovery::KnownAddresses,
            polling: Polling::Off,
            ..RunOptions::default()
        };
        let mut node = tokio::spawn({
            let (engine, stop) = (Arc::clone(&engine), stop.clone());
            async move { engine.run(options, stop).await }
        });
        let ready = async {
            loop {
                tokio::select! {
                    event = events.recv() => {
                        if let Event::Ready { addresses, .. } = event.unwrap() {
                            return Some(addresses);
                        }
                    }
                    ended = &mut node => {
                        let failure = ended.unwrap().unwrap_err();
                        assert!(failure.message.contains("in use"), "{failure}");
                        return None;
                    }
                }
            }
        };
        let addresses = in_time("the node is ready", ready).await?;
        Some((Running { engine, node, stop }, addresses))
    }

    /// Switches it on at another port than before; it knows where the others are.
    pub async fn start_elsewhere(&mut self) -> Vec<String> {
        LOOPBACK.clone_into(&mut self.listen);
        self.start().await
    }

    /// Another test of this process may be starting a program, which for an instant inherits
    /// the lock of the engine that was here a moment ago.
    async fn open(&self) -> Result<Engine, Failure> {
        eventually("the home is free", async || {
            match Engine::open(self.home.clone()) {
                Err(failure) if failure.kind == FailureKind::Locked => None,
                opened => Some(opened),
            }
        })
        .await
    }

    /// Switches it off.
    pub async fn stop(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        running.stop.cancel();
        let ended = in_time("the node stops", running.node).await;
        ended.unwrap().unwrap();
    }

    /// What is asked, switched on or off.
    pub async fn try_ask(&self, request: Request) -> Result<Reply, Failure> {
        self.ask_with(request, &mpsc::channel(EVENTS).0).await
    }

    /// The same, with what happens on the way.
    pub async fn ask_with(
        &self,
        request: Request,
        events: &mpsc::Sender<Event>,
    ) -> Result<Reply, Failure> {
        match &self.running {
            Some(running) => running.engine.execute(request, events).await,
            None => {
                let engine = self.open().await?;
                engine.execute(request, events).await
            }
        }
    }

    /// What happens from now on, on a device that is on.
    pub fn events(&self) -> tokio::sync::broadcast::Receiver<Event> {
        let running = self.running.as_ref();
        running.expect("it is on").engine.events()
    }

    /// What is asked, and nothing else will do.
    pub async fn ask(&self, request: Request) -> Reply {
        let asked = format!("{request:?}");
        match self.try_ask(request).await {
            Ok(reply) => reply,
            Err(failure) => panic!("{asked:.200}: {failure}"),
        }
    }

    /// Imports files.
    pub async fn import(&self, paths: &[PathBuf]) -> ImportReport {
        match self.ask(importing(paths)).await {
            Reply::Imported(report) => report,
            other => panic!("{other:?}"),
        }
    }

    /// Everything it holds, by document.
    pub async fn items(&self) -> BTreeMap<String, ItemSummary> {
        let Reply::Items(items) = self.ask(everything()).await else {
            panic!("not a list")
        };
        assert_eq!(items.total, items.items.len() as u64);
        by_doc(items.items)
    }

    /// One item, whole.
    pub async fn show(&self, doc: &str) -> Item {
        match self.ask(Request::Show { item: doc.into() }).await {
            Reply::Item(item) => item,
            other => panic!("{other:?}"),
        }
    }

    /// Changes one item.
    pub async fn edit(&self, doc: &str, by: EditBy) {
        let item = doc.to_owned();
        let Reply::Edited(edited) = self.ask(Request::Edit { item, by }).await else {
            panic!("not an edit")
        };
        assert!(!edited.properties.is_empty(), "nothing changed in {doc}");
    }

    /// What was changed differently on two devices.
    pub async fn conflicts(&self) -> Vec<Conflict> {
        match self.ask(Request::Conflicts).await {
            Reply::Conflicts(all) => all.conflicts,
            other => panic!("{other:?}"),
        }
    }

    /// Changes that are stored for items, history included.
    pub async fn changes(&self) -> u64 {
        let Reply::Collections(Collections { collections }) = self.ask(Request::Collections).await
        else {
            panic!("not collections")
        };
        collections.iter().map(|c| c.changes).sum()
    }

    /// The texts of all items, by the name of their collection.
    pub async fn texts(&self) -> BTreeMap<String, String> {
        let Reply::Collections(Collections { collections }) = self.ask(Request::Collections).await
        else {
            panic!("not collections")
        };
        let mut out = BTreeMap::new();
        for collection in collections {
            let path = self.folder().join("export");
            let request = Request::Export {
                collection: collection.id,
                to: ExportTo::File(path.clone()),
            };
            self.ask(request).await;
            let text = std::fs::read_to_string(path).unwrap();
            let before = out.insert(collection.name.clone(), text);
            assert_eq!(before, None, "two collections {}", collection.name);
        }
        out
    }
}

/// Says what importing these files would do.
pub fn trying(paths: &[PathBuf]) -> Request {
    match importing(paths) {
        Request::Import { paths, into, .. } => Request::Import {
            paths,
            into,
            write: Write::DryRun,
        },
        other => other,
    }
}

/// Imports these files.
pub fn importing(paths: &[PathBuf]) -> Request {
    let path = |path: &PathBuf| ImportPath {
        path: path.clone(),
        shown: path.display().to_string(),
    };
    Request::Import {
        paths: paths.iter().map(path).collect(),
        into: None,
        write: Write::Really,
    }
}

/// Lists everything.
pub fn everything() -> Request {
    Request::List {
        collection: None,
        kind: Kind::All,
        from: None,
        to: None,
        limit: None,
    }
}

/// What must be the same on every device: short ids need not be.
pub fn by_doc(items: Vec<ItemSummary>) -> BTreeMap<String, ItemSummary> {
    let count = items.len();
    let all: BTreeMap<_, _> = items
        .into_iter()
        .map(|item| {
            let without_short = ItemSummary {
                id: String::new(),
                ..item
            };
            (without_short.doc.clone(), without_short)
        })
        .collect();
    assert_eq!(all.len(), count, "an item is listed twice");
    all
}

/// Both running devices know each other from now on.
pub async fn pair(shows: &Device, types: &Device, addresses: Vec<String>) {
    let (offered, joined) = try_pair(shows, types, addresses).await;
    let (Ok(Reply::Paired(offered)), Ok(Reply::Paired(joined))) = (offered, joined) else {
        panic!("they did not pair")
    };
    assert_eq!(offered.fingerprint, joined.fingerprint);
}

/// What pairing comes to on both. Where the one that types is refused, the other gives up too.
pub async fn try_pair(
    shows: &Device,
    types: &Device,
    addresses: Vec<String>,
) -> (Result<Reply, Failure>, Result<Reply, Failure>) {
    let (sender, mut events) = mpsc::channel(EVENTS);
    let offer = shows.ask_with(Request::PairOffer, &sender);
    let join = async {
        while let Some(event) = events.recv().await {
            if let Event::PairOffer { code, .. } = event {
                let join = Request::PairJoin {
                    code,
                    addresses,
                    agreement: Agreement::Given,
                };
                return types.try_ask(join).await;
            }
        }
        panic!("no code was shown")
    };
    in_time("they pair or not", async {
        tokio::pin!(offer, join);
        tokio::select! {
            offered = &mut offer => (offered, join.await),
            joined = &mut join => match joined {
                Ok(_) => (offer.await, joined),
                Err(_) => (Err(Failure::failed("nobody came")), joined),
            },
        }
    })
    .await
}

/// Waits until each has confirmed what the other holds and both list and export the same;
/// gives the items and the texts.
pub async fn agree(
    one: &Device,
    other: &Device,
) -> (BTreeMap<String, ItemSummary>, BTreeMap<String, String>) {
    confirmed(one).await;
    confirmed(other).await;
    eventually("both list the same", async || {
        (one.items().await == other.items().await).then_some(())
    })
    .await;
    // photos travel behind the changes, and nobody confirms them
    let texts = eventually("both export the same", async || {
        let (here, there) = (one.texts().await, other.texts().await);
        (here == there).then_some(here)
    })
    .await;
    (one.items().await, texts)
}

/// Waits until the others have confirmed everything that this device holds.
async fn confirmed(device: &Device) {
    let request = Request::Wait {
        device: None,
        timeout_seconds: Some(10 * DEADLINE.as_secs()),
    };
    match device.ask(request).await {
        Reply::Waited(waited) => assert!(waited.confirmed, "{waited:?}"),
        other => panic!("{other:?}"),
    }
}
