//! What the market counts for Prometheus.

use canut_protocol::order::OrderKind;
use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts,
    Registry, TextEncoder,
};

use crate::order::kind_name;

/// The counters. Clones are the same counters.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    published: IntCounterVec,
    open: IntGaugeVec,
    answers: IntCounterVec,
    seconds: Histogram,
    lost: IntCounter,
    head: IntGauge,
    listeners: IntGauge,
}

/// Upper bounds of the answer times counted, in seconds.
const SECONDS: [f64; 10] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0];

impl Metrics {
    /// Fails only if two names below were the same.
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let times = HistogramOpts::new("http_seconds", "Time to answer, in seconds");
        let metrics = Self {
            registry: Registry::new_custom(Some("canut_market".to_owned()), None)?,
            published: IntCounterVec::new(
                Opts::new("orders_published_total", "Orders published"),
                &["kind"],
            )?,
            open: IntGaugeVec::new(Opts::new("orders_open", "Open orders"), &["kind"])?,
            answers: IntCounterVec::new(
                Opts::new("http_answers_total", "HTTP answers"),
                &["method", "status"],
            )?,
            seconds: Histogram::with_opts(times.buckets(SECONDS.to_vec()))?,
            lost: IntCounter::new("chain_lost_total", "Times the chain did not answer")?,
            head: IntGauge::new("chain_block", "Height of the last block taken in")?,
            listeners: IntGauge::new("feed_listeners", "Listeners of the feed")?,
        };
        metrics
            .registry
            .register(Box::new(metrics.published.clone()))?;
        metrics.registry.register(Box::new(metrics.open.clone()))?;
        metrics
            .registry
            .register(Box::new(metrics.answers.clone()))?;
        metrics
            .registry
            .register(Box::new(metrics.seconds.clone()))?;
        metrics.registry.register(Box::new(metrics.lost.clone()))?;
        metrics.registry.register(Box::new(metrics.head.clone()))?;
        metrics
            .registry
            .register(Box::new(metrics.listeners.clone()))?;
        Ok(metrics)
    }

    pub(crate) fn published(&self, kind: OrderKind) {
        self.published.with_label_values(&[kind_name(kind)]).inc();
    }

    /// Counts an answer. Methods are named by the client, so only the known ones become labels.
    pub(crate) fn answered(&self, method: &str, status: &str, seconds: f64) {
        let known = matches!(method, "GET" | "POST" | "PUT" | "HEAD" | "OPTIONS");
        let method = if known { method } else { "other" };
        self.answers.with_label_values(&[method, status]).inc();
        self.seconds.observe(seconds);
    }

    pub(crate) fn chain_lost(&self) {
        self.lost.inc();
    }

    /// Counts a listener for as long as the guard lives.
    pub(crate) fn listen(&self) -> Listening {
        self.listeners.inc();
        Listening(self.listeners.clone())
    }

    /// The text for Prometheus, after noting what is there to see now.
    pub(crate) fn encode(
        &self,
        head: u64,
        open: impl IntoIterator<Item = (OrderKind, usize)>,
    ) -> Result<Vec<u8>, prometheus::Error> {
        self.head.set(i64::try_from(head).unwrap_or(i64::MAX));
        for (kind, count) in open {
            let gauge = self.open.with_label_values(&[kind_name(kind)]);
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        let mut text = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut text)?;
        Ok(text)
    }
}

/// A listener of the feed, counted.
#[derive(Debug)]
pub(crate) struct Listening(IntGauge);

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.dec();
    }
}
