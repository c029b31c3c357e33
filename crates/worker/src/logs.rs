//! What apps wrote to their standard streams, told to the pool for the requester.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    sync::{Arc, OnceLock},
};

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

    /// Tells the ends of what the app wrote, from the folder of its output. They are a help: what cannot be read, or told at
    /// once, is not told.
    pub(crate) fn tell(&self, task: TaskId, output: &Path) {
        let Some(pool) = self.0.get() else { return };
        let read = |name| end_of(&output.join(name)).unwrap_or_default();
        let (stdout, stderr) = (read("stdout.txt"), read("stderr.txt"));
        if stdout.is_empty() && stderr.is_empty() {
            return;
        }
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

fn end_of(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MAX_LOG as u64)))?;
    let mut bytes = Vec::new();
    file.take(MAX_LOG as u64).read_to_end(&mut bytes)?;
    Ok(tail(&String::from_utf8_lossy(&bytes)).to_owned())
}
