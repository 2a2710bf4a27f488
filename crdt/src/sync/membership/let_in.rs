//! Whom a device has let in: to be told to who removes it.

use super::{Members, Statement};
use crate::id::DeviceId;

/// The members that belong to the mesh only because a device let them in, itself or through those
/// it let in. They stay when it is removed, if the removal knows of them.
pub fn let_in_by(device: DeviceId, root: DeviceId, statements: &[Statement]) -> Vec<DeviceId> {
    let others = statements.iter().filter(|one| one.author() != device);
    let without: Vec<Statement> = others.cloned().collect();
    let without = Members::of(root, &without);
    let members = Members::of(root, statements);
    let ids = members.iter().map(|(member, _)| member);
    ids.filter(|member| *member != device && !without.contains(*member))
        .collect()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;
    use crate::id::Timestamp;
    use crate::sync::membership::{Action, state};

    fn key(device: u8) -> SigningKey {
        SigningKey::from_bytes(&[device; 32])
    }

    fn id(device: u8) -> DeviceId {
        DeviceId(key(device).verifying_key().to_bytes())
    }

    #[test]
    fn whom_a_device_has_let_in_is_known_also_through_others() {
        let mut all = Vec::new();
        for (by, other) in [(1, 2), (2, 1), (2, 3), (3, 4), (1, 5), (2, 5)] {
            let name = String::new();
            let add = Action::Add { name };
            all.extend(state(&key(by), id(other), add, &all, Timestamp(1)).unwrap());
        }
        let sorted = |device| {
            let mut found = let_in_by(id(device), id(1), &all);
            found.sort_by_key(|device| (1..=6).find(|n| id(*n) == *device));
            found
        };
        assert_eq!(sorted(2), [id(3), id(4)]);
        assert_eq!(sorted(3), [id(4)]);
        assert_eq!(sorted(5), []);
    }
}
