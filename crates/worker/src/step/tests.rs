use alloy_primitives::{B256, Bytes, keccak256};
use canut_protocol::{
    Deal, DealId, Nrlc, Resource, Score, TaskId, Trust,
    result::{result_hash, result_seal},
    task::{Action, Machine},
};
use proptest::prelude::*;

use super::*;
use crate::record::Found;

const ME: Address = Address::repeat_byte(1);
const POOL: Address = Address::repeat_byte(9);
const REF: u64 = 300;
const START: u64 = 1_000;

fn deal(trust: u64) -> Deal {
    let workerpool = Resource {
        pointer: POOL,
        owner: POOL,
        price: Nrlc::from(10),
    };
    Deal {
        trust: Trust::new(trust),
        bot_size: 1,
        start_time: START,
        workerpool,
        ..Deal::default()
    }
}

fn right() -> B256 {
    keccak256("right")
}

struct Play {
    deal: Deal,
    machine: Machine,
    now: u64,
    record: Record,
    told: bool,
    asked: bool,
}

impl Play {
    fn new(trust: u64, sole: bool) -> Self {
        let (deal, id) = (deal(trust), DealId(B256::repeat_byte(2)));
        let open = Action::Initialize {
            index: 0,
            time_ref: REF,
        };
        let machine = Machine::default().step(id, &deal, &open, START).unwrap().0;
        let record = Record {
            task: TaskId::of(id, 0),
            deal: id,
            index: 0,
            authorization: Bytes::new(),
            sole,
            stake: Nrlc::ZERO,
            found: None,
            pledged: false,
            uploaded: None,
        };
        Self {
            deal,
            machine,
            now: START,
            record,
            told: false,
            asked: false,
        }
    }

    fn next(&self) -> Step {
        let Self {
            record,
            told,
            asked,
            now,
            ..
        } = self;
        let task = &self.machine.task;
        next(Sight {
            record,
            task,
            worker: ME,
            told: *told,
            asked: *asked,
            now: *now,
        })
    }

    fn act(&mut self, action: &Action) -> bool {
        let stepped = self
            .machine
            .step(self.record.deal, &self.deal, action, self.now);
        stepped.map(|(machine, _)| self.machine = machine).is_ok()
    }

    fn vote(&mut self, worker: Address, digest: B256) -> bool {
        let task = self.record.task;
        let (hash, seal) = (result_hash(task, digest), result_seal(worker, task, digest));
        self.act(&Action::Contribute {
            worker,
            weight: Score(0).weight(),
            result_hash: hash,
            result_seal: seal,
            enclave: Address::ZERO,
        })
    }

    /// Does what it says; the disk keeps the record and nothing else.
    fn obey(&mut self) -> Step {
        let step = self.next();
        match step {
            Step::Compute => {
                let found = Found {
                    digest: right(),
                    callback: Bytes::new(),
                    failure: None,
                };
                self.record.found = Some(found);
            }
            Step::Contribute => {
                self.record.pledged = true;
                self.vote(ME, right());
            }
            Step::ContributeAndFinalize => {
                self.record.pledged = true;
                let (results, results_callback) = (Bytes::new(), Bytes::new());
                let (digest, enclave, kitty) = (right(), Address::ZERO, Nrlc::ZERO);
                self.act(&Action::ContributeAndFinalize {
                    worker: ME,
                    digest,
                    results,
                    results_callback,
                    enclave,
                    kitty,
                });
            }
            Step::Reveal => {
                assert!(
                    self.act(&Action::Reveal {
                        worker: ME,
                        digest: right()
                    }),
                    "too early, or not certified"
                );
            }
            Step::Upload => self.record.uploaded = Some("Qm".into()),
            Step::Wait(_) | Step::Forget(_) => {}
        }
        step
    }
}

