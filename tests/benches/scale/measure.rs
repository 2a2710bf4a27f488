//! What the process has used, as Linux tells it. Needs /proc.

use std::fs;
use std::time::Duration;

/// Ticks per second in /proc, the same on every Linux.
const TICKS: f64 = 100.0;
/// What one KiB is, the unit of memory in /proc.
const KIB: u64 = 1024;

/// Processor time in user mode since the process began, all threads. Steps of 10 ms: what is
/// short is measured many times over.
pub(crate) fn user_cpu() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("this benchmark needs /proc");
    // The name of the program, in brackets, may hold anything.
    let after = stat.rsplit(')').next().unwrap_or_default();
    let utime = after
        .split_whitespace()
        .nth(11)
        .and_then(|ticks| ticks.parse::<f64>().ok());
    Duration::from_secs_f64(utime.expect("the 14th field of /proc/self/stat") / TICKS)
}

/// Runs something and says how much processor time in user mode it took, in seconds.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let before = user_cpu();
    let done = work();
    (done, (user_cpu() - before).as_secs_f64())
}

/// Bytes of memory that are resident now, and at most so far.
pub(crate) fn resident() -> (u64, u64) {
    let status = fs::read_to_string("/proc/self/status").expect("this benchmark needs /proc");
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number.and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * KIB
    };
    (field("VmRSS:"), field("VmHWM:"))
}
