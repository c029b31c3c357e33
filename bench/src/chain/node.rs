//! The nodes measured: separate processes on 127.0.0.1, ended with the measure.

use super::http::Connection;
use crate::process;
use eyre::{Result, WrapErr, bail, eyre};
use serde_json::json;
use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

const START: Duration = Duration::from_secs(30);
const LISTENING: &str = "JSON-RPC listening on http://";

/// A running node.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) address: SocketAddr,
    child: Child,
    dir: Option<TempDir>,
}

impl Node {
    /// `canut node` on a fresh directory: every block is durable before it is acknowledged.
    pub(super) async fn ours(binary: &Path) -> Result<Self> {
        let dir = TempDir::new()?;
        let mut command = command(binary);
        command
            .args(["node", "--dev", "--http", "127.0.0.1:0", "--dir"])
            .arg(dir.path())
            .stdout(Stdio::piped());
        let mut child = spawn(command, binary)?;
        let stdout = child
            .stdout
            .take()
            .ok_or_else(|| eyre!("no output to read"))?;
        let address = tokio::time::timeout(START, async {
            let mut lines = BufReader::new(stdout).lines();
            while let Some(line) = lines.next_line().await? {
                if let Some(address) = line.strip_prefix(LISTENING) {
                    // Whatever is printed later must not block the node.
                    tokio::spawn(
                        async move { while matches!(lines.next_line().await, Ok(Some(_))) {} },
                    );
                    return Ok(address.trim().trim_end_matches('/').parse()?);
                }
            }
            bail!("{} ended before it listened", binary.display())
        });
        let address = address
            .await
            .wrap_err("the node did not listen in time")??;
        Ok(Self {
            address,
            child,
            dir: Some(dir),
        })
    }

    /// Anvil as it mines by default, quiet, so that printing does not slow it.
    pub(super) async fn anvil(binary: &Path) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = command(binary);
        command.args([
            "--quiet",
            "--gas-limit",
            "60000000",
            "--port",
            &port.to_string(),
        ]);
        let child = spawn(command, binary)?;
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let deadline = Instant::now() + START;
        loop {
            if let Ok(mut connection) = Connection::open(address).await {
                connection.call::<String>("eth_chainId", json!([])).await?;
                return Ok(Self {
                    address,
                    child,
                    dir: None,
                });
            }
            if Instant::now() > deadline {
                bail!("anvil did not listen in time");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Resident memory, bytes.
    pub(super) fn resident(&self) -> Result<u64> {
        process::resident(self.pid()?)
    }

    /// What the node keeps on disk, bytes; `None` for one that keeps nothing.
    pub(super) fn disk(&self) -> Result<Option<u64>> {
        self.dir.as_ref().map(|dir| size(dir.path())).transpose()
    }

    /// Its process.
    pub(super) fn pid(&self) -> Result<u32> {
        self.child.id().ok_or_else(|| eyre!("the node has ended"))
    }

    /// Ends the node at once and waits for its end: the folder of its chain, if it keeps one.
    pub(super) async fn kill(mut self) -> Result<Option<TempDir>> {
        self.child.kill().await?;
        Ok(self.dir)
    }
}

fn command(binary: &Path) -> Command {
    let mut command = Command::new(binary);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    command
}

fn spawn(mut command: Command, binary: &Path) -> Result<Child> {
    command.spawn().wrap_err_with(|| {
        format!(
            "{} does not start: build or install it, or name another path",
            binary.display()
        )
    })
}

/// The bytes that a directory's files take on disk.
fn size(dir: &Path) -> Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut total = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        total += if metadata.is_dir() {
            size(&entry.path())?
        } else {
            metadata.blocks() * 512
        };
    }
    Ok(total)
}
