use alloy_primitives::{Bytes, keccak256};
use proptest::prelude::*;

use super::*;
use crate::{
    Nrlc, Resource, Tag, Trust,
    ledger::{Account, Ledger},
    result::{result_hash, result_seal},
};

const SCHEDULER: Address = Address::repeat_byte(0x31);
const REQUESTER: Address = Address::repeat_byte(0x40);
const APP_OWNER: Address = Address::repeat_byte(0x11);
const START: u64 = 1_700_000_000;
const REF: u64 = 300;

fn worker(number: u8) -> Address {
    Address::repeat_byte(0xa0 + number)
}

/// A deal of one task at `trust`, and accounts of 10 RLC with the stakes of the match locked.
struct Market {
    id: DealId,
    deal: Deal,
    ledger: Ledger,
    machine: Machine,
}

impl Market {
    fn open(trust: u64) -> Self {
        let price = |owner, price| Resource {
            pointer: Address::ZERO,
            owner,
            price,
        };
        let deal = Deal {
            app: price(APP_OWNER, Nrlc::new(1_000)),
            workerpool: price(SCHEDULER, Nrlc::rlc(1)),
            trust: Trust::new(trust),
            sponsor: REQUESTER,
            requester: REQUESTER,
            start_time: START,
            bot_size: 1,
            worker_stake: Nrlc::new(300_000_000),
            scheduler_reward_ratio: 1,
            ..Deal::default()
        };
        let mut ledger = Ledger::new();
        for account in (0..6).map(worker).chain([SCHEDULER, REQUESTER]) {
            ledger.deposit(account, Nrlc::rlc(10)).unwrap();
        }
        ledger
            .apply([
                Move::Lock {
                    account: REQUESTER,
                    amount: deal.price().unwrap(),
                },
                Move::Lock {
                    account: SCHEDULER,
                    amount: deal.scheduler_stake().unwrap(),
                },
            ])
            .unwrap();
        let id = DealId::from(keccak256("deal"));
        let mut market = Self {
            id,
            deal,
            ledger,
            machine: Machine::default(),
        };
        market
            .act(
                &Action::Initialize {
                    index: 0,
                    time_ref: REF,
                },
                START,
            )
            .unwrap();
        market
    }

    fn act(&mut self, action: &Action, now: u64) -> Result<Vec<Effect>, StepError> {
        let (next, effects) = self.machine.step(self.id, &self.deal, action, now)?;
        let moves = effects.iter().filter_map(|effect| match effect {
            Effect::Money(step) => Some(*step),
            _ => None,
        });
        self.ledger.apply(moves)?;
        self.machine = next;
        Ok(effects)
    }

    fn vote(&self, worker: Address, digest: B256) -> Action {
        let task = self.machine.task.id();
        Action::Contribute {
            worker,
            weight: Weight::FRESH,
            result_hash: result_hash(task, digest),
            result_seal: result_seal(worker, task, digest),
            enclave: Address::ZERO,
        }
    }

    fn finalize(&self) -> Action {
        let kitty = self.ledger.kitty();
        Action::Finalize {
            caller: SCHEDULER,
            results: Bytes::new(),
            results_callback: Bytes::new(),
            kitty,
        }
    }

    fn free(&self, account: Address) -> Nrlc {
        self.ledger.account(account).stake
    }
}

fn right() -> B256 {
    keccak256("right")
}

fn wrong() -> B256 {
    keccak256("wrong")
}

#[test]
fn two_agree_one_dissents_and_pays_for_it() {
    let mut market = Market::open(3);
    market
        .act(&market.vote(worker(0), right()), START + 1)
        .unwrap();
    market
        .act(&market.vote(worker(1), wrong()), START + 2)
        .unwrap();
    market
        .act(&market.vote(worker(2), right()), START + 3)
        .unwrap();
    assert_eq!(
        market.machine.task.status,
        Status::Active,
        "4 × 3 is not more than 7 × 2"
    );
    let last = market
        .act(&market.vote(worker(3), right()), START + 4)
        .unwrap();
    assert!(matches!(
        last[..],
        [
            Effect::Money(_),
            Effect::Contributed { .. },
            Effect::Certified { .. }
        ]
    ));
    assert_eq!(market.machine.task.reveal_deadline, START + 4 + 2 * REF);

    for winner in [0, 2, 3] {
        market
            .act(
                &Action::Reveal {
                    worker: worker(winner),
                    digest: right(),
                },
                START + 5,
            )
            .unwrap();
    }
    let effects = market.act(&market.finalize(), START + 6).unwrap();
    assert!(effects.contains(&Effect::Faulty { worker: worker(1) }));
    assert!(effects.contains(&Effect::Accurate { worker: worker(3) }));
    assert_eq!(effects.last(), Some(&Effect::Finalized));

    // 1.3 RLC less one percent, by three; the loser's stake is gone.
    assert_eq!(market.free(worker(0)), Nrlc::new(10_429_000_000));
    assert_eq!(market.free(worker(1)), Nrlc::new(9_700_000_000));
    assert_eq!(market.free(SCHEDULER), Nrlc::new(10_013_000_000));
    assert_eq!(market.free(APP_OWNER), Nrlc::new(1_000));
    assert_eq!(market.ledger.account(worker(1)).locked, Nrlc::ZERO);
}

