//! Orders follow the chain, whatever the chain does.

use alloy_primitives::Address;
use canut_market::{
    Config,
    chain::{AssetKind, Event, memory::MemoryChain},
};
use canut_protocol::Order;
use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use crate::{
    database::{databases, sqlite},
    world::*,
};

fn status(text: &str, remaining: u64) -> (String, u64) {
    (text.to_owned(), remaining)
}

#[tokio::test]
async fn a_deal_uses_orders_up_and_a_cancellation_closes_them() {
    for database in databases().await {
        let world = World::on(&database.url).await;
        let app = developer().signed(app_order(1, 10));
        let pool = operator().signed(pool_order(5, 4));
        let request = requester().signed(request_order(4));
        let app_hash = world.offer("/apporders", &developer(), &app).await;
        let pool_hash = world.offer("/workerpoolorders", &operator(), &pool).await;
        let request_hash = world.offer("/requestorders", &requester(), &request).await;

        world.mine(vec![deal(&app, &pool, &request, 0, 3)]).await;
        assert_eq!(
            world.standing("/apporders", &app_hash).await,
            status("open", 7)
        );
        assert_eq!(
            world.standing("/requestorders", &request_hash).await,
            status("open", 1)
        );
        world.mine(vec![deal(&app, &pool, &request, 3, 1)]).await;
        assert_eq!(
            world.standing("/workerpoolorders", &pool_hash).await,
            status("filled", 0)
        );
        assert_eq!(
            world.standing("/requestorders", &request_hash).await,
            status("filled", 0)
        );
        world.mine(vec![Event::Closed(app.hash(&domain()))]).await;
        assert_eq!(
            world.standing("/apporders", &app_hash).await,
            status("canceled", 0)
        );

        let deals = world
            .ok(&format!("/deals?requestorderHash={request_hash}"))
            .await;
        assert_eq!(deals["count"], 2);
        assert_eq!(deals["deals"][0]["botFirst"], 3, "the newest first");
        assert_eq!(deals["deals"][0]["params"], json!(request.params));
        let id = deals["deals"][1]["dealid"].as_str().unwrap();
        let one = world.ok(&format!("/deals/{id}")).await;
        assert_eq!(
            (&one["volume"], &one["workerpool"]["price"]),
            (&json!(3), &json!(5))
        );
        assert_eq!(
            world.ok(&format!("/deals?app={APP}&category=0")).await["count"],
            2
        );
        assert_eq!(world.ok(&format!("/deals?app={POOL}")).await["count"], 0);
        assert_eq!(world.ok("/deals?category=1").await["count"], 0);
    }
}

#[tokio::test]
async fn orders_die_with_the_stake_and_the_asset_and_live_again_with_them() {
    let world = World::new().await;
    let app = world
        .offer(
            "/apporders",
            &developer(),
            &developer().signed(app_order(1, 10)),
        )
        .await;
    let pool = world
        .offer(
            "/workerpoolorders",
            &operator(),
            &operator().signed(pool_order(100, 10)),
        )
        .await;
    let request = world
        .offer(
            "/requestorders",
            &requester(),
            &requester().signed(request_order(10)),
        )
        .await;

    world.mine(vec![withdrawal(&operator(), 999_701)]).await;
    assert_eq!(
        world.standing("/workerpoolorders", &pool).await,
        status("dead", 10),
        "299 are less than 300"
    );
    world.mine(vec![deposit(&operator(), 1)]).await;
    assert_eq!(
        world.standing("/workerpoolorders", &pool).await,
        status("open", 10)
    );

    world.mine(vec![own(AssetKind::App, APP, &owner())]).await;
    assert_eq!(world.standing("/apporders", &app).await, status("dead", 10));
    assert_eq!(
        world.standing("/requestorders", &request).await,
        status("dead", 10),
        "nobody sells it the app"
    );
    assert_eq!(world.ok(&format!("/apporders?app={APP}")).await["count"], 0);
    world
        .offer("/apporders", &owner(), &owner().signed(app_order(2, 1)))
        .await;
    assert_eq!(
        world.standing("/requestorders", &request).await,
        status("open", 10),
        "the new owner does"
    );
    world
        .mine(vec![own(AssetKind::App, APP, &developer())])
        .await;
    assert_eq!(
        world.standing("/apporders", &app).await,
        status("open", 10),
        "it was bought back"
    );
    world.mine(vec![withdrawal(&requester(), 1_000_000)]).await;
    assert_eq!(
        world.standing("/requestorders", &request).await,
        status("dead", 10)
    );
}

