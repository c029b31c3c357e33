//! A market with everyone in it.

use std::{collections::BTreeSet, net::SocketAddr, num::NonZeroUsize, sync::Arc, time::Duration};

use alloy::{
    primitives::{Address, B256, Bytes, U256},
    signers::SignerSync,
};
use canut_hub::{App, Caller, Hub, Plan, deploy, events::FollowConfig};
use canut_pool::{Config as PoolConfig, Handle as Pool, Way, schedule::Settings};
use canut_protocol::{
    AppOrder, DatasetOrder, Deal, DealId, Nrlc, Order, RequestOrder, Trust, WorkerpoolOrder,
    location::Location,
    matching::Orders,
    signature,
    task::{ContributionStatus, Status, Task},
};
use canut_store::{AddOptions, Remote, Store};
use canut_worker::{Config as WorkerConfig, Handle as Worker, Place};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::{net::TcpListener, time::interval};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    loom::Loom,
    node::{Node, config as sending, key},
};

/// Reference time of the shortest category, in seconds.
pub const TIME_REF: u64 = 300;
pub const OWNER: u8 = 1;
pub const REQUESTER: u8 = 2;
pub const APP_OWNER: u8 = 3;
pub const SCHEDULER: u8 = 5;
/// Seed of the first worker.
pub const WORKER: u8 = 10;
/// What everyone has on the hub at first.
pub const DEPOSIT: u64 = 100;
/// What every worker puts into the pool in the certificate way.
pub const BOND: u64 = 60;

pub struct Market {
    pub node: Node,
    pub owner: Caller,
    pub store: Remote,
    pub folder: TempDir,
    /// How the pool serves deals.
    pub way: Way,
    store_url: String,
    app: Address,
    workerpool: Address,
    _store: AbortOnDropHandle<()>,
}

pub fn follow() -> FollowConfig {
    FollowConfig {
        poll: Duration::from_millis(20),
        ..FollowConfig::default()
    }
}

impl Market {
    /// A chain, a hub, a store, an app and a workerpool that serves deals the open way.
    pub async fn open() -> Self {
        Self::open_for(Way::Open).await
    }

    /// The same, for a pool that serves them this way.
    pub async fn open_for(way: Way) -> Self {
        let node = Node::start(&[]).await;
        let sender = node.sender(OWNER).await;
        let plan = Plan::new(sender.address());
        let deployment = deploy(node.provider.clone(), &sender, &plan).await.unwrap();
        let owner = Caller::new(Hub::new(node.provider.clone(), deployment), sender);
        let folder = tempfile::tempdir().unwrap();

        let blobs = Store::open(&folder.path().join("store").display().to_string())
            .await
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let store_url = format!("http://{}", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            let config = canut_store::Config::default();
            canut_store::serve(listener, blobs, config, std::future::pending())
                .await
                .unwrap();
        });
        let store = Remote::new(&store_url).unwrap();

