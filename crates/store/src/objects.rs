//! Blocks and pins as objects: `blocks/<2 characters>/<cid>` and `pins/<cid>.v<version>`.

use std::{path::PathBuf, sync::Arc};

use bytes::Bytes;
use cid::{Cid, Version};
use futures::{StreamExt, TryStreamExt, stream::BoxStream};
use object_store::{
    ObjectStore, ObjectStoreExt, PutPayload, local::LocalFileSystem, memory::InMemory, path::Path,
    prefix::PrefixStore,
};
use url::Url;

use crate::{Error, Limits, Result, address};

/// The object store underneath, seen as checked blocks and pins.
#[derive(Debug, Clone)]
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    block_limit: usize,
    /// Held as long as any clone lives: one process at a time collects garbage in a folder.
    _lock: Option<Arc<std::fs::File>>,
}

impl Objects {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, limits: &Limits) -> Self {
        Self {
            store,
            block_limit: limits.block,
            _lock: None,
        }
    }

    /// Opens `memory:`, a folder (a path or a `file:` URL; made if missing), or what the features
    /// of this build add.
    pub(crate) async fn open(location: &str, limits: &Limits) -> Result<Self> {
        let failed = |reason: String| Error::Open {
            url: location.to_owned(),
            reason,
        };
        let url = match Url::parse(location) {
            Ok(url) if url.scheme().len() > 1 => url,
            Err(error) if location.contains("://") => return Err(failed(error.to_string())),
            // A path; a drive's letter is not a scheme.
            _ => return Self::open_folder(PathBuf::from(location), limits).await,
        };
        match url.scheme() {
            "memory" => Ok(Self::new(Arc::new(InMemory::new()), limits)),
            "file" => {
                let path = url
                    .to_file_path()
                    .map_err(|()| failed("not the path of a folder".to_owned()))?;
                Self::open_folder(path, limits).await
            }
            _ => {
                // Credentials and endpoint come from the variables that each provider documents
                // (`AWS_ENDPOINT`…).
                let settings = std::env::vars_os().filter_map(|(key, value)| {
                    Some((
                        key.into_string().ok()?.to_lowercase(),
                        value.into_string().ok()?,
                    ))
                });
                let (store, prefix) = object_store::parse_url_opts(&url, settings).map_err(|error| {
                    failed(format!("{error}; was canut-store built with the feature for this kind (s3, gcs, azure)?"))
                })?;
                Ok(Self::new(Arc::new(PrefixStore::new(store, prefix)), limits))
            }
        }
    }

    async fn open_folder(path: PathBuf, limits: &Limits) -> Result<Self> {
        let shown = path.display().to_string();
        let opened = tokio::task::spawn_blocking(move || {
            std::fs::create_dir_all(&path).map_err(|error| Error::file(&path, error))?;
            let lock = lock(&path)?;
            remove_staged(&path.join("blocks"));
            remove_staged(&path.join("pins"));
            // Durable before acknowledged: each object and its folder are flushed to disk.
            let store = LocalFileSystem::new_with_prefix(&path)?.with_fsync(true);
            Ok::<_, Error>((store, lock))
        });
        let (store, lock) = opened.await.map_err(|error| Error::Open {
            url: shown,
            reason: error.to_string(),
        })??;
        Ok(Self {
            _lock: Some(Arc::new(lock)),
            ..Self::new(Arc::new(store), limits)
        })
    }

    /// The bytes of a block, checked.
    pub(crate) async fn get(&self, cid: &Cid) -> Result<Bytes> {
        let found = match self.store.get(&block_path(cid)?).await {
            Err(object_store::Error::NotFound { .. }) => return Err(Error::NotFound(*cid)),
            other => other?,
        };
        // A block that grew is corrupted; do not read it to find out.
        if found.meta.size > self.block_limit as u64 {
            return Err(Error::Corrupt(*cid));
        }
        let bytes = found.bytes().await?;
        if address::matches(cid, &bytes) {
            Ok(bytes)
        } else {
            Err(Error::Corrupt(*cid))
        }
    }

    /// Writes a block unless it is there whole. A corrupted one is replaced.
    pub(crate) async fn put(&self, cid: &Cid, bytes: Bytes) -> Result<()> {
        Limits::check(
            bytes.len() as u64,
            self.block_limit as u64,
            "bytes of one block",
        )?;
        if self.get(cid).await.is_ok() {
            return Ok(());
        }
        self.store
            .put(&block_path(cid)?, PutPayload::from_bytes(bytes))
            .await?;
        Ok(())
    }

    /// Every block, as the raw CID of its bytes, with its size.
    pub(crate) fn list(&self) -> BoxStream<'static, Result<(Cid, u64)>> {
        let listed = self.store.list(Some(&Path::from("blocks")));
        listed
            .map_err(Error::from)
            .try_filter_map(async |meta| {
                let cid = meta
                    .location
                    .filename()
                    .and_then(|name| address::parse(name).ok());
                Ok(cid.map(|cid| (cid, meta.size)))
            })
            .boxed()
    }

    pub(crate) async fn delete(&self, cid: &Cid) -> Result<()> {
        self.delete_at(&block_path(cid)?).await.map(|_| ())
    }

    pub(crate) async fn put_pin(&self, cid: &Cid) -> Result<()> {
        self.store.put(&pin_path(cid), PutPayload::new()).await?;
        Ok(())
    }

    /// Whether there was a pin to delete.
    pub(crate) async fn delete_pin(&self, cid: &Cid) -> Result<bool> {
        self.delete_at(&pin_path(cid)).await
    }

    pub(crate) async fn has_pin(&self, cid: &Cid) -> Result<bool> {
        match self.store.head(&pin_path(cid)).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn list_pins(&self) -> BoxStream<'static, Result<Cid>> {
        let listed = self.store.list(Some(&Path::from("pins")));
        listed
            .map_err(Error::from)
            .try_filter_map(async |meta| Ok(meta.location.filename().and_then(pinned)))
            .boxed()
    }

    async fn delete_at(&self, path: &Path) -> Result<bool> {
        match self.store.head(path).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            other => other?,
        };
        match self.store.delete(path).await {
            Ok(()) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn block_path(cid: &Cid) -> Result<Path> {
    let name = address::raw(address::digest(cid)?)?.to_string();
    // The last characters are as good as random; the first are the same in every CID.
    Ok(Path::from(format!(
        "blocks/{}/{name}",
        &name[name.len() - 3..name.len() - 1]
    )))
}

/// A pin keeps the version it was asked under: base58 cannot name a file where letter case is
/// ignored.
fn pin_path(cid: &Cid) -> Path {
    let version = u64::from(cid.version());
    Path::from(format!("pins/{}.v{version}", address::canonical(cid)))
}

fn pinned(name: &str) -> Option<Cid> {
    let (text, version) = name.split_once(".v")?;
    let cid = address::parse(text).ok()?;
    match version {
        "0" => Cid::new(Version::V0, cid.codec(), *cid.hash()).ok(),
        "1" => Some(cid),
        _ => None,
    }
}

fn lock(folder: &std::path::Path) -> Result<std::fs::File> {
    let path = folder.join("lock");
    let file = std::fs::File::create(&path).map_err(|error| Error::file(&path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(Error::Locked(folder.display().to_string())),
        Err(std::fs::TryLockError::Error(error)) => Err(Error::file(&path, error)),
    }
}

/// Objects are written as `name#1` and renamed; a crash leaves the former behind. Best effort: they
/// harm nobody.
fn remove_staged(folder: &std::path::Path) {
    for entry in walkdir::WalkDir::new(folder)
        .max_depth(2)
        .into_iter()
        .flatten()
    {
        if entry.file_type().is_file() && entry.file_name().to_string_lossy().contains('#') {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
