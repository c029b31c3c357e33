//! The table, and the line for scripts.

use std::{fmt, time::Duration};

use serde_json::{Map, Value, json};

use crate::times::{Sorted, rounded};

/// A deal that was done.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) tasks: u64,
    /// From the transaction of the deal to the last certificate.
    pub(super) elapsed: Duration,
    /// Processor time of the pool, seconds.
    pub(super) processor: f64,
    /// Resident memory of the pool at the end, MiB.
    pub(super) memory: f64,
    /// From the transaction of the deal until each worker had its first range.
    pub(super) burst: Sorted,
    /// From the word of a worker that it is done until it has its next range.
    pub(super) next: Sorted,
}

/// Workers that wait.
#[derive(Debug)]
pub(super) struct Idle {
    pub(super) workers: u16,
    /// Resident memory of the pool without workers, and with them, MiB.
    pub(super) empty: f64,
    pub(super) memory: f64,
    /// How long it took to let them in.
    pub(super) joined: Duration,
    /// Processors that the pool is kept busy, on average.
    pub(super) processor: f64,
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Report {
    pub(super) json: bool,
    pub(super) paced: Run,
    pub(super) fast: Run,
    pub(super) idle: Idle,
}

/// Milliseconds that `percent` of the times do not exceed.
fn percentile(times: &Sorted, percent: usize) -> f64 {
    round(times.percentile_ms(percent))
}

fn round(number: f64) -> f64 {
    rounded(number, 2)
}

impl Run {
    fn rate(&self) -> f64 {
        (self.tasks as f64 / self.elapsed.as_secs_f64()).round()
    }

    /// Microseconds of the pool's processor for a task.
    fn cost(&self) -> f64 {
        (self.processor * 1_000_000.0 / self.tasks as f64).round()
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [middle, most] = [50, 99].map(|percent| percentile(&self.next, percent));
        write!(
            f,
            "{} tasks certified a second; the next range after {middle} ms, p99 {most} ms",
            self.rate()
        )
    }
}

impl Report {
    fn line(&self) -> Value {
        let Self {
            paced, fast, idle, ..
        } = self;
        let mut line = Map::new();
        let mut add = |name: &str, value: Value| line.insert(name.to_owned(), value);
        add("dispatch_p50_ms", json!(percentile(&paced.next, 50)));
        add("dispatch_p99_ms", json!(percentile(&paced.next, 99)));
        add("dispatches", json!(paced.next.count()));
        add("burst_p50_ms", json!(percentile(&paced.burst, 50)));
        add("burst_p99_ms", json!(percentile(&paced.burst, 99)));
        add("paced_tasks_per_s", json!(paced.rate()));
        add("paced_cpu_us", json!(paced.cost()));
        add("busy_mib", json!(round(paced.memory)));
        add("tasks_per_s", json!(fast.rate()));
        add("task_cpu_us", json!(fast.cost()));
        add("fast_mib", json!(round(fast.memory)));
        let waiting = format!("idle_{}_mib", idle.workers);
        add(&waiting, json!(round(idle.memory)));
        add("empty_mib", json!(round(idle.empty)));
        add("idle_processors", json!(round(idle.processor)));
        add("joined_s", json!(round(idle.joined.as_secs_f64())));
        line.into()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.json {
            return write!(f, "{}", self.line());
        }
        let Self {
            paced, fast, idle, ..
        } = self;
        let head = ["median", "p99", "worst"];
        writeln!(
            f,
            "{:<52}{:>10}{:>10}{:>10}",
            "milliseconds", head[0], head[1], head[2]
        )?;
        for (name, times) in [
            ("from done to the next range", &paced.next),
            ("from the deal to the first range of each", &paced.burst),
            ("the same, as fast as can be", &fast.burst),
            ("from done to the next range, as fast as can be", &fast.next),
        ] {
            let [middle, most, worst] = [50, 99, 100].map(|percent| percentile(times, percent));
            writeln!(f, "{name:<52}{middle:>10.2}{most:>10.2}{worst:>10.2}")?;
        }
        writeln!(f)?;
        for (name, run) in [("paced", paced), ("as fast as can be", fast)] {
            writeln!(
                f,
                "{:<52}{:>10}{:>10.0} µs{:>10.1} MiB",
                format!("tasks certified a second, {name}"),
                run.rate(),
                run.cost(),
                run.memory
            )?;
        }
        writeln!(
            f,
            "{:<52}{:>10.1} MiB, without them {:.1} MiB",
            format!("{} workers that wait", idle.workers),
            idle.memory,
            idle.empty
        )?;
        write!(
            f,
            "{:<52}{:>10.2} processors, let in within {:.1} s",
            "they keep busy",
            idle.processor,
            idle.joined.as_secs_f64()
        )
    }
}