#[test]
fn one_worker_at_trust_one_does_it_in_one_call() {
    let mut market = Market::open(1);
    market.deal.callback = Address::repeat_byte(0xcb);
    let call = |digest| Action::ContributeAndFinalize {
        worker: worker(0),
        digest,
        results: Bytes::new(),
        results_callback: Bytes::from_static(b"42"),
        enclave: Address::ZERO,
        kitty: Nrlc::ZERO,
    };
    assert_eq!(
        market.act(&call(right()), START),
        Err(TaskRefusal::CallbackMismatch.into())
    );
    let effects = market.act(&call(keccak256(b"42")), START).unwrap();
    assert_eq!(
        effects.last(),
        Some(&Effect::Callback {
            target: market.deal.callback
        })
    );
    assert_eq!(market.free(worker(0)), Nrlc::new(10_990_000_000));
    assert_eq!(
        market.act(&call(right()), START),
        Err(status(Status::Completed, Status::Active))
    );
}

fn status(status: Status, needed: Status) -> StepError {
    TaskRefusal::WrongStatus { status, needed }.into()
}

#[test]
fn a_copied_vote_cannot_be_revealed() {
    let mut market = Market::open(3);
    market.act(&market.vote(worker(0), right()), START).unwrap();
    let mut copied = market.vote(worker(1), right());
    if let Action::Contribute {
        result_seal: seal, ..
    } = &mut copied
    {
        *seal = result_seal(worker(0), market.machine.task.id(), right());
    }
    market.act(&copied, START).unwrap();
    let reveal = |number| Action::Reveal {
        worker: worker(number),
        digest: right(),
    };
    assert_eq!(
        market.act(&reveal(1), START),
        Err(TaskRefusal::WrongSeal { worker: worker(1) }.into())
    );
    market.act(&reveal(0), START).unwrap();

    // The scheduler waits for the copier, who then loses his stake.
    let early = market
        .act(&market.finalize(), START + 2 * REF - 1)
        .unwrap_err();
    assert!(matches!(
        early,
        StepError::Refused(TaskRefusal::StillRevealing {
            revealed: 1,
            winners: 2,
            ..
        })
    ));
    let effects = market.act(&market.finalize(), START + 2 * REF).unwrap();
    assert!(effects.contains(&Effect::Faulty { worker: worker(1) }));
}

#[test]
fn a_reopened_task_forgets_the_certified_result() {
    let mut market = Market::open(2);
    market.act(&market.vote(worker(0), wrong()), START).unwrap();
    let reopen = Action::Reopen { caller: SCHEDULER };
    assert!(market.act(&reopen, START + 2 * REF - 1).is_err());
    let stranger = market
        .act(&Action::Reopen { caller: worker(0) }, START + 2 * REF)
        .unwrap_err();
    assert!(
        stranger.to_string().contains("only the scheduler"),
        "{stranger}"
    );
    market.act(&reopen, START + 2 * REF).unwrap();

    let again = market.act(&market.vote(worker(0), right()), START + 2 * REF);
    assert_eq!(
        again,
        Err(TaskRefusal::AlreadyContributed { worker: worker(0) }.into())
    );
    market
        .act(&market.vote(worker(1), right()), START + 2 * REF)
        .unwrap();
    market
        .act(
            &Action::Reveal {
                worker: worker(1),
                digest: right(),
            },
            START + 2 * REF,
        )
        .unwrap();
    let effects = market.act(&market.finalize(), START + 2 * REF).unwrap();
    assert!(effects.contains(&Effect::Faulty { worker: worker(0) }));
}

