//! What came of an edit, an import or a pairing, as flat records.

use pimesh::api;

use crate::agenda::FlaggedItem;
use crate::records::ItemSummary;

/// What an edit did.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Edited {
    /// The item afterwards.
    pub item: ItemSummary,
    /// The names of the properties that changed; none when it already was so.
    pub properties: Vec<String>,
    /// The ids of the items that were written: of a linked person, those that held the values.
    pub items: Vec<String>,
}

impl From<api::Edited> for Edited {
    fn from(edited: api::Edited) -> Self {
        Self {
            item: edited.item.into(),
            properties: edited.properties,
            items: edited.items,
        }
    }
}

/// A part of a text that was not taken in.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct RefusedPart {
    /// The line its BEGIN is on, from 1.
    pub line: u64,
    /// Its name: `VEVENT`.
    pub component: String,
    /// Why.
    pub reason: String,
}

/// What became of the parts of a text.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Imported {
    /// New here.
    pub added: u64,
    /// Here already, and something differed.
    pub changed: u64,
    /// Deleted earlier, alive again.
    pub restored: u64,
    /// Here already, and nothing differed.
    pub same: u64,
    /// What was not taken in.
    pub refused: Vec<RefusedPart>,
    /// What was taken in, and has something to know about its times.
    pub flagged: Vec<FlaggedItem>,
}

impl From<api::ImportReport> for Imported {
    fn from(report: api::ImportReport) -> Self {
        let (mut refused, mut flagged) = (Vec::new(), Vec::new());
        for file in report.files {
            refused.extend(file.refused);
            flagged.extend(file.flagged.into_iter().map(FlaggedItem::from));
        }
        let refused = refused.into_iter();
        Self {
            flagged,
            added: report.totals.added,
            changed: report.totals.changed,
            restored: report.totals.restored,
            same: report.totals.same,
            refused: refused
                .map(|refused| RefusedPart {
                    line: refused.line,
                    component: refused.component,
                    reason: refused.reason,
                })
                .collect(),
        }
    }
}

/// A device that belongs to the mesh from now on.
#[derive(Clone, Debug, PartialEq, Eq, uniffi::Record)]
pub struct Paired {
    /// Its id.
    pub device: String,
    /// Its name.
    pub name: String,
    /// Of both devices together: the same on both.
    pub fingerprint: String,
    /// The names of the collections of both that are one from now on.
    pub united: Vec<String>,
}

impl From<api::Paired> for Paired {
    fn from(paired: api::Paired) -> Self {
        Self {
            device: paired.device,
            name: paired.name,
            fingerprint: paired.fingerprint,
            united: paired.united,
        }
    }
}
