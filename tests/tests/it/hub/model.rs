//! The rules of `canut-protocol`, told what happens on a market: they foresee every answer, event and account.

mod deals;
mod events;
pub(super) mod orders;
mod tasks;

use std::collections::BTreeMap;

use alloy::primitives::LogData;
use alloy::sol_types::{SolEvent, SolInterface};
use canut_protocol::ledger::{Ledger, Move};
use canut_protocol::matching::{Owners, Policy};
use canut_protocol::task::{Action, Machine};
use canut_protocol::{Deal, Domain, Nrlc, OrderHash, Score};
use canut_tests::abi::{Asset, Hub, Hub::HubCalls};
use canut_tests::journal::Entry;
use canut_tests::outcome::Refusal;

use super::*;

/// How a call is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    Silently,
    Because(String),
}

type Foreseen = Result<Vec<LogData>, Refused>;

/// A market, as far as the rules know it.
#[derive(Clone, Debug)]
pub(super) struct Model {
    hub: Address,
    pool: Address,
    domain: Domain,
    owners: Owners,
    policy: Policy,
    pub(super) deals: BTreeMap<B256, Deal>,
    pub(super) machines: BTreeMap<B256, (B256, Machine)>,
    consumed: BTreeMap<OrderHash, U256>,
    presigned: BTreeMap<OrderHash, Address>,
    ledger: Ledger,
    scores: BTreeMap<Address, Score>,
}

impl Model {
    pub(super) fn new(m: &Market) -> Self {
        let owners = Owners {
            app: Actor::AppOwner.address(),
            dataset: Actor::DatasetOwner.address(),
            workerpool: Actor::Scheduler.address(),
        };
        let mut model = Self {
            hub: m.hub,
            pool: m.pool,
            domain: Domain::new(m.world.chain_id, m.hub),
            owners,
            policy: Policy::default(),
            deals: BTreeMap::new(),
            machines: BTreeMap::new(),
            consumed: BTreeMap::new(),
            presigned: BTreeMap::new(),
            ledger: Ledger::new(),
            scores: BTreeMap::new(),
        };
        model.read(Actor::all().map(|actor| {
            let account = m.account(actor);
            (actor.address(), [account.stake, account.locked])
        }));
        model
    }

    /// Takes the accounts as they are, after something that is none of the rules' business.
    fn read(&mut self, accounts: impl IntoIterator<Item = (Address, [U256; 2])>) {
        let hub = self.hub;
        self.ledger = Ledger::new();
        for (account, [stake, locked]) in accounts.into_iter().filter(|(who, _)| *who != hub) {
            self.ledger.deposit(account, Nrlc(stake + locked)).unwrap();
            self.ledger
                .apply([Move::Lock {
                    account,
                    amount: Nrlc(locked),
                }])
                .unwrap();
        }
    }

    /// Foresees one call, and checks that it happened so.
    pub(super) fn follow(&mut self, entry: &Entry) {
        let mut next = self.clone();
        match next.foresee(entry) {
            None => next.read(
                entry
                    .money
                    .iter()
                    .map(|(who, money)| (*who, [money[0], money[1]])),
            ),
            Some(Ok(events)) => {
                let found: Vec<LogData> = entry
                    .outcome
                    .logs
                    .iter()
                    .map(|log| log.data.clone())
                    .collect();
                assert!(
                    entry.outcome.result.is_ok(),
                    "{}: {:?}",
                    entry.what,
                    entry.outcome.result
                );
                assert_eq!(found, events, "{}", entry.what);
            }
            Some(Err(refused)) => {
                next = self.clone();
                let found = entry.outcome.result.as_ref().expect_err(&entry.what);
                let found = match found {
                    Refusal::Revert(data) if data.is_empty() => Refused::Silently,
                    other => Refused::Because(other.reason().unwrap_or(format!("{other:?}"))),
                };
                assert_eq!(found, refused, "{}", entry.what);
            }
        }
        *self = next;
        for (who, [stake, locked, _, score]) in &entry.money {
            if *who != self.hub {
                let account = self.ledger.account(*who);
                assert_eq!(
                    (account.stake.0, account.locked.0),
                    (*stake, *locked),
                    "{}",
                    entry.what
                );
                assert_eq!(n(self.score(*who).0), *score, "{}", entry.what);
            }
        }
    }

