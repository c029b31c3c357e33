//! The ordering of one machine: it seals a block as soon as a transaction waits, and empty ones at
//! an interval if asked.
//!
//! One thread does all of it, so that nothing interleaves: it takes what is ready, executes it,
//! commits it, and tells. What arrives meanwhile makes the next block, so blocks grow with the load
//! and the cost of a sync is shared.

use crate::{
    clock::Clock,
    engine::{Core, Engine, EngineError},
    executor::Cancel,
    mempool::Pool,
    metrics::Metrics,
    shape::Shape,
    stages::Stage,
    state::{ReadError, StateCache, StateChanges},
    store::{GENESIS, SealedBlock, Version},
};
use parking_lot::Mutex;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};
use tokio::sync::{Semaphore, broadcast, oneshot};

/// Something happened to the chain; it is durable.
#[derive(Clone, Debug)]
pub(crate) enum ChainEvent {
    /// A block was added.
    Added(Arc<SealedBlock>),
    /// Blocks were taken back, newest first.
    Removed(Vec<Arc<SealedBlock>>),
}

/// Most transactions of a block, whatever their gas: it bounds the time of one.
const BLOCK_TRANSACTIONS: usize = 4000;
/// Events that a slow listener may be behind.
const EVENTS: usize = 1024;
/// Commands that may wait.
const COMMANDS: usize = 256;
/// While transactions wait for a lower base fee, empty blocks lower it at this pace.
const FEE_DECAY: Duration = Duration::from_secs(1);

/// What the sealing thread is told.
enum Command {
    /// Transactions wait.
    Wake,
    /// Do something between two blocks.
    Run(Box<dyn FnOnce(&mut Sealer) + Send>),
    Stop,
}

/// What the sealing thread works on.
pub(crate) struct Sealer {
    pub(crate) core: Arc<Core>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) shape: Arc<Shape>,
    pub(crate) settings: Settings,
    events: broadcast::Sender<ChainEvent>,
    metrics: Arc<Metrics>,
    last_block: Instant,
}

/// What the sealing thread shares with whoever asks.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) core: Arc<Core>,
    pub(crate) pool: Arc<Pool>,
    pub(crate) clock: Arc<Clock>,
    pub(crate) shape: Arc<Shape>,
    pub(crate) metrics: Arc<Metrics>,
}

/// When blocks are made; developer methods change it.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Seal when a transaction waits.
    pub(crate) automine: bool,
    /// Seal after this time, even an empty block.
    pub(crate) block_time: Option<Duration>,
}

