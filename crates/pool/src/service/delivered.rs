//! Looking at the archives of a range, before it is settled.

use std::{collections::BTreeMap, io::Cursor, path::Path, sync::Arc};

use alloy_primitives::{Address, B256, Bytes};
use canut_protocol::{
    Deal, Failure,
    range::{Content, Leaf, Leaves, Range, Value},
};
use canut_store::{Cid, directory, directory::LEAVES};
use canut_vault::format::result::is_wanted;
use futures::{StreamExt, TryStreamExt, stream};
use tracing::info;

use super::range_errands::RangeErrands;
use crate::{
    archive::{ArchiveError, ArchiveLimits, Contents, inspect, inspect_in, is_sealed},
    ranges::{Delivery, RangeEvent, RangeReport},
};

/// Largest archive that is looked at in memory, in bytes.
const SMALL: u64 = 1 << 20;
/// Archives of one range fetched at the same time.
const FETCHES: usize = 8;

/// The archives that are looked for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// What is going to be certified.
    pub(super) value: Value,
    /// What it consists of.
    pub(super) leaves: Vec<Leaf>,
    /// Where the encrypted archives are said to be.
    pub(super) delivery: Option<B256>,
    /// Of which deal.
    pub(super) deal: Arc<Deal>,
}

impl Wanted {
    /// Where the archives are, if the deal asks for encryption: whatever is said, those of other deals are where the votes say.
    fn encrypted(&self) -> Option<B256> {
        self.delivery.filter(|_| is_wanted(&self.deal.params))
    }
}

impl RangeErrands {
    /// Fetches all archives of a value, and sees whether they are what the leaves say.
    pub(super) async fn check(self, range: Range, wanted: Wanted) -> Option<RangeEvent> {
        let (value, encrypted) = (wanted.value, wanted.encrypted());
        let report = match self.examine(range, &wanted).await {
            Ok(callback) => RangeReport::Delivered(Delivery {
                value,
                callback,
                encrypted,
            }),
            Err(failure) => {
                info!(%range, %failure, "the results of a range are not there");
                RangeReport::Undelivered(failure)
            }
        };
        Some(RangeEvent::Errand(range, report))
    }

    async fn examine(&self, range: Range, wanted: &Wanted) -> Result<Option<Bytes>, Failure> {
        let Wanted { leaves, deal, .. } = wanted;
        let contents: Vec<Content> = leaves.iter().map(|leaf| leaf.content).collect();
        let cids: Vec<Cid> = if is_wanted(&deal.params) {
            let delivery = wanted.delivery.ok_or(Failure::UploadWrong)?;
            self.delivered_in(range, delivery, leaves).await?
        } else {
            for node in directory::nodes(range.first(), &contents) {
                let folder = directory::cid(&node.content);
                self.store.list(&folder).await.map_err(refused)?;
            }
            contents.iter().map(directory::cid).collect()
        };
        let found: Vec<Bytes> = stream::iter(leaves.clone().into_iter().zip(cids))
            .map(|(leaf, cid)| self.clone().archive(leaf, cid, Arc::clone(deal)))
            .buffered(FETCHES)
            .try_collect()
            .await?;
        let callback = deal.callback != Address::ZERO;
        Ok(found.into_iter().next().filter(|_| callback))
    }

    /// Where encrypted archives are, as their folder says, which must also tell what was voted for.
    async fn delivered_in(
        &self,
        range: Range,
        delivery: B256,
        leaves: &[Leaf],
    ) -> Result<Vec<Cid>, Failure> {
        let root = directory::folder(delivery);
        let told = self.store.resolve(&root, LEAVES).await.map_err(refused)?;
        let told = self.store.bytes(&told, Leaves::MAX_BYTES as u64).await;
        if told.map_err(refused)? != Bytes::from(Leaves(leaves.to_vec())) {
            return Err(Failure::UploadWrong);
        }
        let mut folders = BTreeMap::new();
        let mut cids = Vec::new();
        for index in range.indices() {
            let path = directory::path(index, range.count());
            let (above, name) = path.rsplit_once('/').unwrap_or(("", &path));
            if !folders.contains_key(above) {
                let folder = self.store.resolve(&root, above).await.map_err(refused)?;
                let listed = self.store.list(&folder).await.map_err(refused)?;
                let named = listed.into_iter().map(|entry| (entry.name, entry.cid));
                folders.insert(above.to_owned(), named.collect::<BTreeMap<_, _>>());
            }
            let cid = folders.get(above).and_then(|folder| folder.get(name));
            cids.push(*cid.ok_or(Failure::UploadWrong)?);
        }
        Ok(cids)
    }

