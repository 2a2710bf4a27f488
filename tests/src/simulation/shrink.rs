//! The shortest program that still fails: steps are left out as long as the failure stays.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::mesh::Failure;
use super::program::Program;
use super::totals::Totals;

/// Runs a program in memory; a panic is a failure like any other.
pub fn attempt(program: &Program) -> Result<Totals, Failure> {
    let run = AssertUnwindSafe(|| super::run(program, None));
    catch_unwind(run).unwrap_or_else(|panic| {
        let text = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied());
        Err(Failure(format!("PANIC: {}", text.unwrap_or("?"))))
    })
}

/// The word that a failure begins with: while shrinking it must stay the same.
fn kind(failure: &Failure) -> &str {
    failure.0.split([':', ' ']).next().unwrap_or_default()
}

/// Leaves out steps and devices while the program fails in the same way.
pub fn shortest(program: &Program, failure: &Failure) -> (Program, Failure) {
    let (mut best, mut why) = (program.clone(), failure.clone());
    let mut part = best.steps.len().div_ceil(2);
    let still = |program: &Program, why: &Failure| match attempt(program) {
        Err(failure) if kind(&failure) == kind(why) => Some(failure),
        Err(_) | Ok(_) => None,
    };
    while part > 0 {
        let mut at = 0;
        let mut shorter = false;
        while at < best.steps.len() {
            let mut without = best.clone();
            let end = (at + part).min(without.steps.len());
            without.steps.drain(at..end);
            match still(&without, &why) {
                Some(failure) => (best, why, shorter) = (without, failure, true),
                None => at += part,
            }
        }
        if part > 1 || !shorter {
            part /= 2;
        }
    }
    while best.devices > 2 {
        let mut fewer = best.clone();
        fewer.devices -= 1;
        match still(&fewer, &why) {
            Some(failure) => (best, why) = (fewer, failure),
            None => break,
        }
    }
    (best, why)
}