#[test]
fn what_nobody_finishes_is_refunded_and_feeds_the_kitty() {
    let mut market = Market::open(3);
    market.act(&market.vote(worker(0), right()), START).unwrap();
    let end = START + 10 * REF;
    let early = market.act(&Action::Claim, end - 1).unwrap_err();
    assert_eq!(
        early,
        TaskRefusal::NotExpired {
            deadline: end,
            now: end - 1
        }
        .into()
    );
    market.act(&Action::Claim, end).unwrap();
    assert_eq!(market.free(REQUESTER), Nrlc::rlc(10));
    assert_eq!(market.free(worker(0)), Nrlc::rlc(10));
    assert_eq!(market.ledger.kitty(), Nrlc::new(300_000_000));
    assert_eq!(
        market.act(&Action::Claim, end),
        Err(TaskRefusal::NothingToClaim {
            status: Status::Failed
        }
        .into())
    );
}

#[test]
fn deadlines_and_enclaves_are_enforced() {
    let mut market = Market::open(3);
    let closed = market
        .act(&market.vote(worker(0), right()), START + 7 * REF)
        .unwrap_err();
    assert_eq!(
        closed.to_string(),
        format!(
            "the contribution deadline passed at {}, 0 seconds ago",
            START + 7 * REF
        )
    );
    market.deal.tag = Tag::TEE;
    assert_eq!(
        market.act(&market.vote(worker(0), right()), START),
        Err(TaskRefusal::EnclaveRequired.into())
    );
    let beyond = market
        .act(
            &Action::Initialize {
                index: 1,
                time_ref: REF,
            },
            START,
        )
        .unwrap_err();
    assert_eq!(
        beyond.to_string(),
        "the deal has no task 1: its tasks are 0 to 0"
    );
}

#[derive(Clone, Debug)]
enum Try {
    Vote(u8, bool),
    Reveal(u8, bool),
    Reopen,
    Finalize,
    Claim,
    Alone(u8),
    Wait(u64),
}

fn tries() -> impl Strategy<Value = Vec<Try>> {
    let one = prop_oneof![
        4 => (0..6u8, any::<bool>()).prop_map(|(worker, right)| Try::Vote(worker, right)),
        4 => (0..6u8, any::<bool>()).prop_map(|(worker, right)| Try::Reveal(worker, right)),
        1 => Just(Try::Reopen),
        2 => Just(Try::Finalize),
        1 => Just(Try::Claim),
        1 => (0..6u8).prop_map(Try::Alone),
        2 => (1..3 * REF).prop_map(Try::Wait),
    ];
    prop::collection::vec(one, 1..60)
}

proptest! {
    /// Whatever people try, in whatever order: no money appears or vanishes, nothing stays with the hub that is nobody's, and
    /// a task ends once.
    #[test]
    fn no_sequence_of_calls_makes_or_loses_money(trust in 1..9u64, tries in tries()) {
        let mut market = Market::open(trust);
        let supply = market.ledger.supply().unwrap();
        let (mut now, mut ended) = (START, 0);
        for attempt in tries {
            let digest = |is_right: bool| if is_right { right() } else { wrong() };
            let action = match attempt {
                Try::Vote(number, is_right) => market.vote(worker(number), digest(is_right)),
                Try::Reveal(number, is_right) => Action::Reveal { worker: worker(number), digest: digest(is_right) },
                Try::Reopen => Action::Reopen { caller: SCHEDULER },
                Try::Finalize => market.finalize(),
                Try::Claim => Action::Claim,
                Try::Alone(number) => Action::ContributeAndFinalize {
                    worker: worker(number), digest: right(), results: Bytes::new(), results_callback: Bytes::new(),
                    enclave: Address::ZERO, kitty: market.ledger.kitty(),
                },
                Try::Wait(seconds) => { now += seconds; continue }
            };
            if let Ok(effects) = market.act(&action, now) {
                ended += effects.iter().filter(|e| matches!(e, Effect::Finalized | Effect::Claimed)).count();
            }
            prop_assert_eq!(market.ledger.supply().unwrap(), supply);
            prop_assert_eq!(market.ledger.in_transit().unwrap(), Nrlc::ZERO);
        }
        prop_assert!(ended <= 1);
        if ended == 1 {
            for account in (0..6).map(worker).chain([SCHEDULER, REQUESTER]) {
                let Account { locked, .. } = market.ledger.account(account);
                prop_assert_eq!(locked, Nrlc::ZERO, "{} has money locked in a task that ended", account);
            }
        }
    }
}
