//! Bytes to frames and back, within limits. The only place that knows the encoding.
//!
//! The transport carries each frame with its length in front; a frame is at most
//! [`LARGEST_FRAME`] bytes. Whatever bytes come in, decoding them ends in a frame within
//! all limits or in an error, and takes no more memory than a few times their length.

use super::message::{Frame, Have, Hello, Recon, VERSION};
use super::recon;

/// The largest frame, encoded. What the transport has to accept.
pub const LARGEST_FRAME: usize = 4 << 20;
/// Raw changes that a sender puts into one frame: the loss of one costs little, and larger ones
/// are packed hardly better.
pub const TARGET_CHANGES: usize = 256 << 10;
/// The changes of a frame, unpacked.
pub const LARGEST_CHANGES: usize = 24 << 20;
/// Entries in one frame.
pub const MOST_ENTRIES: usize = 65_536;
/// Origins in one version vector.
pub const MOST_ORIGINS: usize = 4_096;
/// Points of a history in one frame: a log of a million changes is searched in four.
pub const MOST_POINTS: usize = 32;
/// Collections that a peer may speak of.
pub const MOST_COLLECTIONS: usize = 1_024;
/// Statements of membership in one frame: all there are.
pub const MOST_STATEMENTS: usize = 4_096;
/// Blobs wanted at once.
pub const MOST_WANTED: usize = 64;
/// One piece of a blob.
pub const LARGEST_PIECE: usize = 256 << 10;
/// Documents wanted anew at once.
pub const MOST_DOCS: usize = 16_384;
/// Records of addresses in one frame.
pub const MOST_RECORDS: usize = 256;
/// The longest record of addresses: room for sixteen of the longest.
pub const LONGEST_RECORD: usize = 8 << 10;
/// A reason for people.
pub const LONGEST_REASON: usize = 512;
/// Numbers stay below 2^53, so that every program can count them.
pub const LARGEST_NUMBER: u64 = 1 << 53;

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Longer than any frame may be.
    #[error("a frame of {bytes} bytes is over the limit of {LARGEST_FRAME}")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// Not of the form.
    #[error("a frame that can not be read")]
    Malformed,
    /// A Hello of another version of the protocol, which may look otherwise.
    #[error("the other device speaks version {0} of the protocol, this one version {VERSION}")]
    Version(u32),
    /// Something in it is over its limit.
    #[error("a frame with too many {0}")]
    TooMany(&'static str),
}

fn config() -> impl bincode::config::Config {
    bincode::config::standard().with_limit::<LARGEST_FRAME>()
}

/// The bytes of a frame. Fails only for one that a peer would refuse.
pub fn encode(frame: &Frame) -> Result<Vec<u8>, CodecError> {
    check(frame)?;
    let bytes =
        bincode::serde::encode_to_vec(frame, config()).map_err(|_| CodecError::Malformed)?;
    match bytes.len() {
        bytes if bytes > LARGEST_FRAME => Err(CodecError::TooLarge { bytes }),
        _ => Ok(bytes),
    }
}

/// The frame in these bytes, all of them.
pub fn decode(bytes: &[u8]) -> Result<Frame, CodecError> {
    if bytes.len() > LARGEST_FRAME {
        return Err(CodecError::TooLarge { bytes: bytes.len() });
    }
    if let [0, version @ ..] = bytes {
        let (version, _) = bincode::decode_from_slice::<u32, _>(version, config())
            .map_err(|_| CodecError::Malformed)?;
        if version != VERSION {
            return Err(CodecError::Version(version));
        }
    }
    let (frame, read) = bincode::serde::decode_from_slice::<Frame, _>(bytes, config())
        .map_err(|_| CodecError::Malformed)?;
    if read != bytes.len() {
        return Err(CodecError::Malformed);
    }
    check(&frame)?;
    Ok(frame)
}

fn at_most(count: usize, limit: usize, what: &'static str) -> Result<(), CodecError> {
    match count {
        count if count > limit => Err(CodecError::TooMany(what)),
        _ => Ok(()),
    }
}