#[tokio::test]
async fn a_re_organised_chain_takes_deals_back() {
    for database in databases().await {
        let world = World::on(&database.url).await;
        let app = developer().signed(app_order(1, 2));
        let pool = operator().signed(pool_order(5, 2));
        let request = requester().signed(request_order(2));
        let hash = world.offer("/apporders", &developer(), &app).await;
        world.mine(vec![deal(&app, &pool, &request, 0, 2)]).await;
        assert_eq!(
            world.standing("/apporders", &hash).await,
            status("filled", 0)
        );

        world
            .chain
            .reorganise(1, vec![vec![], vec![Event::Closed(pool.hash(&domain()))]]);
        world.settle().await;
        assert_eq!(world.standing("/apporders", &hash).await, status("open", 2));
        assert_eq!(world.ok("/deals").await["count"], 0);
        assert_eq!(world.ok("/ohlc?category=0").await["ohlc"], json!([]));

        let world = world.crashed().await;
        world
            .chain
            .reorganise(0, vec![genesis(), vec![deal(&app, &pool, &request, 0, 1)]]);
        world.settle().await;
        assert_eq!(world.standing("/apporders", &hash).await, status("open", 1));
    }
}

#[tokio::test]
async fn a_fork_while_the_market_was_down_is_noticed() {
    let world = World::new().await;
    let app = developer().signed(app_order(1, 2));
    let hash = world.offer("/apporders", &developer(), &app).await;
    world.mine(vec![Event::Closed(app.hash(&domain()))]).await;
    world.chain.set_broken(true);
    world.chain.reorganise(1, vec![vec![], vec![], vec![]]);
    world.chain.set_broken(false);
    let world = world.restarted().await;
    assert_eq!(world.standing("/apporders", &hash).await, status("open", 2));
}

/// Everything a client can see of the book, without the times of publication.
async fn seen(world: &World) -> Value {
    let mut seen = Vec::new();
    for query in [
        "/apporders?app=any&dataset=any&workerpool=any&requester=any&pageSize=1000",
        "/workerpoolorders?app=any&dataset=any&requester=any&pageSize=1000",
        "/requestorders?workerpool=any&pageSize=1000",
        "/deals?pageSize=1000",
        "/ohlc?category=0",
        "/categories",
        "/prices/depth?category=0",
    ] {
        seen.push(world.ok(query).await);
    }
    json!(seen)
}

#[derive(Clone, Debug)]
enum Step {
    Deal(u64),
    Close(Index),
    SellApp(bool),
    Stake(u64),
    Fork(Index, bool),
    Restart,
    Publish(u64),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..3u64).prop_map(Step::Deal),
        1 => any::<Index>().prop_map(Step::Close),
        1 => any::<bool>().prop_map(Step::SellApp),
        2 => (0..2_000u64).prop_map(Step::Stake),
        3 => (any::<Index>(), any::<bool>()).prop_map(|(to, again)| Step::Fork(to, again)),
        1 => Just(Step::Restart),
        2 => (1..100u64).prop_map(Step::Publish),
    ]
}

/// Plays a story, and compares the market with one that reads the same orders and the same final chain from nothing.
async fn play(steps: Vec<Step>) {
    let mut world = World::new().await;
    let app = developer().signed(app_order(1, 1_000));
    let pool = operator().signed(pool_order(5, 1_000));
    let request = requester().signed(request_order(500));
    let mut published: Published = Vec::new();
    for (path, wallet, order) in [
        ("/apporders", developer(), json!(app)),
        ("/workerpoolorders", operator(), json!(pool)),
        ("/requestorders", requester(), json!(request)),
    ] {
        assert!(world.publish(path, &wallet, &order).await.0.is_success());
        published.push((path, wallet, order));
    }
    let mut first = 0;
    for step in steps {
        match step {
            Step::Deal(volume) => {
                world
                    .mine(vec![deal(&app, &pool, &request, first, volume)])
                    .await;
                first += volume;
            }
            Step::Close(which) => {
                let hashes = [
                    app.hash(&domain()),
                    pool.hash(&domain()),
                    request.hash(&domain()),
                ];
                world.mine(vec![Event::Closed(*which.get(&hashes))]).await;
            }
            Step::SellApp(back) => {
                let to = if back { developer() } else { owner() };
                world.mine(vec![own(AssetKind::App, APP, &to)]).await;
            }
            Step::Stake(amount) => {
                world
                    .mine(vec![
                        withdrawal(&operator(), amount * 500),
                        deposit(&operator(), amount),
                    ])
                    .await;
            }
            Step::Fork(to, again) => {
                let to = 1 + to.index(usize::try_from(world.chain.head()).unwrap()) as u64;
                let blocks = if again {
                    vec![vec![deal(&app, &pool, &request, 900 + first, 1)]]
                } else {
                    vec![vec![]]
                };
                first += 1;
                world.chain.reorganise(to, blocks);
                world.settle().await;
            }
            Step::Restart => world = world.crashed().await,
            Step::Publish(price) => {
                let order = json!(operator().signed(pool_order(price, 1)));
                // Whether it is taken depends on the stake of the moment.
                if world
                    .publish("/workerpoolorders", &operator(), &order)
                    .await
                    .0
                    .is_success()
                {
                    published.push(("/workerpoolorders", operator(), order));
                }
            }
        }
    }
    let before = seen(&world).await;
    let world = world.restarted().await;
    assert_eq!(
        before,
        seen(&world).await,
        "what was in memory is not what is durable"
    );

    compare_with_a_new_market(&world, &published).await;
}

