//! What a worker earned and lost, as the chain tells it.

use alloy::providers::Provider;
use alloy_primitives::Address;
use canut_hub::{
    Event, Follower, Hub,
    events::{FollowConfig, FollowError, Happening},
};
use canut_protocol::{Nrlc, range::money::Fault};
use serde::Serialize;

/// Payments and losses that are told one by one, the last ones.
const TOLD: usize = 50;

/// What a worker earned and lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Earnings {
    /// Paid for work.
    pub earned: Nrlc,
    /// How often: once for each task of the open way, and for each range.
    pub payments: u64,
    /// The last payments, the latest first.
    pub paid: Vec<Payment>,
    /// Taken from its stakes and bonds.
    pub lost: Nrlc,
    /// The last losses, the latest first.
    pub losses: Vec<Loss>,
}

/// Money that was paid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Payment {
    /// How much.
    pub amount: Nrlc,
    /// For what: a task, or a range by its id.
    pub on: String,
    /// Block in which it happened.
    pub block: u64,
    /// When, in seconds since the epoch, if the node says so.
    pub time: Option<u64>,
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
    /// When, in seconds since the epoch, if the node says so.
    pub time: Option<u64>,
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
    let mut book = Book::open(hub, worker, from, FollowConfig::default());
    while from <= head && book.read.is_none_or(|block| block < head) {
        book.next().await?;
    }
    Ok(book.earnings)
}

/// What a worker earned and lost, as the chain goes on.
#[derive(Debug)]
pub(crate) struct Book {
    worker: Address,
    follower: Follower,
    pub(crate) earnings: Earnings,
    /// The last block that was read.
    pub(crate) read: Option<u64>,
}

impl Book {
    /// An empty book, to be filled from block `from` on.
    pub(crate) fn open(hub: &Hub, worker: Address, from: u64, config: FollowConfig) -> Self {
        let (provider, deployment) = (hub.provider().clone(), *hub.deployment());
        Self {
            worker,
            follower: Follower::from_block(provider, deployment, config, from),
            earnings: Earnings::default(),
            read: None,
        }
    }

    /// Reads on, and waits for the chain to go on where there is nothing to read. Dropped, nothing is lost.
    pub(crate) async fn next(&mut self) -> Result<(), FollowError> {
        let batch = self.follower.next().await?;
        for happening in batch.events {
            self.take_in(happening);
        }
        self.read = Some(batch.checkpoint.block);
        Ok(())
    }

    fn take_in(&mut self, happening: Happening) {
        let Happening {
            event, block, time, ..
        } = happening;
        let lost = match event {
            Event::Rewarded {
                account,
                amount,
                task,
            } if account == self.worker => {
                self.earn(Payment {
                    amount,
                    on: task.to_string(),
                    block,
                    time,
                });
                return;
            }
            Event::Seized {
                account,
                amount,
                task,
            } if account == self.worker => Loss {
                amount,
                on: task.to_string(),
                why: "its vote was not the certified one, or was never revealed",
                block,
                time,
            },
            Event::Slashed {
                account,
                range,
                amount,
                fault,
                ..
            } if account == self.worker => Loss {
                amount,
                on: range.to_string(),
                why: meaning(fault),
                block,
                time,
            },
            _ => return,
        };
        self.earnings.lost = add(self.earnings.lost, lost.amount);
        keep(&mut self.earnings.losses, lost);
    }

    fn earn(&mut self, payment: Payment) {
        self.earnings.earned = add(self.earnings.earned, payment.amount);
        self.earnings.payments += 1;
        keep(&mut self.earnings.paid, payment);
    }
}

/// Keeps the latest, as the first.
fn keep<T>(told: &mut Vec<T>, latest: T) {
    told.truncate(TOLD - 1);
    told.insert(0, latest);
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
