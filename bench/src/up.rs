//! `canut up`, as a process of its own.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use alloy::{primitives::Address, signers::local::PrivateKeySigner};
use canut_client::{Account as User, Client, Network, Params, Wanted};
use canut_protocol::{Tag, Trust};
use eyre::{OptionExt, Result, WrapErr};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    time::timeout,
};

use crate::http::Connection;

/// An app that does nothing, in WebAssembly text.
const EMPTY: &str = include_str!("empty.wat");
/// Longest time to start.
const START: Duration = Duration::from_secs(60);

/// A running market; it ends with this value.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) network: Network,
    pub(crate) key: PrivateKeySigner,
    pub(crate) workerpool: Address,
    child: Child,
    home: TempDir,
}

#[derive(Deserialize)]
struct Ready {
    rpc: String,
    chain_id: u64,
    hub: Address,
    market: String,
    store: String,
    pool: String,
    workerpool: Address,
    accounts: Vec<Account>,
}

#[derive(Deserialize)]
struct Account {
    private_key: String,
}

/// So many runs of an app, at whatever price, by any pool.
pub(crate) fn wanted(app: Address, category: u64, trust: u64, tasks: u64) -> Wanted {
    Wanted {
        app,
        dataset: None,
        workerpool: None,
        category: Some(category),
        trust: Trust::new(trust),
        tag: Tag::NONE,
        tasks,
        max_price: None,
        open: false,
        params: Params::default(),
    }
}

impl Market {
    /// A new one.
    pub(crate) async fn start(binary: Option<&Path>, workers: u16) -> Result<Self> {
        Self::start_in(TempDir::new()?, binary, workers).await
    }

    /// Kills it, and starts it again where it was.
    pub(crate) async fn restart(mut self, binary: Option<&Path>, workers: u16) -> Result<Self> {
        self.child.kill().await?;
        Self::start_in(self.home, binary, workers).await
    }

    async fn start_in(home: TempDir, binary: Option<&Path>, workers: u16) -> Result<Self> {
        let binary = match binary {
            Some(binary) => binary.to_owned(),
            None => beside()?,
        };
        let mut command = Command::new(&binary);
        command
            .args(["up", "--json", "--workers", &workers.to_string()])
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
                pool: Some(ready.pool),
                ..Network::default()
            },
            workerpool: ready.workerpool,
            child,
            home,
        })
    }

    /// Its first user, and an app of that user that does nothing; the app's file lies in `desk` meanwhile.
    pub(crate) async fn with_empty_app(&self, desk: &Path) -> Result<(User, Address)> {
        let client = Client::connect(&self.network).await?;
        let user = client.with_key(self.key.clone()).await?;
        let wasm = desk.join("empty.wasm");
        std::fs::write(&wasm, wat::parse_str(EMPTY)?)?;
        let app = user.deploy_app("empty", &wasm).await?;
        if let Some(block) = app.block {
            client.market_reached(block).await?;
        }
        Ok((user, app.address))
    }

    /// What the pool counts, in the text format of Prometheus.
    pub(crate) async fn metrics(&self) -> Result<String> {
        let url = self.network.pool.as_deref().unwrap_or_default();
        let address = url.trim_start_matches("http://").parse()?;
        let (_, text) = Connection::open(address).await?.get("/metrics").await?;
        Ok(String::from_utf8(text.to_vec())?)
    }

    /// The process, while it runs.
    pub(crate) fn process(&self) -> Option<u32> {
        self.child.id()
    }
}

/// The command that was built with this program.
fn beside() -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    Ok(own.with_file_name("canut"))
}
