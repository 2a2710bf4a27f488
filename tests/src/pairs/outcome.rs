//! What a person finds after two operations, in a word, from what is shown.

use std::collections::BTreeSet;

use super::seen::Seen;

/// What a person finds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// What both did is there.
    Both,
    /// The same as if only one of them had done something.
    One,
    /// Both values are kept, one is shown, and `conflicts` asks.
    Asks,
    /// What each made of one day is kept, and `conflicts` asks about that day.
    Day,
    /// Both are kept, and `show` says that some times are not what both meant.
    Told,
    /// What one of them removed stays, because the other one changed it.
    Stays,
    /// It is in the trash.
    Gone,
    /// What a later mail says replaces what an earlier one said, which stays in the log.
    Newer,
    /// Both can not happen to one item.
    Apart,
    /// None of these: this was lost.
    Lost(String),
}

impl Outcome {
    /// All that can be right.
    pub const ALL: [Self; 9] = [
        Self::Both,
        Self::One,
        Self::Asks,
        Self::Day,
        Self::Told,
        Self::Stays,
        Self::Newer,
        Self::Gone,
        Self::Apart,
    ];

    /// The word in the table.
    pub fn word(&self) -> String {
        match self {
            Self::Both => "both".into(),
            Self::One => "one".into(),
            Self::Asks => "asks".into(),
            Self::Day => "day".into(),
            Self::Told => "told".into(),
            Self::Stays => "stays".into(),
            Self::Newer => "newer".into(),
            Self::Gone => "trash".into(),
            Self::Apart => "–".into(),
            Self::Lost(what) => format!("LOST {what}"),
        }
    }

    /// The same in a sentence.
    pub fn told(&self) -> &'static str {
        match self {
            Self::Both => "What both did is there. Nothing to decide.",
            Self::One => {
                "It is as if only one of them had done something: both did the same, or one of them \
                 changed nothing, or nothing that is still there."
            }
            Self::Asks => "Both are kept, one is shown, and `pimesh conflicts` asks.",
            Self::Day => {
                "What each made of one day of the series is kept, and `pimesh conflicts` asks about \
                 that day."
            }
            Self::Told => {
                "Both are kept, but the day that one left out takes place again, at its new time: \
                 `pimesh show` says so."
            }
            Self::Stays => {
                "One removed what the other one changed, wrote again or moved: it stays, with the \
                 change. After a move it is then in both collections."
            }
            Self::Newer => {
                "The organizer's later mail replaces what the earlier one said. It stays in `pimesh log`."
            }
            Self::Gone => {
                "It is in the trash, with what the other one did: that was no edit of a person, and \
                 raises nothing. `pimesh trash restore` brings it back whole."
            }
            Self::Apart => "The two can not happen to one item.",
            Self::Lost(_) => "Something was lost.",
        }
    }
}

/// What one device has changed, and what of it is there in the end.
struct Effect<'s> {
    added: BTreeSet<&'s str>,
    removed: BTreeSet<&'s str>,
    after: &'s Seen,
    /// No conflict was made or decided.
    is_undecided: bool,
    /// Added, and neither shown nor to be chosen in the end.
    lost: Vec<&'s str>,
    /// Added, and not shown but to be chosen in the end.
    beside: Vec<&'s str>,
    /// Removed, and there in the end.
    back: Vec<&'s str>,
}

impl<'s> Effect<'s> {
    fn of(before: &'s Seen, after: &'s Seen, end: &Seen) -> Self {
        let minus = |a: &'s Seen, b: &'s Seen| -> BTreeSet<&'s str> {
            a.shown.difference(&b.shown).map(String::as_str).collect()
        };
        let (added, removed) = (minus(after, before), minus(before, after));
        let hidden = added
            .iter()
            .copied()
            .filter(|line| !end.shown.contains(*line) && !is_heard_in_vain(line, end));
        let (beside, lost): (Vec<_>, Vec<_>) = hidden.partition(|line| end.can_choose(line));
        let is_back = |line: &&str| {
            end.shown.contains(*line) && !beside.iter().any(|hidden| name(hidden) == name(line))
        };
        let back = removed.iter().copied().filter(is_back).collect();
        let is_undecided = before.choices == after.choices;
        Self {
            added,
            removed,
            after,
            is_undecided,
            lost,
            beside,
            back,
        }
    }

    fn is_none(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.is_undecided
    }

    fn is_removal(&self) -> bool {
        self.added.is_empty() && !self.removed.is_empty()
    }

    fn is_whole(&self) -> bool {
        self.lost.is_empty() && self.back.is_empty()
    }
}

