//! The text of a VTIMEZONE into its observances (RFC 5545 §3.6.5).

use super::super::bounds::LONGEST_DEFINITION;
use super::super::civil::Local;
use super::super::rule::Rule;
use super::super::value::{Mark, date_time, offset};
use crate::text::line::Line;

/// A definition: when which offset begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Definition {
    pub(super) observances: Vec<Observance>,
    /// The IANA name that libical and Mozilla write beside it.
    pub(super) location: Option<String>,
}

/// One STANDARD or DAYLIGHT.
#[derive(Clone, Debug)]
pub(super) struct Observance {
    pub(super) start: Local,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) rules: Vec<Rule>,
    pub(super) dates: Vec<(Local, Mark)>,
}

/// Why the definition of a zone cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DefinitionError {
    /// Longer than [`LONGEST_DEFINITION`].
    #[error("its definition is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// No STANDARD or DAYLIGHT in it has a start and an offset.
    #[error("its definition holds no offset")]
    Empty,
    /// A rule in it is not understood.
    #[error("its definition has a rule that is not understood")]
    BadRule,
    /// It has too many onsets, or takes too much work.
    #[error("its definition changes more often than {limit} times")]
    TooManyOnsets {
        /// The limit.
        limit: usize,
    },
}

#[derive(Default)]
struct Open {
    start: Option<Local>,
    from: Option<i64>,
    to: Option<i64>,
    rules: Vec<Rule>,
    dates: Vec<(Local, Mark)>,
}

impl Definition {
    /// Reads the lines of a VTIMEZONE; what they say beyond offsets does not matter here.
    pub(super) fn read(text: &str) -> Result<Self, DefinitionError> {
        if text.len() > LONGEST_DEFINITION {
            return Err(DefinitionError::TooLong {
                limit: LONGEST_DEFINITION,
            });
        }
        let mut definition = Self::default();
        let mut open = None::<Open>;
        for line in text.split('\n').filter_map(Line::read) {
            let is = |name: &str| line.name.eq_ignore_ascii_case(name);
            let names_observance = || {
                let value = line.value.trim();
                value.eq_ignore_ascii_case("STANDARD") || value.eq_ignore_ascii_case("DAYLIGHT")
            };
            if is("BEGIN") && names_observance() {
                open = Some(Open::default());
            } else if is("END") && names_observance() {
                let done = open.take().and_then(Open::close);
                definition.observances.extend(done);
            } else if let Some(open) = &mut open {
                open.line(line)?;
            } else if is("X-LIC-LOCATION") {
                definition.location = Some(line.value.trim().to_owned());
            }
        }
        Ok(definition)
    }
}

impl Open {
    fn line(&mut self, line: Line<'_>) -> Result<(), DefinitionError> {
        match line.name.to_ascii_uppercase().as_str() {
            "DTSTART" => self.start = date_time(line.value).map(|(local, _)| local),
            "TZOFFSETFROM" => self.from = offset(line.value),
            "TZOFFSETTO" => self.to = offset(line.value),
            "RRULE" => {
                let rule = Rule::read(line.value).map_err(|_| DefinitionError::BadRule)?;
                self.rules.push(rule);
            }
            "RDATE" => {
                let first = |value: &str| value.split('/').next().and_then(date_time);
                self.dates.extend(line.value.split(',').filter_map(first));
            }
            _ => {}
        }
        Ok(())
    }

    /// What lacks one of its offsets has had the other before.
    fn close(self) -> Option<Observance> {
        let to = self.to.or(self.from)?;
        Some(Observance {
            start: self.start?,
            from: self.from.unwrap_or(to),
            to,
            rules: self.rules,
            dates: self.dates,
        })
    }
}
