//! The domain of pimesh.
pub mod canon;
pub mod diff;
pub mod doc;
pub mod id;
pub mod item;
pub mod itip;
pub mod links;
#[cfg(feature = "mutants")]
pub mod mutants;
pub mod normalise;
pub mod render;
#[cfg(feature = "store")]
pub mod store;
pub mod sync;
pub mod text;
pub mod time;
pub use id::{BlobHash, Chain, ChangeHash, CollectionId, DeviceId, DocId, Origin, Timestamp};
