//! What happens on the chain that concerns the market.

use alloy_primitives::{Address, B256, Bytes};
use canut_protocol::{Deal, DealId, Nrlc, OrderHash, TaskId, category::Category, order::OrderKind};
use serde::{Deserialize, Serialize};

use crate::order::iso;

/// A block by number and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockRef {
    /// Its height.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

/// What a registry registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AssetKind {
    /// An application.
    App,
    /// A dataset.
    Dataset,
    /// A workerpool.
    Workerpool,
}

impl AssetKind {
    /// The asset that orders of this kind sell; none for requests.
    pub const fn of(kind: OrderKind) -> Option<Self> {
        match kind {
            OrderKind::App => Some(Self::App),
            OrderKind::Dataset => Some(Self::Dataset),
            OrderKind::Workerpool => Some(Self::Workerpool),
            OrderKind::Request => None,
        }
    }
}

/// A deal as the hub announced it (`OrdersMatched`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DealRecord {
    /// Its id.
    pub id: DealId,
    /// Its terms.
    pub deal: Deal,
    /// Hash of the application order.
    pub app: OrderHash,
    /// Hash of the dataset order; zero without a dataset.
    pub dataset: OrderHash,
    /// Hash of the workerpool order.
    pub workerpool: OrderHash,
    /// Hash of the request order.
    pub request: OrderHash,
    /// The transaction that made it.
    pub transaction: B256,
}

/// How far a task got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskStep {
    /// It can be worked on (`TaskInitialize`).
    Initialized {
        /// The workerpool that serves it.
        workerpool: Address,
    },
    /// A worker voted (`TaskContribute`).
    Contributed {
        /// Who.
        worker: Address,
        /// Hash of the digest it found.
        result_hash: B256,
    },
    /// The votes are enough (`TaskConsensus`).
    Consensus {
        /// Hash of the digest that is certified.
        result_hash: B256,
    },
    /// A worker showed its digest (`TaskReveal`).
    Revealed {
        /// Who.
        worker: Address,
        /// The digest.
        digest: B256,
    },
    /// Nobody revealed, and the vote starts again (`TaskReopen`).
    Reopened,
    /// It is done and paid (`TaskFinalize`).
    Finalized {
        /// Where the result is.
        results: Bytes,
    },
    /// Its time is over and the requester has the money back (`TaskClaimed`).
    Claimed,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Four orders became a deal (`OrdersMatched`).
    Matched(Box<DealRecord>),
    /// What was left of an order was closed by its owner (`Closed…Order`).
    Closed(OrderHash),
    /// Free stake moved (`Transfer` of the hub); zero addresses for what comes in or goes out.
    Stake {
        /// From whom.
        from: Address,
        /// To whom.
        to: Address,
        /// How much.
        amount: Nrlc,
    },
    /// An asset was registered or changed hands (`Transfer` of a registry).
    Owner {
        /// In which registry.
        kind: AssetKind,
        /// The asset.
        asset: Address,
        /// Its owner from now on.
        owner: Address,
    },
    /// A category was created (`CreateCategory`).
    Category {
        /// Its id.
        id: u64,
        /// What it is.
        category: Category,
        /// The transaction that created it.
        transaction: B256,
    },
    /// A task got further. No rule of the market reads it: it is for the feed.
    Task {
        /// Which task.
        task: TaskId,
        /// How far.
        step: TaskStep,
        /// The transaction that did it.
        transaction: B256,
    },
}

/// An event, and where it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    /// Height of its block.
    pub block: u64,
    /// Time of its block, in seconds since the epoch.
    pub timestamp: u64,
    /// What happened.
    pub event: Event,
}

impl Happening {
    /// The time as the API writes it.
    pub(crate) fn iso(&self) -> String {
        let seconds = i64::try_from(self.timestamp).unwrap_or(i64::MAX);
        iso(seconds.saturating_mul(1_000))
    }
}

/// The events of the blocks after the last batch, up to and with `at`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The last block of it.
    pub at: BlockRef,
    /// What happened, in the order of the chain; there may be nothing.
    pub events: Vec<Happening>,
}

/// One step of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// It grew.
    Batch(Batch),
    /// It was re-organised: everything above the block at height `to` is void.
    Rollback {
        /// Height of the last block that stands.
        to: u64,
    },
}

/// What the mirror and the price history keep of an event; their durable form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Fact {
    Matched {
        orders: [OrderHash; 4],
        volume: u64,
        category: u64,
        price: Nrlc,
    },
    Closed(OrderHash),
    Stake {
        from: Address,
        to: Address,
        amount: Nrlc,
    },
    Owner {
        kind: AssetKind,
        asset: Address,
        owner: Address,
    },
    Category {
        id: u64,
        category: Category,
        transaction: B256,
    },
}

impl Fact {
    /// What is kept of the event, if anything.
    fn of(event: &Event) -> Option<Self> {
        Some(match event.clone() {
            Event::Matched(made) => Self::Matched {
                orders: [made.app, made.dataset, made.workerpool, made.request],
                volume: made.deal.bot_size,
                category: made.deal.category,
                price: made.deal.workerpool.price,
            },
            Event::Closed(order) => Self::Closed(order),
            Event::Stake { from, to, amount } => Self::Stake { from, to, amount },
            Event::Owner { kind, asset, owner } => Self::Owner { kind, asset, owner },
            Event::Category {
                id,
                category,
                transaction,
            } => Self::Category {
                id,
                category,
                transaction,
            },
            Event::Task { .. } => return None,
        })
    }
}

/// A fact, and where it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) block: u64,
    pub(crate) timestamp: u64,
    pub(crate) fact: Fact,
}

impl Record {
    /// What is kept of the happening, if anything.
    pub(crate) fn of(happening: &Happening) -> Option<Self> {
        Some(Self {
            block: happening.block,
            timestamp: happening.timestamp,
            fact: Fact::of(&happening.event)?,
        })
    }
}