/// The sealing thread, from outside.
#[derive(Debug)]
pub(crate) struct Solo {
    commands: SyncSender<Command>,
    /// Places in the queue for [`Command::Run`]; the rest is for the others.
    room: Semaphore,
    awake: Arc<AtomicBool>,
    events: broadcast::Sender<ChainEvent>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The sealing thread has ended.
#[derive(Debug, thiserror::Error)]
#[error("the node is shutting down")]
pub(crate) struct Stopped;

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Solo {
    /// Starts the thread. `fatal` is told why, if it has to stop.
    pub(crate) fn start(
        parts: Parts,
        settings: Settings,
        fatal: oneshot::Sender<EngineError>,
    ) -> std::io::Result<Self> {
        let (commands, receiver) = sync_channel(COMMANDS);
        let (events, _) = broadcast::channel(EVENTS);
        let awake = Arc::new(AtomicBool::new(false));
        let mut sealer = Sealer {
            core: parts.core,
            pool: parts.pool,
            clock: parts.clock,
            shape: parts.shape,
            settings,
            events: events.clone(),
            metrics: parts.metrics,
            last_block: Instant::now(),
        };
        let flag = Arc::clone(&awake);
        let thread = std::thread::Builder::new()
            .name("seal".into())
            .spawn(move || {
                if let Err(error) = sealer.run(&receiver, &flag) {
                    tracing::error!(%error, "sealing stopped");
                    // Nobody listens once the node is dropped.
                    let _ = fatal.send(error);
                }
            })?;
        Ok(Self {
            commands,
            room: Semaphore::new(COMMANDS / 2),
            awake,
            events,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Says that a transaction waits.
    pub(crate) fn wake(&self) {
        if !self.awake.swap(true, Ordering::AcqRel)
            && let Err(TrySendError::Full(_)) = self.commands.try_send(Command::Wake)
        {
            // The thread is busy with commands and will look at the pool after the next.
            self.awake.store(false, Ordering::Release);
        }
    }

    /// Runs `work` on the sealing thread, between two blocks, and answers what it does.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Sealer) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        // Whoever finds the queue full waits in front of it.
        let _place = self.room.acquire().await.map_err(|_| Stopped)?;
        let (answer, wait) = oneshot::channel();
        let command = Command::Run(Box::new(move |sealer| drop(answer.send(work(sealer)))));
        self.commands.try_send(command).map_err(|_| Stopped)?;
        wait.await.map_err(|_| Stopped)
    }

    /// What happens to the chain from now on.
    pub(crate) fn subscribe(&self) -> broadcast::Receiver<ChainEvent> {
        self.events.subscribe()
    }

    /// Ends the thread after the block under way.
    pub(crate) fn stop(&self) {
        // A thread that is gone needs no telling.
        let _ = self.commands.send(Command::Stop);
        if let Some(thread) = self.thread.lock().take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Solo {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Sealer {
    fn run(&mut self, commands: &Receiver<Command>, awake: &AtomicBool) -> Result<(), EngineError> {
        loop {
            let command = match self.timeout() {
                None => commands.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(timeout) => commands.recv_timeout(timeout),
            };
            match command {
                Ok(Command::Wake) | Err(RecvTimeoutError::Timeout) => {
                    awake.store(false, Ordering::Release)
                }
                Ok(Command::Run(work)) => work(self),
                Ok(Command::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            self.seal_waiting()?;
        }
    }

    /// When the next block is due without a transaction.
    fn timeout(&self) -> Option<Duration> {
        let dear = || self.settings.automine && self.pool.ready(self.base_fee()).1;
        let interval = self
            .settings
            .block_time
            .or_else(|| dear().then_some(FEE_DECAY))?;
        Some(interval.saturating_sub(self.last_block.elapsed()))
    }

    /// Seals an empty block if one is due, and while transactions wait.
    fn seal_waiting(&mut self) -> Result<(), EngineError> {
        let interval = self.settings.block_time;
        if interval.is_some_and(|interval| self.last_block.elapsed() >= interval) {
            self.seal_now()?;
        }
        while self.settings.automine {
            let (ready, dear) = self.pool.ready(self.base_fee());
            let decay = dear && interval.is_none() && self.last_block.elapsed() >= FEE_DECAY;
            if decay && !ready {
                self.seal_now()?;
            } else if !ready || !self.seal(false)? {
                break;
            }
        }
        Ok(())
    }

    fn base_fee(&self) -> u64 {
        let head = self.core.store.head();
        self.shape.base_fee(&self.core.rules, &head.head.header)
    }

    /// Makes a block of what is ready, or an empty one.
    pub(crate) fn seal_now(&mut self) -> Result<(), EngineError> {
        self.seal(true).map(drop)
    }

    /// Makes one block of what is ready and commits it. Unless `empty` is allowed, a block that
    /// would be is dropped: false.
    fn seal(&mut self, empty: bool) -> Result<bool, EngineError> {
        let started = Instant::now();
        let parent = self.core.store.head();
        let time = self.clock.peek(parent.head.header.timestamp);
        let ctx = self.shape.context(&self.core.rules, &parent.head, time);
        let core = Arc::clone(&self.core);
        let stages = core.store.stages();
        let mut best = stages.time(Stage::Choose, || {
            self.pool.best(ctx.base_fee, BLOCK_TRANSACTIONS)
        });
        let sealed = self
            .core
            .build(parent.head.hash, ctx, &mut best, &Cancel::default())?;
        for (tx, reason) in best.refused {
            // Its sender was told a hash, and will wait for it: whoever runs the node should see why.
            tracing::warn!(hash = %tx.inner().hash(), from = %tx.signer(), %reason, "dropped");
            self.pool.remove(tx.inner().hash());
        }
        for (sender, next) in best.misnumbered {
            self.pool.renumber(sender, next);
        }
        if sealed.block.transactions.is_empty() && !empty {
            self.core.discard(sealed.block.hash);
            return Ok(false);
        }
        let built = started.elapsed();
        self.core.commit(sealed.block.hash, &[])?;
        self.clock.used(time);
        self.shape.used();
        let block = sealed.block;
        self.metrics
            .sealed(&block, built, started.elapsed() - built);
        stages.time(Stage::Tell, || {
            self.pool.included(block.transactions.iter());
            // Without listeners there is nobody to tell.
            let _ = self.events.send(ChainEvent::Added(Arc::clone(&block)));
        });
        self.last_block = Instant::now();
        tracing::info!(
            number = block.number(),
            hash = %block.hash,
            txs = block.transactions.len(),
            gas = block.header.gas_used,
            ms = started.elapsed().as_micros() as f64 / 1000.0,
            "block"
        );
        Ok(true)
    }

    /// Changes the state between two blocks.
    pub(crate) fn patch(
        &self,
        edit: impl FnOnce(&mut StateCache<'_>) -> Result<(), ReadError>,
    ) -> Result<(), EngineError> {
        self.core
            .patch(|version: &Version| -> Result<StateChanges, ReadError> {
                let mut cache = StateCache::new(version);
                edit(&mut cache)?;
                Ok(cache.into_changes())
            })
    }

    /// Changes the pace of empty blocks.
    pub(crate) fn set_block_time(&mut self, time: Option<Duration>) {
        self.settings.block_time = time;
        self.last_block = Instant::now();
    }

    /// Goes back to the genesis, as far as that is kept.
    pub(crate) fn restart(&mut self) -> Result<(), EngineError> {
        self.revert(GENESIS)
    }

    /// Goes back to a mark, and tells which blocks are gone.
    pub(crate) fn revert(&mut self, mark: u64) -> Result<(), EngineError> {
        let before = self.core.store.head();
        self.core.revert_to_mark(mark)?;
        let after = self.core.store.head().head.number();
        let mut removed = Vec::new();
        for number in (after + 1..=before.head.number()).rev() {
            removed.extend(before.block(number)?);
        }
        self.pool.clear();
        let _ = self.events.send(ChainEvent::Removed(removed));
        Ok(())
    }
}
