//! Where the time goes: seconds spent at each stage of a transaction's way, counted all the time.

use prometheus::{Counter, CounterVec, Opts};
use std::time::Instant;

/// A stage of the way from a request to a durable block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Bytes to a transaction.
    Decode,
    /// Finding who signed it.
    Recover,
    /// Checking it against the state, and putting it into the pool.
    Admit,
    /// Choosing what a block takes from the pool.
    Choose,
    /// The virtual machine.
    Execute,
    /// The new state's tries and root.
    StateRoot,
    /// Roots of transactions and receipts, bloom, hash.
    Header,
    /// Laying the block over the state in memory.
    Keep,
    /// Writing the block to the journal.
    Journal,
    /// Waiting for the disk.
    Sync,
    /// Taking the block's transactions out of the pool, and telling listeners.
    Tell,
    /// Finding receipts and writing them as JSON.
    Receipts,
    /// Moving blocks from memory to the database, beside everything else.
    Checkpoint,
}

const STAGES: [(Stage, &str); 13] = [
    (Stage::Decode, "decode"),
    (Stage::Recover, "recover"),
    (Stage::Admit, "admit"),
    (Stage::Choose, "choose"),
    (Stage::Execute, "execute"),
    (Stage::StateRoot, "state_root"),
    (Stage::Header, "header"),
    (Stage::Keep, "keep"),
    (Stage::Journal, "journal"),
    (Stage::Sync, "sync"),
    (Stage::Tell, "tell"),
    (Stage::Receipts, "receipts"),
    (Stage::Checkpoint, "checkpoint"),
];

/// A counter a stage.
#[derive(Clone, Debug)]
pub(crate) struct Stages {
    all: CounterVec,
    each: [Counter; STAGES.len()],
}

impl Stages {
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let options = Opts::new(
            "canut_chain_stage_seconds_total",
            "Time spent at each stage of a transaction's way",
        );
        let all = CounterVec::new(options, &["stage"])?;
        let each = STAGES.map(|(_, name)| all.with_label_values(&[name]));
        Ok(Self { all, each })
    }

    /// Does some work, and counts how long it takes.
    pub(crate) fn time<T>(&self, stage: Stage, work: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let done = work();
        let counter = STAGES
            .iter()
            .zip(&self.each)
            .find(|((each, _), _)| *each == stage);
        if let Some((_, counter)) = counter {
            counter.inc_by(start.elapsed().as_secs_f64());
        }
        done
    }

    /// For a registry.
    pub(crate) fn collector(&self) -> Box<CounterVec> {
        Box::new(self.all.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_a_counter_of_its_own() {
        let stages = Stages::new().unwrap();
        for (stage, name) in STAGES {
            let answer = stages.time(stage, || std::hint::black_box(name));
            assert_eq!(answer, name);
            assert!(stages.all.with_label_values(&[name]).get() > 0.0, "{name}");
        }
    }
}
