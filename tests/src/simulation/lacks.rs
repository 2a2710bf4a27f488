//! What devices say that they lack of photos: told, kept and checked.

use pimesh_crdt::DeviceId;
use pimesh_crdt::store::Store;
use pimesh_crdt::sync::Input;

use super::mesh::{Failure, LinkId, Task, World, vectors};

impl World {
    /// Tells a session how many photos are lacking, and what its peer asked for in vain and came
    /// since.
    pub(super) fn say_what_is_lacking(&mut self, link: LinkId, end: usize) -> Result<(), Failure> {
        let store = &self.devices[if end == 0 { link.0 } else { link.1 }].store;
        let Some(found) = self.links.get(&link) else {
            return Ok(());
        };
        let mut said = vec![Input::Lacking(store.count_missing_blobs()?)];
        for hash in found.sessions[end].refused_blobs() {
            if store.has_blob(hash)? {
                said.push(Input::BlobArrived(hash));
            }
        }
        let each = said.into_iter().map(|input| Task::Feed(link, end, input));
        self.tasks.extend(each);
        Ok(())
    }

    /// Keeps what a peer says that it lacks.
    pub(super) fn peer_lacks(
        &mut self,
        link: LinkId,
        end: usize,
        count: u64,
    ) -> Result<(), Failure> {
        let (device, peer) = ends(link, end);
        let (now, peer) = (self.now(device), self.devices[peer].id);
        let done = self.devices[device].write(|store| {
            let mut batch = store.batch(now)?;
            batch.set_lacking(peer, count)?;
            batch.commit()
        })?;
        if self.lived(device, done)?.is_some() {
            claim(self, link, end)?;
        }
        Ok(())
    }
}

fn ends(link: LinkId, end: usize) -> (usize, usize) {
    if end == 0 { link } else { (link.1, link.0) }
}

/// How many photos a device says that another lacks; nothing where it knows nothing of it.
fn kept(store: &Store, peer: DeviceId) -> Result<Option<u64>, Failure> {
    let mut all = store.devices()?.into_iter();
    Ok(all.find(|device| device.id == peer).map(|it| it.lacking))
}

/// Two copies of one disk speak under one name: what is kept is the last word of either.
fn is_twin(world: &World, device: usize) -> bool {
    let all = world.devices.iter().enumerate();
    let mut others = all.filter(|(at, _)| *at != device);
    others.any(|(_, other)| other.id == world.devices[device].id)
}

/// A device says that its peer holds everything: all collections by the word of the session, all
/// photos by what is kept. Where both hold the same changes, it must be so.
pub(super) fn claim(world: &World, link: LinkId, end: usize) -> Result<(), Failure> {
    let (me, peer) = ends(link, end);
    let (ours, theirs) = (&world.devices[me].store, &world.devices[peer].store);
    let lacking = theirs.count_missing_blobs()?;
    if lacking == 0 || is_twin(world, peer) {
        return Ok(());
    }
    let Some(found) = world.links.get(&link) else {
        return Ok(());
    };
    let peer_id = world.devices[peer].id;
    for (collection, vector) in vectors(ours)? {
        let says = found.in_sync[end].get(&collection) == Some(&true);
        let confirmed = ours.confirmed(peer_id, collection)?;
        let is_told = says && confirmed.iter().eq(vector.iter());
        if !is_told || theirs.version_vector(collection)? != vector {
            return Ok(());
        }
    }
    if kept(ours, peer_id)? == Some(0) {
        return Err(Failure(format!(
            "LIED: device {me} says that {peer} holds everything, and it lacks {lacking} photos"
        )));
    }
    Ok(())
}

/// All is quiet: every device has kept what each of its peers lacks.
pub(super) fn told(world: &World) -> Result<(), Failure> {
    for link in world.links.keys() {
        for end in [0, 1] {
            let (me, peer) = ends(*link, end);
            let lacking = world.devices[peer].store.count_missing_blobs()?;
            let kept = kept(&world.devices[me].store, world.devices[peer].id)?;
            if kept != Some(lacking) {
                return Err(Failure(format!(
                    "MODEST: device {me} has kept that {peer} lacks {kept:?} photos, not {lacking}"
                )));
            }
        }
    }
    Ok(())
}
