//! Two wallets fill the book while the chain is re-organised and the market is killed.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use alloy_primitives::{Bytes, U256};
use canut_hub::{Caller, Hub, connect, events::FollowConfig};
use canut_market::{Config, chain::HubChain};
use canut_protocol::{Nrlc, Order, order::Operation};
use serde_json::{Value, json};
use tokio::{runtime::Runtime, sync::Notify, task::JoinSet};

use crate::{anvil::*, database::databases, world::*};

/// Orders of both wallets, on SQLite and on PostgreSQL.
const ORDERS: [usize; 2] = [10_000, 1_000];

/// Requests of a wallet at once.
const LANES: usize = 4;

/// A market with threads of its own, which can be killed at any await.
struct Process {
    runtime: Runtime,
    world: Arc<World>,
}

impl Process {
    async fn start(real: &Real, url: &str) -> Self {
        let runtime = Runtime::new().unwrap();
        let mut config = Config::new(real.domain(), url);
        config.max_open_orders = 100_000;
        let (rpc, deployment) = (real.node.url.clone(), *real.hub.deployment());
        let start = async move {
            let follow = FollowConfig {
                poll: POLL,
                ..FollowConfig::default()
            };
            let hub = Hub::new(connect(&rpc).await.unwrap(), deployment);
            World::serving(Arc::new(HubChain::new(hub, 0, follow)), config).await
        };
        let world = Arc::new(runtime.spawn(start).await.unwrap());
        Self { runtime, world }
    }

    fn kill(self) {
        self.runtime.shutdown_background();
    }
}

/// Orders of one wallet that are still to be published.
struct Pile {
    path: &'static str,
    wallet: Wallet,
    orders: Vec<Value>,
}

/// Publishes until the market is gone or nothing is left; returns what was not acknowledged.
async fn publish(world: &Arc<World>, pile: Pile, taken: &Arc<Progress>) -> Pile {
    let next = Arc::new(AtomicUsize::new(0));
    let Pile {
        path,
        wallet,
        orders,
    } = pile;
    let orders = Arc::new(orders);
    let mut lanes = JoinSet::new();
    for _ in 0..LANES {
        let (world, taken, next) = (Arc::clone(world), Arc::clone(taken), Arc::clone(&next));
        let (wallet, orders) = (wallet.clone(), Arc::clone(&orders));
        lanes.spawn(async move {
            let mut rest = Vec::new();
            while let Some(order) = orders.get(next.fetch_add(1, Ordering::Relaxed)) {
                match offer(&world, path, &wallet, order).await {
                    Ok(()) => taken.one_more(),
                    Err(_) => rest.push(order.clone()),
                }
            }
            rest
        });
    }
    let orders = lanes.join_all().await.concat();
    Pile {
        path,
        wallet,
        orders,
    }
}

/// Offers again what the market cannot take just now, as it asks for. Fails only when the market is gone.
async fn offer(
    world: &World,
    path: &str,
    wallet: &Wallet,
    order: &Value,
) -> Result<(), reqwest::Error> {
    let mut moment = tokio::time::interval(POLL);
    while !offer_once(world, path, wallet, order).await? {
        moment.tick().await;
    }
    Ok(())
}

/// Whether the market took the order, or has it.
async fn offer_once(
    world: &World,
    path: &str,
    wallet: &Wallet,
    order: &Value,
) -> Result<bool, reqwest::Error> {
    let challenge = world.url(&format!("/challenge?address={}", wallet.address));
    let challenge: Value = world.http.get(challenge).send().await?.json().await?;
    let challenge = challenge["data"]["message"]["challenge"].as_str().unwrap();
    let request = world
        .http
        .post(world.url(path))
        .header("authorization", wallet.answer(challenge))
        .json(&json!({ "order": order }));
    let response = request.send().await?;
    let status = response.status();
    let body: Value = response.json().await?;
    // Nobody was told that an order was taken just before the kill.
    let refusal = body["error"].as_str().unwrap_or_default();
    let is_busy = status.is_server_error() && refusal.contains("try again in a moment");
    assert!(
        is_busy || status.is_success() || refusal.contains("already published"),
        "{body}"
    );
    Ok(!is_busy)
}

