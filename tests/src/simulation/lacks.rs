//! What devices say that they lack of photos: told, kept and checked.

use std::collections::BTreeSet;

use pimesh_crdt::doc::{DEP, Travelled, check};
use pimesh_crdt::store::Store;
use pimesh_crdt::sync::{Entry, Input, VersionVector};
use pimesh_crdt::{BlobHash, CollectionId, DeviceId};

use super::mesh::{Failure, LinkId, Task, World, vectors};

/// Bytes of changes that are read at once.
const PAGE: usize = 1 << 20;

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

/// A device says that its peer holds a collection up to here, and lacks no photo: then no photo
/// is lacking there that those changes name. One of a collection that the device has not heard
/// of yet may be: of that it says nothing.
pub(super) fn claim(world: &World, link: LinkId, end: usize) -> Result<(), Failure> {
    let (me, peer) = ends(link, end);
    let (ours, theirs) = (&world.devices[me].store, &world.devices[peer].store);
    let lacking = theirs.missing_blobs(None, usize::from(u16::MAX))?;
    let peer_id = world.devices[peer].id;
    if lacking.is_empty() || is_twin(world, peer) || kept(ours, peer_id)? != Some(0) {
        return Ok(());
    }
    let Some(found) = world.links.get(&link) else {
        return Ok(());
    };
    for (collection, _) in vectors(ours)? {
        if found.in_sync[end].get(&collection) != Some(&true) {
            continue;
        }
        let named = named(ours, collection, &ours.confirmed(peer_id, collection)?)?;
        if let Some(photo) = lacking.iter().find(|photo| named.contains(&photo.hash)) {
            return Err(Failure(format!(
                "LIED: device {me} says that {peer} holds all of {collection}, and it lacks photo {}",
                photo.hash
            )));
        }
    }
    Ok(())
}

/// The photos that the changes of a collection name, as far as a vector covers them.
fn named(
    store: &Store,
    collection: CollectionId,
    up_to: &VersionVector,
) -> Result<BTreeSet<BlobHash>, Failure> {
    let mut named = BTreeSet::new();
    let mut after = VersionVector::default();
    loop {
        let page = store.log_after(collection, &after, PAGE)?;
        for entry in page.entries {
            if entry.n <= up_to.reached(&entry.origin).n {
                named.extend(photos(store, collection, &entry)?);
            }
        }
        if !page.more {
            return Ok(named);
        }
        after = page.after;
    }
}

/// The photos that one change names, made whole from what travels of it.
fn photos(
    store: &Store,
    collection: CollectionId,
    entry: &Entry,
) -> Result<Vec<BlobHash>, Failure> {
    let travelled = Travelled::read(&entry.bytes, entry.origin.device)?;
    let mut known = Vec::new();
    for change in store.changes_of(collection, entry.doc)? {
        known.push(check(&change)?.hash);
    }
    let whole = |beginning: &[u8; DEP]| {
        let mut all = known.iter();
        all.find(|hash| hash.0.starts_with(beginning)).copied()
    };
    let deps: Option<Vec<_>> = travelled.deps().iter().map(whole).collect();
    let change = deps.map(|deps| travelled.on(deps)).transpose()?.flatten();
    let unknown = || Failure(format!("a change of {} can not be read again", entry.doc));
    Ok(change.ok_or_else(unknown)?.blobs)
}

