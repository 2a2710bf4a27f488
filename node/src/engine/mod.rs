//! The device at work: everything that is asked of it and everything it does by itself.
//!
//! ```text
//!  api::Request ──► execute ──┬─► import, mailbox ─► inbound ─┐
//!                             ├─► edit                        ├─► store (its own thread)
//!                             └─► items, export, status ◄─────┘        │ Notice
//!  mesh ◄──► network ◄──► peers: one session per device ◄──────────────┘
//! ```
//!
//! Read `inbound.rs` first: the way in is one function. Invariants: one owner of the store;
//! whatever was committed is told to every session; nothing leaves before it is on the disk.

mod absent;
mod addresses;
mod backup;
mod collections;
mod conflicts;
mod devices;
mod doctor;
mod edit;
mod error;
mod export;
mod import;
mod inbound;
mod items;
mod mailbox;
mod members;
mod memory;
mod network;
mod pairing;
mod past;
mod peers;
mod people;
mod restore;
mod search;
mod sources;
mod status;
mod store;
mod taker;
mod tidy;
mod times;
mod undo;
mod who;
mod witness;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ed25519_dalek::SigningKey;
use pimesh_crdt::store::Committed;
use pimesh_crdt::sync::membership::Statement;
use pimesh_crdt::sync::{Credit, Turns};
use pimesh_crdt::{BlobHash, CollectionId, DeviceId, Timestamp};
use tokio::sync::{broadcast, mpsc};
use tokio_util::sync::CancellationToken;

pub use backup::{BackupError, Identity, RestoredDevice, restore_backup};
pub use doctor::diagnose;
pub use error::EngineError;
use store::StoreHandle;
use who::Me;

use crate::api::{
    Care, Collections, Event, Failure, PairDecided, Reply, Request, RunOptions, Service,
};
use crate::home::{Home, HomeLock};
use crate::secrets::Secrets;

/// Events kept for a watcher that is slow; older ones are told as missed.
const EVENTS: usize = 1024;

/// Notices kept for a session that is slow; one that missed some reads the store anew.
const NOTICES: usize = 256;

/// Items of one event that are named.
const MOST_NAMED: usize = 100;

/// One device, open.
#[derive(Debug)]
pub struct Engine {
    inner: Arc<Inner>,
}

/// What the tasks of a device share.
#[derive(Debug)]
struct Inner {
    home: Home,
    me: Me,
    key: SigningKey,
    store: StoreHandle,
    events: broadcast::Sender<Event>,
    notices: broadcast::Sender<Notice>,
    network: Mutex<Option<network::Network>>,
    /// When each device last said what it holds of each collection.
    said: Mutex<BTreeMap<(DeviceId, CollectionId), Timestamp>>,
    /// How many documents of a collection are not the same on a device, though names say so.
    differing: Mutex<BTreeMap<(DeviceId, CollectionId), usize>>,
    /// With whom there are sessions.
    sessions: Mutex<Vec<DeviceId>>,
    /// Who brings what.
    turns: Mutex<Turns>,
    /// What each device may still ask for, by the sessions it had.
    credits: Mutex<BTreeMap<DeviceId, Credit>>,
    /// How many occurrences were in question when somebody last asked.
    in_question: Mutex<Option<status::Questions>>,
    _lock: HomeLock,
}

/// Something was stored that sessions must hear of.
#[derive(Clone, Debug)]
enum Notice {
    /// Changes, and from which session.
    Committed(Arc<Committed>, Option<DeviceId>),
    /// Statements of membership.
    Membership(Arc<Vec<Statement>>),
    /// Where members listen, as they have signed it.
    Addresses(Arc<Vec<Vec<u8>>>),
    /// A blob arrived.
    Blob(BlobHash),
    /// A device can not give a blob, or has gone before it gave all that are lacking: the next
    /// one is asked.
    BlobElsewhere(Option<BlobHash>, DeviceId),
    /// Blobs may have gone: damaged ones are dropped.
    BlobsGone,
    /// A device has brought what it was asked for, or has gone: it may be another one's turn.
    Turn,
}

