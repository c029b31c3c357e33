//! Workers are upgraded in the middle of a bag: told to stop, each finishes what it took, and the next one goes on in its folder.

use std::{fs, time::Duration};

use canut_protocol::{Nrlc, task::Status};

use crate::{
    chaos::{Way, check, check_ranges, fetched},
    services::{DEPOSIT, Services},
};

const WORKERS: usize = 5;
const TASKS: u64 = 20;
const TRUST: u64 = 10;
const PARAMS: &str = r#"{"iexec_args":"--paths 100000"}"#;

async fn upgrade(way: Way) {
    let mut services = Services::start(WORKERS, "option-pricer.wasm", way.flags()).await;
    let supply = services.hub().await.total_supply().await.unwrap();
    let (id, deal) = services.deal(TASKS, TRUST, PARAMS).await;
    let client = services.client(id).spawn().unwrap();
    let mut upgraded_early = 0;
    for number in 0..WORKERS {
        let early = services.tasks(id, &deal).await.unwrap();
        let over = early
            .iter()
            .filter(|task| task.status >= Status::Completed)
            .count();
        upgraded_early += usize::from(over < early.len());
        let end = services.workers[number].terminate();
        assert!(end.success(), "worker {number} ended with {end}");
        if way == Way::Open {
            let account = services.hub().await.account(services.worker(number)).await;
            assert_eq!(account.unwrap().locked, Nrlc::ZERO, "worker {number}");
        }
        let records = services
            .folder
            .path()
            .join(format!("worker-{number}/tasks"));
        assert_eq!(fs::read_dir(records).unwrap().count(), 0);
        services.workers[number].restart();
    }
    assert!(upgraded_early > 0, "the bag was over before anyone left");
    let watched = client.wait_with_output().unwrap();
    assert!(watched.status.success());
    let tasks = services.tasks(id, &deal).await.unwrap();
    match way {
        Way::Open => check(&services, id, &deal, &tasks, supply).await,
        Way::Certificate => check_ranges(&services, id, &deal, supply).await,
    }
    fetched(&services, id);
    for number in 0..WORKERS {
        told(&services, number).await;
    }
}

/// A worker's owner is told what the chain says, and how the worker is.
async fn told(services: &Services, number: usize) {
    let status = services.status(number);
    let account = services.hub().await.account(services.worker(number)).await;
    let account = account.unwrap();
    let has = account.stake.plus(account.locked).unwrap();
    let earned: Nrlc = serde_json::from_value(status["earnings"]["earned"].clone()).unwrap();
    assert_eq!(Nrlc::rlc(DEPOSIT).plus(earned).unwrap(), has, "{status}");
    assert_eq!(status["earnings"]["losses"], serde_json::json!([]));
    assert_eq!(status["pool"]["slots"], 1, "{status}");
    assert_eq!(status["silence"], serde_json::Value::Null);
}

async fn in_time(way: Way) {
    tokio::time::timeout(Duration::from_secs(900), upgrade(way))
        .await
        .unwrap_or_else(|_| panic!("the bag does not complete"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_are_upgraded_while_they_vote_on_ranges() {
    in_time(Way::Certificate).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_are_upgraded_while_they_vote_by_transactions() {
    in_time(Way::Open).await;
}
