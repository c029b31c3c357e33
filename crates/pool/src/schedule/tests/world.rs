//! A chain and workers, as simple as can be: the task machine of `canut-protocol`, and behaviours.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use alloy_primitives::{Address, B256, Bytes, keccak256};
use canut_protocol::{
    Deal, DealId, Failure, Nrlc, Resource, Score, Tag, TaskId, Trust,
    result::{result_hash, result_seal},
    task::{Action, Effect, Machine, Status},
};

use super::super::*;

pub(super) const REF: u64 = 300;
pub(super) const OWNER: Address = Address::repeat_byte(0xff);
const START: u64 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behaviour {
    Honest,
    /// Votes for something else than anyone.
    Wrong,
    /// Votes well, and is never heard of again.
    Mute,
    /// Takes tasks and does nothing.
    Idle,
    /// Fails on every task for the requester's fault.
    Unable,
}

#[derive(Debug)]
pub(super) struct Sim {
    address: Address,
    behaviour: Behaviour,
    pub(super) here: bool,
    /// Authorised tasks, and whether the worker may finish them alone.
    tasks: BTreeMap<TaskId, bool>,
    voted: BTreeSet<TaskId>,
}

#[derive(Debug)]
pub(super) struct World {
    pub(super) now: u64,
    pub(super) scheduler: Scheduler,
    /// Orders not carried out yet.
    pub(super) mailbox: Vec<Command>,
    pub(super) sims: Vec<Sim>,
    id: DealId,
    deal: Deal,
    chain: BTreeMap<TaskId, (u64, Machine)>,
    scores: BTreeMap<Address, Score>,
    /// Everything the chain said, with its time.
    log: Vec<(u64, ChainEvent)>,
    saved: (BTreeMap<DealId, Contract>, BTreeMap<TaskId, String>),
    seed: u8,
    replaying: bool,
    pub(super) hedges: u64,
}

fn settings() -> Settings {
    Settings {
        slow_after: 60,
        ..Settings::default()
    }
}

impl World {
    pub(super) fn new(trust: Trust, size: u64, behaviours: &[Behaviour]) -> Self {
        let pool = Resource {
            pointer: OWNER,
            owner: OWNER,
            price: Nrlc::from(1_000),
        };
        let deal = Deal {
            workerpool: pool,
            trust,
            bot_first: 7,
            bot_size: size,
            start_time: START,
            ..Deal::default()
        };
        let sims = (1..).zip(behaviours).map(|(number, behaviour)| Sim {
            address: Address::repeat_byte(number),
            behaviour: *behaviour,
            here: false,
            tasks: BTreeMap::new(),
            voted: BTreeSet::new(),
        });
        let mut world = Self {
            now: START,
            scheduler: Scheduler::new(settings(), [0; 32]),
            mailbox: Vec::new(),
            sims: sims.collect(),
            id: DealId(B256::repeat_byte(9)),
            deal: deal.clone(),
            chain: BTreeMap::new(),
            scores: BTreeMap::new(),
            log: Vec::new(),
            saved: Default::default(),
            seed: 0,
            replaying: false,
            hedges: 0,
        };
        let id = world.id;
        world.publish([ChainEvent::Matched {
            id,
            deal: Box::new(deal),
            time_ref: REF,
        }]);
        world
    }

    pub(super) fn pass(&mut self, seconds: u64) {
        self.now += seconds;
        self.tell([]);
    }

    pub(super) fn join_all(&mut self) {
        (0..self.sims.len()).for_each(|number| self.join(number));
    }

    pub(super) fn join(&mut self, number: usize) {
        let sim = &mut self.sims[number];
        sim.here = true;
        let ability = Ability {
            slots: 2,
            tag: Tag::default(),
        };
        let joined = SessionEvent::Joined(ability, sim.tasks.keys().copied().collect());
        let worker = sim.address;
        self.tell([Event::Session(worker, joined)]);
    }

    pub(super) fn leave(&mut self, worker: Address) {
        let sim = self
            .sims
            .iter_mut()
            .find(|sim| sim.address == worker)
            .unwrap();
        if std::mem::take(&mut sim.here) {
            self.tell([Event::Session(worker, SessionEvent::Left)]);
        }
    }

