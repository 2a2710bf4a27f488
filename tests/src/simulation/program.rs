//! What happens in a run: a list of steps, each complete in itself, so that a failing list
//! can be shortened step by step.

use std::fmt;

use crate::seed::Chance;

/// What can happen. The comment of each says who does it; which item, which values and so on
/// follow from the step's own number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum What {
    /// A person imports a text; it may be known, or differ from what is known.
    Import,
    /// A source finds a text.
    Source,
    /// A person changes one property.
    Edit,
    /// A person changes several properties at once.
    EditMany,
    /// A person changes or makes one occurrence.
    Occurrence,
    /// A person removes one occurrence's own word.
    EndOccurrence,
    /// A person moves the event or changes its rule.
    Rule,
    /// A person deletes.
    Delete,
    /// A person brings back what was deleted.
    Undelete,
    /// A client writes over what it read some time ago.
    Stale,
    /// A client that shows some properties only writes.
    Lossy,
    /// A machine writes, on nobody's behalf.
    Machine,
    /// A person decides what to keep of values that clash.
    Resolve,
    /// A person keeps all values that clash.
    KeepAll,
    /// A person takes an item out of the trash.
    Untrash,
    /// A person brings an item back to what it was.
    GoBack,
    /// A person brings a collection back to what it was.
    GoBackAll,
    /// A person takes back what a command did on this device.
    Undo,
    /// A person changes an occurrence and all that follow.
    Future,
    /// A person sets, changes or removes an alarm.
    Alarm,
    /// A machine notes that an alarm was heard.
    Acknowledge,
    /// A person sets, changes or removes a photo.
    Photo,
    /// A person says that two contacts are one person.
    Link,
    /// A person takes a contact out of those that are one person.
    Unlink,
    /// A person moves an item to another collection.
    Move,
    /// A person makes two collections one.
    Unite,
    /// A mail brings an invitation, an update or a cancellation.
    Mail,
    /// A mail brings an attendee's answer.
    Reply,
    /// A client reads.
    Look,
    /// Two devices meet.
    Connect,
    /// A link is gone, with the frames on it.
    Cut,
    /// Some frames of one link arrive.
    Deliver,
    /// Every frame arrives, for a while.
    Flow,
    /// Time passes.
    Wait,
    /// A device splits off from all others.
    Partition,
    /// A device dies at one of its next writes.
    Crash,
    /// A device's clock is set.
    Clock,
    /// A device's disk is copied.
    Backup,
    /// A device's disk is as it was copied.
    Restore,
    /// A device's disk runs in a second device.
    Clone,
    /// A device's disk loses rows of documents. Only in [`Program::with_losses`].
    Lose,
}

/// Steps between two losses, on average.
const LOSS_EACH: usize = 30;

/// How often each thing happens.
const WEIGHTS: [(What, usize); 40] = [
    (What::Import, 12),
    (What::Source, 4),
    (What::Edit, 16),
    (What::EditMany, 6),
    (What::Occurrence, 4),
    (What::EndOccurrence, 2),
    (What::Rule, 4),
    (What::Delete, 5),
    (What::Undelete, 3),
    (What::Stale, 8),
    (What::Lossy, 5),
    (What::Machine, 2),
    (What::Resolve, 5),
    (What::KeepAll, 3),
    (What::Untrash, 2),
    (What::GoBack, 3),
    (What::GoBackAll, 1),
    (What::Undo, 5),
    (What::Future, 2),
    (What::Alarm, 2),
    (What::Acknowledge, 3),
    (What::Photo, 2),
    (What::Link, 2),
    (What::Unlink, 1),
    (What::Move, 2),
    (What::Unite, 1),
    (What::Mail, 7),
    (What::Reply, 4),
    (What::Look, 4),
    (What::Connect, 7),
    (What::Cut, 3),
    (What::Deliver, 10),
    (What::Flow, 4),
    (What::Wait, 3),
    (What::Partition, 1),
    (What::Crash, 2),
    (What::Clock, 1),
    (What::Backup, 1),
    (What::Restore, 1),
    (What::Clone, 1),
];

impl What {
    /// True for what someone does with an item, false for what befalls the devices.
    pub fn is_operation(self) -> bool {
        (self as usize) < What::Look as usize
    }

    /// All there is.
    pub fn all() -> impl Iterator<Item = Self> {
        WEIGHTS.iter().map(|(what, _)| *what)
    }
}

/// Something that happens on a device.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Where, as a number to be taken modulo the devices.
    pub device: u8,
    /// With whom.
    pub other: u8,
    /// What.
    pub what: What,
    /// Decides all else.
    pub number: u64,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (device, other, number) = (self.device, self.other, self.number);
        write!(f, "{device}>{other} {:?} {number:#x}", self.what)
    }
}

/// A whole run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// How many devices.
    pub devices: usize,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

impl Program {
    /// The run of a seed.
    pub fn of(seed: u64) -> Self {
        let mut chance = Chance::of(seed);
        let devices = 2 + chance.below(7).min(chance.below(7));
        let length = 20 + chance.below(280);
        let total: usize = WEIGHTS.iter().map(|(_, weight)| weight).sum();
        let mut steps = Vec::with_capacity(length);
        while steps.len() < length {
            let mut at = chance.below(total);
            let chosen = WEIGHTS.iter().find(|(_, weight)| {
                let found = at < *weight;
                at = at.wrapping_sub(if found { 0 } else { *weight });
                found
            });
            let (device, other) = (chance.below(devices) as u8, chance.below(devices) as u8);
            let number = chance.number();
            let what = chosen.map_or(What::Look, |(what, _)| *what);
            steps.push(Step {
                device,
                other,
                what,
                number,
            });
        }
        Self { devices, steps }
    }

    /// The run of a seed in which disks also lose rows of documents, every so many steps. Nobody
    /// looks back in it, and no copy of a disk is put back: the model would have to know what
    /// was lost of what somebody was shown, and copies bring back what it has forgotten.
    pub fn with_losses(seed: u64) -> Self {
        let mut program = Self::of(seed);
        program.steps.retain(|step| {
            !matches!(
                step.what,
                What::Look
                    | What::Stale
                    | What::Lossy
                    | What::GoBack
                    | What::GoBackAll
                    | What::Undo
                    | What::Restore
                    | What::Clone
                    | What::Crash
            )
        });
        let mut chance = Chance::of(!seed);
        let mut at = chance.below(LOSS_EACH);
        while at < program.steps.len() {
            let step = Step {
                device: chance.below(program.devices) as u8,
                other: 0,
                what: What::Lose,
                number: chance.number(),
            };
            program.steps.insert(at, step);
            at += 1 + chance.below(2 * LOSS_EACH);
        }
        program
    }
}
