//! What was received: stored, told to the other sessions and to people, and confirmed.

use std::sync::Arc;

use pimesh_crdt::store::{MissingBlob, Received, StoreError, Why};
use pimesh_crdt::sync::{HeldUp, Input, VersionVector, WantedBlob};
use pimesh_crdt::{BlobHash, CollectionId, DeviceId};

use super::forks::note;
use super::{Conversation, deletes};
use crate::api::{Confirmation, ConfirmationState, Event, Moment};
use crate::engine::who::now;
use crate::engine::{EngineError, Inner, Notice, collections};

/// Blobs that are named to a session at once.
const BLOBS_AT_ONCE: usize = 1_024;

/// What the person of a device reads whose database was an older one.
const SET_BACK: &str = "this device's database was restored from an older state: what it had \
    sent since was fetched again from the other devices, and nothing of that was lost";

impl Conversation {
    pub(super) async fn store(
        &mut self,
        collection: CollectionId,
        entries: Vec<pimesh_crdt::sync::Entry>,
    ) -> Result<Input, EngineError> {
        let (home, me) = (self.inner.home.clone(), self.inner.me.device);
        let (received, deleted_before) = self
            .inner
            .store
            .with(move |store| {
                let received = store.receive(collection, &entries, now())?;
                if received.rolled_back {
                    note(&home, "set_back", store.origin().incarnation, SET_BACK);
                }
                if collection == CollectionId::MESH {
                    let docs: Vec<_> = received
                        .committed
                        .docs
                        .iter()
                        .map(|(_, doc)| *doc)
                        .collect();
                    collections::learn(store, &docs)?;
                }
                let died = &received.committed.died;
                let deleted_before = deletes::look(store, me, died, &home)?;
                Ok::<_, EngineError>((received, deleted_before))
            })
            .await?;
        self.inner.received(self.peer, &received).await?;
        if collection == CollectionId::MESH {
            self.inner.say_everything().await?;
        }
        if let Some(vector) = self.early.remove(&collection) {
            self.confirmed(collection, vector).await?;
        }
        if received.rolled_back {
            self.warn(SET_BACK.into());
        }
        if deleted_before {
            self.warn(deletes::DELETED_BEFORE.into());
        }
        for held in &received.held {
            if let Why::Quarantined(reason) = &held.why {
                tracing::warn!(peer = %self.peer, n = held.n, reason, "a change was put aside");
            }
        }
        self.say_what_is_lacking().await?;
        self.want_blobs(None).await?;
        // what the documents of a class add up to is told with the collection that names it
        for (id, vector) in &received.committed.vectors {
            if *id != collection {
                let (collection, vector) = (*id, vector.clone());
                Box::pin(self.act(Input::Committed { collection, vector })).await?;
            }
        }
        let held = received.held.iter().map(|held| &held.why);
        let held = held.fold(HeldUp::Nothing, |worst, why| match (worst, why) {
            (_, Why::Quarantined(_)) | (HeldUp::Quarantined, _) => HeldUp::Quarantined,
            (HeldUp::Nothing | HeldUp::Gap, Why::Hole | Why::Dependency) => HeldUp::Gap,
            (worst, Why::Fork) => worst,
        });
        let forks = received.forks().collect();
        let misses = received.misses().collect();
        Ok(Input::Stored {
            collection,
            vector: received.vector,
            held,
            forks,
            misses,
        })
    }

    /// Tells the session which blobs are lacking, those after this one.
    pub(super) async fn want_blobs(&mut self, after: Option<BlobHash>) -> Result<(), EngineError> {
        let missing: Vec<MissingBlob> = self
            .inner
            .store
            .read(move |store| store.missing_blobs(after, BLOBS_AT_ONCE))
            .await?;
        let last = missing.last().map(|last| last.hash);
        self.named_up_to = last.filter(|_| missing.len() == BLOBS_AT_ONCE);
        if missing.is_empty() {
            return Ok(());
        }
        let wanted = missing.into_iter().map(|it| WantedBlob {
            hash: it.hash,
            offset: it.have,
        });
        Box::pin(self.act(Input::Missing(wanted.collect()))).await
    }

    /// Asks for a blob, or for all that are lacking, since another device does not give it.
    pub(super) async fn want_blob(&mut self, hash: Option<BlobHash>) -> Result<(), EngineError> {
        let Some(hash) = hash else {
            return self.want_blobs(None).await;
        };
        let is_here = self.inner.store.read(move |store| store.has_blob(hash));
        if is_here.await? {
            return Ok(());
        }
        // where a part of it is here the store says where it goes on
        let wanted = vec![WantedBlob { hash, offset: 0 }];
        Box::pin(self.act(Input::Missing(wanted))).await
    }

