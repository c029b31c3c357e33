//! Events, in order and exactly once, through lost connections and re-organisations.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use alloy::{primitives::Address, providers::Provider, rpc::types::Filter};
use canut_hub::{
    Caller, Event, Follower, connect,
    events::{Batch, Checkpoint, FollowConfig, FollowError, Happening},
};
use canut_protocol::Nrlc;
use serde_json::{Value, json};

use crate::{
    faults::{Fate, Proxy},
    market::{Market, STRANGER},
};

const FRIEND: Address = Address::repeat_byte(0x55);

fn config() -> FollowConfig {
    FollowConfig {
        poll: Duration::from_millis(10),
        ..FollowConfig::default()
    }
}

/// Everything that the node knows to have happened up to now, asked for at once.
async fn history(market: &Market) -> Vec<Happening> {
    let here = market.deployment;
    let addresses = vec![
        here.hub,
        here.app_registry,
        here.dataset_registry,
        here.workerpool_registry,
    ];
    let logs = market
        .node
        .provider
        .get_logs(&Filter::new().address(addresses).from_block(0))
        .await
        .unwrap();
    let read = |log: &alloy::rpc::types::Log| {
        Some(Happening {
            event: Event::read(&here, log)?,
            block: log.block_number?,
            time: log.block_timestamp,
            transaction: log.transaction_hash?,
            log_index: log.log_index?,
        })
    };
    logs.iter().filter_map(read).collect()
}

/// Follows until `count` events are told.
async fn told(follower: &mut Follower, count: usize) -> (Vec<Happening>, Checkpoint) {
    let mut events = Vec::new();
    loop {
        let Batch {
            events: more,
            checkpoint,
        } = follower.next().await.unwrap();
        events.extend(more);
        if events.len() >= count {
            return (events, checkpoint);
        }
    }
}

async fn give(caller: &Caller, times: u64) {
    for amount in 1..=times {
        caller.transfer(FRIEND, Nrlc::new(amount)).await.unwrap();
    }
}

#[tokio::test]
async fn a_reader_that_starts_late_and_one_that_resumes_miss_nothing() {
    let market = Market::open().await;
    let stranger = market.party(STRANGER).await;
    give(&stranger, 3).await;
    let before = history(&market).await;
    let provider = market.node.provider.clone();
    let mut first = Follower::from_block(provider.clone(), market.deployment, config(), 0);
    let (events, checkpoint) = told(&mut first, before.len()).await;
    assert_eq!(events, before);
    assert!(matches!(
        events[0].event,
        Event::OwnershipTransferred { .. }
    ));

    // The checkpoint survives a restart as text.
    let text = serde_json::to_string(&checkpoint).unwrap();
    let checkpoint = serde_json::from_str(&text).unwrap();
    give(&stranger, 2).await;
    let mut second = Follower::resume(provider, market.deployment, config(), checkpoint);
    let (events, _) = told(&mut second, 2).await;
    assert_eq!(events, history(&market).await[before.len()..]);
}

#[tokio::test]
async fn lost_connections_neither_skip_nor_repeat() {
    let market = Market::open().await;
    let stranger = market.party(STRANGER).await;
    // Six in a row pass, so that a step of several requests succeeds now and then.
    let proxy = Proxy::to(&market.node.url, |number, _| match number % 13 {
        3 => Fate::Lost,
        5 => Fate::Unanswered,
        7 => Fate::Torn,
        9 => Fate::Error("the node is tired"),
        _ => Fate::Pass,
    })
    .await;
    let far = connect(&proxy.url).await.unwrap();
    let impatient = FollowConfig {
        patience: Duration::from_millis(20),
        ..config()
    };
    let mut follower = Follower::from_block(far, market.deployment, impatient, 0);
    let reading = tokio::spawn(async move {
        let (events, _) = told(&mut follower, 0).await;
        (follower, events)
    });
    give(&stranger, 20).await;
    let expected = history(&market).await;
    let (mut follower, mut events) = reading.await.unwrap();
    events.extend(told(&mut follower, expected.len() - events.len()).await.0);
    assert_eq!(events, expected);
    assert!(proxy.requests() > 50);
}

#[tokio::test]
async fn a_node_that_limits_ranges_is_asked_for_less() {
    let market = Market::open().await;
    let stranger = market.party(STRANGER).await;
    give(&stranger, 2).await;
    market.node.mine(300).await;
    give(&stranger, 2).await;
    market.node.mine(60).await;
    let expected = history(&market).await;
    let proxy = Proxy::to(&market.node.url, |_, call| match span(call) {
        Some(blocks) if blocks > 10 => Fate::Error("query exceeds max block range 10"),
        _ => Fate::Pass,
    })
    .await;
    let mut follower = Follower::from_block(
        connect(&proxy.url).await.unwrap(),
        market.deployment,
        config(),
        0,
    );
    assert_eq!(told(&mut follower, expected.len()).await.0, expected);
}

