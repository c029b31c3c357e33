//! A chain with a hub, a market and a store over it, and people with money.

use std::{path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use alloy::{providers::Provider, signers::local::PrivateKeySigner};
use alloy_primitives::{Address, U256};
use canut_client::{Account, Client, Network, salt};
use canut_hub::{Caller, Hub, Plan, Sender, SenderConfig, connect, deploy, events::FollowConfig};
use canut_market::{Config, Server, chain::HubChain};
use canut_protocol::{Nrlc, Trust, WorkerpoolOrder};
use canut_store::Store;
use serde_json::json;
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpListener,
    process::{Child, Command},
};

const POLL: Duration = Duration::from_millis(15);

/// Everything a client talks to. It ends with the test.
pub(crate) struct World {
    _anvil: Child,
    _market: Server,
    pub(crate) store: Store,
    pub(crate) network: Network,
    pub(crate) folder: TempDir,
    owner: Caller,
}

/// `CANUT_ANVIL`, or the one that `tests/setup` installs.
fn anvil() -> PathBuf {
    let installed = || {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/node_modules");
        PathBuf::from(root).join("@foundry-rs/anvil-linux-amd64/bin/anvil")
    };
    std::env::var_os("CANUT_ANVIL").map_or_else(installed, PathBuf::from)
}

async fn chain() -> (Child, String) {
    let path = anvil();
    let mut process = Command::new(&path)
        .args(["--host", "127.0.0.1", "--port", "0"])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "{}: {error}; run tests/setup, or set CANUT_ANVIL",
                path.display()
            )
        });
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let address = loop {
        let line = lines.next_line().await.unwrap().unwrap();
        if let Some(address) = line.strip_prefix("Listening on ") {
            break address.to_owned();
        }
    };
    // Its log must be read, or it would wait for a reader.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (process, format!("http://{address}"))
}

impl World {
    pub(crate) async fn open() -> Self {
        let (anvil, rpc) = chain().await;
        let provider = connect(&rpc).await.unwrap();
        let config = SenderConfig {
            poll: POLL,
            ..SenderConfig::default()
        };
        let key = PrivateKeySigner::random();
        let rich = json!([key.address(), U256::from(10).pow(U256::from(24))]);
        provider
            .raw_request::<_, ()>("anvil_setBalance".into(), rich)
            .await
            .unwrap();
        let sender = Sender::new(provider.clone(), key, config).await.unwrap();
        let deployment = deploy(provider.clone(), &sender, &Plan::new(sender.address()))
            .await
            .unwrap();
        let hub = Hub::new(provider, deployment);

        let folder = tempfile::tempdir().unwrap();
        let follow = FollowConfig {
            poll: POLL,
            ..FollowConfig::default()
        };
        let database = format!("sqlite:{}", folder.path().join("market.db").display());
        let seen = Arc::new(HubChain::new(hub.clone(), 0, follow));
        let market = Server::start(Config::new(hub.domain(), database), seen)
            .await
            .unwrap();

        let store = Store::open("memory:").await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let gateway = format!("http://{}", listener.local_addr().unwrap());
        let served = canut_store::serve(
            listener,
            store.clone(),
            canut_store::Config::default(),
            std::future::pending(),
        );
        tokio::spawn(served);

        let network = Network {
            rpc,
            hub: deployment.hub,
            chain_id: Some(deployment.chain_id),
            market: Some(format!("http://{}", market.address())),
            store: Some(gateway),
            ..Network::default()
        };
        let owner = Caller::new(hub, sender);
        Self {
            _anvil: anvil,
            _market: market,
            store,
            network,
            folder,
            owner,
        }
    }

    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.network).await.unwrap()
    }

    /// A person with ether and that much RLC outside the hub.
    pub(crate) async fn person(&self, rlc: u64) -> Account {
        let account = self
            .client()
            .await
            .with_key(PrivateKeySigner::random())
            .await
            .unwrap();
        let ether = json!([account.address(), U256::from(10).pow(U256::from(20))]);
        self.rpc("anvil_setBalance", ether).await;
        if rlc > 0 {
            self.owner
                .transfer_token(account.address(), Nrlc::rlc(rlc))
                .await
                .unwrap();
        }
        account
    }

    pub(crate) async fn rpc(&self, method: &'static str, params: serde_json::Value) {
        let provider = self.owner.hub().provider();
        let _: serde_json::Value = provider.raw_request(method.into(), params).await.unwrap();
    }

    /// Waits until the market knows what the chain does.
    pub(crate) async fn market_follows(&self) {
        let head = self
            .owner
            .hub()
            .provider()
            .get_block_number()
            .await
            .unwrap();
        self.client().await.market_reached(head).await.unwrap();
    }

    /// A file with that content.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// An app of that account. Nobody runs it here: its bytes only have to look like one.
    pub(crate) async fn app(&self, owner: &Account) -> Address {
        let wasm = self.file("app.wasm", b"\0asm\x01\0\0\0");
        let app = owner.deploy_app("app", &wasm).await.unwrap().address;
        self.market_follows().await;
        app
    }
}

/// An order of a pool for tasks of the shortest category.
pub(crate) fn looms(workerpool: Address, rlc: u64, volume: u64, trust: u64) -> WorkerpoolOrder {
    WorkerpoolOrder {
        workerpool,
        workerpoolprice: Nrlc::rlc(rlc),
        volume: U256::from(volume),
        trust: Trust::new(trust),
        salt: salt(),
        ..WorkerpoolOrder::default()
    }
}
