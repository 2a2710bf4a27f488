//! Words about what was changed differently on two devices.

use clap::{ArgGroup, Args, Subcommand, ValueEnum};

use crate::api::{Choice, OccurrenceChoice};

/// Show what was changed differently on two devices, and decide
///
/// Nothing is lost: one value is shown everywhere ("this"), the others are kept and listed
/// here, each with who wrote it, where and when.
///
/// Example: pimesh conflicts
///          pimesh conflicts resolve 7kq2 TITLE --keep that
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Conflicts {
    /// Without it, all are listed.
    #[command(subcommand)]
    pub(crate) by: Option<ConflictsBy>,
}

/// What to do about them.
#[derive(Debug, Subcommand)]
pub(crate) enum ConflictsBy {
    Resolve(Resolve),
}

/// Decide what a property shall hold, on all devices
///
/// The values that are not kept stay in the item's history: see pimesh log, pimesh undo.
///
/// Example: pimesh conflicts resolve 7kq2 TITLE --keep that
///          pimesh conflicts resolve 7kq2 TEL --keep both
///          pimesh conflicts resolve 7kq2 NOTE --merge
///          pimesh conflicts resolve m3xd Europe/Berlin:20250330T090000 --occurrence day
#[derive(Debug, Args)]
#[command(verbatim_doc_comment, group = ArgGroup::new("decision").required(true))]
pub(crate) struct Resolve {
    /// The item's id, as `conflicts` shows it
    pub(crate) item: String,
    /// The property, such as TITLE; or its key, where two of that name are in conflict
    pub(crate) property: String,
    /// this (the one shown), that (the other), a number or an id from the list, or both
    #[arg(long, value_name = "WHICH", value_parser = keep, group = "decision")]
    pub(crate) keep: Option<Keep>,
    /// Another value, as plain text
    #[arg(long, value_name = "TEXT", group = "decision")]
    pub(crate) value: Option<String>,
    /// Bring the lines of all texts together, where that makes nothing up
    #[arg(long, group = "decision")]
    pub(crate) merge: bool,
    /// What becomes of an occurrence in question; PROPERTY is then the occurrence, as
    /// `conflicts` shows it
    #[arg(long, value_enum, value_name = "HOW", group = "decision")]
    pub(crate) occurrence: Option<OccurrenceWord>,
}

/// What becomes of an occurrence, as typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OccurrenceWord {
    /// It takes place as it says; of two versions, this one
    Keep,
    /// It is moved to the time that the series has on that day
    Day,
    /// What it says becomes what the whole series says
    Series,
    /// It goes; of two versions, the other one stays
    Delete,
}

impl From<OccurrenceWord> for OccurrenceChoice {
    fn from(word: OccurrenceWord) -> Self {
        match word {
            OccurrenceWord::Keep => Self::Keep,
            OccurrenceWord::Day => Self::Day,
            OccurrenceWord::Series => Self::Series,
            OccurrenceWord::Delete => Self::Delete,
        }
    }
}

/// What to keep, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// All of them.
    Both,
    /// One of them.
    One(Choice),
}

/// Digits up to which a number is a place in the list; longer ones begin an id.
const PLACE: usize = 2;

fn keep(text: &str) -> Result<Keep, String> {
    Ok(match text {
        "both" => Keep::Both,
        "this" => Keep::One(Choice::This),
        "that" => Keep::One(Choice::That),
        _ if text.len() <= PLACE => {
            let number = text.parse().map_err(|_| HOW)?;
            Keep::One(Choice::Number(number))
        }
        _ if text.bytes().all(|b| b.is_ascii_hexdigit()) => Keep::One(Choice::Id(text.into())),
        _ => return Err(HOW.into()),
    })
}

const HOW: &str = "say this, that, both, or a number or an id from `pimesh conflicts`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_keep_is_a_word_a_place_or_an_id() {
        assert_eq!(keep("this"), Ok(Keep::One(Choice::This)));
        assert_eq!(keep("both"), Ok(Keep::Both));
        assert_eq!(keep("2"), Ok(Keep::One(Choice::Number(2))));
        assert_eq!(keep("1234567"), Ok(Keep::One(Choice::Id("1234567".into()))));
        assert!(keep("mine").is_err() && keep("x").is_err());
    }
}
