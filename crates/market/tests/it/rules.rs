//! What the market does not take, and what it says then.

use alloy_primitives::U256;
use canut_market::{
    Config,
    chain::{Event, memory::MemoryChain},
};
use canut_protocol::{Nrlc, Order, RequestOrder};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::{
    database::{databases, sqlite},
    world::*,
};

async fn refused(
    world: &World,
    path: &str,
    wallet: &Wallet,
    order: &Value,
    status: StatusCode,
    words: &str,
) {
    let (found, body) = world.publish(path, wallet, order).await;
    let error = body["error"].as_str().unwrap_or_default();
    assert_eq!((found, &body["ok"]), (status, &json!(false)), "{body}");
    assert!(error.contains(words), "`{error}` does not say `{words}`");
}

const BAD: StatusCode = StatusCode::BAD_REQUEST;
const NO: StatusCode = StatusCode::FORBIDDEN;

#[tokio::test]
async fn a_malformed_order_is_told_what_is_wrong() {
    let world = World::new().await;
    let dev = developer();
    let order = json!(dev.signed(app_order(1, 1)));
    for field in [
        "app",
        "appprice",
        "volume",
        "tag",
        "datasetrestrict",
        "salt",
        "sign",
    ] {
        let mut without = order.clone();
        without.as_object_mut().unwrap().remove(field);
        refused(&world, "/apporders", &dev, &without, BAD, field).await;
    }
    let long = format!("0x{}", "00".repeat(5_000));
    for (field, value, status, words) in [
        ("volume", json!(0), BAD, "volume of 1"),
        ("volume", json!(1_u64 << 53), BAD, "volume"),
        ("appprice", json!("9".repeat(30)), BAD, "appprice"),
        ("appprice", json!(-1), BAD, "integer"),
        ("sign", json!("0xzz"), BAD, "apporder"),
        ("sign", json!(long), BAD, "5000 bytes"),
        ("sign", json!("0x12"), NO, "signature"),
        ("appprice", json!(2), NO, "signature"),
        ("app", json!(POOL), NO, "not registered"),
    ] {
        let mut with = order.clone();
        with[field] = value;
        refused(&world, "/apporders", &dev, &with, status, words).await;
    }
    assert_eq!(world.ok("/metrics").await["apporders"], 0);
}

#[tokio::test]
async fn only_the_owner_sells_and_only_with_enough_stake() {
    let world = World::new().await;
    let (dev, pool) = (developer(), operator());
    let order = json!(dev.signed(app_order(1, 1)));
    refused(&world, "/apporders", &pool, &order, NO, "owns the app").await;
    let forged = json!(pool.signed(app_order(1, 1)));
    refused(&world, "/apporders", &dev, &forged, NO, "signature").await;
    let most = (1 << 53) - 1;
    for (price, volume, words) in [
        (most, most, "deposit more"),
        (1_000_000, 4, "needs 0.0012 RLC"),
    ] {
        let order = json!(pool.signed(pool_order(price, volume)));
        refused(&world, "/workerpoolorders", &pool, &order, NO, words).await;
    }
}

/// Changes a request.
type Change = fn(&mut RequestOrder);

#[tokio::test]
async fn a_request_needs_a_counterpart_and_the_money() {
    let world = World::new().await;
    let asker = requester();
    let request = |change: Change| {
        let mut order = request_order(1);
        change(&mut order);
        json!(asker.signed(order))
    };
    let fine: Change = |_| {};
    refused(
        &world,
        "/requestorders",
        &asker,
        &request(fine),
        NO,
        "no open order of the app",
    )
    .await;
    world
        .offer(
            "/apporders",
            &developer(),
            &developer().signed(app_order(100, 1)),
        )
        .await;
    let rules: [(Change, StatusCode, &str); 4] = [
        (
            |order| order.dataset = DATASET,
            NO,
            "no open order of the dataset",
        ),
        (|order| order.volume = U256::from(1_000_000), NO, "stake"),
        (
            |order| order.params = "x".repeat(24_192),
            BAD,
            "24192 bytes",
        ),
        (|order| order.appmaxprice = Nrlc::new(99), NO, "appmaxprice"),
    ];
    for (change, status, words) in rules {
        refused(
            &world,
            "/requestorders",
            &asker,
            &request(change),
            status,
            words,
        )
        .await;
    }
    refused(
        &world,
        "/requestorders",
        &developer(),
        &request(fine),
        NO,
        "publish it as the requester",
    )
    .await;
    assert_eq!(world.ok("/metrics").await["requestorders"], 0);
}

