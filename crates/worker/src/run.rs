//! From a task to its result: fetch, check, run, archive.

mod folders;
mod supply;

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, Bytes};
use canut_hub::Hub;
use canut_protocol::{
    Deal, DealId, Failure, TaskId,
    declared::Declared,
    failure,
    range::{Content, Leaf, Range},
};
use canut_sandbox::{Fault, Job, Kind, Limits, Outcome, ResultFile, Runtime, archive, list};
use canut_store::directory;
use canut_vault::format::PublicKey;
use tracing::{debug, info};

use self::folders::Folders;
use crate::{
    activity::Progress,
    disk::{Disk, blocks, remove, taken},
    fetch::Fetcher,
    logs::Logs,
    record::Found,
    sealing::seal,
};

/// What an app says of its result.
const COMPUTED: &str = "computed.json";

/// A task to run.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) task: TaskId,
    pub(crate) deal_id: DealId,
    pub(crate) index: u64,
    pub(crate) deal: Deal,
    /// Reference time of its category, in seconds.
    pub(crate) time_ref: u64,
    /// A folder for this task alone.
    pub(crate) folder: PathBuf,
    /// Where the archive of the result belongs.
    pub(crate) archive: PathBuf,
    /// Whether the archive must be on the disk before anything is said about it.
    pub(crate) durable: bool,
    /// Whether the archive holds no more than the digest covers, and what says so: what an honest worker finds, every one does.
    pub(crate) lean: bool,
}

/// Runs tasks.
#[derive(Clone, Debug)]
pub(crate) struct Runner {
    pub(crate) hub: Hub,
    pub(crate) fetcher: Fetcher,
    pub(crate) vault: Option<canut_vault::Remote>,
    pub(crate) logs: Logs,
    pub(crate) runtime: Arc<dyn Runtime>,
    pub(crate) disk: Arc<Disk>,
}

impl Runner {
    /// Runs a task and leaves its archive. A failure that every honest worker comes to is a result like any other.
    pub(crate) async fn run(&self, order: &Order) -> Result<Found, Failure> {
        let mut folders = Folders::make(&order.folder, &self.disk)?;
        let found = match self.attempt(order, &mut folders).await {
            Ok(found) => found,
            Err(failure) => self.fail(order, &folders, failure)?,
        };
        folders.clear().map_err(|error| disk(&error))?;
        Ok(found)
    }

    /// Runs the tasks of a range one after the other, until all are done or, with at least one done, `budget` is over. The
    /// archives go to `results`, named by the indices of their tasks; encrypted, if the deal asks for it, once what they
    /// hold was seen.
    ///
    /// Without the key to encrypt with nothing is computed: nobody votes on whether there is one, as it may come and go.
    pub(crate) async fn weave(
        &self,
        mut order: Order,
        range: Range,
        results: &Path,
        budget: Option<Duration>,
        progress: &Progress,
    ) -> Result<Vec<Leaf>, Failure> {
        let began = Instant::now();
        let mut folders = Folders::make(&order.folder, &self.disk)?;
        remove(results)
            .and_then(|()| fs::create_dir_all(results))
            .map_err(|error| disk(&error))?;
        let key = self.key_for(&order.deal).await?;
        let prepared = self.prepare(&order, &mut folders).await;
        // What a container says besides its result may differ from worker to worker.
        order.lean = Kind::of(&folders.app).is_ok_and(|kind| kind == Kind::Oci);
        let (mut digests, mut archives, mut secrets) = (Vec::new(), Vec::new(), Vec::new());
        for index in range.indices() {
            if budget.is_some_and(|budget| began.elapsed() >= budget) && !digests.is_empty() {
                break;
            }
            (order.index, order.task) = (index, TaskId::of(order.deal_id, index));
            order.archive = results.join(index.to_string());
            folders.renew_output().map_err(|error| disk(&error))?;
            let ran = match &prepared {
                Ok(job) => {
                    let mut job = job.clone();
                    (job.task, job.bag.index) = (order.task, index);
                    self.execute(&order, &folders, job, key.is_some()).await
                }
                Err(failure) => Err(*failure),
            };
            let found = match ran {
                Ok(found) => {
                    secrets.push(order.clone());
                    found
                }
                Err(failure) => self.fail(&order, &folders, failure)?,
            };
            digests.push(found.digest);
            archives.push(order.archive.clone());
            progress.step();
        }
        let contents = contents_of(archives).await?;
        if let Some(key) = key {
            for secret in secrets {
                self.seal(&secret, &folders, key.clone()).await?;
            }
        }
        folders.clear().map_err(|error| disk(&error))?;
        let leaves = digests.into_iter().zip(contents);
        let leaves = leaves.map(|(digest, content)| Leaf { digest, content });
        Ok(leaves.collect())
    }

    async fn attempt(&self, order: &Order, folders: &mut Folders) -> Result<Found, Failure> {
        let key = self.key_for(&order.deal).await?;
        let job = self.prepare(order, folders).await?;
        let found = self.execute(order, folders, job, key.is_some()).await?;
        if let Some(key) = key {
            self.seal(order, folders, key).await?;
        }
        Ok(found)
    }

    async fn seal(&self, order: &Order, folders: &Folders, key: PublicKey) -> Result<(), Failure> {
        let plain = taken(&order.archive).map_err(|error| disk(&error))?;
        // For what is encrypted, and the archive of that.
        let _room = self.disk.claim(plain.saturating_mul(2))?;
        seal(order, &folders.root.join("sealed"), key).await
    }

