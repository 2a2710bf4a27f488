//! From the set of statements to the members.
//!
//! Seen from one device, which is the root:
//! - a *removal* counts if its author can be reached from the root over adds, void or not;
//! - an *add* is void if a removal of its author that counts does not know it;
//! - a *member* can be reached over adds that are not void, and no removal of it counts;
//! - a root that was removed has no members.

use std::collections::{BTreeMap, BTreeSet};

use ed25519_dalek::SigningKey;

use super::room::Room;
use super::statement::MOST_KNOWN;
use super::{Action, Statement, StatementError, StatementHash};
use crate::id::{DeviceId, Timestamp};

/// The devices that belong to the mesh, as one of them sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Members {
    names: BTreeMap<DeviceId, String>,
    removed: BTreeSet<DeviceId>,
}

impl Members {
    /// The members that follow from these statements, in whatever order they come.
    pub fn of(root: DeviceId, statements: &[Statement]) -> Self {
        let by_hash: BTreeMap<StatementHash, &Statement> = statements
            .iter()
            .map(|statement| (statement.hash(), statement))
            .collect();
        let heard = reachable(root, adds(&by_hash).map(|(_, add)| add));
        let removals: Vec<&Statement> = by_hash
            .values()
            .copied()
            .filter(|s| *s.action() == Action::Remove && heard.contains(&s.author()))
            .collect();
        let removed: BTreeSet<DeviceId> = removals.iter().map(|s| s.subject()).collect();
        let known: Vec<(DeviceId, BTreeSet<StatementHash>)> = removals
            .iter()
            .map(|s| (s.subject(), past(s, &by_hash)))
            .collect();
        let stands = |hash: &StatementHash, add: &Statement| {
            known
                .iter()
                .all(|(gone, past)| *gone != add.author() || past.contains(hash))
        };
        let reached = reachable(
            root,
            adds(&by_hash)
                .filter(|(hash, add)| stands(hash, add))
                .map(|(_, add)| add),
        );
        // who was removed belongs nowhere: there is nobody left to talk to
        let names = reached
            .into_iter()
            .filter(|_| !removed.contains(&root))
            .filter(|device| !removed.contains(device))
            .map(|device| (device, name_of(device, &by_hash, &heard)))
            .collect();
        Self { names, removed }
    }

    /// Whether a device belongs to the mesh.
    pub fn contains(&self, device: DeviceId) -> bool {
        self.names.contains_key(&device)
    }

    /// Whether a device was removed, and so can never belong again.
    pub fn was_removed(&self, device: DeviceId) -> bool {
        self.removed.contains(&device)
    }

    /// What people call a member; empty when nobody said.
    pub fn name(&self, device: DeviceId) -> Option<&str> {
        self.names.get(&device).map(String::as_str)
    }

    /// The devices that were removed.
    pub fn removed(&self) -> impl Iterator<Item = DeviceId> {
        self.removed.iter().copied()
    }

    /// All members with their names, the root among them; none if that was removed.
    pub fn iter(&self) -> impl Iterator<Item = (DeviceId, &str)> {
        self.names
            .iter()
            .map(|(device, name)| (*device, name.as_str()))
    }
}

/// The statements that no other one knows: what a new statement says it knows.
pub fn newest(statements: &[Statement]) -> Vec<StatementHash> {
    let known: BTreeSet<StatementHash> = statements
        .iter()
        .flat_map(|statement| statement.knows().iter().copied())
        .collect();
    let all: BTreeSet<StatementHash> = statements.iter().map(Statement::hash).collect();
    all.difference(&known).copied().collect()
}

/// Signs what is to be known of a device, knowing all of `known`. Where more of these stand side
/// by side than one statement can name (many devices, or one that misbehaves), others come first
/// that name some each, and only give the author the name it has. All are to be kept.
///
/// # Errors
/// A name that is too long, or an author of whom the others keep no more.
pub fn state(
    key: &SigningKey,
    subject: DeviceId,
    action: Action,
    known: &[Statement],
    now: Timestamp,
) -> Result<Vec<Statement>, StatementError> {
    let me = DeviceId(key.verifying_key().to_bytes());
    let name = Members::of(me, known)
        .name(me)
        .unwrap_or_default()
        .to_owned();
    let mut room = Room::beside(me, known);
    let (mut known, mut made) = (known.to_vec(), Vec::new());
    let mut say = |known: &mut Vec<Statement>, subject, action, heads: &[StatementHash]| {
        // the newest name counts, also where the clock of who gave the last one was ahead
        let about = known.iter().filter(|one| one.subject() == subject);
        let latest = about.map(|one| one.time().0.saturating_add(1)).max();
        let at = Timestamp(now.0.max(latest.unwrap_or_default()));
        let statement = Statement::sign(key, subject, action, heads, at)?;
        known.push(statement.clone());
        made.push(statement);
        Ok::<_, StatementError>(())
    };
    loop {
        let heads = newest(&known);
        if heads.len() <= MOST_KNOWN {
            say(&mut known, subject, action, &heads)?;
            let has_room = made.iter().all(|one| {
                let is_kept = room.is_kept_elsewhere(one);
                room.count(one);
                is_kept
            });
            return match has_room {
                true => Ok(made),
                false => Err(StatementError::NoRoom),
            };
        }
        let again = Action::Rename { name: name.clone() };
        say(&mut known, me, again, &heads[..MOST_KNOWN])?;
    }
}

