//! Deals and tasks from end to end, and what the rules say of them.

use alloy::primitives::{Address, Bytes, U256, keccak256};
use canut_hub::{Alone, Caller, Event};
use canut_protocol::{
    Deal, Nrlc, Order, Score, TaskId,
    ledger::Move,
    matching::Policy,
    order::{Operation, OrderKind},
    task::{Action, Effect, Machine, Status},
};

use crate::market::{APP_OWNER, Market, REQUESTER, SCHEDULER, STRANGER, WORKER, address};

#[tokio::test]
async fn a_match_makes_the_deal_that_was_foretold() {
    let market = Market::open().await;
    let requester = market.party(REQUESTER).await;
    market.party(SCHEDULER).await;
    let orders = market.orders(3, 5, 1);
    let foretold = market
        .hub()
        .preflight(&orders, requester.address())
        .await
        .unwrap();
    let matched = requester.match_orders(&orders).await.unwrap();

    let deal = market.hub().deal(matched.value).await.unwrap().unwrap();
    assert_eq!(matched.value, foretold.id);
    assert_eq!(
        Deal {
            start_time: deal.start_time,
            ..foretold.deal
        },
        deal
    );
    let expected = Event::Matched {
        deal: foretold.id,
        app: foretold.app,
        dataset: foretold.dataset,
        workerpool: foretold.workerpool,
        request: foretold.request,
        volume: U256::from(3),
    };
    assert!(matched.events.contains(&expected));
    let locked = market
        .hub()
        .account(requester.address())
        .await
        .unwrap()
        .locked;
    assert_eq!(locked, deal.total_price().unwrap());
    assert_eq!(
        market.hub().remaining(&orders.request).await.unwrap(),
        U256::ZERO
    );
}

/// Plays the rules beside the chain: every call must do what they foretell.
struct Mirror<'a> {
    market: &'a Market,
    machine: Machine,
    id: canut_protocol::DealId,
    deal: Deal,
}

impl Mirror<'_> {
    async fn same(&mut self, action: Action, events: &[Event]) {
        // What the rules call now is the time of the block.
        let latest = alloy::providers::Provider::get_block_by_number(
            &self.market.node.provider,
            alloy::eips::BlockNumberOrTag::Latest,
        );
        let now = latest.await.unwrap().unwrap().header.timestamp;
        let (next, effects) = self
            .machine
            .step(self.id, &self.deal, &action, now)
            .unwrap();
        self.machine = next;
        let task = self
            .market
            .hub()
            .task(self.machine.task.id())
            .await
            .unwrap();
        assert_eq!(task, self.machine.task, "after {action:?}");
        let told: Vec<_> = events
            .iter()
            .filter(|event| !matches!(event, Event::Transfer { .. }))
            .cloned()
            .collect();
        let foretold: Vec<_> = effects
            .iter()
            .flat_map(|effect| self.as_events(effect))
            .collect();
        assert_eq!(told, foretold, "events of {action:?}");
    }

    fn as_events(&self, effect: &Effect) -> Vec<Event> {
        let task = self.machine.task.id();
        let one = match *effect {
            Effect::Money(Move::Lock { account, amount }) => Event::Locked { account, amount },
            Effect::Money(Move::Unlock { account, amount }) => Event::Unlocked { account, amount },
            Effect::Money(Move::Seize { account, amount }) => Event::Seized {
                account,
                amount,
                task,
            },
            Effect::Money(Move::Reward { account, amount }) => Event::Rewarded {
                account,
                amount,
                task,
            },
            Effect::Money(step @ Move::FeedKitty { amount }) => {
                let account = step.parties().0;
                return vec![
                    Event::Rewarded {
                        account,
                        amount,
                        task,
                    },
                    Event::Locked { account, amount },
                ];
            }
            Effect::Initialized => Event::Initialized {
                task,
                workerpool: self.deal.workerpool.pointer,
            },
            Effect::Contributed {
                worker,
                result_hash,
            } => Event::Contributed {
                task,
                worker,
                result_hash,
            },
            Effect::Certified { result_hash } => Event::Certified { task, result_hash },
            Effect::Revealed { worker, digest } => Event::Revealed {
                task,
                worker,
                digest,
            },
            Effect::Reopened => Event::Reopened { task },
            Effect::Accurate { worker } => Event::Accurate { worker, task },
            Effect::Faulty { worker } => Event::Faulty { worker, task },
            Effect::Finalized => Event::Finalized {
                task,
                results: self.machine.task.results.clone(),
            },
            Effect::Claimed => Event::Claimed { task },
            Effect::Callback { .. } => return vec![],
        };
        vec![one]
    }

    async fn vote(&mut self, worker: &Caller, result: &str) {
        let task = self.machine.task.id();
        let ballot = self.market.ballot(worker.address(), task, result);
        let weight = self
            .market
            .hub()
            .score(worker.address())
            .await
            .unwrap()
            .weight();
        let receipt = worker.contribute(task, &ballot).await.unwrap();
        let digest = ballot.digest;
        let action = Action::Contribute {
            worker: worker.address(),
            weight,
            result_hash: canut_protocol::result::result_hash(task, digest),
            result_seal: canut_protocol::result::result_seal(worker.address(), task, digest),
            enclave: Address::ZERO,
        };
        self.same(action, &receipt.events).await;
    }

    async fn reveal(&mut self, worker: &Caller, result: &str) {
        let digest = keccak256(result);
        let receipt = worker.reveal(self.machine.task.id(), digest).await.unwrap();
        self.same(
            Action::Reveal {
                worker: worker.address(),
                digest,
            },
            &receipt.events,
        )
        .await;
    }
}

