//! Items into text.
//!
//! ```text
//!   store ──Item──► [render] ──► .vcf, .ics, the clients
//! ```
//!
//! Invariants: what is rendered and read again is the same item, register for register, but for
//! the METHOD of a calendar;
//! values are written as they were stored; groups are numbered anew. Never fails: bytes that
//! have not arrived yet leave their property out, and say which.

mod calendar;
mod card;
mod fold;
mod register;
#[cfg(test)]
mod tests;

pub use calendar::Calendars;

use crate::BlobHash;
use crate::item::{Item, kind};

/// Where the bytes that registers name are looked up.
pub trait Blobs {
    /// The bytes, where they are here.
    fn bytes(&self, hash: BlobHash) -> Option<Vec<u8>>;
}

impl<F: Fn(BlobHash) -> Option<Vec<u8>>> Blobs for F {
    fn bytes(&self, hash: BlobHash) -> Option<Vec<u8>> {
        self(hash)
    }
}

/// A rendered text, and what had to be left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    /// Lines ended by CRLF, folded at 75 octets.
    pub text: String,
    /// Blobs that have not arrived from the other device yet.
    pub missing: Vec<BlobHash>,
}

/// One item as a text of its own: a VCARD, or a VCALENDAR with the zones it uses.
pub fn render(item: &Item, blobs: &dyn Blobs) -> Rendered {
    if item.kind == kind::VCARD {
        card::render(item, blobs)
    } else {
        let mut calendars = Calendars::default();
        calendars.add(item, blobs);
        calendars.finish()
    }
}

/// The name of the component that an item is.
pub(crate) fn component_name(item: &Item) -> String {
    item.kind.to_ascii_uppercase()
}
