//! From a task to its result: fetch, check, run, archive.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_primitives::{Address, B256, Bytes};
use canut_hub::Hub;
use canut_protocol::{
    Deal, DealId, Failure, TaskId,
    declared::Declared,
    failure,
    location::Location,
    range::{Content, Leaf, Range},
};
use canut_sandbox::{
    Bag, Dataset, Delivery, Fault, Job, Kind, Limits, Outcome, ResultFile, Runtime, archive, list,
    split_arguments,
};
use canut_store::directory;
use sha2::{Digest, Sha256};
use tracing::{debug, info};

use crate::{
    activity::Progress,
    fetch::{Absence, Fetcher, Image, Wanted, sha256},
    logs::Logs,
    params::Params,
    record::Found,
    sealing::seal,
};

/// Times a file is asked for before its server is given up.
const TRIES: u32 = 3;
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
}

impl Runner {
    /// Runs a task and leaves its archive. A failure that every honest worker comes to is a result like any other.
    pub(crate) async fn run(&self, order: &Order) -> Result<Found, Failure> {
        let work = Work::make(&order.folder).map_err(|error| disk(&error))?;
        let found = match self.attempt(order, &work).await {
            Ok(found) => found,
            Err(failure) => self.fail(order, &work, failure)?,
        };
        work.clear().map_err(|error| disk(&error))?;
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
        let work = Work::make(&order.folder).map_err(|error| disk(&error))?;
        remove(results)
            .and_then(|()| fs::create_dir_all(results))
            .map_err(|error| disk(&error))?;
        let key = self.key_for(&order.deal).await?;
        let prepared = self.prepare(&order, &work).await;
        // What a container says besides its result may differ from worker to worker.
        order.lean = Kind::of(&work.app).is_ok_and(|kind| kind == Kind::Oci);
        let (mut digests, mut archives, mut secrets) = (Vec::new(), Vec::new(), Vec::new());
        for index in range.indices() {
            if budget.is_some_and(|budget| began.elapsed() >= budget) && !digests.is_empty() {
                break;
            }
            (order.index, order.task) = (index, TaskId::of(order.deal_id, index));
            order.archive = results.join(index.to_string());
            work.renew_output().map_err(|error| disk(&error))?;
            let ran = match &prepared {
                Ok(job) => {
                    let mut job = job.clone();
                    (job.task, job.bag.index) = (order.task, index);
                    self.execute(&order, &work, job, key.is_some()).await
                }
                Err(failure) => Err(*failure),
            };
            let found = match ran {
                Ok(found) => {
                    secrets.push(order.clone());
                    found
                }
                Err(failure) => self.fail(&order, &work, failure)?,
            };
            digests.push(found.digest);
            archives.push(order.archive.clone());
            progress.step();
        }
        let contents = contents_of(archives).await?;
        if let Some(key) = key {
            for secret in secrets {
                seal(&secret, &work.root.join("sealed"), key.clone()).await?;
            }
        }
        work.clear().map_err(|error| disk(&error))?;
        let leaves = digests.into_iter().zip(contents);
        let leaves = leaves.map(|(digest, content)| Leaf { digest, content });
        Ok(leaves.collect())
    }

    async fn attempt(&self, order: &Order, work: &Work) -> Result<Found, Failure> {
        let key = self.key_for(&order.deal).await?;
        let job = self.prepare(order, work).await?;
        let found = self.execute(order, work, job, key.is_some()).await?;
        if let Some(key) = key {
            seal(order, &work.root.join("sealed"), key).await?;
        }
        Ok(found)
    }

    async fn execute(
        &self,
        order: &Order,
        work: &Work,
        job: Job,
        secret: bool,
    ) -> Result<Found, Failure> {
        let limits = Limits::for_duration(Duration::from_secs(order.time_ref));
        let outcome = self
            .runtime
            .run(&job, &limits)
            .await
            .map_err(|fault| broken(&fault))?;
        // What an app says may be its result: then nobody else hears it.
        if !secret {
            let said = [&outcome.stdout, &outcome.stderr].map(|said| said.bytes.as_slice());
            self.logs.tell(order.task, said);
        }
        conclude(order, work, outcome).await
    }