impl Engine {
    /// Opens the device in this home, for this process alone.
    pub fn open(home: Home) -> Result<Self, Failure> {
        Self::try_open(home).map_err(Failure::from)
    }

    fn try_open(home: Home) -> Result<Self, EngineError> {
        let key = home.device_key()?;
        let lock = home.lock()?;
        let device = DeviceId(key.verifying_key().to_bytes());
        let store = store::open(&home, device)?;
        let inner = Arc::new(Inner {
            home,
            me: Me { device },
            key,
            store,
            events: broadcast::channel(EVENTS).0,
            notices: broadcast::channel(NOTICES).0,
            network: Mutex::new(None),
            said: Mutex::new(BTreeMap::new()),
            differing: Mutex::default(),
            sessions: Mutex::default(),
            turns: Mutex::default(),
            credits: Mutex::default(),
            in_question: Mutex::new(None),
            _lock: lock,
        });
        Ok(Self { inner })
    }

    /// Runs the device's part of the mesh until `stop` is cancelled. Commands go on being
    /// answered by [`Service::execute`] meanwhile.
    pub async fn run(&self, options: RunOptions, stop: CancellationToken) -> Result<(), Failure> {
        network::run(Arc::clone(&self.inner), options, stop)
            .await
            .map_err(Failure::from)
    }

    fn me(&self) -> Me {
        self.inner.me
    }

    fn secrets(&self) -> Secrets {
        Secrets::at(self.inner.home.secrets())
    }

    async fn announce(&self, committed: &Committed) -> Result<(), EngineError> {
        self.inner.announce(committed).await
    }

    #[expect(
        clippy::too_many_lines,
        reason = "the table of all commands, an arm each"
    )]
    async fn answer(
        &self,
        request: Request,
        events: &mpsc::Sender<Event>,
    ) -> Result<Reply, EngineError> {
        let store = &self.inner.store;
        let me = self.me();
        store.with(collections::settle_once).await?;
        Ok(match request {
            Request::Status => Reply::Status(self.status().await?),
            Request::Acknowledge => {
                self.inner.home.acknowledge()?;
                Reply::Status(self.status().await?)
            }
            Request::Devices => Reply::Devices(self.devices().await?),
            Request::Member(asked) => return self.member(asked).await,
            Request::PairOffer => Reply::Paired(self.pair_offer(events).await?),
            Request::PairJoin {
                code,
                addresses,
                agreement,
            } => Reply::Paired(self.pair_join(&code, &addresses, agreement, events).await?),
            Request::PairDecide { agrees } => {
                self.running().await?.joining.decide(agrees)?;
                Reply::PairDecided(PairDecided { agrees })
            }
            Request::Wait {
                device,
                timeout_seconds,
            } => Reply::Waited(self.wait(device, timeout_seconds).await?),
            Request::Watch => return Err(Failure::usage("watch is answered by the node").into()),
            Request::Collections => Reply::Collections(Collections {
                collections: store.with(|store| status::collection_infos(store)).await?,
            }),
            Request::Import { paths, into, write } => {
                Reply::Imported(self.import(paths, into, write, events).await?)
            }
            Request::Export { collection, to } => {
                let exported = store.with(move |store| export::export(store, &collection, &to));
                Reply::Exported(exported.await?)
            }
            Request::SourceAdd(source) => Reply::SourceAdded(self.source_add(source).await?),
            Request::SourceList => Reply::Sources(self.source_list().await?),
            Request::SourceRemove { name, items } => {
                Reply::SourceRemoved(self.source_remove(name, items).await?)
            }
            Request::SourceSync { name } => Reply::Synced(self.source_sync(name, events).await?),
            Request::List {
                collection,
                kind,
                from,
                to,
                limit,
            } => {
                let wanted = items::Wanted {
                    collection,
                    kind,
                    from,
                    to,
                    limit,
                };
                Reply::Items(store.with(move |store| items::list(store, &wanted)).await?)
            }
            Request::Search { text, limit } => Reply::Items(self.search(text, limit).await?),
            Request::Agenda {
                collection,
                kind,
                from,
                to,
                zone,
                limit,
            } => {
                let days = times::Days {
                    collection,
                    kind,
                    from,
                    to,
                    zone,
                    limit,
                };
                Reply::Agenda(store.with(move |store| times::agenda(store, &days)).await?)
            }
            Request::Show { item } => {
                Reply::Item(store.with(move |store| items::show(store, &item)).await?)
            }
            Request::Edit { item, by } => {
                let (edited, committed) = store
                    .with(move |store| edit::edit(store, &item, &by, me))
                    .await?;
                self.announce(&committed).await?;
                Reply::Edited(edited)
            }
            Request::Delete { items } => {
                let (deleted, committed) = store
                    .with(move |store| edit::delete(store, &items, me))
                    .await?;
                self.announce(&committed).await?;
                Reply::Deleted(deleted)
            }
            Request::Conflicts => {
                Reply::Conflicts(store.with(|store| conflicts::all(store)).await?)
            }
            Request::Resolve { item, property, by } => {
                let (resolved, committed) = store
                    .with(move |store| conflicts::resolve(store, &item, &property, &by, me))
                    .await?;
                self.announce(&committed).await?;
                Reply::Resolved(resolved)
            }
            Request::People(asked) => return self.people(asked).await,
            Request::Past(past) => return self.past(past).await,
            Request::Care(Care::Backup { path, passphrase }) => {
                Reply::BackedUp(self.backup(path, passphrase).await?)
            }
            Request::Care(Care::Doctor { repair }) => Reply::Doctor(self.doctor(repair).await?),
        })
    }
}

