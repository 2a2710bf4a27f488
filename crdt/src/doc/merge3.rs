//! Two notes changed apart, brought together line by line.
//!
//! Notes are plain strings in a document: two rewrites are never mixed by themselves. Where a
//! person asks for it, the values in conflict are merged against the nearest value that all
//! their writers had before; where the same lines were changed differently, nothing is made up.

use super::history::History;
use super::{Shown, View};
use crate::canon;
use crate::item::register::{Stored, outside_hash};
use crate::item::{key, names};
use crate::text::escape;

/// Why values can not be brought together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotMerge {
    /// Nothing clashes under this key.
    #[error("nothing is in conflict there")]
    NoConflict,
    /// A number, an address or a date has no lines to merge.
    #[error("only free text can be merged, such as NOTE or DESCRIPTION")]
    NotText,
    /// A text so long that it is kept outside the document.
    #[error("the text is too long to be merged")]
    TooLong,
    /// Each was written without knowing of an earlier value.
    #[error("the values have no earlier value in common")]
    NoAncestor,
    /// The same lines say different things.
    #[error("the same lines were changed differently")]
    SameLines,
}

impl View<'_> {
    /// The values in conflict under a key, merged against the nearest earlier value that all
    /// of them replaced. The result has the parameters of the value that is shown.
    pub fn merged(&self, at: &str) -> Result<String, CannotMerge> {
        let shown = Shown::of(self);
        let conflict = shown
            .conflicts
            .iter()
            .find(|conflict| conflict.key == at)
            .ok_or(CannotMerge::NoConflict)?;
        let name = key::name(at);
        if !names::is_text(name) {
            return Err(CannotMerge::NotText);
        }
        let sides: Vec<&str> = std::iter::once(conflict.shown.as_str())
            .chain(conflict.others.iter().map(|other| other.value.as_str()))
            .collect();
        if sides.iter().any(|side| outside_hash(side).is_some()) {
            return Err(CannotMerge::TooLong);
        }
        let ancestor = self.common(at, conflict).ok_or(CannotMerge::NoAncestor)?;
        let ancestor = lines(ancestor);
        let mut merged = lines(sides[0]);
        for side in &sides[1..] {
            merged = diffy::merge(&ancestor, &merged, &lines(side))
                .map_err(|_| CannotMerge::SameLines)?;
        }
        let text = merged.strip_suffix('\n').unwrap_or(&merged);
        let value = escape::escape(text);
        Ok(Stored {
            value: &value,
            ..Stored::read(&conflict.shown)
        }
        .write())
    }

    /// The nearest value that every side of a conflict has replaced.
    fn common(&self, at: &str, conflict: &super::Conflict) -> Option<&str> {
        let history = History::new(self);
        let name = key::name(at);
        let of = |change| {
            let wrote = |c: &&super::Candidate<'_>| c.change.hash == change;
            self.candidates(at).iter().find(wrote).map(|c| &c.id)
        };
        let first = of(conflict.chosen.change)?;
        let others: Option<Vec<_>> = conflict
            .others
            .iter()
            .map(|other| Some(history.replaced_by(at, of(other.change)?, name)))
            .collect();
        let others = others?;
        history.ancestors(at, first).into_iter().find(|value| {
            let form = canon::form(name, value);
            others.iter().all(|replaced| replaced.contains(&form))
        })
    }
}

/// The plain text, with a line end after every line: the last one is a line like the others.
fn lines(stored: &str) -> String {
    let mut text = escape::unescape(Stored::read(stored).value).replace('\r', "");
    text.push('\n');
    text
}
