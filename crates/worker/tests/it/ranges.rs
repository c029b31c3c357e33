//! Bags of tasks certified by votes on whole ranges, from the deal to the money.

use std::collections::{BTreeMap, BTreeSet};

use alloy::primitives::Address;
use canut_hub::{Event, Follower, RangeState};
use canut_pool::Way;
use canut_protocol::{
    Deal, DealId, Nrlc,
    range::{Kind, Settled, Terms, Way as Settling, money::Payout},
    task::Status,
};
use canut_worker::misbehaviour::{self, Misbehaviour};

use crate::{
    market::{DEPOSIT, Market, TIME_REF, WORKER, agreed, follow},
    node::key,
};

/// Waits until every task of the deal was settled by certificate, and gives the settlements.
pub async fn settlements(market: &Market, id: DealId, deal: &Deal) -> Vec<Settled> {
    let hub = market.hub();
    let mut follower = Follower::from_block(hub.provider().clone(), *hub.deployment(), follow(), 0);
    let (mut settled, mut count) = (Vec::new(), 0);
    while count < deal.bot_size {
        for happening in follower.next().await.unwrap().events {
            match happening.event {
                Event::RangeSettled(one) if one.range.deal() == id => {
                    count += u64::from(one.range.count());
                    settled.push(*one);
                }
                Event::RangeFailed { range } if range.deal() == id => panic!("{range} failed"),
                _ => {}
            }
        }
    }
    settled
}

