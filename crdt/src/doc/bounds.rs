//! How much a change of Automerge's format will grow to when it is read.
//!
//! Its columns are run-length encoded: a few bytes can claim 2^40 operations, and Automerge
//! would make them all. pimesh writes every key of a change once, so its column of keys never
//! repeats, and the number of operations is bounded by the number of bytes. This walks the
//! run lengths of all columns first, without making anything.

use super::leb::{Cursor, Run};

/// The most superseded operations that one change may name.
const MOST_SUPERSEDED: u64 = 1 << 20;

/// Kinds of columns, as the low bits of their specification tell.
const GROUP: u64 = 0;
const DELTA: u64 = 3;
const BOOLEAN: u64 = 4;
const TEXT: u64 = 5;
const RAW: u64 = 7;
const COMPRESSED: u64 = 8;

/// The column of keys of maps, and those of superseded operations.
const KEYS: u64 = 1 << 4 | TEXT;
const SUPERSEDED: u64 = 7;

/// True where reading the change makes no more than its length allows. `bytes` is a whole
/// chunk: magic, checksum, type, length, body.
pub(super) fn are_kept(bytes: &[u8]) -> bool {
    walk(bytes).is_some()
}

fn walk(bytes: &[u8]) -> Option<()> {
    let mut at = Cursor {
        rest: bytes.get(9..)?,
    };
    let length = at.unsigned()?;
    let mut body = Cursor {
        rest: at.take(length)?,
    };
    let deps = body.unsigned()?;
    body.take(deps.checked_mul(32)?)?;
    body.prefixed()?; // actor
    body.unsigned()?; // seq
    body.unsigned()?; // start
    body.signed()?; // time
    body.prefixed()?; // message
    for _ in 0..body.unsigned()? {
        body.prefixed()?; // other actors; each takes a byte at least
    }
    let columns = body.unsigned()?;
    let mut sizes: Vec<(u64, u64)> = Vec::new();
    for _ in 0..columns {
        sizes.push((body.unsigned()?, body.unsigned()?));
    }
    let mut found: Vec<(u64, Cursor<'_>)> = Vec::new();
    for (kind, size) in sizes {
        if kind & COMPRESSED != 0 {
            return None;
        }
        let rest = body.take(size)?;
        found.push((kind, Cursor { rest }));
    }
    let keys = found.iter().find(|(kind, _)| *kind == KEYS)?;
    let operations = keys.1.clone().distinct()?;
    let groups = found
        .iter()
        .find(|(kind, _)| *kind == SUPERSEDED << 4 | GROUP);
    let superseded = match groups {
        Some((_, groups)) => groups.clone().sum(operations)?,
        None => 0,
    };
    if superseded > MOST_SUPERSEDED {
        return None;
    }
    for (kind, column) in found {
        let most = if kind >> 4 == SUPERSEDED && kind & 7 != GROUP {
            superseded
        } else {
            operations
        };
        column.bounded(kind & 7, most)?;
    }
    Some(())
}

impl Cursor<'_> {
    /// How many texts a column holds that never repeats one and leaves none out.
    fn distinct(mut self) -> Option<u64> {
        let mut total = 0_u64;
        while !self.rest.is_empty() {
            match self.run()? {
                Run::Different(n) => {
                    for _ in 0..n {
                        self.prefixed()?;
                    }
                    total += n;
                }
                Run::Same(1) => {
                    self.prefixed()?;
                    total += 1;
                }
                Run::Same(_) | Run::Null(_) => return None,
            }
        }
        Some(total)
    }

    /// The sum of the numbers of a column of at most so many.
    fn sum(mut self, most: u64) -> Option<u64> {
        let (mut total, mut count) = (0_u64, 0_u64);
        while !self.rest.is_empty() {
            match self.run()? {
                Run::Different(n) => {
                    for _ in 0..n {
                        total = total.checked_add(self.unsigned()?)?;
                    }
                    count = count.checked_add(n)?;
                }
                Run::Same(n) => {
                    total = total.checked_add(self.unsigned()?.checked_mul(n)?)?;
                    count = count.checked_add(n)?;
                }
                Run::Null(n) => count = count.checked_add(n)?,
            }
        }
        (count <= most).then_some(total)
    }

    /// Whether a column of this kind holds at most so many values.
    fn bounded(mut self, kind: u64, most: u64) -> Option<()> {
        if kind == RAW {
            return Some(());
        }
        let mut count = 0_u64;
        while !self.rest.is_empty() {
            if kind == BOOLEAN {
                count = count.checked_add(self.unsigned()?)?;
                continue;
            }
            let (n, values) = match self.run()? {
                Run::Same(n) => (n, 1),
                Run::Null(n) => (n, 0),
                Run::Different(n) => (n, n),
            };
            count = count.checked_add(n)?;
            if count > most {
                return None;
            }
            for _ in 0..values {
                match kind {
                    TEXT => drop(self.prefixed()?),
                    DELTA => drop(self.signed()?),
                    _ => drop(self.unsigned()?),
                }
            }
        }
        (count <= most).then_some(())
    }
}
