//! The store against real changes and real files.

mod durable;
mod exchange;
mod reading;
mod size;
mod support;
