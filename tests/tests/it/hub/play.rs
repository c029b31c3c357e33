//! Random plays: operations that mean the same on every market, and a player who carries them out.

use super::*;
use canut_tests::abi::{Asset, Hub, RequestOrderOperation, Token, WorkerpoolOrderOperation};
use canut_tests::market::{Orders, digest, result_hash, task_id};
use canut_tests::outcome::Outcome;
use proptest::prelude::*;

/// Something somebody does. Small numbers choose among what there is.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Deposit {
        who: u8,
        amount: u16,
    },
    Withdraw {
        who: u8,
        amount: u64,
    },
    Transfer {
        from: u8,
        to: u8,
        amount: u64,
    },
    Approve {
        from: u8,
        to: u8,
        amount: u16,
    },
    Spend {
        from: u8,
        to: u8,
        amount: u16,
    },
    Match(Offer),
    Again {
        offer: u8,
        sponsored: bool,
    },
    Close {
        offer: u8,
        request: bool,
    },
    Presign {
        offer: u8,
    },
    Policy {
        stake: u8,
        share: u8,
    },
    Initialize {
        deal: u8,
        index: u8,
    },
    InitializeMany {
        deal: u8,
        indexes: Vec<u8>,
    },
    Agree {
        task: u8,
        result: u8,
    },
    Prove {
        task: u8,
    },
    Contribute {
        task: u8,
        worker: u8,
        result: u8,
        forged: bool,
    },
    Short {
        task: u8,
        worker: u8,
        result: u8,
    },
    Reveal {
        task: u8,
        worker: u8,
        result: u8,
    },
    Finalize {
        task: u8,
        by: u8,
        patient: bool,
    },
    Reopen {
        task: u8,
        by: u8,
        patient: bool,
    },
    Claim {
        task: u8,
        patient: bool,
    },
    ClaimMany {
        tasks: Vec<u8>,
    },
    Wait {
        hours: u8,
    },
}

/// Orders to be made and matched.
#[derive(Clone, Debug)]
pub(super) struct Offer {
    requester: u8,
    sponsor: Option<u8>,
    dataset: bool,
    price: u8,
    volume: u8,
    trust: u8,
    category: u8,
    flaw: u8,
}

