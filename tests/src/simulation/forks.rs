//! Two histories under one origin: what the node's engine does about them.

use pimesh_crdt::store::Comparison;
use pimesh_crdt::sync::{Fork, Input, Reached};
use pimesh_crdt::{CollectionId, Origin};

use super::mesh::{Failure, LinkId, World};

impl World {
    pub(super) fn trace(
        &mut self,
        device: usize,
        collection: CollectionId,
        fork: Fork,
    ) -> Result<Option<Input>, Failure> {
        let origin = fork.origin;
        let points = self.devices[device]
            .store
            .trace(collection, origin, fork.n)?;
        Ok(Some(Input::Traced {
            collection,
            origin,
            points,
        }))
    }

    pub(super) fn compare(
        &mut self,
        link: LinkId,
        device: usize,
        collection: CollectionId,
        (origin, points): (Origin, &[Reached]),
    ) -> Result<Option<Input>, Failure> {
        let store = &self.devices[device].store;
        match store.compare(collection, origin, points)? {
            Comparison::Alike => Ok(None),
            Comparison::Between(points) => Ok(Some(Input::Traced {
                collection,
                origin,
                points,
            })),
            Comparison::PartedAfter(last) => {
                self.retire(link, device, collection, &[(origin, last)])
            }
        }
    }

    pub(super) fn retire(
        &mut self,
        link: LinkId,
        device: usize,
        collection: CollectionId,
        origins: &[(Origin, u64)],
    ) -> Result<Option<Input>, Failure> {
        let now = self.now(device);
        let retired = self.devices[device].write(|store| store.retire(collection, origins, now))?;
        let Some(retired) = self.lived(device, retired)? else {
            return Ok(None);
        };
        self.totals.retired += 1;
        if retired.was_own {
            self.devices[device].forgetful = false;
        }
        self.announce(device, Some(link))?;
        let vector = retired.vector;
        Ok(Some(Input::Committed { collection, vector }))
    }
}
