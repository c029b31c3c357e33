//! A pool that stalls: the chain decides, and what it decided can be shown to anybody.

use std::{collections::BTreeSet, time::Duration};

use canut_client::{Client, Network, verify_archive, verify_receipt};
use canut_hub::{Event, Follower, RangeState};
use canut_pool::Way;
use canut_protocol::{
    Deal, DealId,
    range::{self, Member},
    receipt::{Check, Outcome, Receipt},
};
use canut_store::parse_cid;
use tokio::time::interval;

use crate::market::{Market, TIME_REF, WORKER, agreed, follow};

/// Lets so many reference times of the deal pass.
pub(crate) async fn pass_to(market: &Market, deal: &Deal, references: u64) {
    let now = market.hub().now().await.unwrap();
    let at = deal.start_time + references * TIME_REF + 1;
    market.node.pass(at.saturating_sub(now)).await;
}

pub(crate) async fn reach(
    market: &Market,
    id: DealId,
    deal: &Deal,
    state: fn(&RangeState) -> bool,
) {
    let mut look = interval(Duration::from_millis(50));
    loop {
        look.tick().await;
        let record = market.hub().range_at(id, deal.bot_first).await.unwrap();
        if record.is_some_and(|record| state(&record.state)) {
            return;
        }
    }
}

pub(crate) async fn opened(market: &Market) {
    let (provider, deployment) = (market.hub().provider().clone(), *market.hub().deployment());
    let mut follower = Follower::from_block(provider, deployment, follow(), 0);
    let is_opened = |event: &Event| matches!(event, Event::RangeOpened { .. });
    while !follower
        .next()
        .await
        .unwrap()
        .events
        .iter()
        .any(|happening| is_opened(&happening.event))
    {}
}

/// A bag that a pool without a store never settles, and what is left when it and its workers are gone.
async fn what_the_chain_decided(market: &Market) -> (DealId, Deal, Client) {
    let mut config = market.pool_config(Market::settings());
    let store = std::mem::replace(&mut config.store, "http://127.0.0.1:9".into());
    let pool = canut_pool::start(config).await.unwrap();
    let mut workers = Vec::new();
    for seed in WORKER..WORKER + 5 {
        market.endow(seed).await;
        workers.push(market.worker(&pool.sessions(), seed).await);
    }
    let (id, deal) = market.deal(2, 10, "").await;
    agreed(&pool.address().to_string(), id, &deal).await;
    pass_to(market, &deal, 7).await;
    reach(market, id, &deal, |state| {
        matches!(state, RangeState::Posted)
    })
    .await;
    pass_to(market, &deal, 8).await;
    opened(market).await;
    pass_to(market, &deal, 9).await;
    reach(market, id, &deal, |state| {
        matches!(state, RangeState::Settled(_))
    })
    .await;
    for worker in workers {
        worker.shutdown().await;
    }
    pool.shutdown().await;
    let network = Network {
        rpc: market.node.url.clone(),
        hub: market.hub().address(),
        store: Some(store),
        ..Network::default()
    };
    (id, deal, Client::connect(&network).await.unwrap())
}

fn failed(receipt: &Receipt, blocks: &BTreeSet<alloy_primitives::B256>) -> Vec<Check> {
    verify_receipt(receipt, blocks).failed().collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_shows_what_the_chain_decided_when_the_pool_is_gone() {
    let market = Market::open_for(Way::Certificate).await;
    let (id, deal, client) = what_the_chain_decided(&market).await;
    let receipt = client.receipt((id, deal.bot_first)).await.unwrap();
    assert_eq!(receipt.settlement.way, range::Way::Resolve);
    assert!(receipt.votes.len() >= 4);
    let report = client.verify_receipt(&receipt).await.unwrap();
    assert!(report.holds(), "{report:?}");
    assert_eq!(report.of(Check::Record), Some(&Outcome::Passed));

    let blocks = BTreeSet::from([receipt.settlement.block_hash, receipt.terms.block_hash]);
    assert_eq!(failed(&receipt, &blocks), []);
    let file = market.folder.path().join("result.zip");
    let cid = parse_cid(&receipt.result.cid).unwrap();
    market.store.download(&cid, &file).await.unwrap();
    assert_eq!(verify_archive(&receipt, &file).unwrap(), Outcome::Passed);

    let mut forged = receipt.clone();
    let other = forged.votes[1].member.signature().unwrap();
    if let Member::Winner { signature, .. } = &mut forged.votes[0].member {
        *signature = other;
    }
    assert_eq!(failed(&forged, &blocks), [Check::Votes]);
    let mut fewer = receipt;
    fewer.votes.pop();
    assert!(failed(&fewer, &blocks).contains(&Check::Settlement));
}