    /// What the workerpool asks for, when it was changed before the journal began.
    pub(super) fn set_policy(&mut self, stake: u64, share: u8) {
        self.policy = Policy {
            worker_stake_ratio: n(stake),
            scheduler_reward_ratio: share,
        };
    }

    fn score(&self, who: Address) -> Score {
        self.scores.get(&who).copied().unwrap_or_default()
    }

    /// What a call does; `None` when the rules say nothing about it.
    fn foresee(&mut self, entry: &Entry) -> Option<Foreseen> {
        let (from, now) = (entry.from, entry.time);
        if entry.to == self.pool {
            self.change_policy(entry);
            return None;
        }
        if entry.to != self.hub {
            return None;
        }
        Some(match HubCalls::abi_decode(&entry.data).ok()? {
            HubCalls::matchOrders(call) => {
                let payer = call.request.requester;
                let four = orders::four(call.app, call.dataset, call.pool, call.request);
                self.make_deal(&four, payer, now, None)
            }
            HubCalls::sponsorMatchOrders(call) => {
                let four = orders::four(call.app, call.dataset, call.pool, call.request);
                self.make_deal(&four, from, now, Some(from))
            }
            HubCalls::manageRequestOrder(call) => {
                let order = orders::request(call.operation.order);
                self.manage(
                    &order,
                    order.requester,
                    from,
                    call.operation.operation,
                    |hash| Hub::ClosedRequestOrder { requestHash: hash }.encode_log_data(),
                )
            }
            HubCalls::manageWorkerpoolOrder(call) => {
                let order = orders::pool(call.operation.order);
                let operation = call.operation.operation;
                self.manage(
                    &order,
                    self.owners.workerpool,
                    from,
                    operation,
                    |hash| match operation {
                        0 => Hub::SignedWorkerpoolOrder {
                            workerpoolHash: hash,
                        }
                        .encode_log_data(),
                        _ => Hub::ClosedWorkerpoolOrder {
                            workerpoolHash: hash,
                        }
                        .encode_log_data(),
                    },
                )
            }
            other => return self.foresee_task(other, from, now),
        })
    }

    fn foresee_task(&mut self, call: HubCalls, from: Address, now: u64) -> Option<Foreseen> {
        Some(match call {
            HubCalls::initialize(call) => self.initialize(call.dealId, call.index.to(), now),
            HubCalls::initializeArray(call) => {
                let pairs = call.dealIds.into_iter().zip(call.indexes);
                let each = pairs.map(|(deal, index)| self.initialize(deal, index.to(), now));
                each.collect::<Result<Vec<_>, _>>()
                    .map(|events| events.concat())
            }
            HubCalls::claim(call) => self.act(call.taskId, &Action::Claim, now, b""),
            HubCalls::claimArray(call) => {
                let each = call.taskIds.into_iter();
                let each = each.map(|task| self.act(task, &Action::Claim, now, b""));
                each.collect::<Result<Vec<_>, _>>()
                    .map(|events| events.concat())
            }
            HubCalls::contribute(call) => self.contribute(from, &call, now),
            HubCalls::contributeAndFinalize(call) => self.contribute_and_finalize(from, &call, now),
            HubCalls::reveal(call) => {
                let action = Action::Reveal {
                    worker: from,
                    digest: call.resultDigest,
                };
                self.act(call.taskId, &action, now, b"")
            }
            HubCalls::reopen(call) => {
                self.act(call.taskId, &Action::Reopen { caller: from }, now, b"")
            }
            HubCalls::finalize(call) => {
                let action = Action::Finalize {
                    caller: from,
                    results: call.results.clone(),
                    results_callback: call.resultsCallback,
                    kitty: self.ledger.kitty(),
                };
                self.act(call.taskId, &action, now, &call.results)
            }
            _ => return None,
        })
    }

    fn change_policy(&mut self, entry: &Entry) {
        if let (Ok(Asset::AssetCalls::changePolicy(call)), true) = (
            Asset::AssetCalls::abi_decode(&entry.data),
            entry.outcome.result.is_ok(),
        ) {
            self.policy.worker_stake_ratio = call.newWorkerStakeRatioPolicy;
            self.policy.scheduler_reward_ratio = call.newSchedulerRewardRatioPolicy.to();
        }
    }

    fn move_money(&mut self, step: Move) -> Result<(), Refused> {
        let short = || Refused::Because("IexecEscrow: Transfer amount exceeds balance".into());
        self.ledger.apply([step]).map_err(|_| short())
    }
}
