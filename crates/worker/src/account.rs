//! What a worker earned and lost, as the chain tells it.

use alloy::providers::Provider;
use alloy_primitives::Address;
use canut_hub::{
    Event, Follower, Hub,
    events::{FollowConfig, FollowError},
};
use canut_protocol::{Nrlc, TaskId, range::money::Fault};
use serde::Serialize;

/// Losses that are told one by one, the last ones.
const TOLD: usize = 50;

/// What a worker earned and lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Earnings {
    /// Paid for work.
    pub earned: Nrlc,
    /// How often: once for each task of the open way, and for each range.
    pub payments: u64,
    /// Taken from its stakes and bonds.
    pub lost: Nrlc,
    /// The last losses, the latest first.
    pub losses: Vec<Loss>,
}

/// Money that was taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Loss {
    /// How much.
    pub amount: Nrlc,
    /// On account of what: a task, or a range by its id.
    pub on: String,
    /// Why, in a clause.
    pub why: &'static str,
    /// Block in which it happened.
    pub block: u64,
}

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The chain cannot be read to its end.
    #[error(transparent)]
    Follow(#[from] FollowError),
    /// The node does not answer.
    #[error("the node: {0}")]
    Node(#[from] alloy::transports::TransportError),
}

/// Reads what `worker` earned and lost since block `from`.
///
/// # Errors
///
/// [`AccountError`] when the chain cannot be read.
pub async fn earnings(hub: &Hub, worker: Address, from: u64) -> Result<Earnings, AccountError> {
    let head = hub.provider().get_block_number().await?;
    let deployment = *hub.deployment();
    let config = FollowConfig::default();
    let mut follower = Follower::from_block(hub.provider().clone(), deployment, config, from);
    let mut reader = Reader {
        worker,
        earnings: Earnings::default(),
    };
    let mut at = None;
    while from <= head && at.is_none_or(|block| block < head) {
        let batch = follower.next().await?;
        for happening in batch.events {
            reader.take_in(happening.event, happening.block);
        }
        at = Some(batch.checkpoint.block);
    }
    Ok(reader.earnings)
}

struct Reader {
    worker: Address,
    earnings: Earnings,
}

impl Reader {
    fn take_in(&mut self, event: Event, block: u64) {
        match event {
            Event::Rewarded {
                account, amount, ..
            } if account == self.worker => {
                self.earnings.earned = add(self.earnings.earned, amount);
                self.earnings.payments += 1;
            }
            Event::Seized {
                account,
                amount,
                task,
            } if account == self.worker => self.lose(amount, of_task(task), block),
            Event::Slashed {
                account,
                range,
                amount,
                fault,
                ..
            } if account == self.worker => {
                self.lose(amount, (range.to_string(), meaning(fault)), block);
            }
            _ => {}
        }
    }

    fn lose(&mut self, amount: Nrlc, (on, why): (String, &'static str), block: u64) {
        self.earnings.lost = add(self.earnings.lost, amount);
        self.earnings.losses.insert(
            0,
            Loss {
                amount,
                on,
                why,
                block,
            },
        );
        self.earnings.losses.truncate(TOLD);
    }
}

fn of_task(task: TaskId) -> (String, &'static str) {
    let why = "its vote was not the certified one, or was never revealed";
    (task.to_string(), why)
}

const fn meaning(fault: Fault) -> &'static str {
    match fault {
        Fault::Loser => "it voted against the certified result",
        Fault::Equivocation => "it signed two different votes on one range",
        Fault::Unopened => "its posted vote was opened by nobody",
        Fault::Omission => "as a scheduler it left out a vote it had countersigned",
        Fault::Stall => "as a scheduler it did not settle in time",
    }
}

fn add(one: Nrlc, other: Nrlc) -> Nrlc {
    Nrlc(one.0.saturating_add(other.0))
}