/// How many orders were taken, and whoever waits for half of them.
struct Progress {
    taken: AtomicUsize,
    half: usize,
    reached: Notify,
}

impl Progress {
    fn one_more(&self) {
        if self.taken.fetch_add(1, Ordering::Relaxed) + 1 == self.half {
            self.reached.notify_one();
        }
    }
}

/// Deals, cancellations and withdrawals that a re-organisation takes back, `rounds` times.
async fn moves(real: &Real, orders: &canut_protocol::matching::Orders, rounds: u64) {
    for _ in 0..rounds {
        // Whoever sends again after a fork reads the nonces of the new chain.
        let (dev, seller, asker) = (
            Caller::new(real.hub.clone(), real.node.sender(1).await),
            Caller::new(real.hub.clone(), real.node.sender(3).await),
            Caller::new(real.hub.clone(), real.node.sender(4).await),
        );
        let before = real.node.head().await.number;
        asker.match_orders(orders).await.unwrap();
        dev.manage_app_order(&orders.app, Operation::Close, Bytes::new())
            .await
            .unwrap();
        seller.withdraw(Nrlc::new(1)).await.unwrap();
        let made = real.node.head().await.number - before;
        real.node.rpc("anvil_reorg", json!([made, []])).await;
        real.node.rpc("anvil_mine", json!([1])).await;
    }
}

/// All that can be seen of the book, page by page.
async fn seen(world: &World) -> Vec<Value> {
    let mut seen = Vec::new();
    for query in [
        "/apporders?app=any&dataset=any&workerpool=any&requester=any",
        "/workerpoolorders?app=any&dataset=any&requester=any",
        "/requestorders?workerpool=any",
    ] {
        for index in 0.. {
            let page = world
                .ok(&format!("{query}&pageSize=1000&pageIndex={index}"))
                .await;
            let orders = page["orders"].as_array().unwrap();
            if orders.is_empty() {
                break;
            }
            seen.extend(orders.iter().cloned());
        }
    }
    for query in [
        "/deals",
        "/categories",
        "/ohlc?category=0",
        "/prices/depth?category=0",
    ] {
        seen.push(world.ok(query).await);
    }
    seen
}

fn piles(real: &Real, count: usize) -> [Pile; 2] {
    let apps = (0..count / 2).map(|number| {
        let mut order = app_order(number as u64 % 7, 3);
        order.app = real.app;
        json!(real.signed(&developer(), order))
    });
    // So cheap that they lock no stake.
    let pools = (0..count / 2).map(|number| {
        let mut order = pool_order(number as u64 % 4, 3);
        order.workerpool = real.pool;
        json!(real.signed(&operator(), order))
    });
    [
        Pile {
            path: "/apporders",
            wallet: developer(),
            orders: apps.collect(),
        },
        Pile {
            path: "/workerpoolorders",
            wallet: operator(),
            orders: pools.collect(),
        },
    ]
}