type Published = Vec<(&'static str, Wallet, Value)>;

/// A market that never saw a fork: the chain as it ended up, and the orders it takes of those once published.
async fn compare_with_a_new_market(world: &World, published: &Published) {
    let database = sqlite();
    let config = Config::new(domain(), &database.url);
    let fresh = World::over(world.chain.clone(), config).await;
    fresh.settle().await;
    assert_eq!(
        world.ok("/deals?pageSize=1000").await,
        fresh.ok("/deals?pageSize=1000").await
    );
    for (path, wallet, order) in published {
        let hash = hash(path, order);
        let (found, _) = world.standing(path, &hash).await;
        let (answer, body) = fresh.publish(path, wallet, order).await;
        assert_eq!(
            answer.is_success(),
            found == "open",
            "{found}, but a new market says {body}"
        );
        if found == "open" {
            assert_eq!(
                world.standing(path, &hash).await,
                fresh.standing(path, &hash).await
            );
        }
    }
}

fn hash(path: &str, order: &Value) -> String {
    let hash = match path {
        "/apporders" => serde_json::from_value::<canut_protocol::AppOrder>(order.clone())
            .unwrap()
            .hash(&domain()),
        "/requestorders" => serde_json::from_value::<canut_protocol::RequestOrder>(order.clone())
            .unwrap()
            .hash(&domain()),
        _ => serde_json::from_value::<canut_protocol::WorkerpoolOrder>(order.clone())
            .unwrap()
            .hash(&domain()),
    };
    hash.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 50, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn after_any_story_the_book_is_what_the_chain_says(steps in prop::collection::vec(any_step(), 1..14)) {
        tokio::runtime::Runtime::new().unwrap().block_on(play(steps));
    }
}

#[tokio::test]
async fn two_wallets_publish_at_once_while_the_chain_forks() {
    for database in databases().await {
        let mut config = Config::new(domain(), &database.url);
        config.max_open_orders = 1_000;
        let chain = MemoryChain::default();
        chain.mine(genesis());
        let world = World::over(chain, config).await;
        world.settle().await;
        let publish = async |path: &str, wallet: Wallet, order: fn(u64, u64) -> Value| {
            for price in 1..=100 {
                let order = order(price, 2);
                let (status, body) = world.publish(path, &wallet, &order).await;
                assert!(status.is_success(), "{body}");
            }
        };
        let fork = async {
            for round in 0..20 {
                world
                    .chain
                    .reorganise(1, vec![vec![deposit(&owner(), round)]; 3]);
                world.settle().await;
            }
        };
        tokio::join!(
            publish("/apporders", developer(), |price, volume| json!(
                developer().signed(app_order(price, volume))
            )),
            publish("/workerpoolorders", operator(), |price, volume| json!(
                operator().signed(pool_order(price, volume))
            )),
            fork,
        );
        let world = world.crashed().await;
        let counts = world.ok("/metrics").await;
        assert_eq!(
            (&counts["apporders"], &counts["workerpoolorders"]),
            (&json!(100), &json!(100))
        );
    }
}

#[tokio::test]
async fn a_database_of_another_hub_is_refused() {
    let database = sqlite();
    let world = World::on(&database.url).await;
    world.server.stop().await;
    let config = Config::new(
        canut_protocol::Domain::new(CHAIN, Address::ZERO),
        &database.url,
    );
    let refused =
        canut_market::Server::start(config, std::sync::Arc::new(MemoryChain::default())).await;
    let text = refused.unwrap_err().to_string();
    assert!(text.contains("use another one"), "{text}");
    let nothing = Config::new(domain(), "mysql://x");
    let refused =
        canut_market::Server::start(nothing, std::sync::Arc::new(MemoryChain::default())).await;
    assert!(refused.unwrap_err().to_string().contains("sqlite:FILE"));
}
