//! Sessions between devices in memory: logs without a database, links that break.

mod blobs;
mod converge;
mod forked_names;
mod opening;
mod recon;
mod rules;
mod toy;
mod toy_forks;
mod world;
