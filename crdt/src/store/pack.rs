//! How a change's bytes lie in the database: zstd, with a dictionary once one was trained.
//!
//! Single changes are small and alike, so a dictionary halves them again. One is trained for
//! each class (contacts and events have little in common), inside its first large batch, and
//! every body says which one it needs; the first four bytes of a zstd frame are the same for
//! all and are left out.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::io::{Error, ErrorKind};

use rusqlite::{Connection, OptionalExtension, params};
use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::{CParameter, compress_bound, get_frame_content_size};

use super::StoreError;

/// What every zstd frame begins with.
const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// zstd's default packs a twentieth smaller and takes longer.
const LEVEL: i32 = 1;
/// A chunk is written once in several edits, and kept for ever.
const CHUNK_LEVEL: i32 = 9;
/// No stored body unpacks to more than this.
const LARGEST: usize = 64 << 20;
/// A batch with this many changes of a class is enough to train a dictionary from.
const ENOUGH_SAMPLES: usize = 300;
/// Dictionaries in use at a time: each takes some memory.
const MOST_DICTIONARIES: usize = 8;
/// More samples than this only cost time.
const MOST_SAMPLES: usize = 300;
/// Samples are cut after so many bytes: what repeats is at the beginning.
const SAMPLE_LENGTH: usize = 1_024;
/// The size of a dictionary.
const DICTIONARY: usize = 48 << 10;

/// The `dict` column of a body that zstd could not shrink.
const AS_IS: i64 = -1;
/// The `dict` column of a body packed without a dictionary.
const PLAIN: i64 = 0;

/// A packed body and the `dict` column that goes with it.
pub(super) struct Packed<'p> {
    pub(super) dict: i64,
    pub(super) body: &'p [u8],
}

/// What bodies are packed with.
struct With {
    dict: i64,
    compressor: Compressor<'static>,
}

/// Packs and unpacks; keeps what zstd needs between calls.
pub(super) struct Packer {
    plain: With,
    /// By the number of the class that each was trained for.
    trained: BTreeMap<i64, With>,
    decompressors: HashMap<i64, Decompressor<'static>>,
    /// The last frame: its room is used again.
    frame: Vec<u8>,
}

impl Packer {
    /// Packs with the newest dictionaries of the database.
    pub(super) fn open(conn: &Connection) -> Result<RefCell<Self>, StoreError> {
        let mut trained = BTreeMap::new();
        let mut statement = conn.prepare("SELECT class, nr, body FROM dict ORDER BY nr")?;
        let mut rows = statement.query(())?;
        while let Some(row) = rows.next()? {
            if trained.len() < MOST_DICTIONARIES {
                let body = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
                trained.insert(row.get(0)?, With::of(row.get(1)?, body)?);
            }
        }
        Ok(RefCell::new(Self {
            plain: With::of(PLAIN, &[])?,
            trained,
            decompressors: HashMap::new(),
            frame: Vec::new(),
        }))
    }

    /// True while a class has no dictionary and these are enough samples for one.
    pub(super) fn wants_training(&self, class: i64, samples: usize) -> bool {
        samples >= ENOUGH_SAMPLES
            && self.trained.len() < MOST_DICTIONARIES
            && !self.trained.contains_key(&class)
    }

    /// Trains a dictionary and packs changes of the class with it from now on. Samples that
    /// zstd finds nothing common in are no error: everything stays as it was.
    pub(super) fn train(
        &mut self,
        conn: &Connection,
        class: i64,
        all: &[&[u8]],
    ) -> Result<(), StoreError> {
        let step = all.len().div_ceil(MOST_SAMPLES).max(1);
        let samples: Vec<&[u8]> = all
            .iter()
            .step_by(step)
            .map(|bytes| &bytes[..bytes.len().min(SAMPLE_LENGTH)])
            .collect();
        let Ok(dictionary) = zstd::dict::from_samples(&samples, DICTIONARY) else {
            return Ok(());
        };
        conn.execute(
            "INSERT INTO dict (class, body) VALUES (?1, ?2)",
            params![class, dictionary],
        )?;
        let with = With::of(conn.last_insert_rowid(), &dictionary)?;
        self.trained.insert(class, with);
        Ok(())
    }

