//! The store itself.

use std::{io, ops::RangeBounds, sync::Arc};

use bytes::Bytes;
use cid::Cid;
use futures::{Stream, stream};
use object_store::ObjectStore;
use tokio::sync::Mutex;

use crate::{
    AddOptions, Added, BlockSource, Entry, Error, FileStream, Folder, Kind, Limits, Result, add,
    address,
    objects::Objects,
    read,
    session::{Guard, Session},
    tree,
};

/// Files and folders under their CIDs. Clones are handles to the same store.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    objects: Objects,
    limits: Limits,
    guard: Arc<Guard>,
    collecting: Mutex<()>,
}

impl Store {
    /// Opens `memory:`, a local folder (a path or a `file:` URL; made if missing), or, when the
    /// crate is built with the feature, `s3://bucket/prefix` (`s3`), `gs://` (`gcs`) or `az://`
    /// (`azure`), whose credentials come from the provider's usual environment variables.
    ///
    /// # Errors
    ///
    /// [`Error::Open`] for a URL this build cannot open, [`Error::Locked`] when another process has
    /// the folder open.
    pub async fn open(url: &str) -> Result<Self> {
        Self::open_with(url, Limits::default()).await
    }

    /// [`Store::open`] with other limits.
    ///
    /// # Errors
    ///
    /// As [`Store::open`].
    pub async fn open_with(url: &str, limits: Limits) -> Result<Self> {
        let objects = Objects::open(url, &limits).await?;
        Ok(Self::new(objects, limits))
    }

    /// A store over any object store, which nothing else writes to.
    #[must_use]
    pub fn over(objects: Arc<dyn ObjectStore>, limits: Limits) -> Self {
        Self::new(Objects::new(objects, &limits), limits)
    }

    fn new(objects: Objects, limits: Limits) -> Self {
        let inner = Inner {
            objects,
            limits,
            guard: Arc::default(),
            collecting: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Adds a file.
    ///
    /// # Errors
    ///
    /// [`Error::Input`] when the stream fails, [`Error::TooLarge`] when it is longer than the limit
    /// of an upload. What was written by then is garbage for the next collection.
    pub async fn add_file<S>(&self, stream: S, options: AddOptions) -> Result<Added>
    where
        S: Stream<Item = io::Result<Bytes>> + Send,
    {
        let session = self.session();
        let mut budget = self.limits().upload;
        let added =
            add::write_file(&session, options.layout, self.limits(), &mut budget, stream).await?;
        if options.pin {
            self.pin_written(&added.cid).await?;
        }
        Ok(added)
    }

    /// Adds a file that is in memory.
    ///
    /// # Errors
    ///
    /// As [`Store::add_file`].
    pub async fn add_bytes(
        &self,
        bytes: impl Into<Bytes> + Send,
        options: AddOptions,
    ) -> Result<Added> {
        self.add_file(stream::iter([Ok(bytes.into())]), options)
            .await
    }

    /// Begins to add a folder.
    #[must_use]
    pub fn folder(&self, options: AddOptions) -> Folder {
        Folder::new(self.clone(), self.session(), options)
    }

    /// Stores one block made elsewhere, such as a folder node whose entries are already here. It is
    /// not pinned.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] when the bytes do not hash to the CID, [`Error::Malformed`] when they are
    /// not UnixFS, [`Error::TooLarge`] past the limit of a block.
    pub async fn put_block(&self, cid: &Cid, bytes: Bytes) -> Result<()> {
        if !address::matches(cid, &bytes) {
            return Err(Error::Corrupt(*cid));
        }
        crate::node::decode(cid, &bytes)?;
        self.session().put(cid, bytes).await
    }

    /// Reads a file, or the part of it in `range` (bytes; an end past the file's is the file's).
    ///
    /// # Errors
    ///
    /// [`Error::NotAFile`], [`Error::Range`] when the range starts behind the end,
    /// [`Error::NotFound`] or [`Error::Corrupt`] for the root; the stream gives the same errors for
    /// what comes later.
    pub async fn read(&self, cid: &Cid, range: impl RangeBounds<u64> + Send) -> Result<FileStream> {
        read::open(self, cid, range).await
    }

    /// Follows a path (`a/b.txt`) from a folder.
    ///
    /// # Errors
    ///
    /// [`Error::NoEntry`] or [`Error::NotAFolder`] where the path ends too soon.
    pub async fn resolve(&self, root: &Cid, path: &str) -> Result<Cid> {
        tree::resolve(self, root, path).await
    }

    /// Whether the CID is a file or a folder.
    ///
    /// # Errors
    ///
    /// Those of reading its root block.
    pub async fn kind(&self, cid: &Cid) -> Result<Kind> {
        tree::kind(self, cid).await
    }

    /// The entries of a folder, by name.
    ///
    /// # Errors
    ///
    /// [`Error::NotAFolder`], [`Error::TooLarge`] past the limit of entries.
    pub async fn list(&self, folder: &Cid) -> Result<Vec<Entry>> {
        tree::list(self, folder).await
    }

    pub(crate) fn session(&self) -> Session {
        Session::open(self.inner.guard.clone(), self.inner.objects.clone())
    }

    pub(crate) fn objects(&self) -> &Objects {
        &self.inner.objects
    }

    pub(crate) fn guard(&self) -> &Arc<Guard> {
        &self.inner.guard
    }

    pub(crate) fn collecting(&self) -> &Mutex<()> {
        &self.inner.collecting
    }
}

impl BlockSource for Store {
    async fn block(&self, cid: &Cid) -> Result<Bytes> {
        self.inner.objects.get(cid).await
    }

    fn limits(&self) -> &Limits {
        &self.inner.limits
    }
}
