//! What is everywhere, as far as it was confirmed; and waiting for it.

use std::time::{Duration, Instant};

use pimesh_crdt::store::{Device as Known, Filter, Store};
use pimesh_crdt::sync::membership::{Members, Statement};
use pimesh_crdt::{CollectionId, DeviceId};
use pimesh_transports::pair::fingerprint;

use super::collections::{info, visible};
use super::items::Words;
use super::{Engine, EngineError, Inner, times};
use crate::api::{
    CollectionInfo, Confirmation, ConfirmationState, Device, Devices, Event, Failure, Moment,
    Status, ThisDevice, Waited,
};

/// How often a wait looks again when nothing is heard.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// How many occurrences are in question in one state of the collections.
#[derive(Clone, Debug)]
pub(super) struct Questions {
    /// Each collection with the token of its last change.
    state: Vec<(CollectionId, u64)>,
    count: u64,
}

pub(super) fn collection_infos(store: &Store) -> Result<Vec<CollectionInfo>, EngineError> {
    visible(store)?
        .iter()
        .map(|collection| info(store, collection))
        .collect()
}

/// All statements of membership that are stored and still verify.
pub(super) fn statements(store: &Store) -> Result<Vec<Statement>, EngineError> {
    Ok(store
        .membership()?
        .iter()
        .filter_map(|bytes| Statement::from_bytes(bytes).ok())
        .collect())
}

/// A device, and what it lacks of each collection as far as it has said.
struct Standing {
    known: Known,
    name: String,
    collections: Vec<(CollectionId, String, ConfirmationState, u64)>,
}

fn standings(store: &Store, me: DeviceId) -> Result<Vec<Standing>, EngineError> {
    let members = Members::of(me, &statements(store)?);
    let known = store.devices()?;
    let visible = visible(store)?;
    let all = store.collections()?;
    let mut out = Vec::new();
    for (device, name) in members.iter().filter(|(device, _)| *device != me) {
        let known = known
            .iter()
            .find(|known| known.id == device)
            .cloned()
            .unwrap_or_else(|| Known::new(device));
        let mut collections = Vec::new();
        for collection in &visible {
            let parts = all.iter().filter(|part| part.class == collection.class);
            let parts: Vec<CollectionId> = parts.map(|part| part.id).collect();
            let (state, behind) = standing(store, device, &parts)?;
            collections.push((collection.class, collection.name.clone(), state, behind));
        }
        // names and links are told only while they are on their way, or where there is nothing else
        let (state, behind) = standing(store, device, &[CollectionId::MESH])?;
        if behind > 0 || collections.is_empty() {
            collections.push((CollectionId::MESH, String::new(), state, behind));
        }
        out.push(Standing {
            known,
            name: name.to_owned(),
            collections,
        });
    }
    out.sort_by(|a, b| (&a.name, a.known.id).cmp(&(&b.name, b.known.id)));
    Ok(out)
}

/// What a device lacks of some collections, in its own newest word.
fn standing(
    store: &Store,
    device: DeviceId,
    parts: &[CollectionId],
) -> Result<(ConfirmationState, u64), EngineError> {
    let (mut behind, mut heard) = (0, false);
    for part in parts {
        let theirs = store.confirmed(device, *part)?;
        heard |= theirs.iter().next().is_some();
        let ours = store.version_vector(*part)?;
        behind += ours
            .iter()
            .map(|(origin, reached)| {
                let theirs = theirs.reached(origin);
                if theirs.n == reached.n && theirs.chain != reached.chain {
                    1 // one name, two histories: that is not the same
                } else {
                    reached.n.saturating_sub(theirs.n)
                }
            })
            .sum::<u64>();
    }
    let state = match (behind, heard) {
        (0, _) => ConfirmationState::Confirmed,
        (_, true) => ConfirmationState::Behind,
        (_, false) => ConfirmationState::Unknown,
    };
    Ok((state, behind))
}

impl Inner {
    pub(super) fn this_device(&self) -> Result<ThisDevice, EngineError> {
        Ok(ThisDevice {
            name: self.home.config()?.name,
            id: self.me.device.to_string(),
            fingerprint: fingerprint(&self.me.device, &self.me.device).to_string(),
        })
    }

    /// How many occurrences are in question. Looked for again only where something has changed.
    async fn occurrences_in_question(&self) -> Result<u64, EngineError> {
        let state = self.store.with(|store| {
            let all = store.collections()?.into_iter();
            Ok::<_, EngineError>(all.map(|c| (c.id, c.token)).collect::<Vec<_>>())
        });
        let state = state.await?;
        let known = self.in_question().clone();
        if let Some(known) = known
            && known.state == state
        {
            return Ok(known.count);
        }
        let count = self.store.with(|store| {
            let words = Words::of(store)?;
            Ok::<_, EngineError>(times::all_in_question(store, &words)?.len() as u64)
        });
        let count = count.await?;
        *self.in_question() = Some(Questions { state, count });
        Ok(count)
    }

