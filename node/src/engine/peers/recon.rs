//! Documents compared with the peer's one by one; what this device or the peer has lost, given
//! back; what nobody has any more, given up.

use std::sync::{Arc, PoisonError};

use pimesh_crdt::store::{Regained, Retired};
use pimesh_crdt::sync::recon::Salt;
use pimesh_crdt::sync::{Documents, ForDocuments, Input, Outcome, VersionVector};
use pimesh_crdt::{CollectionId, DeviceId};

use super::Conversation;
use super::forks::note;
use crate::engine::who::{now, random};
use crate::engine::{EngineError, Inner, Notice, status};
use crate::home::CAME_BACK;

/// What the person reads of whose device something was lost for ever.
const GIVEN_UP: &str = "changes that this device had lost are with no other device either and were \
    given up: pimesh doctor tells more";

impl Conversation {
    /// Reads what the peer lacks. Where the log stops at what this device has lost, that is given
    /// up, if nobody else can have it.
    pub(super) async fn load(
        &mut self,
        collection: CollectionId,
        their: VersionVector,
        max_bytes: usize,
    ) -> Result<Input, EngineError> {
        let me = self.inner.me.device;
        let read = move |store: &mut pimesh_crdt::store::Store| {
            let page = store.log_after(collection, &their, max_bytes)?;
            let given_up = match page.lost.is_empty() {
                true => None,
                false => {
                    let statements = status::statements(store)?;
                    let members = pimesh_crdt::sync::membership::Members::of(me, &statements);
                    let members: Vec<_> = members.iter().map(|(device, _)| device).collect();
                    store.give_up(collection, &page.lost, &members, now())?
                }
            };
            Ok::<_, EngineError>((page, given_up))
        };
        let (page, given_up) = self.inner.store.with(read).await?;
        if let Some(Retired { committed, .. }) = given_up {
            tracing::warn!(%collection, lost = ?page.lost, "given up");
            let incarnation = self
                .inner
                .store
                .read(|store| Ok(store.origin().incarnation));
            note(&self.inner.home, "given_up", incarnation.await?, GIVEN_UP);
            self.warn(GIVEN_UP.into());
            // this session hears of it as the others do
            let _ = self
                .inner
                .notices
                .send(Notice::Committed(Arc::new(committed), None));
        }
        Ok(Input::Loaded {
            collection,
            entries: page.entries,
            after: page.after,
            forks: page.forks,
        })
    }

    /// Tells the session when documents were last compared with this peer's.
    pub(super) async fn say_when_compared(&mut self) -> Result<(), EngineError> {
        let peer = self.peer;
        let all = self
            .inner
            .store
            .read(move |store| {
                let mut all = Vec::new();
                for collection in store.collections()? {
                    if let Some(compared) = store.compared(collection.id, peer)? {
                        all.push((collection.id, compared));
                    }
                }
                Ok(all)
            })
            .await?;
        for (collection, compared) in all {
            let last = Documents::LastCompared {
                at: compared.at,
                incarnation: compared.incarnation,
            };
            self.act(Input::Documents(collection, last)).await?;
        }
        Ok(())
    }

    /// Does what is to be done with the documents of a collection.
    pub(super) async fn documents(
        &mut self,
        collection: CollectionId,
        what: ForDocuments,
    ) -> Result<Option<Input>, EngineError> {
        let store = &self.inner.store;
        let answer = match what {
            ForDocuments::LoadStates => {
                let states = store.read(move |store| store.states(collection)).await?;
                Documents::States {
                    vector: states.vector,
                    names: states.names,
                    keys: states.keys,
                    salt: Salt(random()),
                }
            }
            ForDocuments::Load {
                docs,
                skip,
                max_bytes,
            } => {
                let page = store
                    .read(move |store| store.anew(collection, &docs, skip, max_bytes))
                    .await?;
                Documents::Loaded {
                    entries: page.entries,
                    docs: page.docs,
                    skip: page.skip,
                }
            }
            ForDocuments::Store { entries } => {
                let regained = store
                    .with(move |store| store.receive_anew(collection, &entries, now()))
                    .await?;
                self.came_back(collection, regained).await?
            }
            ForDocuments::Compared {
                outcome,
                incarnation,
            } => {
                self.compared(collection, outcome, incarnation).await?;
                return Ok(None);
            }
        };
        Ok(Some(Input::Documents(collection, answer)))
    }

    /// Says what came back, and from whom.
    async fn came_back(
        &mut self,
        collection: CollectionId,
        regained: Regained,
    ) -> Result<Documents, EngineError> {
        if regained.changes > 0 {
            let name = self.inner.name_of(self.peer).await?;
            let message = format!("items that this device had lost came back from {name}");
            let items = regained.docs.len();
            tracing::warn!(peer = %self.peer, %collection, items, message);
            let incarnation = self
                .inner
                .store
                .read(|store| Ok(store.origin().incarnation));
            note(&self.inner.home, CAME_BACK, incarnation.await?, &message);
            if collection == CollectionId::MESH {
                self.learn_from(&regained).await?;
            }
            let committed = Arc::new(regained.committed);
            let notice = Notice::Committed(committed, Some(self.peer));
            let _ = self.inner.notices.send(notice);
            self.inner.say_everything().await?;
            self.say_what_is_lacking().await?;
            self.want_blobs(None).await?;
        }
        Ok(Documents::Stored {
            vector: regained.vector,
            changes: regained.changes,
        })
    }

    /// What the mesh's own documents say, done.
    async fn learn_from(&self, regained: &Regained) -> Result<(), EngineError> {
        let docs: Vec<_> = regained.docs.iter().copied().collect();
        let learn = move |store: &mut pimesh_crdt::store::Store| {
            crate::engine::collections::learn(store, &docs)
        };
        self.inner.store.with(learn).await?;
        Ok(())
    }

    async fn compared(
        &mut self,
        collection: CollectionId,
        outcome: Outcome,
        incarnation: u32,
    ) -> Result<(), EngineError> {
        let peer = self.peer;
        let differing = match outcome {
            Outcome::SameSum | Outcome::Same => 0,
            Outcome::Differs(documents) | Outcome::StillDiffers(documents) => documents,
        };
        self.inner.set_differing(peer, collection, differing);
        let keep = move |store: &mut pimesh_crdt::store::Store| match outcome {
            Outcome::SameSum => store.set_same_sum(collection, peer, incarnation, now()),
            Outcome::Same => store.set_compared(collection, peer, incarnation, now()),
            // what is lost here is noted, so that it is known whom to ask for it
            Outcome::Differs(_) | Outcome::StillDiffers(_) => store.note_losses(now()).map(|_| ()),
        };
        self.inner.store.with(keep).await?;
        match outcome {
            Outcome::SameSum | Outcome::Same => {
                tracing::debug!(%peer, %collection, ?outcome, "documents compared");
            }
            Outcome::Differs(_) | Outcome::StillDiffers(_) => {
                tracing::warn!(%peer, %collection, ?outcome, "documents compared");
            }
        }
        Ok(())
    }
}

impl Inner {
    /// Keeps how many documents of a collection are not the same on a device.
    fn set_differing(&self, peer: DeviceId, collection: CollectionId, documents: usize) {
        let mut all = self
            .differing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match documents {
            0 => all.remove(&(peer, collection)),
            some => all.insert((peer, collection), some),
        };
    }

    /// How many documents are not the same on some device, though the names say so.
    pub(in crate::engine) fn differing(&self) -> u64 {
        let all = self
            .differing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        all.values().copied().max().unwrap_or(0) as u64
    }
}
