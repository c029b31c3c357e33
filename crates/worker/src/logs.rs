//! What apps wrote to their standard streams, told to the pool for the requester.

use std::sync::{Arc, OnceLock};

use canut_pool::session::{MAX_LOG, ToPool, tail};
use canut_protocol::TaskId;
use tokio::sync::mpsc;
use tracing::debug;

/// Where logs go once the worker speaks with its pool. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logs(Arc<OnceLock<mpsc::Sender<ToPool>>>);

impl Logs {
    /// From now on logs go there.
    pub(crate) fn go_to(&self, pool: mpsc::Sender<ToPool>) {
        // Once a worker runs its channel to the pool stays the same.
        let _ = self.0.set(pool);
    }

    /// Tells the ends of what the app wrote to its standard output and its standard error. They are a help: what cannot be
    /// told at once is not told.
    pub(crate) fn tell(&self, task: TaskId, said: [&[u8]; 2]) {
        let Some(pool) = self.0.get() else { return };
        if said.iter().all(|said| said.is_empty()) {
            return;
        }
        let [stdout, stderr] = said.map(end_of);
        let told = pool.try_send(ToPool::Logs {
            task,
            stdout,
            stderr,
        });
        if told.is_err() {
            debug!(%task, "logs are not told");
        }
    }
}

fn end_of(said: &[u8]) -> String {
    let from = said.len().saturating_sub(MAX_LOG);
    tail(&String::from_utf8_lossy(&said[from..])).to_owned()
}
