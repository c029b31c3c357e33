//! Prices, and the news of the market.

use canut_client::{Level, OrderQuery};
use canut_protocol::Nrlc;

use crate::{
    purchase::{buy, pool, wanted},
    world::World,
};

#[tokio::test]
async fn prices_follow_the_trades_and_the_feed_tells_them() {
    let world = World::open().await;
    let _crew = pool(&world, &[(3, 5), (1, 2)]).await;
    let requester = world.person(20).await;
    let market = requester.client().market().unwrap();
    let level = |rlc, volume| Level {
        price: Nrlc::rlc(rlc),
        volume,
        orders: 1,
    };
    let depth = market.depth(0, 10).await.unwrap();
    assert_eq!(
        (depth.asks, depth.bids),
        (vec![level(1, 2), level(3, 5)], vec![])
    );
    assert_eq!(market.depth(0, 1).await.unwrap().asks, [level(1, 2)]);
    assert_eq!(market.summary(0).await.unwrap().last_price, None);
    assert!(market.candles(0, 3_600, 10).await.unwrap().is_empty());

    let mut feed = market.listen(&["deals"]).await.unwrap();
    let app = world.app(&requester).await;
    let deals = buy(&requester, &wanted(app, 3, 10)).await;
    for deal in &deals {
        let told = feed.next().await.unwrap();
        assert_eq!(told.event, "deal_created");
        assert_eq!(told.payload["dealid"], deal.to_string());
    }
    let mine = OrderQuery::default().with("requester", requester.address());
    while market.deals(&mine, 10).await.unwrap().count < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(market.depth(0, 10).await.unwrap().asks, [level(3, 4)]);
    let summary = market.summary(0).await.unwrap();
    assert_eq!(
        (summary.last_price, summary.volume_24h, summary.turnover_24h),
        (Some(Nrlc::rlc(3)), 3, Nrlc::rlc(5))
    );
    // A day, so that the two trades are in one candle, but at midnight.
    let candles = market.candles(0, 86_400, 10).await.unwrap();
    let trades: u64 = candles.iter().map(|candle| candle.trades).sum();
    let (first, last) = (candles.first().unwrap(), candles.last().unwrap());
    assert_eq!(
        (first.open, last.close, trades),
        (Nrlc::rlc(1), Nrlc::rlc(3), 2)
    );

    let refused = market.listen(&["weather"]).await.unwrap_err().to_string();
    assert!(refused.contains("`weather` is no topic"), "{refused}");
}
