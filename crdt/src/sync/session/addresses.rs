//! Where members listen: passed on once to each peer, and never back to who told it.

use std::collections::BTreeSet;

use super::{Output, Phase, Session};
use crate::sync::codec::{LONGEST_RECORD, MOST_RECORDS};
use crate::sync::message::{Bytes, Frame};

/// Records that are remembered as known to both; then some may be told twice.
const MOST_KNOWN: usize = 1_024;

/// Records of addresses of one session.
#[derive(Debug, Default)]
pub(super) struct Addresses {
    /// What both ends know, by hash.
    known: BTreeSet<[u8; 32]>,
    /// What is to be told once the session is open.
    waiting: Vec<Vec<u8>>,
}

impl Addresses {
    /// True where it is new to one end.
    fn note(&mut self, record: &[u8]) -> bool {
        if self.known.len() >= MOST_KNOWN {
            self.known.clear();
        }
        self.known.insert(*blake3::hash(record).as_bytes())
    }
}

impl Session {
    /// Tells the peer what it was not told yet, once membership is settled.
    pub(super) fn tell_addresses(&mut self, records: Vec<Vec<u8>>, out: &mut Vec<Output>) {
        let room = MOST_KNOWN.saturating_sub(self.addresses.waiting.len());
        self.addresses
            .waiting
            .extend(records.into_iter().take(room));
        if self.phase != Phase::Open {
            return;
        }
        let mut new = std::mem::take(&mut self.addresses.waiting);
        new.retain(|record| record.len() <= LONGEST_RECORD && self.addresses.note(record));
        for some in new.chunks(MOST_RECORDS) {
            let records = some.iter().cloned().map(Bytes).collect();
            self.send(Frame::Addresses(records), out);
        }
    }

    pub(super) fn hear_addresses(&mut self, records: Vec<Bytes>, out: &mut Vec<Output>) {
        let mut new: Vec<Vec<u8>> = records.into_iter().map(|record| record.0).collect();
        new.retain(|record| self.addresses.note(record));
        if !new.is_empty() {
            out.push(Output::Addresses(new));
        }
    }
}
