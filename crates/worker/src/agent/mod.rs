//! The worker's one place of decision. It owns the tasks; everything slow is done in errands, one at a time for each task.

mod errands;
mod held;
mod range_errands;
mod ranges;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use alloy_primitives::Address;
use canut_hub::{Event, Hub, events::Batch};
use canut_pool::{
    Clock,
    session::{ToPool, ToWorker},
};
use canut_protocol::{Failure, Nrlc, TaskId};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use crate::{
    activity::{self, Look},
    link::Heard,
    presence::Pause,
    ranges::record::RangeRecord,
    record::Record,
    step::{Sight, Step},
};
use errands::{Assignment, Done, unless_stopped};
use held::{Errand, Held};

pub(crate) use errands::Hands;
pub(crate) use range_errands::{Memory, RangeHands};
pub(crate) use ranges::Manners;
use ranges::Ranges;

/// First rest after an errand that failed; it doubles.
const REST: Duration = Duration::from_millis(500);
/// Longest rest.
const LONGEST: Duration = Duration::from_secs(30);
/// Errands that fail in a row before the pool is told.
const PATIENCE: u32 = 3;
/// Longest time without looking whether something is due.
const DOZE: Duration = Duration::from_secs(3_600);

/// What is known of the chain at the end of a batch of blocks.
#[derive(Debug)]
pub(crate) struct Tick {
    pub(crate) batch: Batch,
    /// Time of the chain, in seconds since the epoch.
    pub(crate) now: u64,
}

/// See the [module](self).
pub(crate) struct Agent {
    hands: Hands,
    hub: Hub,
    worker: Address,
    slots: usize,
    held: BTreeMap<TaskId, Held>,
    admitting: BTreeSet<TaskId>,
    clock: Clock,
    doing: JoinSet<Done>,
    pool: mpsc::Sender<ToPool>,
    holding: watch::Sender<Vec<TaskId>>,
    /// Why no tasks are taken.
    pause: watch::Receiver<Option<Pause>>,
    /// How it chooses what to do next.
    choose: Choice,
    ranges: Ranges,
}

/// What ties the agent to the rest of the worker.
pub(crate) struct Wires {
    /// To the pool, through the session.
    pub(crate) pool: mpsc::Sender<ToPool>,
    /// Shows what is held.
    pub(crate) holding: watch::Sender<Vec<TaskId>>,
    /// Why no tasks are taken.
    pub(crate) pause: watch::Receiver<Option<Pause>>,
}

/// What the agent needs for the certificate way.
pub(crate) struct Weaving {
    pub(crate) hands: RangeHands,
    pub(crate) records: Vec<RangeRecord>,
    /// Most ranges that are voted on and not paid.
    pub(crate) open: usize,
    pub(crate) manners: Manners,
}

