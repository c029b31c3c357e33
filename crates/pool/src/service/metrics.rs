//! Numbers for Prometheus.

use canut_gate::Answers;
use canut_protocol::Failure;
use prometheus::{CounterVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder};

use super::pace::Pace;
use crate::{
    ranges::{Hedges, RangeChain, Ranges},
    schedule::{ChainEvent, Scheduler},
};

/// What is counted. Clones count together.
#[derive(Clone, Debug)]
pub(super) struct Metrics {
    registry: Registry,
    answers: Answers,
    workers: IntGauge,
    waiting: IntGauge,
    ranges_waiting: IntGauge,
    open: IntGauge,
    assigned: IntCounter,
    events: IntCounterVec,
    checks: IntCounter,
    failures: IntCounterVec,
    range_seconds: CounterVec,
    hedges: IntCounter,
    hedges_won: IntCounter,
}

impl Metrics {
    pub(super) fn new() -> prometheus::Result<Self> {
        let registry = Registry::new_custom(Some("canut_pool".into()), None)?;
        let metrics = Self {
            workers: IntGauge::new("workers", "Workers with a session")?,
            waiting: IntGauge::new("tasks_waiting", "Tasks that wait for a worker")?,
            ranges_waiting: IntGauge::new("ranges_waiting", "Ranges that wait for a worker")?,
            open: IntGauge::new("tasks_open", "Tasks that are not over")?,
            assigned: IntCounter::new("assignments_total", "Authorisations sent to workers")?,
            events: counters(
                "chain_events_total",
                "Events of the pool's tasks",
                &["event"],
            )?,
            checks: IntCounter::new(
                "range_checks_total",
                "Ranges whose results were looked for in the store",
            )?,
            failures: counters(
                "failures_total",
                "Failures of workers",
                &["failure", "fault"],
            )?,
            range_seconds: CounterVec::new(
                Opts::new(
                    "range_seconds_total",
                    "Time that ranges took until enough workers voted, one showed its vote, the results were found, and the range was settled",
                ),
                &["step"],
            )?,
            hedges: IntCounter::new(
                "hedges_total",
                "Workers asked for what another one was late with",
            )?,
            hedges_won: IntCounter::new(
                "hedges_won_total",
                "Those of them who were first with a range",
            )?,
            answers: Answers::register(&registry)?,
            registry,
        };
        metrics
            .registry
            .register(Box::new(metrics.workers.clone()))?;
        metrics
            .registry
            .register(Box::new(metrics.waiting.clone()))?;
        metrics
            .registry
            .register(Box::new(metrics.ranges_waiting.clone()))?;
        metrics.registry.register(Box::new(metrics.open.clone()))?;
        metrics
            .registry
            .register(Box::new(metrics.assigned.clone()))?;
        metrics
            .registry
            .register(Box::new(metrics.checks.clone()))?;
        metrics
            .registry
            .register(Box::new(metrics.events.clone()))?;
        metrics
            .registry
            .register(Box::new(metrics.failures.clone()))?;
        metrics
            .registry
            .register(Box::new(metrics.range_seconds.clone()))?;
        metrics
            .registry
            .register(Box::new(metrics.hedges.clone()))?;
        metrics
            .registry
            .register(Box::new(metrics.hedges_won.clone()))?;
        Ok(metrics)
    }

    /// Clocks for ranges.
    pub(super) fn pace(&self) -> Pace {
        Pace::new(self.range_seconds.clone())
    }

    /// The counters of answers.
    pub(super) fn answers(&self) -> Answers {
        self.answers.clone()
    }

    pub(super) fn assigned(&self) {
        self.assigned.inc();
    }

    /// Second workers for tasks of the open way, and for ranges.
    pub(super) fn hedged(&self, tasks: u64, hedges: Hedges) {
        self.hedges.inc_by(tasks.saturating_add(hedges.begun));
        self.hedges_won.inc_by(hedges.won);
    }

    pub(super) fn checked(&self) {
        self.checks.inc();
    }

    pub(super) fn failed(&self, failure: Failure) {
        let fault = failure.fault().to_string();
        self.failures
            .with_label_values(&[failure.name(), &fault])
            .inc();
    }

    pub(super) fn count(&self, event: &ChainEvent) {
        let event = match event {
            ChainEvent::Matched { .. } => "matched",
            ChainEvent::Initialized { .. } => "initialized",
            ChainEvent::Contributed { .. } => "contributed",
            ChainEvent::Certified { .. } => "certified",
            ChainEvent::Revealed { .. } => "revealed",
            ChainEvent::Reopened { .. } => "reopened",
            ChainEvent::Finalized { .. } => "finalized",
            ChainEvent::Claimed { .. } => "claimed",
            ChainEvent::Scored { .. } => return,
        };
        self.events.with_label_values(&[event]).inc();
    }

    pub(super) fn count_range(&self, event: &RangeChain) {
        let event = match event {
            RangeChain::Settled(_) => "range-settled",
            RangeChain::Posted(_) => "range-posted",
            RangeChain::Failed(_) => "range-failed",
            RangeChain::Matched { .. } | RangeChain::Bonded(..) => return,
        };
        self.events.with_label_values(&[event]).inc();
    }

    pub(super) fn show(&self, scheduler: &Scheduler, ranges: &Ranges) {
        let number = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
        self.workers.set(number(scheduler.workers()));
        self.waiting.set(number(scheduler.waiting()));
        self.ranges_waiting.set(number(ranges.waiting()));
        let open = i64::try_from(ranges.open_tasks()).unwrap_or(i64::MAX);
        self.open
            .set(number(scheduler.open_tasks_count()).saturating_add(open));
    }

    /// In the text format of Prometheus.
    pub(super) fn text(&self) -> prometheus::Result<String> {
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

fn counters(name: &str, help: &str, labels: &[&str]) -> prometheus::Result<IntCounterVec> {
    IntCounterVec::new(Opts::new(name, help), labels)
}
