//! An `anvil` of its own for each test.

use std::{path::PathBuf, process::Stdio};

use alloy::{
    primitives::{Address, U256},
    providers::{DynProvider, Provider},
    signers::local::PrivateKeySigner,
};
use canut_hub::{Sender, SenderConfig, connect};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

pub(crate) struct Node {
    _process: Child,
    pub(crate) url: String,
    pub(crate) provider: DynProvider,
}

/// `CANUT_ANVIL`, or the one that `npm ci` puts in `tests/`.
fn anvil() -> PathBuf {
    std::env::var_os("CANUT_ANVIL").map_or_else(
        || {
            let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/node_modules");
            PathBuf::from(root).join("@foundry-rs/anvil-linux-amd64/bin/anvil")
        },
        PathBuf::from,
    )
}

impl Node {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        let path = anvil();
        let mut process = Command::new(&path)
            .args(["--host", "127.0.0.1", "--port", "0"])
            .args(arguments)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|e| {
                panic!(
                    "{}: {e}; run `npm ci` in tests/, or set CANUT_ANVIL",
                    path.display()
                )
            });
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let address = loop {
            let line = lines.next_line().await.unwrap().expect("anvil ended early");
            if let Some(address) = line.strip_prefix("Listening on ") {
                break address.to_owned();
            }
        };
        // Its log must be read, or it would wait for a reader.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let url = format!("http://{address}");
        let provider = connect(&url).await.unwrap();
        Self {
            _process: process,
            url,
            provider,
        }
    }

    pub(crate) async fn rpc(&self, method: &'static str, params: Value) -> Value {
        self.provider
            .raw_request(method.into(), params)
            .await
            .unwrap()
    }

    /// Seconds pass, and a block is made.
    pub(crate) async fn pass(&self, seconds: u64) {
        self.rpc("evm_increaseTime", json!([seconds])).await;
        self.mine(1).await;
    }

    pub(crate) async fn mine(&self, blocks: u64) {
        self.rpc("anvil_mine", json!([blocks])).await;
    }

    pub(crate) async fn fund(&self, account: Address) {
        let amount = U256::from(1_000_000) * U256::from(10).pow(U256::from(18));
        self.rpc("anvil_setBalance", json!([account, amount])).await;
    }

    /// A sender with ether, polling fast.
    pub(crate) async fn sender(&self, seed: u8) -> Sender {
        self.sender_through(&self.url, seed, config()).await
    }

    pub(crate) async fn sender_through(&self, url: &str, seed: u8, config: SenderConfig) -> Sender {
        let signer = key(seed);
        self.fund(signer.address()).await;
        Sender::new(connect(url).await.unwrap(), signer, config)
            .await
            .unwrap()
    }
}

pub(crate) fn config() -> SenderConfig {
    SenderConfig {
        poll: std::time::Duration::from_millis(20),
        ..SenderConfig::default()
    }
}

pub(crate) fn key(seed: u8) -> PrivateKeySigner {
    PrivateKeySigner::from_slice(&[seed; 32]).unwrap()
}