    /// The pool stops and starts again, with what it wrote down or without.
    pub(super) fn restart(&mut self, keep: bool) {
        self.seed += 1;
        self.mailbox.clear();
        self.sims.iter_mut().for_each(|sim| sim.here = false);
        if !keep {
            // A scheduler that is shown the past writes down what it sees; nothing it orders meanwhile is carried out.
            self.saved = Default::default();
            self.replaying = true;
            self.scheduler = Scheduler::new(settings(), [self.seed; 32]);
            for (at, event) in self.log.clone() {
                self.hand(at, [Event::Chain(event)]);
            }
            self.mailbox.clear();
            self.replaying = false;
        }
        self.scheduler = Scheduler::new(settings(), [self.seed; 32]);
        let jobs = self
            .saved
            .1
            .values()
            .map(|job| serde_json::from_str(job).unwrap());
        self.scheduler.restore(self.now, self.saved.0.clone(), jobs);
        for (worker, score) in self.scores.clone() {
            self.scheduler
                .on_chain(self.now, ChainEvent::Scored { worker, score });
        }
        self.tell([]);
    }

    fn tell(&mut self, events: impl IntoIterator<Item = Event>) {
        self.hand(self.now, events);
    }

    fn hand(&mut self, now: u64, events: impl IntoIterator<Item = Event>) {
        let commands = self
            .scheduler
            .handle(now, Duration::from_secs(now - START), events);
        let changes = self.scheduler.take_changes();
        self.hedges += changes.hedges;
        self.saved.0.extend(changes.deals);
        for job in changes.tasks {
            self.saved
                .1
                .insert(job.id(), serde_json::to_string(&job).unwrap());
        }
        if now == self.now && !self.replaying {
            commands.iter().for_each(|command| self.examine(command));
        }
        self.mailbox.extend(commands);
    }

    /// An order must make sense at the moment it is given.
    fn examine(&self, command: &Command) {
        let allowed = |task: &TaskId, action: Action| {
            let verdict = self.chain[task].1.task.check(&self.deal, &action, self.now);
            assert_eq!(verdict, Ok(()), "{command:?}");
        };
        match command {
            Command::Authorise { task, worker, .. } => {
                assert!(
                    self.sims
                        .iter()
                        .any(|sim| sim.address == *worker && sim.here)
                );
                assert!(self.chain[task].1.task.contribution(*worker).is_none());
                assert_eq!(self.chain[task].1.task.status, Status::Active);
            }
            Command::Finalize { task, .. } => allowed(task, finalize()),
            Command::Reopen { task } => allowed(task, Action::Reopen { caller: OWNER }),
            Command::Claim { task } => allowed(task, Action::Claim),
            Command::Initialize { indices, .. } => {
                for index in indices {
                    assert!(!self.chain.contains_key(&TaskId::of(self.id, *index)));
                }
            }
            _ => {}
        }
    }

    fn publish(&mut self, events: impl IntoIterator<Item = ChainEvent>) {
        let events: Vec<_> = events.into_iter().collect();
        self.log
            .extend(events.iter().map(|event| (self.now, event.clone())));
        self.tell(events.into_iter().map(Event::Chain));
    }

    /// Carries out the first order that `which` accepts.
    pub(super) fn run(&mut self, which: impl Fn(&Command) -> bool) -> bool {
        let Some(place) = self.mailbox.iter().position(which) else {
            return false;
        };
        let command = self.mailbox.remove(place);
        self.carry_out(command);
        true
    }

