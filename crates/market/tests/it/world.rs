//! A market, wallets, and the chain under them.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, Signature, U256, address, hex};
use alloy_sol_types::{SolStruct, eip712_domain, sol};
use canut_market::{
    Config, Server,
    chain::{AssetKind, ChainView, DealRecord, Event, memory::MemoryChain},
};
use canut_protocol::{
    AppOrder, DatasetOrder, Deal, DealId, Domain, Nrlc, Order, OrderHash, RequestOrder, Resource,
    Trust, WorkerpoolOrder, category,
};
use k256::ecdsa::SigningKey;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::database::{Database, sqlite};

/// Also anvil's.
pub(crate) const CHAIN: u64 = 31_337;
pub(crate) const APP: Address = Address::repeat_byte(0xa1);
pub(crate) const DATASET: Address = Address::repeat_byte(0xd1);
pub(crate) const POOL: Address = Address::repeat_byte(0x51);
pub(crate) const HUB: Address = address!("3eca1B216A7DF1C7689aEb259fFB83ADFB894E7f");

pub(crate) fn domain() -> Domain {
    Domain::new(CHAIN, HUB)
}

/// A key and its address.
#[derive(Clone)]
pub(crate) struct Wallet {
    key: SigningKey,
    pub(crate) address: Address,
}

impl Wallet {
    pub(crate) fn new(seed: u8) -> Self {
        let key = SigningKey::from_slice(&[seed; 32]).unwrap();
        let address = Address::from_public_key(key.verifying_key());
        Self { key, address }
    }

    pub(crate) fn sign(&self, digest: B256) -> Bytes {
        let signature: Signature = self
            .key
            .sign_prehash_recoverable(digest.as_slice())
            .unwrap()
            .into();
        signature.as_bytes().to_vec().into()
    }

    /// The header that answers a challenge.
    pub(crate) fn answer(&self, challenge: &str) -> String {
        let domain = eip712_domain! { name: "iExec Gateway", version: "1", chain_id: CHAIN, };
        let challenge = challenge.to_owned();
        let digest = Challenge { challenge }.eip712_signing_hash(&domain);
        let sign = hex::encode_prefixed(self.sign(digest));
        format!("{digest}_{sign}_{}", self.address)
    }

    pub(crate) fn signed<O: Order>(&self, order: O) -> O {
        let digest = order.hash(&domain()).0;
        order.signed(self.sign(digest))
    }
}

pub(crate) fn developer() -> Wallet {
    Wallet::new(1)
}

pub(crate) fn owner() -> Wallet {
    Wallet::new(2)
}

pub(crate) fn operator() -> Wallet {
    Wallet::new(3)
}

pub(crate) fn requester() -> Wallet {
    Wallet::new(4)
}

/// What every test begins with: an app, a dataset, a workerpool, stakes, the five categories.
pub(crate) fn genesis() -> Vec<Event> {
    let mut events = vec![
        own(AssetKind::App, APP, &developer()),
        own(AssetKind::Dataset, DATASET, &owner()),
        own(AssetKind::Workerpool, POOL, &operator()),
        deposit(&operator(), 1_000_000),
        deposit(&requester(), 1_000_000),
    ];
    for (id, category) in (0..).zip(category::defaults()) {
        events.push(Event::Category {
            id,
            category,
            transaction: B256::repeat_byte(0xca),
        });
    }
    events
}

pub(crate) fn own(kind: AssetKind, asset: Address, owner: &Wallet) -> Event {
    Event::Owner {
        kind,
        asset,
        owner: owner.address,
    }
}

pub(crate) fn deposit(wallet: &Wallet, amount: u64) -> Event {
    Event::Stake {
        from: Address::ZERO,
        to: wallet.address,
        amount: Nrlc::new(amount),
    }
}

pub(crate) fn withdrawal(wallet: &Wallet, amount: u64) -> Event {
    Event::Stake {
        from: wallet.address,
        to: Address::ZERO,
        amount: Nrlc::new(amount),
    }
}

pub(crate) fn app_order(price: u64, volume: u64) -> AppOrder {
    AppOrder {
        app: APP,
        appprice: Nrlc::new(price),
        volume: U256::from(volume),
        salt: B256::random(),
        ..Default::default()
    }
}

pub(crate) fn dataset_order(price: u64, volume: u64) -> DatasetOrder {
    DatasetOrder {
        dataset: DATASET,
        datasetprice: Nrlc::new(price),
        volume: U256::from(volume),
        salt: B256::random(),
        ..Default::default()
    }
}

pub(crate) fn pool_order(price: u64, volume: u64) -> WorkerpoolOrder {
    WorkerpoolOrder {
        workerpool: POOL,
        workerpoolprice: Nrlc::new(price),
        volume: U256::from(volume),
        trust: Trust::new(5),
        salt: B256::random(),
        ..Default::default()
    }
}

pub(crate) fn request_order(volume: u64) -> RequestOrder {
    RequestOrder {
        app: APP,
        appmaxprice: Nrlc::new(100),
        workerpoolmaxprice: Nrlc::new(100),
        requester: requester().address,
        volume: U256::from(volume),
        params: "{\"iexec_args\":\"hello\"}".to_owned(),
        salt: B256::random(),
        ..Default::default()
    }
}

