//! The store: blocks and state that survive a crash.
//!
//! A step (a block, mostly) is appended to a journal and synced; then it is true. It stays in
//! memory, laid over a snapshot of the database, until a checkpoint writes many steps to the
//! database at once and drops their journal. So a block costs one sequential write, the database
//! costs one transaction in thousands of blocks, and a start replays at most the steps since the
//! last checkpoint, however long the chain.

mod base;
mod block;
mod checkpoint;
mod draft;
mod history;
mod journal;
mod layer;
mod logs;
mod open;
mod version;

use crate::{
    codec::CodecError,
    stages::{Stage, Stages},
    state::ReadError,
};
use arc_swap::ArcSwap;
use base::Base;
use journal::Journal;
use parking_lot::{Condvar, Mutex};
use redb::Database;
use std::{
    io,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

pub use block::{SealedBlock, receipt_envelope};
pub(crate) use draft::{Draft, Retention};
pub(crate) use history::{GENESIS, Snapshot};
pub(crate) use logs::{LogKey, find as find_in_section};
pub(crate) use open::{DATABASE, GenesisBlock};
pub(crate) use version::Version;

/// What the store cannot do.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused.
    #[error("writing the chain: {0}: free space or repair the disk, then start again")]
    Io(#[from] io::Error),
    /// The database refused, or does not make sense.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The folder holds another chain.
    #[error(
        "the folder holds another chain ({0}): give another --dir, or the options that it was created with"
    )]
    OtherChain(String),
    /// A past state is asked for that is no longer kept.
    #[error("that state is no longer kept: the last {kept} steps are")]
    TooOld {
        /// How many steps are kept.
        kept: usize,
    },
    /// A commit does not extend the head.
    #[error("the block does not follow the head of the chain")]
    NotNext,
    /// An earlier write failed; nothing is written any more.
    #[error("the store stopped after a failed write: start again")]
    Stopped,
}

impl From<CodecError> for StoreError {
    fn from(error: CodecError) -> Self {
        Self::Read(error.into())
    }
}

/// Where and how the store keeps a chain.
#[derive(Clone, Debug)]
pub(crate) struct StoreConfig {
    /// The folder; `None` keeps the chain in memory.
    pub(crate) dir: Option<PathBuf>,
    /// Page cache of the database, bytes.
    pub(crate) cache: usize,
    /// Steps that can be undone, and past states that can be read.
    pub(crate) history: usize,
    /// A checkpoint is due at this size of the steps in memory, bytes.
    pub(crate) checkpoint_bytes: u64,
    /// Trie nodes kept in memory across checkpoints.
    pub(crate) resident_nodes: usize,
    /// Where its time is counted.
    pub(crate) stages: Arc<Stages>,
}

/// See the [module](self).
#[derive(Debug)]
pub(crate) struct Store {
    shared: Arc<Shared>,
    checkpointer: Mutex<Option<JoinHandle<()>>>,
}

struct Shared {
    config: StoreConfig,
    /// Identifies the chain: what its genesis was made from.
    identity: Vec<u8>,
    database: Database,
    head: ArcSwap<Version>,
    base: ArcSwap<Base>,
    /// Held while the head moves.
    writer: Mutex<Writer>,
    /// Nothing after this step is forgotten.
    pinned: AtomicU64,
    failed: AtomicBool,
    wake: Mutex<Wake>,
    woken: Condvar,
    /// A checkpoint began, or failed.
    caught_up: Condvar,
}

/// The journal and what it holds.
struct Writer {
    journal: Option<Journal>,
    /// Bytes of state and blocks since the last checkpoint.
    pending: u64,
}

/// Why the checkpointer runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wake {
    No,
    Checkpoint,
    /// Once more, then end.
    Close,
    /// End at once.
    Abandon,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// Steps in memory at most, whatever their size: it bounds the work of a start.
const LAYERS_PENDING: u64 = 4096;
/// Checkpoints' worth of steps in memory at which a commit waits for the checkpoint under way.
const CHECKPOINTS_BEHIND: u64 = 4;
/// An idle chain is checkpointed after this time.
const CHECKPOINT_IDLE: Duration = Duration::from_secs(60);

impl Store {
    /// The chain as it is now; every step in it is durable.
    pub(crate) fn head(&self) -> Arc<Version> {
        self.shared.head.load_full()
    }

    /// Where its time is counted.
    pub(crate) fn stages(&self) -> &Stages {
        &self.shared.config.stages
    }

    /// How much of the past new versions keep.
    pub(crate) fn retention(&self) -> Retention {
        Retention {
            steps: self.shared.config.history,
            pinned: self.shared.pinned.load(Ordering::Relaxed),
        }
    }