    async fn prepare(&self, order: &Order, work: &Work) -> Result<Job, Failure> {
        let deal = &order.deal;
        let params = Params::read(&deal.params)?;
        // What is delivered on the chain is public.
        if params.encrypted && deal.callback != Address::ZERO {
            return Err(Failure::ParamsInvalid);
        }
        let arguments = split_arguments(&params.arguments).ok_or(Failure::ParamsInvalid)?;
        self.fetch_app(deal.app.pointer, &work.app).await?;
        let dataset = self.fetch_dataset(deal.dataset.pointer, work).await?;
        let mut inputs = Vec::new();
        for url in &params.inputs {
            inputs.push(self.fetch_input(url, work).await?);
        }
        let delivery = if deal.callback == Address::ZERO {
            Delivery::Files
        } else {
            Delivery::Callback
        };
        Ok(Job {
            task: order.task,
            deal: order.deal_id,
            bag: Bag {
                size: deal.bot_size,
                first: deal.bot_first,
                index: order.index,
            },
            app: work.app.clone(),
            arguments,
            input: work.input.clone(),
            output: work.output.clone(),
            dataset,
            inputs,
            delivery,
        })
    }

    async fn fetch_app(&self, address: Address, into: &Path) -> Result<(), Failure> {
        let found = self.hub.app(address).await.map_err(unreachable)?;
        let (_, app) = found.ok_or(Failure::AppMissing)?;
        let location = Location::from_multiaddr(&app.multiaddr).map_err(|_| Failure::AppMissing)?;
        let of_app = |absence| match (absence, &location) {
            (Absence::Missing, _) => Failure::AppMissing,
            (Absence::TooLarge, _) => Failure::AppTooLarge,
            (Absence::Invalid, _) => Failure::AppInvalid,
            (Absence::Wrong, _) => Failure::RegistryWrong,
            (Absence::Unreachable, Location::Url(_) | Location::Other(_)) => {
                Failure::AppUnreachable
            }
            (other, _) => elsewhere(other, Failure::AppRefused),
        };
        if let Location::Other(name) = &location {
            let image = Image::read(name, app.checksum)?;
            if !self.runtime.runs(Kind::Oci) {
                return Err(Failure::RuntimeMissing);
            }
            return self
                .fetch(Wanted::Image(&image), into)
                .await
                .map_err(of_app);
        }
        self.fetch(Wanted::File(&location), into)
            .await
            .map_err(of_app)?;
        holds(into, app.checksum, Failure::AppMismatch).await?;
        // iExec's tools register every app as DOCKER: its bytes say what it is.
        let kind = Kind::of(into).map_err(|error| disk(&error))?;
        if self.runtime.runs(kind) {
            Ok(())
        } else {
            Err(Failure::RuntimeMissing)
        }
    }

    async fn fetch_dataset(
        &self,
        address: Address,
        work: &Work,
    ) -> Result<Option<Dataset>, Failure> {
        if address == Address::ZERO {
            return Ok(None);
        }
        let found = self.hub.dataset(address).await.map_err(unreachable)?;
        let (_, dataset) = found.ok_or(Failure::DatasetMissing)?;
        let location = Location::from_multiaddr(&dataset.multiaddr);
        let location = location.map_err(|_| Failure::DatasetMissing)?;
        // The file is named after the address (offchain.md, section 6.6).
        let file = format!("{address:#x}");
        let into = work.input.join(&file);
        self.fetch(Wanted::File(&location), &into)
            .await
            .map_err(|absence| match absence {
                Absence::Missing => Failure::DatasetMissing,
                Absence::TooLarge => Failure::InputTooLarge,
                other => elsewhere(other, Failure::InputRefused),
            })?;
        holds(&into, dataset.checksum, Failure::DatasetMismatch).await?;
        Ok(Some(Dataset { address, file }))
    }

