//! Deletes of a time when two devices did not know each other: what one of them has kept until
//! now goes to the trash when they are paired, and its person is told.

use std::collections::BTreeSet;

use pimesh_crdt::store::Store;
use pimesh_crdt::sync::membership::{Action, Statement};
use pimesh_crdt::{CollectionId, DeviceId, DocId, Timestamp};

use super::forks::note;
use crate::engine::{EngineError, status};
use crate::home::Home;

/// What the person reads on whose device it was alive.
pub(super) const DELETED_BEFORE: &str = "contacts or events that were alive on this device had been \
    deleted on another one before the two were paired: they are in the trash now. Look at \
    them: pimesh trash. Bring one back: pimesh trash restore ITEM";

/// Whether any of these, which have just died here, was deleted before this device and the one
/// that did it were in one mesh. Then the person is told.
pub(super) fn look(
    store: &Store,
    me: DeviceId,
    died: &BTreeSet<(CollectionId, DocId)>,
    home: &Home,
) -> Result<bool, EngineError> {
    if died.is_empty() {
        return Ok(false);
    }
    let statements = status::statements(store)?;
    let joined = |is_it: &dyn Fn(&DeviceId) -> bool| {
        let adds = statements
            .iter()
            .filter(|one| is_add(one) && is_it(&one.subject()));
        adds.map(Statement::time).min().unwrap_or(Timestamp(0))
    };
    let here = joined(&|device| *device == me);
    for (collection, doc) in died {
        let Some((time, by)) = store.document(*collection, *doc)?.ended() else {
            continue;
        };
        // as much of a device's id as a change names
        let by = by.unwrap_or_default();
        let by = by.split(' ').next().unwrap_or_default();
        let there = joined(&|device| !by.is_empty() && device.to_string().starts_with(by));
        if u64::try_from(time).is_ok_and(|time| Timestamp(time) < here.max(there)) {
            note(
                home,
                "deleted_before",
                store.origin().incarnation,
                DELETED_BEFORE,
            );
            return Ok(true);
        }
    }
    Ok(false)
}

fn is_add(statement: &Statement) -> bool {
    matches!(statement.action(), Action::Add { .. })
}