/// Every worker has what the rules give it, the bond included, and no token came or went.
pub async fn audit(market: &Market, deal: &Deal, settled: &[Settled], supply: Nrlc) {
    let terms = Terms::of(deal, TIME_REF).unwrap();
    let mut fair: BTreeMap<Address, Nrlc> = BTreeMap::new();
    for one in settled {
        let count = one.range.count();
        let of = |kind| one.members.iter().filter(move |member| member.kind == kind);
        let weights: Vec<u32> = of(Kind::Winner)
            .map(|member| member.weight.ilog2())
            .collect();
        let risk = terms.risk(count).unwrap();
        let losses = of(Kind::Loser).count();
        let forfeited = Nrlc::sum(std::iter::repeat_n(risk, losses)).unwrap();
        let payout = Payout::settle(&terms, count, &weights, forfeited).unwrap();
        for (member, reward) in of(Kind::Winner).zip(payout.winners) {
            let account = fair.entry(member.worker).or_insert(Nrlc::rlc(DEPOSIT));
            *account = Nrlc::sum([*account, reward.pay, reward.bonus]).unwrap();
        }
        for member in of(Kind::Loser) {
            let account = fair.entry(member.worker).or_insert(Nrlc::rlc(DEPOSIT));
            *account = account.minus(risk).unwrap();
        }
    }
    for (worker, fair) in fair {
        let account = market.hub().account(worker).await.unwrap();
        assert_eq!(
            account.stake.plus(account.locked).unwrap(),
            fair,
            "{worker}"
        );
    }
    assert_eq!(market.hub().total_supply().await.unwrap(), supply);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bag_is_settled_in_ranges_and_its_results_are_where_the_chain_says() {
    let market = Market::open_for(Way::Certificate).await;
    let pool = market.pool(Market::settings()).await;
    let mut workers = Vec::new();
    for seed in WORKER..WORKER + 6 {
        market.endow(seed).await;
        workers.push(market.worker(&pool.sessions(), seed).await);
    }
    let supply = market.hub().total_supply().await.unwrap();
    let (id, deal) = market.deal(16, 10, r#"{"iexec_args":"-n 'a b'"}"#).await;
    let settled = settlements(&market, id, &deal).await;
    assert!(
        settled.iter().all(|one| one.range.count() > 1),
        "{settled:?}"
    );
    audit(&market, &deal, &settled, supply).await;
    for (index, _) in deal.tasks(id) {
        let task = market.hub().task_at(id, index).await.unwrap();
        assert_eq!(task.status, Status::Completed);
        let archive = market.result(&task).await;
        let cloth = format!("loom {index} [\"-n\", \"a b\"]\n");
        let found = archive
            .windows(cloth.len())
            .any(|part| part == cloth.as_bytes());
        assert!(found, "the published result is what the app wrote");
    }
    for worker in workers {
        worker.shutdown().await;
    }
    pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cheats_lose_their_stakes_and_nobody_else_does() {
    let market = Market::open_for(Way::Certificate).await;
    let pool = market.pool(Market::settings()).await;
    let mut honest = Vec::new();
    let mut cheats = Vec::new();
    let mut liars = BTreeSet::new();
    let ways = [
        Misbehaviour::WrongResult,
        Misbehaviour::CopiesVotes,
        Misbehaviour::NeverReveals,
        Misbehaviour::ContributesLate,
    ];
    for (number, seed) in (WORKER..WORKER + 14).enumerate() {
        market.endow(seed).await;
        let Some(how) = ways.get(number) else {
            honest.push(market.worker(&pool.sessions(), seed).await);
            continue;
        };
        let config = market.worker_config(&pool.sessions(), seed);
        cheats.push(
            misbehaviour::start(config, *how, seed.into())
                .await
                .unwrap(),
        );
        if matches!(how, Misbehaviour::WrongResult | Misbehaviour::CopiesVotes) {
            liars.insert(key(seed).address());
        }
    }
    let supply = market.hub().total_supply().await.unwrap();
    let (id, deal) = market.deal(24, 10, "").await;
    let settled = settlements(&market, id, &deal).await;
    audit(&market, &deal, &settled, supply).await;
    let members = settled.iter().flat_map(|one| &one.members);
    let losers: BTreeSet<_> = members
        .filter(|member| member.kind == Kind::Loser)
        .map(|member| member.worker)
        .collect();
    assert!(
        !losers.is_empty() && losers.is_subset(&liars),
        "{losers:?} {liars:?}"
    );
    for worker in honest {
        worker.shutdown().await;
    }
    pool.shutdown().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_pool_does_not_settle_in_time_the_chain_decides() {
    stall(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_that_lost_its_folder_settles_nothing_that_it_may_have_promised_otherwise() {
    stall(true).await;
}

/// Lets so many time references of the deal pass, and waits for its first range to be in that state.
async fn reach(
    market: &Market,
    (id, deal): (DealId, &Deal),
    references: u64,
    state: fn(&RangeState) -> bool,
) {
    let now = market.hub().now().await.unwrap();
    let at = deal.start_time + references * TIME_REF + 1;
    market.node.pass(at.saturating_sub(now)).await;
    let mut look = tokio::time::interval(std::time::Duration::from_millis(100));
    loop {
        look.tick().await;
        let record = market.hub().range_at(id, deal.bot_first).await.unwrap();
        if record.is_some_and(|record| state(&record.state)) {
            return;
        }
    }
}

/// A pool countersigns votes and never settles them; it may lose its memory of them as well.
async fn stall(forgets: bool) {
    let market = Market::open_for(Way::Certificate).await;
    // Without a store it never sees the results, and so never settles.
    let mut config = market.pool_config(Market::settings());
    config.store = "http://127.0.0.1:9".into();
    let pool = canut_pool::start(config).await.unwrap();
    let address = pool.address().to_string();
    let mut workers = Vec::new();
    for seed in WORKER..WORKER + 5 {
        market.endow(seed).await;
        workers.push(market.worker(&pool.sessions(), seed).await);
    }
    let supply = market.hub().total_supply().await.unwrap();
    let (id, deal) = market.deal(2, 10, "").await;
    agreed(&address, id, &deal).await;
    let pool = if forgets {
        pool.shutdown().await;
        std::fs::remove_dir_all(market.folder.path().join("pool")).unwrap();
        // Now it could see the results, and settle; but it does not know any more whom it would have to list.
        market.pool_at(address.parse().unwrap()).await
    } else {
        pool
    };
    let start = market.hub().now().await.unwrap();
    assert!(start < deal.start_time + 6 * TIME_REF);
    // The pool posts first, if it knows of anything; else each worker what it has.
    let wait = 7 * TIME_REF + if forgets { TIME_REF / 4 } else { 0 };
    let now = market.hub().now().await.unwrap();
    let at = deal.start_time + wait + 1;
    market.node.pass(at.saturating_sub(now)).await;
    let mut follower = Follower::from_block(
        market.hub().provider().clone(),
        *market.hub().deployment(),
        follow(),
        0,
    );
    let mut posted = BTreeSet::new();
    // Two ranges of one task, and four new workers for trust 10.
    while posted.len() < 8 {
        for happening in follower.next().await.unwrap().events {
            if let Event::RangePosted { range, worker, .. } = happening.event {
                posted.insert((range, worker));
            }
        }
    }
    // Until opening is over nobody can be sure of anything; then whoever is first has it decided.
    let now = market.hub().now().await.unwrap();
    market
        .node
        .pass((deal.start_time + 8 * TIME_REF + 1).saturating_sub(now))
        .await;
    let opened = |event: &Event| matches!(event, Event::RangeOpened { .. });
    while !follower
        .next()
        .await
        .unwrap()
        .events
        .iter()
        .any(|happening| opened(&happening.event))
    {}
    reach(&market, (id, &deal), 9, |state| {
        matches!(state, RangeState::Settled(_))
    })
    .await;
    let settled = settlements(&market, id, &deal).await;
    let members = settled.iter().flat_map(|one| &one.members);
    assert!(members.clone().count() >= 4);
    assert!(
        members.clone().all(|member| member.kind == Kind::Winner),
        "{settled:?}"
    );
    assert_eq!(market.hub().total_supply().await.unwrap(), supply);
    if forgets {
        let (id, deal) = market.deal(3, 10, "").await;
        let settled = settlements(&market, id, &deal).await;
        assert!(
            settled.iter().all(|one| one.way == Settling::Settle),
            "a new deal is as any"
        );
    }
    for worker in workers {
        worker.shutdown().await;
    }
    pool.shutdown().await;
}