#[test]
fn a_worker_computes_votes_waits_and_reveals_when_told() {
    let mut play = Play::new(4, false);
    assert_eq!(play.obey(), Step::Compute);
    assert_eq!(play.obey(), Step::Contribute);
    play.told = true;
    assert_eq!(
        play.obey(),
        Step::Wait(None),
        "told, but nothing is certified"
    );
    assert!(play.vote(POOL, right()));
    play.told = false;
    let alone = play.machine.task.reveal_deadline - REF;
    assert_eq!(
        play.obey(),
        Step::Wait(Some(alone)),
        "certified, but not told"
    );
    play.told = true;
    assert_eq!(play.obey(), Step::Reveal);
    assert_eq!(play.obey(), Step::Wait(None));
    play.asked = true;
    assert_eq!(play.obey(), Step::Upload);
    assert_eq!(play.obey(), Step::Wait(None));
}

#[test]
fn a_silent_pool_does_not_cost_the_stake() {
    let mut play = Play::new(1, false);
    play.obey();
    play.obey();
    play.now += REF;
    assert_eq!(play.obey(), Step::Reveal);
}

#[test]
fn a_certified_lie_is_never_revealed() {
    let mut play = Play::new(4, false);
    play.obey();
    play.obey();
    for liar in 2..8 {
        play.vote(Address::repeat_byte(liar), keccak256("wrong"));
    }
    assert_eq!(play.machine.task.status, Status::Revealing);
    play.told = true;
    play.now = play.machine.task.reveal_deadline - 1;
    assert_eq!(play.obey(), Step::Wait(None));
}

#[test]
fn at_trust_one_a_worker_uploads_then_finishes_alone() {
    let mut play = Play::new(1, true);
    let steps = [
        Step::Compute,
        Step::Upload,
        Step::ContributeAndFinalize,
        Step::Forget(None),
    ];
    for step in steps {
        assert_eq!(play.obey(), step);
    }
    assert_eq!(play.machine.task.status, Status::Completed);
}

#[test]
fn too_late_is_too_late_unless_a_vote_may_be_out() {
    let mut play = Play::new(4, false);
    play.obey();
    play.now = START + 7 * REF;
    assert_eq!(play.next(), Step::Forget(Some(Failure::TooLate)));
    play.record.pledged = true;
    assert!(matches!(play.next(), Step::Wait(Some(_))));
}

proptest! {
    /// Whatever others do, and whenever the machine restarts: who voted right and is heard in time keeps the stake.
    #[test]
    fn an_honest_worker_never_fails_to_reveal(
        trust in 1u64..40,
        sole: bool,
        happenings in prop::collection::vec((0u8..6, 1u64..40), 0..60),
    ) {
        let mut play = Play::new(trust, sole);
        let mut others = 2;
        for (happening, seconds) in happenings {
            match happening {
                0 | 1 => _ = play.obey(),
                2 => {
                    play.vote(Address::repeat_byte(others), right());
                    others += 1;
                }
                3 => {
                    play.vote(Address::repeat_byte(others), keccak256([others]));
                    others += 1;
                }
                4 => play.told = !play.told,
                // A restart: what was told in the session is forgotten.
                _ => (play.told, play.asked) = (false, false),
            }
            play.now += seconds;
            // Somebody comes by at least once in every reference time.
            let before = play.machine.task.clone();
            play.obey();
            if before.status == Status::Revealing {
                let mine = before.contribution(ME).filter(|vote| vote.result_hash == before.consensus);
                let late = play.now >= before.reveal_deadline - REF;
                let shown = play.machine.task.contribution(ME).map(|vote| vote.status);
                prop_assert!(mine.is_none() || !late || shown == Some(ContributionStatus::Proved));
            }
        }
        // A vote was cast for nothing but the result that was written down.
        if let Some(vote) = play.machine.task.contribution(ME) {
            prop_assert_eq!(vote.result_hash, result_hash(play.record.task, right()));
            prop_assert!(play.record.pledged);
        }
    }
}
