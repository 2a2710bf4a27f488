//! How many statements there is room for: more than a household makes in its life, and so few that
//! no device can say so much that a removal of it finds no place.
//!
//! The first to come stay. Where a device says different things in different places beyond its
//! room, the others may hold different ones of them: then they tell each other at every meeting,
//! and agree again about all who were added by others.

use std::collections::BTreeMap;

use super::{Action, Statement};
use crate::id::DeviceId;

/// Statements of all devices. A pairing makes two; each removal is looked at together with all
/// that it knows, which at this number takes a tenth of a second.
pub const MOST: usize = 1_024;
/// Statements of one device. Who has paired so many lets another device pair.
pub const MOST_BY_ONE: usize = 128;

/// What is kept free for removals, as a part of each.
const FOR_REMOVALS: usize = 4;

/// What there is room for beside the statements that are known.
#[derive(Clone, Debug)]
pub struct Room {
    me: DeviceId,
    all: usize,
    by: BTreeMap<DeviceId, usize>,
}

impl Room {
    /// Beside these, on this device. What it says itself always has room with it.
    pub fn beside<'a>(me: DeviceId, known: impl IntoIterator<Item = &'a Statement>) -> Self {
        let mut room = Self {
            me,
            all: 0,
            by: BTreeMap::new(),
        };
        for statement in known {
            room.count(statement);
        }
        room
    }

    /// Takes a place for a statement that is new, if there is one.
    pub fn take(&mut self, statement: &Statement) -> bool {
        let author = statement.author();
        let has_room =
            self.all < most(MOST, statement) && self.said(author) < most(MOST_BY_ONE, statement);
        let is_kept = has_room || author == self.me;
        if is_kept {
            self.count(statement);
        }
        is_kept
    }

    /// Whether a device has said as much as it may.
    pub fn is_full(&self, author: DeviceId) -> bool {
        self.said(author) >= MOST_BY_ONE - MOST_BY_ONE / FOR_REMOVALS
    }

    /// Whether the others would keep a statement of one's own.
    pub(super) fn is_kept_elsewhere(&self, statement: &Statement) -> bool {
        self.said(statement.author()) < most(MOST_BY_ONE, statement)
    }

    pub(super) fn count(&mut self, statement: &Statement) {
        self.all += 1;
        *self.by.entry(statement.author()).or_default() += 1;
    }

    fn said(&self, author: DeviceId) -> usize {
        self.by.get(&author).copied().unwrap_or_default()
    }
}

fn most(of: usize, statement: &Statement) -> usize {
    match statement.action() {
        Action::Remove => of,
        Action::Add { .. } | Action::Rename { .. } => of - of / FOR_REMOVALS,
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::id::Timestamp;
    use crate::sync::membership::StatementError;
    use crate::sync::membership::{Members, state};

    fn key(device: u8) -> SigningKey {
        SigningKey::from_bytes(&[device; 32])
    }

    fn id(device: u8) -> DeviceId {
        DeviceId(key(device).verifying_key().to_bytes())
    }

    fn said(author: u8, number: u16, action: Action) -> Statement {
        let mut subject = DeviceId([7; 32]);
        subject.0[..2].copy_from_slice(&number.to_le_bytes());
        Statement::sign(&key(author), subject, action, &[], Timestamp(9)).unwrap()
    }

    fn add(author: u8, number: u16) -> Statement {
        let name = String::new();
        said(author, number, Action::Add { name })
    }

    #[test]
    fn a_device_that_says_too_much_keeps_no_room_from_others_nor_from_removals() {
        let mut room = Room::beside(id(1), []);
        let kept = (0..5_000).filter(|n| room.take(&add(2, *n))).count();
        assert_eq!(kept, 96);
        assert!(room.is_full(id(2)) && !room.is_full(id(3)));
        assert!(room.take(&add(3, 0)));
        let removals = (0..5_000).map(|n| said(2, n, Action::Remove));
        assert_eq!(removals.filter(|one| room.take(one)).count(), 32);
    }

    #[test]
    fn many_devices_that_say_too_much_keep_no_room_from_removals_nor_from_what_one_says_oneself() {
        let mut room = Room::beside(id(1), []);
        let all = (2..200).flat_map(|author| (0..96).map(move |n| add(author, n)));
        assert_eq!(all.filter(|one| room.take(one)).count(), 768);
        assert!(room.take(&said(250, 0, Action::Remove)));
        assert!(room.take(&add(1, 0)));
    }

    #[test]
    fn who_has_paired_too_many_is_told_and_can_still_remove() {
        let (mut all, now) = (Vec::new(), Timestamp(10));
        let action = Action::Add {
            name: "one more".to_owned(),
        };
        for n in 0..96 {
            let made = state(&key(1), add(2, n).subject(), action.clone(), &all, now);
            all.extend(made.unwrap());
        }
        let refused = state(&key(1), id(2), action, &all, now);
        assert_eq!(refused, Err(StatementError::NoRoom));
        let removal = state(&key(1), add(2, 7).subject(), Action::Remove, &all, now);
        all.extend(removal.unwrap());
        assert!(Members::of(id(1), &all).was_removed(add(2, 7).subject()));
    }
}
