//! Where our node's time went, by its own counters (`/metrics`) and the operating system's.

use super::http;
use crate::process;
use eyre::Result;
use std::net::SocketAddr;

const SECONDS: &str = "canut_chain_stage_seconds_total{stage=\"";
/// Stages that wait for the disk, or run beside the others: no part of the processor's time that the rest shares.
const ASIDE: [&str; 2] = ["sync", "checkpoint"];

/// Seconds since the node started.
#[derive(Clone, Debug, Default)]
pub(super) struct Profile {
    /// Name of the stage, seconds in it.
    stages: Vec<(String, f64)>,
    /// Processor time of the whole process.
    processor: f64,
}

impl Profile {
    pub(super) async fn read(address: SocketAddr, pid: u32) -> Result<Self> {
        let text = http::text(address, "/metrics").await?;
        let stages = text.lines().filter_map(|line| {
            let (name, seconds) = line.strip_prefix(SECONDS)?.split_once("\"} ")?;
            Some((name.to_owned(), seconds.parse().ok()?))
        });
        Ok(Self {
            stages: stages.collect(),
            processor: process::processor(pid)?.total(),
        })
    }

    /// What was spent since `before`: microseconds a transfer, by stage, and in all that is not counted by stage.
    pub(super) fn since(&self, before: &Self, transfers: f64) -> Vec<(String, f64)> {
        let each = |seconds: f64| seconds * 1e6 / transfers;
        let mut rows: Vec<_> = self
            .stages
            .iter()
            .map(|(name, seconds)| {
                let earlier = before.stages.iter().find(|(other, _)| other == name);
                let earlier = earlier.map_or(0.0, |(_, seconds)| *seconds);
                (name.clone(), each(seconds - earlier))
            })
            .collect();
        rows.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        let processor = each(self.processor - before.processor);
        let counted: f64 = rows
            .iter()
            .filter(|(name, _)| !ASIDE.contains(&name.as_str()))
            .map(|(_, each)| each)
            .sum();
        rows.push(("processor, in all".into(), processor));
        rows.push(("http, json, threads".into(), (processor - counted).max(0.0)));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_is_what_no_stage_counts() {
        let profile = |recover: f64, sync: f64, processor| Profile {
            stages: vec![("sync".into(), sync), ("recover".into(), recover)],
            processor,
        };
        let rows = profile(3.0, 9.0, 6.0).since(&profile(1.0, 1.0, 1.0), 1e6);
        let expected = [
            ("sync", 8.0),
            ("recover", 2.0),
            ("processor, in all", 5.0),
            ("http, json, threads", 3.0),
        ];
        let found: Vec<_> = rows.iter().map(|(name, us)| (name.as_str(), *us)).collect();
        assert_eq!(found, expected);
    }
}
