//! What the vault counts for Prometheus.

use canut_gate::Answers;
use prometheus::{IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

use crate::secret::SecretId;

/// The counters. Clones are the same counters.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    answers: Answers,
    stored: IntCounterVec,
    kept: IntGauge,
}

impl Metrics {
    /// Fails only if two names below were the same.
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new_custom(Some("canut_vault".to_owned()), None)?;
        let metrics = Self {
            answers: Answers::register(&registry)?,
            stored: IntCounterVec::new(
                Opts::new("secrets_stored_total", "Secrets set or replaced"),
                &["kind"],
            )?,
            kept: IntGauge::new("secrets", "Secrets kept")?,
            registry,
        };
        metrics
            .registry
            .register(Box::new(metrics.stored.clone()))?;
        metrics.registry.register(Box::new(metrics.kept.clone()))?;
        Ok(metrics)
    }

    pub(crate) fn answers(&self) -> Answers {
        self.answers.clone()
    }

    pub(crate) fn stored(&self, id: &SecretId) {
        self.stored.with_label_values(&[id.kind()]).inc();
    }

    /// The text for Prometheus, with how many secrets are kept now.
    pub(crate) fn text(&self, kept: i64) -> Result<String, prometheus::Error> {
        self.kept.set(kept);
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}
