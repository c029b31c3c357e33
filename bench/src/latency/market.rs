//! `canut up`, as a process of its own.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use alloy::signers::local::PrivateKeySigner;
use canut_client::Network;
use eyre::{OptionExt, Result, WrapErr};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

/// Longest time to start.
const START: Duration = Duration::from_secs(60);

/// A running market with three workers; it ends with this value.
#[derive(Debug)]
pub(super) struct Market {
    pub(super) network: Network,
    pub(super) key: PrivateKeySigner,
    _child: Child,
    _home: TempDir,
}

#[derive(Deserialize)]
struct Ready {
    rpc: String,
    chain_id: u64,
    hub: alloy::primitives::Address,
    market: String,
    store: String,
    accounts: Vec<Account>,
}

#[derive(Deserialize)]
struct Account {
    private_key: String,
}

impl Market {
    pub(super) async fn start(binary: Option<&Path>) -> Result<Self> {
        let binary = match binary {
            Some(binary) => binary.to_owned(),
            None => beside()?,
        };
        let home = TempDir::new()?;
        let mut command = Command::new(&binary);
        command
            .args(["up", "--json", "--workers", "3"])
            .env("CANUT_HOME", home.path());
        command.arg("--dir").arg(home.path().join("market"));
        for service in ["--rpc", "--market", "--store", "--vault", "--pool"] {
            command.args([service, "127.0.0.1:0"]);
        }
        let mut child = command
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .wrap_err_with(|| {
                format!(
                    "{}: build it with the same profile, or give --canut",
                    binary.display()
                )
            })?;
        let stdout = child.stdout.take().ok_or_eyre("no output to read")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = timeout(START, lines.next_line())
            .await
            .wrap_err("canut up did not start in time")??;
        let ready: Ready =
            serde_json::from_str(&line.ok_or_eyre("canut up ended before it was ready")?)?;
        let user = ready.accounts.get(1).ok_or_eyre("no account")?;
        Ok(Self {
            key: user.private_key.parse()?,
            network: Network {
                rpc: ready.rpc.replacen("http", "ws", 1),
                hub: ready.hub,
                chain_id: Some(ready.chain_id),
                market: Some(ready.market),
                store: Some(ready.store),
                ..Network::default()
            },
            _child: child,
            _home: home,
        })
    }
}

/// The command that was built with this program.
fn beside() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.with_file_name("canut"))
}
