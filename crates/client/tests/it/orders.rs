//! Orders, from the seller's desk to the book and back.

use alloy_primitives::{Address, U256};
use canut_client::{Error, OrderQuery, Target, salt};
use canut_hub::events::AssetKind;
use canut_protocol::{AppOrder, Nrlc, Order, WorkerpoolOrder, order::OrderKind};

use crate::world::{World, looms};

#[tokio::test]
async fn an_app_is_deployed_once_and_can_be_given_away() {
    let world = World::open().await;
    let (dev, heir) = (world.person(0).await, world.person(0).await);
    let wasm = world.file("a.wasm", b"\0asm\x01\0\0\0");
    let first = dev.deploy_app("loom", &wasm).await.unwrap();
    let again = dev.deploy_app("loom", &wasm).await.unwrap();
    assert_eq!(first.address, again.address);
    assert!(first.transaction.is_some() && again.transaction.is_none());

    let (owner, app) = dev
        .client()
        .hub()
        .app(first.address)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((owner, app.kind.as_str()), (dev.address(), "WASM"));
    // The SDK's binary form of a CID of version 0.
    assert_eq!(app.multiaddr[..3], [0xa5, 0x03, 0x22]);
    assert_eq!(
        dev.client()
            .assets(AssetKind::App, dev.address())
            .await
            .unwrap(),
        [first.address]
    );

    dev.transfer(AssetKind::App, first.address, heir.address())
        .await
        .unwrap();
    assert_eq!(
        dev.client()
            .assets(AssetKind::App, heir.address())
            .await
            .unwrap(),
        [first.address]
    );

    let text = world.file("b.wasm", b"#!/bin/sh");
    assert!(matches!(
        dev.deploy_app("loom", &text).await,
        Err(Error::NoApp(_))
    ));
}

#[tokio::test]
async fn an_order_is_published_taken_back_and_closed_for_good() {
    let world = World::open().await;
    let dev = world.person(0).await;
    let app = world.app(&dev).await;
    let order = AppOrder {
        app,
        appprice: Nrlc::rlc(1),
        volume: U256::from(5),
        salt: salt(),
        ..AppOrder::default()
    };
    let order = dev.sign(order).unwrap();
    let hash = order.hash(&dev.client().hub().domain());
    assert_eq!(dev.publish(&order).await.unwrap().order_hash, hash);
    let market = dev.client().market().unwrap().clone();
    let of_app = OrderQuery::default().with("app", app);
    assert_eq!(
        market.orders::<AppOrder>(&of_app, 20).await.unwrap().items[0].order,
        order
    );

    // Another account can neither publish it nor take it back.
    let thief = world.person(0).await;
    let refused = thief.publish(&order).await.unwrap_err();
    assert!(
        matches!(refused, Error::Refused { status: 403, .. }),
        "{refused}"
    );
    assert!(
        thief
            .unpublish(OrderKind::App, Target::Order(hash))
            .await
            .is_err()
    );

    assert_eq!(
        dev.unpublish(OrderKind::App, Target::All(app))
            .await
            .unwrap(),
        [hash]
    );
    assert_eq!(
        market.orders::<AppOrder>(&of_app, 20).await.unwrap().count,
        0
    );
    assert_eq!(market.order::<AppOrder>(hash).await.unwrap(), None);

    dev.publish(&order).await.unwrap();
    dev.cancel(&order).await.unwrap();
    assert_eq!(dev.client().consumed(hash).await.unwrap(), 5);
    world.market_follows().await;
    assert_eq!(
        market
            .order::<AppOrder>(hash)
            .await
            .unwrap()
            .unwrap()
            .status,
        "canceled"
    );
}

#[tokio::test]
async fn a_pool_without_stake_is_told_what_is_missing() {
    let world = World::open().await;
    let operator = world.person(0).await;
    let pool = operator.register_workerpool("poor").await.unwrap().address;
    world.market_follows().await;
    let order: WorkerpoolOrder = operator.sign(looms(pool, 10, 1, 1)).unwrap();
    let told = operator.publish(&order).await.unwrap_err().to_string();
    assert!(
        told.contains("the market refuses") && told.contains("3 RLC"),
        "{told}"
    );
}

#[tokio::test]
async fn what_is_not_there_is_said_in_words() {
    let world = World::open().await;
    let account = world.person(0).await;
    let client = account.client();
    let told = |error: Error| error.to_string();
    let nowhere = Address::repeat_byte(9);
    assert!(
        told(
            client
                .deal(canut_protocol::DealId::default())
                .await
                .unwrap_err()
        )
        .contains("no deal")
    );
    let bare = canut_client::Network {
        market: None,
        store: None,
        ..world.network.clone()
    };
    let bare = canut_client::Client::connect(&bare).await.unwrap();
    assert!(told(bare.market().unwrap_err()).contains("--market URL"));
    let other = canut_client::Network {
        chain_id: Some(1),
        ..world.network.clone()
    };
    assert!(
        told(canut_client::Client::connect(&other).await.unwrap_err()).contains("of chain 31337")
    );
    let wrong = canut_client::Network {
        hub: nowhere,
        ..world.network.clone()
    };
    assert!(canut_client::Client::connect(&wrong).await.is_err());
    let dead = canut_client::Network {
        market: Some("http://127.0.0.1:1".into()),
        ..world.network.clone()
    };
    let dead = canut_client::Client::connect(&dead).await.unwrap();
    let gone = dead.market().unwrap().head().await.unwrap_err();
    assert!(matches!(gone, Error::Unreachable { .. }), "{gone}");
}