    pub(super) fn carry_out(&mut self, command: Command) {
        match command {
            Command::Initialize { deal, indices } => {
                let done = indices.iter().all(|index| self.initialize(*index));
                if !done {
                    self.tell([Event::Unopened(deal, indices)]);
                }
            }
            Command::ClaimUnopened { indices, .. } => {
                for index in indices {
                    if self.initialize(index) {
                        self.transact(TaskId::of(self.id, index), Action::Claim);
                    }
                }
            }
            Command::Authorise { task, worker, sole } => {
                if let Some(sim) = self.sim(worker) {
                    sim.tasks.insert(task, sole);
                }
            }
            Command::Abort { task, worker } => {
                if let Some(sim) = self.sim(worker) {
                    sim.tasks.remove(&task);
                }
            }
            Command::Reveal { task, worker } => {
                if self
                    .sim(worker)
                    .is_some_and(|sim| sim.behaviour == Behaviour::Honest)
                {
                    self.transact(
                        task,
                        Action::Reveal {
                            worker,
                            digest: digest(task),
                        },
                    );
                }
            }
            Command::Upload { task, worker } => {
                if self
                    .sim(worker)
                    .is_some_and(|sim| sim.behaviour == Behaviour::Honest)
                {
                    let uploaded = SessionEvent::Uploaded(task, "Qm".into());
                    self.tell([Event::Session(worker, uploaded)]);
                }
            }
            Command::Check {
                task,
                cid,
                consensus,
            } => {
                assert_eq!(consensus, result_hash(task, digest(task)));
                let delivery = Delivery {
                    cid,
                    callback: Bytes::new(),
                };
                self.tell([Event::Errand(task, Report::Checked(delivery))]);
            }
            Command::Finalize { task, .. } => self.transact(task, finalize()),
            Command::Reopen { task } => self.transact(task, Action::Reopen { caller: OWNER }),
            Command::Claim { task } => self.transact(task, Action::Claim),
        }
    }

    fn sim(&mut self, worker: Address) -> Option<&mut Sim> {
        self.sims
            .iter_mut()
            .find(|sim| sim.address == worker && sim.here)
    }

    fn initialize(&mut self, index: u64) -> bool {
        let (id, task) = (self.id, TaskId::of(self.id, index));
        if self.chain.contains_key(&task) {
            return false;
        }
        let action = Action::Initialize {
            index,
            time_ref: REF,
        };
        let (machine, _) = Machine::default()
            .step(id, &self.deal, &action, self.now)
            .unwrap();
        self.chain.insert(task, (index, machine));
        self.publish([ChainEvent::Initialized { deal: id, index }]);
        true
    }

    fn transact(&mut self, task: TaskId, action: Action) {
        let machine = &self.chain[&task].1;
        let Ok((next, effects)) = machine.step(self.id, &self.deal, &action, self.now) else {
            self.tell([Event::Errand(task, Report::Thwarted)]);
            return;
        };
        self.chain.get_mut(&task).unwrap().1 = next;
        let at = self.now;
        let mut events = Vec::new();
        for effect in effects {
            events.extend(match effect {
                Effect::Contributed {
                    worker,
                    result_hash: hash,
                } => Some(ChainEvent::Contributed { task, worker, hash }),
                Effect::Certified { result_hash: hash } => {
                    Some(ChainEvent::Certified { task, hash, at })
                }
                Effect::Revealed { worker, .. } => Some(ChainEvent::Revealed { task, worker }),
                Effect::Reopened => Some(ChainEvent::Reopened { task }),
                Effect::Finalized => Some(ChainEvent::Finalized { task }),
                Effect::Claimed => Some(ChainEvent::Claimed { task }),
                Effect::Accurate { worker } => Some(self.rescore(worker, Score::rewarded)),
                Effect::Faulty { worker } => Some(self.rescore(worker, Score::penalised)),
                _ => None,
            });
        }
        self.publish(events);
    }

    fn rescore(&mut self, worker: Address, change: impl Fn(Score) -> Score) -> ChainEvent {
        let score = self.scores.entry(worker).or_default();
        *score = change(*score);
        ChainEvent::Scored {
            worker,
            score: *score,
        }
    }