    /// Names more blobs once those named came, or are not with the peer either.
    pub(super) async fn want_more_blobs(&mut self) -> Result<(), EngineError> {
        match self.named_up_to {
            Some(last) if self.session.wants_no_blobs() => self.want_blobs(Some(last)).await,
            _ => Ok(()),
        }
    }

    /// Tells the peer how many attachments are lacking here, where that has changed, and sends
    /// it what it asked for in vain and what came from elsewhere since.
    pub(super) async fn say_what_is_lacking(&mut self) -> Result<(), EngineError> {
        let refused = self.session.refused_blobs();
        let (count, came) = self
            .inner
            .store
            .read(move |store| {
                let mut came = Vec::new();
                for hash in refused {
                    if store.has_blob(hash)? {
                        came.push(hash);
                    }
                }
                Ok((store.count_missing_blobs()?, came))
            })
            .await?;
        Box::pin(self.act(Input::Lacking(count))).await?;
        for hash in came {
            Box::pin(self.act(Input::BlobArrived(hash))).await?;
        }
        Ok(())
    }

    /// Keeps what the peer says that it lacks.
    pub(super) async fn peer_lacks(&mut self, count: u64) -> Result<(), EngineError> {
        let (peer, at) = (self.peer, now());
        self.inner
            .store
            .with(move |store| {
                let mut batch = store.batch(at)?;
                batch.set_lacking(peer, count)?;
                batch.commit()
            })
            .await?;
        let name = self.inner.name_of(peer).await?;
        let _ = self.inner.events.send(Event::Lacks {
            name,
            device: peer.to_string(),
            attachments: count,
        });
        Ok(())
    }

    pub(super) async fn confirmed(
        &mut self,
        collection: CollectionId,
        vector: VersionVector,
    ) -> Result<(), EngineError> {
        let (peer, at) = (self.peer, now());
        let said = vector.clone();
        let told = self
            .inner
            .store
            .with(move |store| {
                if store.collection(collection)?.is_none() {
                    return Ok(None);
                }
                let mut batch = store.batch(at)?;
                batch.set_confirmed(peer, collection, &vector)?;
                batch.saw_device(peer)?;
                batch.commit()?;
                let class = store.class_of(collection)?.unwrap_or(collection);
                let name = store
                    .collection(class)?
                    .map_or_else(String::new, |c| c.name);
                let ours = store.version_vector(collection)?;
                let behind: u64 = ours
                    .iter()
                    .map(|(origin, r)| r.n.saturating_sub(vector.reached(origin).n))
                    .sum();
                Ok::<_, EngineError>(Some((class, name, behind)))
            })
            .await?;
        let Some((class, name, behind)) = told else {
            self.early.insert(collection, said);
            return Ok(());
        };
        self.inner.said().insert((peer, class), at);
        let state = if behind == 0 {
            ConfirmationState::Confirmed
        } else {
            ConfirmationState::Behind
        };
        let confirmed_at = Some(Moment(at));
        let confirmation = Confirmation {
            collection: name,
            state,
            behind,
            confirmed_at,
        };
        let (name, device) = (self.inner.name_of(peer).await?, peer.to_string());
        let _ = self.inner.events.send(Event::Confirmed {
            name,
            device,
            confirmation,
        });
        Ok(())
    }
}

impl Inner {
    /// Tells the other sessions and watchers what came from a device.
    pub(super) async fn received(
        &self,
        peer: DeviceId,
        received: &Received,
    ) -> Result<(), EngineError> {
        if received.committed.vectors.is_empty() {
            return Ok(());
        }
        let committed = Arc::new(received.committed.clone());
        let _ = self.notices.send(Notice::Committed(committed, Some(peer)));
        if self.events.receiver_count() > 0 {
            let (name, device) = (self.name_of(peer).await?, peer.to_string());
            for (_, collection, changes, items) in self.told(&received.committed).await? {
                let (name, device) = (name.clone(), device.clone());
                let _ = self.events.send(Event::Received {
                    name,
                    device,
                    collection,
                    changes,
                    items,
                });
            }
        }
        Ok(())
    }

    /// Says to every session what this device holds of everything: collections may have become
    /// known or one.
    pub(in crate::engine) async fn say_everything(&self) -> Result<(), EngineError> {
        let vectors = self
            .store
            .with(|store| {
                let mut vectors = std::collections::BTreeMap::new();
                for collection in store.collections()? {
                    vectors.insert(collection.id, store.holds(collection.id)?);
                }
                Ok::<_, StoreError>(vectors)
            })
            .await?;
        let committed = pimesh_crdt::store::Committed {
            vectors,
            ..Default::default()
        };
        let _ = self
            .notices
            .send(Notice::Committed(Arc::new(committed), None));
        Ok(())
    }
}
