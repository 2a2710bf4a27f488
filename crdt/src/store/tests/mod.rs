//! The store against real changes and real files.

mod chunks;
mod durable;
mod exchange;
mod forks;
mod past;
mod reading;
mod recon;
mod size;
mod support;
