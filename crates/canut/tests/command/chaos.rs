//! Services die at any moment and come back; the bag completes, and nobody honest loses anything.

use std::{collections::BTreeMap, time::Duration};

use alloy::primitives::Address;
use canut_hub::{Event, Follower, events::FollowConfig};
use canut_protocol::{
    Deal, DealId, Nrlc, Task,
    range::{Kind, Terms, money::Payout},
    settlement::Rewards,
    task::{ContributionStatus, Status},
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::sleep;

use crate::services::{DEPOSIT, Services};

const WORKERS: usize = 6;
const TASKS: u64 = 8;
const TRUST: u64 = 10;
/// Reference time of the shortest category, in seconds.
const TIME_REF: u64 = 300;
/// Deaths in one bag.
const KILLS: u32 = 10;
const PARAMS: &str = r#"{"iexec_args":"--paths 20000"}"#;

/// How many bags are played, each with deaths of its own: `CANUT_SEEDS`, or a few.
fn seeds() -> u64 {
    std::env::var("CANUT_SEEDS").map_or(2, |seeds| seeds.parse().unwrap())
}

/// Whether tasks go the open way, or ranges of them are voted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Open,
    Certificate,
}

impl Way {
    /// What pool and workers are told.
    pub(crate) const fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Open => &["--open"],
            Self::Certificate => &[],
        }
    }
}

async fn play(seed: u64, way: Way) {
    let mut services = Services::start(WORKERS, "option-pricer.wasm", way.flags()).await;
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
    match way {
        Way::Open => check(&services, id, &deal, &tasks, supply).await,
        Way::Certificate => check_ranges(&services, id, &deal, supply).await,
    }
    client.kill().unwrap();
    client.wait().unwrap();
    fetched(&services, id);
}

/// Whatever was fetched when the client died, in the end everything is there.
pub(crate) fn fetched(services: &Services, id: DealId) {
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
pub(crate) async fn check(
    services: &Services,
    id: DealId,
    deal: &Deal,
    tasks: &[Task],
    supply: Nrlc,
) {
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

/// Every range is certified by right votes alone, and everyone has to the last nRLC what the rules give him, bonds included.
pub(crate) async fn check_ranges(services: &Services, id: DealId, deal: &Deal, supply: Nrlc) {
    let hub = services.hub().await;
    let terms = Terms::of(deal, TIME_REF).unwrap();
    let mut earned: BTreeMap<Address, Nrlc> = BTreeMap::new();
    let mut follower = Follower::from_block(
        hub.provider().clone(),
        *hub.deployment(),
        FollowConfig::default(),
        0,
    );
    let mut count = 0;
    while count < deal.bot_size {
        for happening in follower.next().await.unwrap().events {
            let Event::RangeSettled(settled) = happening.event else {
                continue;
            };
            assert_eq!(settled.range.deal(), id);
            count += u64::from(settled.range.count());
            let of = |kind| {
                settled
                    .members
                    .iter()
                    .filter(move |member| member.kind == kind)
            };
            assert_eq!(of(Kind::Loser).count(), 0, "an honest worker was slashed");
            let weights: Vec<u32> = of(Kind::Winner)
                .map(|member| member.weight.ilog2())
                .collect();
            let payout =
                Payout::settle(&terms, settled.range.count(), &weights, Nrlc::ZERO).unwrap();
            for (member, reward) in of(Kind::Winner).zip(payout.winners) {
                let sum = earned.entry(member.worker).or_insert(Nrlc::ZERO);
                *sum = sum.plus(reward.pay).unwrap();
            }
        }
    }
    for (worker, gain) in earned {
        let account = hub.account(worker).await.unwrap();
        let has = account.stake.plus(account.locked).unwrap();
        assert_eq!(has, Nrlc::rlc(DEPOSIT).plus(gain).unwrap(), "{worker}");
    }
    assert_eq!(hub.total_supply().await.unwrap(), supply);
}

async fn play_all(way: Way) {
    for seed in 0..seeds() {
        tokio::time::timeout(Duration::from_secs(900), play(seed, way))
            .await
            .unwrap_or_else(|_| panic!("the bag of seed {seed} does not complete"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bag_survives_the_death_of_every_service() {
    play_all(Way::Certificate).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bag_that_goes_the_open_way_survives_it_too() {
    play_all(Way::Open).await;
}
