//! The leaves of a settled range: from the pool if it has them, else from the archives in the store, or from what lies beside
//! them if they are encrypted.

use alloy_primitives::{B256, Bytes};
use canut_protocol::{
    Deal, Range,
    range::{Leaf, Leaves, Settled, tree},
};
use canut_store::{directory, directory::LEAVES};
use canut_vault::format::result::is_wanted;

use crate::{Client, Error, Limits, Result, archive, status::Located};

impl Client {
    /// The leaves whose root was certified: whoever tells them need not be believed.
    pub(crate) async fn leaves(
        &self,
        located: &Located,
        settled: &Settled,
        deal: &Deal,
    ) -> Result<Vec<Leaf>> {
        let root = settled.value.root;
        let right = |leaves: &Vec<Leaf>| {
            leaves.len() == usize::from(settled.range.count())
                && tree::root(&tree::hashes(settled.range, leaves)) == Some(root)
        };
        if let Ok(pool) = self.pool_of(deal.workerpool.pointer).await
            && let Ok(told) = pool.leaves(located.deal, located.index, root).await
            && right(&told)
        {
            return Ok(told);
        }
        let found = if is_wanted(&deal.params) {
            self.told_leaves(settled.delivery).await?
        } else {
            self.archived_leaves(settled, deal).await?
        };
        if right(&found) {
            return Ok(found);
        }
        Err(Error::Unproven(
            "the archives in the store are not those that were voted for".into(),
        ))
    }

    /// What a folder of encrypted archives tells of what was voted for. Whoever asks has to check it.
    pub(super) async fn told_leaves(&self, delivery: B256) -> Result<Vec<Leaf>> {
        if delivery.is_zero() {
            return Err(Error::Unproven(
                "the results are encrypted, and their pool did not say where they are: give --pool"
                    .into(),
            ));
        }
        let store = self.store()?;
        let cid = store.resolve(&directory::folder(delivery), LEAVES).await?;
        let bytes = store.bytes(&cid, Leaves::MAX_BYTES as u64).await?;
        let told = Leaves::try_from(Bytes::from(bytes));
        Ok(told.map_err(|error| Error::Unproven(error.to_string()))?.0)
    }

    /// The leaves as they follow from the archives of the range, each of which is fetched and opened.
    async fn archived_leaves(&self, settled: &Settled, deal: &Deal) -> Result<Vec<Leaf>> {
        let mut leaves = Vec::new();
        for index in settled.range.indices() {
            let (range, link) = (settled.range, settled.value.link);
            let callback = !deal.callback.is_zero();
            leaves.push(self.archived(range, link, index, callback).await?.0);
        }
        Ok(leaves)
    }

    /// The leaf of a task as it follows from its archive under the link of its range, and the bytes for a callback.
    pub(crate) async fn archived(
        &self,
        range: Range,
        link: B256,
        index: u64,
        callback: bool,
    ) -> Result<(Leaf, Option<Bytes>)> {
        let desk = tempfile::tempdir().map_err(Error::file("a folder for the archive"))?;
        let place = desk.path();
        let store = self.store()?;
        let folder = directory::folder(link);
        let path = directory::path(index, range.count());
        let cid = store.resolve(&folder, &path).await?;
        let content = directory::content(&cid)
            .ok_or_else(|| Error::Unproven(format!("the result of task {index} is no file")))?;
        let (zip, files) = (place.join("result.zip"), place.join("files"));
        std::fs::create_dir_all(&files).map_err(Error::file(&files))?;
        store.download(&cid, &zip).await?;
        let opening = tokio::task::spawn_blocking(move || {
            archive::open(&zip, &files, callback, Limits::default())
        });
        let opened = opening
            .await
            .map_err(|error| Error::Thread(error.to_string()))??;
        let leaf = Leaf {
            digest: opened.digest,
            content,
        };
        Ok((leaf, opened.callback))
    }
}
