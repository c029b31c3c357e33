//! The `oci` runtime.

mod archive;
mod cell;
mod document;
mod engine;
mod group;
mod harvest;
mod home;
mod images;
mod layer;
mod probe;
mod run;
mod spec;
mod tree;
mod user;

use std::{
    fs::{self, File},
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use self::{engine::Engine, home::Home, images::Images};
use crate::{Fault, Job, Kind, Limits, Run, Runtime, alone_in};

pub use self::{
    document::{Blob, DOCUMENT_BYTES, Document, DocumentError, begin_layout},
    engine::EngineKind,
    probe::Unavailable,
};

/// Bytes of the disk for images, unless it is said.
const IMAGES: u64 = 16 << 30;

/// Runs container images: archives of an OCI image layout or of `docker save`, and folders that are such a layout.
///
/// A run sees the image's files, read-only, its inputs, and folders for its output and `/tmp` that are in memory and bounded.
/// It has a network of its own in which there is nobody, namespaces of its own for everything else, no capabilities, and users
/// that are nobody on this machine. When it is over, or its future is dropped, everything it started is killed.
///
/// Unlike [`WasmRuntime`](crate::WasmRuntime) it cannot make an app deterministic: clocks and processors differ. Only what
/// `computed.json` names is compared between workers. The clock decides when time is up, so that is a [`Fault`].
#[derive(Debug)]
pub struct OciRuntime {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    engine: Arc<Engine>,
    images: Images,
    home: Home,
    /// Cores that this process may use.
    cpus: Vec<usize>,
    runs: AtomicU64,
    /// Kept open, and with it the lock.
    _lock: File,
}

impl OciRuntime {
    /// A runtime that keeps up to 16 GiB of images; see [`with_images`](Self::with_images).
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn new(folder: &Path, engines: &[EngineKind]) -> Result<Self, Unavailable> {
        Self::with_images(folder, engines, IMAGES).await
    }

    /// A runtime with the first of `engines` that works on this machine. It keeps unpacked images in `folder`, where it must be
    /// alone, and removes what workers left that were killed: containers, mounts, folders. They take at most `images` bytes of
    /// the disk; one that does not fit beside those that are running is not run.
    ///
    /// It starts a container to see whether that works, which takes a second or so.
    ///
    /// # Errors
    ///
    /// [`Unavailable`] when this machine cannot run containers, and what to do about it.
    pub async fn with_images(
        folder: &Path,
        engines: &[EngineKind],
        images: u64,
    ) -> Result<Self, Unavailable> {
        if !rustix::process::geteuid().is_root() {
            return Err(Unavailable::NotRoot);
        }
        let broken = |source| Unavailable::Folder {
            folder: folder.to_owned(),
            source,
        };
        fs::create_dir_all(folder).map_err(broken)?;
        let folder = fs::canonicalize(folder).map_err(broken)?;
        let taken = |error: io::Error| match error.kind() {
            io::ErrorKind::WouldBlock => Unavailable::Locked(folder.clone()),
            _ => broken(error),
        };
        let lock = alone_in(&folder).await.map_err(taken)?;
        let home = Home::enter(&folder).await.map_err(taken)?;
        let found: Vec<_> = engines
            .iter()
            .filter_map(|kind| home.engine(*kind))
            .collect();
        let images = Images::open(folder.join("images"), images).map_err(Unavailable::Fault)?;
        let engine = probe::first(&found, &home).await?;
        Ok(Self {
            shared: Arc::new(Shared {
                engine: Arc::new(engine),
                images,
                home,
                cpus: cpus(),
                // The probe had the first places.
                runs: AtomicU64::new(EngineKind::ALL.len() as u64),
                _lock: lock,
            }),
        })
    }

    /// The engine that it uses.
    pub fn engine(&self) -> EngineKind {
        self.shared.engine.kind
    }

    /// Where the engine is.
    pub fn program(&self) -> &Path {
        &self.shared.engine.program
    }
}

impl Shared {
    /// A number for a new run, and the core it is to use.
    fn next(&self) -> (u64, usize) {
        let number = self.runs.fetch_add(1, Relaxed);
        let count = self.cpus.len().max(1) as u64;
        let place = usize::try_from(number % count).unwrap_or_default();
        (number, self.cpus.get(place).copied().unwrap_or_default())
    }
}

impl Runtime for OciRuntime {
    fn runs(&self, kind: Kind) -> bool {
        kind == Kind::Oci
    }

    fn run<'a>(&'a self, job: &'a Job, limits: &'a Limits) -> Run<'a> {
        Box::pin(run::run(&self.shared, job, limits))
    }
}

/// The cores that this process may use.
fn cpus() -> Vec<usize> {
    let set = rustix::thread::sched_getaffinity(None).unwrap_or_default();
    (0..rustix::thread::CpuSet::MAX_CPU)
        .filter(|cpu| set.is_set(*cpu))
        .collect()
}

/// Why an image is not run.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    /// Its bytes are wrong, here and everywhere.
    #[error("{0}")]
    Image(String),
    /// It is larger than an image may be.
    #[error("the image is too large")]
    TooLarge,
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl Trouble {
    fn image(problem: &str) -> Self {
        Self::Image(problem.to_owned())
    }
}
