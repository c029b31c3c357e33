//! Measuring the machine, once: what it computes in the sandbox that tasks run in, and how fast its disk takes what is written.
//!
//! What is found is signed by the worker's key and kept in its folder, until the machine or the way of measuring changes. The
//! network is not measured: that depends on the other end.

use std::{
    fs,
    io::{self, Write},
    path::Path,
    time::{Duration, Instant},
};

use alloy::signers::{SignerSync, local::PrivateKeySigner};
use canut_protocol::{
    Domain,
    benchmark::{Benchmark, MAX_CORES, SignedBenchmark, VERSION},
    signature,
};
use canut_sandbox::{Fault, Job, Limits, Runtime, WasmRuntime};
use tempfile::{NamedTempFile, TempDir};
use tokio::task::{JoinError, JoinSet, spawn_blocking};

use crate::{activity::now, machine::Machine};

/// What is run: a WASI command of one function.
const YARDSTICK: &[u8] = include_bytes!("yardstick.wasm");
/// Where the record is, in the worker's folder.
const FILE: &str = "benchmark.json";
/// One run takes about a tenth of a second; one core runs so many in a row.
const RUNS: u32 = 8;
/// Longest time that one run may take.
const LONGEST: Duration = Duration::from_secs(60);
/// Bytes written to the disk, and how many at once.
const WRITTEN: usize = 64 << 20;
const CHUNK: usize = 1 << 20;

