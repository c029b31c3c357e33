//! A market over a real hub, on an `anvil` of its own.

use std::{path::PathBuf, process::Stdio, sync::Arc, time::Duration};

use alloy::{
    eips::BlockNumberOrTag,
    providers::{DynProvider, Provider},
    signers::local::PrivateKeySigner,
};
use alloy_primitives::{Address, B256, Bytes, U256};
use canut_hub::{
    App, Caller, Hub, Plan, Sender, SenderConfig, connect, deploy, events::FollowConfig,
};
use canut_market::{
    Config,
    chain::{BlockRef, HubChain},
};
use canut_protocol::{AppOrder, Domain, Nrlc, Order, order::Operation};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

use crate::{
    database::{Database, sqlite},
    world::*,
};

/// Blocks and looks often: tests wait for nothing else.
pub(crate) const POLL: Duration = Duration::from_millis(20);

pub(crate) struct Node {
    _process: Child,
    pub(crate) url: String,
    provider: DynProvider,
}

/// `CANUT_ANVIL`, or the one that `npm ci` puts in `tests/`.
fn anvil() -> PathBuf {
    let installed = || {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/node_modules");
        PathBuf::from(root).join("@foundry-rs/anvil-linux-amd64/bin/anvil")
    };
    std::env::var_os("CANUT_ANVIL").map_or_else(installed, PathBuf::from)
}

impl Node {
    async fn start() -> Self {
        let path = anvil();
        let mut process = Command::new(&path)
            .args(["--host", "127.0.0.1", "--port", "0"])
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "{}: {error}; run `npm ci` in tests/, or set CANUT_ANVIL",
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

    /// A key with ether.
    pub(crate) async fn sender(&self, seed: u8) -> Sender {
        let signer = PrivateKeySigner::from_slice(&[seed; 32]).unwrap();
        let amount = U256::from(1_000) * U256::from(10).pow(U256::from(18));
        self.rpc("anvil_setBalance", json!([signer.address(), amount]))
            .await;
        let config = SenderConfig {
            poll: POLL,
            ..SenderConfig::default()
        };
        Sender::new(connect(&self.url).await.unwrap(), signer, config)
            .await
            .unwrap()
    }

    pub(crate) async fn head(&self) -> BlockRef {
        let block = self
            .provider
            .get_block_by_number(BlockNumberOrTag::Latest)
            .await
            .unwrap()
            .unwrap();
        BlockRef {
            number: block.header.number,
            hash: block.header.hash,
        }
    }
}

/// A hub with an app and a pool, and a market over it.
pub(crate) struct Real {
    pub(crate) node: Node,
    pub(crate) hub: Hub,
    owner: Caller,
    pub(crate) app: Address,
    pub(crate) pool: Address,
    world: World,
    _database: Database,
}

impl Real {
    pub(crate) async fn open() -> Self {
        let node = Node::start().await;
        let sender = node.sender(100).await;
        let plan = Plan::new(sender.address());
        let deployment = deploy(node.provider.clone(), &sender, &plan).await.unwrap();
        let hub = Hub::new(node.provider.clone(), deployment);
        let owner = Caller::new(hub.clone(), sender);
        let app = App {
            name: "loom".into(),
            kind: "WASM".into(),
            ..App::default()
        };
        let app = owner
            .create_app(developer().address, &app)
            .await
            .unwrap()
            .value;
        let pool = owner
            .create_workerpool(operator().address, "the pool")
            .await
            .unwrap()
            .value;
        let follow = FollowConfig {
            poll: POLL,
            ..FollowConfig::default()
        };
        let chain = HubChain::new(hub.clone(), 0, follow);
        let database = sqlite();
        let config = Config::new(hub.domain(), &database.url);
        let world = World::serving(Arc::new(chain), config).await;
        Self {
            node,
            hub,
            owner,
            app,
            pool,
            world,
            _database: database,
        }
    }

    pub(crate) fn domain(&self) -> Domain {
        self.hub.domain()
    }

    pub(crate) fn signed<O: Order>(&self, wallet: &Wallet, order: O) -> O {
        let digest = order.hash(&self.domain()).0;
        order.signed(wallet.sign(digest))
    }

    /// A key with ether, and with stake.
    pub(crate) async fn party(&self, seed: u8) -> Caller {
        let party = Caller::new(self.hub.clone(), self.node.sender(seed).await);
        self.owner
            .transfer_token(party.address(), Nrlc::rlc(10))
            .await
            .unwrap();
        party.deposit(Nrlc::rlc(10)).await.unwrap();
        party
    }

    async fn settle(&self) {
        self.world.server.reached(self.node.head().await).await;
    }