/// Any operation; those that keep a task going are the likeliest.
pub(super) fn op() -> impl Strategy<Value = Op> {
    let small = any::<u8>;
    let money = prop_oneof![0..2_000_000_u64, Just(u64::MAX), 0..200_000_000_000_000_u64];
    let amount = any::<u16>;
    let offer = (
        small(),
        proptest::option::weighted(0.2, small()),
        any::<bool>(),
        small(),
        0..4_u8,
        small(),
        small(),
        small(),
    )
        .prop_map(
            |(requester, sponsor, dataset, price, volume, trust, category, flaw)| Offer {
                requester,
                sponsor,
                dataset,
                price,
                volume,
                trust,
                category,
                flaw,
            },
        );
    // Most tasks are finished by people who know what to do: recent tasks, few workers, one result.
    let task = prop_oneof![3 => 0..2_u8, 1 => small()];
    let worker = prop_oneof![4 => 0..4_u8, 1 => 0..10_u8];
    let result = prop_oneof![5 => Just(0_u8), 1 => 0..3_u8];
    let by = prop_oneof![5 => Just(0_u8), 1 => small()];
    let (t, w, r) = (task, worker, result);
    prop_oneof![
        1 => (small(), amount()).prop_map(|(who, amount)| Op::Deposit { who, amount }),
        1 => (small(), money.clone()).prop_map(|(who, amount)| Op::Withdraw { who, amount }),
        1 => (small(), small(), money).prop_map(|(from, to, amount)| Op::Transfer { from, to, amount }),
        1 => (small(), small(), amount()).prop_map(|(from, to, amount)| Op::Approve { from, to, amount }),
        1 => (small(), small(), amount()).prop_map(|(from, to, amount)| Op::Spend { from, to, amount }),
        4 => offer.prop_map(Op::Match),
        1 => (small(), any::<bool>()).prop_map(|(offer, sponsored)| Op::Again { offer, sponsored }),
        1 => (small(), any::<bool>()).prop_map(|(offer, request)| Op::Close { offer, request }),
        1 => small().prop_map(|offer| Op::Presign { offer }),
        1 => (small(), 0..105_u8).prop_map(|(stake, share)| Op::Policy { stake, share }),
        6 => (0..2_u8, 0..4_u8).prop_map(|(deal, index)| Op::Initialize { deal, index }),
        1 => (0..2_u8, proptest::collection::vec(0..5_u8, 0..4)).prop_map(|(deal, indexes)| Op::InitializeMany { deal, indexes }),
        16 => (t.clone(), w.clone(), r.clone(), proptest::bool::weighted(0.05))
            .prop_map(|(task, worker, result, forged)| Op::Contribute { task, worker, result, forged }),
        6 => (t.clone(), r.clone()).prop_map(|(task, result)| Op::Agree { task, result }),
        6 => t.clone().prop_map(|task| Op::Prove { task }),
        2 => (t.clone(), w.clone(), r.clone())
            .prop_map(|(task, worker, result)| Op::Short { task, worker, result }),
        10 => (t.clone(), w, r).prop_map(|(task, worker, result)| Op::Reveal { task, worker, result }),
        8 => (t.clone(), by.clone(), proptest::bool::weighted(0.3))
            .prop_map(|(task, by, patient)| Op::Finalize { task, by, patient }),
        3 => (t.clone(), by, any::<bool>())
            .prop_map(|(task, by, patient)| Op::Reopen { task, by, patient }),
        3 => (t.clone(), proptest::bool::weighted(0.1))
            .prop_map(|(task, patient)| Op::Claim { task, patient }),
        1 => proptest::collection::vec(t, 0..4).prop_map(|tasks| Op::ClaimMany { tasks }),
        2 => prop_oneof![0..30_u8, small()].prop_map(|hours| Op::Wait { hours }),
    ]
}

/// Carries out operations, and remembers what they made.
#[derive(Debug, Default)]
pub(super) struct Player {
    pub(super) deals: Vec<B256>,
    pub(super) tasks: Vec<B256>,
    offers: Vec<Orders>,
}

/// Lets time pass until a deadline that is still to come, if one has the patience.
fn wait_for(m: &mut Market, patient: bool, deadline: U256) {
    if patient && deadline > n(m.world.time()) {
        m.world.set_time(deadline.to());
    }
}

/// The `which`th of some things, from the last one back.
fn pick<T: Clone>(things: &[T], which: u8) -> Option<T> {
    let back = usize::from(which).checked_rem(things.len())?;
    things.iter().rev().nth(back).cloned()
}

fn somebody(which: u8) -> Actor {
    let all: Vec<Actor> = Actor::all().collect();
    all[usize::from(which) % all.len()]
}

fn scheduler_or(by: u8) -> Actor {
    if by == 0 {
        Actor::Scheduler
    } else {
        somebody(by)
    }
}

fn a_worker(which: u8) -> Actor {
    Actor::Worker(usize::from(which) % 10)
}

const ANSWERS: [&str; 3] = ["right", "wrong", "worse"];

fn answer(which: u8) -> B256 {
    digest(ANSWERS[usize::from(which % 3)])
}

/// Those who have not voted yet vote alike, until it is enough. Returns what came of the last.
fn agree(m: &mut Market, task: B256, result: B256) -> Option<Outcome> {
    let mut last = None;
    for worker in workers(10) {
        if m.task(task).status == 1 && m.contribution(task, worker).status == 0 {
            last = Some(m.contribute(task, worker, result));
        }
    }
    last
}

/// Everybody who voted reveals what he voted. Returns what came of the last.
fn prove(m: &mut Market, task: B256) -> Option<Outcome> {
    let mut last = None;
    for worker in workers(10) {
        let vote = m.contribution(task, worker).resultHash;
        let voted = ANSWERS
            .map(digest)
            .into_iter()
            .find(|d| result_hash(task, *d) == vote);
        if let Some(digest) = voted {
            last = Some(m.reveal(task, worker, digest));
        }
    }
    last
}

