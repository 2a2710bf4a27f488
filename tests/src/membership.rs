//! Random lives of a mesh: devices added, removed and renamed, apart and at once, with statements
//! forged by devices that were thrown out and old ones played again.
//!
//! What must hold is said here in other words than the program's (`crdt/src/sync/membership`):
//! - who has once been seen as removed is never a member again, whatever comes;
//! - what a device sees follows from the statements it holds, in whatever order they came;
//! - devices that are members in each other's eyes and have met see the same members;
//! - every member was let in by somebody whom nobody had removed as far as the removal knew.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::SigningKey;
use pimesh_crdt::sync::membership::{Action, Members, Statement, StatementHash, newest};
use pimesh_crdt::{DeviceId, Timestamp};

use crate::seed::Chance;

/// Keys there are in one mesh, those of thrown out and of foreign devices among them.
const KEYS: usize = 10;
/// Steps in the life of one mesh.
const STEPS: usize = 48;

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Meshes that were lived through.
    pub meshes: u64,
    /// Steps.
    pub steps: u64,
    /// Devices added.
    pub added: u64,
    /// Devices removed by those who may.
    pub removed: u64,
    /// Devices renamed.
    pub renamed: u64,
    /// Meetings of two devices.
    pub met: u64,
    /// Statements by devices that were thrown out, or by strangers.
    pub forged: u64,
    /// Bytes that are no statement, or were changed.
    pub refused: u64,
    /// Devices that nobody but themselves counts in at the end.
    pub alone: u64,
}

impl Tally {
    /// Adds what another run did.
    pub fn add(&mut self, other: &Self) {
        self.meshes += other.meshes;
        self.steps += other.steps;
        self.added += other.added;
        self.removed += other.removed;
        self.renamed += other.renamed;
        self.met += other.met;
        self.forged += other.forged;
        self.refused += other.refused;
        self.alone += other.alone;
    }
}

#[derive(Default)]
struct Device {
    held: Vec<Statement>,
    /// Their bytes: the same ones again say nothing new, whoever brings them.
    heard: BTreeSet<Vec<u8>>,
    /// Whom it has ever seen as removed.
    gone: BTreeSet<DeviceId>,
}

struct World {
    keys: Vec<SigningKey>,
    devices: Vec<Device>,
    /// Everything that was ever signed, for playing it again.
    signed: Vec<Statement>,
    clock: u64,
    tally: Tally,
}

/// Lives through one mesh.
///
/// # Errors
/// What did not hold.
pub fn live(seed: u64) -> Result<Tally, String> {
    let mut chance = Chance::of(seed);
    let mut world = World {
        keys: (0..KEYS)
            .map(|at| {
                let mut bytes = [at as u8 + 1; 32];
                bytes[..8].copy_from_slice(&seed.to_le_bytes());
                SigningKey::from_bytes(&bytes)
            })
            .collect(),
        devices: (0..KEYS).map(|_| Device::default()).collect(),
        signed: Vec::new(),
        clock: 1_000,
        tally: Tally {
            meshes: 1,
            ..Tally::default()
        },
    };
    for _ in 0..STEPS {
        world.step(&mut chance)?;
    }
    world.heal()?;
    world.check(&mut chance)?;
    Ok(world.tally)
}

impl World {
    fn id(&self, at: usize) -> DeviceId {
        DeviceId(self.keys[at].verifying_key().to_bytes())
    }

    fn members(&self, at: usize) -> Members {
        Members::of(self.id(at), &self.devices[at].held)
    }

    /// Whether both let each other in.
    fn connects(&self, a: usize, b: usize) -> bool {
        a != b && self.members(a).contains(self.id(b)) && self.members(b).contains(self.id(a))
    }

    fn sign(
        &mut self,
        author: usize,
        subject: usize,
        action: Action,
        chance: &mut Chance,
    ) -> Statement {
        self.clock += 1;
        let at = match chance.below(8) {
            0 => self.clock + 86_400_000, // a clock that is a day ahead
            1 => self.clock.saturating_sub(900),
            _ => self.clock,
        };
        let knows = newest(&self.devices[author].held);
        let subject = self.id(subject);
        let statement =
            Statement::sign(&self.keys[author], subject, action, &knows, Timestamp(at)).unwrap();
        self.signed.push(statement.clone());
        statement
    }

