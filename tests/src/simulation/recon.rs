//! Disks that lose rows of documents; documents compared one by one, sent anew and given up, as
//! the node's engine does it.

use std::collections::HashSet;

use pimesh_crdt::CollectionId;
use pimesh_crdt::sync::recon::Salt;
use pimesh_crdt::sync::{Documents, ForDocuments, Input, Outcome, VersionVector};

use super::mesh::{Failure, LinkId, World};
use super::outputs::PAGE;
use crate::seed::Chance;

/// The rows of one document, by its number.
const ROWS: [&str; 4] = [
    "DELETE FROM change WHERE doc = ?1",
    "DELETE FROM chunk WHERE nr >> 16 = ?1",
    "DELETE FROM blob_ref WHERE doc = ?1",
    "DELETE FROM doc WHERE nr = ?1",
];

impl World {
    /// A device's disk loses the rows of some documents. What no device has any more is lost for
    /// ever. The mesh's own documents it loses only where another device has the same: what they say
    /// of collections stands in other tables too, and would not be told to anybody. False where
    /// it has none.
    pub(super) fn lose(&mut self, at: usize, chance: &mut Chance) -> Result<bool, Failure> {
        let many = 1 + chance.below(4);
        let mut elsewhere = HashSet::new();
        let ours = self.devices[at].store.states(CollectionId::MESH)?.keys;
        for (_, other) in self.devices.iter().enumerate().filter(|(o, _)| *o != at) {
            let mut theirs = other.store.states(CollectionId::MESH)?.keys;
            theirs.retain(|key| ours.contains(key)); // the same state, not only the same name
            elsewhere.extend(theirs.into_iter().map(|key| key[..16].to_vec()));
        }
        let device = &mut self.devices[at];
        let mut lost = Vec::new();
        device.damage(|disk| {
            let mut all: Vec<i64> = disk
                .prepare(
                    "SELECT d.nr, d.id, c.id FROM doc d JOIN collection c ON c.nr = d.class
                     ORDER BY d.nr",
                )?
                .query_map((), |row| {
                    let (doc, class): (Vec<u8>, [u8; 16]) = (row.get(1)?, row.get(2)?);
                    let is_meshs = CollectionId(class) == CollectionId::MESH;
                    Ok((!is_meshs || elsewhere.contains(&doc)).then_some(row.get(0)?))
                })?
                .filter_map(Result::transpose)
                .collect::<Result<_, _>>()?;
            for _ in 0..many.min(all.len()) {
                let nr = all.swap_remove(chance.below(all.len()));
                lost.push(nr);
                for sql in ROWS {
                    disk.execute(sql, [nr])?;
                }
            }
            Ok(())
        })?;
        if lost.is_empty() {
            self.isolate(at); // it was started again all the same
            return Ok(false);
        }
        self.has_lost = true;
        // what its clients were shown of them is no base any more
        let device = &mut self.devices[at];
        let store = &device.store;
        let clients = std::mem::take(&mut device.clients);
        for seen in clients {
            if store
                .heads_at(seen.collection, seen.doc, seen.state)?
                .is_some()
            {
                device.clients.push(seen);
            }
        }
        self.isolate(at);
        self.start(at)?;
        self.forget_what_nobody_has();
        Ok(true)
    }

    /// Reads what a peer lacks; what stands in the way of it for ever is given up.
    pub(super) fn load(
        &mut self,
        device: usize,
        collection: CollectionId,
        their: &VersionVector,
        max_bytes: usize,
    ) -> Result<Option<Input>, Failure> {
        let now = self.now(device);
        let page = self.devices[device]
            .store
            .log_after(collection, their, max_bytes.min(PAGE))?;
        if !page.lost.is_empty() {
            let members: Vec<_> = self.devices.iter().map(|device| device.id).collect();
            let given_up = self.devices[device]
                .write(|store| store.give_up(collection, &page.lost, &members, now))?;
            match self.lived(device, given_up)? {
                None => return Ok(None),
                Some(Some(_)) => self.announce(device, None)?,
                Some(None) => {}
            }
        }
        Ok(Some(Input::Loaded {
            collection,
            entries: page.entries,
            after: page.after,
            forks: page.forks,
        }))
    }

