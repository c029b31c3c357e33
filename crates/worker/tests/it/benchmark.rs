//! What a pool makes of the measurements that workers bring to their sessions.

use alloy::signers::{SignerSync, local::PrivateKeySigner};
use canut_pool::{
    Handle as Pool, Way,
    session::{ToPool, ToWorker, VERSION, digest},
};
use canut_protocol::{
    Tag,
    benchmark::{self, Benchmark, SignedBenchmark},
    signature,
};
use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio_tungstenite::{connect_async, tungstenite::Message};

use crate::{
    market::{Market, WORKER, get},
    node::key,
};

const LEAST: u64 = 500_000_000;

fn of(single: u64) -> Benchmark {
    Benchmark {
        version: benchmark::VERSION,
        processor: "Loom X100".into(),
        cores: 4,
        memory: 8 << 30,
        single,
        all: single * 3,
        disk: 100_000_000,
        time: 1_700_000_000,
    }
}

/// Signs for the worker's session what `signer` says was measured.
fn signed(market: &Market, signer: &PrivateKeySigner, benchmark: Benchmark) -> SignedBenchmark {
    let digest = benchmark.digest(&market.hub().domain(), key(WORKER).address());
    SignedBenchmark {
        signature: signature::to_bytes(&signer.sign_hash_sync(&digest).unwrap()),
        benchmark,
    }
}

/// Opens a session as the worker with that benchmark. Gives the pool's answer, and, if it was let in, what the pool then says of it.
async fn greeted(
    market: &Market,
    pool: &Pool,
    benchmark: Option<SignedBenchmark>,
) -> (ToWorker, Option<Value>) {
    let worker = key(WORKER);
    let (mut socket, _) = connect_async(pool.sessions()).await.unwrap();
    let mut answers = Vec::new();
    while let Some(frame) = socket.next().await {
        let Ok(Message::Text(text)) = frame else {
            continue;
        };
        match serde_json::from_str(&text).unwrap() {
            ToWorker::Challenge { nonce, .. } => {
                let domain = market.hub().domain();
                let hash = digest(&domain, market.workerpool(), worker.address(), nonce);
                let hello = ToPool::Hello {
                    version: VERSION,
                    worker: worker.address(),
                    signature: signature::to_bytes(&worker.sign_hash_sync(&hash).unwrap()),
                    slots: 1,
                    tag: Tag::NONE,
                    holding: Vec::new(),
                    open: 1,
                    benchmark: benchmark.clone().map(Box::new),
                };
                let hello = serde_json::to_string(&hello).unwrap();
                socket.send(Message::Text(hello.into())).await.unwrap();
            }
            answer => {
                answers.push(answer);
                break;
            }
        }
    }
    let answer = answers.pop().unwrap();
    if !matches!(answer, ToWorker::Welcome { .. }) {
        return (answer, None);
    }
    let path = format!("/workers/{}", worker.address());
    loop {
        let told = get(&pool.address().to_string(), &path).await.unwrap();
        if told["idle"] != "away" {
            return (answer, Some(told));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_shows_what_machines_can_do_and_tells_a_slow_one_why_it_stays_outside() {
    let market = Market::open_for(Way::Certificate).await;
    let mut config = market.pool_config(Market::settings());
    config.min_speed = Some(LEAST);
    let pool = canut_pool::start(config).await.unwrap();
    let worker = key(WORKER);

    let (_, seen) = greeted(&market, &pool, Some(signed(&market, &worker, of(LEAST)))).await;
    let machine: Benchmark = serde_json::from_value(seen.unwrap()["machine"].clone()).unwrap();
    assert_eq!(machine, of(LEAST));
    let status = get(&pool.address().to_string(), "/status").await.unwrap();
    assert_eq!(status["minSpeed"], LEAST);

    let slow = signed(&market, &worker, of(LEAST - 1));
    let forged = signed(&market, &key(WORKER + 1), of(LEAST));
    let mut better = slow.clone();
    better.benchmark.single = LEAST;
    for (benchmark, why) in [
        (None, "that were measured"),
        (Some(slow), "slower than the pool asks for"),
        (Some(forged), "not signed by the worker"),
        (Some(better), "not signed by the worker"),
    ] {
        let (answer, _) = greeted(&market, &pool, benchmark).await;
        let ToWorker::Farewell { reason } = answer else {
            panic!("let in: {answer:?}");
        };
        assert!(reason.contains(why), "{reason}");
    }
    pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_asks_for_no_speed_takes_machines_that_were_not_measured_but_no_forged_measurement()
 {
    let market = Market::open_for(Way::Certificate).await;
    let pool = market.pool(Market::settings()).await;
    let (_, seen) = greeted(&market, &pool, None).await;
    assert!(seen.unwrap().get("machine").is_none());
    let forged = signed(&market, &key(WORKER + 1), of(LEAST));
    let (answer, _) = greeted(&market, &pool, Some(forged)).await;
    assert!(matches!(answer, ToWorker::Farewell { .. }), "{answer:?}");
    pool.shutdown().await;
}
