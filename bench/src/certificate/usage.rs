//! What a process used, and what its pool counted.

use std::collections::BTreeMap;

use eyre::{OptionExt, Result};

use crate::{
    process::{self, Processor},
    up::Market,
};

/// What a market used so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage {
    pub(super) processor: Processor,
    /// Most memory at a time, in bytes.
    pub(super) memory: u64,
    /// Seconds that ranges spent on each step, all together.
    pub(super) steps: BTreeMap<String, f64>,
}

impl Usage {
    pub(super) async fn of(market: &Market) -> Result<Self> {
        let process = market.process().ok_or_eyre("the market ended")?;
        Ok(Self {
            processor: process::processor(process)?,
            memory: process::peak(process)?,
            steps: steps(&market.metrics().await?),
        })
    }

    pub(super) fn since(self, before: &Self) -> Self {
        let mut steps = self.steps;
        for (step, seconds) in &mut steps {
            *seconds -= before.steps.get(step).copied().unwrap_or_default();
        }
        Self {
            processor: self.processor - before.processor,
            memory: self.memory,
            steps,
        }
    }
}

fn steps(metrics: &str) -> BTreeMap<String, f64> {
    metrics.lines().filter_map(step).collect()
}

fn step(line: &str) -> Option<(String, f64)> {
    let rest = line.strip_prefix("canut_pool_range_seconds_total{step=\"")?;
    let (step, seconds) = rest.split_once("\"} ")?;
    Some((step.to_owned(), seconds.parse().ok()?))
}