        let code = "loom";
        let cid = store
            .add_bytes(code, AddOptions::default())
            .await
            .unwrap()
            .cid;
        let app = App {
            name: "loom".into(),
            kind: "WASM".into(),
            multiaddr: Location::Ipfs(cid.to_string()).to_multiaddr().into(),
            checksum: B256::new(Sha256::digest(code).into()),
            mrenclave: Bytes::new(),
        };
        let app = owner
            .create_app(key(APP_OWNER).address(), &app)
            .await
            .unwrap()
            .value;
        let scheduler = key(SCHEDULER).address();
        let workerpool = owner
            .create_workerpool(scheduler, "the pool")
            .await
            .unwrap()
            .value;
        let market = Self {
            node,
            owner,
            store,
            folder,
            way,
            store_url,
            app,
            workerpool,
            _store: AbortOnDropHandle::new(serving),
        };
        market.endow(REQUESTER).await;
        market.endow(SCHEDULER).await;
        market
    }

    /// Sells another app from now on: that in the file at `path`.
    pub async fn sell(&mut self, kind: &str, path: &std::path::Path) {
        let added = self.store.add_path(path, AddOptions::default()).await;
        let bytes = std::fs::read(path).unwrap();
        let location = Location::Ipfs(added.unwrap().to_string());
        let checksum = B256::new(Sha256::digest(bytes).into());
        self.sell_at(kind, &location, checksum).await;
    }

    /// Sells another app from now on: what is there.
    pub async fn sell_at(&mut self, kind: &str, location: &Location, checksum: B256) {
        let app = App {
            name: "another".into(),
            kind: kind.into(),
            multiaddr: location.to_multiaddr().into(),
            checksum,
            mrenclave: Bytes::new(),
        };
        let owner = key(APP_OWNER).address();
        self.app = self.owner.create_app(owner, &app).await.unwrap().value;
    }

    pub fn hub(&self) -> &Hub {
        self.owner.hub()
    }

    /// Gives ether, and RLC on the hub.
    pub async fn endow(&self, seed: u8) {
        let party = Caller::new(self.hub().clone(), self.node.sender(seed).await);
        let amount = Nrlc::rlc(DEPOSIT);
        self.owner
            .transfer_token(party.address(), amount)
            .await
            .unwrap();
        party.deposit(amount).await.unwrap();
    }

    pub fn settings() -> Settings {
        Settings {
            slow_after: 60,
            retry: 1,
            grace: 3,
            ..Settings::default()
        }
    }

    pub async fn pool(&self, settings: Settings) -> Pool {
        canut_pool::start(self.pool_config(settings)).await.unwrap()
    }

    /// The pool again, at the address of the one that was killed.
    pub async fn pool_at(&self, listen: SocketAddr) -> Pool {
        loop {
            let mut config = self.pool_config(Self::settings());
            config.listen = listen;
            match canut_pool::start(config).await {
                Ok(pool) => return pool,
                // The dead one has not let go of its port yet.
                Err(canut_pool::StartError::System { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("{error}"),
            }
        }
    }

    pub fn pool_config(&self, settings: Settings) -> PoolConfig {
        let folder = self.folder.path().join("pool");
        let mut config = PoolConfig::new(
            &self.node.url,
            self.hub().address(),
            self.workerpool,
            key(SCHEDULER),
            &self.store_url,
            folder,
        );
        config.settings = settings;
        config.way = self.way;
        config.ranges.grace = 3;
        config.ranges.retry = 1;
        config.ranges.commit_patience = 2;
        config.ranges.open_patience = 2;
        config.stride = 8;
        config.follow = follow();
        config.sender = sending();
        config
    }

    pub const fn workerpool(&self) -> Address {
        self.workerpool
    }

    pub fn worker_config(&self, pool: &str, seed: u8) -> WorkerConfig {
        let place = Place {
            pool: pool.to_owned(),
            rpc: self.node.url.clone(),
            hub: self.hub().address(),
            workerpool: self.workerpool,
            store: self.store_url.clone(),
        };
        let folder = self.folder.path().join(format!("worker-{seed}"));
        let mut config = WorkerConfig::new(place, key(seed), folder, Arc::new(Loom));
        config.slots = NonZeroUsize::MIN;
        config.bond = match self.way {
            Way::Certificate => Some(Nrlc::rlc(BOND)),
            Way::Open => Some(Nrlc::ZERO),
        };
        config.follow = follow();
        config.sender = sending();
        config
    }

    pub async fn worker(&self, pool: &str, seed: u8) -> Worker {
        canut_worker::start(self.worker_config(pool, seed))
            .await
            .unwrap()
    }

    /// A deal of `volume` tasks at `trust`.
    pub async fn deal(&self, volume: u64, trust: u64, params: &str) -> (DealId, Deal) {
        let request = RequestOrder {
            params: params.to_owned(),
            ..RequestOrder::default()
        };
        self.deal_for(volume, trust, request).await
    }

    /// The same for a request, of which params, callback, and a salt that is not zero count.
    pub async fn deal_for(&self, volume: u64, trust: u64, request: RequestOrder) -> (DealId, Deal) {
        let (volume, category, trust) = (U256::from(volume), U256::ZERO, Trust::new(trust));
        // Deals of other sizes, or of another salt, are of other orders.
        let salt = if request.salt.is_zero() {
            B256::from(volume)
        } else {
            request.salt
        };
        let (app, price) = (self.app, Nrlc::new(1_000_003));
        let appprice = Nrlc::new(77);
        let orders = Orders {
            app: self.sign(
                AppOrder {
                    app,
                    appprice,
                    volume,
                    salt,
                    ..Default::default()
                },
                APP_OWNER,
            ),
            dataset: DatasetOrder::default(),
            workerpool: self.sign(
                WorkerpoolOrder {
                    workerpool: self.workerpool,
                    workerpoolprice: price,
                    volume,
                    category,
                    trust,
                    salt,
                    ..Default::default()
                },
                SCHEDULER,
            ),
            request: self.sign(
                RequestOrder {
                    app,
                    appmaxprice: appprice,
                    workerpoolmaxprice: price,
                    requester: key(REQUESTER).address(),
                    volume,
                    category,
                    trust,
                    salt,
                    ..request
                },
                REQUESTER,
            ),
        };
        let id = self.requester_matches(&orders).await;
        let deal = self.hub().deal(id).await.unwrap().unwrap();
        (id, deal)
    }

    async fn requester_matches(&self, orders: &Orders) -> DealId {
        // Anyone may match; the requester pays.
        self.owner.match_orders(orders).await.unwrap().value
    }

    fn sign<O: Order>(&self, order: O, seed: u8) -> O {
        let hash = order.hash(&self.hub().domain());
        let signature = key(seed).sign_hash_sync(&hash.0).unwrap();
        order.signed(signature::to_bytes(&signature))
    }

    pub async fn tasks(&self, id: DealId, deal: &Deal) -> Vec<Task> {
        let mut tasks = Vec::new();
        for (_, task) in deal.tasks(id) {
            tasks.push(self.hub().task(task).await.unwrap());
        }
        tasks
    }

    /// Waits until every task of the deal is over. When only those of `cheats` keep one from it, time is set forward.
    pub async fn settle(
        &self,
        id: DealId,
        deal: &Deal,
        pool: impl Fn() -> String,
        cheats: &BTreeSet<Address>,
    ) {
        let mut look = interval(Duration::from_millis(100));
        loop {
            look.tick().await;
            let tasks = self.tasks(id, deal).await;
            let open: Vec<_> = tasks
                .iter()
                .filter(|task| task.status < Status::Completed)
                .collect();
            if open.is_empty() {
                return;
            }
            let mut wait = 0;
            let mut stuck = true;
            for task in &open {
                match self.blocked(&pool(), task, cheats).await {
                    Some(seconds) => wait = wait.max(seconds),
                    None => stuck = false,
                }
            }
            if stuck {
                self.node.pass(wait).await;
            }
        }
    }

    /// Whether only cheats keep the task from going on, and for how many seconds they can.
    async fn blocked(&self, pool: &str, task: &Task, cheats: &BTreeSet<Address>) -> Option<u64> {
        let now = self.hub().now().await.unwrap();
        match task.status {
            Status::Revealing => {
                let mut silent = task.contributions.iter().filter(|(_, vote)| {
                    vote.status == ContributionStatus::Contributed
                        && vote.result_hash == task.consensus
                });
                let only_cheats = silent.by_ref().all(|(worker, _)| cheats.contains(worker));
                let waiting = task.reveal_counter < task.winner_counter;
                let left = task.reveal_deadline.saturating_sub(now);
                (only_cheats && waiting && left > 0).then_some(left + 1)
            }
            Status::Active => {
                let view = get(pool, &format!("/tasks/{}", task.id())).await?;
                let pending: Vec<Address> = view["replicates"]
                    .as_array()?
                    .iter()
                    .filter(|part| {
                        matches!(
                            part["currentStatus"].as_str(),
                            Some("STARTED" | "COMPUTED" | "RECOVERING")
                        )
                    })
                    .map(|part| part["walletAddress"].as_str().unwrap().parse().unwrap())
                    .collect();
                let only_cheats = pending.iter().all(|worker| cheats.contains(worker));
                (only_cheats && !pending.is_empty()).then_some(61)
            }
            Status::Unset | Status::Completed | Status::Failed => None,
        }
    }

    /// The published result of a task, fetched from the store and verified.
    pub async fn result(&self, task: &Task) -> Vec<u8> {
        let link: Value = serde_json::from_slice(&task.results).unwrap();
        assert_eq!(link["storage"], "ipfs");
        let cid = link["location"]
            .as_str()
            .unwrap()
            .strip_prefix("/ipfs/")
            .unwrap();
        let (root, path) = cid.split_once('/').unwrap_or((cid, ""));
        let root = canut_store::parse_cid(root).unwrap();
        let cid = self.store.resolve(&root, path).await.unwrap();
        self.store.bytes(&cid, 1 << 20).await.unwrap()
    }
}

/// GETs JSON from the pool; `None` when it does not answer with it.
pub async fn get(pool: &str, path: &str) -> Option<Value> {
    let text = get_text(pool, path).await?;
    serde_json::from_str(&text).ok()
}

pub async fn get_text(pool: &str, path: &str) -> Option<String> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut socket = tokio::net::TcpStream::connect(pool).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nhost: pool\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.ok()?;
    answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
}

/// Waits until the pool has the votes of all ranges of a deal, and only lacks the results in the store.
pub async fn agreed(pool: &str, id: DealId, deal: &Deal) {
    let mut look = interval(Duration::from_millis(50));
    for (_, task) in deal.tasks(id) {
        let view = format!("/tasks/{task}");
        while get(pool, &view)
            .await
            .is_none_or(|view| view["currentStatus"] != "CONSENSUS_REACHED")
        {
            look.tick().await;
        }
    }
}
