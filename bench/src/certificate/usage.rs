//! What a process used, and what its pool counted.

use std::{collections::BTreeMap, fs};

use eyre::{OptionExt, Result};

use crate::up::Market;

/// Ticks of a second in `/proc`, on every architecture that matters.
const TICKS: f64 = 100.0;

/// What a market used so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Usage {
    /// Seconds of processor in the programs themselves.
    pub(super) user: f64,
    /// Seconds of processor in the system.
    pub(super) system: f64,
    /// Most memory at a time, in bytes.
    pub(super) memory: u64,
    /// Seconds that ranges spent on each step, all together.
    pub(super) steps: BTreeMap<String, f64>,
}

impl Usage {
    pub(super) async fn of(market: &Market) -> Result<Self> {
        let process = market.process().ok_or_eyre("the market ended")?;
        let (user, system) = processor(process).ok_or_eyre("/proc is not as expected")?;
        Ok(Self {
            user,
            system,
            memory: memory(process).ok_or_eyre("/proc is not as expected")?,
            steps: steps(&market.metrics().await?),
        })
    }

    pub(super) fn since(self, before: &Self) -> Self {
        let mut steps = self.steps;
        for (step, seconds) in &mut steps {
            *seconds -= before.steps.get(step).copied().unwrap_or_default();
        }
        Self {
            user: self.user - before.user,
            system: self.system - before.system,
            memory: self.memory,
            steps,
        }
    }
}

fn processor(process: u32) -> Option<(f64, f64)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The name, in parentheses, may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut seconds = || Some(fields.next()?.parse::<f64>().ok()? / TICKS);
    Some((seconds()?, seconds()?))
}

fn memory(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024)
}

fn steps(metrics: &str) -> BTreeMap<String, f64> {
    metrics.lines().filter_map(step).collect()
}

fn step(line: &str) -> Option<(String, f64)> {
    let rest = line.strip_prefix("canut_pool_range_seconds_total{step=\"")?;
    let (step, seconds) = rest.split_once("\"} ")?;
    Some((step.to_owned(), seconds.parse().ok()?))
}
