//! Bags of tasks from the deal to the money.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::Address;
use canut_protocol::{
    Deal, Nrlc, Score,
    settlement::Rewards,
    task::{ContributionStatus, Status, Task},
};
use canut_worker::misbehaviour::{self, Misbehaviour};

use crate::{
    market::{DEPOSIT, Market, WORKER, get, get_text},
    node::key,
};

/// What every worker of a finished deal has on the hub, by the rules.
pub fn fair_shares(deal: &Deal, tasks: &[Task]) -> BTreeMap<Address, Nrlc> {
    let mut accounts: BTreeMap<Address, Nrlc> = BTreeMap::new();
    for task in tasks {
        let votes = &task.contributions;
        let proved = |status| status == ContributionStatus::Proved;
        let winners: Vec<_> = votes
            .iter()
            .filter(|(_, vote)| proved(vote.status))
            .collect();
        let weights: Vec<_> = winners.iter().map(|(_, vote)| vote.log_weight).collect();
        let losers = votes.len() - winners.len();
        let (price, stake, ratio) = (
            deal.workerpool.price,
            deal.worker_stake,
            deal.scheduler_reward_ratio,
        );
        let rewards = Rewards::share(price, stake, losers, ratio, &weights).unwrap();
        for ((worker, _), reward) in winners.iter().zip(rewards.winners) {
            let account = accounts.entry(*worker).or_insert(Nrlc::rlc(DEPOSIT));
            *account = Nrlc::sum([*account, reward]).unwrap();
        }
        for (worker, _) in votes.iter().filter(|(_, vote)| !proved(vote.status)) {
            let account = accounts.entry(*worker).or_insert(Nrlc::rlc(DEPOSIT));
            *account = account.minus(stake).unwrap();
        }
    }
    accounts
}

/// Every worker of the deal has what the rules give it, nothing is locked any more, and no token came or went.
pub async fn audit(market: &Market, deal: &Deal, tasks: &[Task], supply: Nrlc) {
    for (worker, fair) in fair_shares(deal, tasks) {
        let account = market.hub().account(worker).await.unwrap();
        assert_eq!(
            (account.stake, account.locked),
            (fair, Nrlc::ZERO),
            "{worker}"
        );
    }
    assert_eq!(market.hub().total_supply().await.unwrap(), supply);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_at_trust_one_is_done_by_one_worker_in_one_transaction() {
    let market = Market::open().await;
    market.endow(WORKER).await;
    let pool = market.pool(Market::settings()).await;
    let worker = market.worker(&pool.sessions(), WORKER).await;
    let (id, deal) = market.deal(2, 1, r#"{"iexec_args":"-n 'a b'"}"#).await;
    let address = pool.address().to_string();
    market
        .settle(id, &deal, || address.clone(), &BTreeSet::new())
        .await;

    let tasks = market.tasks(id, &deal).await;
    for task in &tasks {
        assert_eq!(
            (task.status, task.contributions.len()),
            (Status::Completed, 1)
        );
        let archive = market.result(task).await;
        let cloth = format!("loom {} [\"-n\", \"a b\"]\n", task.index);
        let found = archive
            .windows(cloth.len())
            .any(|part| part == cloth.as_bytes());
        assert!(found, "the published result is what the app wrote");
    }
    // Alone a worker proves nothing, so it stakes nothing and its score stays.
    assert_eq!(
        market.hub().score(key(WORKER).address()).await.unwrap(),
        Score(0)
    );
    let metrics = get_text(&address, "/metrics").await.unwrap();
    assert!(metrics.contains("canut_pool_workers 1"), "{metrics}");
    let unknown = get(&address, "/tasks/0x00").await.unwrap();
    assert!(
        unknown["error"]
            .as_str()
            .unwrap()
            .contains("64 hexadecimal digits")
    );
    worker.shutdown().await;
    pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bag_is_certified_though_a_third_of_the_workers_cheat() {
    let market = Market::open().await;
    let pool = market.pool(Market::settings()).await;
    let seeds = WORKER..WORKER + 15;
    for seed in seeds.clone() {
        market.endow(seed).await;
    }
    let supply = market.hub().total_supply().await.unwrap();
    let mut honest = Vec::new();
    let mut cheats = BTreeMap::new();
    let mut running = Vec::new();
    for (number, seed) in seeds.enumerate() {
        let address = key(seed).address();
        if let Some(how) = Misbehaviour::ALL.get(number) {
            let config = market.worker_config(&pool.sessions(), seed);
            let cheat = misbehaviour::start(config, *how, seed.into())
                .await
                .unwrap();
            running.push(cheat);
            cheats.insert(address, *how);
        } else {
            honest.push(market.worker(&pool.sessions(), seed).await);
        }
    }
    let (id, deal) = market.deal(20, 10, "").await;
    let address = pool.address().to_string();
    let suspects = cheats.keys().copied().collect();
    market
        .settle(id, &deal, || address.clone(), &suspects)
        .await;

    let tasks = market.tasks(id, &deal).await;
    assert!(tasks.iter().all(|task| task.status == Status::Completed));
    audit(&market, &deal, &tasks, supply).await;
    for task in &tasks {
        for (worker, vote) in &task.contributions {
            let proved = vote.status == ContributionStatus::Proved;
            assert_eq!(proved, !cheats.contains_key(worker), "{worker} {vote:?}");
        }
    }
    for (cheat, how) in &cheats {
        let account = market.hub().account(*cheat).await.unwrap();
        let voted = tasks
            .iter()
            .filter(|task| task.contribution(*cheat).is_some())
            .count();
        match how {
            // The vote of who comes too late is refused: it earns nothing and loses nothing.
            Misbehaviour::ContributesLate => assert_eq!(account.stake, Nrlc::rlc(DEPOSIT)),
            _ => assert!(
                voted > 0 && account.stake < Nrlc::rlc(DEPOSIT),
                "{how:?} voted {voted} times"
            ),
        }
    }
    for worker in honest {
        worker.shutdown().await;
    }
    pool.shutdown().await;
}
