//! Publishing, looking, taking back.

use canut_market::chain::Event;
use canut_protocol::{Order, Tag};
use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::{database::databases, world::*};

#[tokio::test]
async fn an_order_is_published_found_and_taken_back() {
    for database in databases().await {
        let world = World::on(&database.url).await;
        let order = developer().signed(app_order(7, 3));
        let hash = world.offer("/apporders", &developer(), &order).await;

        let found = world.ok(&format!("/apporders/{hash}")).await;
        assert_eq!(found["status"], "open");
        assert_eq!(found["remaining"], 3);
        assert_eq!(found["signer"], developer().address.to_checksum(None));
        assert_eq!(
            found["order"],
            json!(order),
            "an order comes back as it was signed"
        );
        let time = found["publicationTimestamp"].as_str().unwrap();
        assert!(time.len() == 24 && time.ends_with('Z'), "{time}");

        let list = world.ok(&format!("/apporders?app={APP}")).await;
        assert_eq!(
            (list["count"].as_u64(), list.get("nextPage")),
            (Some(1), None)
        );
        assert_eq!(list["orders"][0]["orderHash"], json!(hash));
        assert_eq!(list["orders"][0]["chainId"], json!(CHAIN));

        let target = json!({ "target": "unpublish_orderHash", "orderHash": hash });
        let (status, body) = world
            .send(Method::PUT, "/apporders", &developer(), &target)
            .await;
        assert_eq!(
            (status, &body["unpublished"]),
            (StatusCode::OK, &json!([hash]))
        );
        let (status, body) = world.get(&format!("/apporders/{hash}")).await;
        assert_eq!(
            (status, &body["error"]),
            (StatusCode::NOT_FOUND, &json!("apporder not found"))
        );
        let (status, _) = world
            .send(Method::PUT, "/apporders", &developer(), &target)
            .await;
        assert_eq!(
            status,
            StatusCode::FORBIDDEN,
            "there is nothing left to take back"
        );
    }
}

#[tokio::test]
async fn the_last_or_all_orders_of_an_asset_are_taken_back() {
    let world = World::new().await;
    let mut hashes = Vec::new();
    for price in 1..4 {
        hashes.push(
            world
                .offer(
                    "/workerpoolorders",
                    &operator(),
                    &operator().signed(pool_order(price, 1)),
                )
                .await,
        );
    }
    let last = json!({ "target": "unpublish_last", "workerpool": POOL });
    let (_, body) = world
        .send(Method::PUT, "/workerpoolorders", &operator(), &last)
        .await;
    let gone = body["unpublished"][0].as_str().unwrap().to_owned();
    assert!(hashes.contains(&gone));
    let all = json!({ "target": "unpublish_all", "workerpool": POOL });
    let (_, body) = world
        .send(Method::PUT, "/workerpoolorders", &operator(), &all)
        .await;
    assert_eq!(body["unpublished"].as_array().unwrap().len(), 2);
    assert_eq!(world.ok("/workerpoolorders").await["count"], 0);
}