    async fn others(&self) -> Result<Vec<Device>, EngineError> {
        let me = self.me.device;
        let standings = self.store.with(move |store| standings(store, me)).await?;
        let paths = self.paths().await?;
        let said = self.said().clone();
        Ok(standings
            .into_iter()
            .map(|standing| {
                let id = standing.known.id;
                let path = paths.get(&id).copied();
                let connected = path.is_some();
                let seen = standing.known.seen.map(Moment::from);
                Device {
                    name: standing.name,
                    id: id.to_string(),
                    fingerprint: fingerprint(&id, &id).to_string(),
                    connected,
                    path,
                    last_seen: if connected { Some(Moment::now()) } else { seen },
                    addresses: standing.known.addresses,
                    attachments_missing: standing.known.lacking,
                    collections: standing
                        .collections
                        .into_iter()
                        .map(|(class, collection, state, behind)| Confirmation {
                            collection,
                            state,
                            behind,
                            confirmed_at: match state {
                                ConfirmationState::Unknown => None,
                                ConfirmationState::Confirmed | ConfirmationState::Behind => {
                                    said.get(&(id, class)).map(|at| Moment(*at)).or(seen)
                                }
                            },
                        })
                        .collect(),
                }
            })
            .collect())
    }
}

impl Engine {
    pub(super) async fn devices(&self) -> Result<Devices, EngineError> {
        Ok(Devices {
            this: self.inner.this_device()?,
            devices: self.inner.others().await?,
        })
    }

    pub(super) async fn status(&self) -> Result<Status, EngineError> {
        let devices = self.inner.others().await?;
        let (collections, conflicts, attachments_missing, lost) = self
            .inner
            .store
            .with(|store| {
                let conflicts = Filter {
                    conflicts: true,
                    ..Filter::default()
                };
                let rows = store.list(
                    &conflicts,
                    pimesh_crdt::store::Order::Id,
                    pimesh_crdt::store::Page::ALL,
                )?;
                let items = rows
                    .iter()
                    .filter(|row| row.collection != CollectionId::MESH);
                let conflicts = items.map(|row| u64::from(row.conflicts)).sum::<u64>();
                let missing = store.count_missing_blobs()?;
                let lost = store
                    .losses()?
                    .iter()
                    .map(|loss| loss.documents)
                    .sum::<u64>();
                Ok::<_, EngineError>((collection_infos(store)?, conflicts, missing, lost))
            })
            .await?;
        let behind = devices
            .iter()
            .map(|d| d.collections.iter().map(|c| c.behind).sum::<u64>());
        let unconfirmed = behind.max().unwrap_or_default();
        let documents_missing = lost.max(self.inner.differing());
        let conflicts = conflicts + self.inner.occurrences_in_question().await?;
        Ok(Status {
            device: self.inner.this_device()?,
            running: self.inner.network().is_some(),
            in_sync: !devices.is_empty()
                && devices.iter().all(Device::has_everything)
                && unconfirmed == 0
                && attachments_missing == 0
                && documents_missing == 0,
            unconfirmed,
            attachments_missing,
            documents_missing,
            conflicts,
            collections,
            devices,
            notices: self.inner.home.notices()?,
        })
    }

    pub(super) async fn wait(
        &self,
        device: Option<String>,
        timeout_seconds: Option<u64>,
    ) -> Result<Waited, EngineError> {
        let begun = Instant::now();
        let deadline = timeout_seconds.map(|seconds| begun + Duration::from_secs(seconds));
        let mut events = self.inner.events.subscribe();
        loop {
            let mut devices = self.inner.others().await?;
            if let Some(wanted) = &device {
                devices.retain(|d| d.name == *wanted || d.id.starts_with(wanted.as_str()));
                if devices.is_empty() {
                    let message = format!("there is no paired device {wanted:?}");
                    return Err(Failure::not_found(message)
                        .hint("pimesh devices lists them")
                        .into());
                }
            } else if devices.is_empty() {
                let message = "this device is not paired with any other";
                return Err(Failure::not_found(message).hint("run: pimesh pair").into());
            }
            let confirmed = devices.iter().all(Device::has_everything);
            let is_over = deadline.is_some_and(|deadline| Instant::now() >= deadline);
            if confirmed || is_over {
                let seconds = begun.elapsed().as_secs_f64();
                return Ok(Waited {
                    confirmed,
                    seconds,
                    devices,
                });
            }
            let again = Instant::now() + LOOK_AGAIN;
            let until = deadline.map_or(again, |deadline| deadline.min(again));
            loop {
                tokio::select! {
                    event = events.recv() => {
                        if matches!(event, Ok(Event::Confirmed { .. } | Event::Lacks { .. }) | Err(_)) {
                            break;
                        }
                    }
                    () = tokio::time::sleep_until(until.into()) => break,
                }
            }
        }
    }
}
