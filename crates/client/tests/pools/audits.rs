//! Pools that keep their promises, and pools that do not.

use std::collections::BTreeSet;

use alloy_primitives::{Address, keccak256};
use canut_client::{AuditDay, Broken, Client, Network, verify_receipt};
use canut_hub::{Caller, Event, Follower};
use canut_pool::Way;
use canut_protocol::{
    Deal, DealId,
    range::audit::{EPOCH_SECONDS, Promise, Rates, epoch},
    receipt::{Check, Outcome},
};
use canut_worker::Handle as Worker;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    time::interval,
};
use tokio_util::task::AbortOnDropHandle;

use crate::market::{Market, SCHEDULER, WORKER, follow};

/// Ranges of the bag that is bought: its tasks, by the pool's stride.
const RANGES: usize = 5;
const STRIDE: u64 = 8;
/// Days after which a pool must have told.
const LATER: u64 = 8 * EPOCH_SECONDS;

async fn client(market: &Market, pool: &str) -> Client {
    let network = Network {
        rpc: market.node.url.clone(),
        hub: market.hub().address(),
        pool: Some(format!("http://{pool}")),
        ..Network::default()
    };
    Client::connect(&network).await.unwrap()
}

/// Tomorrow, on the chain.
async fn tomorrow(market: &Market) -> u32 {
    let now = market.hub().now().await.unwrap();
    epoch(now + EPOCH_SECONDS).unwrap()
}

/// Waits for tomorrow, has a bag served by six workers, and lets a week pass.
async fn a_day_and_a_week(market: &Market, sessions: &str) -> (DealId, Deal) {
    let now = market.hub().now().await.unwrap();
    let start = u64::from(tomorrow(market).await) * EPOCH_SECONDS;
    market.node.pass(start - now + 60).await;
    let mut workers: Vec<Worker> = Vec::new();
    for seed in WORKER..WORKER + 6 {
        market.endow(seed).await;
        workers.push(market.worker(sessions, seed).await);
    }
    let (id, deal) = market.deal(RANGES as u64 * STRIDE, 10, "").await;
    let (provider, deployment) = (market.hub().provider().clone(), *market.hub().deployment());
    let mut follower = Follower::from_block(provider, deployment, follow(), 0);
    let mut settled = 0;
    while settled < deal.bot_size {
        for happening in follower.next().await.unwrap().events {
            if let Event::RangeSettled(one) = happening.event {
                settled += u64::from(one.range.count());
            }
        }
    }
    for worker in workers {
        worker.shutdown().await;
    }
    (id, deal)
}

async fn day_of(client: &Client, deal: &Deal) -> AuditDay {
    let (workerpool, days) = client.check_audits(None).await.unwrap();
    assert_eq!(workerpool, deal.workerpool.pointer);
    let day = epoch(deal.start_time).unwrap();
    days.into_iter().find(|one| one.epoch == day).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anyone_sees_that_a_pool_audited_as_it_had_promised() {
    let market = Market::open_for(Way::Certificate).await;
    let mut config = market.pool_config(Market::settings());
    // Every range is audited, whatever the secret.
    config.rates = Rates {
        alone: 1_000_000,
        joined: 1_000_000,
    };
    let workerpool = config.workerpool;
    let pool = canut_pool::start(config).await.unwrap();
    let day = tomorrow(&market).await;
    let mut look = interval(std::time::Duration::from_millis(50));
    while market.hub().audit(workerpool, day).await.unwrap().is_none() {
        look.tick().await;
    }
    let (id, deal) = a_day_and_a_week(&market, &pool.sessions()).await;
    let client = client(&market, &pool.address().to_string()).await;
    let early = day_of(&client, &deal).await;
    assert!(early.told.is_none() && !early.is_broken(), "{early:?}");
    let first = client.receipt((id, 3)).await.unwrap();
    assert!(first.audit.is_none());

    market.node.pass(LATER).await;
    let late = day_of(&client, &deal).await;
    assert_eq!(late.broken, []);
    assert_eq!(late.ranges.right, late.ranges.audited);
    assert_eq!(late.ranges.right + late.ranges.unknown, RANGES);
    assert!(late.ranges.audited > 0, "{late:?}");

    // A receipt made now says it too.
    let mut receipt = client.receipt((id, 3)).await.unwrap();
    let report = client.verify_receipt(&receipt).await.unwrap();
    assert!(report.holds(), "{report:?}");
    assert_eq!(report.of(Check::Audit), Some(&Outcome::Passed));
    assert_eq!(report.of(Check::Record), Some(&Outcome::Passed));
    let blocks = BTreeSet::from([receipt.settlement.block_hash, receipt.terms.block_hash]);
    assert!(verify_receipt(&receipt, &blocks).holds());
    receipt.audit.as_mut().unwrap().promise.rates.joined -= 1;
    let report = client.verify_receipt(&receipt).await.unwrap();
    assert_eq!(report.failed().collect::<Vec<_>>(), [Check::Audit]);
    pool.shutdown().await;
}

/// A port that answers every question with the same document.
async fn says(document: Value) -> (String, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let body = document.to_string();
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    let serving = tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    (address, AbortOnDropHandle::new(serving))
}

async fn told_by(market: &Market, workerpool: Address, promises: Value, deal: &Deal) -> AuditDay {
    let (pool, _serving) = says(json!({ "workerpool": workerpool, "promises": promises })).await;
    let client = client(market, &pool).await;
    day_of(&client, deal).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_hides_audits_or_changes_its_rate_is_found_out() {
    let market = Market::open_for(Way::Certificate).await;
    let mut config = market.pool_config(Market::settings());
    config.rates = Rates {
        alone: 0,
        joined: 0,
    };
    let workerpool = config.workerpool;
    let day = tomorrow(&market).await;
    // It promises to audit everything, and audits nothing.
    let promise = Promise {
        secret: keccak256("a secret"),
        rates: Rates {
            alone: 1_000_000,
            joined: 1_000_000,
        },
        stride: u16::try_from(STRIDE).unwrap(),
    };
    let scheduler = Caller::new(market.hub().clone(), market.node.sender(SCHEDULER).await);
    scheduler
        .commit_audit(workerpool, day, promise.hash(workerpool, day))
        .await
        .unwrap();
    let pool = canut_pool::start(config).await.unwrap();
    let (_, deal) = a_day_and_a_week(&market, &pool.sessions()).await;
    pool.shutdown().await;
    market.node.pass(LATER).await;

    let told = json!([{ "epoch": day, "promise": promise }]);
    let found = told_by(&market, workerpool, told, &deal).await;
    assert_eq!(found.ranges.audited, 0);
    assert_eq!(found.broken.len() + found.ranges.unknown, RANGES);
    let missing = |broken: &Broken| matches!(broken, Broken::Missing(what) if what.contains("nobody more voted"));
    assert!(
        found.is_broken() && found.broken.iter().all(missing),
        "{found:?}"
    );

    let less = Promise {
        rates: Rates {
            alone: 0,
            joined: 0,
        },
        ..promise
    };
    let told = json!([{ "epoch": day, "promise": less }]);
    let found = told_by(&market, workerpool, told, &deal).await;
    assert_eq!(found.broken, [Broken::OtherPromise]);
    let found = told_by(&market, workerpool, json!([]), &deal).await;
    assert_eq!(found.broken, [Broken::Silent]);
}
