//! What holds after every call, whatever the calls.

use std::collections::BTreeMap;

use super::play::{Player, op};
use super::*;
use alloy::sol_types::SolCall;
use canut_tests::abi::{Deal, Hub, Task};
use canut_tests::market::{KITTY, Orders, TIME_REF, digest};
use canut_tests::outcome::Outcome;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

/// What the books must say, worked out from the deals and the tasks that are under way.
#[derive(Debug, Default)]
struct Books {
    deals: BTreeMap<B256, Deal>,
    /// The deal of each task that has ended, and how it did.
    ended: BTreeMap<B256, (B256, &'static str)>,
    kitty: U256,
    astray: U256,
}

impl Books {
    /// Notes what a call did, and checks that it ended no task twice.
    fn note(&mut self, m: &Market, outcome: &Outcome) {
        let hub = m.hub;
        for event in outcome.events::<Hub::OrdersMatched>(hub) {
            self.deals.insert(event.dealid, m.view_deal(event.dealid));
        }
        let finalized = outcome
            .events::<Hub::TaskFinalize>(hub)
            .into_iter()
            .map(|e| (e.taskid, "paid"));
        let claimed = outcome
            .events::<Hub::TaskClaimed>(hub)
            .into_iter()
            .map(|e| (e.taskid, "refunded"));
        let ended: BTreeMap<_, _> = finalized.chain(claimed).collect();
        // Money moves for a task only in the call that ends it.
        for event in outcome.events::<Hub::Reward>(hub) {
            assert!(
                ended.contains_key(&event.r#ref),
                "rewarded for a task that has not ended"
            );
            if event.owner == KITTY {
                self.kitty += event.amount;
            }
        }
        for event in outcome.events::<Hub::Seize>(hub) {
            assert!(
                ended.contains_key(&event.r#ref),
                "seized for a task that has not ended"
            );
            if event.owner == KITTY {
                self.kitty -= event.amount;
            }
        }
        for (task, how) in ended {
            let before = self.ended.insert(task, (m.task(task).dealid, how));
            assert_eq!(before, None, "{task} was {how} after it had ended");
        }
    }

    /// What everybody must have locked.
    fn locked(&self, m: &Market, tasks: &[B256]) -> BTreeMap<Address, U256> {
        let mut locked = BTreeMap::<Address, U256>::new();
        let open = tasks.iter().filter(|task| !self.ended.contains_key(*task));
        for Task {
            dealid,
            contributors,
            ..
        } in m.views(open.map(|id| Hub::viewTaskCall { id: *id }))
        {
            for worker in contributors {
                *locked.entry(worker).or_default() += self.deals[&dealid].workerStake;
            }
        }
        let mut settled: BTreeMap<B256, u64> = BTreeMap::new();
        for (deal, _) in self.ended.values() {
            *settled.entry(*deal).or_default() += 1;
        }
        for (id, deal) in &self.deals {
            let open = deal.botSize - n(settled.get(id).copied().unwrap_or_default());
            let price = deal.app.price + deal.dataset.price + deal.workerpool.price;
            *locked.entry(deal.sponsor).or_default() += price * open;
            let stake = deal.workerpool.price * n(30) / n(100);
            *locked.entry(deal.workerpool.owner).or_default() += stake * open;
        }
        *locked.entry(KITTY).or_default() += self.kitty;
        locked
    }

    fn check(&self, m: &Market, tasks: &[B256]) {
        let locked = self.locked(m, tasks);
        let everybody = Actor::all().map(Actor::address).chain([KITTY, nobody()]);
        let (mut free, mut frozen) = (U256::ZERO, U256::ZERO);
        let everybody: Vec<Address> = everybody.collect();
        let accounts = m.views(
            everybody
                .iter()
                .map(|who| Hub::viewAccountCall { account: *who }),
        );
        for (who, account) in everybody.iter().zip(accounts) {
            let expected = locked.get(who).copied().unwrap_or_default();
            assert_eq!(account.locked, expected, "locked by {who}");
            free += account.stake;
            frozen += account.locked;
        }
        let own = m.account(m.hub);
        assert_eq!(
            own.stake,
            frozen + self.astray,
            "the hub holds what is locked"
        );
        assert_eq!(own.locked, U256::ZERO);
        let supply = m.view(Hub::totalSupplyCall {});
        assert_eq!(free + own.stake, supply, "every staked RLC is somebody's");
        assert_eq!(m.wallet(m.hub), supply, "and is there");
    }
}

/// How many random calls a run makes.
const CALLS: usize = 10_000;

#[test]
fn the_books_balance_after_every_one_of_ten_thousand_calls() {
    let mut runner = TestRunner::new(ProptestConfig::default());
    let mut calls = 0;
    while calls < CALLS {
        let ops = proptest::collection::vec(op(), 250)
            .new_tree(&mut runner)
            .unwrap()
            .current();
        let mut m = ours();
        let (mut player, mut books) = (Player::default(), Books::default());
        for op in &ops {
            if let Some(outcome) = player.play(&mut m, op) {
                calls += 1;
                books.note(&m, &outcome);
                books.check(&m, &player.tasks);
            }
        }
    }
}

#[test]
fn a_stranger_changes_nobodys_stake() {
    let mut m = ours();
    // A market in the middle of everything.
    let orders = m.orders().volume(5).trust(3);
    let unmatched = m.orders();
    let unsigned = unmatched.clone();
    let deal = m.deal(orders);
    let voting = m.initialize(deal, 0);
    m.contribute(voting, Actor::Worker(0), digest("r"))
        .succeeds();
    let revealing = m.initialize(deal, 1);
    for worker in workers(2) {
        m.contribute(revealing, worker, digest("r")).succeeds();
    }
    m.reveal(revealing, Actor::Worker(0), digest("r"))
        .succeeds();
    m.complete(deal, 2, &workers(2));
    let call = Hub::approveCall {
        spender: Actor::Sponsor.address(),
        amount: n(1_000),
    };
    m.send(Actor::Requester, call).succeeds();
    let before = stakes(&m);

    for hours in [0, 25, 71] {
        m.wait(hours * 3_600);
        for task in [voting, revealing, B256::ZERO] {
            let moves = money_attacks(&m)
                .into_iter()
                .chain(order_attacks(&mut m, &unsigned));
            let attacks: Vec<_> = moves.chain(task_attacks(&mut m, deal, task)).collect();
            for data in attacks {
                let mut trial = m.clone();
                let _ = trial.send_raw(Actor::Stranger, m.hub, "attack", &data, n(0));
                assert_eq!(stakes(&trial), before, "{}", alloy::hex::encode(&data[..4]));
            }
        }
    }
    assert!(m.world.time() < m.view_deal(deal).startTime.to::<u64>() + 10 * TIME_REF);
}

/// What everybody but the stranger has.
fn stakes(m: &Market) -> Vec<(U256, U256, U256)> {
    let everybody = Actor::all()
        .filter(|actor| *actor != Actor::Stranger)
        .map(Actor::address);
    let everybody = everybody.chain([KITTY, m.hub]);
    everybody
        .map(|who| (m.account(who).stake, m.account(who).locked, m.wallet(who)))
        .collect()
}

/// Calls for other people's money, and for the owner's powers.
fn money_attacks(m: &Market) -> Vec<Vec<u8>> {
    let (victim, me, token) = (
        Actor::Requester.address(),
        Actor::Stranger.address(),
        m.token,
    );
    let amount = n(1_000);
    let spend = |from| {
        Hub::transferFromCall {
            from,
            to: me,
            amount,
        }
        .abi_encode()
    };
    let push = |sender| {
        let data = [].into();
        Hub::receiveApprovalCall {
            sender,
            amount,
            token,
            data,
        }
        .abi_encode()
    };
    let many = Hub::depositForArrayCall {
        amounts: vec![amount],
        targets: vec![me],
    };
    vec![
        spend(victim),
        spend(m.hub),
        spend(KITTY),
        push(victim),
        push(m.hub),
        Hub::withdrawCall { amount }.abi_encode(),
        Hub::withdrawToCall { amount, target: me }.abi_encode(),
        Hub::depositForCall { amount, target: me }.abi_encode(),
        many.abi_encode(),
        Hub::recoverCall {}.abi_encode(),
        Hub::setTeeBrokerCall { broker: me }.abi_encode(),
        Hub::setCallbackGasCall { gas: n(1) }.abi_encode(),
        Hub::transferOwnershipCall { newOwner: me }.abi_encode(),
        Hub::renounceOwnershipCall {}.abi_encode(),
        Hub::importScoreCall { worker: me }.abi_encode(),
        Hub::updateDomainSeparatorCall {}.abi_encode(),
        Hub::changeRegistriesCall {
            apps: me,
            datasets: me,
            pools: me,
        }
        .abi_encode(),
    ]
}

/// Matches of orders that nobody signed but the stranger.
fn order_attacks(m: &mut Market, orders: &Orders) -> Vec<Vec<u8>> {
    let Orders {
        mut app,
        mut dataset,
        mut pool,
        mut request,
    } = orders.clone();
    m.sign(&mut app, Actor::Stranger);
    m.sign(&mut dataset, Actor::Stranger);
    m.sign(&mut pool, Actor::Stranger);
    m.sign(&mut request, Actor::Stranger);
    let matching = Hub::matchOrdersCall {
        app: app.clone(),
        dataset: dataset.clone(),
        pool: pool.clone(),
        request: request.clone(),
    };
    let sponsoring = Hub::sponsorMatchOrdersCall {
        app,
        dataset,
        pool,
        request,
    };
    vec![matching.abi_encode(), sponsoring.abi_encode()]
}

/// Every step of a task, by somebody who has no part in it.
fn task_attacks(m: &mut Market, deal: B256, task: B256) -> Vec<Vec<u8>> {
    let result = digest("r");
    let ballot = m.ballot(task, Actor::Worker(1), result).call;
    let short = m.caf_call(task, Actor::Worker(1), result, "r");
    let nothing = || [].into();
    let finalize = Hub::finalizeCall {
        taskId: task,
        results: nothing(),
        resultsCallback: nothing(),
    };
    let both = Hub::initializeAndClaimArrayCall {
        dealIds: vec![deal],
        indexes: vec![n(4)],
    };
    vec![
        Hub::initializeCall {
            dealId: deal,
            index: n(3),
        }
        .abi_encode(),
        ballot.abi_encode(),
        short.abi_encode(),
        Hub::revealCall {
            taskId: task,
            resultDigest: result,
        }
        .abi_encode(),
        finalize.abi_encode(),
        Hub::reopenCall { taskId: task }.abi_encode(),
        Hub::claimCall { taskId: task }.abi_encode(),
        Hub::claimArrayCall {
            taskIds: vec![task],
        }
        .abi_encode(),
        both.abi_encode(),
    ]
}
