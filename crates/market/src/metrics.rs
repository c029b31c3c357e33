//! What the market counts for Prometheus.

use canut_gate::Answers;
use canut_protocol::order::OrderKind;
use prometheus::{
    Encoder, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, TextEncoder,
};

use crate::order::kind_name;

/// The counters. Clones are the same counters.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    published: IntCounterVec,
    open: IntGaugeVec,
    answers: Answers,
    lost: IntCounter,
    head: IntGauge,
    listeners: IntGauge,
}

impl Metrics {
    /// Fails only if two names below were the same.
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("canut_market".to_owned()), None)?;
        let metrics = Self {
            answers: Answers::register(&registry)?,
            registry,
            published: IntCounterVec::new(
                Opts::new("orders_published_total", "Orders published"),
                &["kind"],
            )?,
            open: IntGaugeVec::new(Opts::new("orders_open", "Open orders"), &["kind"])?,
            lost: IntCounter::new("chain_lost_total", "Times the chain did not answer")?,
            head: IntGauge::new("chain_block", "Height of the last block taken in")?,
            listeners: IntGauge::new("feed_listeners", "Listeners of the feed")?,
        };
        metrics
            .registry
            .register(Box::new(metrics.published.clone()))?;
        metrics.registry.register(Box::new(metrics.open.clone()))?;
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

    /// The counters of answers.
    pub(crate) fn answers(&self) -> Answers {
        self.answers.clone()
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