/// One value for a whole set of statements: equal on devices that hold the same.
pub fn head(statements: &[Statement]) -> [u8; 16] {
    let all: BTreeSet<StatementHash> = statements.iter().map(Statement::hash).collect();
    let mut hasher = blake3::Hasher::new_derive_key("pimesh membership head v1");
    all.iter().for_each(|hash| {
        hasher.update(&hash.0);
    });
    let mut out = [0; 16];
    out.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    out
}

type ByHash<'a> = BTreeMap<StatementHash, &'a Statement>;

fn adds<'a>(all: &'a ByHash<'a>) -> impl Iterator<Item = (&'a StatementHash, &'a Statement)> {
    all.iter()
        .filter(|(_, statement)| matches!(statement.action(), Action::Add { .. }))
        .map(|(hash, statement)| (hash, *statement))
}

/// Everybody that a chain of adds leads to.
fn reachable<'a>(root: DeviceId, adds: impl Iterator<Item = &'a Statement>) -> BTreeSet<DeviceId> {
    let mut by_author: BTreeMap<DeviceId, Vec<DeviceId>> = BTreeMap::new();
    for add in adds {
        by_author
            .entry(add.author())
            .or_default()
            .push(add.subject());
    }
    let (mut reached, mut open) = (BTreeSet::from([root]), vec![root]);
    while let Some(device) = open.pop() {
        for subject in by_author.get(&device).into_iter().flatten() {
            if reached.insert(*subject) {
                open.push(*subject);
            }
        }
    }
    reached
}

/// Every statement that this one knows, also through others.
fn past(statement: &Statement, all: &ByHash<'_>) -> BTreeSet<StatementHash> {
    let (mut past, mut open) = (BTreeSet::new(), statement.knows().to_vec());
    while let Some(hash) = open.pop() {
        if past.insert(hash) {
            open.extend(all.get(&hash).into_iter().flat_map(|known| known.knows()));
        }
    }
    past
}