    async fn publish(&self, path: &str, wallet: &Wallet, order: &impl serde::Serialize) -> String {
        let (status, body) = self.world.publish(path, wallet, &json!(order)).await;
        assert!(status.is_success(), "{body}");
        body["published"]["orderHash"].as_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn the_book_follows_a_real_hub_through_deals_cancellations_and_forks() {
    let real = Real::open().await;
    let (asker, seller) = (real.party(4).await, real.party(3).await);
    let dev = Caller::new(real.hub.clone(), real.node.sender(1).await);
    real.settle().await;
    assert_eq!(real.world.ok("/categories").await["count"], 5);

    let app = real.signed(
        &developer(),
        AppOrder {
            app: real.app,
            ..app_order(1, 10)
        },
    );
    let mut pool = pool_order(5, 4);
    pool.workerpool = real.pool;
    let pool = real.signed(&operator(), pool);
    let mut request = request_order(3);
    request.app = real.app;
    let request = real.signed(&requester(), request);
    let app_hash = real.publish("/apporders", &developer(), &app).await;
    let pool_hash = real.publish("/workerpoolorders", &operator(), &pool).await;
    let request_hash = real.publish("/requestorders", &requester(), &request).await;

    let snapshot = real.node.head().await;
    let orders = canut_protocol::matching::Orders {
        app: app.clone(),
        workerpool: pool.clone(),
        request,
        ..Default::default()
    };
    let deal = asker.match_orders(&orders).await.unwrap().value;
    real.settle().await;
    assert_eq!(
        real.world.standing("/requestorders", &request_hash).await,
        ("filled".to_owned(), 0)
    );
    assert_eq!(
        real.world.standing("/workerpoolorders", &pool_hash).await,
        ("open".to_owned(), 1)
    );
    let shown = real.world.ok(&format!("/deals/{deal}")).await;
    assert_eq!(
        (&shown["volume"], &shown["blockNumber"]),
        (&json!(3), &json!(snapshot.number + 1))
    );
    assert_eq!(
        shown["workerpool"]["owner"],
        json!(operator().address.to_checksum(None))
    );

    dev.manage_app_order(&app, Operation::Close, Bytes::new())
        .await
        .unwrap();
    seller
        .withdraw(Nrlc::rlc(10).minus(Nrlc::new(3)).unwrap())
        .await
        .unwrap();
    real.settle().await;
    assert_eq!(
        real.world.standing("/apporders", &app_hash).await,
        ("canceled".to_owned(), 0)
    );

    let made = real.node.head().await.number - snapshot.number;
    real.node.rpc("anvil_reorg", json!([made, []])).await;
    real.node.rpc("anvil_mine", json!([1])).await;
    real.settle().await;
    assert_eq!(
        real.world.standing("/apporders", &app_hash).await,
        ("open".to_owned(), 10)
    );
    assert_eq!(
        real.world.standing("/workerpoolorders", &pool_hash).await,
        ("open".to_owned(), 4)
    );
    assert_eq!(
        real.world.standing("/requestorders", &request_hash).await,
        ("open".to_owned(), 3)
    );
    assert_eq!(real.world.ok("/deals").await["count"], 0);
}

#[tokio::test]
async fn a_node_that_forgot_everything_is_noticed() {
    let real = Real::open().await;
    real.settle().await;
    let order = real.signed(
        &developer(),
        AppOrder {
            app: real.app,
            ..app_order(1, 10)
        },
    );
    let hash = real.publish("/apporders", &developer(), &order).await;
    // Its height falls far below what was told, and stays there.
    real.node.rpc("anvil_reset", json!([])).await;
    real.node.rpc("anvil_mine", json!([1])).await;
    real.settle().await;
    assert_eq!(real.world.ok("/categories").await["count"], 0);
    assert_eq!(
        real.world.standing("/apporders", &hash).await,
        ("dead".to_owned(), 10)
    );
}

#[tokio::test]
async fn over_websocket_nobody_waits_for_the_next_look() {
    let real = Real::open().await;
    // It would look once in an hour.
    let follow = FollowConfig {
        poll: Duration::from_secs(3_600),
        ..FollowConfig::default()
    };
    let provider = connect(&real.node.url.replace("http", "ws")).await.unwrap();
    let hub = Hub::new(provider, *real.hub.deployment());
    let database = sqlite();
    let config = Config::new(real.domain(), &database.url);
    let world = World::serving(Arc::new(HubChain::new(hub, 0, follow)), config).await;
    world.server.reached(real.node.head().await).await;
    for _ in 0..3 {
        real.party(3).await;
        world.server.reached(real.node.head().await).await;
    }
    let order = real.signed(
        &developer(),
        AppOrder {
            app: real.app,
            ..app_order(1, 10)
        },
    );
    let (status, body) = world
        .publish("/apporders", &developer(), &json!(order))
        .await;
    assert!(status.is_success(), "{body}");
}

#[tokio::test]
async fn a_presigned_order_is_taken_and_one_of_nobody_is_not() {
    let real = Real::open().await;
    let dev = Caller::new(real.hub.clone(), real.node.sender(1).await);
    real.settle().await;
    let order = AppOrder {
        app: real.app,
        salt: B256::random(),
        ..app_order(1, 1)
    };
    let (status, body) = real
        .world
        .publish("/apporders", &developer(), &json!(order))
        .await;
    assert_eq!(status, 403, "{body}");
    dev.manage_app_order(&order, Operation::Sign, Bytes::new())
        .await
        .unwrap();
    real.publish("/apporders", &developer(), &order).await;
}
