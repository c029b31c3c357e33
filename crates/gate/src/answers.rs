//! Counting answers for Prometheus.

use prometheus::{Histogram, HistogramOpts, IntCounterVec, Opts, Registry};

/// Upper bounds of the answer times counted, in seconds.
const SECONDS: [f64; 10] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0];

/// Counters of a service's answers. Clones are the same counters.
#[derive(Clone, Debug)]
pub struct Answers {
    answers: IntCounterVec,
    seconds: Histogram,
}

impl Answers {
    /// Counters in `registry`: `http_answers_total` and `http_seconds`. Fails when it has some of these names.
    pub fn register(registry: &Registry) -> Result<Self, prometheus::Error> {
        let times = HistogramOpts::new("http_seconds", "Time to answer, in seconds");
        let answers = Self {
            answers: IntCounterVec::new(
                Opts::new("http_answers_total", "HTTP answers"),
                &["method", "status"],
            )?,
            seconds: Histogram::with_opts(times.buckets(SECONDS.to_vec()))?,
        };
        registry.register(Box::new(answers.answers.clone()))?;
        registry.register(Box::new(answers.seconds.clone()))?;
        Ok(answers)
    }

    /// Counts an answer. Methods are named by the client, so only the known ones become labels.
    pub(crate) fn count(&self, method: &str, status: &str, seconds: f64) {
        let known = matches!(method, "GET" | "POST" | "PUT" | "HEAD" | "OPTIONS");
        let method = if known { method } else { "other" };
        self.answers.with_label_values(&[method, status]).inc();
        self.seconds.observe(seconds);
    }
}
