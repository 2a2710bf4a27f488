//! What a person should know about when an item is: why it may be shown at another time, or
//! less often, than its writer meant.

use super::civil::Local;
use super::rule::RuleError;
use super::zone::DefinitionError;

/// Something about the times of an item that could not be computed as written, or that programs
/// see differently.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Flag {
    /// No name that is known and no definition that can be used.
    #[error("unknown zone {tzid:?}, taken as floating")]
    UnknownZone {
        /// As written.
        tzid: String,
    },
    /// The definition that travels with the value is not used.
    #[error("zone {tzid:?}: {problem}")]
    BadDefinition {
        /// As written.
        tzid: String,
        /// Why.
        problem: DefinitionError,
    },
    /// The name and the definition of a zone mean different instants for an occurrence: programs
    /// that go by one show it at another time than those that go by the other.
    #[error("zone {tzid:?}: at {local} its definition is {seconds} s from {name}")]
    ZonesDisagree {
        /// As written.
        tzid: String,
        /// The IANA zone it stands for.
        name: String,
        /// The first occurrence found, on its clock.
        local: Local,
        /// How much later the instant is by what is not computed with.
        seconds: i64,
    },
    /// A rule that is not used: the item is shown without it, by its first occurrence.
    #[error("the rule {rule:?} is not understood: {reason}")]
    RuleNotUnderstood {
        /// As written, cut to a line.
        rule: String,
        /// Why.
        reason: RuleError,
    },
    /// A value that is no time.
    #[error("{property} is no time: {value:?}")]
    Unreadable {
        /// The property.
        property: &'static str,
        /// Its value, cut to a line.
        value: String,
    },
    /// A date among times, or a time among dates; read as what stands around it.
    #[error("{property} {value:?} is not of the kind of DTSTART")]
    OtherKind {
        /// The property.
        property: &'static str,
        /// Its value, cut to a line.
        value: String,
    },
    /// Taken as if it ended when it starts.
    #[error("it ends before it starts")]
    EndsBeforeItStarts,
    /// The first of them is taken.
    #[error("{property} is there more than once")]
    Repeated {
        /// The property.
        property: &'static str,
    },
    /// RANGE=THISANDPRIOR of RFC 2445; taken as of one occurrence.
    #[error("the range of override {id} is not supported")]
    OtherRange {
        /// The override's recurrence id as it stands in keys.
        id: String,
    },
    /// The rule of an override, which has none by RFC 5545, is not used.
    #[error("override {id} has a rule of its own")]
    RuleInOverride {
        /// The override's recurrence id as it stands in keys.
        id: String,
    },
    /// Occurrences after the first so many are left out.
    #[error("more than {limit} occurrences; the later ones are left out")]
    TooManyOccurrences {
        /// The limit.
        limit: usize,
    },
    /// Occurrences may be missing.
    #[error("its rules take more than {limit} steps; occurrences may be missing")]
    TooMuchWork {
        /// The limit.
        limit: u64,
    },
    /// Too many items before it took too much work.
    #[error("its times were not examined")]
    NotExamined,
    /// Times that are kept outside the item are not here yet.
    #[error("its times are not on this device yet")]
    NotHere,
}

impl Flag {
    /// True where occurrences may be missing, so that nothing can be proven about all.
    pub fn hides_occurrences(&self) -> bool {
        match self {
            Self::TooManyOccurrences { .. }
            | Self::TooMuchWork { .. }
            | Self::NotExamined
            | Self::NotHere => true,
            Self::UnknownZone { .. }
            | Self::BadDefinition { .. }
            | Self::ZonesDisagree { .. }
            | Self::RuleNotUnderstood { .. }
            | Self::Unreadable { .. }
            | Self::OtherKind { .. }
            | Self::EndsBeforeItStarts
            | Self::Repeated { .. }
            | Self::OtherRange { .. }
            | Self::RuleInOverride { .. } => false,
        }
    }
}

/// What is repeated of a value in a flag: so much of its beginning, in characters.
const LONGEST_QUOTE: usize = 80;

pub(crate) fn quote(text: &str) -> String {
    text.chars().take(LONGEST_QUOTE).collect()
}

/// Adds a flag that is not there yet.
pub(crate) fn raise(flags: &mut Vec<Flag>, flag: Flag) {
    if !flags.contains(&flag) {
        flags.push(flag);
    }
}
