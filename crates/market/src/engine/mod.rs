//! The running market: one writer, many readers.
//!
//! All changes (publications, withdrawals, steps of the chain) go through one queue to one task. It takes what waits, works
//! the changes out in memory, commits them together, and only then answers. Two wallets that publish at once, or a
//! publication that meets a deal, therefore never race; and a disk that syncs a hundred times a second still takes
//! thousands of orders.
//!
//! If a commit fails the memory is rebuilt from the database, so it never holds what is not durable for longer than that.

mod follow;
mod plain;
mod publish;
mod state;
mod writer;

use std::{sync::Arc, time::Duration};

use canut_protocol::Domain;
use parking_lot::{RwLock, RwLockReadGuard};
use tokio::sync::{mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use publish::{Rejected, Target};
pub(crate) use state::State;

use crate::{
    chain::{BlockRef, ChainView},
    feed::Feed,
    metrics::Metrics,
    storage::{StorageError, Store},
};
use writer::Command;

/// Commands that wait for the writer at most; whoever comes later waits to be let in.
const QUEUE: usize = 1_024;

/// Longest wait between two attempts to reach the chain.
const PATIENCE: Duration = Duration::from_secs(2);

/// What wallets may have here.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Open orders of one kind and wallet.
    pub(crate) open: usize,
    /// Orders of one kind and wallet that are not open, and are remembered.
    pub(crate) closed: usize,
    /// Bytes of all orders of all wallets, as JSON.
    pub(crate) bytes: u64,
}

/// The market, as its routes see it. Clones are the same market.
#[derive(Clone)]
pub(crate) struct Market {
    pub(crate) domain: Domain,
    pub(crate) bounds: Bounds,
    pub(crate) chain: Arc<dyn ChainView>,
    pub(crate) store: Store,
    pub(crate) feed: Feed,
    pub(crate) metrics: Metrics,
    state: Arc<RwLock<State>>,
    plain: Arc<plain::PlainAccounts>,
    commands: mpsc::Sender<Command>,
    /// The newest durable block.
    durable: watch::Sender<Option<BlockRef>>,
}

impl Market {
    /// Loads what was stored, and starts the writer and the follower of the chain, which end when `stop` is cancelled.
    pub(crate) async fn start(
        domain: Domain,
        bounds: Bounds,
        chain: Arc<dyn ChainView>,
        store: Store,
        metrics: Metrics,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Self, StorageError> {
        let state = State::load(&store, domain).await?;
        let durable = watch::Sender::new(state.head());
        let (commands, queue) = mpsc::channel(QUEUE);
        let market = Self {
            domain,
            bounds,
            chain,
            store,
            feed: Feed::new(),
            metrics,
            state: Arc::new(RwLock::new(state)),
            plain: Arc::default(),
            commands,
            durable,
        };
        tasks.spawn(writer::run(market.clone(), queue, stop.clone()));
        tasks.spawn(follow::run(market.clone(), stop.clone()));
        Ok(market)
    }

    /// The market as it is now. Hold it briefly: the writer waits.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read()
    }

    /// The newest durable block.
    pub(crate) fn durable(&self) -> Option<BlockRef> {
        *self.durable.borrow()
    }

    /// Waits until the market has taken that block in, durably.
    pub(crate) async fn reached(&self, block: BlockRef) {
        let mut durable = self.durable.subscribe();
        loop {
            let head = *durable.borrow_and_update();
            // A block below a durable one of the same chain is durable too.
            if head.is_some_and(|head| {
                head.number >= block.number && self.read().knows(&[head, block])
            }) {
                return;
            }
            if durable.changed().await.is_err() {
                return;
            }
        }
    }
}
