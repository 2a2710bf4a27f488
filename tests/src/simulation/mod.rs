//! The merge core, proven at size: random programs on up to eight devices with partitions,
//! crashes and wrong clocks, and a model that says what must survive.
//!
//! ```text
//!   seed ──► program ──► world: real documents, stores, sessions ──► check ◄── model
//!                          │                                          │
//!                          └── intent, write ── what was meant ───────┘
//! ```
//!
//! One seed is one run, the same for ever on the same code. A run that fails is shortened
//! ([`shrink`]) to the fewest steps and devices that still fail.

mod answers;
mod bring;
pub mod check;
mod commands;
mod decide;
pub mod device;
mod forks;
pub mod intent;
#[cfg(test)]
mod joining;
mod lacks;
pub mod mesh;
pub mod model;
#[cfg(feature = "mutants")]
pub mod mutants;
mod outputs;
mod past;
mod people;
pub mod program;
mod property;
mod recon;
pub mod shrink;
pub mod texts;
mod told;
pub mod totals;
mod undo;
pub mod write;

use std::path::Path;
use std::sync::OnceLock;

use ed25519_dalek::SigningKey;
use pimesh_crdt::item::kind;
use pimesh_crdt::sync::membership::{Action, Statement};
use pimesh_crdt::{CollectionId, DeviceId, Timestamp};

use crate::seed::Chance;
use device::{DAY, Device};
use mesh::{Failure, World};
use program::{Program, Step, What};
use totals::Totals;

/// Devices of a run, and of the mesh that all runs take theirs from.
pub const MOST_DEVICES: usize = 8;

/// Rounds in which all must have come to rest, 20 seconds each.
const MOST_ROUNDS: usize = 60;

/// Frames after which devices are taken to talk for ever.
const MOST_FRAMES: usize = 200_000;

fn key(device: usize) -> SigningKey {
    SigningKey::from_bytes(&[device as u8 + 1; 32])
}

/// Statements by which the first `devices` are one mesh; all know all of them.
fn statements(devices: usize) -> Vec<Statement> {
    static ALL: OnceLock<Vec<Statement>> = OnceLock::new();
    let id = |device: usize| DeviceId(key(device).verifying_key().to_bytes());
    let all = ALL.get_or_init(|| {
        let neighbours = (1..MOST_DEVICES).flat_map(|to| [(to - 1, to), (to, to - 1)]);
        neighbours
            .map(|(by, to)| {
                let name = to.to_string();
                Statement::sign(&key(by), id(to), Action::Add { name }, &[], Timestamp(1))
                    .expect("a short name")
            })
            .collect()
    });
    all[..2 * (devices - 1)].to_vec()
}

/// Runs a program to its end and checks everything. With a folder, the stores are on a disk.
pub fn run(program: &Program, folder: Option<&Path>) -> Result<Totals, Failure> {
    let mut world = build(program.devices, folder)?;
    world.totals.runs = 1;
    world.totals.devices.insert(program.devices, 1);
    for step in &program.steps {
        if take(&mut world, step)? {
            world.totals.count(step.what);
        }
    }
    heal(&mut world, program)?;
    if world.forked {
        return Err(Failure("a collection has stopped".into()));
    }
    check::everything(&world)?;
    count(&mut world)?;
    Ok(world.totals)
}

fn build(devices: usize, folder: Option<&Path>) -> Result<World, Failure> {
    let mut all = Vec::with_capacity(devices);
    for at in 0..devices {
        let own = folder.map(|folder| folder.join(at.to_string()));
        if let Some(own) = &own {
            std::fs::create_dir_all(own).expect("the folder can be written");
        }
        let id = DeviceId(key(at).verifying_key().to_bytes());
        let mut device = Device::new(id, own.as_deref())?;
        let mut batch = device.store.batch(Timestamp(1))?;
        batch.upsert_collection(CollectionId::MESH, kind::MESH, "", "")?;
        batch.upsert_collection(write::COLLECTIONS[at % 3], "contacts", "", "")?;
        batch.commit()?;
        all.push(device);
    }
    Ok(World::new(all, statements(devices)))
}

/// Lets one thing happen. False where it was not possible.
fn take(world: &mut World, step: &Step) -> Result<bool, Failure> {
    let devices = world.devices.len();
    let (at, other) = (
        usize::from(step.device) % devices,
        usize::from(step.other) % devices,
    );
    let mut chance = Chance::of(step.number);
    match step.what {
        What::Look => return Ok(world.look(at, &mut chance)?.is_some()),
        What::Connect if at == other => return Ok(false),
        What::Connect => world.connect(at, other)?,
        What::Cut => {
            let link = (at.min(other), at.max(other));
            for _ in 0..chance.below(4) {
                world.deliver(link, chance.below(2))?;
            }
            world.cut(at, other);
        }
        What::Deliver => {
            let links: Vec<_> = world.links.keys().copied().collect();
            if links.is_empty() {
                return Ok(false);
            }
            let link = *chance.one_of(&links);
            for _ in 0..1 + chance.below(6) {
                world.deliver(link, chance.below(2))?;
            }
        }
        What::Flow => flow(world, 5 + chance.below(60), &mut chance)?,
        What::Wait => world.wait(1 + chance.below(30_000) as u64)?,
        What::Partition => world.isolate(at),
        What::Crash => world.devices[at].doom(&mut chance),
        What::Clock => {
            let wrong = chance.below(2 * DAY as usize) as i64 - DAY;
            world.devices[at].clock = wrong;
        }
        What::Backup => world.devices[at].back_up()?,
        What::Restore => return restore(world, at, step.number),
        What::Clone => return clone(world, at),
        What::Lose => return world.lose(at, &mut chance),
        _ => return world.operate(at, step),
    }
    Ok(true)
}

