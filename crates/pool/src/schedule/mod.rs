//! The scheduler: who computes what, and what happens next. Pure: events and the time go in, orders come out.
//!
//! The chain is the truth: every decision is taken from the state of a [`Job`], which follows the events of the hub. What
//! workers say only makes things go faster. So an order that is lost, repeated or late does no harm, and the whole state
//! can be rebuilt by showing a new scheduler the events of the chain again.

mod chain;
mod decide;
mod demand;
mod dispatch;
mod event;
mod hedge;
mod job;
mod roster;
mod session;
mod settings;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use alloy_primitives::Address;
use canut_protocol::{Deal, DealId, TaskId, task::Deadlines};
use rand::{SeedableRng, rngs::StdRng};
use serde::{Deserialize, Serialize};

pub use demand::needs_another;
pub use event::{Ability, ChainEvent, Command, Delivery, Event, Report, SessionEvent};
pub use job::{Job, Milestone, Phase, Replica, Stage, Standing, Vote};
pub(crate) use session::is_passing;
pub use settings::Settings;

use crate::stragglers::Stragglers;
use roster::Roster;

/// A deal of the pool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contract {
    /// What was agreed.
    pub deal: Deal,
    /// Reference time of its category, in seconds.
    pub time_ref: u64,
}

/// A deal, and which of its tasks nobody initialised yet.
#[derive(Debug)]
struct Open {
    contract: Contract,
    deadlines: Deadlines,
    /// Index from which on nothing was asked for yet.
    next: u64,
    /// Indices whose initialisation is under way.
    opening: BTreeSet<u64>,
    /// Indices whose initialisation failed.
    again: BTreeSet<u64>,
    retry_at: u64,
    /// Tasks that are not over.
    left: u64,
}

impl Open {
    fn end(&self) -> u64 {
        let deal = &self.contract.deal;
        deal.bot_first.saturating_add(deal.bot_size)
    }

    fn has_unopened(&self) -> bool {
        self.next < self.end() || !self.again.is_empty()
    }
}

/// How a task compares with others that want a worker: what was started first, then what ends soonest.
type Urgency = (bool, u64, TaskId);

/// The scheduler. See the [module](self).
#[derive(Debug)]
pub struct Scheduler {
    settings: Settings,
    rng: StdRng,
    deals: BTreeMap<DealId, Open>,
    /// Deals with tasks that nobody initialised.
    unopened: BTreeSet<DealId>,
    jobs: BTreeMap<TaskId, Job>,
    roster: Roster,
    hungry: BTreeMap<TaskId, Urgency>,
    queue: BTreeSet<Urgency>,
    agenda: BTreeSet<(u64, TaskId)>,
    alarms: BTreeMap<TaskId, u64>,
    touched: BTreeSet<TaskId>,
    /// Who computes what, by a clock of their own: it only runs.
    stragglers: Stragglers<(TaskId, Address)>,
    uptime: Duration,
    /// When to authorise somebody else for a task whose worker is away.
    strays: BTreeSet<(u64, TaskId, Address)>,
    hedges: u64,
    new_deals: BTreeSet<DealId>,
    dirty: BTreeSet<TaskId>,
}

/// What changed since it was last asked, and is to be kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// New deals. They never change again.
    pub deals: Vec<(DealId, Contract)>,
    /// Tasks as they are now.
    pub tasks: Vec<Job>,
    /// Workers authorised for what others were late with; this is counted, not kept.
    pub hedges: u64,
}

impl Changes {
    /// Whether nothing changed.
    pub const fn is_empty(&self) -> bool {
        self.deals.is_empty() && self.tasks.is_empty()
    }
}

impl Scheduler {
    /// A scheduler that knows of nothing. Who can guess `seed` can guess who is drawn.
    pub fn new(settings: Settings, seed: [u8; 32]) -> Self {
        Self {
            settings,
            rng: StdRng::from_seed(seed),
            deals: BTreeMap::new(),
            unopened: BTreeSet::new(),
            jobs: BTreeMap::new(),
            roster: Roster::default(),
            hungry: BTreeMap::new(),
            queue: BTreeSet::new(),
            agenda: BTreeSet::new(),
            alarms: BTreeMap::new(),
            touched: BTreeSet::new(),
            stragglers: Stragglers::new(),
            uptime: Duration::ZERO,
            strays: BTreeSet::new(),
            hedges: 0,
            new_deals: BTreeSet::new(),
            dirty: BTreeSet::new(),
        }
    }

    /// Takes up what an earlier scheduler left at `now`: every worker counts as away since then.
    pub fn restore(
        &mut self,
        now: u64,
        deals: impl IntoIterator<Item = (DealId, Contract)>,
        jobs: impl IntoIterator<Item = Job>,
    ) {
        for (id, contract) in deals {
            self.open_deal(id, contract);
        }
        for mut job in jobs {
            let id = job.id();
            for replica in job.replicas.values_mut() {
                if replica.stage.is_pending() {
                    replica.stage = Stage::Away(now);
                }
            }
            if job.phase.is_over() {
                self.count_out(job.deal);
            } else {
                for worker in job.replicas.keys() {
                    self.roster.attach(*worker, id);
                }
            }
            self.jobs.insert(id, job);
            self.touched.insert(id);
        }
    }