    /// Takes a statement as it comes over the wire.
    fn hear(&mut self, at: usize, bytes: &[u8]) -> Result<(), String> {
        if self.devices[at].heard.contains(bytes) {
            return Ok(());
        }
        let Ok(statement) = Statement::from_bytes(bytes) else {
            self.tally.refused += 1;
            return Ok(());
        };
        let device = &mut self.devices[at];
        device.heard.insert(bytes.to_vec());
        if device
            .held
            .iter()
            .all(|held| held.hash() != statement.hash())
        {
            device.held.push(statement);
            let members = self.members(at);
            let device = &mut self.devices[at];
            if let Some(back) = device.gone.iter().find(|gone| members.contains(**gone)) {
                return Err(format!("{back} is back"));
            }
            device.gone.extend(members.removed());
        }
        Ok(())
    }

    fn meet(&mut self, a: usize, b: usize) -> Result<(), String> {
        self.tally.met += 1;
        for (from, to) in [(a, b), (b, a)] {
            for statement in self.devices[from].held.clone() {
                self.hear(to, &statement.to_bytes())?;
            }
        }
        Ok(())
    }

    fn step(&mut self, chance: &mut Chance) -> Result<(), String> {
        self.tally.steps += 1;
        let (a, b) = (chance.below(KEYS), chance.below(KEYS));
        if a == b {
            return Ok(());
        }
        match chance.below(10) {
            0..=2 => self.pair(a, b, chance)?,
            3 => self.remove(a, chance)?,
            4 => {
                let name = format!("name {}", chance.below(100));
                let renamed = self.sign(a, b, Action::Rename { name }, chance);
                self.tally.renamed += 1;
                self.hear(a, &renamed.to_bytes())?;
            }
            5..=7 if self.connects(a, b) => self.meet(a, b)?,
            8 => self.forge(a, b, chance)?,
            _ => self.replay(a, chance)?,
        }
        Ok(())
    }

    /// A person pairs two devices; one of them may lose the last word.
    fn pair(&mut self, a: usize, b: usize, chance: &mut Chance) -> Result<(), String> {
        let refuses = |world: &Self, here: usize, there: usize| {
            let members = world.members(here);
            members.was_removed(world.id(there)) || members.was_removed(world.id(here))
        };
        if refuses(self, a, b) || refuses(self, b, a) {
            return Ok(());
        }
        self.tally.added += 1;
        let only_one = chance.below(12) == 0;
        for (author, subject) in [(a, b), (b, a)].into_iter().skip(usize::from(only_one)) {
            let name = format!("device {subject}");
            let add = self.sign(author, subject, Action::Add { name }, chance);
            self.hear(author, &add.to_bytes())?;
        }
        if !only_one && chance.below(4) > 0 {
            self.meet(a, b)?;
        }
        Ok(())
    }

    fn remove(&mut self, a: usize, chance: &mut Chance) -> Result<(), String> {
        let members = self.members(a);
        let all: Vec<usize> = (0..KEYS)
            .filter(|at| members.contains(self.id(*at)))
            .collect();
        if all.len() < 2 {
            return Ok(());
        }
        let out = *chance.one_of(&all);
        let removal = self.sign(a, out, Action::Remove, chance);
        self.tally.removed += 1;
        self.hear(a, &removal.to_bytes())
    }

    /// A key that somebody has thrown out, or a stranger's, signs what it likes and slips it to
    /// whoever still listens to it, or has it passed on.
    fn forge(&mut self, a: usize, b: usize, chance: &mut Chance) -> Result<(), String> {
        self.tally.forged += 1;
        let subject = chance.below(KEYS);
        let action = match chance.below(3) {
            0 => Action::Remove,
            1 => Action::Rename {
                name: "mine".into(),
            },
            _ => Action::Add {
                name: "mine".into(),
            },
        };
        let statement = self.sign(a, subject, action, chance);
        let mut bytes = statement.to_bytes();
        if chance.below(3) == 0 {
            // in somebody else's name
            let victim = self.id(b);
            bytes[..32].copy_from_slice(&victim.0);
        }
        let listens = self.members(b).contains(self.id(a));
        if listens || chance.below(4) == 0 {
            self.hear(b, &bytes)?;
        }
        Ok(())
    }