impl Player {
    /// Carries out an operation, unless there is nothing to carry it out on.
    pub(super) fn play(&mut self, m: &mut Market, op: &Op) -> Option<Outcome> {
        let done = match op.clone() {
            Op::Deposit { who, amount } => {
                let (spender, amount) = (m.hub, U256::from(amount));
                m.send_to(
                    somebody(who),
                    m.token,
                    Token::approveCall { spender, amount },
                )
                .succeeds();
                m.send(somebody(who), Hub::depositCall { amount })
            }
            Op::Withdraw { who, amount } => {
                m.send(somebody(who), Hub::withdrawCall { amount: n(amount) })
            }
            Op::Transfer { from, to, amount } => {
                let to = somebody(to).address();
                m.send(
                    somebody(from),
                    Hub::transferCall {
                        to,
                        amount: n(amount),
                    },
                )
            }
            Op::Approve { from, to, amount } => {
                let (spender, amount) = (somebody(to).address(), U256::from(amount));
                m.send(somebody(from), Hub::approveCall { spender, amount })
            }
            Op::Spend { from, to, amount } => {
                let (from, amount) = (somebody(from).address(), U256::from(amount));
                let call = Hub::transferFromCall {
                    from,
                    to: nobody(),
                    amount,
                };
                m.send(somebody(to), call)
            }
            Op::Match(offer) => self.offer(m, &offer),
            Op::Again { offer, sponsored } => {
                let orders = pick(&self.offers, offer)?;
                let sponsor = sponsored.then_some(Actor::Sponsor);
                self.make_deal(m, &orders, sponsor)
            }
            Op::Close { offer, request } => close(m, pick(&self.offers, offer)?, request),
            Op::Presign { offer } => {
                let order = pick(&self.offers, offer)?.pool;
                let operation = WorkerpoolOrderOperation {
                    order,
                    operation: 0,
                    sign: [].into(),
                };
                m.send(
                    Actor::Scheduler,
                    Hub::manageWorkerpoolOrderCall { operation },
                )
            }
            Op::Policy { stake, share } => {
                let policy = Asset::changePolicyCall {
                    newWorkerStakeRatioPolicy: U256::from(stake),
                    newSchedulerRewardRatioPolicy: U256::from(share),
                };
                m.send_to(Actor::Scheduler, m.pool, policy)
            }
            Op::Wait { hours } => {
                m.wait(u64::from(hours) * 3_600);
                return None;
            }
            other => return self.play_task(m, &other),
        };
        Some(done)
    }

    fn play_task(&mut self, m: &mut Market, op: &Op) -> Option<Outcome> {
        let task = |which: u8| pick(&self.tasks, which);
        Some(match op.clone() {
            Op::Initialize { deal, index } => {
                let (deal, index) = (pick(&self.deals, deal)?, u64::from(index));
                let done = m.try_initialize(deal, index);
                if done.result.is_ok() {
                    self.tasks.push(task_id(deal, index));
                }
                done
            }
            Op::InitializeMany { deal, indexes } => {
                let deal = pick(&self.deals, deal)?;
                m.name_tasks(deal, 5);
                let call = Hub::initializeArrayCall {
                    dealIds: vec![deal; indexes.len()],
                    indexes: indexes.iter().copied().map(U256::from).collect(),
                };
                let done = m.send(Actor::Stranger, call);
                if done.result.is_ok() {
                    let tasks = indexes.iter().map(|index| task_id(deal, u64::from(*index)));
                    self.tasks.extend(tasks);
                }
                done
            }
            Op::Agree {
                task: which,
                result,
            } => return agree(m, task(which)?, answer(result)),
            Op::Prove { task: which } => return prove(m, task(which)?),
            Op::Contribute {
                task: which,
                worker,
                result,
                forged,
            } => {
                let mut ballot = m.ballot(task(which)?, a_worker(worker), answer(result));
                if forged {
                    ballot.call.resultSeal = bit(1);
                }
                m.cast(&ballot)
            }
            Op::Short {
                task: which,
                worker,
                result,
            } => {
                let task = task(which)?;
                m.contribute_and_finalize(task, a_worker(worker), answer(result), "results")
            }
            Op::Reveal {
                task: which,
                worker,
                result,
            } => m.reveal(task(which)?, a_worker(worker), answer(result)),
            other => return self.end_task(m, &other),
        })
    }