/// Why a machine cannot be measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchmarkError {
    /// The folder.
    #[error("the worker's folder: {0}")]
    Folder(#[from] io::Error),
    /// The sandbox.
    #[error("the sandbox: {0}")]
    Sandbox(#[from] Fault),
    /// A part of it broke off.
    #[error("the measurement broke off: {0}")]
    Broken(#[from] JoinError),
    /// The key.
    #[error("the worker's key cannot sign: {0}")]
    Key(#[from] alloy::signers::Error),
    /// The clock.
    #[error("the machine was measured to do nothing at all: measure it again")]
    Nothing,
}

/// What was found before in the worker's `folder`, if that is of this machine as it is now, of this way of measuring, and signed by
/// `key` for the hub of `domain`.
pub fn known(folder: &Path, key: &PrivateKeySigner, domain: &Domain) -> Option<SignedBenchmark> {
    let json = fs::read(folder.join(FILE)).ok()?;
    let known: SignedBenchmark = serde_json::from_slice(&json).ok()?;
    let told = &known.benchmark;
    let then = (told.processor.as_str(), told.cores, told.memory);
    let here = Machine::here();
    let now = (
        here.processor.as_str(),
        here.cores.min(MAX_CORES),
        here.memory,
    );
    (then == now && known.is_of(domain, key.address())).then_some(known)
}

/// Measures this machine, which takes some seconds, and keeps what was found in `folder`. Nothing else should be computed
/// meanwhile.
///
/// # Errors
///
/// [`BenchmarkError`] when folder or sandbox do not do their part.
pub async fn measure(
    folder: &Path,
    key: &PrivateKeySigner,
    domain: &Domain,
) -> Result<SignedBenchmark, BenchmarkError> {
    fs::create_dir_all(folder)?;
    let machine = Machine::here();
    let cores = machine.cores.clamp(1, MAX_CORES);
    let yard = Yard::make(folder)?;
    // Compiled, and everything at hand.
    yard.run().await?;
    tracing::info!("measuring this machine: one core");
    let single = yard.speed(1).await?;
    tracing::info!(cores, "measuring this machine: all cores");
    let all = yard.speed(cores).await?;
    tracing::info!("measuring this machine: its disk");
    let at = folder.to_owned();
    let disk = spawn_blocking(move || disk(&at)).await??;
    let benchmark = Benchmark {
        version: VERSION,
        processor: machine.processor,
        cores,
        memory: machine.memory,
        single,
        all,
        disk,
        time: now(),
    };
    if !benchmark.is_plausible() {
        return Err(BenchmarkError::Nothing);
    }
    let signed = key.sign_hash_sync(&benchmark.digest(domain, key.address()))?;
    let signed = SignedBenchmark {
        benchmark,
        signature: signature::to_bytes(&signed),
    };
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(&serde_json::to_vec(&signed).map_err(io::Error::other)?)?;
    file.as_file().sync_all()?;
    file.persist(folder.join(FILE)).map_err(|lost| lost.error)?;
    Ok(signed)
}

/// A place to run the yardstick in.
#[derive(Clone, Debug)]
struct Yard {
    runtime: WasmRuntime,
    root: std::sync::Arc<TempDir>,
}

impl Yard {
    fn make(folder: &Path) -> Result<Self, BenchmarkError> {
        let root = TempDir::with_prefix_in("benchmark-", folder)?;
        fs::write(root.path().join("yardstick.wasm"), YARDSTICK)?;
        fs::create_dir(root.path().join("in"))?;
        Ok(Self {
            runtime: WasmRuntime::new(None)?,
            root: root.into(),
        })
    }

    /// Instructions a second on so many cores at once.
    async fn speed(&self, cores: u32) -> Result<u64, BenchmarkError> {
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        for _ in 0..cores {
            let yard = self.clone();
            tasks.spawn(async move {
                let mut fuel = 0_u64;
                for _ in 0..RUNS {
                    fuel = fuel.saturating_add(yard.run().await?);
                }
                Ok::<_, BenchmarkError>(fuel)
            });
        }
        let mut fuel = 0_u64;
        while let Some(done) = tasks.join_next().await {
            fuel = fuel.saturating_add(done??);
        }
        Ok(rate(fuel, began.elapsed()))
    }

    /// Runs the yardstick once, and says how many instructions that took.
    async fn run(&self) -> Result<u64, BenchmarkError> {
        let root = self.root.path();
        let output = TempDir::new_in(root)?;
        let job = Job::plain(
            root.join("yardstick.wasm"),
            root.join("in"),
            output.path().to_owned(),
        );
        // It names no result, and counts all the same.
        let outcome = self
            .runtime
            .run(&job, &Limits::for_duration(LONGEST))
            .await?;
        Ok(outcome.fuel_used.unwrap_or_default())
    }
}

/// Bytes a second that `folder` takes for good.
fn disk(folder: &Path) -> io::Result<u64> {
    let mut file = tempfile::tempfile_in(folder)?;
    // Not zeros, which some file systems keep as a hole.
    let chunk: Vec<u8> = (0..CHUNK).map(|at| (at % 251) as u8).collect();
    let began = Instant::now();
    for _ in 0..WRITTEN / CHUNK {
        file.write_all(&chunk)?;
    }
    file.sync_all()?;
    Ok(rate(WRITTEN as u64, began.elapsed()))
}

/// So much in so long, for a second.
fn rate(much: u64, long: Duration) -> u64 {
    let rate = u128::from(much) * 1_000_000_000 / long.as_nanos().max(1);
    u64::try_from(rate).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Address;

    use super::*;

    #[test]
    fn the_yardstick_is_what_its_source_says() {
        assert_eq!(
            wat::parse_str(include_str!("yardstick.wat")).unwrap(),
            YARDSTICK
        );
    }

    #[tokio::test]
    async fn a_run_burns_the_same_fuel_on_every_machine() {
        let folder = tempfile::tempdir().unwrap();
        let yard = Yard::make(folder.path()).unwrap();
        let fuel = yard.run().await.unwrap();
        assert_eq!(fuel, yard.run().await.unwrap());
        assert!(fuel > 100_000_000, "{fuel}");
    }

    #[tokio::test]
    async fn a_machine_is_measured_once_until_it_or_its_worker_changes() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        let key = PrivateKeySigner::random();
        let domain = Domain::new(1337, Address::repeat_byte(1));
        assert_eq!(known(folder, &key, &domain), None);
        let signed = measure(folder, &key, &domain).await.unwrap();
        assert!(signed.is_of(&domain, key.address()));
        assert_eq!(known(folder, &key, &domain).as_ref(), Some(&signed));
        assert_eq!(
            fs::read_dir(folder).unwrap().count(),
            1,
            "nothing else is left"
        );
        assert_eq!(known(folder, &PrivateKeySigner::random(), &domain), None);
        assert_eq!(known(folder, &key, &Domain::new(1, domain.hub)), None);

        // Signed, but of a machine with one core more: as after it was rebuilt.
        let mut other = signed;
        other.benchmark.cores += 1;
        let digest = other.benchmark.digest(&domain, key.address());
        other.signature = signature::to_bytes(&key.sign_hash_sync(&digest).unwrap());
        assert!(other.is_of(&domain, key.address()));
        fs::write(folder.join(FILE), serde_json::to_vec(&other).unwrap()).unwrap();
        assert_eq!(known(folder, &key, &domain), None);
        fs::write(folder.join(FILE), "nonsense").unwrap();
        assert_eq!(known(folder, &key, &domain), None);
    }

    #[test]
    fn rates_are_for_a_second() {
        assert_eq!(rate(500, Duration::from_millis(250)), 2_000);
        assert_eq!(rate(500, Duration::ZERO), 500_000_000_000);
    }
}
