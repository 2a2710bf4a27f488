//! The table: what was measured, the bound of the same run, what must be reached.

use serde_json::{Value, json};

/// One line.
#[derive(Debug)]
pub(crate) struct Line {
    what: &'static str,
    value: f64,
    unit: &'static str,
    /// The bound of the same run, and what it is.
    bound: Option<(f64, &'static str)>,
    /// At most this: of the bound where there is one, else of the value.
    must: Option<f64>,
}

impl Line {
    /// Measured against a bound of the same run.
    pub(crate) fn against(
        what: &'static str,
        value: f64,
        unit: &'static str,
        bound: (f64, &'static str),
        must: f64,
    ) -> Self {
        let (bound, must) = (Some(bound), Some(must));
        Self {
            what,
            value,
            unit,
            bound,
            must,
        }
    }

    /// Measured against a number.
    pub(crate) fn at_most(what: &'static str, value: f64, unit: &'static str, must: f64) -> Self {
        Self {
            what,
            value,
            unit,
            bound: None,
            must: Some(must),
        }
    }

    /// For information only.
    pub(crate) fn just(what: &'static str, value: f64, unit: &'static str) -> Self {
        Self {
            what,
            value,
            unit,
            bound: None,
            must: None,
        }
    }

    /// What it is, its unit and its value.
    pub(crate) fn parts(&self) -> (&'static str, &'static str, f64) {
        (self.what, self.unit, self.value)
    }

    fn ratio(&self) -> Option<f64> {
        self.bound.map(|(bound, _)| self.value / bound)
    }

    fn met(&self) -> Option<bool> {
        self.must
            .map(|must| self.ratio().unwrap_or(self.value) <= must)
    }

    fn json(&self) -> Value {
        json!({
            "what": self.what,
            "value": self.value,
            "unit": self.unit,
            "bound": self.bound.map(|(bound, _)| bound),
            "bound_is": self.bound.map(|(_, what)| what),
            "ratio": self.ratio(),
            "must": self.must,
            "met": self.met(),
        })
    }
}

/// All lines as text.
pub(crate) fn text(lines: &[Line]) -> String {
    let mut out = format!(
        "{:<47} {:>12} {:<7} {:>12}  {:>7} {:>8}  {}\n",
        "what", "measured", "", "bound", "ratio", "must", "met"
    );
    for line in lines {
        let bound = line.bound.map_or(String::new(), |(bound, _)| number(bound));
        let ratio = line
            .ratio()
            .map_or(String::new(), |ratio| format!("{ratio:.2}"));
        let must = line.must.map_or(String::new(), |must| format!("≤ {must}"));
        let met = match line.met() {
            Some(true) => "yes",
            Some(false) => "NO",
            None => "",
        };
        out.push_str(&format!(
            "{:<47} {:>12} {:<7} {bound:>12}  {ratio:>7} {must:>8}  {met}\n",
            line.what,
            number(line.value),
            line.unit
        ));
    }
    out.push_str("\nBounds:\n");
    for line in lines {
        if let Some((_, what)) = line.bound {
            out.push_str(&format!("  {}: {what}\n", line.what));
        }
    }
    out
}

/// All lines and the size of the run as one JSON document.
pub(crate) fn document(lines: &[Line], run: Value) -> Value {
    json!({ "run": run, "lines": lines.iter().map(Line::json).collect::<Vec<_>>() })
}

fn number(value: f64) -> String {
    match value {
        v if v >= 1000.0 => {
            let digits = format!("{v:.0}");
            let mut out = String::new();
            for (i, digit) in digits.chars().enumerate() {
                if i > 0 && (digits.len() - i).is_multiple_of(3) {
                    out.push('\u{202f}');
                }
                out.push(digit);
            }
            out
        }
        v if v >= 10.0 => format!("{v:.1}"),
        v => format!("{v:.3}"),
    }
}
