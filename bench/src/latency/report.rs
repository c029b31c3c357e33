//! The table, and the line for scripts.

use std::{fmt, time::Duration};

use serde_json::{Map, Value, json};

use super::{Laps, STEPS};

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
                .map(|(step, name)| {
                    (
                        (*name).to_owned(),
                        json!(milliseconds(at(&of(laps, step), 50))),
                    )
                })
                .collect();
            let whole = totals(laps);
            let sums = json!({
                "p50_ms": milliseconds(at(&whole, 50)),
                "p99_ms": milliseconds(at(&whole, 99)),
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
                write!(f, "{:>16.1}", milliseconds(at(&of(laps, step), 50)))?;
            }
        }
        for (name, rank) in [("order to result", 50), ("the same, p99", 99)] {
            write!(f, "\n{name:<20}")?;
            for (_, laps) in &self.series {
                write!(f, "{:>16.1}", milliseconds(at(&totals(laps), rank)))?;
            }
        }
        Ok(())
    }
}

fn of(laps: &[Laps], step: usize) -> Vec<Duration> {
    sorted(laps.iter().map(|laps| laps[step]))
}

fn totals(laps: &[Laps]) -> Vec<Duration> {
    sorted(laps.iter().map(|laps| laps.iter().sum()))
}

fn sorted(times: impl Iterator<Item = Duration>) -> Vec<Duration> {
    let mut times: Vec<_> = times.collect();
    times.sort_unstable();
    times
}

/// The value of rank `percent` among sorted ones.
fn at(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(rank).copied().unwrap_or_default()
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}