/// The newest name that a device which counts has given; ties go to the greater hash.
fn name_of(device: DeviceId, all: &ByHash<'_>, heard: &BTreeSet<DeviceId>) -> String {
    all.iter()
        .filter(|(_, s)| s.subject() == device && heard.contains(&s.author()))
        .filter_map(|(hash, s)| match s.action() {
            Action::Add { name } => Some((s.time(), false, hash, name)),
            Action::Rename { name } => Some((s.time(), true, hash, name)),
            Action::Remove => None,
        })
        .max()
        .map(|(.., name)| name.clone())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use proptest::prelude::*;

    use super::*;
    use crate::id::Timestamp;
    use crate::sync::membership::StatementError;

    fn key(device: u8) -> SigningKey {
        SigningKey::from_bytes(&[device; 32])
    }

    fn id(device: u8) -> DeviceId {
        DeviceId(key(device).verifying_key().to_bytes())
    }

    fn add(author: u8, subject: u8, all: &[Statement]) -> Statement {
        let action = Action::Add {
            name: format!("device {subject}"),
        };
        Statement::sign(
            &key(author),
            id(subject),
            action,
            &newest(all),
            Timestamp(1),
        )
        .unwrap()
    }

    fn remove(author: u8, subject: u8, all: &[Statement]) -> Statement {
        let (action, knows) = (Action::Remove, newest(all));
        Statement::sign(&key(author), id(subject), action, &knows, Timestamp(2)).unwrap()
    }

    fn members(root: u8, all: &[Statement]) -> Vec<u8> {
        let members = Members::of(id(root), all);
        (1..=6)
            .filter(|device| members.contains(id(*device)))
            .collect()
    }

    #[test]
    fn paired_devices_are_members_of_each_other_and_of_each_others_mesh() {
        let all = [
            add(1, 2, &[]),
            add(2, 1, &[]),
            add(2, 3, &[]),
            add(3, 2, &[]),
        ];
        for root in [1, 2, 3] {
            assert_eq!(members(root, &all), [1, 2, 3]);
        }
        assert_eq!(members(4, &all), [4]);
    }

    #[test]
    fn a_stolen_phone_can_neither_stay_nor_bring_another_in_nor_come_back() {
        let mut all = vec![
            add(1, 2, &[]),
            add(2, 1, &[]),
            add(1, 3, &[]),
            add(3, 1, &[]),
        ];
        let removal = remove(1, 3, &all);
        // Signed by the phone without knowing of its removal, and after it.
        all.push(add(3, 4, &all));
        all.push(removal);
        all.push(add(3, 5, &all));
        all.push(add(1, 3, &all));
        assert_eq!(members(1, &all), [1, 2]);
        assert_eq!(members(2, &all), [1, 2]);
    }

    #[test]
    fn devices_that_a_lost_device_had_added_stay_when_the_removal_knew_of_them() {
        let mut all = vec![add(1, 2, &[])];
        all.push(add(1, 3, &all));
        all.push(add(2, 1, &all));
        all.push(add(3, 1, &all));
        all.push(remove(2, 1, &all));
        assert_eq!(members(2, &all), [2, 3]);
        assert_eq!(members(3, &all), [2, 3]);
        assert!(Members::of(id(1), &all).was_removed(id(1)));
    }

    #[test]
    fn a_removal_knows_everything_however_many_statements_stand_side_by_side() {
        let mut all = vec![add(1, 2, &[]), add(2, 1, &[])];
        all.extend((3..=200).map(|other| add(2, other, &[])));
        assert!(newest(&all).len() > MOST_KNOWN);
        let made = state(&key(1), id(2), Action::Remove, &all, Timestamp(5)).unwrap();
        assert_eq!(made.len(), 4);
        all.extend(made);
        // those that it had brought in stay: the removal knew of them
        assert_eq!(Members::of(id(1), &all).iter().count(), 199);
        assert!(Members::of(id(1), &all).was_removed(id(2)));
    }

    #[test]
    fn a_name_given_by_a_slow_clock_counts_after_one_given_by_a_fast_one() {
        let mut all = vec![add(1, 2, &[])];
        for (now, name) in [(9_000, "fast"), (5, "slow")] {
            let action = Action::Rename { name: name.into() };
            all.extend(state(&key(1), id(2), action, &all, Timestamp(now)).unwrap());
        }
        assert_eq!(Members::of(id(1), &all).name(id(2)), Some("slow"));
    }

    #[test]
    fn the_newest_name_counts() {
        let action = Action::Rename {
            name: "kitchen".to_owned(),
        };
        let rename = Statement::sign(&key(2), id(2), action, &[], Timestamp(9)).unwrap();
        let all = [rename, add(1, 2, &[])];
        assert_eq!(Members::of(id(1), &all).name(id(2)), Some("kitchen"));
    }

    #[test]
    fn a_statement_is_read_back_and_a_changed_one_is_refused() {
        let statement = add(1, 2, &[add(1, 3, &[])]);
        let mut bytes = statement.to_bytes();
        assert_eq!(Statement::from_bytes(&bytes), Ok(statement));
        bytes[70] ^= 1;
        assert_eq!(
            Statement::from_bytes(&bytes),
            Err(StatementError::BadSignature)
        );
        assert_eq!(
            Statement::from_bytes(&bytes[..90]),
            Err(StatementError::Malformed)
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn members_do_not_depend_on_the_order_and_the_removed_stay_out(
            steps in prop::collection::vec((0..4_u8, 1..=5_u8, 1..=5_u8, any::<u16>()), 1..14),
            shuffle in any::<u64>(),
        ) {
            let mut all: Vec<Statement> = Vec::new();
            for (kind, author, subject, seen) in steps {
                // Each author knows an arbitrary part of what was said before.
                let known: Vec<_> = all.iter().enumerate()
                    .filter(|(i, _)| seen >> (i % 16) & 1 == 1).map(|(_, s)| s.clone()).collect();
                all.push(match kind { 0 => remove(author, subject, &known), _ => add(author, subject, &known) });
            }
            let expected: Vec<_> = (1..=5).map(|root| Members::of(id(root), &all)).collect();
            let mut other = all.clone();
            other.sort_by_key(|s| blake3::keyed_hash(&[shuffle as u8; 32], &s.hash().0).as_bytes().to_vec());
            other.extend(all.iter().take(3).cloned());
            for (root, expected) in (1..=5).zip(expected) {
                let members = Members::of(id(root), &other);
                prop_assert_eq!(&members, &expected);
                for device in 1..=5 {
                    prop_assert!(!(members.contains(id(device)) && members.was_removed(id(device))));
                }
            }
        }
    }
}