/// The deal of an application order, a workerpool order and a request, without dataset.
pub(crate) fn deal(
    app: &AppOrder,
    pool: &WorkerpoolOrder,
    request: &RequestOrder,
    first: u64,
    volume: u64,
) -> Event {
    let resource = |pointer, owner: Wallet, price| Resource {
        pointer,
        owner: owner.address,
        price,
    };
    let hash = request.hash(&domain());
    let deal = Deal {
        app: resource(app.app, developer(), app.appprice),
        workerpool: resource(pool.workerpool, operator(), pool.workerpoolprice),
        category: pool.category.to(),
        requester: request.requester,
        bot_first: first,
        bot_size: volume,
        params: request.params.clone(),
        ..Default::default()
    };
    Event::Matched(Box::new(DealRecord {
        id: DealId::of(hash, first),
        deal,
        app: app.hash(&domain()),
        dataset: OrderHash::default(),
        workerpool: pool.hash(&domain()),
        request: hash,
        transaction: B256::repeat_byte(0x77),
    }))
}

sol! {
    struct Challenge { string challenge; }
}

/// A market and its clients.
pub(crate) struct World {
    pub(crate) chain: MemoryChain,
    pub(crate) server: Server,
    pub(crate) http: reqwest::Client,
    config: Config,
    _database: Option<Database>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let database = sqlite();
        let mut world = Self::on(&database.url).await;
        world._database = Some(database);
        world
    }

    /// A market with the usual beginning, stored in that database.
    pub(crate) async fn on(url: &str) -> Self {
        let chain = MemoryChain::default();
        chain.mine(genesis());
        let world = Self::over(chain, Config::new(domain(), url)).await;
        world.settle().await;
        world
    }

    pub(crate) async fn over(chain: MemoryChain, config: Config) -> Self {
        let view: Arc<dyn ChainView> = Arc::new(chain.clone());
        Self {
            chain,
            ..Self::serving(view, config).await
        }
    }

    /// A market over any chain.
    pub(crate) async fn serving(view: Arc<dyn ChainView>, config: Config) -> Self {
        // What a market tells its operator is told here.
        let _ = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::WARN)
            .with_test_writer()
            .try_init();
        let server = Server::start(config.clone(), view).await.unwrap();
        let chain = MemoryChain::default();
        Self {
            chain,
            server,
            http: reqwest::Client::new(),
            config,
            _database: None,
        }
    }

    /// Stops the market and starts it again on the same database.
    pub(crate) async fn restarted(self) -> Self {
        let Self {
            chain,
            server,
            config,
            _database,
            ..
        } = self;
        server.stop().await;
        let mut world = Self::over(chain, config).await;
        world._database = _database;
        world.settle().await;
        world
    }

    /// Cuts the market off, as a crash would, and starts it again on the same database.
    pub(crate) async fn crashed(self) -> Self {
        let Self {
            chain,
            server,
            config,
            _database,
            ..
        } = self;
        drop(server);
        let mut world = Self::over(chain, config).await;
        world._database = _database;
        world.settle().await;
        world
    }

    /// Waits until the market knows all of the chain.
    pub(crate) async fn settle(&self) {
        if let Some(tip) = self.chain.tip() {
            self.server.reached(tip).await;
        }
    }

    pub(crate) async fn mine(&self, events: Vec<Event>) {
        self.chain.mine(events);
        self.settle().await;
    }

    pub(crate) fn url(&self, path: &str) -> String {
        let separator = if path.contains('?') { '&' } else { '?' };
        format!(
            "http://{}{path}{separator}chainId={CHAIN}",
            self.server.address()
        )
    }

    pub(crate) async fn get(&self, path: &str) -> (StatusCode, Value) {
        answer(self.http.get(self.url(path)).send().await.unwrap()).await
    }

    /// A GET that must succeed.
    pub(crate) async fn ok(&self, path: &str) -> Value {
        let (status, body) = self.get(path).await;
        assert_eq!(
            (status, &body["ok"]),
            (StatusCode::OK, &json!(true)),
            "{path}: {body}"
        );
        body
    }

    /// The header that opens one request to `wallet`.
    pub(crate) async fn authorization(&self, wallet: &Wallet) -> String {
        let body = self
            .ok(&format!("/challenge?address={}", wallet.address))
            .await;
        let challenge = body["data"]["message"]["challenge"].as_str().unwrap();
        wallet.answer(challenge)
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        wallet: &Wallet,
        body: &Value,
    ) -> (StatusCode, Value) {
        let header = self.authorization(wallet).await;
        let request = self
            .http
            .request(method, self.url(path))
            .header("authorization", header)
            .json(body);
        answer(request.send().await.unwrap()).await
    }

    pub(crate) async fn publish(
        &self,
        path: &str,
        wallet: &Wallet,
        order: &Value,
    ) -> (StatusCode, Value) {
        self.send(Method::POST, path, wallet, &json!({ "order": order }))
            .await
    }

    /// Publishes an order that must be taken; returns its hash.
    pub(crate) async fn offer<O: Order + serde::Serialize>(
        &self,
        path: &str,
        wallet: &Wallet,
        order: &O,
    ) -> String {
        let (status, body) = self.publish(path, wallet, &json!(order)).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        let hash = order.hash(&domain()).to_string();
        assert_eq!(body["published"]["orderHash"], json!(hash));
        hash
    }

    /// Status and remaining volume of an order.
    pub(crate) async fn standing(&self, path: &str, hash: &str) -> (String, u64) {
        let order = self.ok(&format!("{path}/{hash}")).await;
        (
            order["status"].as_str().unwrap().to_owned(),
            order["remaining"].as_u64().unwrap(),
        )
    }
}

pub(crate) async fn answer(response: reqwest::Response) -> (StatusCode, Value) {
    let status = response.status();
    let kind = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        kind, "application/json; charset=utf-8",
        "the SDK refuses anything else"
    );
    (status, response.json().await.unwrap())
}
