//! What is said about times: when something takes place, what a person should know about it,
//! and what two devices made of one occurrence.

use serde::{Deserialize, Serialize};

/// Something a person should know about the times of an item. Nothing is refused or lost
/// because of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeFlag {
    /// What it is, for scripts.
    pub reason: FlagReason,
    /// The occurrence it is about (a RECURRENCE-ID), where it is about one.
    pub occurrence: Option<String>,
    /// The same in words.
    pub words: String,
}

/// Why the times of an item are flagged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlagReason {
    /// The zone is neither known nor described: read as the clock on the wall.
    UnknownZone,
    /// The description of the zone cannot be used.
    UnusableZone,
    /// Programs that go by the name of the zone and those that go by its description show
    /// other times.
    ZonesDisagree,
    /// How it repeats is not understood: only the first time is shown.
    RuleNotUnderstood,
    /// It repeats by another calendar (RFC 7529): only the first time is shown.
    OtherCalendar,
    /// Something that should be a time is none.
    NotATime,
    /// A date among times, or a time among dates.
    MixedKinds,
    /// It ends before it starts: shown as if it had no length.
    EndsBeforeItStarts,
    /// What may be there once is there more than once: the first is taken.
    Repeated,
    /// An occurrence speaks for earlier ones too, which is not supported.
    OtherRange,
    /// An occurrence has a rule of its own, which is not used.
    RuleInOccurrence,
    /// More occurrences than are shown.
    TooManyOccurrences,
    /// More work than one item may cause: occurrences may be missing.
    TooMuchWork,
    /// Other items took too much work: this one's times were not looked at.
    NotExamined,
    /// Its times are still on another device.
    NotHere,
    /// An occurrence was changed that the series does not have.
    OccurrenceGone,
    /// An occurrence was both changed and called off.
    ChangedAndCalledOff,
    /// Two versions of one occurrence.
    TwoOfOneOccurrence,
    /// What was read takes place at other times than what is shown.
    ShownOtherwise,
    /// What was written does not take place when the item does.
    WrittenOtherwise,
    /// After changes made apart were put together it takes place when nobody meant it to.
    MergedOtherwise,
}

impl FlagReason {
    /// As scripts read it.
    pub fn word(self) -> &'static str {
        match self {
            Self::UnknownZone => "unknown_zone",
            Self::UnusableZone => "unusable_zone",
            Self::ZonesDisagree => "zones_disagree",
            Self::RuleNotUnderstood => "rule_not_understood",
            Self::OtherCalendar => "other_calendar",
            Self::NotATime => "not_a_time",
            Self::MixedKinds => "mixed_kinds",
            Self::EndsBeforeItStarts => "ends_before_it_starts",
            Self::Repeated => "repeated",
            Self::OtherRange => "other_range",
            Self::RuleInOccurrence => "rule_in_occurrence",
            Self::TooManyOccurrences => "too_many_occurrences",
            Self::TooMuchWork => "too_much_work",
            Self::NotExamined => "not_examined",
            Self::NotHere => "not_here",
            Self::OccurrenceGone => "occurrence_gone",
            Self::ChangedAndCalledOff => "changed_and_called_off",
            Self::TwoOfOneOccurrence => "two_of_one_occurrence",
            Self::ShownOtherwise => "shown_otherwise",
            Self::WrittenOtherwise => "written_otherwise",
            Self::MergedOtherwise => "merged_otherwise",
        }
    }
}

/// An item with something to know about its times.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlaggedItem {
    /// Its short id.
    pub item: String,
    /// What people call it.
    pub name: String,
    /// Its UID as written.
    pub uid: String,
    /// What to know.
    pub flags: Vec<TimeFlag>,
}

/// Reply to `list` with days: what takes place in them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agenda {
    /// The first day.
    pub from: String,
    /// The last day.
    pub to: String,
    /// The zone that days and times are shown in: an IANA name.
    pub zone: String,
    /// In the order of their starts, at most as many as asked for.
    pub occurrences: Vec<AgendaEntry>,
    /// How many there are in all, or were found before it was enough.
    pub total: u64,
    /// There are more than were found.
    pub cut: bool,
    /// Items that are shown with a reservation, or not at all; at most some hundred.
    pub flagged: Vec<FlaggedItem>,
}

/// One time that something takes place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgendaEntry {
    /// The item's short id.
    pub id: String,
    /// The item's document id, in hexadecimal.
    pub doc: String,
    /// The collection's name.
    pub collection: String,
    /// `event` or `task`.
    pub kind: String,
    /// What people call this occurrence.
    pub name: String,
    /// When it begins: `2026-11-22` (all day), `2026-11-22T10:00:00` (local wherever one is),
    /// or `2026-11-22T10:00:00+01:00`, in the zone of the list.
    pub start: String,
    /// When it ends, in the same form; of whole days the day after the last.
    pub end: String,
    /// Its own zone as written; none for days and local times.
    pub zone: Option<String>,
    /// It is one of several.
    pub recurring: bool,
    /// It differs from its series: the RECURRENCE-ID of what says so.
    pub occurrence: Option<String>,
    /// It was called off.
    pub cancelled: bool,
    /// Whether it takes place is in question: `show` says why.
    pub in_question: bool,
}

/// Two things that devices made of one occurrence and that do not fit together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OccurrenceConflict {
    /// The short id of the item.
    pub item: String,
    /// What people call the item.
    pub name: String,
    /// The collection's name.
    pub collection: String,
    /// The occurrence, as commands take it.
    pub occurrence: String,
    /// What is in question: `occurrence_gone`, `changed_and_called_off` or
    /// `two_of_one_occurrence`.
    pub reason: FlagReason,
    /// The same in words.
    pub words: String,
    /// What the occurrence says of itself: its title, where it has one.
    pub title: Option<String>,
    /// When it begins, as written, in the form of `ItemSummary::start`.
    pub start: Option<String>,
    /// The other version, of two.
    pub other: Option<String>,
    /// What can be decided.
    pub choices: Vec<OccurrenceChoice>,
}

/// What becomes of an occurrence in question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OccurrenceChoice {
    /// It takes place as it says; of two, this one.
    Keep,
    /// It is moved to the occurrence that the series has on that day.
    Day,
    /// What it says becomes what the whole series says, but for its time.
    Series,
    /// It goes; of two, the other one stays.
    Delete,
}

#[cfg(test)]
mod tests {
    use super::FlagReason;

    #[test]
    fn a_reason_is_the_same_word_everywhere() {
        let doc = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md"));
        for reason in [
            FlagReason::UnknownZone,
            FlagReason::UnusableZone,
            FlagReason::ZonesDisagree,
            FlagReason::RuleNotUnderstood,
            FlagReason::OtherCalendar,
            FlagReason::NotATime,
            FlagReason::MixedKinds,
            FlagReason::EndsBeforeItStarts,
            FlagReason::Repeated,
            FlagReason::OtherRange,
            FlagReason::RuleInOccurrence,
            FlagReason::TooManyOccurrences,
            FlagReason::TooMuchWork,
            FlagReason::NotExamined,
            FlagReason::NotHere,
            FlagReason::OccurrenceGone,
            FlagReason::ChangedAndCalledOff,
            FlagReason::TwoOfOneOccurrence,
            FlagReason::ShownOtherwise,
            FlagReason::WrittenOtherwise,
            FlagReason::MergedOtherwise,
        ] {
            let word = serde_json::to_value(reason).unwrap();
            assert_eq!(word, reason.word());
            assert!(doc.contains(&format!("`{}`", reason.word())), "{word}");
        }
    }
}
