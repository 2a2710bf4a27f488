//! What was done in all runs together, for people and for going on later.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde_json::{Value, json};

use super::program::What;

/// Counts of one run, or of many.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Runs.
    pub runs: u64,
    /// Operations that found something to do.
    pub operations: u64,
    /// Of each kind, operations and faults.
    pub done: BTreeMap<What, u64>,
    /// Runs by their number of devices.
    pub devices: BTreeMap<usize, u64>,
    /// Changes that were stored on the first device at the end.
    pub changes: u64,
    /// Keys with more than one value at the end.
    pub conflicts: u64,
    /// Frames that arrived, and bytes that were sent.
    pub frames: u64,
    /// Bytes of all frames.
    pub bytes: u64,
    /// Devices that died at a write.
    pub crashes: u64,
    /// Restored devices that were told what they forgot, and took a new life.
    pub rolled_back: u64,
    /// Links that a session has ended.
    pub closed: u64,
    /// Origins with two histories that a device has retired.
    pub retired: u64,
    /// Changes that a disk had lost and that came back.
    pub regained: u64,
}

impl Totals {
    /// Counts something that was done.
    pub fn count(&mut self, what: What) {
        *self.done.entry(what).or_default() += 1;
        self.operations += u64::from(what.is_operation());
    }

    /// Both together.
    pub fn add(&mut self, other: &Self) {
        self.runs += other.runs;
        self.operations += other.operations;
        for (what, count) in &other.done {
            *self.done.entry(*what).or_default() += count;
        }
        for (devices, count) in &other.devices {
            *self.devices.entry(*devices).or_default() += count;
        }
        for (mine, theirs) in [
            (&mut self.changes, other.changes),
            (&mut self.conflicts, other.conflicts),
            (&mut self.frames, other.frames),
            (&mut self.bytes, other.bytes),
            (&mut self.crashes, other.crashes),
            (&mut self.rolled_back, other.rolled_back),
            (&mut self.closed, other.closed),
            (&mut self.retired, other.retired),
            (&mut self.regained, other.regained),
        ] {
            *mine += theirs;
        }
    }

    fn numbers(&self) -> [(&'static str, u64); 11] {
        [
            ("runs", self.runs),
            ("operations", self.operations),
            ("changes", self.changes),
            ("conflicts", self.conflicts),
            ("frames", self.frames),
            ("bytes", self.bytes),
            ("crashes", self.crashes),
            ("rolled_back", self.rolled_back),
            ("closed", self.closed),
            ("retired", self.retired),
            ("regained", self.regained),
        ]
    }
}

/// How far a long run has come: what is kept of it between two calls.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// What was done in all runs that did not fail.
    pub totals: Totals,
    /// The seed of the next run.
    pub next_seed: u64,
    /// How long it has taken.
    pub seconds: f64,
    /// The seeds of the runs that failed.
    pub failed: BTreeSet<u64>,
}

impl Progress {
    /// Keeps it in a file.
    pub fn save(&self, path: &Path) -> std::io::Result<()> {
        let totals = &self.totals;
        let done: BTreeMap<String, u64> = totals
            .done
            .iter()
            .map(|(what, count)| (format!("{what:?}"), *count))
            .collect();
        let devices: BTreeMap<String, u64> = totals
            .devices
            .iter()
            .map(|(devices, count)| (devices.to_string(), *count))
            .collect();
        let numbers: BTreeMap<&str, u64> = totals.numbers().into();
        let all = json!({
            "next_seed": self.next_seed, "seconds": self.seconds, "failed": self.failed,
            "numbers": numbers, "done": done, "devices": devices,
        });
        let whole = path.with_extension("new");
        std::fs::write(&whole, format!("{all:#}\n"))?;
        std::fs::rename(&whole, path)
    }

    /// Reads what [`Self::save`] wrote.
    pub fn load(path: &Path) -> Option<Self> {
        let all: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        let number = |name: &str| all["numbers"][name].as_u64().unwrap_or(0);
        let done = What::all().map(|what| (what, all["done"][format!("{what:?}")].as_u64()));
        let devices = (2..=8).map(|n: usize| (n, all["devices"][n.to_string()].as_u64()));
        let totals = Totals {
            runs: number("runs"),
            operations: number("operations"),
            done: done.filter_map(|(what, n)| Some((what, n?))).collect(),
            devices: devices.filter_map(|(of, n)| Some((of, n?))).collect(),
            changes: number("changes"),
            conflicts: number("conflicts"),
            frames: number("frames"),
            bytes: number("bytes"),
            crashes: number("crashes"),
            rolled_back: number("rolled_back"),
            closed: number("closed"),
            retired: number("retired"),
            regained: number("regained"),
        };
        let failed = all["failed"].as_array().into_iter().flatten();
        Some(Self {
            totals,
            next_seed: all["next_seed"].as_u64()?,
            seconds: all["seconds"].as_f64()?,
            failed: failed.filter_map(Value::as_u64).collect(),
        })
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, number) in self.numbers() {
            writeln!(f, "{name:>16} {number:>12}")?;
        }
        for (title, is_wanted) in [("operations", true), ("what befell", false)] {
            writeln!(f, "{title}:")?;
            for (what, count) in &self.done {
                if what.is_operation() == is_wanted {
                    writeln!(f, "{:>16} {count:>12}", format!("{what:?}"))?;
                }
            }
        }
        writeln!(f, "runs with so many devices:")?;
        for (devices, count) in &self.devices {
            writeln!(f, "{devices:>16} {count:>12}")?;
        }
        Ok(())
    }
}
