//! What is known of a change before it is kept: is it here already, is what it builds on.

use super::StoreError;
use super::batch::Batch;
use crate::doc::Sealed;
use crate::id::{ChangeHash, DocId};

/// How a change stands to what is stored.
pub(super) enum Standing {
    Known,
    Fits,
    Misses,
}

impl Batch<'_> {
    /// Whether a change is stored already, can be, or misses what it builds on.
    pub(super) fn standing(
        &mut self,
        key: (i64, DocId),
        change: &Sealed,
    ) -> Result<Standing, StoreError> {
        if self.is_known(key, change)? {
            return Ok(Standing::Known);
        }
        for dependency in &change.deps {
            if !self.has_change(key, dependency)? {
                return Ok(Standing::Misses);
            }
        }
        Ok(Standing::Fits)
    }

    /// Whether a change is stored already or waits.
    pub(super) fn is_known(
        &mut self,
        key: (i64, DocId),
        change: &Sealed,
    ) -> Result<bool, StoreError> {
        let store = self.store;
        let waiting = self.waiting_of(key)?;
        let mut fresh = waiting.changes.iter();
        Ok(fresh.any(|fresh| fresh.hash == change.hash)
            || match waiting.nr {
                // what lies in a block builds on nothing
                Some(nr) if !change.deps.is_empty() => store.has_edit(nr, &change.hash)?,
                Some(nr) => store.has_change(nr, &change.hash)?,
                None => false,
            })
    }

    fn has_change(&mut self, key: (i64, DocId), hash: &ChangeHash) -> Result<bool, StoreError> {
        let store = self.store;
        let waiting = self.waiting_of(key)?;
        let mut fresh = waiting.changes.iter();
        Ok(fresh.any(|fresh| fresh.hash == *hash)
            || match waiting.nr {
                Some(nr) => store.has_change(nr, hash)?,
                None => false,
            })
    }

    /// The newest change that begins so, of those that no stored one builds on and of those that
    /// wait: nearly every edit builds on such a one.
    pub(super) fn likely(
        &mut self,
        key: (i64, DocId),
        beginning: &[u8],
    ) -> Result<Option<ChangeHash>, StoreError> {
        let store = self.store;
        let waiting = self.waiting_of(key)?;
        let fits = |hash: &ChangeHash| hash.0.starts_with(beginning);
        let fresh = waiting.changes.iter().rev().map(|fresh| fresh.hash);
        match (fresh.into_iter().find(fits), waiting.nr) {
            (None, Some(nr)) => Ok(store
                .kept(nr)?
                .and_then(|kept| kept.heads.into_iter().find(fits))),
            (found, _) => Ok(found),
        }
    }

    /// The hashes of this document that begin so.
    pub(super) fn beginning(
        &mut self,
        key: (i64, DocId),
        beginning: &[u8],
    ) -> Result<Vec<ChangeHash>, StoreError> {
        let store = self.store;
        let waiting = self.waiting_of(key)?;
        let mut all = match waiting.nr {
            Some(nr) => store.beginning(nr, beginning)?,
            None => Vec::new(),
        };
        let fresh = waiting.changes.iter().map(|fresh| fresh.hash);
        all.extend(fresh.filter(|hash| hash.0.starts_with(beginning)));
        Ok(all)
    }
}