impl Inner {
    /// Tells sessions and watchers what this device has committed itself.
    async fn announce(&self, committed: &Committed) -> Result<(), EngineError> {
        for hash in &committed.found {
            let _ = self.notices.send(Notice::Blob(*hash));
        }
        if committed.vectors.is_empty() {
            return Ok(());
        }
        // nobody may be listening
        let _ = self
            .notices
            .send(Notice::Committed(Arc::new(committed.clone()), None));
        if self.events.receiver_count() > 0 {
            let told = self.told(committed).await?;
            for (_, collection, changes, items) in told {
                let _ = self.events.send(Event::Changed {
                    collection,
                    changes,
                    items,
                });
            }
        }
        Ok(())
    }

    /// Per class: its id, its name, how many documents changed, and their short ids.
    async fn told(
        &self,
        committed: &Committed,
    ) -> Result<Vec<(CollectionId, String, u64, Vec<String>)>, EngineError> {
        let docs = committed.docs.clone();
        self.store
            .with(move |store| {
                let words = items::Words::of(store)?;
                let mut by_class: BTreeMap<CollectionId, Vec<_>> = BTreeMap::new();
                let mut of_mesh = Vec::new();
                for (class, doc) in docs {
                    match class == CollectionId::MESH {
                        true => of_mesh.push(doc),
                        false => by_class.entry(class).or_default().push(doc),
                    }
                }
                // links and names stand in the document of their collection
                for class in collections::of_documents(store, &of_mesh)? {
                    by_class.entry(class).or_default();
                }
                Ok::<_, EngineError>(
                    by_class
                        .into_iter()
                        .map(|(class, docs)| {
                            let changes = docs.len().max(1) as u64;
                            let short = docs
                                .iter()
                                .take(MOST_NAMED)
                                .map(|d| words.short(*d))
                                .collect();
                            (class, words.collection(class), changes, short)
                        })
                        .collect(),
                )
            })
            .await
    }

    fn network(&self) -> MutexGuard<'_, Option<network::Network>> {
        self.network.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_question(&self) -> MutexGuard<'_, Option<status::Questions>> {
        let known = self.in_question.lock();
        known.unwrap_or_else(PoisonError::into_inner)
    }

    fn said(&self) -> MutexGuard<'_, BTreeMap<(DeviceId, CollectionId), Timestamp>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service for Engine {
    async fn execute(
        &self,
        request: Request,
        events: &mpsc::Sender<Event>,
    ) -> Result<Reply, Failure> {
        self.answer(request, events).await.map_err(Failure::from)
    }

    fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.events.subscribe()
    }
}