/// Chooses the next step; [`step::next`](crate::step::next) for every honest worker.
pub(crate) type Choice = fn(Sight<'_>) -> Step;

impl Agent {
    pub(crate) fn new(
        hands: Hands,
        slots: usize,
        records: BTreeMap<TaskId, Record>,
        wires: Wires,
        choose: Choice,
        weaving: Weaving,
    ) -> Self {
        let held = records
            .into_iter()
            .map(|(task, record)| (task, Held::new(record)));
        let Wires {
            pool,
            holding,
            pause,
        } = wires;
        let (hub, worker) = (hands.caller.hub().clone(), hands.caller.address());
        let Weaving {
            hands: range_hands,
            records: ranges,
            open,
            manners,
        } = weaving;
        let ranges = Ranges::new(range_hands, ranges, pool.clone(), open, manners);
        Self {
            hands,
            hub,
            worker,
            slots,
            held: held.collect(),
            admitting: BTreeSet::new(),
            clock: Clock::default(),
            doing: JoinSet::new(),
            pool,
            holding,
            pause,
            choose,
            ranges,
        }
    }

    /// Works until told to stop, or until nothing is left to do for a worker that takes no more tasks and is to end. What is
    /// under way is dropped then, and taken up again at the next start.
    pub(crate) async fn run(
        mut self,
        mut ticks: mpsc::Receiver<Tick>,
        mut heard: mpsc::Receiver<Heard>,
        mut looks: mpsc::Receiver<Look>,
        stop: CancellationToken,
    ) {
        if let Ok(now) = self.hub.now().await {
            self.clock.observe(now);
        }
        self.consider_all();
        self.ranges.begin();
        loop {
            let due = self.due();
            tokio::select! {
                () = stop.cancelled() => break,
                Ok(()) = self.pause.changed() => self.say_slots(),
                tick = ticks.recv() => match tick {
                    Some(tick) => self.on_tick(&tick),
                    None => break,
                },
                Some(heard) = heard.recv() => self.on_heard(heard),
                Some(look) = looks.recv() => {
                    let held = self.held.values().map(Held::work);
                    // Whoever asked may be gone.
                    let _ = look.send(held.chain(self.ranges.work()).collect());
                }
                Some(done) = self.doing.join_next() => match done {
                    Ok(done) => self.on_done(done),
                    Err(broken) => warn!(%broken, "an errand broke off"),
                },
                Some(done) = self.ranges.doing.join_next() => match done {
                    Ok(done) => self.ranges.on_done(done, self.clock.now()),
                    Err(broken) => warn!(%broken, "an errand broke off"),
                },
                () = sleep_until(due) => {
                    self.consider_all();
                    self.ranges.wake(self.clock.now());
                }
            }
            self.show();
            if self.is_done() {
                break;
            }
        }
        self.doing.shutdown().await;
        self.ranges.doing.shutdown().await;
    }

    /// Whether nothing is left to do, and nothing more is to come.
    fn is_done(&self) -> bool {
        *self.pause.borrow() == Some(Pause::Stopping)
            && self.held.is_empty()
            && self.admitting.is_empty()
            && self.ranges.is_done()
    }

    /// Tasks that the worker computes at the same time, as things are.
    fn slots(&self) -> usize {
        if self.pause.borrow().is_some() {
            0
        } else {
            self.slots
        }
    }

    fn say_slots(&mut self) {
        let slots = u32::try_from(self.slots()).unwrap_or(u32::MAX);
        self.tell(ToPool::Slots { slots });
    }

    /// Tells the session what is held, should it have to be opened again.
    fn show(&self) {
        self.holding.send_if_modified(|shown| {
            let same = shown.len() == self.held.len() && shown.iter().eq(self.held.keys());
            if !same {
                *shown = self.held.keys().copied().collect();
            }
            !same
        });
    }

    fn due(&self) -> Instant {
        let now = self.clock.now();
        let clock = |at: u64| {
            Instant::now()
                + Duration::from_secs(at.saturating_sub(now))
                    .clamp(Duration::from_millis(100), DOZE)
        };
        let rests = self.held.values().filter_map(|held| held.rest_until);
        let wakes = self.held.values().filter_map(|held| held.wake).map(clock);
        rests
            .chain(wakes)
            .chain(self.ranges.due(now))
            .min()
            .unwrap_or_else(|| Instant::now() + DOZE)
    }

    fn on_tick(&mut self, tick: &Tick) {
        self.clock.observe(tick.now);
        let mut touched = BTreeSet::new();
        for happening in &tick.batch.events {
            touched.extend(match happening.event {
                Event::Initialized { task, .. }
                | Event::Certified { task, .. }
                | Event::Reopened { task }
                | Event::Finalized { task, .. }
                | Event::Claimed { task } => Some(task),
                Event::Contributed { task, .. } | Event::Revealed { task, .. } => Some(task),
                _ => None,
            });
        }
        for task in touched {
            if let Some(held) = self.held.get_mut(&task) {
                held.view = None;
                held.outdated = true;
                held.rest_until = None;
                self.consider(task);
            }
        }
        self.consider_woken();
        self.ranges.on_batch(&tick.batch);
        self.ranges.wake(tick.now);
    }

    fn on_heard(&mut self, heard: Heard) {
        match heard {
            Heard::Up => {
                self.say_slots();
                let found: Vec<_> = self
                    .held
                    .values()
                    .filter(|held| !held.wants_slot())
                    .map(Held::task)
                    .collect();
                found
                    .into_iter()
                    .for_each(|task| self.tell(ToPool::Computed { task }));
                self.ranges.on_up();
            }
            Heard::Said(ToWorker::Assign {
                task,
                deal,
                index,
                authorization,
                sole,
            }) => {
                self.on_assign(Assignment {
                    task,
                    deal,
                    index,
                    authorization,
                    sole,
                });
            }
            Heard::Said(ToWorker::Reveal { task }) => self.on_told(task, |held| held.told = true),
            Heard::Said(ToWorker::Upload { task }) => {
                let there = self
                    .held
                    .get(&task)
                    .and_then(|held| held.record.uploaded.clone());
                if let Some(cid) = there {
                    self.tell(ToPool::Uploaded { task, cid });
                }
                self.on_told(task, |held| held.asked = true);
            }
            Heard::Said(ToWorker::Abort { task }) => {
                if self
                    .held
                    .get(&task)
                    .is_some_and(|held| !held.record.pledged)
                {
                    debug!(%task, "not wanted any more");
                    self.forget(task);
                }
            }
            Heard::Said(
                ToWorker::Challenge { .. } | ToWorker::Welcome { .. } | ToWorker::Farewell { .. },
            ) => {}
            Heard::Said(said) => {
                let (taken, slots) = (self.taken(), self.slots());
                self.ranges.on_said(said, taken, slots, self.clock.now());
            }
        }
    }

    fn on_assign(&mut self, assignment: Assignment) {
        let task = assignment.task;
        if self.held.contains_key(&task) || self.admitting.contains(&task) {
            return;
        }
        if self.taken() + self.ranges.computing() >= self.slots() {
            let failure = match *self.pause.borrow() {
                Some(Pause::Stopping) => Failure::WorkerStopped,
                _ => Failure::SlotsFull,
            };
            self.tell(ToPool::Failed { task, failure });
            return;
        }
        self.admitting.insert(task);
        let admission = self.hands.clone().admit(assignment, self.clock.now());
        self.doing
            .spawn(unless_stopped(task, CancellationToken::new(), admission));
    }

    /// Slots that are, or will be, taken by tasks.
    fn taken(&self) -> usize {
        self.held.values().filter(|held| held.wants_slot()).count() + self.admitting.len()
    }

    fn on_told(&mut self, task: TaskId, note: impl FnOnce(&mut Held)) {
        if let Some(held) = self.held.get_mut(&task) {
            note(held);
            held.rest_until = None;
            self.consider(task);
        } else if self.admitting.insert(task) {
            // The pool believes that this worker voted. If the chain says so too, the record was lost.
            let recovery = self.hands.clone().recover(task);
            self.doing
                .spawn(unless_stopped(task, CancellationToken::new(), recovery));
        }
    }

    fn on_done(&mut self, done: Done) {
        match done {
            Done::Admitted(record, free) => self.on_admitted(*record, free),
            Done::Declined(task, failure) => {
                self.admitting.remove(&task);
                info!(%task, %failure, remedy = failure.remedy(), "not taken");
                self.tell(ToPool::Failed { task, failure });
            }
            Done::Looked(task, Some(seen)) => {
                let worker = self.worker;
                self.idle(task, |held| {
                    held.failures = 0;
                    held.voted = seen.contribution(worker).is_some();
                    held.view = (!held.outdated).then_some(*seen);
                });
            }
            Done::Looked(task, None) => self.on_failed(task, Failure::ChainUnreachable),
            Done::Written(record) => self.on_written(*record),
            Done::Sent(task) => self.idle(task, |held| held.view = None),
            Done::Failed(task, failure) => self.on_failed(task, failure),
            Done::Stopped(task) => {
                self.admitting.remove(&task);
                self.consider_all();
            }
        }
    }

    /// An assignment passed all checks but one: whether the stakes of other tasks leave enough.
    fn on_admitted(&mut self, record: Record, free: Nrlc) {
        let task = record.task;
        self.admitting.remove(&task);
        let promised = self
            .held
            .values()
            .filter(|held| !held.voted)
            .map(|held| held.record.stake);
        let needed = Nrlc::sum(promised.chain([record.stake]));
        if needed.is_err() || needed.is_ok_and(|needed| needed > free) {
            let stake = record.stake;
            warn!(%task, %stake, %free, "the stakes of other tasks leave too little: deposit more");
            self.tell(ToPool::Failed {
                task,
                failure: Failure::StakeTooLow,
            });
            return;
        }
        self.held.insert(task, Held::new(record));
        self.consider(task);
    }

    /// A record is on disk: of a run, of an upload, or found again.
    fn on_written(&mut self, record: Record) {
        let task = record.task;
        if self.admitting.remove(&task) {
            info!(%task, "taken up again from the chain");
            self.held.insert(task, Held::new(record));
            self.consider(task);
            return;
        }
        let Some(held) = self.held.get_mut(&task) else {
            return;
        };
        let computed = held.record.found.is_none() && record.found.is_some();
        if computed {
            held.since = activity::now();
        }
        held.record = record;
        let asked = held.asked;
        let uploaded = held.record.uploaded.clone().filter(|_| asked && !computed);
        if computed {
            self.tell(ToPool::Computed { task });
        }
        if let Some(cid) = uploaded {
            self.tell(ToPool::Uploaded { task, cid });
        }
        self.idle(task, |held| held.failures = 0);
        if computed {
            // A slot is free.
            self.consider_all();
        }
    }

    fn on_failed(&mut self, task: TaskId, failure: Failure) {
        let Some(held) = self.held.get_mut(&task) else {
            return;
        };
        let errand = held.busy.take().map(|(errand, _)| errand);
        held.failures += 1;
        held.view = None;
        let rest = REST.saturating_mul(1 << held.failures.min(6)).min(LONGEST);
        held.rest_until = Some(Instant::now() + rest);
        let given_up = errand == Some(Errand::Compute) && !held.record.pledged;
        let told = given_up || held.failures == PATIENCE || failure == Failure::UploadFailed;
        if told {
            self.tell(ToPool::Failed { task, failure });
        }
        if given_up {
            self.forget(task);
            self.consider_all();
        }
    }

    /// The task's errand is over.
    fn idle(&mut self, task: TaskId, note: impl FnOnce(&mut Held)) {
        if let Some(held) = self.held.get_mut(&task) {
            held.busy = None;
            note(held);
            self.consider(task);
        }
    }

    fn consider_all(&mut self) {
        let tasks: Vec<_> = self.held.keys().copied().collect();
        tasks.into_iter().for_each(|task| self.consider(task));
    }

    /// Considers the tasks whose time has come.
    fn consider_woken(&mut self) {
        let now = self.clock.now();
        let woken = self
            .held
            .values()
            .filter(|held| held.wake.is_some_and(|at| at <= now));
        let tasks: Vec<_> = woken.map(Held::task).collect();
        tasks.into_iter().for_each(|task| self.consider(task));
    }

    /// Does the next thing about a task, unless something is under way.
    fn consider(&mut self, task: TaskId) {
        let computing = self
            .held
            .values()
            .filter(|held| held.is_computing())
            .count();
        let Some(held) = self.held.get_mut(&task) else {
            return;
        };
        if held.busy.is_some() {
            return;
        }
        if held.rest_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        held.rest_until = None;
        held.wake = None;
        let hands = self.hands.clone();
        let record = held.record.clone();
        let Some(view) = &held.view else {
            held.outdated = false;
            self.begin(task, Errand::Look, hands.look(task));
            return;
        };
        let (told, asked, now) = (held.told, held.asked, self.clock.now());
        let sight = Sight {
            record: &record,
            task: view,
            worker: self.worker,
            told,
            asked,
            now,
        };
        match (self.choose)(sight) {
            Step::Compute if computing < self.slots => {
                self.begin(task, Errand::Compute, hands.compute(record));
            }
            // Considered again when a slot is free.
            Step::Compute => {}
            Step::Contribute => {
                held.record.pledged = true;
                self.begin(task, Errand::Send, hands.contribute(record, false));
            }
            Step::ContributeAndFinalize => {
                held.record.pledged = true;
                self.begin(task, Errand::Send, hands.contribute(record, true));
            }
            Step::Reveal => self.begin(task, Errand::Send, hands.reveal(record)),
            Step::Upload => self.begin(task, Errand::Upload, hands.upload(record)),
            Step::Wait(until) => held.wake = until.filter(|at| *at > now),
            Step::Forget(failure) => {
                if let Some(failure) = failure {
                    self.tell(ToPool::Failed { task, failure });
                }
                self.forget(task);
            }
        }
    }

    fn begin(
        &mut self,
        task: TaskId,
        errand: Errand,
        work: impl Future<Output = Done> + Send + 'static,
    ) {
        let stop = CancellationToken::new();
        if let Some(held) = self.held.get_mut(&task) {
            held.busy = Some((errand, stop.clone()));
        }
        self.doing.spawn(unless_stopped(task, stop, work));
    }

    fn forget(&mut self, task: TaskId) {
        if let Some(held) = self.held.remove(&task)
            && let Some((_, stop)) = held.busy
        {
            stop.cancel();
        }
        if let Err(error) = self.hands.journal.remove(task) {
            warn!(%task, %error, "a task that is over cannot be swept away");
        }
    }

    /// Says something to the pool, if it listens; what matters is said again when a session opens.
    fn tell(&self, message: ToPool) {
        if let Err(error) = self.pool.try_send(message) {
            debug!(%error, "not said to the pool");
        }
    }
}
