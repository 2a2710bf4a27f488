//! One session with one connected device: does what the session says, and feeds back what
//! happened.
//!
//! Frames leave through a task of their own, so that a device that does not read never stops
//! us from reading. Everything that is stored is stored before anything about it is said.

mod deletes;
mod forks;
mod outputs;
mod recon;
mod stored;
mod turns;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use pimesh_crdt::store::Store;
use pimesh_crdt::sync::{Credit, Identity, Input, Session, VersionVector, next_peer};
use pimesh_crdt::{BlobHash, CollectionId, DeviceId};
use pimesh_transports::mesh::{FrameReceiver, FrameSender, FrameStream};
use tokio::sync::{broadcast, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::who::now;
use super::{EngineError, Inner, Notice, status};

/// Frames on their way to the wire; the session itself allows fewer to be unsent.
const UNSENT: usize = 512;

/// How often a session is told that time passes.
const TICK: Duration = Duration::from_secs(1);
/// The same where both hold the same: a device with many others should sleep.
const TICK_AT_REST: Duration = Duration::from_secs(15);

/// A session that goes on.
struct Present(Arc<Inner>, DeviceId);

impl Present {
    fn with(inner: &Arc<Inner>, peer: DeviceId) -> Self {
        inner.sessions().push(peer);
        Self(Arc::clone(inner), peer)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut sessions = self.0.sessions();
        if let Some(at) = sessions.iter().position(|peer| *peer == self.1) {
            sessions.swap_remove(at);
        }
        drop(sessions);
        self.0.turns().leave(self.1);
        let _ = self.0.notices.send(Notice::Turn);
    }
}

impl Inner {
    /// With whom there are sessions now.
    pub(super) fn sessions(&self) -> MutexGuard<'_, Vec<DeviceId>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a device may still ask for; whoever has been let in once has one.
    fn credit(&self, peer: DeviceId) -> Credit {
        let credits = self.credits.lock().unwrap_or_else(PoisonError::into_inner);
        credits.get(&peer).copied().unwrap_or_default()
    }

    fn set_credit(&self, peer: DeviceId, credit: Credit) {
        let mut credits = self.credits.lock().unwrap_or_else(PoisonError::into_inner);
        credits.insert(peer, credit);
    }
}

/// Runs the session until one side ends it. Gives the reason, for people.
pub(super) async fn converse(
    inner: Arc<Inner>,
    peer: DeviceId,
    stream: FrameStream,
    stop: CancellationToken,
) -> String {
    let mut credit = inner.credit(peer);
    if let Err(reason) = credit.begin(now()) {
        return reason.to_string();
    }
    inner.set_credit(peer, credit);
    let _present = Present::with(&inner, peer);
    let (sender, receiver) = stream.split();
    let (frames, waiting) = mpsc::channel(UNSENT);
    let (written, sent) = mpsc::channel(UNSENT);
    let writer = tokio::spawn(write(sender, waiting, written));
    let seed = u64::from_le_bytes(inner.me.device.0[..8].try_into().unwrap_or_default());
    let incarnation = match inner
        .store
        .read(|store| Ok(store.origin().incarnation))
        .await
    {
        Ok(incarnation) => incarnation,
        Err(error) => return error.to_string(),
    };
    let me = Identity {
        device: inner.me.device,
        incarnation,
        seed,
    };
    let mut conversation = Conversation {
        notices: inner.notices.subscribe(),
        session: Session::new(me, peer).with_credit(credit).in_turns(),
        inner,
        peer,
        frames,
        closed: None,
        early: BTreeMap::new(),
        named_up_to: None,
        asked: BTreeSet::new(),
    };
    let reason = match conversation.run(receiver, sent, &stop).await {
        Ok(reason) => reason,
        Err(error) => crate::api::Failure::from(error).message,
    };
    if !conversation.session.wants_no_blobs() {
        let notices = &conversation.inner.notices;
        let _ = notices.send(Notice::BlobElsewhere(None, peer));
    }
    let left = conversation.session.credit();
    conversation.inner.set_credit(peer, left);
    drop(conversation);
    // the farewell is among the frames; a peer that does not read gets no more time than this
    let _ = tokio::time::timeout(Duration::from_secs(2), writer).await;
    reason
}

/// Writes frames in order, and says so after each.
async fn write(
    mut sender: FrameSender,
    mut frames: mpsc::Receiver<Vec<u8>>,
    written: mpsc::Sender<()>,
) {
    while let Some(frame) = frames.recv().await {
        if sender.send(frame).await.is_err() {
            return;
        }
        // after the end of the session nobody counts, and the farewell is still to come
        let _ = written.send(()).await;
    }
    let _ = sender.finish().await;
}

struct Conversation {
    inner: Arc<Inner>,
    peer: DeviceId,
    session: Session,
    frames: mpsc::Sender<Vec<u8>>,
    notices: broadcast::Receiver<Notice>,
    closed: Option<String>,
    /// What the peer says it holds of collections that are not here yet.
    early: BTreeMap<CollectionId, VersionVector>,
    /// The last attachment that the session was told is lacking, where more may be.
    named_up_to: Option<BlobHash>,
    /// What the peer was bringing when that was last looked at.
    asked: BTreeSet<CollectionId>,
}

impl Conversation {
    async fn run(
        &mut self,
        mut receiver: FrameReceiver,
        mut sent: mpsc::Receiver<()>,
        stop: &CancellationToken,
    ) -> Result<String, EngineError> {
        let mut ticked = Instant::now();
        // counted after the vectors are read: it covers at least what they name
        let started = self.started().await?;
        self.say_what_is_lacking().await?;
        self.act(started).await?;
        self.say_when_compared().await?;
        self.want_blobs(None).await?;
        let records = self.inner.store.read(Store::records).await?;
        self.act(Input::Addresses(records)).await?;
        while self.closed.is_none() {
            self.take_turn().await?;
            let pause = match self.session.is_at_rest() {
                true => TICK_AT_REST,
                false => TICK,
            };
            let input = tokio::select! {
                biased;
                () = stop.cancelled() => return Ok("this device stops".into()),
                written = sent.recv() => match written {
                    Some(()) => Input::Sent,
                    None => return Ok("the connection is gone".into()),
                },
                notice = self.notices.recv() => match self.heard(notice).await? {
                    Some(input) => input,
                    None => continue,
                },
                frame = receiver.recv() => match frame {
                    Ok(Some(bytes)) => {
                        let outputs = self.session.handle_bytes(now(), &bytes);
                        self.perform(outputs).await?;
                        self.want_more_blobs().await?;
                        continue;
                    }
                    Ok(None) => return Ok("the other device ended the connection".into()),
                    Err(error) => return Ok(error.to_string()),
                },
                () = tokio::time::sleep_until(ticked + pause) => {
                    ticked = Instant::now();
                    Input::Tick
                }
            };
            self.act(input).await?;
        }
        Ok(self.closed.take().unwrap_or_default())
    }

    async fn started(&self) -> Result<Input, EngineError> {
        self.inner
            .store
            .with(|store| {
                let mut collections = Vec::new();
                for collection in store.collections()? {
                    collections.push((collection.id, store.holds(collection.id)?));
                }
                let membership = status::statements(store)?;
                Ok::<_, EngineError>(Input::Started {
                    collections,
                    membership,
                })
            })
            .await
    }

    /// What a notice means for this session.
    async fn heard(
        &mut self,
        notice: Result<Notice, broadcast::error::RecvError>,
    ) -> Result<Option<Input>, EngineError> {
        match notice {
            Ok(Notice::Committed(committed, from)) => {
                if from != Some(self.peer) {
                    self.say_what_is_lacking().await?;
                    for (collection, vector) in &committed.vectors {
                        let (collection, vector) = (*collection, vector.clone());
                        self.act(Input::Committed { collection, vector }).await?;
                    }
                }
                Ok(None)
            }
            Ok(Notice::Membership(statements)) => {
                Ok(Some(Input::Membership(statements.as_ref().clone())))
            }
            Ok(Notice::Turn) => Ok(None),
            Ok(Notice::Addresses(records)) => Ok(Some(Input::Addresses(records.as_ref().clone()))),
            Ok(Notice::Blob(hash)) => {
                self.act(Input::BlobArrived(hash)).await?;
                self.say_what_is_lacking().await?;
                Ok(None)
            }
            Ok(Notice::BlobElsewhere(hash, after)) => {
                let sessions = self.inner.sessions().iter().copied().collect();
                if next_peer(&sessions, after) == Some(self.peer) {
                    self.want_blob(hash).await?;
                }
                Ok(None)
            }
            Ok(Notice::BlobsGone) => {
                self.say_what_is_lacking().await?;
                self.want_blobs(None).await?;
                Ok(None)
            }
            Err(broadcast::error::RecvError::Lagged(_)) => {
                // some were missed: say everything anew
                if let Input::Started {
                    collections,
                    membership,
                } = self.started().await?
                {
                    self.say_what_is_lacking().await?;
                    for (collection, vector) in collections {
                        self.act(Input::Committed { collection, vector }).await?;
                    }
                    return Ok(Some(Input::Membership(membership)));
                }
                Ok(None)
            }
            Err(broadcast::error::RecvError::Closed) => Ok(Some(Input::Tick)),
        }
    }

    async fn act(&mut self, input: Input) -> Result<(), EngineError> {
        let outputs = self.session.handle(now(), input);
        self.perform(outputs).await
    }
}
