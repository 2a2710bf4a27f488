//! The store on its own thread, and the handle that everybody else holds.
//!
//! One owner, one bounded inbox, jobs in order. A job that began runs to its end, also when
//! the one who asked is gone: no write is left half-way.

use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use pimesh_crdt::DeviceId;
use pimesh_crdt::store::{Interrupter, Store, StoreError};
use tokio::sync::{mpsc, oneshot};

use super::EngineError;
use super::who::now;
use crate::api::{Moment, Notice};
use crate::home::{Elsewhere, Home, Place, StoreBefore};

/// Jobs waiting for the store; askers wait beyond it.
const INBOX: usize = 64;

type Job = Box<dyn FnOnce(&mut Store) + Send>;

/// Asks the store. Cheap to clone; the thread ends when the last clone is dropped.
#[derive(Clone, Debug)]
pub(super) struct StoreHandle {
    // dropped before the thread is waited for: its end is what ends the thread
    inbox: mpsc::Sender<Job>,
    asked: Arc<AtomicU64>,
    /// What ends the job that nobody has asked for and that takes long, while it runs.
    long: Arc<Mutex<Option<Interrupter>>>,
    _thread: Arc<Thread>,
}

/// The store's thread. The last handle waits for it, so that the database is closed when the
/// device is.
#[derive(Debug)]
struct Thread(Option<JoinHandle<()>>);

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // a panic of the thread was told by itself
            let _ = thread.join();
        }
    }
}

/// The notice of a device whose database is gone.
pub(super) const GONE: &str = "gone";

/// What its person reads.
const BEGAN_ANEW: &str = "the database of this device was gone, or an empty file: it began anew, and \
    holds nothing of what it held. Bring it back from another device with pimesh pair, or from a \
    backup with pimesh restore-backup into a new home; a file system's undelete comes before both";

/// The notice of a device whose database was copied, or moved to another computer.
const ELSEWHERE: &str = "elsewhere";

/// What was done about it, and what is left to the person.
const GOES_ON: &str = "It goes on in a new life, so that nothing can be mixed up with what another \
    copy writes; nothing is lost. If this is the only one, there is nothing to do. If the other one \
    is still in use, stop one of the two, run pimesh init --new-key there, and pair it again";

/// Opens the database of a home. One that is gone begins a new life, and its person is told.
pub(super) fn open(home: &Home, device: DeviceId) -> Result<StoreHandle, EngineError> {
    let before = home.store_before(now())?;
    if let StoreBefore::Gone(life) = before {
        tracing::warn!("{BEGAN_ANEW}");
        home.note(Notice {
            at: Moment(now()),
            kind: GONE.to_owned(),
            incarnation: life,
            message: BEGAN_ANEW.to_owned(),
        })?;
    }
    let path = home.database();
    make_private(&path)?;
    let mut store = Store::open(&path, device)?;
    look_where_it_is(home, device, &mut store)?;
    match before {
        StoreBefore::New => home.keep_life(store.origin().incarnation)?,
        StoreBefore::There(life) | StoreBefore::Gone(life) => {
            if store.origin().incarnation < life {
                store.begin_life(now())?;
            }
        }
    }
    StoreHandle::of(store)
}

