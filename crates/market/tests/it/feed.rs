//! The push feed.

use canut_market::chain::Event;
use canut_protocol::Order;
use futures::StreamExt;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

use crate::world::*;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn listen(world: &World, query: &str) -> Socket {
    let url = world.url(&format!("/feed{query}")).replace("http", "ws");
    let (mut socket, _) = connect_async(url).await.unwrap();
    // The feed begins when the first ping arrives.
    assert!(matches!(socket.next().await, Some(Ok(Message::Ping(_)))));
    socket
}

async fn next(socket: &mut Socket) -> Value {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Message::Text(text) => return serde_json::from_str(&text).unwrap(),
            Message::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn listeners_hear_of_orders_and_deals() {
    let world = World::new().await;
    let (mut all, mut deals) = (
        listen(&world, "").await,
        listen(&world, "?topics=deals").await,
    );
    let app = developer().signed(app_order(1, 2));
    let pool = operator().signed(pool_order(5, 2));
    let request = requester().signed(request_order(2));
    let hash = world.offer("/apporders", &developer(), &app).await;
    let heard = next(&mut all).await;
    assert_eq!(
        (&heard["event"], &heard["payload"]["orderHash"]),
        (&json!("apporder_published"), &json!(hash))
    );

    world
        .mine(vec![
            deal(&app, &pool, &request, 0, 1),
            Event::Closed(app.hash(&domain())),
        ])
        .await;
    let heard = next(&mut all).await;
    assert_eq!(
        (&heard["event"], &heard["payload"]["volume"]),
        (&json!("deal_created"), &json!(1))
    );
    assert_eq!(
        next(&mut deals).await,
        heard,
        "the other heard nothing of orders"
    );
    let heard = next(&mut all).await;
    assert_eq!(
        (&heard["event"], &heard["payload"]["status"]),
        (&json!("apporder_updated"), &json!("canceled"))
    );

    world.chain.reorganise(1, vec![vec![]]);
    assert_eq!(
        next(&mut deals).await,
        json!({ "event": "rollback", "payload": { "blockNumber": 1 } })
    );
    deals.close(None).await.unwrap();
    world.server.stop().await;
    let last = loop {
        match all.next().await {
            Some(Ok(Message::Close(Some(frame)))) => break frame,
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert!(last.reason.contains("shutting down"), "{last:?}");
}

#[tokio::test]
async fn a_listener_that_falls_behind_is_dropped_with_a_reason() {
    let world = World::new().await;
    let mut slow = listen(&world, "").await;
    let app = developer().signed(app_order(1, 1));
    let pool = operator().signed(pool_order(5, 2));
    let request = request_order(2);
    // More than the feed keeps, in one go: however fast it reads, some of it was overwritten before it could.
    let flood = (0..6_000).map(|first| deal(&app, &pool, &request, first, 1));
    let read = async {
        let mut heard = 0;
        loop {
            match slow.next().await {
                Some(Ok(Message::Close(Some(frame)))) => break (frame, heard),
                Some(Ok(_)) => heard += 1,
                other => panic!("{other:?} after {heard}"),
            }
        }
    };
    let ((), (frame, heard)) = tokio::join!(world.mine(flood.collect()), read);
    assert_eq!(u16::from(frame.code), 1_008);
    assert!(frame.reason.contains("too slow"), "{frame:?}");
    assert!(heard < 6_000);
    assert_eq!(
        world.ok("/deals").await["count"],
        6_000,
        "the market went on"
    );
}

#[tokio::test]
async fn what_is_no_listener_is_told_so() {
    let world = World::new().await;
    let (status, body) = world.get("/feed").await;
    assert_eq!(status, 400);
    assert!(body["error"].as_str().unwrap().contains("ws://"), "{body}");
    let (status, body) = world.get("/feed?topics=gossip").await;
    assert_eq!(status, 400);
    assert!(
        body["error"]
            .as_str()
            .unwrap()
            .contains("`gossip` is no topic"),
        "{body}"
    );
}