    /// The worker does the next thing about its first task that it did not vote on. Whether it did anything.
    pub(super) fn work(&mut self, number: usize) -> bool {
        let sim = &mut self.sims[number];
        let worker = sim.address;
        let todo = sim
            .tasks
            .iter()
            .find(|(task, _)| !sim.voted.contains(*task));
        let Some((task, sole)) = todo.map(|(task, sole)| (*task, *sole)) else {
            return false;
        };
        match sim.behaviour {
            Behaviour::Idle => return false,
            Behaviour::Unable => {
                sim.tasks.remove(&task);
                if sim.here {
                    let failed = SessionEvent::Failed(task, Failure::InputRefused);
                    self.tell([Event::Session(worker, failed)]);
                }
                return true;
            }
            Behaviour::Honest | Behaviour::Wrong | Behaviour::Mute => {}
        }
        let wrong = sim.behaviour == Behaviour::Wrong;
        sim.voted.insert(task);
        if sim.here {
            self.tell([Event::Session(worker, SessionEvent::Computed(task))]);
        }
        let digest = if wrong {
            keccak256((worker, task.0).abi())
        } else {
            digest(task)
        };
        let enclave = Address::ZERO;
        if sole && !wrong {
            let kitty = Nrlc::ZERO;
            let (results, results_callback) = (Bytes::new(), Bytes::new());
            self.transact(
                task,
                Action::ContributeAndFinalize {
                    worker,
                    digest,
                    results,
                    results_callback,
                    enclave,
                    kitty,
                },
            );
            return true;
        }
        let weight = self
            .scores
            .get(&worker)
            .copied()
            .unwrap_or_default()
            .weight();
        let (hash, seal) = (result_hash(task, digest), result_seal(worker, task, digest));
        self.transact(
            task,
            Action::Contribute {
                worker,
                weight,
                result_hash: hash,
                result_seal: seal,
                enclave,
            },
        );
        true
    }

    /// Everyone does what there is to do, and time passes when there is nothing, until `done` or the end of time.
    pub(super) fn settle_until(&mut self, done: impl Fn(&Self) -> bool) {
        for _ in 0..100_000 {
            if done(self) {
                return;
            }
            if self.run(|_| true) || (0..self.sims.len()).any(|number| self.work(number)) {
                continue;
            }
            let late = self.scheduler.wake_late();
            let late = late.map(|at| START + at.as_secs());
            match self.scheduler.wake(self.now).into_iter().chain(late).min() {
                Some(at) if at <= START + 20 * REF => self.pass(at.saturating_sub(self.now).max(1)),
                _ => return,
            }
        }
        panic!("no end in sight");
    }

    pub(super) fn settle(&mut self) {
        self.settle_until(|world| {
            world.completed() + world.failed() == world.deal.bot_size as usize
        });
    }

    pub(super) fn completed(&self) -> usize {
        self.count(Status::Completed)
    }

    pub(super) fn failed(&self) -> usize {
        self.count(Status::Failed)
    }

    fn count(&self, status: Status) -> usize {
        self.chain
            .values()
            .filter(|(_, machine)| machine.task.status == status)
            .count()
    }

    pub(super) fn votes(&self) -> usize {
        self.chain
            .values()
            .map(|(_, machine)| machine.task.contributions.len())
            .sum()
    }

    pub(super) fn log_is_free_of(&self, which: impl Fn(&ChainEvent) -> bool) -> bool {
        !self.log.iter().any(|(_, event)| which(event))
    }

    pub(super) fn saved_jobs(&self) -> Vec<Job> {
        self.saved
            .1
            .values()
            .map(|job| serde_json::from_str(job).unwrap())
            .collect()
    }

    /// The scheduler sees of every task what the chain says.
    pub(super) fn agrees(&self) {
        for (task, (_, machine)) in &self.chain {
            let saved: Job = serde_json::from_str(&self.saved.1[task]).unwrap();
            let kept = self.scheduler.job(*task);
            assert!(saved.phase.is_over() || kept.is_some());
            let phase = kept.unwrap_or(&saved).phase;
            assert_eq!(phase, saved.phase, "what is decided on is written down");
            let seen = match phase {
                Phase::Active => Status::Active,
                Phase::Revealing {
                    consensus,
                    deadline,
                } => {
                    assert_eq!(
                        (consensus, deadline),
                        (machine.task.consensus, machine.task.reveal_deadline)
                    );
                    Status::Revealing
                }
                Phase::Completed => Status::Completed,
                Phase::Failed => Status::Failed,
            };
            assert_eq!(seen, machine.task.status);
        }
    }
}

fn digest(task: TaskId) -> B256 {
    keccak256(task.as_slice())
}

fn finalize() -> Action {
    let (results, results_callback) = (Bytes::new(), Bytes::new());
    Action::Finalize {
        caller: OWNER,
        results,
        results_callback,
        kitty: Nrlc::ZERO,
    }
}

trait Abi {
    fn abi(&self) -> Vec<u8>;
}

impl Abi for (Address, B256) {
    fn abi(&self) -> Vec<u8> {
        [self.0.as_slice(), self.1.as_slice()].concat()
    }
}
