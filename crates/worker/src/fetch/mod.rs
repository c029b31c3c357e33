//! Fetching what a run needs: from the store by content, from the web, or from a registry of images.

mod address;
mod cache;
mod http;
mod part;
mod registry;
#[cfg(test)]
mod server;

use std::{
    fs::{self, File},
    io::{self, Read},
    path::Path,
};

use alloy_primitives::B256;
use canut_protocol::location::Location;
use canut_sandbox::Limits;
use canut_store::{Cid, Error as StoreError, Remote, parse_cid};
use sha2::{Digest, Sha256};
use tracing::debug;

use crate::config::Config;
use cache::Cache;
use registry::Registry;

pub(crate) use http::Web;
pub(crate) use registry::Image;

/// Codecs of CIDs: a tree of blocks, and a block of bytes.
const DAG_PB: u64 = 0x70;
const RAW: u64 = 0x55;

/// Why a file is not there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Absence {
    /// Whoever should have it says that there is none.
    #[error("there is no such file")]
    Missing,
    /// Nobody answers, or not sensibly.
    #[error("the server does not answer as it should")]
    Unreachable,
    /// The worker does not go there.
    #[error("the worker's owner does not allow that address")]
    Refused,
    /// More bytes than allowed.
    #[error("the file is too large")]
    TooLarge,
    /// This machine.
    #[error("the worker's disk does not take it, or its owner does not lend so much")]
    Disk,
    /// Something is given in its place.
    #[error("the server gives something other than it was asked for")]
    Wrong,
    /// What is given, as it should be, is no image.
    #[error("it is no image")]
    Invalid,
    /// It is none for this machine.
    #[error("the image is for another kind of machine")]
    Foreign,
}

/// What is to be fetched.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted<'a> {
    /// The file that is there.
    File(&'a Location),
    /// An image, as a folder.
    Image(&'a Image),
}

/// Fetches files and images.
#[derive(Clone, Debug)]
pub(crate) struct Fetcher {
    store: Remote,
    cache: Cache,
    web: Web,
    /// Largest file, in bytes.
    limit: u64,
    /// Bytes of the disk for what is on its way to one slot. What does not fit is no fault of the file.
    room: u64,
}

/// Why nothing can be fetched at all.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The store's address.
    #[error(transparent)]
    Store(Box<StoreError>),
    /// The cache folder.
    #[error("the cache folder: {0}")]
    Cache(#[from] io::Error),
    /// Encryption.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

impl From<StoreError> for FetchError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

impl Fetcher {
    pub(crate) fn new(config: &Config) -> Result<Self, FetchError> {
        // Half of a limited cache is for what is on its way.
        let (kept, room) = match config.work {
            Some(_) => {
                let half = config.cache / 2;
                (half, half / config.slots.get() as u64)
            }
            None => (config.cache, u64::MAX),
        };
        let limits = canut_store::Limits {
            upload: config.max_file.min(room),
            ..Default::default()
        };
        Ok(Self {
            store: Remote::with_limits(&config.store, limits)?,
            cache: Cache::open(config.folder.join("cache"), kept)?,
            web: Web::new(config.private_networks)?,
            limit: config.max_file,
            room,
        })
    }

    /// The store.
    pub(crate) const fn store(&self) -> &Remote {
        &self.store
    }

    /// The most bytes of the disk that it may take.
    pub(crate) fn most(&self, wanted: Wanted<'_>) -> u64 {
        let limit = match wanted {
            Wanted::File(_) => self.limit,
            Wanted::Image(_) => Limits::default().image_bytes,
        };
        limit.min(self.room)
    }

    /// Puts what is wanted to `into`, where nothing is yet but what an earlier try left.
    pub(crate) async fn fetch(&self, wanted: Wanted<'_>, into: &Path) -> Result<(), Absence> {
        match wanted {
            Wanted::File(location) => {
                let most = self.most(wanted);
                let fetched = match location {
                    Location::Ipfs(path) => self.take_from_store(path, into).await,
                    Location::Url(url) => self.web.download(url, into, most).await,
                    Location::Other(_) => Err(Absence::Refused),
                };
                fetched.map_err(|absence| match absence {
                    Absence::TooLarge if most < self.limit => Absence::Disk,
                    other => other,
                })
            }
            Wanted::Image(image) => {
                match fs::remove_dir_all(into) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => {
                        return Err(Absence::Disk);
                    }
                    _ => {}
                }
                let registry = Registry::new(&self.web, &self.cache, image)?;
                let limit = Limits::default().image_bytes;
                registry.pull(into, limit, self.room).await
            }
        }
    }

    async fn take_from_store(&self, path: &str, into: &Path) -> Result<(), Absence> {
        let (root, below) = path.split_once('/').unwrap_or((path, ""));
        let mut cid = parse_cid(root).map_err(|_| Absence::Missing)?;
        if !below.is_empty() {
            cid = self.store.resolve(&cid, below).await.map_err(absence)?;
        }
        match self.cached(cid, into).await {
            // A raw block's CID loses its codec in a binary multiaddr (offchain.md, section 4.4).
            Err(Absence::Missing) if cid.codec() == DAG_PB => {
                self.cached(Cid::new_v1(RAW, *cid.hash()), into).await
            }
            outcome => outcome,
        }
    }

    async fn cached(&self, cid: Cid, into: &Path) -> Result<(), Absence> {
        let name = cid.to_string();
        let _alone = self.cache.lock(&name).await;
        if self.cache.take(&name, into).map_err(|_| Absence::Disk)? {
            return Ok(());
        }
        self.store
            .download(&cid, &self.cache.place(&name))
            .await
            .map_err(absence)?;
        let taken = self.cache.take(&name, into).and_then(|taken| {
            self.cache.sweep()?;
            Ok(taken)
        });
        if taken.map_err(|_| Absence::Disk)? {
            Ok(())
        } else {
            Err(Absence::Disk)
        }
    }
}

fn absence(error: StoreError) -> Absence {
    debug!(%error, "not fetched from the store");
    match error {
        StoreError::NotFound(_)
        | StoreError::NoEntry { .. }
        | StoreError::NotAFile(_)
        | StoreError::NotAFolder(_)
        | StoreError::Malformed { .. }
        | StoreError::Refused {
            status: 404 | 410, ..
        } => Absence::Missing,
        StoreError::TooLarge { .. } => Absence::TooLarge,
        StoreError::File { .. } => Absence::Disk,
        _ => Absence::Unreachable,
    }
}

/// The SHA-256 of a file. Blocks.
pub(crate) fn sha256(path: &Path) -> io::Result<B256> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(B256::new(hasher.finalize().into())),
            read => hasher.update(&buffer[..read]),
        }
    }
}