#[tokio::test]
async fn chain_and_rules_agree_through_dissent_reopening_payment_and_claim() {
    let market = Market::open().await;
    let (id, scheduler) = market.deal(2, 5).await;
    let deal = market.hub().deal(id).await.unwrap().unwrap();
    let mut workers = Vec::new();
    for seed in WORKER..WORKER + 7 {
        workers.push(market.party(seed).await);
    }
    let time_ref = market
        .hub()
        .category(0)
        .await
        .unwrap()
        .unwrap()
        .work_clock_time_ref;
    let mut mirror = Mirror {
        market: &market,
        machine: Machine::default(),
        id,
        deal: deal.clone(),
    };
    let opened = scheduler.initialize(id, 0).await.unwrap();
    mirror
        .same(Action::Initialize { index: 0, time_ref }, &opened.events)
        .await;

    // Three liars reach consensus and hide; the task is reopened, and four honest workers finish it.
    for liar in &workers[..3] {
        mirror.vote(liar, "lie").await;
    }
    market.node.pass(2 * time_ref).await;
    let reopened = scheduler.reopen(opened.value).await.unwrap();
    mirror
        .same(
            Action::Reopen {
                caller: scheduler.address(),
            },
            &reopened.events,
        )
        .await;
    for worker in &workers[3..6] {
        mirror.vote(worker, "truth").await;
    }
    for worker in &workers[3..6] {
        mirror.reveal(worker, "truth").await;
    }
    let results = Bytes::from_static(b"link");
    let paid = scheduler
        .finalize(opened.value, results.clone(), Bytes::new())
        .await
        .unwrap();
    let kitty = Nrlc::ZERO;
    let caller = scheduler.address();
    mirror
        .same(
            Action::Finalize {
                caller,
                results,
                results_callback: Bytes::new(),
                kitty,
            },
            &paid.events,
        )
        .await;
    assert_eq!(
        market.hub().score(workers[3].address()).await.unwrap(),
        Score(1)
    );

    // Nobody finishes the second task.
    let opened = scheduler.initialize(id, 1).await.unwrap();
    mirror.machine = Machine::default();
    mirror
        .same(Action::Initialize { index: 1, time_ref }, &opened.events)
        .await;
    mirror.vote(&workers[6], "truth").await;
    market.node.pass(10 * time_ref).await;
    let claimed = market.owner.claim(opened.value).await.unwrap();
    mirror.same(Action::Claim, &claimed.events).await;
    assert_eq!(
        market.hub().kitty().await.unwrap(),
        deal.scheduler_stake().unwrap()
    );
    assert_eq!(mirror.machine.task.status, Status::Failed);
}

#[tokio::test]
async fn one_worker_finishes_a_task_of_trust_one_in_one_call() {
    let market = Market::open().await;
    let (id, scheduler) = market.deal(1, 0).await;
    let worker = market.poor(WORKER).await;
    let task = scheduler.initialize(id, 0).await.unwrap().value;
    let ballot = market.ballot(worker.address(), task, "truth");
    let alone = Alone {
        results: Bytes::from_static(b"link"),
        ..Alone::default()
    };
    worker
        .contribute_and_finalize(task, &ballot, &alone)
        .await
        .unwrap();
    assert_eq!(
        market.hub().task(task).await.unwrap().results,
        alone.results
    );
    assert_eq!(
        market.hub().account(worker.address()).await.unwrap().stake,
        Nrlc::new(990_000_000)
    );
    assert_eq!(
        market
            .hub()
            .account(address(APP_OWNER))
            .await
            .unwrap()
            .stake,
        Nrlc::new(1_000)
    );
}

