//! Services die at any moment and come back; the bag completes, and nobody honest loses anything.

use std::{collections::BTreeMap, time::Duration};

use alloy::primitives::Address;
use canut_protocol::{
    Deal, DealId, Nrlc, Task,
    settlement::Rewards,
    task::{ContributionStatus, Status},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::sleep;

use crate::services::{DEPOSIT, Services};

const WORKERS: usize = 6;
const TASKS: u64 = 8;
const TRUST: u64 = 10;
/// Deaths in one bag.
const KILLS: u32 = 10;
const PARAMS: &str = r#"{"iexec_args":"--paths 20000"}"#;

/// How many bags are played, each with deaths of its own: `CANUT_SEEDS`, or a few.
fn seeds() -> u64 {
    std::env::var("CANUT_SEEDS").map_or(2, |seeds| seeds.parse().unwrap())
}

async fn play(seed: u64) {
    let mut services = Services::start(WORKERS, "option-pricer.wasm").await;
    let supply = services.hub().await.total_supply().await.unwrap();
    let (id, deal) = services.deal(TASKS, TRUST, PARAMS).await;
    let mut rng = StdRng::seed_from_u64(seed);
    let mut kills = 0;
    let mut client = services.client(id).spawn().unwrap();
    let tasks = loop {
        // When the blow falls is the point of the test; nothing waits for it.
        sleep(Duration::from_millis(rng.random_range(20..400))).await;
        if kills < KILLS {
            kills += 1;
            match rng.random_range(0..12) {
                0..2 => services.node.kill_and_restart(),
                2 => services.store.kill_and_restart(),
                3..6 => services.pool.kill_and_restart(),
                6..8 => {
                    client.kill().unwrap();
                    client.wait().unwrap();
                    client = services.client(id).spawn().unwrap();
                }
                _ => {
                    let number = rng.random_range(0..WORKERS);
                    services.workers[number].kill_and_restart();
                }
            }
            continue;
        }
        let Some(tasks) = services.tasks(id, &deal).await else {
            continue;
        };
        if tasks.iter().all(|task| task.status >= Status::Completed) {
            break tasks;
        }
    };
    check(&services, id, &deal, &tasks, supply).await;
    client.kill().unwrap();
    client.wait().unwrap();
    fetched(&services, id);
}

/// Whatever was fetched when the client died, in the end everything is there.
fn fetched(services: &Services, id: DealId) {
    let output = services.client(id).output().unwrap();
    let outcome: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(output.status.success(), "{outcome}");
    for task in outcome["tasks"].as_array().unwrap() {
        assert_eq!(task["certificate"]["credibility"]["holds"], true, "{task}");
        let result = services
            .folder
            .path()
            .join(task["folder"].as_str().unwrap());
        assert!(result.join("price.json").exists(), "{}", result.display());
    }
}

/// Everything is certified, every vote was right, and everyone has to the last nRLC what the rules give him.
async fn check(services: &Services, id: DealId, deal: &Deal, tasks: &[Task], supply: Nrlc) {
    let hub = services.hub().await;
    let mut earned: BTreeMap<Address, Nrlc> = BTreeMap::new();
    for task in tasks {
        assert_eq!(task.status, Status::Completed, "a task of {id}");
        let weights: Vec<_> = task
            .contributions
            .iter()
            .map(|(_, vote)| vote.log_weight)
            .collect();
        let (price, stake) = (deal.workerpool.price, deal.worker_stake);
        let ratio = deal.scheduler_reward_ratio;
        let shares = Rewards::share(price, stake, 0, ratio, &weights).unwrap();
        for ((worker, vote), share) in task.contributions.iter().zip(shares.winners) {
            assert_eq!(
                vote.status,
                ContributionStatus::Proved,
                "{worker} was slashed"
            );
            let sum = earned.entry(*worker).or_insert(Nrlc::ZERO);
            *sum = sum.plus(share).unwrap();
        }
    }
    for (worker, gain) in earned {
        let account = hub.account(worker).await.unwrap();
        let fair = Nrlc::rlc(DEPOSIT).plus(gain).unwrap();
        assert_eq!(
            (account.stake, account.locked),
            (fair, Nrlc::ZERO),
            "{worker}"
        );
    }
    assert_eq!(hub.total_supply().await.unwrap(), supply);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bag_survives_the_death_of_every_service() {
    for seed in 0..seeds() {
        println!("seed {seed}");
        tokio::time::timeout(Duration::from_secs(180), play(seed))
            .await
            .unwrap_or_else(|_| panic!("the bag of seed {seed} does not complete"));
    }
}
