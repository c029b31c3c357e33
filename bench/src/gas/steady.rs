//! The steady state: nobody acts for the first time any more.

use alloy::primitives::B256;
use canut_tests::actor::Actor;
use canut_tests::market::{Market, digest};

use super::sheet::Sheet;

/// The trust that this many fresh workers reach exactly, at least one.
pub(crate) const TRUST: [u64; 6] = [1, 1, 3, 7, 15, 31];

/// Moves to second assets, plays a first task, opens two deals that stay, and plays two tasks more. Every worker then has a
/// score, and everybody some locked money.
pub(crate) fn reach(sheet: &mut Sheet, market: &mut Market) {
    market.app = market.create_app(Actor::AppOwner, "second app");
    market.dataset = market.create_dataset(Actor::DatasetOwner, "second dataset");
    market.pool = market.create_pool(Actor::Scheduler, "second workerpool");
    let (total, _) = whole_task(market, 5);
    sheet.part("whole tasks, the very first on a virgin hub");
    sheet.row("5 workers", total);

    let orders = market.orders();
    market.deal(orders);
    let orders = market.orders();
    let orders = market.signed(orders);
    market.sponsor_from(Actor::Sponsor, &orders).succeeds();
    for _ in 0..2 {
        whole_task(market, 5);
    }
}

/// The gas of a task's phases.
#[derive(Debug, Default)]
pub(crate) struct Phases {
    pub(crate) matching: u64,
    pub(crate) initialize: u64,
    pub(crate) contributions: Vec<u64>,
    pub(crate) reveals: Vec<u64>,
    pub(crate) finalize: u64,
}

/// Plays a task with a dataset and this many workers from the match to the money.
pub(crate) fn whole_task(market: &mut Market, workers: usize) -> (u64, Phases) {
    let orders = market.orders().trust(TRUST[workers]);
    let orders = market.signed(orders);
    let matched = market.match_orders(&orders).ok();
    let deal = deal_of(&matched);
    let initialized = market.try_initialize(deal, 0).ok();
    let task = canut_tests::market::task_id(deal, 0);
    let result = digest("result");
    let team = || (0..workers).map(Actor::Worker);
    let contributions: Vec<u64> = team()
        .map(|worker| market.contribute(task, worker, result).ok().gas)
        .collect();
    let reveals: Vec<u64> = team()
        .map(|worker| market.reveal(task, worker, result).ok().gas)
        .collect();
    let finalize = market.finalize(task, "result").ok().gas;
    let phases = Phases {
        matching: matched.gas,
        initialize: initialized.gas,
        contributions,
        reveals,
        finalize,
    };
    let each: u64 = phases.contributions.iter().chain(&phases.reveals).sum();
    (
        phases.matching + phases.initialize + each + phases.finalize,
        phases,
    )
}

/// The deal that a match made.
pub(crate) fn deal_of(matched: &canut_tests::outcome::Outcome) -> B256 {
    matched.returned::<canut_tests::abi::Hub::matchOrdersCall>()
}