/// All is quiet: every device has kept what each of its peers lacks. Of one that has a twin it
/// may have kept what that said last, before it went.
pub(super) fn told(world: &World) -> Result<(), Failure> {
    for link in world.links.keys() {
        for end in [0, 1] {
            let (me, peer) = ends(*link, end);
            if is_twin(world, peer) {
                continue;
            }
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

#[cfg(test)]
mod tests {
    use pimesh_crdt::Timestamp;
    use rusqlite::Connection;

    use super::super::bring::{parse, text};
    use super::super::write::COLLECTIONS;
    use super::super::{Program, build, run};
    use super::*;

    fn card() -> String {
        let photo = "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo".repeat(60);
        format!(
            "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:ann\r\nFN:Ann\r\n\
             PHOTO;ENCODING=b;TYPE=JPEG:{photo}\r\nEND:VCARD\r\n"
        )
    }

    /// Two devices that have said all, and a contact on the first of them: with its photo, or
    /// with a photo that is not there.
    fn couple(in_collection: CollectionId, with_photo: bool) -> World {
        let mut world = build(2, None).unwrap();
        world.connect(0, 1).unwrap();
        for _ in 0..3 {
            while world.deliver((0, 1), 0).unwrap() || world.deliver((0, 1), 1).unwrap() {}
            world.wait(5_000).unwrap(); // a beacon shows that also the documents are the same
        }
        let parsed = parse(&card()).unwrap();
        let blobs = if with_photo { &parsed.blobs[..] } else { &[] };
        let card = text(in_collection, &parsed.item);
        assert!(world.keep(0, vec![card], blobs).unwrap());
        world
    }

    /// Device 0 is made to believe that device 1 lacks nothing.
    fn unsaid(world: &mut World) {
        let peer = world.devices[1].id;
        let mut batch = world.devices[0].store.batch(Timestamp(1)).unwrap();
        batch.set_lacking(peer, 0).unwrap();
        batch.commit().unwrap();
    }

    #[test]
    fn a_device_that_has_not_heard_that_a_photo_lacks_has_lied() {
        let mut world = couple(COLLECTIONS[0], true);
        let lacks = |world: &World| world.devices[1].store.count_missing_blobs().unwrap() == 1;
        let says = |world: &World| {
            let link = &world.links[&(0, 1)];
            link.in_sync[0].get(&COLLECTIONS[0]) == Some(&true)
        };
        while !(lacks(&world) && says(&world)) {
            let to_peer = !lacks(&world) && world.deliver((0, 1), 1).unwrap();
            assert!(to_peer || world.deliver((0, 1), 0).unwrap());
        }
        claim(&world, (0, 1), 0).unwrap();
        unsaid(&mut world);
        let Failure(why) = claim(&world, (0, 1), 0).unwrap_err();
        assert!(why.starts_with("LIED: device 0 says that 1 holds"), "{why}");
    }

    #[test]
    fn a_device_that_has_not_heard_of_a_collection_says_nothing_of_its_photos() {
        let world = couple(COLLECTIONS[2], false);
        let (theirs, ours) = (&world.devices[0], &world.devices[1].store);
        assert_eq!(theirs.store.count_missing_blobs().unwrap(), 1);
        assert!(ours.collection(COLLECTIONS[2]).unwrap().is_none());
        assert_eq!(kept(ours, theirs.id).unwrap(), Some(0));
        let says = &world.links[&(0, 1)].in_sync[1];
        assert_eq!(says.get(&COLLECTIONS[1]), Some(&true));
        claim(&world, (0, 1), 1).unwrap();
        for seed in [9280, 9495] {
            run(&Program::of(seed), None).unwrap();
        }
    }

    #[test]
    fn a_photo_that_one_peer_lacks_is_asked_of_the_next() {
        let parsed = parse(&card()).unwrap();
        let mut world = build(3, None).unwrap();
        let card = text(COLLECTIONS[0], &parsed.item);
        assert!(world.keep(0, vec![card], &parsed.blobs).unwrap());
        let ends = |link| [(link, 0), (link, 1)];
        let settle = |world: &mut World| {
            let all = [ends((0, 2)), ends((0, 1)), ends((1, 2))].concat();
            while all
                .iter()
                .any(|(link, end)| world.deliver(*link, *end).unwrap())
            {}
        };
        world.connect(0, 2).unwrap();
        settle(&mut world);
        world.cut(0, 2);
        let lose = |disk: &Connection| disk.execute("DELETE FROM blob", ()).map(|_| ());
        world.devices[0].damage(lose).unwrap();
        world.connect(0, 1).unwrap();
        world.connect(1, 2).unwrap();
        settle(&mut world);
        for device in &world.devices {
            assert!(device.store.has_blob(parsed.blobs[0].hash).unwrap());
        }
    }
}
