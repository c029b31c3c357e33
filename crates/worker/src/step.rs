//! What a worker does next about a task: a pure function of what it wrote down, what the chain says, and the time.
//!
//! It is asked again after everything that happens, a restart included, so nothing depends on what the worker was doing
//! before. What binds it is on the chain or in the record: a result that may have been voted for is kept, and voted for again,
//! until the task is over; and it is revealed only once the chain says that it is certified.

use alloy_primitives::Address;
use canut_protocol::{
    Failure,
    result::result_hash,
    task::{ContributionStatus, Status, Task},
};

use crate::record::Record;

/// What is known of a task.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// What the worker wrote down.
    pub record: &'a Record,
    /// What the chain says.
    pub task: &'a Task,
    /// Who the worker is.
    pub worker: Address,
    /// Whether the pool told it to reveal.
    pub told: bool,
    /// Whether the pool wants the result in the store.
    pub asked: bool,
    /// Seconds since the epoch, by the clock of the chain.
    pub now: u64,
}

/// The next thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Run the app.
    Compute,
    /// Transaction: vote.
    Contribute,
    /// Transaction: vote, publish and be paid.
    ContributeAndFinalize,
    /// Transaction: show what was voted for.
    Reveal,
    /// Put the result in the store.
    Upload,
    /// Nothing, until something happens or this time comes.
    Wait(Option<u64>),
    /// Forget the task: it is over, or for this reason the worker has no part in it.
    Forget(Option<Failure>),
}

/// What to do next.
pub fn next(sight: Sight<'_>) -> Step {
    match sight.task.status {
        // The node is behind the pool's, or the pool lies; the deal's deadlines are what the record waits for.
        Status::Unset => Step::Wait(None),
        Status::Active => active(sight),
        Status::Revealing => revealing(sight),
        Status::Completed | Status::Failed => Step::Forget(None),
    }
}

fn active(sight: Sight<'_>) -> Step {
    let Sight {
        record,
        task,
        worker,
        now,
        ..
    } = sight;
    if let Some(vote) = task.contribution(worker) {
        // A vote without its result: the disk lost it. The run is repeated, for the digest will be wanted.
        let lost = record.found.is_none() && vote.status == ContributionStatus::Contributed;
        return if lost {
            Step::Compute
        } else {
            Step::Wait(None)
        };
    }
    if now >= task.contribution_deadline {
        let end = Step::Wait(Some(task.final_deadline));
        return if record.pledged {
            end
        } else {
            Step::Forget(Some(Failure::TooLate))
        };
    }
    if record.found.is_none() {
        return Step::Compute;
    }
    if !record.sole || !task.contributions.is_empty() {
        return Step::Contribute;
    }
    if record.uploaded.is_none() {
        Step::Upload
    } else {
        Step::ContributeAndFinalize
    }
}

fn revealing(sight: Sight<'_>) -> Step {
    let Sight {
        record,
        task,
        worker,
        told,
        asked,
        now,
    } = sight;
    let Some(vote) = task.contribution(worker) else {
        // Certified without it. A vote that may be on its way can only fail now, or count when the task is reopened.
        let gone = Step::Forget(Some(Failure::Aborted));
        return if record.pledged {
            Step::Wait(None)
        } else {
            gone
        };
    };
    if vote.result_hash != task.consensus {
        return Step::Wait(None);
    }
    let Some(found) = &record.found else {
        return Step::Compute;
    };
    if result_hash(record.task, found.digest) != task.consensus {
        // The record is of another result than was voted for; it cannot be revealed.
        return Step::Wait(None);
    }
    let open = now < task.reveal_deadline;
    if vote.status == ContributionStatus::Contributed && open {
        let alone = time_to_reveal_alone(task);
        if told || now >= alone {
            return Step::Reveal;
        }
        return if asked && record.uploaded.is_none() {
            Step::Upload
        } else {
            Step::Wait(Some(alone))
        };
    }
    if asked && record.uploaded.is_none() {
        Step::Upload
    } else {
        Step::Wait(None)
    }
}

/// When a worker reveals though the pool is silent: half-way to the deadline. A certified vote that is not revealed loses its
/// stake, so a pool that stalls must not be able to keep a worker from it.
fn time_to_reveal_alone(task: &Task) -> u64 {
    task.reveal_deadline.saturating_sub(task.time_ref)
}

#[cfg(test)]
mod tests;
