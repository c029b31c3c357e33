//! The table, and the line for scripts.

use std::fmt;

use serde_json::{Map, Value, json};

use super::{Laps, STEPS};
use crate::times::{Sorted, rounded};

/// What was measured.
#[derive(Debug)]
pub(crate) struct Report {
    json: bool,
    series: Vec<(u32, Vec<Laps>)>,
}

impl Report {
    pub(super) const fn new(json: bool) -> Self {
        Self {
            json,
            series: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, workers: u32, laps: Vec<Laps>) {
        self.series.push((workers, laps));
    }

    fn line(&self) -> Value {
        let mut line = Map::new();
        for (workers, laps) in &self.series {
            let steps: Map<_, _> = STEPS
                .iter()
                .enumerate()
                .map(|(step, name)| ((*name).to_owned(), json!(at(&of(laps, step), 50))))
                .collect();
            let whole = totals(laps);
            let sums = json!({
                "p50_ms": at(&whole, 50),
                "p99_ms": at(&whole, 99),
                "steps_p50_ms": steps,
            });
            line.insert(format!("workers_{workers}"), sums);
        }
        json!({ "latency": line })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.json {
            return write!(f, "{}", self.line());
        }
        write!(f, "{:<20}", "milliseconds, median")?;
        for (workers, laps) in &self.series {
            write!(f, "{:>16}", format!("{workers} vote(s) × {}", laps.len()))?;
        }
        for (step, name) in STEPS.iter().enumerate() {
            write!(f, "\n{name:<20}")?;
            for (_, laps) in &self.series {
                write!(f, "{:>16.1}", at(&of(laps, step), 50))?;
            }
        }
        for (name, rank) in [("order to result", 50), ("the same, p99", 99)] {
            write!(f, "\n{name:<20}")?;
            for (_, laps) in &self.series {
                write!(f, "{:>16.1}", at(&totals(laps), rank))?;
            }
        }
        Ok(())
    }
}

fn of(laps: &[Laps], step: usize) -> Sorted {
    laps.iter().map(|laps| laps[step]).collect()
}

fn totals(laps: &[Laps]) -> Sorted {
    laps.iter().map(|laps| laps.iter().sum()).collect()
}

/// Milliseconds that `percent` of the times do not exceed.
fn at(times: &Sorted, percent: usize) -> f64 {
    rounded(times.percentile_ms(percent), 1)
}
