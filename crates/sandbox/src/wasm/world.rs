//! What both previews of WASI share: all that an app may see or use.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use canut_protocol::TaskId;
use chacha20::ChaCha20Rng;
use rand_core::SeedableRng;
use sha2::{Digest, Sha256};

use super::{allowance::Allowance, clock::Clock};
use crate::{
    Captured, Fault, Job, Limits,
    vfs::{Scratch, Tree},
};

/// Fuel for one call of the host, whatever it does: a microsecond.
const CALL: u64 = 1000;
/// Fuel for looking up, making, moving or removing a file.
const PATH: u64 = 20_000;

/// The world of one run.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) files: Shared<Tree>,
    pub(crate) stdout: Log,
    pub(crate) stderr: Log,
    pub(crate) arguments: Vec<String>,
    pub(crate) environment: Vec<(String, String)>,
    pub(crate) random: ChaCha20Rng,
    pub(crate) clock: Clock,
    pub(crate) allowance: Allowance,
    pub(crate) meter: Meter,
}

impl World {
    pub(crate) fn new(job: &Job, limits: &Limits, scratch: Scratch) -> Result<Self, Fault> {
        let log = || Log {
            captured: Shared::default(),
            limit: limits.log_bytes,
        };
        // As for any program, the first argument is its name.
        let arguments = [&["app".to_owned()], job.arguments.as_slice()].concat();
        Ok(Self {
            files: Shared::new(Tree::new(&job.input, scratch, limits)?),
            stdout: log(),
            stderr: log(),
            arguments,
            environment: job.environment(),
            random: random(job.task),
            clock: Clock::default(),
            allowance: Allowance::new(limits),
            meter: Meter::default(),
        })
    }
}

/// The random numbers of a task: ChaCha20 with the seed `sha256("canut.random.1" ‖ task)`.
pub(super) fn random(task: TaskId) -> ChaCha20Rng {
    ChaCha20Rng::from_seed(
        Sha256::new()
            .chain_update("canut.random.1")
            .chain_update(task.0)
            .finalize()
            .into(),
    )
}

/// Something that streams, which do not see the world, share with it. All of it stays on the thread of the run.
#[derive(Debug, Default)]
pub(crate) struct Shared<T>(Arc<Mutex<T>>);

impl<T> Shared<T> {
    fn new(value: T) -> Self {
        Self(Arc::new(Mutex::new(value)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// A bounded record of what the app prints.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    captured: Shared<Captured>,
    limit: usize,
}

impl Log {
    pub(crate) fn write(&self, bytes: &[u8]) {
        self.captured.lock().write(bytes, self.limit);
    }

    pub(crate) fn take(&self) -> Captured {
        std::mem::take(&mut self.captured.lock())
    }
}

/// Counts what the host does for the app, which pays for it in fuel: else an app could have gigabytes copied for the price
/// of a few instructions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter(Arc<AtomicU64>);

impl Meter {
    /// Counts a call.
    pub(crate) fn called(&self) {
        self.0.fetch_add(CALL, Relaxed);
    }

    /// Counts `bytes` moved, one unit of fuel each, as `memory.copy` costs.
    pub(crate) fn moved(&self, bytes: u64) {
        self.0.fetch_add(bytes, Relaxed);
    }

    /// Counts a path followed.
    pub(crate) fn path(&self) {
        self.0.fetch_add(PATH, Relaxed);
    }

    /// The price of all calls so far.
    pub(crate) fn count(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use rand_core::Rng;

    use super::*;

    #[test]
    fn random_numbers_are_the_same_for_ever() {
        let mut bytes = [0; 8];
        random(TaskId(alloy_primitives::B256::repeat_byte(7))).fill_bytes(&mut bytes);
        assert_eq!(alloy_primitives::hex::encode(bytes), "3a445b1fe5e42a9a");
    }
}