#[tokio::test]
async fn a_bag_of_tasks_is_opened_and_refunded_in_two_calls() {
    let market = Market::open().await;
    let (id, scheduler) = market.deal(4, 1).await;
    let opened = scheduler
        .initialize_all(&[(id, 0), (id, 1)])
        .await
        .unwrap()
        .value;
    assert_eq!(opened, [TaskId::of(id, 0), TaskId::of(id, 1)]);
    market.node.pass(3_000).await;
    scheduler.claim_all(&opened).await.unwrap();
    scheduler
        .initialize_and_claim_all(&[(id, 2), (id, 3)])
        .await
        .unwrap();
    assert_eq!(
        market
            .hub()
            .account(address(REQUESTER))
            .await
            .unwrap()
            .stake,
        Nrlc::rlc(100)
    );
}

#[tokio::test]
async fn orders_are_presigned_closed_and_broadcast() {
    let market = Market::open().await;
    let requester = market.party(REQUESTER).await;
    market.party(SCHEDULER).await;
    let mut orders = market.orders(1, 1, 1);
    let hash = orders.request.hash(&market.hub().domain());
    orders.request.sign = Bytes::new();
    assert!(
        !market
            .hub()
            .is_order_signed(requester.address(), &orders.request)
            .await
            .unwrap()
    );

    let signed = requester
        .manage_request_order(&orders.request, Operation::Sign, Bytes::new())
        .await
        .unwrap();
    assert_eq!(
        signed.events,
        [Event::OrderSigned {
            kind: OrderKind::Request,
            order: hash
        }]
    );
    assert_eq!(
        market.hub().presigner(hash).await.unwrap(),
        Some(requester.address())
    );
    let told = requester
        .broadcast_request_order(&orders.request)
        .await
        .unwrap();
    assert_eq!(
        told.events,
        [Event::RequestOrder(Box::new(orders.request.clone()))]
    );
    requester.match_orders(&orders).await.unwrap();

    let other = market.orders(1, 1, 2).request;
    requester
        .manage_request_order(&other, Operation::Close, Bytes::new())
        .await
        .unwrap();
    assert_eq!(market.hub().remaining(&other).await.unwrap(), U256::ZERO);
}

#[tokio::test]
async fn a_sponsor_pays_and_a_requester_deposits_and_matches_at_once() {
    let market = Market::open().await;
    market.party(SCHEDULER).await;
    let sponsor = market.party(STRANGER).await;
    let deal = sponsor
        .sponsor_match_orders(&market.orders(1, 1, 1))
        .await
        .unwrap()
        .value;
    assert_eq!(
        market.hub().deal(deal).await.unwrap().unwrap().sponsor,
        sponsor.address()
    );

    let requester = market.poor(REQUESTER).await;
    market
        .owner
        .transfer_token(requester.address(), Nrlc::rlc(2))
        .await
        .unwrap();
    requester
        .deposit_and_match(Nrlc::rlc(2), &market.orders(1, 1, 2))
        .await
        .unwrap();
    let account = market.hub().account(requester.address()).await.unwrap();
    assert_eq!(account.stake, Nrlc::rlc(2).minus(account.locked).unwrap());
    requester.withdraw(account.stake).await.unwrap();
    assert_eq!(
        market
            .hub()
            .token_balance(requester.address())
            .await
            .unwrap(),
        account.stake
    );
}

#[tokio::test]
async fn assets_are_where_they_were_predicted_and_change_hands() {
    let market = Market::open().await;
    let scheduler = market.poor(SCHEDULER).await;
    let hub = market.hub();
    let predicted = hub
        .predict_workerpool(address(SCHEDULER), "second")
        .await
        .unwrap();
    assert_eq!(hub.workerpool(predicted).await.unwrap(), None);
    let created = scheduler
        .create_workerpool(address(SCHEDULER), "second")
        .await
        .unwrap();
    assert_eq!(created.value, predicted);

    let policy = Policy {
        worker_stake_ratio: U256::from(50),
        scheduler_reward_ratio: 10,
    };
    scheduler.change_policy(predicted, policy).await.unwrap();
    let (owner, pool) = hub.workerpool(predicted).await.unwrap().unwrap();
    assert_eq!(
        (owner, pool.policy, pool.description.as_str()),
        (address(SCHEDULER), policy, "second")
    );

    let kind = canut_hub::events::AssetKind::Workerpool;
    scheduler
        .transfer_asset(kind, predicted, address(STRANGER))
        .await
        .unwrap();
    assert_eq!(
        hub.asset_owner(kind, predicted).await.unwrap(),
        Some(address(STRANGER))
    );
    assert_eq!(
        hub.asset_at(kind, address(STRANGER), 0).await.unwrap(),
        predicted
    );
}
