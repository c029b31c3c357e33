//! The push feed.

use alloy_primitives::{Address, B256, Bytes};
use canut_market::chain::{Event, TaskStep};
use canut_protocol::{Order, TaskId};
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

/// Each row: a step, its name in the feed, and a field that tells more.
#[tokio::test]
async fn listeners_hear_how_tasks_get_on_and_what_a_fork_takes_back() {
    let world = World::new().await;
    let mut tasks = listen(&world, "?topics=tasks").await;
    let (worker, hash) = (Address::repeat_byte(0xab), B256::repeat_byte(7));
    let shown = json!(worker.to_checksum(None));
    let results = Bytes::from_static(b"/ipfs/");
    let rows = [
        (
            TaskStep::Initialized { workerpool: worker },
            "task_initialized",
            "workerpool",
            shown.clone(),
        ),
        (
            TaskStep::Contributed {
                worker,
                result_hash: hash,
            },
            "task_contributed",
            "worker",
            shown,
        ),
        (
            TaskStep::Consensus { result_hash: hash },
            "task_consensus",
            "resultHash",
            json!(hash),
        ),
        (
            TaskStep::Revealed {
                worker,
                digest: hash,
            },
            "task_revealed",
            "resultDigest",
            json!(hash),
        ),
        (
            TaskStep::Finalized {
                results: results.clone(),
            },
            "task_finalized",
            "results",
            json!(results),
        ),
        (TaskStep::Reopened, "task_reopened", "blockNumber", json!(2)),
        (
            TaskStep::Claimed,
            "task_claimed",
            "transactionHash",
            json!(hash),
        ),
    ];
    let task = TaskId(B256::repeat_byte(9));
    let step = |step| Event::Task {
        task,
        step,
        transaction: hash,
    };
    let events = rows.iter().map(|(what, ..)| step(what.clone()));
    world.mine(events.collect()).await;
    for (_, event, field, value) in rows {
        let heard = next(&mut tasks).await;
        assert_eq!(
            (&heard["event"], &heard["payload"]["taskid"]),
            (&json!(event), &json!(task))
        );
        assert_eq!(heard["payload"][field], value, "{heard}");
    }
    world.chain.reorganise(1, vec![vec![]]);
    assert_eq!(next(&mut tasks).await["event"], "rollback");
    let world = world.restarted().await;
    assert_eq!(
        world.ok("/deals").await["count"],
        0,
        "steps of tasks are not kept"
    );
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
