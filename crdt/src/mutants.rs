//! Eleven deliberate mistakes, each of which was made once or nearly: the simulation must find
//! them all. Compiled for tests only (feature `mutants`), and none is active unless chosen.

use std::cell::Cell;

/// A mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutant {
    /// Every edit of a device has the same actor.
    StableActor,
    /// A delete wins over an edit made apart from it.
    DeleteWins,
    /// An edit does not write `~live` where there is one.
    SameLive,
    /// All local groups of a vCard are called `item1`.
    SameGroup,
    /// DTEND is a register of its own.
    StartAndEndApart,
    /// A change builds on what is there now, not on what its writer saw.
    CurrentHeads,
    /// A version vector covers a change that could not be applied.
    UnappliedCovered,
    /// A change that is known already gets no row under its new name.
    KnownWithoutRow,
    /// What a client never shows is deleted by its next write.
    AbsenceDeletes,
    /// A text does not make the same change every time.
    RandomGenesis,
    /// A device does not say of a photo that came after its greeting that it lacks it.
    LacksUnsaid,
}

impl Mutant {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::StableActor,
        Self::DeleteWins,
        Self::SameLive,
        Self::SameGroup,
        Self::StartAndEndApart,
        Self::CurrentHeads,
        Self::UnappliedCovered,
        Self::KnownWithoutRow,
        Self::AbsenceDeletes,
        Self::RandomGenesis,
        Self::LacksUnsaid,
    ];
}

thread_local! {
    static ACTIVE: Cell<Option<Mutant>> = const { Cell::new(None) };
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

/// Makes one mistake, or none, from now on in this thread.
pub fn choose(mutant: Option<Mutant>) {
    ACTIVE.set(mutant);
    COUNT.set(0);
}

pub(crate) fn is(mutant: Mutant) -> bool {
    ACTIVE.get() == Some(mutant)
}

/// Another number every time.
pub(crate) fn next() -> u64 {
    COUNT.set(COUNT.get() + 1);
    COUNT.get()
}
