//! What the node counts, for Prometheus.

use crate::{stages::Stages, store::SealedBlock};
use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder,
};
use std::time::Duration;

/// The node's counters, in a registry of their own.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    head: IntGauge,
    transactions: IntCounter,
    gas: IntCounter,
    build: Histogram,
    commit: Histogram,
    /// Transactions that wait.
    pub(crate) pooled: IntGauge,
    /// Calls by method.
    pub(crate) calls: IntCounterVec,
    /// Calls answered with an error, by method.
    pub(crate) errors: IntCounterVec,
    /// Open WebSocket connections.
    pub(crate) sockets: IntGauge,
}

fn histogram(name: &str, help: &str) -> Result<Histogram, prometheus::Error> {
    let buckets = vec![
        0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0,
    ];
    Histogram::with_opts(HistogramOpts::new(name, help).buckets(buckets))
}

impl Metrics {
    pub(crate) fn new(stages: &Stages) -> Result<Self, prometheus::Error> {
        let counter =
            |name: &str, help: &str| IntCounterVec::new(Opts::new(name, help), &["method"]);
        let metrics = Self {
            registry: Registry::new(),
            head: IntGauge::new("canut_chain_head", "Height of the newest durable block")?,
            transactions: IntCounter::new(
                "canut_chain_transactions_total",
                "Transactions in blocks",
            )?,
            gas: IntCounter::new("canut_chain_gas_total", "Gas used by blocks")?,
            build: histogram(
                "canut_chain_build_seconds",
                "Time to execute a block and hash its state",
            )?,
            commit: histogram("canut_chain_commit_seconds", "Time to make a block durable")?,
            pooled: IntGauge::new("canut_chain_pooled", "Transactions that wait for a block")?,
            calls: counter("canut_chain_rpc_calls_total", "JSON-RPC calls")?,
            errors: counter(
                "canut_chain_rpc_errors_total",
                "JSON-RPC calls answered with an error",
            )?,
            sockets: IntGauge::new("canut_chain_sockets", "Open WebSocket connections")?,
        };
        let all: [Box<dyn prometheus::core::Collector>; 10] = [
            stages.collector(),
            Box::new(metrics.head.clone()),
            Box::new(metrics.transactions.clone()),
            Box::new(metrics.gas.clone()),
            Box::new(metrics.build.clone()),
            Box::new(metrics.commit.clone()),
            Box::new(metrics.pooled.clone()),
            Box::new(metrics.calls.clone()),
            Box::new(metrics.errors.clone()),
            Box::new(metrics.sockets.clone()),
        ];
        all.into_iter()
            .try_for_each(|collector| metrics.registry.register(collector))?;
        Ok(metrics)
    }

    /// Counts a block.
    pub(crate) fn sealed(&self, block: &SealedBlock, build: Duration, commit: Duration) {
        self.head
            .set(i64::try_from(block.number()).unwrap_or(i64::MAX));
        self.transactions.inc_by(block.transactions.len() as u64);
        self.gas.inc_by(block.header.gas_used);
        self.build.observe(build.as_secs_f64());
        self.commit.observe(commit.as_secs_f64());
    }

    /// The text that Prometheus reads.
    pub(crate) fn render(&self) -> String {
        let mut text = Vec::new();
        // Writing to memory does not fail.
        let _ = TextEncoder::new().encode(&self.registry.gather(), &mut text);
        String::from_utf8(text).unwrap_or_default()
    }
}
