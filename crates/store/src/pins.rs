//! Pins: what is to be kept. A pin keeps everything below its CID.

use std::collections::HashSet;

use cid::Cid;
use futures::TryStreamExt;

use crate::{BlockSource, Error, Limits, Result, Store, address, node, session::Session};

impl Store {
    /// Keeps content that is in the store, with all it links to, until it is unpinned. Every block
    /// is read and checked first, so a pin promises that the content is whole.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`] or [`Error::Corrupt`] when a block is not there whole: nothing is pinned
    /// then.
    pub async fn pin(&self, cid: &Cid) -> Result<()> {
        let session = self.session();
        session.protect(cid);
        self.check_whole(&session, cid).await?;
        self.pin_written(cid).await
    }

    /// Pins what a session of this process has just written.
    pub(crate) async fn pin_written(&self, cid: &Cid) -> Result<()> {
        self.objects().put_pin(cid).await
    }

    /// Removes the pin of this CID, in either version. The content stays until garbage is
    /// collected, and longer if another pin reaches it.
    ///
    /// # Errors
    ///
    /// [`Error::NotPinned`].
    pub async fn unpin(&self, cid: &Cid) -> Result<()> {
        let mut found = false;
        for spelling in spellings(cid) {
            found |= self.objects().delete_pin(&spelling).await?;
        }
        if found {
            Ok(())
        } else {
            Err(Error::NotPinned(*cid))
        }
    }

    /// Whether this very CID, in either version, is pinned.
    ///
    /// # Errors
    ///
    /// Those of the object store.
    pub async fn is_pinned(&self, cid: &Cid) -> Result<bool> {
        for spelling in spellings(cid) {
            if self.objects().has_pin(&spelling).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// All pins, in no order.
    ///
    /// # Errors
    ///
    /// Those of the object store.
    pub async fn pins(&self) -> Result<Vec<Cid>> {
        self.objects().list_pins().try_collect().await
    }

    /// Reads every block below `root` once, within the limits of one upload.
    pub(crate) async fn check_whole(&self, session: &Session, root: &Cid) -> Result<()> {
        let (mut seen, mut pending, mut size) =
            (HashSet::from([address::canonical(root)]), vec![*root], 0);
        while let Some(cid) = pending.pop() {
            let block = session.get(&cid).await?;
            size += block.len() as u64;
            Limits::check(size, self.limits().upload, "bytes of pinned content")?;
            let links = node::decode(&cid, &block)?.links();
            pending.extend(
                links
                    .into_iter()
                    .filter(|link| seen.insert(address::canonical(link))),
            );
        }
        Ok(())
    }
}

fn spellings(cid: &Cid) -> Vec<Cid> {
    let canonical = address::canonical(cid);
    let old = Cid::new_v0(*cid.hash())
        .ok()
        .filter(|_| canonical.codec() == address::Codec::DAG_PB);
    std::iter::once(canonical).chain(old).collect()
}