/// A database that is elsewhere than it was may have a twin that is still in use: it begins a
/// new life before anything is named in it, and its person is told.
fn look_where_it_is(home: &Home, device: DeviceId, store: &mut Store) -> Result<(), EngineError> {
    let is = home.place(device)?;
    let was = store
        .whereabouts()?
        .and_then(|bytes| Place::from_bytes(&bytes));
    let elsewhere = was.as_ref().and_then(|was| is.elsewhere_than(was));
    let place = is.or(was.as_ref());
    let Some(elsewhere) = elsewhere else {
        if was.as_ref() != Some(&place) {
            store.set_whereabouts(&place.to_bytes())?;
        }
        return Ok(());
    };
    let seen = match elsewhere {
        Elsewhere::Computer => "the disk of this device is in another computer than it was",
        Elsewhere::File => {
            "the database of this device is another file than it was: it was copied, or put back \
             from a copy"
        }
        Elsewhere::Both => "this device is on another computer than it was, as a copy of its files",
    };
    let message = format!("{seen}. {GOES_ON}");
    tracing::warn!("{message}");
    store.begin_life(now())?;
    home.note(Notice {
        at: Moment(now()),
        kind: ELSEWHERE.to_owned(),
        incarnation: store.origin().incarnation,
        message,
    })?;
    // where the power fails before this is written, the next opening tells the rest
    store.set_whereabouts(&place.to_bytes())?;
    Ok(())
}

impl StoreHandle {
    /// Gives the store a thread.
    fn of(mut store: Store) -> Result<Self, EngineError> {
        let (inbox, mut jobs) = mpsc::channel::<Job>(INBOX);
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || {
                while let Some(job) = jobs.blocking_recv() {
                    job(&mut store);
                }
            })
            .map_err(EngineError::Thread)?;
        let thread = Arc::new(Thread(Some(thread)));
        Ok(Self {
            inbox,
            asked: Arc::default(),
            long: Arc::default(),
            _thread: thread,
        })
    }

    /// Runs a job on the store's thread and waits for what it gives.
    pub(super) async fn with<T, E>(
        &self,
        job: impl FnOnce(&mut Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, EngineError>
    where
        T: Send + 'static,
        E: Into<EngineError> + Send + 'static,
    {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if let Some(long) = &*lock(&self.long) {
            long.interrupt();
        }
        self.unasked(job).await
    }

    /// How often anybody has asked for anything.
    pub(super) fn asked(&self) -> u64 {
        self.asked.load(Ordering::SeqCst)
    }

    /// Runs a job that nobody has asked for: it counts as quiet.
    pub(super) async fn unasked<T, E>(
        &self,
        job: impl FnOnce(&mut Store) -> Result<T, E> + Send + 'static,
    ) -> Result<T, EngineError>
    where
        T: Send + 'static,
        E: Into<EngineError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |store| {
            // Whoever asked may be gone; the work is done all the same.
            let _ = reply.send(job(store));
        });
        self.inbox.send(job).await.map_err(|_| EngineError::Gone)?;
        answer
            .await
            .map_err(|_| EngineError::Gone)?
            .map_err(Into::into)
    }

    /// Packs the file tight, where it is worth it and nobody has asked for anything since
    /// `asked`; whoever asks meanwhile ends it. False where there was nothing to do or no time.
    pub(super) async fn tighten(&self, asked: u64) -> Result<bool, EngineError> {
        // not the handle itself: its thread must not be the one to wait for its end
        let (asks, long) = (Arc::clone(&self.asked), Arc::clone(&self.long));
        let job = move |store: &mut Store| {
            if !store.is_worth_tightening()? {
                return Ok(false);
            }
            {
                let mut long = lock(&long);
                if asks.load(Ordering::SeqCst) != asked {
                    return Ok(false);
                }
                *long = Some(store.interrupter());
            }
            let done = store.tighten();
            // from here on nobody interrupts, so the next job is safe
            *lock(&long) = None;
            done
        };
        self.unasked::<_, StoreError>(job).await
    }

    /// Reads on the store's thread.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        job: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, EngineError> {
        self.with(move |store| job(store)).await
    }
}

fn lock(long: &Mutex<Option<Interrupter>>) -> MutexGuard<'_, Option<Interrupter>> {
    long.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a new database readable by its owner only; its journals follow it.
fn make_private(path: &Path) -> Result<(), EngineError> {
    if path.exists() {
        return Ok(());
    }
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path);
    made.map(|_| ()).map_err(|source| EngineError::File {
        path: path.to_owned(),
        source,
    })
}
