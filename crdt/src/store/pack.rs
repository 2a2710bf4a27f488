//! How a body lies in the database: packed by zstd, or as it is where that is no larger.
//!
//! The first four bytes of a zstd frame are the same for all and are left out.

use std::io::{Error, ErrorKind};

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

/// The `dict` column of a body that zstd could not shrink.
const AS_IS: i64 = -1;
/// The `dict` column of a body packed without a dictionary.
const PLAIN: i64 = 0;

/// A packed body and the `dict` column that goes with it.
pub(super) struct Packed<'p> {
    pub(super) dict: i64,
    pub(super) body: &'p [u8],
}

/// Packs and unpacks; keeps what zstd needs between calls.
pub(super) struct Packer {
    compressor: Compressor<'static>,
    /// At a higher level, made when it is first needed: it takes some memory.
    tight: Option<Compressor<'static>>,
    decompressor: Decompressor<'static>,
    /// The last frame: its room is used again.
    frame: Vec<u8>,
}

impl Packer {
    pub(super) fn new() -> Result<Self, StoreError> {
        Ok(Self {
            compressor: compressor(LEVEL).map_err(StoreError::Body)?,
            tight: None,
            decompressor: Decompressor::new().map_err(StoreError::Body)?,
            frame: Vec::new(),
        })
    }

    /// Packs a body.
    pub(super) fn pack<'p>(&'p mut self, bytes: &'p [u8]) -> Result<Packed<'p>, StoreError> {
        packed(&mut self.compressor, &mut self.frame, bytes)
    }

    /// Packs what is written seldom and kept for ever.
    pub(super) fn pack_tight<'p>(&'p mut self, bytes: &'p [u8]) -> Result<Packed<'p>, StoreError> {
        let tight = match &mut self.tight {
            Some(tight) => tight,
            None => self
                .tight
                .insert(compressor(CHUNK_LEVEL).map_err(StoreError::Body)?),
        };
        packed(tight, &mut self.frame, bytes)
    }

    /// Unpacks a body.
    pub(super) fn unpack(&mut self, dict: i64, body: &[u8]) -> Result<Vec<u8>, StoreError> {
        let damaged = || StoreError::Body(Error::from(ErrorKind::InvalidData));
        match dict {
            AS_IS => return Ok(body.to_vec()),
            PLAIN => {}
            _ => return Err(damaged()),
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
            .ok_or_else(damaged)?;
        self.decompressor
            .decompress(frame, length)
            .map_err(StoreError::Body)
    }
}

impl std::fmt::Debug for Packer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

fn packed<'p>(
    with: &mut Compressor<'static>,
    frame: &'p mut Vec<u8>,
    bytes: &'p [u8],
) -> Result<Packed<'p>, StoreError> {
    frame.clear();
    frame.reserve(compress_bound(bytes.len()));
    with.compress_to_buffer(bytes, frame)
        .map_err(StoreError::Body)?;
    match frame.strip_prefix(&MAGIC) {
        Some(body) if body.len() < bytes.len() => Ok(Packed { dict: PLAIN, body }),
        _ => Ok(Packed {
            dict: AS_IS,
            body: bytes,
        }),
    }
}

fn compressor(level: i32) -> Result<Compressor<'static>, Error> {
    let mut compressor = Compressor::new(level)?;
    compressor.set_parameter(CParameter::DictIdFlag(false))?;
    compressor.set_parameter(CParameter::ChecksumFlag(false))?;
    compressor.set_parameter(CParameter::ContentSizeFlag(true))?;
    Ok(compressor)
}
