//! The pool, as a process of its own.

use std::{io::Write, path::PathBuf, process::Stdio, time::Duration};

use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use canut_hub::SenderConfig;
use clap::Args as ClapArgs;
use eyre::{OptionExt, Result, WrapErr};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use super::world::World;
use crate::{http::Connection, process};

/// What the process is told.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    #[arg(long)]
    rpc: String,
    #[arg(long)]
    hub: Address,
    #[arg(long)]
    workerpool: Address,
    #[arg(long)]
    key: PrivateKeySigner,
    #[arg(long)]
    store: String,
    #[arg(long)]
    folder: PathBuf,
    #[arg(long)]
    start_block: u64,
    #[arg(long)]
    stride: u16,
}

/// Runs a pool until the process is killed. Prints where its sessions are.
pub(crate) fn serve(args: Args) -> Result<()> {
    rlimit::increase_nofile_limit(u64::MAX).wrap_err("the limit of open files")?;
    let mut config = canut_pool::Config::new(
        args.rpc,
        args.hub,
        args.workerpool,
        args.key,
        args.store,
        args.folder,
    );
    config.start_block = args.start_block;
    config.stride = args.stride;
    config.sender = SenderConfig {
        poll: Duration::from_millis(50),
        ..SenderConfig::default()
    };
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let pool = canut_pool::start(config).await?;
        println!("{}", pool.sessions());
        std::io::stdout().flush()?;
        std::future::pending::<()>().await;
        Ok(())
    })
}

/// A running pool; it ends with this value.
#[derive(Debug)]
pub(super) struct Service {
    /// URL of its sessions.
    pub(super) sessions: String,
    process: u32,
    _child: Child,
    _folder: TempDir,
}

impl Service {
    /// Starts a pool that has seen nothing yet, and cuts ranges of at most `stride` tasks.
    pub(super) async fn start(world: &World, stride: u16) -> Result<Self> {
        let folder = TempDir::new()?;
        let start_block = world.head().await? + 1;
        let mut child = Command::new(std::env::current_exe()?)
            .arg("pool-service")
            .args(["--rpc", &world.rpc()])
            .args(["--hub", &world.hub.address().to_string()])
            .args(["--workerpool", &world.workerpool.to_string()])
            .args(["--key", &world.scheduler.to_bytes().to_string()])
            .args(["--store", &world.store.url()])
            .arg("--folder")
            .arg(folder.path())
            .args(["--start-block", &start_block.to_string()])
            .args(["--stride", &stride.to_string()])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let stdout = child.stdout.take().ok_or_eyre("no output to read")?;
        let line = BufReader::new(stdout).lines().next_line().await?;
        Ok(Self {
            sessions: line.ok_or_eyre("the pool ended before it was ready")?,
            process: child.id().ok_or_eyre("the pool ended")?,
            _child: child,
            _folder: folder,
        })
    }

    /// Processor time so far, seconds.
    pub(super) fn processor(&self) -> Result<f64> {
        Ok(process::processor(self.process)?.total())
    }

    /// Resident memory, MiB.
    pub(super) fn memory(&self) -> Result<f64> {
        Ok(process::resident(self.process)? as f64 / (1_u64 << 20) as f64)
    }

    /// Workers that the scheduler knows of.
    pub(super) async fn workers(&self) -> Result<u64> {
        let at = self
            .sessions
            .strip_prefix("ws://")
            .and_then(|at| at.split('/').next())
            .ok_or_eyre("no address")?;
        let (_, text) = Connection::open(at.parse()?).await?.get("/metrics").await?;
        let text = String::from_utf8(text.to_vec())?;
        let mut lines = text.lines();
        let count = lines.find_map(|line| line.strip_prefix("canut_pool_workers "));
        Ok(count.ok_or_eyre("no count of workers")?.parse()?)
    }
}