    /// Does what is to be done with the documents of a collection.
    pub(super) fn documents(
        &mut self,
        link: LinkId,
        at: usize,
        collection: CollectionId,
        what: ForDocuments,
    ) -> Result<Option<Input>, Failure> {
        let (now, device) = (self.now(at), &mut self.devices[at]);
        let peer = if link.0 == at { link.1 } else { link.0 };
        let answer = match what {
            ForDocuments::LoadStates => {
                let states = device.store.states(collection)?;
                self.read.insert((at, peer, collection), states.names);
                let mut salt = [0; 16];
                salt[..8].copy_from_slice(&self.totals.frames.to_le_bytes());
                Documents::States {
                    vector: states.vector,
                    names: states.names,
                    keys: states.keys,
                    salt: Salt(salt),
                }
            }
            ForDocuments::Load {
                docs,
                skip,
                max_bytes,
            } => {
                let page = device
                    .store
                    .anew(collection, &docs, skip, max_bytes.min(PAGE))?;
                Documents::Loaded {
                    entries: page.entries,
                    docs: page.docs,
                    skip: page.skip,
                }
            }
            ForDocuments::Store { entries } => {
                let regained =
                    device.write(|store| store.receive_anew(collection, &entries, now))?;
                let Some(regained) = self.lived(at, regained)? else {
                    return Ok(None);
                };
                if regained.changes > 0 {
                    self.totals.regained += regained.changes as u64;
                    self.start(at)?;
                    self.announce(at, None)?;
                    let end = usize::from(link.1 == at);
                    self.want_blobs(link, end)?;
                }
                Documents::Stored {
                    vector: regained.vector,
                    changes: regained.changes,
                }
            }
            ForDocuments::Compared {
                outcome,
                incarnation,
            } => {
                self.compared(at, peer, collection, (outcome, incarnation))?;
                return Ok(None);
            }
        };
        Ok(Some(Input::Documents(collection, answer)))
    }

    fn compared(
        &mut self,
        at: usize,
        peer: usize,
        collection: CollectionId,
        (outcome, life): (Outcome, u32),
    ) -> Result<(), Failure> {
        let [ours, theirs] = [(at, peer), (peer, at)].map(|(of, by)| {
            let names = self.read.get(&(of, by, collection));
            names.copied()
        });
        let same_names = ours == theirs;
        let (now, peer) = (self.now(at), self.devices[peer].id);
        let kept = self.devices[at].write(|store| match outcome {
            Outcome::SameSum => store.set_same_sum(collection, peer, life, now),
            Outcome::Same => store.set_compared(collection, peer, life, now),
            Outcome::Differs(_) | Outcome::StillDiffers(_) => store.note_losses(now).map(|_| ()),
        })?;
        self.lived(at, kept)?;
        match outcome {
            Outcome::Differs(count) | Outcome::StillDiffers(count)
                if same_names && !self.has_lost =>
            {
                Err(Failure(format!(
                    "{count} documents differ, and no disk has lost any"
                )))
            }
            _ => Ok(()),
        }
    }

    /// Lets the model forget the changes that no device has.
    pub(super) fn forget_what_nobody_has(&mut self) {
        let devices = &self.devices;
        self.model.forget(|doc, collection, name| {
            devices.iter().any(|device| {
                let changes = device.store.changes_of(collection, doc).unwrap_or_default();
                changes
                    .iter()
                    .any(|bytes| pimesh_crdt::doc::check(bytes).is_ok_and(|c| c.hash == name))
            })
        });
    }
}

#[cfg(test)]
mod tests {
    use super::super::program::{Program, Step, What};
    use super::super::{build, check, heal, take};
    use super::*;

    #[test]
    fn what_a_disk_has_lost_is_missed_by_the_check_until_the_devices_have_met() {
        let step = |what, number| Step {
            device: 0,
            other: 1,
            what,
            number,
        };
        let mut steps: Vec<Step> = (1..9).map(|n| step(What::Import, n << 40 | n)).collect();
        steps.extend([step(What::Connect, 1), step(What::Flow, u64::MAX)]);
        let program = Program { devices: 2, steps };
        let mut world = build(program.devices, None).unwrap();
        for step in &program.steps {
            take(&mut world, step).unwrap();
        }
        heal(&mut world, &program).unwrap();
        check::everything(&world).unwrap();
        assert!(world.lose(0, &mut Chance::of(5)).unwrap());
        let Failure(missed) = check::everything(&world).unwrap_err();
        assert!(
            missed.contains("LOST") || missed.contains("DIVERGED"),
            "{missed}"
        );
        heal(&mut world, &program).unwrap();
        check::everything(&world).unwrap();
        assert!(world.totals.regained > 0);
    }
}