    async fn execute(
        &self,
        order: &Order,
        folders: &Folders,
        job: Job,
        secret: bool,
    ) -> Result<Found, Failure> {
        let limits = Limits::for_duration(Duration::from_secs(order.time_ref));
        let mut room = self.disk.claim(limits.output_bytes)?;
        let outcome = self
            .runtime
            .run(&job, &limits)
            .await
            .map_err(|fault| broken(&fault))?;
        let sizes = outcome.files.iter().map(|file| blocks(file.size()));
        let left = sizes.fold(blocks(0), u64::saturating_add);
        room.less(limits.output_bytes.saturating_sub(left));
        // The archive.
        room.more(left)?;
        // What an app says may be its result: then nobody else hears it.
        if !secret {
            let said = [&outcome.stdout, &outcome.stderr].map(|said| said.bytes.as_slice());
            self.logs.tell(order.task, said);
        }
        conclude(order, folders, outcome).await
    }

    /// Makes an archive of a failure that is a result; gives back one that is not.
    fn fail(&self, order: &Order, folders: &Folders, failure: Failure) -> Result<Found, Failure> {
        info!(task = %order.task, %failure, "the run failed");
        let Some(code) = failure.code() else {
            return Err(failure);
        };
        // A contract that waits for data must not be handed nothing.
        if order.deal.callback != Address::ZERO {
            return Err(Failure::CallbackMissing);
        }
        let computed = serde_json::json!({
            "deterministic-output-path": "/iexec_out/error.txt",
            "error-code": code,
            "error-message": failure.meaning(),
        });
        let reason = format!("{failure}\n{}\n", failure.remedy());
        let files = vec![
            ResultFile::held("error.txt", reason),
            ResultFile::held(COMPUTED, computed.to_string()),
        ];
        pack(&folders.output, files, order).map_err(|error| disk(&error))?;
        let digest = failure::digest(code.get());
        Ok(Found {
            digest,
            callback: Bytes::new(),
            failure: Some(failure),
        })
    }
}

/// Archives what a run left.
async fn conclude(order: &Order, folders: &Folders, outcome: Outcome) -> Result<Found, Failure> {
    let (callback, failure) = match outcome.verdict {
        Ok(success) => (success.callback.unwrap_or_default(), None),
        Err(failure) => {
            info!(task = %order.task, %failure, "the app failed");
            (
                Bytes::new(),
                Failure::from_code(failure.code()).or(Some(Failure::AppTrapped)),
            )
        }
    };
    if failure.is_some() && order.deal.callback != Address::ZERO {
        return Err(Failure::CallbackMissing);
    }
    let (output, order) = (folders.output.clone(), order.clone());
    let packed = tokio::task::spawn_blocking(move || pack(&output, outcome.files, &order));
    packed
        .await
        .map_err(|_| Failure::WorkerBroken)?
        .map_err(|error| disk(&error))?;
    Ok(Found {
        digest: outcome.digest,
        callback,
        failure,
    })
}

/// Writes the archive of all that is in `folder`.
pub(crate) fn pack_all(folder: &Path, order: &Order) -> io::Result<()> {
    let files = list(folder, &Limits::default()).map_err(io::Error::other)?;
    pack(folder, files, order)
}

/// Writes the archive of `files` in `output`, before it takes its name; to the disk itself, unless it is one of many that
/// could all be computed again.
fn pack(output: &Path, mut files: Vec<ResultFile>, order: &Order) -> io::Result<()> {
    if order.lean {
        let declared = declared(output, &files);
        let covered = |path: &str| declared.as_ref().is_some_and(|part| part.covers(path));
        files.retain(|file| file.path == COMPUTED || covered(&file.path));
    }
    let half = order.archive.with_extension("half");
    let mut writer = BufWriter::new(File::create(&half)?);
    archive::write(output, &files, &mut writer)?;
    writer.flush()?;
    if order.durable {
        writer.get_ref().sync_all()?;
    }
    fs::rename(half, &order.archive)
}

/// The part of the result that its digest covers, if there is one.
fn declared(output: &Path, files: &[ResultFile]) -> Option<Declared> {
    let file = files.iter().find(|file| file.path == COMPUTED)?;
    let computed: serde_json::Value = serde_json::from_slice(&file.read(output).ok()?).ok()?;
    Declared::read(computed.get("deterministic-output-path")?.as_str()?)
}

/// Where the store puts each of some files.
pub(crate) async fn contents_of(paths: Vec<PathBuf>) -> Result<Vec<Content>, Failure> {
    let counted = tokio::task::spawn_blocking(move || {
        let cids = paths
            .iter()
            .map(|path| canut_store::cid_of(path).map_err(Box::new));
        cids.collect::<Result<Vec<_>, _>>()
    });
    let cids = counted.await.map_err(|_| Failure::WorkerBroken)?;
    let cids = cids.map_err(|error| {
        info!(%error, "an archive cannot be read");
        Failure::WorkerBroken
    })?;
    let contents = cids.iter().map(directory::content);
    contents.collect::<Option<_>>().ok_or(Failure::WorkerBroken)
}

fn broken(fault: &Fault) -> Failure {
    info!(%fault, "the run broke off");
    match fault {
        Fault::WallTime(_) => Failure::TimeExceeded,
        Fault::Disk { source, .. } => disk(source),
        Fault::Cancelled => Failure::Aborted,
        Fault::Missing | Fault::Foreign => Failure::RuntimeMissing,
        Fault::Folder { .. } | Fault::Resources(_) | Fault::Engine(_) => Failure::WorkerBroken,
    }
}

fn disk(error: &io::Error) -> Failure {
    debug!(%error, "the disk failed");
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Failure::DiskFull,
        _ => Failure::WorkerBroken,
    }
}