/// Blocks that a request for logs spans.
fn span(call: &Value) -> Option<u64> {
    let filter = call["params"].get(0)?;
    let number =
        |name| u64::from_str_radix(filter.get(name)?.as_str()?.strip_prefix("0x")?, 16).ok();
    (call["method"] == "eth_getLogs").then_some(number("toBlock")? + 1 - number("fromBlock")?)
}

#[tokio::test]
async fn what_can_still_be_undone_is_not_told() {
    let market = Market::open().await;
    let stranger = market.party(STRANGER).await;
    let depth = FollowConfig {
        depth: 4,
        ..config()
    };
    let mut follower =
        Follower::from_block(market.node.provider.clone(), market.deployment, depth, 0);
    market.node.mine(4).await;
    let settled = history(&market).await;
    assert_eq!(told(&mut follower, settled.len()).await.0, settled);

    // Three blocks with a gift each are undone. The gifts come again, later.
    give(&stranger, 3).await;
    let undone = history(&market).await[settled.len()..].to_vec();
    market.node.rpc("anvil_rollback", json!([3])).await;
    market.node.pass(1_000).await;
    stranger.transfer(FRIEND, Nrlc::new(1_000)).await.unwrap();
    stranger.transfer(FRIEND, Nrlc::new(2_000)).await.unwrap();
    market.node.mine(4).await;
    let expected = history(&market).await[settled.len()..].to_vec();
    assert_eq!(expected.len(), 5);
    assert!(!undone.iter().any(|happening| expected.contains(happening)));
    assert_eq!(told(&mut follower, 5).await.0, expected);
}

#[tokio::test]
async fn a_reorganisation_deeper_than_asked_for_ends_the_story() {
    let market = Market::open().await;
    let stranger = market.party(STRANGER).await;
    give(&stranger, 3).await;
    let known = history(&market).await;
    let mut follower =
        Follower::from_block(market.node.provider.clone(), market.deployment, config(), 0);
    let (_, told_last) = told(&mut follower, known.len()).await;
    let safe = Checkpoint {
        block: told_last.block - 2,
        hash: market
            .node
            .provider
            .get_block((told_last.block - 2).into())
            .await
            .unwrap()
            .unwrap()
            .header
            .hash,
    };
    market.node.rpc("anvil_reorg", json!([2, []])).await;
    assert_eq!(
        follower.next().await,
        Err(FollowError::Reorganised(told_last))
    );

    // An older checkpoint leads on.
    let mut again = Follower::resume(
        market.node.provider.clone(),
        market.deployment,
        config(),
        safe,
    );
    give(&stranger, 1).await;
    let expected: Vec<_> = history(&market)
        .await
        .into_iter()
        .filter(|happening| happening.block > safe.block)
        .collect();
    let (events, _) = told(&mut again, expected.len()).await;
    assert_eq!(events, expected);
}

#[tokio::test]
async fn a_node_that_lags_behind_is_waited_for() {
    let market = Market::open().await;
    let stranger = market.party(STRANGER).await;
    // While it lags, the node knows a head but neither its block nor its logs.
    let lagging = Arc::new(AtomicBool::new(true));
    let switch = Arc::clone(&lagging);
    let height = market.node.provider.get_block_number().await.unwrap();
    let proxy = Proxy::to(&market.node.url, move |_, call| {
        let late = switch.load(Ordering::SeqCst);
        let asked = call["params"][0]
            .as_str()
            .and_then(|text| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok());
        let unknown =
            call["method"] == "eth_getBlockByNumber" && asked.is_some_and(|number| number > height);
        if late && unknown {
            Fate::Error("header not found")
        } else {
            Fate::Pass
        }
    })
    .await;
    let quick = FollowConfig {
        patience: Duration::from_millis(10),
        ..config()
    };
    let mut follower = Follower::from_block(
        connect(&proxy.url).await.unwrap(),
        market.deployment,
        quick,
        0,
    );
    let known = history(&market).await;
    assert_eq!(told(&mut follower, known.len()).await.0, known);
    give(&stranger, 2).await;
    let nothing = tokio::time::timeout(Duration::from_millis(100), follower.next()).await;
    assert!(nothing.is_err(), "told what the node does not know");
    lagging.store(false, Ordering::SeqCst);
    assert_eq!(
        told(&mut follower, 2).await.0,
        history(&market).await[known.len()..]
    );
}

#[tokio::test]
async fn a_websocket_does_as_well() {
    let market = Market::open().await;
    let provider = connect(&market.node.url.replace("http", "ws"))
        .await
        .unwrap();
    let expected = history(&market).await;
    let mut follower = Follower::from_block(provider, market.deployment, config(), 0);
    assert_eq!(told(&mut follower, expected.len()).await.0, expected);
}