    /// Keeps the way back to `mark`, until called again.
    pub(crate) fn pin(&self, mark: Option<u64>) {
        self.shared
            .pinned
            .store(mark.unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// A version to build on: `parent`, over the newest snapshot of the database.
    pub(crate) fn fresh(&self, parent: &Arc<Version>) -> Arc<Version> {
        let base = self.shared.base.load();
        if parent.base.seq < base.seq {
            Arc::new(parent.rebase(&base))
        } else {
            Arc::clone(parent)
        }
    }

    /// Makes versions the head, parents first. They survive a crash when this returns.
    pub(crate) fn commit(&self, versions: &[Arc<Version>]) -> Result<(), StoreError> {
        let Some(last) = versions.last() else {
            return Ok(());
        };
        let shared = &*self.shared;
        if shared.failed.load(Ordering::Relaxed) {
            return Err(StoreError::Stopped);
        }
        let mut writer = shared.writer.lock();
        let most = CHECKPOINTS_BEHIND * shared.config.checkpoint_bytes;
        while writer.pending > most {
            shared.signal(Wake::Checkpoint);
            shared.caught_up.wait(&mut writer);
            if shared.failed.load(Ordering::Relaxed) {
                return Err(StoreError::Stopped);
            }
        }
        let layers = versions.iter().filter_map(|version| version.layer.as_ref());
        let mut expected = (shared.head.load().seq + 1..).zip(layers);
        if !expected.all(|(seq, layer)| layer.seq == seq) {
            return Err(StoreError::NotNext);
        }
        let written = shared.write(&mut writer, versions);
        written.inspect_err(|_| shared.failed.store(true, Ordering::Relaxed))?;
        let base = shared.base.load();
        shared.head.store(if last.base.seq < base.seq {
            Arc::new(last.rebase(&base))
        } else {
            Arc::clone(last)
        });
        if writer.pending > shared.config.checkpoint_bytes || last.seq - base.seq > LAYERS_PENDING {
            drop(writer);
            shared.signal(Wake::Checkpoint);
        }
        Ok(())
    }

    /// Writes everything to the database and stops: the next start replays nothing.
    pub(crate) fn close(&self) {
        self.stop(Wake::Close);
    }

    fn stop(&self, how: Wake) {
        self.shared.signal(how);
        if let Some(thread) = self.checkpointer.lock().take() {
            // A panic there has been printed; there is nothing to add.
            let _ = thread.join();
        }
    }
}

/// Held by the checkpointer: if it panics, the store stops rather than grow in memory for ever.
struct Last<'a>(&'a Shared);

impl Drop for Last<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.fail();
        }
    }
}

impl Drop for Store {
    /// Without [`Store::close`], stops as a crash would.
    fn drop(&mut self) {
        self.stop(Wake::Abandon);
    }
}

impl Shared {
    fn signal(&self, how: Wake) {
        let mut wake = self.wake.lock();
        if matches!(*wake, Wake::No | Wake::Checkpoint) {
            *wake = how;
        }
        self.woken.notify_one();
    }

    fn write(&self, writer: &mut Writer, versions: &[Arc<Version>]) -> Result<(), StoreError> {
        let stages = &self.config.stages;
        for layer in versions.iter().filter_map(|version| version.layer.as_ref()) {
            writer.pending += 500 + layer.changes.size() as u64 + 500 * layer.nodes.len() as u64;
            if let Some(journal) = &mut writer.journal {
                stages.time(Stage::Journal, || {
                    journal.push(|out| layer.write_record(out))
                });
            }
        }
        if let Some(journal) = &mut writer.journal {
            stages.time(Stage::Journal, || journal.write())?;
            stages.time(Stage::Sync, || journal.sync())?;
        }
        Ok(())
    }

    /// Nothing is written any more; whoever waits for it is told.
    fn fail(&self) {
        self.failed.store(true, Ordering::Relaxed);
        // Under the lock, so that nobody is just about to wait.
        let _writer = self.writer.lock();
        self.caught_up.notify_all();
    }

    /// The checkpointer's thread: sleeps until it is needed.
    fn run(&self) {
        let _last = Last(self);
        loop {
            let how = {
                let mut wake = self.wake.lock();
                if *wake == Wake::No {
                    self.woken.wait_for(&mut wake, CHECKPOINT_IDLE);
                }
                if *wake == Wake::Abandon {
                    return;
                }
                std::mem::replace(&mut *wake, Wake::No)
            };
            let done = self
                .config
                .stages
                .time(Stage::Checkpoint, || self.checkpoint());
            if let Err(error) = done {
                tracing::error!(%error, "checkpoint failed");
                self.fail();
                return;
            }
            if how == Wake::Close {
                return;
            }
        }
    }

    /// Writes the steps since the last checkpoint to the database, and moves the head over the new
    /// snapshot.
    fn checkpoint(&self) -> Result<(), StoreError> {
        let target = {
            let mut writer = self.writer.lock();
            let target = self.head.load_full();
            if target.seq == self.base.load().seq {
                return Ok(());
            }
            writer.pending = 0;
            self.caught_up.notify_all();
            if let Some(journal) = &mut writer.journal {
                journal.rotate(target.seq + 1)?;
            }
            target
        };
        let layers = target.layers_above(self.base.load().seq);
        checkpoint::write(&self.database, &layers, &target, &self.identity)?;
        let prune = target.resident() > self.config.resident_nodes;
        let base = Arc::new(Base::open(&self.database, prune)?);
        self.base.store(Arc::clone(&base));
        {
            let _writer = self.writer.lock();
            let head = self.head.load_full();
            self.head.store(Arc::new(head.rebase(&base)));
            // Nobody looks below the snapshot any more: let the layers go.
            layers
                .iter()
                .chain(head.layers_above(base.seq).first())
                .for_each(|layer| layer.parent.store(None));
        }
        if let Some(dir) = &self.config.dir {
            Journal::drop_before(&dir.join("journal"), target.seq + 1)?;
        }
        Ok(())
    }
}
