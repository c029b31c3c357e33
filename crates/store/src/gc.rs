//! Garbage collection: what neither a pin nor an addition under way reaches is deleted.

use std::sync::Arc;

use cid::Cid;
use futures::TryStreamExt;
use tokio::sync::mpsc;

use crate::{Error, Result, Store, address, node, session::Guard};

/// What a collection did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Collected {
    /// Blocks kept.
    pub kept: u64,
    /// Blocks deleted.
    pub deleted: u64,
    /// Bytes that these held.
    pub freed: u64,
}

impl Store {
    /// Deletes the blocks that nothing pins. Additions and reads go on meanwhile; what is being
    /// added is kept. It remembers some fifty bytes for each block that stays. Dropping the future
    /// does not stop a collection that has begun.
    ///
    /// With an object store that several processes share, let one of them do everything that
    /// writes.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Corrupt`] or [`Error::Malformed`] when pinned content is
    /// damaged: what the damaged block linked to is then unknown and nothing is deleted. Add the
    /// content again, or unpin it.
    pub async fn gc(&self) -> Result<Collected> {
        self.gc_telling(None).await
    }

    /// As [`Store::gc`]; each block deleted is told, as the raw CID of its bytes.
    pub(crate) async fn gc_telling(&self, told: Option<mpsc::Sender<Cid>>) -> Result<Collected> {
        let store = self.clone();
        // A deletion must not outlive the lock it is made under, as it would if this future were
        // dropped half-way.
        let task = tokio::spawn(async move { store.collect(told).await });
        task.await
            .map_err(|error| Error::Internal(format!("garbage collection: {error}")))?
    }

    async fn collect(&self, told: Option<mpsc::Sender<Cid>>) -> Result<Collected> {
        let _alone = self.collecting().lock().await;
        let _noting = Noting::start(self.guard());
        // In this order: an addition that ends in between has its pin by the time its frontier is
        // gone.
        for cid in self.guard().frontier() {
            self.mark(&cid, true).await?;
        }
        for cid in self.pins().await? {
            self.mark(&cid, false).await?;
        }
        self.sweep(told).await
    }

    /// Keeps all that `root` reaches. What is still being written may not be there yet: its writer
    /// notes it itself.
    async fn mark(&self, root: &Cid, being_written: bool) -> Result<()> {
        let mut pending = vec![*root];
        while let Some(cid) = pending.pop() {
            if !self.guard().mark(&cid)? {
                continue;
            }
            match self.objects().get(&cid).await {
                Ok(block) => pending.extend(node::decode(&cid, &block)?.links()),
                Err(Error::NotFound(_) | Error::Corrupt(_)) if being_written => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn sweep(&self, told: Option<mpsc::Sender<Cid>>) -> Result<Collected> {
        let mut done = Collected::default();
        let mut blocks = self.objects().list();
        while let Some((cid, size)) = blocks.try_next().await? {
            let digest = address::digest(&cid)?;
            let stripe = self.guard().stripe(&digest).write().await;
            if self.guard().is_live(&digest) {
                done.kept += 1;
                continue;
            }
            self.objects().delete(&cid).await?;
            drop(stripe);
            done.deleted += 1;
            done.freed += size;
            if let Some(told) = &told {
                // A listener that has gone does not stop the collection.
                let _ = told.send(cid).await;
            }
        }
        tracing::info!(
            kept = done.kept,
            deleted = done.deleted,
            freed = done.freed,
            "collected garbage"
        );
        Ok(done)
    }
}

struct Noting(Arc<Guard>);

impl Noting {
    fn start(guard: &Arc<Guard>) -> Self {
        guard.start_collection();
        Self(guard.clone())
    }
}

impl Drop for Noting {
    fn drop(&mut self) {
        self.0.stop_collection();
    }
}