    fn end_task(&self, m: &mut Market, op: &Op) -> Option<Outcome> {
        let task = |which: u8| pick(&self.tasks, which);
        Some(match op.clone() {
            Op::Finalize {
                task: which,
                by,
                patient,
            } => {
                wait_for(m, patient, m.task(task(which)?).revealDeadline);
                m.finalize_with(scheduler_or(by), task(which)?, b"results", b"")
            }
            Op::Reopen {
                task: which,
                by,
                patient,
            } => {
                let id = task(which)?;
                wait_for(m, patient, m.task(id).revealDeadline);
                m.send(scheduler_or(by), Hub::reopenCall { taskId: id })
            }
            Op::Claim {
                task: which,
                patient,
            } => {
                wait_for(m, patient, m.task(task(which)?).finalDeadline);
                m.claim(task(which)?)
            }
            Op::ClaimMany { tasks } => {
                let tasks = tasks.into_iter().map(task).collect::<Option<_>>()?;
                m.send(Actor::Stranger, Hub::claimArrayCall { taskIds: tasks })
            }
            _ => return None,
        })
    }

    fn offer(&mut self, m: &mut Market, offer: &Offer) -> Outcome {
        let price = |of: u8| n([0, 1, 33, 1_000, 1_000_003, 4_000_000_000][usize::from(of) % 6]);
        let mut orders = m
            .orders()
            .volume(u64::from(offer.volume))
            .trust([0, 1, 2, 3, 5, 9][usize::from(offer.trust) % 6]);
        orders = orders.prices(
            price(offer.price),
            price(offer.price / 6),
            price(offer.price / 36),
        );
        if !offer.dataset {
            orders = orders.without_dataset();
        }
        // Mostly that of the longest tasks, so that plays have the time to finish them.
        let category = n(u64::from(offer.category).min(4));
        (orders.pool.category, orders.request.category) = (category, category);
        let requester = [Actor::Requester, Actor::Scheduler, Actor::Worker(0)]
            [usize::from(offer.requester) % 3];
        orders.request.requester = requester.address();
        // One offer in eight has one flaw.
        match offer.flaw {
            0..8 => orders.request.category += n(1),
            8..16 => orders.request.tag = bit(1),
            16..24 => orders.pool.requesterrestrict = nobody(),
            24..28 => orders.app.appprice += n(1),
            _ => (),
        }
        let mut orders = m.signed(orders);
        m.sign(
            &mut orders.request,
            if offer.flaw < 32 {
                Actor::Stranger
            } else {
                requester
            },
        );
        self.offers.push(orders.clone());
        self.make_deal(m, &orders, offer.sponsor.map(somebody))
    }

    fn make_deal(&mut self, m: &mut Market, orders: &Orders, sponsor: Option<Actor>) -> Outcome {
        let done = match sponsor {
            Some(sponsor) => m.sponsor_from(sponsor, orders),
            None => m.match_from(Actor::Stranger, orders),
        };
        if let Ok(deal) = &done.result {
            self.deals.push(B256::from_slice(deal));
        }
        done
    }
}

fn close(m: &mut Market, orders: Orders, request: bool) -> Outcome {
    let sign = || [].into();
    if request {
        let operation = RequestOrderOperation {
            order: orders.request,
            operation: 1,
            sign: sign(),
        };
        m.send(Actor::Requester, Hub::manageRequestOrderCall { operation })
    } else {
        let operation = WorkerpoolOrderOperation {
            order: orders.pool,
            operation: 1,
            sign: sign(),
        };
        m.send(
            Actor::Scheduler,
            Hub::manageWorkerpoolOrderCall { operation },
        )
    }
}
