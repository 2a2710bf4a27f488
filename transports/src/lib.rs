//! The edges of pimesh: what reaches other devices, mailboxes and files.
//!
//! Bytes and frames only: what an item is, `pimesh-crdt` knows.

pub mod discover;
pub mod ingest;
pub mod mesh;
pub mod pair;