    /// Takes in what happened until `now` (seconds since the epoch, by the clock of the chain), and says what to do.
    ///
    /// Events of one transaction are best given together. With no event, what is due at `now` is done. `uptime` is of a clock
    /// that only runs, by which durations are measured.
    pub fn handle(
        &mut self,
        now: u64,
        uptime: Duration,
        events: impl IntoIterator<Item = Event>,
    ) -> Vec<Command> {
        self.uptime = uptime;
        let mut commands = Vec::new();
        for event in events {
            match event {
                Event::Chain(event) => self.on_chain(now, event),
                Event::Session(worker, event) => self.on_session(now, worker, event, &mut commands),
                Event::Errand(task, report) => self.on_errand(now, task, report),
                Event::Unopened(deal, indices) => self.on_unopened(now, deal, indices),
            }
        }
        self.roster.unbench_due(now);
        while let Some((at, task)) = self.agenda.first().copied()
            && at <= now
        {
            self.agenda.remove(&(at, task));
            self.alarms.remove(&task);
            self.touched.insert(task);
        }
        while let Some(task) = self.touched.pop_first() {
            self.decide(now, task, &mut commands);
        }
        self.open_tasks(now, &mut commands);
        self.dispatch(now, &mut commands);
        self.hedge(now, &mut commands);
        commands
    }

    /// When [`handle`](Self::handle) has something to do though nothing happens, in seconds since the epoch.
    pub fn wake(&self, now: u64) -> Option<u64> {
        let job = self.agenda.first().map(|(at, _)| *at);
        let deals = self.unopened.iter().filter_map(|id| self.deals.get(id));
        let deal = deals
            .map(|open| {
                let again = (!open.again.is_empty()).then_some(open.retry_at);
                again.unwrap_or(u64::MAX).min(open.deadlines.end)
            })
            .min();
        [job, deal, self.roster.next_unbench(), self.next_stray(now)]
            .into_iter()
            .flatten()
            .min()
    }

    /// What is to be written down before orders are carried out. Deals whose tasks are all over are forgotten then.
    pub fn take_changes(&mut self) -> Changes {
        let deals = std::mem::take(&mut self.new_deals);
        let tasks = std::mem::take(&mut self.dirty);
        let deals = deals
            .into_iter()
            .filter_map(|id| Some((id, self.contract(id)?.clone())));
        let changes = Changes {
            deals: deals.collect(),
            tasks: tasks
                .iter()
                .filter_map(|id| self.jobs.get(id))
                .cloned()
                .collect(),
            hedges: std::mem::take(&mut self.hedges),
        };
        for job in changes.tasks.iter().filter(|job| job.phase.is_over()) {
            self.forget_if_over(job.deal);
        }
        changes
    }

    fn forget_if_over(&mut self, id: DealId) {
        let Some(open) = self.deals.get(&id) else {
            return;
        };
        if open.left > 0 {
            return;
        }
        for (_, task) in open.contract.deal.tasks(id) {
            self.jobs.remove(&task);
        }
        self.deals.remove(&id);
        self.unopened.remove(&id);
    }

    /// A deal of the pool.
    pub fn contract(&self, id: DealId) -> Option<&Contract> {
        self.deals.get(&id).map(|open| &open.contract)
    }

    /// A task that was initialised.
    pub fn job(&self, task: TaskId) -> Option<&Job> {
        self.jobs.get(&task)
    }

    /// All tasks that were initialised.
    pub fn jobs(&self) -> impl Iterator<Item = &Job> {
        self.jobs.values()
    }

    /// Workers with a session.
    pub fn workers(&self) -> usize {
        self.roster.here()
    }

    /// Whether the worker has a session.
    pub fn is_here(&self, worker: Address) -> bool {
        self.roster.is_here(worker)
    }

    /// Tasks of the worker that are not over.
    pub fn tasks_of(&self, worker: Address) -> Vec<TaskId> {
        self.roster.tasks(worker)
    }

    /// Tasks that wait for a worker.
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Tasks of deals that are not over.
    pub fn open_tasks_count(&self) -> usize {
        let left = self.deals.values().map(|open| open.left);
        usize::try_from(left.fold(0, u64::saturating_add)).unwrap_or(usize::MAX)
    }

    fn open_deal(&mut self, id: DealId, contract: Contract) {
        let deal = &contract.deal;
        // Times beyond 64 bits would have failed on chain.
        let deadlines = Deadlines::of(deal.start_time, contract.time_ref).unwrap_or(Deadlines {
            contribution: u64::MAX,
            end: u64::MAX,
        });
        let open = Open {
            next: deal.bot_first,
            left: deal.bot_size,
            deadlines,
            opening: BTreeSet::new(),
            again: BTreeSet::new(),
            retry_at: 0,
            contract,
        };
        self.deals.entry(id).or_insert(open);
        self.unopened.insert(id);
    }

    /// One task of the deal is over.
    fn count_out(&mut self, id: DealId) {
        if let Some(open) = self.deals.get_mut(&id) {
            open.left = open.left.saturating_sub(1);
        }
    }

    fn mark(&mut self, task: TaskId) {
        self.touched.insert(task);
        self.dirty.insert(task);
    }
}