fn numbers(mut all: Box<dyn Iterator<Item = u64> + '_>) -> Result<(), CodecError> {
    match all.any(|n| n >= LARGEST_NUMBER) {
        true => Err(CodecError::Malformed),
        false => Ok(()),
    }
}

/// Whether a frame about documents is within its limits.
fn check_recon(frame: &Recon) -> Result<(), CodecError> {
    match frame {
        Recon::Ask { from, count, .. } => {
            at_most(*count as usize, recon::MOST_AT_ONCE, "symbols")?;
            symbols_end(*from, u64::from(*count))
        }
        Recon::Symbols(it) => {
            numbers(Box::new([it.size].into_iter()))?;
            let read = recon::Symbol::read(&it.symbols.0).map_err(|_| CodecError::Malformed)?;
            symbols_end(it.from, read.len() as u64)
        }
        Recon::Want { docs, .. } => at_most(docs.len(), MOST_DOCS, "documents"),
        Recon::Anew { .. } => Ok(()),
    }
}

/// Whether symbols from a number on are some, and within what a reconciliation may take.
fn symbols_end(from: u32, count: u64) -> Result<(), CodecError> {
    match u64::from(from) + count {
        end if end > recon::MOST_SYMBOLS => Err(CodecError::TooMany("symbols")),
        _ if count == 0 => Err(CodecError::Malformed),
        _ => Ok(()),
    }
}

/// Whether everything in a frame is within its limit.
fn check(frame: &Frame) -> Result<(), CodecError> {
    match frame {
        Frame::Hello(Hello {
            collections,
            lacking,
            ..
        }) => {
            at_most(collections.len(), MOST_COLLECTIONS, "collections")?;
            numbers(Box::new([*lacking].into_iter()))
        }
        Frame::Beacon(collections) => at_most(collections.len(), MOST_COLLECTIONS, "collections"),
        Frame::Addresses(records) => {
            at_most(records.len(), MOST_RECORDS, "records of addresses")?;
            let longest = records.iter().map(|record| record.0.len()).max();
            at_most(longest.unwrap_or(0), LONGEST_RECORD, "bytes of addresses")
        }
        Frame::Lacks(count) => numbers(Box::new([*count].into_iter())),
        Frame::Membership(statements) => at_most(
            statements.len(),
            MOST_STATEMENTS,
            "statements of membership",
        ),
        Frame::Have(Have {
            vector, retired, ..
        }) => {
            at_most(vector.len(), MOST_ORIGINS, "origins")?;
            at_most(retired.len(), MOST_ORIGINS, "retired origins")?;
            numbers(Box::new(retired.iter().map(|it| it.last)))?;
            numbers(Box::new(vector.iter().map(|it| it.n)))
        }
        Frame::Trace { points, .. } => {
            at_most(points.len(), MOST_POINTS, "points of a history")?;
            numbers(Box::new(points.iter().map(|it| it.n)))
        }
        Frame::Changes(_) => Ok(()),
        Frame::Recon(recon) => check_recon(recon),
        Frame::Ack { reached, .. } => {
            at_most(reached.len(), MOST_ORIGINS, "origins")?;
            numbers(Box::new(reached.iter().map(|it| it.n)))
        }
        Frame::BlobWant(wanted) => {
            at_most(wanted.len(), MOST_WANTED, "blobs")?;
            numbers(Box::new(wanted.iter().map(|it| it.offset)))
        }
        Frame::Blob {
            bytes,
            offset,
            total,
            ..
        } => {
            at_most(bytes.0.len(), LARGEST_PIECE, "bytes of a blob")?;
            numbers(Box::new([*offset, *total].into_iter()))
        }
        Frame::Stopped { reason, .. } | Frame::Close { reason } => {
            at_most(reason.len(), LONGEST_REASON, "words")
        }
    }
}

#[cfg(test)]
mod tests;
