//! What a session says, done: frames written, entries and blobs read and stored.

use std::collections::VecDeque;

use pimesh_crdt::store::Piece;
use pimesh_crdt::sync::{Input, Output, StoredPiece, codec};

use super::Conversation;
use crate::api::Event;
use crate::engine::who::now;
use crate::engine::{EngineError, Notice};

impl Conversation {
    /// Does what the session says, in order; what comes of it is fed back behind the rest.
    pub(super) async fn perform(&mut self, outputs: Vec<Output>) -> Result<(), EngineError> {
        let mut todo = VecDeque::from(outputs);
        while let Some(output) = todo.pop_front() {
            if let Some(input) = self.one(output).await? {
                todo.extend(self.session.handle(now(), input));
            }
        }
        Ok(())
    }

    #[expect(
        clippy::too_many_lines,
        reason = "the table of all outputs, an arm each"
    )]
    async fn one(&mut self, output: Output) -> Result<Option<Input>, EngineError> {
        match output {
            Output::Send(frame) => {
                let sent = match codec::encode(&frame) {
                    Ok(bytes) => self.frames.try_send(bytes).is_ok(),
                    Err(error) => {
                        tracing::error!(%error, "a frame of ours is over a limit");
                        false
                    }
                };
                if !sent && self.closed.is_none() {
                    self.closed = Some("the other device does not read what it is sent".into());
                }
                Ok(None)
            }
            Output::Load {
                collection,
                their,
                max_bytes,
            } => self.load(collection, their, max_bytes).await.map(Some),
            Output::Documents(collection, what) => self.documents(collection, what).await,
            Output::Store {
                collection,
                entries,
            } => self.store(collection, entries).await.map(Some),
            Output::Trace { collection, fork } => self.trace(collection, fork).await,
            Output::Compare {
                collection,
                origin,
                points,
            } => self.compare(collection, origin, points).await,
            Output::Retire {
                collection,
                origins,
            } => self.retire(collection, origins).await,
            Output::StoreMembership(statements) => {
                self.inner.keep_statements(statements).await?;
                Ok(None)
            }
            Output::LoadBlob {
                hash,
                offset,
                max_bytes,
            } => {
                let piece = self
                    .inner
                    .store
                    .read(move |store| store.blob_piece(hash, offset, max_bytes))
                    .await?;
                Ok(Some(Input::BlobLoaded {
                    hash,
                    offset,
                    piece,
                }))
            }
            Output::StoreBlob {
                hash,
                offset,
                total,
                bytes,
            } => {
                let piece = self
                    .inner
                    .store
                    .with(move |store| {
                        let mut batch = store.batch(now())?;
                        let piece = batch.put_blob_piece(hash, offset, total, &bytes)?;
                        batch.commit().map(|_| piece)
                    })
                    .await?;
                let piece = match piece {
                    Piece::Next(at) => StoredPiece::Next(at),
                    Piece::Wrong => StoredPiece::Wrong,
                    Piece::Whole => {
                        let _ = self.inner.notices.send(Notice::Blob(hash));
                        StoredPiece::Whole
                    }
                };
                Ok(Some(Input::BlobStored { hash, piece }))
            }
            Output::Addresses(records) => {
                self.inner.hear_addresses(records).await?;
                Ok(None)
            }
            Output::BlobRefused(hash) => {
                let notice = Notice::BlobElsewhere(Some(hash), self.peer);
                let _ = self.inner.notices.send(notice);
                Ok(None)
            }
            Output::PeerLacks(count) => self.peer_lacks(count).await.map(|()| None),
            Output::Confirmed { collection, vector } => {
                self.confirmed(collection, vector).await?;
                Ok(None)
            }
            Output::InSync {
                collection,
                in_sync,
            } => {
                tracing::debug!(peer = %self.peer, %collection, in_sync, "in sync");
                Ok(None)
            }
            Output::Forked { collection, fork } => {
                tracing::warn!(peer = %self.peer, %collection, ?fork, "where histories part is not found");
                let message = format!(
                    "the device {} was copied or restored from a backup, and where its histories \
                     part was not found: one collection is not exchanged until the next connection",
                    fork.origin.device
                );
                self.warn(message);
                Ok(None)
            }
            Output::PeerStopped { collection, reason } => {
                tracing::warn!(peer = %self.peer, %collection, reason, "the peer stopped");
                self.warn(reason);
                Ok(None)
            }
            Output::Close(reason) => {
                self.closed = Some(reason.to_string());
                Ok(None)
            }
        }
    }

    pub(super) fn warn(&self, message: String) {
        let _ = self.inner.events.send(Event::Warning {
            message,
            hint: None,
        });
    }
}
