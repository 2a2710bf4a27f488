//! Which zone a TZID is computed with, and what speaks against it.
//!
//! A name that the IANA database or CLDR knows wins over the definition that travels with the
//! value, for two reasons: it is what the programs on the other side use, so the meeting is when
//! they say; and it is kept up to date, while the definition holds what its writer knew then, for
//! Outlook often one year's rules. Where both differ for an occurrence the item is flagged.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use super::definition::{Definition, DefinitionError};
use super::differences::differences;
use super::table::Table;
use super::{Kind, Zone, names};
use crate::BlobHash;
use crate::render::Blobs;
use crate::time::bounds::Budget;
use crate::time::bounds::MOST_ZONE_STEPS;
use crate::time::civil::Local;

/// Definitions that are kept worked out at once, each with up to some hundred onsets.
const MOST_KEPT: usize = 256;

/// Which of two wins where a TZID is a known name and has a definition too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Prefer {
    /// The known name.
    #[default]
    Names,
    /// The definition: how a program sees it that knows no names.
    Definitions,
}

/// What was found behind a TZID.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// What to compute with; nothing where the zone is unknown, which is then taken as
    /// floating.
    pub zone: Option<Zone>,
    /// The IANA name that the TZID stands for.
    pub name: Option<String>,
    /// What the other of name and definition says, where there are both.
    pub other: Option<Zone>,
    /// From when until when, on the clock, the two of them mean different instants.
    pub differences: Arc<[(Local, Local)]>,
    /// Why the definition is not used.
    pub problem: Option<DefinitionError>,
}

/// A TZID, its definition and the years that it is to hold for.
type Wanted = (String, Option<BlobHash>, (i64, i64));

/// Zones that were worked out, to go on with for other items. What a definition says does not
/// depend on where it was found.
#[derive(Clone, Debug, Default)]
pub struct KnownZones(HashMap<Wanted, Resolved>);

/// Looks up zones, and remembers what was worked out.
pub struct Zones<'b> {
    blobs: &'b dyn Blobs,
    prefer: Prefer,
    known: RefCell<HashMap<Wanted, Resolved>>,
    steps: Cell<u64>,
}

impl std::fmt::Debug for Zones<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let known = self.known.borrow().len();
        f.debug_struct("Zones")
            .field("prefer", &self.prefer)
            .field("known", &known)
            .finish_non_exhaustive()
    }
}

impl<'b> Zones<'b> {
    /// Known names win; definitions come from these blobs.
    pub fn new(blobs: &'b dyn Blobs) -> Self {
        Self::preferring(Prefer::Names, blobs)
    }

    /// The same with a choice of what wins.
    pub fn preferring(prefer: Prefer, blobs: &'b dyn Blobs) -> Self {
        Self {
            blobs,
            prefer,
            known: RefCell::default(),
            steps: Cell::new(0),
        }
    }

    /// The same with what was worked out before.
    pub fn knowing(known: KnownZones, blobs: &'b dyn Blobs) -> Self {
        Self {
            known: RefCell::new(known.0),
            ..Self::new(blobs)
        }
    }

    /// What was worked out.
    pub fn into_known(self) -> KnownZones {
        KnownZones(self.known.into_inner())
    }

    /// Where definitions and long registers are looked up.
    pub(crate) fn blobs(&self) -> &'b dyn Blobs {
        self.blobs
    }

    /// How much work all look-ups were so far, in steps.
    pub fn steps(&self) -> u64 {
        self.steps.get()
    }

    /// The blob of this hash as text.
    pub(crate) fn text(&self, hash: BlobHash) -> Option<String> {
        String::from_utf8(self.blobs.bytes(hash)?).ok()
    }

    /// The zone of a TZID with the definition that travels with the value, for times within
    /// these years.
    pub fn resolve(&self, tzid: &str, definition: Option<BlobHash>, years: (i64, i64)) -> Resolved {
        // whole centuries, so that items of one time share one table
        let years = (
            years.0.min(1900) / 100 * 100,
            years.1.max(2099) / 100 * 100 + 99,
        );
        let key = (tzid.to_owned(), definition, years);
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone();
        }
        let resolved = self.look_up(tzid, definition, years);
        let mut known = self.known.borrow_mut();
        if known.len() >= MOST_KEPT {
            known.clear();
        }
        known.insert(key, resolved.clone());
        resolved
    }

    fn look_up(&self, tzid: &str, definition: Option<BlobHash>, years: (i64, i64)) -> Resolved {
        let mut named = names::find(tzid);
        let (mut defined, mut problem) = (None, None);
        if let Some(text) = definition.and_then(|hash| self.text(hash)) {
            let read = Definition::read(&text);
            let mut budget = Budget::new(MOST_ZONE_STEPS);
            match read
                .as_ref()
                .map_err(|e| *e)
                .and_then(|d| Table::new(d, years, &mut budget))
            {
                Ok(table) => defined = Some(Zone(Kind::Defined(Arc::new(table)))),
                Err(error) => problem = Some(error),
            }
            self.steps.set(self.steps.get() + budget.taken());
            if let (None, None, Ok(definition)) = (&named, &defined, &read) {
                named = definition.location.as_deref().and_then(names::find);
            }
        }
        let (name, named) = named
            .map(|(name, zone)| (name, Zone(Kind::Named(zone))))
            .unzip();
        let (zone, other) = match self.prefer {
            Prefer::Names => (named, defined),
            Prefer::Definitions => (defined, named),
        };
        let (zone, other) = if zone.is_none() {
            (other, None)
        } else {
            (zone, other)
        };
        let differences = match (&zone, &other) {
            (Some(zone), Some(other)) => {
                let (differences, steps) = differences(zone, other, years);
                self.steps.set(self.steps.get() + steps);
                differences.into()
            }
            (None, _) | (_, None) => Arc::default(),
        };
        Resolved {
            zone,
            name,
            other,
            differences,
            problem,
        }
    }
}
