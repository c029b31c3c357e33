//! Prices over HTTP.

use canut_market::chain::memory::GENESIS;
use serde_json::json;

use crate::world::*;

#[tokio::test]
async fn prices_tell_what_was_traded_and_what_is_on_offer() {
    let world = World::new().await;
    let app = developer().signed(app_order(0, 100));
    let request = requester().signed(request_order(50));
    world.offer("/apporders", &developer(), &app).await;
    for (price, volume) in [(30, 5), (20, 1), (20, 2)] {
        world
            .offer(
                "/workerpoolorders",
                &operator(),
                &operator().signed(pool_order(price, volume)),
            )
            .await;
    }
    world.offer("/requestorders", &requester(), &request).await;
    let mut first = 0;
    for price in [9, 5, 7] {
        let pool = operator().signed(pool_order(price, 10));
        world
            .mine(vec![deal(&app, &pool, &request, first, 2)])
            .await;
        first += 2;
    }
    let depth = world.ok("/prices/depth?category=0&levels=1").await;
    assert_eq!(
        depth["asks"],
        json!([{ "price": 20, "volume": 3, "orders": 2 }])
    );
    assert_eq!(
        depth["bids"],
        json!([{ "price": 100, "volume": 44, "orders": 1 }])
    );

    let candles = world
        .ok(&format!(
            "/prices/candles?category=0&interval=86400&from={GENESIS}"
        ))
        .await;
    let [candle] = candles["candles"].as_array().unwrap().as_slice() else {
        panic!("{candles}")
    };
    assert_eq!(
        [
            &candle["open"],
            &candle["high"],
            &candle["low"],
            &candle["close"],
            &candle["volume"]
        ],
        [&json!(9), &json!(9), &json!(5), &json!(7), &json!(6)]
    );
    let summary = world.ok("/prices/summary?category=0").await;
    assert_eq!(
        (
            &summary["lastPrice"],
            &summary["bestAsk"],
            &summary["bestBid"]
        ),
        (&json!(7), &json!(20), &json!(100))
    );
    assert_eq!(
        summary["volume24h"], 0,
        "the chain of this test lives in 2023"
    );
    let ohlc = world.ok("/ohlc?category=0").await;
    assert_eq!(ohlc["ohlc"][2], json!(["2023-11-14T22:14:00.000Z", 7, 2]));
    assert_eq!(
        world.ok("/prices/candles?category=3").await["candles"],
        json!([])
    );
}

#[tokio::test]
async fn categories_are_those_of_the_hub() {
    let world = World::new().await;
    let all = world.ok("/categories").await;
    assert_eq!(
        (&all["count"], &all["categories"][1]["name"]),
        (&json!(5), &json!("S"))
    );
    let some = world
        .ok("/categories?minWorkClockTimeRef=1000&maxWorkClockTimeRef=4000")
        .await;
    assert_eq!(some["count"], 2);
    let one = world.ok("/categories/4").await;
    assert_eq!(
        (&one["workClockTimeRef"], &one["blockNumber"]),
        (&json!(36_000), &json!(1))
    );
    assert_eq!(
        world.get("/categories/5").await.1["error"],
        "category not found"
    );
}