    /// Fetches one archive. Gives the bytes for the callback, if the deal has one.
    async fn archive(self, leaf: Leaf, cid: Cid, deal: Arc<Deal>) -> Result<Bytes, Failure> {
        let room = self.fetches.acquire().await;
        let _room = room.map_err(|_| Failure::StoreUnreachable)?;
        let (limits, callback) = (self.limits, deal.callback != Address::ZERO);
        // Most are small, and need no file.
        if !is_wanted(&deal.params)
            && let Ok(small) = self.store.bytes(&cid, SMALL).await
        {
            // What is small may unpack to much.
            let look = tokio::task::spawn_blocking(move || {
                inspect_in(Cursor::new(small), callback, limits)
            });
            return agrees(leaf, look.await.map_err(|_| Failure::UploadWrong)?);
        }
        let folder = tempfile::tempdir().map_err(|_| Failure::StoreUnreachable)?;
        let path = folder.path().join("result.zip");
        self.store.download(&cid, &path).await.map_err(refused)?;
        let look = tokio::task::spawn_blocking(move || judge(&path, &deal, leaf, limits));
        look.await.map_err(|_| Failure::UploadWrong)?
    }
}

/// Whether an archive is what its leaf says, as far as the pool can see. Gives the bytes for the callback, if the deal has one.
fn judge(path: &Path, deal: &Deal, leaf: Leaf, limits: ArchiveLimits) -> Result<Bytes, Failure> {
    if is_sealed(path, deal, limits) {
        return Ok(Bytes::new());
    }
    let contents = inspect(path, deal.callback != Address::ZERO, limits);
    let is_open = |contents: &Contents| contents.failure.is_none() && is_wanted(&deal.params);
    if contents.as_ref().is_ok_and(is_open) {
        info!("a result that is to be encrypted is not");
        return Err(Failure::UploadWrong);
    }
    agrees(leaf, contents)
}

/// The bytes for the callback, if an archive is what its leaf says.
fn agrees(leaf: Leaf, contents: Result<Contents, ArchiveError>) -> Result<Bytes, Failure> {
    match contents {
        Ok(contents) if contents.digest == leaf.digest => Ok(contents.callback),
        Ok(_) => Err(Failure::UploadWrong),
        Err(error) => {
            info!(%error, "a result is no result");
            Err(Failure::UploadWrong)
        }
    }
}

fn refused(error: canut_store::Error) -> Failure {
    info!(%error, "a result cannot be fetched");
    match error {
        canut_store::Error::TooLarge { .. }
        | canut_store::Error::NotAFile(_)
        | canut_store::Error::NotAFolder(_)
        | canut_store::Error::NotFound(_)
        | canut_store::Error::Refused { status: 404, .. } => Failure::UploadWrong,
        _ => Failure::StoreUnreachable,
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::File, io::Write};

    use canut_protocol::range::Codec;
    use canut_vault::format::{PrivateKey, result::encrypt_into};
    use tempfile::TempDir;
    use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

    use super::*;

    fn zip(path: &Path, files: &[(&str, &[u8])]) {
        let mut zip = ZipWriter::new(File::create(path).unwrap());
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for (name, content) in files {
            zip.start_file(*name, stored).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap();
    }

    /// What the pool says of an archive of a deal that asks for encryption.
    fn said(path: &Path) -> Result<Bytes, Failure> {
        let deal = Deal {
            params: r#"{"iexec_result_encryption":true}"#.into(),
            ..Deal::default()
        };
        let content = Content {
            codec: Codec::Raw,
            sha256: B256::ZERO,
        };
        let digest = canut_protocol::failure::digest(9);
        judge(
            path,
            &deal,
            Leaf { digest, content },
            ArchiveLimits::default(),
        )
    }

    #[test]
    fn what_is_to_be_encrypted_is_not_settled_in_the_open() {
        let folder = TempDir::new().unwrap();
        let (open, sealed) = (folder.path().join("open"), folder.path().join("sealed"));
        let computed = br#"{"deterministic-output-path":"/iexec_out/a"}"#;
        zip(&open, &[("a", b"secret"), ("computed.json", computed)]);
        assert_eq!(said(&open), Err(Failure::UploadWrong));

        let key = PrivateKey::generate().unwrap().public();
        let parts = folder.path().join("parts");
        std::fs::create_dir(&parts).unwrap();
        encrypt_into(&parts, &open, Default::default(), &key).unwrap();
        let read = |name: &str| std::fs::read(parts.join(name)).unwrap();
        let (key, content) = (read("aes-key.rsa"), read("iexec_out.zip.aes"));
        zip(
            &sealed,
            &[("aes-key.rsa", &key), ("iexec_out.zip.aes", &content)],
        );
        assert_eq!(said(&sealed), Ok(Bytes::new()));

        // A run that never began has nothing to hide.
        let failed = br#"{"error-code":9,"deterministic-output-path":"/iexec_out/error.txt"}"#;
        zip(&open, &[("computed.json", failed)]);
        assert_eq!(said(&open), Ok(Bytes::new()));
    }
}
