//! Of several devices that have the same news one brings it.

use std::sync::{MutexGuard, PoisonError};

use pimesh_crdt::sync::{Input, Turns};

use super::Conversation;
use crate::engine::who::now;
use crate::engine::{EngineError, Inner, Notice};

impl Inner {
    /// Who brings what.
    pub(super) fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Conversation {
    /// Asks for what nobody else brings, and lets others know when this one has done so.
    pub(super) async fn take_turn(&mut self) -> Result<(), EngineError> {
        loop {
            let (asked, wanted) = (self.session.bringing(), self.session.waiting_to_ask());
            if asked == self.asked && wanted.is_empty() {
                return Ok(());
            }
            let elsewhere = (self.inner.turns()).take(self.peer, now(), &asked, &wanted);
            if !self.asked.is_subset(&asked) {
                let _ = self.inner.notices.send(Notice::Turn);
            }
            self.asked = asked;
            if wanted.is_subset(&elsewhere) {
                return Ok(());
            }
            self.act(Input::Turn(elsewhere)).await?;
        }
    }
}