    async fn fetch_input(&self, url: &str, work: &Work) -> Result<String, Failure> {
        // The name is the hash of the address as it was written (offchain.md, section 6.6).
        let name = B256::new(Sha256::digest(url).into()).to_string();
        let into = work.input.join(&name);
        if into.exists() {
            return Ok(name);
        }
        let location: Location = url.parse().map_err(|_| Failure::ParamsInvalid)?;
        self.fetch(Wanted::File(&location), &into)
            .await
            .map_err(|absence| match absence {
                Absence::Missing => Failure::InputMissing,
                Absence::TooLarge => Failure::InputTooLarge,
                Absence::Unreachable if matches!(location, Location::Url(_)) => {
                    Failure::InputUnreachable
                }
                other => elsewhere(other, Failure::InputRefused),
            })?;
        Ok(name)
    }

    /// Fetches something, and tries again when nobody answers.
    async fn fetch(&self, wanted: Wanted<'_>, into: &Path) -> Result<(), Absence> {
        let mut wait = Duration::from_millis(200);
        for _ in 1..TRIES {
            match self.fetcher.fetch(wanted, into).await {
                Err(Absence::Unreachable | Absence::Missing) => {}
                outcome => return outcome,
            }
            // What is being published may be there in a moment.
            tokio::time::sleep(wait).await;
            wait *= 4;
        }
        self.fetcher.fetch(wanted, into).await
    }

    /// Makes an archive of a failure that is a result; gives back one that is not.
    fn fail(&self, order: &Order, work: &Work, failure: Failure) -> Result<Found, Failure> {
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
        pack(&work.output, files, order).map_err(|error| disk(&error))?;
        let digest = failure::digest(code.get());
        Ok(Found {
            digest,
            callback: Bytes::new(),
            failure: Some(failure),
        })
    }
}

/// Archives what a run left.
async fn conclude(order: &Order, work: &Work, outcome: Outcome) -> Result<Found, Failure> {
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
    let (output, order) = (work.output.clone(), order.clone());
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

async fn holds(path: &Path, registered: B256, otherwise: Failure) -> Result<(), Failure> {
    let path = path.to_owned();
    let summed = tokio::task::spawn_blocking(move || sha256(&path)).await;
    let found = summed
        .map_err(|_| Failure::WorkerBroken)?
        .map_err(|error| disk(&error))?;
    if found == registered {
        Ok(())
    } else {
        Err(otherwise)
    }
}

/// The folders of a run.
#[derive(Debug)]
struct Work {
    root: PathBuf,
    app: PathBuf,
    input: PathBuf,
    output: PathBuf,
}

impl Work {
    /// New and empty folders, whatever an interrupted run left.
    fn make(folder: &Path) -> io::Result<Self> {
        let root = folder.join("run");
        remove(&root)?;
        let work = Self {
            app: root.join("app"),
            input: root.join("in"),
            output: root.join("out"),
            root,
        };
        fs::create_dir_all(&work.input)?;
        fs::create_dir(&work.output)?;
        Ok(work)
    }

    /// Empties the output folder.
    fn renew_output(&self) -> io::Result<()> {
        for entry in fs::read_dir(&self.output)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                fs::remove_dir_all(entry.path())?;
            } else {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    fn clear(&self) -> io::Result<()> {
        remove(&self.root)
    }
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn elsewhere(absence: Absence, refused: Failure) -> Failure {
    match absence {
        Absence::Refused => refused,
        Absence::Disk => Failure::DiskFull,
        Absence::Foreign => Failure::RuntimeMissing,
        Absence::Missing
        | Absence::Unreachable
        | Absence::TooLarge
        | Absence::Wrong
        | Absence::Invalid => Failure::StoreUnreachable,
    }
}

fn unreachable(error: canut_hub::Error) -> Failure {
    info!(%error, "the chain does not tell what the run needs");
    Failure::ChainUnreachable
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
