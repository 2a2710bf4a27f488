//! The fuzzer's door to the targets, which are ordinary code of the tests.

#[path = "../../src/hostile/mod.rs"]
mod hostile;

pub use hostile::run;