#[tokio::test]
async fn the_same_order_is_taken_once() {
    let world = World::new().await;
    let order = developer().signed(app_order(1, 1));
    world.offer("/apporders", &developer(), &order).await;
    refused(
        &world,
        "/apporders",
        &developer(),
        &json!(order),
        NO,
        "already published",
    )
    .await;
}

#[tokio::test]
async fn a_wallet_has_fifty_open_orders() {
    let world = World::new().await;
    for price in 0..50 {
        world
            .offer(
                "/apporders",
                &developer(),
                &developer().signed(app_order(price, 1)),
            )
            .await;
    }
    let one_more = json!(developer().signed(app_order(1, 1)));
    refused(
        &world,
        "/apporders",
        &developer(),
        &one_more,
        NO,
        "50 open apporders",
    )
    .await;
}

#[tokio::test]
async fn what_a_wallet_canceled_or_ran_out_of_does_not_pile_up() {
    for database in databases().await {
        let mut config = Config::new(domain(), &database.url);
        config.max_open_orders = 1;
        config.max_closed_orders = 2;
        let chain = MemoryChain::default();
        chain.mine(genesis());
        let world = World::over(chain, config).await;
        world.settle().await;
        let mut hashes = Vec::new();
        for price in 0..5 {
            let order = developer().signed(app_order(price, 1));
            hashes.push(world.offer("/apporders", &developer(), &order).await);
            world.mine(vec![Event::Closed(order.hash(&domain()))]).await;
        }
        let world = world.restarted().await;
        let mut statuses = Vec::new();
        for hash in &hashes {
            let (status, _) = world.get(&format!("/apporders/{hash}")).await;
            statuses.push(status.as_u16());
        }
        // The last one was canceled after it was published, and nothing was published since.
        assert_eq!(statuses, [404, 404, 200, 200, 200]);
        let again = json!(developer().signed(app_order(0, 1)));
        assert!(
            world
                .publish("/apporders", &developer(), &again)
                .await
                .0
                .is_success()
        );
    }
}

#[tokio::test]
async fn a_market_takes_no_more_than_it_has_room_for() {
    let database = sqlite();
    let mut config = Config::new(domain(), &database.url);
    config.max_bytes = 1_000;
    let chain = MemoryChain::default();
    chain.mine(genesis());
    let world = World::over(chain, config).await;
    world.settle().await;
    let order = developer().signed(app_order(1, 1));
    let hash = world.offer("/apporders", &developer(), &order).await;
    let one_more = json!(developer().signed(app_order(2, 1)));
    let path = "/apporders";
    refused(&world, path, &developer(), &one_more, NO, "as many orders").await;
    let back = json!({ "target": "unpublish_orderHash", "orderHash": hash });
    let (status, body) = world.send(Method::PUT, path, &developer(), &back).await;
    assert!(status.is_success(), "{body}");
    let (status, body) = world.publish(path, &developer(), &one_more).await;
    assert!(status.is_success(), "{body}");
}