    /// Old statements come again, some of them damaged.
    fn replay(&mut self, a: usize, chance: &mut Chance) -> Result<(), String> {
        if self.signed.is_empty() {
            return Ok(());
        }
        let mut bytes = chance.one_of(&self.signed).to_bytes();
        if chance.below(2) == 0 {
            let at = chance.below(bytes.len());
            bytes[at] ^= 1 << chance.below(8);
        }
        self.hear(a, &bytes)
    }

    /// All that let each other in meet until nobody hears anything new.
    fn heal(&mut self) -> Result<(), String> {
        loop {
            let before: usize = self.devices.iter().map(|device| device.held.len()).sum();
            for (a, b) in (0..KEYS).flat_map(|a| (0..a).map(move |b| (a, b))) {
                if self.connects(a, b) {
                    self.meet(a, b)?;
                }
            }
            if before
                == self
                    .devices
                    .iter()
                    .map(|device| device.held.len())
                    .sum::<usize>()
            {
                return Ok(());
            }
        }
    }

    fn check(&mut self, chance: &mut Chance) -> Result<(), String> {
        for a in 0..KEYS {
            let members = self.members(a);
            let mut shuffled = self.devices[a].held.clone();
            chance.shuffle(&mut shuffled);
            if Members::of(self.id(a), &shuffled) != members {
                return Err(format!("what {a} sees depends on the order"));
            }
            let expected = by_the_rules(self.id(a), &self.devices[a].held);
            let seen: BTreeSet<DeviceId> = members.iter().map(|(device, _)| device).collect();
            if seen != expected {
                return Err(format!("{a} sees {seen:?} instead of {expected:?}"));
            }
            let mut others = 0;
            for b in (0..KEYS).filter(|b| *b != a && self.connects(a, *b)) {
                others += 1;
                let theirs = self.members(b);
                if members.iter().ne(theirs.iter()) {
                    return Err(format!("{a} and {b} have met and see different members"));
                }
            }
            self.tally.alone += u64::from(others == 0);
        }
        Ok(())
    }
}

/// The members by the rules as they are written down, as slowly as they can be read: whoever can
/// be reached over adds that no removal of their author is ignorant of, and is not removed.
fn by_the_rules(root: DeviceId, held: &[Statement]) -> BTreeSet<DeviceId> {
    let by_hash: BTreeMap<StatementHash, &Statement> =
        held.iter().map(|one| (one.hash(), one)).collect();
    fn knows(
        of: &Statement,
        wanted: StatementHash,
        by_hash: &BTreeMap<StatementHash, &Statement>,
    ) -> bool {
        of.knows().iter().any(|hash| {
            *hash == wanted
                || by_hash
                    .get(hash)
                    .is_some_and(|one| knows(one, wanted, by_hash))
        })
    }
    let reach = |counts: &dyn Fn(&Statement) -> bool| {
        let mut reached = BTreeSet::from([root]);
        while let Some(next) = held.iter().find(|one| {
            matches!(one.action(), Action::Add { .. })
                && reached.contains(&one.author())
                && !reached.contains(&one.subject())
                && counts(one)
        }) {
            reached.insert(next.subject());
        }
        reached
    };
    let heard = reach(&|_| true);
    let removals: Vec<&Statement> = held
        .iter()
        .filter(|one| *one.action() == Action::Remove && heard.contains(&one.author()))
        .collect();
    let is_out = |device: &DeviceId| removals.iter().any(|one| one.subject() == *device);
    if is_out(&root) {
        return BTreeSet::new();
    }
    let stands = |add: &Statement| {
        let ignorant =
            |one: &&&Statement| one.subject() == add.author() && !knows(one, add.hash(), &by_hash);
        removals.iter().find(ignorant).is_none()
    };
    let mut members = reach(&stands);
    members.retain(|device| !is_out(device));
    members
}