impl Seen {
    fn can_choose(&self, line: &str) -> bool {
        let line = line.rsplit_once('|').map_or(line, |(_, line)| line);
        let value = line.split_once(':').map_or(line, |(_, value)| value);
        let mut all = self.choices.values().flatten();
        all.any(|choice| choice.contains(value.trim_start()))
    }
}

/// That an alarm was heard says nothing where it was heard later too, or is not there any more.
fn is_heard_in_vain(line: &str, end: &Seen) -> bool {
    let Some((of, _)) = line.split_once("|alarm: ACKNOWLEDGED") else {
        return false;
    };
    let alarm = format!("{of}|alarm: ");
    let mut lines = end.shown.iter().filter(|line| line.starts_with(&alarm));
    let is_later =
        |other: &&String| other.contains("|alarm: ACKNOWLEDGED") && other.as_str() > line;
    lines.clone().next().is_none() || lines.any(|other| is_later(&other))
}

/// The collection, occurrence and property of a line.
fn name(line: &str) -> &str {
    line.split([':', ';']).next().unwrap_or(line)
}

/// What came of it, where one device made `one` of `before` and another made `other` of it.
pub(super) fn outcome(before: &Seen, one: &Seen, other: &Seen, end: &Seen) -> Outcome {
    let (a, b) = (Effect::of(before, one, end), Effect::of(before, other, end));
    if end.shown.is_empty() && !end.trashed {
        return Outcome::Lost("everything".into());
    }
    if end.trashed && !(one.trashed && other.trashed) && !has_moved(end) {
        return Outcome::Gone;
    }
    let is_gone_for = |one: &Effect<'_>, other: &Effect<'_>| {
        let mut both = one.removed.intersection(&other.removed);
        let has_changed = |line: &&str| other.added.iter().any(|new| name(new) == name(line));
        one.is_removal() && both.any(has_changed)
    };
    if a.is_whole() && b.is_whole() && (is_gone_for(&a, &b) || is_gone_for(&b, &a)) {
        return Outcome::Stays;
    }
    let is_of = |seen: &Seen| end.shown == seen.shown && end.choices == seen.choices;
    if (is_of(one) && b.is_whole()) || (is_of(other) && a.is_whole()) {
        return Outcome::One;
    }
    if end.asked.difference(&before.asked).next().is_some() {
        return Outcome::Day;
    }
    if end.doubts.difference(&before.doubts).next().is_some() {
        return Outcome::Told;
    }
    for (loser, winner) in [(&a, &b), (&b, &a)] {
        let removes = loser.after.trashed || loser.is_removal();
        if removes && !loser.back.is_empty() && winner.is_whole() {
            return Outcome::Stays;
        }
        // a copy was made elsewhere, and the rest is where it was
        if !loser.is_whole() && end.trashed && winner.after.trashed && winner.is_whole() {
            return Outcome::Gone;
        }
        let of_mail = loser
            .lost
            .iter()
            .all(|line| name(line).ends_with("ATTENDEE"));
        let is_newer = winner.added.iter().any(|line| line.ends_with("SEQUENCE:1"));
        if !loser.is_whole() && of_mail && is_newer && winner.is_whole() {
            return Outcome::Newer;
        }
    }
    if !a.is_whole() || !b.is_whole() {
        let lost = format!(
            "{:?}, {:?}; back {:?}, {:?}",
            a.lost, b.lost, a.back, b.back
        );
        return Outcome::Lost(lost);
    }
    let is_new = |(key, values): (&String, &BTreeSet<String>)| {
        let same = |seen: &Seen| seen.choices.get(key) == Some(values);
        !same(one) && !same(other)
    };
    if !a.beside.is_empty() || !b.beside.is_empty() || end.choices.iter().any(is_new) {
        return Outcome::Asks;
    }
    match a.is_none() || b.is_none() {
        true => Outcome::One,
        false => Outcome::Both,
    }
}

/// It is in the trash of one collection, and in another one.
fn has_moved(end: &Seen) -> bool {
    end.shown.iter().any(|line| line.starts_with("Moved|"))
}
