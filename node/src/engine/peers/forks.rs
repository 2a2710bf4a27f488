//! Two histories under one origin: where they part is sought with the peer, and the origin is
//! retired there. The person of a device that was copied or set back is told.

use std::sync::Arc;

use pimesh_crdt::store::Comparison;
use pimesh_crdt::sync::{Fork, Input, Reached};
use pimesh_crdt::{CollectionId, Origin};

use super::Conversation;
use crate::api::{Moment, Notice};
use crate::engine::who::now;
use crate::engine::{EngineError, Notice as Told};
use crate::home::Home;

/// What the person of a device with two histories reads.
const TWO_LIVES: &str = "this device was copied, or restored from an older state and used \
    again: both histories were kept and put together. If a copy is still in use, make it a \
    device of its own: pimesh init in an empty folder there, then pair it";

/// Keeps what the person must know until they have acknowledged it.
pub(super) fn note(home: &Home, kind: &str, incarnation: u32, message: &str) {
    let notice = Notice {
        at: Moment::now(),
        kind: kind.to_owned(),
        incarnation,
        message: message.to_owned(),
    };
    if let Err(error) = home.note(notice) {
        tracing::warn!(%error, "the notice could not be kept");
    }
}

impl Conversation {
    pub(super) async fn trace(
        &self,
        collection: CollectionId,
        fork: Fork,
    ) -> Result<Option<Input>, EngineError> {
        tracing::warn!(peer = %self.peer, %collection, ?fork, "histories differ");
        let origin = fork.origin;
        let points = self
            .inner
            .store
            .read(move |store| store.trace(collection, origin, fork.n))
            .await?;
        Ok(Some(Input::Traced {
            collection,
            origin,
            points,
        }))
    }

    pub(super) async fn compare(
        &mut self,
        collection: CollectionId,
        origin: Origin,
        points: Vec<Reached>,
    ) -> Result<Option<Input>, EngineError> {
        let compared = self
            .inner
            .store
            .read(move |store| store.compare(collection, origin, &points))
            .await?;
        match compared {
            Comparison::Alike => Ok(None),
            Comparison::Between(points) => Ok(Some(Input::Traced {
                collection,
                origin,
                points,
            })),
            Comparison::PartedAfter(last) => self.retire(collection, vec![(origin, last)]).await,
        }
    }

    pub(super) async fn retire(
        &mut self,
        collection: CollectionId,
        origins: Vec<(Origin, u64)>,
    ) -> Result<Option<Input>, EngineError> {
        let named = origins.clone();
        let home = self.inner.home.clone();
        let retired = self
            .inner
            .store
            .with(move |store| {
                let retired = store.retire(collection, &origins, now())?;
                if retired.was_own {
                    note(&home, "copied", store.origin().incarnation, TWO_LIVES);
                }
                Ok::<_, EngineError>(retired)
            })
            .await?;
        for (origin, last) in named {
            tracing::warn!(%collection, device = %origin.device, origin.incarnation, last, "retired");
        }
        if retired.was_own {
            self.warn(TWO_LIVES.into());
        }
        let committed = Arc::new(retired.committed);
        let notice = Told::Committed(committed, Some(self.peer));
        let _ = self.inner.notices.send(notice);
        Ok(Some(Input::Committed {
            collection,
            vector: retired.vector,
        }))
    }
}