#[tokio::test]
async fn one_login_opens_one_request_and_two_wallets_calls_do_not_collide() {
    let world = World::new().await;
    let wallet = developer();
    let [first, second] = [
        world.authorization(&wallet).await,
        world.authorization(&wallet).await,
    ];
    let publish = async |header: &str| {
        let order = wallet.signed(app_order(1, 1));
        let request = world
            .http
            .post(world.url("/apporders"))
            .header("authorization", header);
        answer(
            request
                .json(&json!({ "order": order }))
                .send()
                .await
                .unwrap(),
        )
        .await
    };
    let (one, two) = tokio::join!(publish(&first), publish(&second));
    assert_eq!((one.0, two.0), (StatusCode::OK, StatusCode::OK));
    for header in [first.as_str(), "", "0x_0x_0x", &second.replace('_', "-")] {
        let (status, body) = publish(header).await;
        assert_eq!(
            (status, &body["error"]),
            (NO, &json!("invalid authorization")),
            "{header}"
        );
    }
    let none = world
        .http
        .post(world.url("/apporders"))
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer(none).await.1["error"], "invalid authorization");
}

#[tokio::test]
async fn nobody_takes_back_the_orders_of_another() {
    let world = World::new().await;
    let hash = world
        .offer(
            "/apporders",
            &developer(),
            &developer().signed(app_order(1, 1)),
        )
        .await;
    for target in [
        json!({ "target": "unpublish_orderHash", "orderHash": hash }),
        json!({ "target": "unpublish_last", "app": APP }),
        json!({ "target": "unpublish_all", "app": APP }),
    ] {
        let (status, _) = world
            .send(Method::PUT, "/apporders", &operator(), &target)
            .await;
        assert_eq!(status, NO);
    }
    for (target, words) in [
        (json!({ "target": "unpublish_all" }), "`app` is missing"),
        (
            json!({ "target": "unpublish_orderHash" }),
            "`orderHash` is missing",
        ),
        (json!({ "target": "drop table" }), "none of"),
        (
            json!({ "target": "unpublish_orderHash", "orderHash": "'; DROP TABLE orders; --" }),
            "64 hex digits",
        ),
    ] {
        let (status, body) = world
            .send(Method::PUT, "/apporders", &developer(), &target)
            .await;
        assert_eq!(status, BAD);
        assert!(body["error"].as_str().unwrap().contains(words), "{body}");
    }
    assert_eq!(
        world.standing("/apporders", &hash).await,
        ("open".to_owned(), 1)
    );
}

#[tokio::test]
async fn the_match_tells_what_to_take_and_why_not_the_rest() {
    let world = World::new().await;
    let app = world
        .offer(
            "/apporders",
            &developer(),
            &developer().signed(app_order(1, 100)),
        )
        .await;
    let small = world
        .offer(
            "/workerpoolorders",
            &operator(),
            &operator().signed(pool_order(10, 3)),
        )
        .await;
    let large = world
        .offer(
            "/workerpoolorders",
            &operator(),
            &operator().signed(pool_order(20, 50)),
        )
        .await;
    let mut private = pool_order(1, 50);
    private.requesterrestrict = owner().address;
    let private = world
        .offer(
            "/workerpoolorders",
            &operator(),
            &operator().signed(private),
        )
        .await;
    let wanted = json!({ "app": APP, "category": 0, "trust": 5, "volume": 5, "requester": requester().address });
    let response = world
        .http
        .post(world.url("/match"))
        .json(&wanted)
        .send()
        .await
        .unwrap();
    let (status, plan) = answer(response).await;
    assert_eq!(status, StatusCode::OK, "{plan}");
    assert_eq!(
        plan["fills"],
        json!([
            { "app": app, "workerpool": small, "volume": 3, "price": 11 },
            { "app": app, "workerpool": large, "volume": 2, "price": 21 },
        ])
    );
    assert_eq!(
        (&plan["filled"], &plan["missing"], &plan["cost"]),
        (&json!(5), &json!(0), &json!(75))
    );
    assert_eq!(
        plan["orders"][&small]["order"]["workerpoolprice"], 10,
        "with the signed orders"
    );
    let why = &plan["refused"][0];
    assert_eq!(
        (&why["orderHash"], &why["reason"]),
        (&json!(private), &json!("restriction"))
    );
    assert!(
        why["remedy"].as_str().unwrap().contains("operator"),
        "{why}"
    );
}