    /// Packs a change of a class.
    pub(super) fn pack<'p>(
        &'p mut self,
        class: i64,
        bytes: &'p [u8],
    ) -> Result<Packed<'p>, StoreError> {
        let with = self.trained.get_mut(&class).unwrap_or(&mut self.plain);
        self.frame.clear();
        self.frame.reserve(compress_bound(bytes.len()));
        with.compressor
            .compress_to_buffer(bytes, &mut self.frame)
            .map_err(StoreError::Body)?;
        match self.frame.strip_prefix(&MAGIC) {
            Some(body) if body.len() < bytes.len() => Ok(Packed {
                dict: with.dict,
                body,
            }),
            _ => Ok(Packed {
                dict: AS_IS,
                body: bytes,
            }),
        }
    }

    /// Packs what is written once and holds much: the `dict` column and the body.
    pub(super) fn pack_chunk(bytes: &[u8]) -> Result<(i64, Vec<u8>), StoreError> {
        let mut packer = With::of_level(PLAIN, &[], CHUNK_LEVEL)?;
        let frame = packer.compressor.compress(bytes);
        let frame = frame.map_err(StoreError::Body)?;
        Ok(match frame.strip_prefix(&MAGIC) {
            Some(body) if body.len() < bytes.len() => (PLAIN, body.to_vec()),
            _ => (AS_IS, bytes.to_vec()),
        })
    }

    pub(super) fn unpack(
        &mut self,
        conn: &Connection,
        dict: i64,
        body: &[u8],
    ) -> Result<Vec<u8>, StoreError> {
        if dict == AS_IS {
            return Ok(body.to_vec());
        }
        let frame = &mut self.frame;
        frame.clear();
        frame.extend_from_slice(&MAGIC);
        frame.extend_from_slice(body);
        let length = get_frame_content_size(frame)
            .ok()
            .flatten()
            .and_then(|length| usize::try_from(length).ok())
            .filter(|length| *length <= LARGEST)
            .ok_or_else(|| StoreError::Body(Error::from(ErrorKind::InvalidData)))?;
        let decompressor = match self.decompressors.entry(dict) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(place) => {
                let dictionary = dictionary(conn, dict)?;
                place.insert(Decompressor::with_dictionary(&dictionary).map_err(StoreError::Body)?)
            }
        };
        decompressor
            .decompress(frame, length)
            .map_err(StoreError::Body)
    }
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer")
            .field("classes", &self.trained.keys())
            .finish_non_exhaustive()
    }
}

impl With {
    fn of(dict: i64, dictionary: &[u8]) -> Result<Self, StoreError> {
        Self::of_level(dict, dictionary, LEVEL)
    }

    fn of_level(dict: i64, dictionary: &[u8], level: i32) -> Result<Self, StoreError> {
        let compressor = || {
            let mut compressor = Compressor::with_dictionary(level, dictionary)?;
            compressor.set_parameter(CParameter::DictIdFlag(false))?;
            compressor.set_parameter(CParameter::ChecksumFlag(false))?;
            compressor.set_parameter(CParameter::ContentSizeFlag(true))?;
            Ok(compressor)
        };
        let compressor = compressor().map_err(StoreError::Body)?;
        Ok(Self { dict, compressor })
    }
}

fn dictionary(conn: &Connection, nr: i64) -> Result<Vec<u8>, StoreError> {
    if nr == PLAIN {
        return Ok(Vec::new());
    }
    conn.query_row("SELECT body FROM dict WHERE nr = ?1", [nr], |row| {
        row.get(0)
    })
    .optional()?
    .ok_or_else(|| StoreError::Corrupt(format!("dictionary {nr} is missing")))
}
