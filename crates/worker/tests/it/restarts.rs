//! Pool and workers are killed at any time, and nobody honest loses anything.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use canut_pool::{Handle as Pool, Way};
use canut_protocol::{
    DealId,
    range::Kind,
    task::{ContributionStatus, Status},
};
use canut_worker::Handle as Worker;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use tokio::time::sleep;

use crate::{
    bag::audit,
    market::{Market, WORKER},
    ranges,
};

const WORKERS: u8 = 6;
const TASKS: u64 = 8;
const KILLS: u32 = 12;

/// Everyone who can be killed.
struct Cast<'a> {
    market: &'a Market,
    rng: StdRng,
    pool: Option<Pool>,
    workers: BTreeMap<u8, Worker>,
    sessions: String,
}

impl Cast<'_> {
    /// Kills somebody, and starts him again. A pool may lose its memory.
    async fn kill(&mut self, forget: bool) {
        if self.rng.random_bool(0.4) {
            let address = self.pool.take().unwrap().address();
            if forget {
                let _ = std::fs::remove_dir_all(self.market.folder.path().join("pool"));
            }
            self.pool = Some(self.market.pool_at(address).await);
        } else {
            let seed = WORKER + self.rng.random_range(..WORKERS);
            drop(self.workers.remove(&seed));
            let worker = self.market.worker(&self.sessions, seed).await;
            self.workers.insert(seed, worker);
        }
    }
}

async fn play(seed: u64, forget: bool) {
    let market = Market::open().await;
    let pool = market.pool(Market::settings()).await;
    let (address, sessions) = (pool.address(), pool.sessions());
    let mut workers = BTreeMap::new();
    for number in WORKER..WORKER + WORKERS {
        market.endow(number).await;
        workers.insert(number, market.worker(&sessions, number).await);
    }
    let supply = market.hub().total_supply().await.unwrap();
    let (id, deal) = market.deal(TASKS, 10, "").await;
    let rng = StdRng::seed_from_u64(seed);
    let mut cast = Cast {
        market: &market,
        rng,
        pool: Some(pool),
        workers,
        sessions,
    };
    let killing = async {
        for _ in 0..KILLS {
            // When the blow falls is the point of the test; nothing waits for it.
            let moment = cast.rng.random_range(20..300);
            sleep(Duration::from_millis(moment)).await;
            cast.kill(forget).await;
        }
    };
    let nobody = BTreeSet::new();
    let settling = market.settle(id, &deal, || address.to_string(), &nobody);
    tokio::join!(killing, settling);

    let tasks = market.tasks(id, &deal).await;
    assert_ne!(id, DealId::default());
    for task in &tasks {
        assert_eq!(task.status, Status::Completed);
        for (worker, vote) in &task.contributions {
            assert_eq!(
                vote.status,
                ContributionStatus::Proved,
                "{worker} was slashed"
            );
        }
    }
    audit(&market, &deal, &tasks, supply).await;
}

async fn play_ranges(seed: u64) {
    let market = Market::open_for(Way::Certificate).await;
    let pool = market.pool(Market::settings()).await;
    let (address, sessions) = (pool.address(), pool.sessions());
    let mut workers = BTreeMap::new();
    for number in WORKER..WORKER + WORKERS {
        market.endow(number).await;
        workers.insert(number, market.worker(&sessions, number).await);
    }
    let supply = market.hub().total_supply().await.unwrap();
    let (id, deal) = market.deal(TASKS * 3, 10, "").await;
    let mut cast = Cast {
        market: &market,
        rng: StdRng::seed_from_u64(seed),
        pool: Some(pool),
        workers,
        sessions,
    };
    let killing = async {
        for _ in 0..KILLS {
            // When the blow falls is the point of the test; nothing waits for it.
            let moment = cast.rng.random_range(20..300);
            sleep(Duration::from_millis(moment)).await;
            cast.kill(false).await;
        }
    };
    let ((), settled) = tokio::join!(killing, ranges::settlements(&market, id, &deal));
    assert_eq!(cast.pool.unwrap().address(), address);
    let members = settled.iter().flat_map(|one| &one.members);
    let losers: Vec<_> = members
        .filter(|member| member.kind == Kind::Loser)
        .collect();
    assert!(losers.is_empty(), "honest workers were slashed: {losers:?}");
    ranges::audit(&market, &deal, &settled, supply).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ranges_survive_the_death_of_their_pool_and_of_its_workers() {
    play_ranges(3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bag_survives_the_death_of_its_pool_and_of_its_workers() {
    play(1, false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_without_memory_reads_everything_from_the_chain() {
    play(2, true).await;
}