/// Four orders that make a deal of three runs, the request locking all there is of it.
fn deal_orders(real: &Real) -> canut_protocol::matching::Orders {
    let mut app = app_order(1, 10);
    app.app = real.app;
    let mut pool = pool_order(5, 4);
    pool.workerpool = real.pool;
    let mut request = request_order(3);
    request.app = real.app;
    canut_protocol::matching::Orders {
        app: real.signed(&developer(), app),
        workerpool: real.signed(&operator(), pool),
        request: real.signed(&requester(), request),
        ..Default::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_amid_ten_thousand_orders_and_forks_the_book_is_what_the_chain_says() {
    for (database, count) in databases().await.into_iter().zip(ORDERS) {
        let real = Real::open().await;
        for seed in [3, 4] {
            real.party(seed).await;
        }
        let orders = deal_orders(&real);
        let salts = fill_and_kill(&real, &database.url, &orders, count).await;

        let process = Process::start(&real, &database.url).await;
        let asker = Caller::new(real.hub.clone(), real.node.sender(4).await);
        asker.match_orders(&orders).await.unwrap();
        let head = real.node.head().await;
        process.world.server.reached(head).await;
        let followed = seen(&process.world).await;
        process.kill();
        is_what_was_signed(&real, &orders, &salts, &followed).await;

        forget_the_chain(&database.url).await;
        let process = Process::start(&real, &database.url).await;
        process.world.server.reached(head).await;
        let rebuilt = seen(&process.world).await;
        process.kill();
        assert!(followed == rebuilt, "the book is not what the chain says");
    }
}

/// Publishes `count` orders and those of a deal, with a kill in the middle, while the chain forks. Returns the salts of the
/// orders.
async fn fill_and_kill(
    real: &Real,
    url: &str,
    orders: &canut_protocol::matching::Orders,
    count: usize,
) -> BTreeSet<String> {
    let process = Process::start(real, url).await;
    process.world.server.reached(real.node.head().await).await;
    for (path, wallet, order) in [
        ("/apporders", developer(), json!(orders.app)),
        ("/workerpoolorders", operator(), json!(orders.workerpool)),
        ("/requestorders", requester(), json!(orders.request)),
    ] {
        offer(&process.world, path, &wallet, &order).await.unwrap();
    }
    let [apps, pools] = piles(real, count);
    let salts = [&apps, &pools]
        .into_iter()
        .flat_map(|pile| &pile.orders)
        .map(|order| order["salt"].to_string())
        .collect();
    let progress = Arc::new(Progress {
        taken: AtomicUsize::new(0),
        half: count / 2,
        reached: Notify::new(),
    });

    let world = Arc::clone(&process.world);
    let kill = async {
        progress.reached.notified().await;
        process.kill();
    };
    let (apps, pools, (), ()) = tokio::join!(
        publish(&world, apps, &progress),
        publish(&world, pools, &progress),
        moves(real, orders, 5),
        kill,
    );
    assert!(
        apps.orders.len() + pools.orders.len() > 0,
        "it was killed in the middle"
    );
    drop(world);

    let process = Process::start(real, url).await;
    let (apps, pools, ()) = tokio::join!(
        publish(&process.world, apps, &progress),
        publish(&process.world, pools, &progress),
        moves(real, orders, 5),
    );
    assert!(apps.orders.is_empty() && pools.orders.is_empty());
    process.kill();
    salts
}

/// All orders are there, and as much is left of each as the deal left of it.
async fn is_what_was_signed(
    real: &Real,
    orders: &canut_protocol::matching::Orders,
    salts: &BTreeSet<String>,
    followed: &[Value],
) {
    let found: BTreeSet<_> = followed
        .iter()
        .filter_map(|order| Some(order["order"].get("salt")?.to_string()))
        .collect();
    assert!(
        salts.is_subset(&found),
        "an order that was acknowledged is lost"
    );
    assert_eq!(
        found.len(),
        salts.len() + 2,
        "the request is filled, all others are open"
    );
    let left = |order: &Value| {
        let shown = followed
            .iter()
            .find(|shown| shown["order"]["salt"] == order["salt"]);
        shown.map(|shown| shown["remaining"].as_u64().unwrap())
    };
    assert_eq!(left(&json!(orders.app)), Some(7));
    assert_eq!(left(&json!(orders.workerpool)), Some(1));
    let consumed = real
        .hub
        .consumed(orders.app.hash(&real.domain()))
        .await
        .unwrap();
    assert_eq!(consumed, U256::from(3));
}

/// Leaves only the signed orders in the database.
async fn forget_the_chain(url: &str) {
    sqlx::any::install_default_drivers();
    let pool = sqlx::AnyPool::connect(url).await.unwrap();
    for statement in [
        "DELETE FROM facts",
        "DELETE FROM blocks",
        "DELETE FROM deals",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    pool.close().await;
}
