//! How every line grows with the number of items: medians over several runs, their spread, and
//! the exponent that fits them best.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::data::Size;
use super::phases;

/// Items of each size; a sixth are contacts.
const SIZES: [usize; 4] = [1_000, 10_000, 60_000, 240_000];

/// Measures all sizes so often and writes a table.
pub(crate) fn run(seed: u64, times: usize, largest: usize) -> String {
    let sizes: Vec<usize> = SIZES.into_iter().filter(|size| *size <= largest).collect();
    // by the place of a line in the table
    let mut lines: BTreeMap<usize, (&str, &str, Vec<Vec<f64>>)> = BTreeMap::new();
    for items in &sizes {
        let mut runs: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for time in 0..times as u64 {
            let contacts = items / 6;
            let size = Size {
                contacts,
                events: items - contacts,
            };
            for (place, line) in phases::core(size, seed + time).iter().enumerate() {
                let (what, unit, value) = line.parts();
                lines.entry(place).or_insert((what, unit, Vec::new()));
                runs.entry(place).or_default().push(value);
            }
        }
        for (place, values) in runs {
            if let Some(line) = lines.get_mut(&place) {
                line.2.push(values);
            }
        }
        eprintln!("{items} items measured");
    }
    let mut out = format!("{:<44}", format!("median of {times} (least – most)"));
    for items in &sizes {
        let _ = write!(out, " {items:>28}");
    }
    out.push_str("  exponent\n");
    for (what, unit, runs) in lines.values() {
        let _ = write!(out, "{:<44}", format!("{what}, {unit}"));
        let mut points = Vec::new();
        for (items, values) in sizes.iter().zip(runs) {
            let mut values = values.clone();
            values.sort_by(f64::total_cmp);
            let (least, most) = (values[0], values[values.len() - 1]);
            let median = values[values.len() / 2];
            points.push((*items as f64, median));
            let cell = format!("{median:.3} ({least:.3} – {most:.3})");
            let _ = write!(out, " {cell:>28}");
        }
        let _ = writeln!(out, "  {}", exponent(&points));
    }
    out
}

/// The slope of the line through the logarithms, by least squares.
fn exponent(points: &[(f64, f64)]) -> String {
    let logs: Vec<(f64, f64)> = points
        .iter()
        .filter(|(_, value)| *value > 0.0)
        .map(|(items, value)| (items.ln(), value.ln()))
        .collect();
    if logs.len() < 2 {
        return "–".to_owned();
    }
    let count = logs.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| logs.iter().map(of).sum::<f64>() / count;
    let (x, y) = (mean(|it| it.0), mean(|it| it.1));
    let both: f64 = logs.iter().map(|it| (it.0 - x) * (it.1 - y)).sum();
    let square: f64 = logs.iter().map(|it| (it.0 - x) * (it.0 - x)).sum();
    format!("{:.2}", both / square)
}
