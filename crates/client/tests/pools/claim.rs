//! What a requester gets back when the pool is gone.

use alloy_primitives::{Address, B256};
use canut_client::{Account, Client, Error, Network, TaskName};
use canut_hub::RangeState;
use canut_pool::Way;
use canut_protocol::{Deal, DealId, Nrlc, RequestOrder, TaskId, range::mark, task::Status};
use canut_worker::Handle as Worker;
use tokio::time::interval;

use crate::{
    fallback::{opened, pass_to, reach},
    market::{DEPOSIT, Market, REQUESTER, SCHEDULER, WORKER, agreed, get},
    node::key,
};

/// What a task costs, and what the pool has at stake for it: see [`Market::deal`].
const PRICE: u64 = 1_000_003 + 77;
const STAKE: u64 = 300_000;

/// A request as `canut run` makes it, with a callback perhaps.
fn request(callback: Address) -> RequestOrder {
    RequestOrder {
        salt: mark::mark(B256::repeat_byte(9)),
        callback,
        ..RequestOrder::default()
    }
}

async fn requester(market: &Market, store: Option<&str>) -> Account {
    let network = Network {
        rpc: market.node.url.clone(),
        hub: market.hub().address(),
        store: store.map(str::to_owned),
        ..Network::default()
    };
    let client = Client::connect(&network).await.unwrap();
    client.with_key(key(REQUESTER)).await.unwrap()
}

async fn has(market: &Market, seed: u8) -> (u64, u64) {
    let account = market.hub().account(key(seed).address()).await.unwrap();
    (account.stake.0.to(), account.locked.0.to())
}

async fn crew(market: &Market, sessions: &str, count: u8) -> Vec<Worker> {
    let mut workers = Vec::new();
    for seed in WORKER..WORKER + count {
        market.endow(seed).await;
        workers.push(market.worker(sessions, seed).await);
    }
    workers
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_paid_a_pool_that_died_gets_everything_back_and_its_stake() {
    let market = Market::open_for(Way::Certificate).await;
    let pool = market.pool(Market::settings()).await;
    let workers = crew(&market, &pool.sessions(), 1).await;
    let (id, deal) = market.deal_for(20, 10, request(Address::ZERO)).await;
    // One vote is not enough for that trust: the pool waits for more.
    let mut look = interval(std::time::Duration::from_millis(50));
    let (place, at) = (format!("/deals/{id}/0"), pool.address().to_string());
    let voted = |told: &serde_json::Value| told.to_string().contains("voted");
    while !get(&at, &place).await.is_some_and(|told| voted(&told)) {
        look.tick().await;
    }
    for worker in workers {
        worker.shutdown().await;
    }
    pool.shutdown().await;

    let rich = Nrlc::rlc(DEPOSIT).0.to::<u64>();
    let requester = requester(&market, None).await;
    assert_eq!(
        has(&market, REQUESTER).await,
        (rich - 20 * PRICE, 20 * PRICE)
    );
    let early = requester.claim_deal(id).await.unwrap_err();
    assert!(matches!(early, Error::TooEarly { .. }), "{early}");
    assert!(early.to_string().contains("wait until then"), "{early}");

    pass_to(&market, &deal, 10).await;
    let one = requester.client().task_status((id, 3)).await.unwrap();
    let claimed = requester.claim_task(&one).await.unwrap();
    assert_eq!(claimed.tasks, [TaskId::of(id, 3)]);
    let claimed = requester.claim_deal(id).await.unwrap();
    assert_eq!(claimed.tasks.len(), 19);
    assert_eq!(
        claimed.transactions.len(),
        2,
        "those before and those after it"
    );
    assert_eq!(has(&market, REQUESTER).await, (rich + 20 * STAKE, 0));
    assert_eq!(has(&market, SCHEDULER).await, (rich - 20 * STAKE, 0));
    let again = requester.claim_deal(id).await.unwrap();
    assert!(again.transactions.is_empty(), "{again:?}");
    let status = requester.client().deal_status(id).await.unwrap();
    assert!(
        status
            .tasks
            .iter()
            .all(|task| task.status == Status::Failed)
    );
}

/// A deal whose votes were posted and opened by workers that are gone, as is their pool.
async fn stalled(market: &Market, callback: Address) -> (DealId, Deal, Account) {
    let mut config = market.pool_config(Market::settings());
    let store = std::mem::replace(&mut config.store, "http://127.0.0.1:9".into());
    let pool = canut_pool::start(config).await.unwrap();
    let workers = crew(market, &pool.sessions(), 5).await;
    let (id, deal) = market.deal_for(1, 10, request(callback)).await;
    agreed(&pool.address().to_string(), id, &deal).await;
    pass_to(market, &deal, 7).await;
    let posted = |state: &RangeState| matches!(state, RangeState::Posted);
    reach(market, id, &deal, posted).await;
    let requester = requester(market, Some(&store)).await;
    let early = requester.claim_deal(id).await.unwrap_err();
    assert!(matches!(early, Error::Uncounted { .. }), "{early}");
    assert!(early.to_string().contains("claim then"), "{early}");
    pass_to(market, &deal, 8).await;
    opened(market).await;
    for worker in workers {
        worker.shutdown().await;
    }
    pool.shutdown().await;
    (id, deal, requester)
}

async fn counted(callback: Address) {
    let market = Market::open_for(Way::Certificate).await;
    let (id, deal, requester) = stalled(&market, callback).await;
    let (free, _) = has(&market, REQUESTER).await;
    pass_to(&market, &deal, 9).await;
    let name = TaskName::Place(id, 0);
    let task = requester.client().task_status(name).await.unwrap();
    let claimed = requester.claim_task(&task).await.unwrap();
    assert_eq!(claimed.certified, [name.id()]);
    assert_eq!((claimed.tasks.len(), claimed.waiting.len()), (0, 0));
    let task = requester.client().task_status(name).await.unwrap();
    assert_eq!(task.status, Status::Completed);
    let receipt = requester.client().receipt(name).await.unwrap();
    assert!(receipt.votes.len() >= 4);
    // The result is paid, and the pool posted the votes itself: it keeps its stake.
    let (now, locked) = has(&market, REQUESTER).await;
    assert_eq!((now - free, locked), (0, 0));
    assert_eq!(has(&market, SCHEDULER).await.1, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anyone_has_posted_votes_counted_when_pool_and_workers_are_gone() {
    counted(Address::ZERO).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn counting_delivers_a_callback_whose_bytes_are_in_the_store() {
    counted(Address::repeat_byte(0xca)).await;
}
