//! The table, and the line for scripts.

use std::{fmt, time::Duration};

use serde_json::{Map, Value, json};

use super::usage::Usage;
use crate::times::rounded;

/// The steps of a range, in order, as the pool's metrics call them, and what they are.
const STEPS: [(&str, &str); 4] = [
    ("vote", "compute and vote"),
    ("open", "show a vote, upload"),
    ("check", "find the results"),
    ("settle", "settle on the chain"),
];

/// What was measured with one kind of workers.
#[derive(Debug)]
pub(crate) struct Series {
    pub(super) tasks: u64,
    /// From the first order to the last settlement.
    pub(super) took: Duration,
    /// Until the last order was matched.
    pub(super) bought: Duration,
    pub(super) ranges: u64,
    /// Votes on tasks: how often a task was computed, all together.
    pub(super) votes: u64,
    pub(super) used: Usage,
}

impl Series {
    /// From the first order to the last settlement.
    pub(crate) const fn took(&self) -> Duration {
        self.took
    }

    fn per_second(&self) -> f64 {
        round(self.tasks as f64 / self.took.as_secs_f64())
    }

    fn processor(&self) -> f64 {
        self.used.processor.total()
    }

    /// Seconds that a range spends on a step, in the mean.
    fn step(&self, name: &str) -> f64 {
        self.used.steps.get(name).copied().unwrap_or_default() / self.ranges.max(1) as f64
    }

    fn line(&self) -> Map<String, Value> {
        let steps: Map<_, _> = STEPS
            .iter()
            .map(|(name, _)| ((*name).to_owned(), json!(round(self.step(name) * 1_000.0))))
            .collect();
        let fields = [
            ("tasks_per_s", json!(self.per_second())),
            ("tasks", json!(self.tasks)),
            ("seconds", json!(round(self.took.as_secs_f64()))),
            ("seconds_to_buy", json!(round(self.bought.as_secs_f64()))),
            ("ranges", json!(self.ranges)),
            (
                "computed_per_task",
                json!(round(self.votes as f64 / self.tasks as f64)),
            ),
            ("processor_s", json!(round(self.processor()))),
            (
                "processor_ms_per_task",
                json!(round(self.processor() * 1_000.0 / self.tasks as f64)),
            ),
            ("memory_mb", json!(self.used.memory >> 20)),
            ("range_ms", json!(steps)),
        ];
        fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Report {
    json: bool,
    known: Series,
    new: Series,
}

impl Report {
    pub(super) const fn new(json: bool, known: Series, new: Series) -> Self {
        Self { json, known, new }
    }

    fn row(
        &self,
        f: &mut fmt::Formatter<'_>,
        name: &str,
        of: impl Fn(&Series) -> f64,
    ) -> fmt::Result {
        write!(
            f,
            "\n{name:<34}{:>14.1}{:>14.1}",
            of(&self.known),
            of(&self.new)
        )
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.json {
            let mut line = self.known.line();
            line.insert("new_workers".to_owned(), self.new.line().into());
            return write!(f, "{}", Value::Object(line));
        }
        write!(
            f,
            "{:<34}{:>14}{:>14}",
            "trust 100, workers that are", "known", "new"
        )?;
        self.row(f, "tasks certified a second", Series::per_second)?;
        self.row(f, "computed, times a task", |series| {
            series.votes as f64 / series.tasks as f64
        })?;
        self.row(f, "seconds in all", |series| series.took.as_secs_f64())?;
        self.row(f, "seconds until all was bought", |series| {
            series.bought.as_secs_f64()
        })?;
        self.row(f, "ranges", |series| series.ranges as f64)?;
        for (name, what) in STEPS {
            self.row(f, &format!("ms a range: {what}"), |series| {
                series.step(name) * 1_000.0
            })?;
        }
        self.row(f, "processor, seconds", Series::processor)?;
        self.row(f, "of that in the system", |series| {
            series.used.processor.system
        })?;
        self.row(f, "memory at most, MB", |series| {
            (series.used.memory >> 20) as f64
        })
    }
}

fn round(number: f64) -> f64 {
    rounded(number, 2)
}