#[tokio::test]
async fn lists_are_by_price_then_time_in_pages() {
    let world = World::new().await;
    let mut expected = Vec::new();
    for (place, price) in [5, 3, 5, 1, 3, 9, 2, 2, 2, 8, 4, 6].into_iter().enumerate() {
        let hash = world
            .offer(
                "/workerpoolorders",
                &operator(),
                &operator().signed(pool_order(price, 1)),
            )
            .await;
        expected.push((price, place, hash));
    }
    expected.sort();
    let first = world.ok("/workerpoolorders?pageSize=10&pageIndex=0").await;
    let second = world.ok("/workerpoolorders?pageSize=10&pageIndex=1").await;
    assert_eq!(
        (&first["count"], &first["nextPage"]),
        (&json!(12), &json!(10))
    );
    assert_eq!(second.get("nextPage"), None);
    let shown = |page: &serde_json::Value| {
        let orders = page["orders"].as_array().unwrap().iter();
        orders
            .map(|order| order["order"]["workerpoolprice"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    let prices: Vec<_> = [shown(&first), shown(&second)].concat();
    assert_eq!(
        prices,
        expected
            .iter()
            .map(|(price, ..)| *price)
            .collect::<Vec<_>>()
    );
}

/// Each row: the query, and which of the orders it admits.
#[tokio::test]
async fn each_filter_admits_what_it_says() {
    let world = World::new().await;
    let other = requester().address;
    let mut plain = pool_order(1, 5);
    plain.category = alloy_primitives::U256::from(2);
    let mut for_app = pool_order(2, 1);
    for_app.apprestrict = APP;
    let mut for_requester = pool_order(3, 9);
    for_requester.requesterrestrict = other;
    let mut gpu = pool_order(4, 2);
    (gpu.tag, gpu.trust) = (Tag::GPU | Tag::TEE, canut_protocol::Trust::new(50));
    for order in [plain, for_app, for_requester, gpu] {
        world
            .offer("/workerpoolorders", &operator(), &operator().signed(order))
            .await;
    }
    let tag = |tag: Tag| tag.0.to_string();
    let nobody = requester().address;
    for (query, admitted) in [
        (String::new(), "14"),
        (format!("workerpool={POOL}"), "14"),
        ("workerpool=any".to_owned(), "14"),
        (format!("workerpool={APP}"), ""),
        (
            format!(
                "workerpoolOwner={}",
                operator().address.to_string().to_lowercase()
            ),
            "14",
        ),
        (format!("workerpoolOwner={nobody}"), ""),
        (format!("app={APP}"), "124"),
        (format!("app={APP}&isAppStrict=true"), "2"),
        (format!("app={APP}&isAppStrict=false"), "124"),
        ("app=any".to_owned(), "124"),
        ("app=any&requester=any".to_owned(), "1234"),
        (format!("requester={other}&isRequesterStrict=true"), "3"),
        ("category=2".to_owned(), "1"),
        ("category=4".to_owned(), ""),
        ("minTrust=1".to_owned(), "14"),
        ("minTrust=6".to_owned(), "4"),
        (format!("minTag={}", tag(Tag::GPU)), "4"),
        (format!("maxTag={}", tag(Tag::GPU)), "1"),
        (
            format!("maxTag={}", tag(Tag::GPU | Tag::TEE | Tag::TDX)),
            "14",
        ),
        ("minVolume=3".to_owned(), "1"),
        ("minVolume=3&requester=any".to_owned(), "13"),
    ] {
        let list = world.ok(&format!("/workerpoolorders?{query}")).await;
        let shown: String = list["orders"]
            .as_array()
            .unwrap()
            .iter()
            .map(|order| order["order"]["workerpoolprice"].to_string())
            .collect();
        assert_eq!(shown, admitted, "{query}");
        assert_eq!(list["count"], admitted.len(), "{query}");
    }
}

#[tokio::test]
async fn requests_are_listed_by_what_they_pay_and_for_whom() {
    let world = World::new().await;
    world
        .offer(
            "/apporders",
            &developer(),
            &developer().signed(app_order(1, 9)),
        )
        .await;
    world
        .offer(
            "/datasetorders",
            &owner(),
            &owner().signed(dataset_order(0, (1 << 53) - 1)),
        )
        .await;
    let cheap = request_order(1);
    let mut dear = request_order(1);
    (dear.workerpoolmaxprice, dear.workerpool) = (canut_protocol::Nrlc::new(200), POOL);
    let mut with_data = request_order(1);
    (with_data.dataset, with_data.trust) = (DATASET, canut_protocol::Trust::new(7));
    with_data.beneficiary = owner().address;
    let mut hashes = Vec::new();
    for order in [cheap, dear, with_data] {
        hashes.push(
            world
                .offer("/requestorders", &requester(), &requester().signed(order))
                .await,
        );
    }
    let list = async |query: &str| -> Vec<usize> {
        let list = world.ok(&format!("/requestorders?{query}")).await;
        let orders = list["orders"].as_array().unwrap().iter();
        orders
            .map(|order| {
                hashes
                    .iter()
                    .position(|hash| order["orderHash"] == json!(hash))
                    .unwrap()
            })
            .collect()
    };
    assert_eq!(list("workerpool=any").await[0], 1, "the best bid first");
    assert_eq!(
        list("").await.len(),
        2,
        "without the one for one workerpool only"
    );
    assert_eq!(
        list(&format!("workerpool={POOL}&isWorkerpoolStrict=true")).await,
        [1]
    );
    assert_eq!(list(&format!("dataset={DATASET}")).await, [2]);
    assert_eq!(list(&format!("beneficiary={}", owner().address)).await, [2]);
    assert_eq!(list("maxTrust=0").await, [0]);
    assert_eq!(
        list(&format!("requester={}", owner().address)).await,
        Vec::<usize>::new()
    );

    let bulk = world
        .ok(&format!("/datasetorders?dataset={DATASET}&bulkOnly=true"))
        .await;
    assert_eq!(
        (&bulk["count"], &bulk["orders"][0]["bulk"]),
        (&json!(1), &json!(true))
    );
}

#[tokio::test]
async fn a_presigned_order_and_one_of_a_contract_are_taken() {
    let world = World::new().await;
    let wallet = Wallet::new(9);
    world
        .mine(vec![Event::Owner {
            kind: canut_market::chain::AssetKind::App,
            asset: APP,
            owner: wallet.address,
        }])
        .await;
    let order = app_order(1, 1);
    let (status, body) = world.publish("/apporders", &wallet, &json!(order)).await;
    assert_eq!(status, StatusCode::FORBIDDEN, "nobody signed it: {body}");
    world
        .chain
        .deploy_wallet(wallet.address, [order.hash(&domain()).0]);
    world.offer("/apporders", &wallet, &order).await;
}