/// Frames arrive, over all links in no order.
fn flow(world: &mut World, frames: usize, chance: &mut Chance) -> Result<(), Failure> {
    for _ in 0..frames {
        let full: Vec<_> = world
            .links
            .iter()
            .flat_map(|(link, found)| [(*link, 0, found), (*link, 1, found)])
            .filter(|(_, end, found)| !found.frames[*end].is_empty())
            .map(|(link, end, _)| (link, end))
            .collect();
        if full.is_empty() {
            return Ok(());
        }
        let (link, end) = *chance.one_of(&full);
        world.deliver(link, end)?;
    }
    Ok(())
}

/// The disk is as it was copied. What only this device had is gone, and so is the memory of
/// having numbered it; it writes again when a peer has told it, or where no peer can.
fn restore(world: &mut World, at: usize, number: u64) -> Result<bool, Failure> {
    if !world.devices[at].put_back()? {
        return Ok(false);
    }
    world.isolate(at);
    world.start(at)?;
    world.forget_what_nobody_has();
    let origin = world.devices[at].store.origin();
    let mut is_known = false;
    for collection in write::COLLECTIONS.into_iter().chain([CollectionId::MESH]) {
        let ours = world.devices[at].store.version_vector(collection)?;
        for device in &world.devices {
            let theirs = device.store.version_vector(collection)?;
            is_known |= theirs.reached(&origin).n > ours.reached(&origin).n;
        }
    }
    world.devices[at].forgetful = is_known && number.is_multiple_of(2);
    Ok(true)
}

/// A copy of the disk runs in a second device, under the same key.
fn clone(world: &mut World, at: usize) -> Result<bool, Failure> {
    if world.devices.len() >= MOST_DEVICES {
        return Ok(false);
    }
    world.devices[at].back_up()?;
    let copy = world.devices[at].clone_of_backup()?;
    let is_there = copy.is_some();
    world.devices.extend(copy);
    Ok(is_there)
}

/// All devices meet, in one of three shapes, until nothing moves.
fn heal(world: &mut World, program: &Program) -> Result<(), Failure> {
    let mut chance = Chance::of(program.steps.len() as u64);
    let devices = world.devices.len();
    for device in &mut world.devices {
        device.spare();
    }
    // who may have what a disk has lost is asked: all meet
    let shape = match (chance.below(3), world.has_lost) {
        (shape, false) => shape,
        (_, true) => 2,
    };
    let mut frames = 0;
    for round in 0..MOST_ROUNDS {
        for (one, two) in (0..devices).flat_map(|a| (a + 1..devices).map(move |b| (a, b))) {
            let wanted = match shape {
                0 => two == one + 1,
                1 => one == 0,
                _ => true,
            };
            if wanted {
                let one = world.beside(one, two);
                world.connect(one, two)?;
            }
        }
        let before = world.totals.frames;
        while world
            .links
            .values()
            .any(|link| link.frames.iter().any(|f| !f.is_empty()))
        {
            flow(world, 64, &mut chance)?;
            frames += 64;
            if frames > MOST_FRAMES {
                return Err(Failure("the devices never stop talking".into()));
            }
        }
        let quiet =
            world.totals.frames == before && world.links.values().all(|link| link.closed.is_none());
        let agreed = quiet && check::everything(world).is_ok();
        if agreed || (quiet && round > 40) {
            return Ok(());
        }
        // all that was said has arrived: whoever still waits for an answer will not get one
        let before = world.unanswered;
        world.wait(20_000)?;
        if world.unanswered > before {
            return Err(Failure("a device waits for an answer in vain".into()));
        }
    }
    Ok(())
}

fn count(world: &mut World) -> Result<(), Failure> {
    use pimesh_crdt::store::{Filter, Life, Order, Page};
    let store = &world.devices[0].store;
    for collection in write::COLLECTIONS {
        if store.class_of(collection)? != Some(collection) {
            continue;
        }
        world.totals.changes += store.count_changes(collection)?;
        let filter = Filter {
            collection: Some(collection),
            life: Life::Any,
            conflicts: true,
            ..Filter::default()
        };
        let rows = store.list(&filter, Order::Id, Page::ALL)?;
        world.totals.conflicts += rows.iter().map(|row| u64::from(row.conflicts)).sum::<u64>();
    }
    Ok(())
}
