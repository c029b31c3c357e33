//! The table, and the line for scripts.

use std::{fmt, time::Duration};

use eyre::Result;
use serde_json::{Map, Value, json};

use super::{ask::Measured, signatures::Rates};
use crate::{
    process,
    times::{Sorted, milliseconds, rounded},
};

/// How long things took.
#[derive(Clone, Debug, Default)]
pub(super) struct Times {
    /// Together, with what was done at the same time counted once.
    pub(super) elapsed: Duration,
    /// Processor time of the market and its clients meanwhile, in seconds: what others do on the machine does not count.
    pub(super) processor: f64,
    /// Each.
    pub(super) each: Vec<Duration>,
}

/// Processor time of this process so far, in seconds.
pub(super) fn used() -> Result<f64> {
    Ok(process::processor(std::process::id())?.total())
}

impl Times {
    pub(super) fn add(&mut self, more: &Self) {
        self.elapsed += more.elapsed;
        self.processor += more.processor;
        self.each.extend(&more.each);
    }

    /// How many a second.
    pub(super) fn rate(&self) -> f64 {
        self.each.len() as f64 / self.elapsed.as_secs_f64()
    }

    /// Microseconds of processor for one.
    fn cost(&self) -> f64 {
        self.processor * 1_000_000.0 / self.each.len() as f64
    }

    /// Milliseconds that `percent` of them do not exceed.
    fn percentiles<const N: usize>(&self, percents: [usize; N]) -> [f64; N] {
        let sorted: Sorted = self.each.iter().copied().collect();
        percents.map(|percent| round(sorted.percentile_ms(percent)))
    }
}

/// What was measured.
#[derive(Debug)]
pub(crate) struct Report {
    pub(super) json: bool,
    pub(super) signatures: Rates,
    pub(super) published: Times,
    pub(super) series: Vec<(&'static str, Measured)>,
    pub(super) reorganised: Duration,
    pub(super) started: Duration,
    pub(super) open: u64,
}

fn round(number: f64) -> f64 {
    rounded(number, 3)
}

impl Report {
    fn line(&self) -> Value {
        let [publish] = self.published.percentiles([99]);
        let mut line = Map::new();
        line.insert("orders_per_s".into(), json!(self.published.rate().round()));
        for (name, key) in [
            (super::NOTHING, "nothing"),
            ("pages", "page"),
            ("matches", "match"),
            ("unfillable", "unfillable"),
        ] {
            for (_, measured) in self.series.iter().filter(|(found, _)| *found == name) {
                let [middle, most] = measured.all.percentiles([50, 99]);
                line.insert(format!("{key}_p99_ms"), json!(most));
                line.insert(format!("{key}_p50_ms"), json!(middle));
                let rate = measured.all.rate().round();
                line.insert(format!("{key}_per_s"), json!(rate));
                line.insert(format!("{key}_cpu_us"), json!(measured.all.cost().round()));
            }
        }
        line.insert("publish_p99_ms".into(), json!(publish));
        line.insert("order_cpu_us".into(), json!(self.published.cost().round()));
        line.insert("orders".into(), json!(self.open));
        line.insert(
            "fork_ms".into(),
            json!(round(milliseconds(self.reorganised))),
        );
        line.insert("start_ms".into(), json!(round(milliseconds(self.started))));
        line.insert(
            "signatures_per_s".into(),
            json!({ "ours": self.signatures.ours.round(), "k256": self.signatures.k256.round() }),
        );
        line.into()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.json {
            return write!(f, "{}", self.line());
        }
        writeln!(
            f,
            "{:<52}{:>10}{:>10}{:>10}{:>10}{:>10}",
            "milliseconds", "a second", "median", "p99", "worst", "CPU, µs"
        )?;
        row(f, "orders published", true, &self.published)?;
        for (name, measured) in &self.series {
            row(f, name, true, &measured.all)?;
            for (sort, times) in &measured.sorts {
                row(f, &format!("  {sort}"), false, times)?;
            }
        }
        writeln!(f)?;
        writeln!(f, "{:<52}{:>10}", "orders open at the end", self.open)?;
        writeln!(
            f,
            "{:<52}{:>10.1}",
            "to follow a fork, ms",
            milliseconds(self.reorganised)
        )?;
        writeln!(
            f,
            "{:<52}{:>10.1}",
            "to start again, ms",
            milliseconds(self.started)
        )?;
        let Rates { ours, k256 } = self.signatures;
        writeln!(
            f,
            "{:<52}{ours:>10.0}",
            "signers recovered a second, one core"
        )?;
        writeln!(f, "{:<52}{k256:>10.0}", "the same in pure Rust (k256)")?;
        write!(f, "{:<52}{:>10.2}", "ours / k256", ours / k256)
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, whole: bool, times: &Times) -> fmt::Result {
    let [middle, most, worst] = times.percentiles([50, 99, 100]);
    let of_all = |number: f64| {
        if whole {
            format!("{number:.0}")
        } else {
            String::new()
        }
    };
    let (rate, cost) = (of_all(times.rate()), of_all(times.cost()));
    writeln!(
        f,
        "{name:<52}{rate:>10}{middle:>10.2}{most:>10.2}{worst:>10.2}{cost:>10}"
    )
}
