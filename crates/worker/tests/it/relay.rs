//! A pool is gone with what it owes, and its workers have no ether: whoever has some carries their votes, and is paid for it.

use std::collections::BTreeSet;

use alloy::primitives::U256;
use canut_hub::{Caller, Event, Follower};
use canut_pool::Way;
use canut_protocol::{
    Nrlc,
    range::{Kind, Range, Value, Way as Settling},
};
use canut_relay::{Config, Errand, Remote, RemoteError, Server};
use serde_json::json;

use crate::{
    market::{Market, TIME_REF, WORKER, agreed, follow, get},
    node::key,
    ranges::settlements,
};

/// The key of the relay.
const RELAY: u8 = 40;

async fn relay(market: &Market) -> (Caller, Server, String) {
    let caller = Caller::new(market.hub().clone(), market.node.sender(RELAY).await);
    let server = Server::start(Config::default(), caller.clone())
        .await
        .unwrap();
    let url = format!("http://{}", server.address());
    (caller, server, url)
}

/// The chain's time becomes later than this.
async fn pass_to(market: &Market, time: u64) {
    let now = market.hub().now().await.unwrap();
    market.node.pass((time + 1).saturating_sub(now)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_without_ether_are_paid_though_their_pool_is_gone() {
    let market = Market::open_for(Way::Certificate).await;
    let (carrier, relay, url) = relay(&market).await;
    // Without a store it never sees the results, and so never settles.
    let mut config = market.pool_config(Market::settings());
    config.store = "http://127.0.0.1:9".into();
    let pool = canut_pool::start(config).await.unwrap();
    let mut workers = Vec::new();
    for seed in WORKER..WORKER + 5 {
        market.endow(seed).await;
        let mut config = market.worker_config(&pool.sessions(), seed);
        // The first relay is gone as well.
        config.relays = vec!["http://127.0.0.1:9".into(), url.clone()];
        workers.push(canut_worker::start(config).await.unwrap());
        let account = key(seed).address();
        let none = json!([account, U256::ZERO]);
        market.node.rpc("anvil_setBalance", none).await;
    }
    let supply = market.hub().total_supply().await.unwrap();
    let (id, deal) = market.deal(2, 10, "").await;
    agreed(&pool.address().to_string(), id, &deal).await;
    pool.shutdown().await;

    // A worker's turn to post, the openings, the decision.
    let mut follower = Follower::from_block(
        market.hub().provider().clone(),
        *market.hub().deployment(),
        follow(),
        0,
    );
    let (mut posted, mut opened) = (BTreeSet::new(), BTreeSet::new());
    pass_to(&market, deal.start_time + 7 * TIME_REF + TIME_REF / 4).await;
    // Two ranges of one task, and four new workers for trust 10.
    while posted.len() < 8 {
        for happening in follower.next().await.unwrap().events {
            if let Event::RangePosted { range, worker, .. } = happening.event {
                posted.insert((range, worker));
            }
        }
    }
    pass_to(&market, deal.start_time + 8 * TIME_REF).await;
    while opened.len() < 2 {
        for happening in follower.next().await.unwrap().events {
            if let Event::RangeOpened { id, .. } = happening.event {
                opened.insert(id);
            }
        }
    }
    pass_to(&market, deal.start_time + 9 * TIME_REF).await;
    let settled = settlements(&market, id, &deal).await;
    assert!(settled.iter().all(|one| one.way == Settling::Resolve));
    let mut members = settled.iter().flat_map(|one| &one.members);
    assert!(
        members.all(|member| member.kind == Kind::Winner),
        "{settled:?}"
    );
    assert_eq!(market.hub().total_supply().await.unwrap(), supply);

    let earned = market.hub().account(carrier.address()).await.unwrap();
    assert!(earned.stake > Nrlc::ZERO, "the pool that stalled pays");
    let status = get(&relay.address().to_string(), "/status").await.unwrap();
    let carried = &status["carried"];
    assert!(
        carried["post"].as_u64() > Some(1) && carried["resolve"].as_u64() > Some(0),
        "{status}"
    );
    for worker in workers {
        worker.shutdown().await;
    }
    relay.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_hub_would_refuse_costs_a_relay_nothing() {
    let market = Market::open_for(Way::Certificate).await;
    let (carrier, relay, url) = relay(&market).await;
    let (id, _) = market.deal(2, 10, "").await;
    let before = market.node.nonce(carrier.address()).await;
    let remote = Remote::new(&url).unwrap();
    let range = Range::new(id, 0, 1).unwrap();
    let value = Value {
        root: id.0,
        link: id.0,
    };
    let domain = market.hub().domain();
    for errand in [Errand::Resolve { range }, Errand::Open { range, value }] {
        let refused = remote.carry(&domain, errand).await;
        assert!(
            matches!(&refused, Err(RemoteError::Refused { status: 409, .. })),
            "{refused:?}"
        );
    }
    let nothing = Errand::Post {
        range,
        votes: Vec::new(),
    };
    let refused = remote.carry(&domain, nothing).await.unwrap_err();
    assert!(refused.to_string().contains("1 to 48 votes"), "{refused}");
    let mut other = domain;
    other.chain_id += 1;
    let refused = remote.carry(&other, Errand::Resolve { range }).await;
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("this relay carries to the hub"),
        "{refused}"
    );
    assert_eq!(market.node.nonce(carrier.address()).await, before);
    relay.stop().await;
}
